//! `docs/c-programs.md`: its programs, compiled and run with the options of its commands; its output is promised.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::build::Artifacts;
use crate::c as compiler;
use crate::paths::{out_dir, root};

/// What the page says, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// Name and text of each source.
    sources: Vec<(String, String)>,
    /// The boot arguments that the commands mean.
    arguments: Vec<String>,
    /// The lines that are shown.
    output: Vec<String>,
}

/// The programs, and the boot arguments with which all of them start in one boot.
pub(super) fn build(artifacts: &Artifacts) -> Result<super::Work> {
    let page = read(&text()?)?;
    let folder = out_dir().join("c/page");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for (name, text) in &page.sources {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        files.push(file);
    }
    let compiled = compiler::compile(&files)?.context("docs/c-programs.md has no programs")?;
    Ok((compiled.link(artifacts)?, format!("{} semihosting", page.arguments.join(" "))))
}

/// The first line that the page promises and the machine did not show.
pub(super) fn missing(transcript: &[String]) -> Option<String> {
    let page = text().and_then(|text| read(&text));
    let page = match page {
        Ok(page) => page,
        Err(error) => return Some(format!("{error:#}")),
    };
    // Programs that run side by side mix their lines: the order is not promised.
    let lost =
        page.output.iter().find(|line| !transcript.iter().any(|shown| shown.ends_with(line.as_str())))?;
    Some(format!("docs/c-programs.md promises a line that the console lacks: {lost}"))
}

fn text() -> Result<String> {
    let path = root().join("docs/c-programs.md");
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn read(text: &str) -> Result<Page> {
    let mut page = Page::default();
    for (kind, block) in blocks(text) {
        match kind {
            "c" => {
                let name =
                    block.lines().next().and_then(|line| line.strip_prefix("/* ")?.strip_suffix(" */"));
                let name =
                    name.context("a program of docs/c-programs.md does not begin with its file's name")?;
                page.sources.push((name.to_owned(), block.to_owned()));
            }
            "sh" => page.arguments.extend(block.lines().flat_map(arguments)),
            "text" => page.output.extend(block.lines().map(str::to_owned)),
            _ => {}
        }
    }
    ensure!(
        page.arguments.len() >= page.sources.len(),
        "docs/c-programs.md does not say how its programs start"
    );
    Ok(page)
}

/// The fenced blocks: the word after the fence, and the lines.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
}

/// The boot arguments of `cargo xtask run --program NAME.c --grant WHAT`.
fn arguments(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |option: &'static str| {
        words.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1].trim_end_matches(".c"))
    };
    let grants = |name: &str| after("--grant").map(|what| format!("grant={name}:{what}")).collect::<Vec<_>>();
    after("--program")
        .flat_map(|name| std::iter::once(format!("program={name}")).chain(grants(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_read() {
        let page = read(&text().unwrap()).unwrap();
        let names: Vec<&str> = page.sources.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["hello.c", "clock.c", "driver.c"]);
        assert_eq!(
            page.arguments,
            [
                "program=hello",
                "program=clock",
                "grant=clock:roots",
                "program=driver",
                "grant=driver:/pl031@9010000"
            ]
        );
        assert!(page.output.len() >= 8 && page.sources.iter().all(|(_, text)| text.contains("int main(")));
    }

    #[test]
    fn a_line_that_is_not_shown_is_named() {
        let page = read(&text().unwrap()).unwrap();
        let mut shown: Vec<String> = page.output.iter().map(|line| format!("[    0.1] {line}")).collect();
        assert_eq!(missing(&shown), None);
        let lost = shown.pop().unwrap();
        assert!(missing(&shown).is_some_and(|why| {
            lost.ends_with(why.split(": ").skip(1).collect::<Vec<_>>().join(": ").as_str())
        }));
    }
}
