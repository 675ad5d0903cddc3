//! The boot arguments: `key=value` words in `/chosen/bootargs`.
#![forbid(unsafe_code)]

use aarch64::log::Level;
use aarch64::panic::Trial;

/// Words that the first process reads, not the kernel.
const FOR_INIT: [&str; 4] = ["program", "grant", "rounds", "filter"];

/// What the kernel takes from the boot arguments.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    /// All of them, as they came.
    pub text: &'a str,
    /// `console=`: the path or alias of the UART to use.
    pub console: Option<&'a str>,
    /// `log=`: the least important messages to send.
    pub log: Level,
    /// `test`: hooks for tests answer.
    pub test: bool,
    /// `unmeasured`, together with `test`: how long the CPUs wait for the kernel and hold it is not measured.
    pub unmeasured: bool,
    /// `fail=`, together with `test`: how the kernel shall fail once it has booted.
    pub fail: Option<Trial>,
    /// `patience=`, together with `test`: milliseconds that a CPU may stay in the kernel, if that is less than usual.
    pub patience: Option<u64>,
    /// `semihosting`: the machine may be left that way.
    pub semihosting: bool,
}

impl<'a> Arguments<'a> {
    /// Reads the words; the last of two equal keys counts.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut arguments = Self {
            text,
            console: None,
            log: Level::Info,
            test: false,
            unmeasured: false,
            fail: None,
            patience: None,
            semihosting: false,
        };
        for word in text.split_ascii_whitespace() {
            match word.split_once('=') {
                Some(("console", path)) => arguments.console = Some(path),
                Some(("log", name)) => arguments.log = level(name).unwrap_or(arguments.log),
                Some(("fail", name)) => arguments.fail = trial(name),
                Some(("patience", time)) => arguments.patience = time.parse().ok(),
                None if word == "test" => arguments.test = true,
                None if word == "unmeasured" => arguments.unmeasured = true,
                None if word == "semihosting" => arguments.semihosting = true,
                _ => {}
            }
        }
        arguments
    }

    /// Words that nobody understands.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &'a str> {
        self.text.split_ascii_whitespace().filter(|word| match word.split_once('=') {
            // `host=` is for the layer below this kernel, when there is one.
            Some(("console" | "host", _)) => false,
            Some(("log", name)) => level(name).is_none(),
            Some(("fail", name)) => trial(name).is_none() || !self.test,
            Some(("patience", time)) => time.parse::<u64>().is_err() || !self.test,
            Some((key, _)) => !FOR_INIT.contains(&key),
            None if *word == "unmeasured" => !self.test,
            None => !matches!(*word, "test" | "semihosting"),
        })
    }
}

fn level(name: &str) -> Option<Level> {
    match name {
        "trace" => Some(Level::Trace),
        "debug" => Some(Level::Debug),
        "info" => Some(Level::Info),
        "warn" => Some(Level::Warn),
        "error" => Some(Level::Error),
        _ => None,
    }
}

fn trial(name: &str) -> Option<Trial> {
    match name {
        "panic" => Some(Trial::Panic),
        "nested" => Some(Trial::Nested),
        "abort" => Some(Trial::Abort),
        "overflow" => Some(Trial::Overflow),
        "everywhere" => Some(Trial::Everywhere),
        "stuck" => Some(Trial::Stuck),
        "deaf" => Some(Trial::Deaf),
        "reset" => Some(Trial::Reset),
        _ => None,
    }
}
