//! The README's transcript is what the machine prints: each of its lines, in order, but for numbers.

/// Starts the transcript in the README; the next fenced block is it.
const MARK: &str = "<!-- transcript:";

/// Why the README's transcript is not what the console showed; `None` if it is.
pub(super) fn missing(console: &[String]) -> Option<String> {
    let path = crate::paths::root().join("README.md");
    let readme = match std::fs::read_to_string(&path) {
        Ok(readme) => readme,
        Err(error) => return Some(format!("{}: {error}", crate::paths::shown(&path))),
    };
    let line = first_missing(&readme, &console.join("\n"))?;
    Some(format!("the README's transcript promises a line that the console lacks: {line}"))
}

/// The first line of the README's transcript that `log` lacks; `None` if it has all of them in order.
///
/// Words with a digit in them stand for any such word, `...` for any lines, and spaces do not count.
pub(super) fn first_missing<'r>(readme: &'r str, log: &str) -> Option<&'r str> {
    let mut printed = log.lines().map(shape);
    transcript(readme).filter(|line| line.trim() != "...").find(|line| {
        let wanted = shape(line);
        !printed.by_ref().any(|line| line == wanted)
    })
}

/// The lines of the transcript; a README without one has none, which [`tests`] refuse.
fn transcript(readme: &str) -> impl Iterator<Item = &str> {
    let block =
        readme.split_once(MARK).and_then(|(_, rest)| rest.split_once("```text\n")).map(|(_, block)| block);
    block.unwrap_or_default().lines().take_while(|line| *line != "```")
}

/// A line with `#` for each word that has a digit in it.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for part in line.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        shape.push_str(if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
        shape.extend(part.get(word.len()..).unwrap_or_default().chars().filter(|c| !c.is_whitespace()));
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str =
        "# Title\n<!-- transcript: x -->\n```text\n[ 0.1] a: at 0x9010000\n...\nb ends\n```\nafter\n";

    #[test]
    fn lines_are_found_in_order_whatever_their_numbers() {
        assert_eq!(first_missing(README, "[   12.5] a: at 0xfe00\nmore\nb ends\n"), None);
        assert_eq!(first_missing(README, "b ends\n[   12.5] a: at 0xfe00\n"), Some("b ends"));
        assert_eq!(first_missing(README, "[ 1.5] a: off 0xfe00\nb ends"), Some("[ 0.1] a: at 0x9010000"));
    }

    #[test]
    fn the_readme_has_a_transcript() {
        let readme =
            std::fs::read_to_string(crate::paths::root().join("README.md")).expect("the README is there");
        assert!(transcript(&readme).count() > 5);
    }
}
