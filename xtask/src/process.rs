//! Running other programs: always with the command shown when it fails, and bounded where it can hang.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::say;

/// How long a build may take.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// What a command printed and how it ended.
pub(crate) struct Captured {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Waits for a child for at most `limit`; ends it and returns `None` when the time is over.
pub(crate) fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            // It may have ended in between; either way it is gone after `wait`.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Runs a command with its output on the terminal. Fails when it fails or outlasts `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let line = shown(command);
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    match wait_within(&mut child, limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{line}` failed ({status})"),
        None => bail!("`{line}` was ended after {} s", limit.as_secs()),
    }
}

/// Runs Cargo for a build, and tells what it says.
pub(crate) fn build(command: &mut Command) -> Result<()> {
    if std::io::stderr().is_terminal() {
        command.arg("--color=always");
    }
    let (status, _) = tee(command, BUILD_LIMIT)?;
    let line = shown(command);
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{line}` failed ({status}); its messages are above"),
        None => bail!("`{line}` was ended after {} s", BUILD_LIMIT.as_secs()),
    }
}

/// Runs a short command and returns what it printed.
pub(crate) fn capture(command: &mut Command) -> Result<Captured> {
    let line = shown(command);
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    Ok(Captured {
        status: out.status,
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    })
}

/// Runs a long command, tells its lines as they come, and returns them all.
pub(crate) fn tee(command: &mut Command, limit: Duration) -> Result<(Option<ExitStatus>, Vec<String>)> {
    let line = shown(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    let (sender, receiver) = mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        std::thread::spawn(move || forward_lines(pipe, &sender));
    }
    drop(sender);
    let voice = say::voice();
    let printer = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in receiver {
            voice(&line);
            lines.push(line);
        }
        lines
    });
    let status = wait_within(&mut child, limit)?;
    let lines = printer.join().unwrap_or_default();
    Ok((status, lines))
}

fn forward_lines(pipe: Box<dyn Read + Send>, sender: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        line.clear();
        if sender.send(text).is_err() {
            return;
        }
    }
}

/// The first of `names` that the search path has.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|file| is_executable(file));
    names.iter().find_map(found)
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_can_be_typed() {
        let mut command = Command::new("qemu");
        command.args(["-append", "program=rtc grant=rtc:/pl031@9010000", "it's"]);
        assert_eq!(shown(&command), r"qemu -append 'program=rtc grant=rtc:/pl031@9010000' 'it'\''s'");
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let started = Instant::now();
        let error = run_within(Command::new("sleep").arg("30"), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("`sleep 30` was ended after"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run_within(&mut Command::new("false"), Duration::from_secs(5)).unwrap_err();
        assert!(error.to_string().starts_with("`false` failed"), "{error}");
    }

    #[test]
    fn tee_returns_both_streams() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2"]);
        let (status, mut lines) = tee(&mut command, Duration::from_secs(5)).unwrap();
        lines.sort();
        assert!(status.unwrap().success());
        assert_eq!(lines, ["one", "two"]);
    }
}
