//! The boot arguments' words.
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a program is to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant<'a> {
    /// The job, the ranged roots, the boot file system, the vDSO and the device table.
    Roots,
    /// The windows and interrupts of the node with this path.
    Device(&'a str),
}

/// A program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// Its name in the boot file system.
    pub name: &'a str,
    /// What it is to be given, in the order of the words.
    pub grants: Vec<Grant<'a>>,
}

/// What the boot arguments ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest<'a> {
    /// The programs, in the order in which they start.
    pub programs: Vec<Program<'a>>,
    /// The words that are neither `program=` nor `grant=`. Every program gets them as its arguments.
    pub others: Vec<&'a str>,
    /// What cannot be meant, in words for the log.
    pub mistakes: Vec<String>,
}

impl<'a> Manifest<'a> {
    /// Reads the words. A mistake is noted and left out.
    pub fn new(words: impl Iterator<Item = &'a str>) -> Self {
        let mut manifest = Self::default();
        let mut grants = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some(("program", name)) if !name.is_empty() => {
                    manifest.programs.push(Program { name, grants: Vec::new() });
                }
                Some(("grant", grant)) => grants.push((word, grant)),
                Some(("program", _)) => manifest.mistake(word, "no program is named: program=NAME"),
                _ => manifest.others.push(word),
            }
        }
        // Only now, because a grant may come before its program.
        for (word, grant) in grants {
            manifest.add_grant(word, grant);
        }
        manifest
    }

    fn add_grant(&mut self, word: &str, grant: &'a str) {
        let Some((name, what)) = grant.split_once(':') else {
            return self.mistake(word, "it has no colon: grant=NAME:/node/path or grant=NAME:roots");
        };
        let grant = match what {
            "roots" => Grant::Roots,
            path if path.starts_with('/') => Grant::Device(path),
            _ => return self.mistake(word, "after the colon comes /node/path or roots"),
        };
        if !self.programs.iter().any(|program| program.name == name) {
            return self.mistake(word, &format!("{name} is not started: add program={name}"));
        }
        for program in self.programs.iter_mut().filter(|program| program.name == name) {
            if !program.grants.contains(&grant) {
                program.grants.push(grant);
            }
        }
    }

    fn mistake(&mut self, word: &str, why: &str) {
        self.mistakes.push(format!("boot argument {word} is ignored: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Manifest<'_> {
        Manifest::new(words.split_whitespace())
    }

    #[test]
    fn programs_and_their_grants() {
        let manifest =
            read("grant=rtc:/pl031@9010000 program=rtc log=debug program=shell grant=shell:roots test");
        let [rtc, shell] = &manifest.programs[..] else { panic!("{manifest:?}") };
        assert_eq!((rtc.name, &rtc.grants[..]), ("rtc", &[Grant::Device("/pl031@9010000")][..]));
        assert_eq!((shell.name, &shell.grants[..]), ("shell", &[Grant::Roots][..]));
        assert_eq!(manifest.others, ["log=debug", "test"]);
        assert!(manifest.mistakes.is_empty());
    }

    #[test]
    fn a_device_is_given_once() {
        let manifest = read("program=a grant=a:/x grant=a:/x grant=a:/y");
        assert_eq!(manifest.programs[0].grants, [Grant::Device("/x"), Grant::Device("/y")]);
    }

    #[test]
    fn two_of_a_name_get_the_same() {
        let manifest = read("program=a program=a grant=a:roots");
        assert_eq!(manifest.programs.len(), 2);
        assert_eq!(manifest.programs[0], manifest.programs[1]);
    }

    #[test]
    fn a_mistake_says_what_is_meant() {
        for (words, why) in [
            ("program=", "no program is named: program=NAME"),
            ("grant=rtc", "it has no colon: grant=NAME:/node/path or grant=NAME:roots"),
            ("program=rtc grant=rtc:pl031", "after the colon comes /node/path or roots"),
            ("grant=rtc:/pl031", "rtc is not started: add program=rtc"),
        ] {
            let manifest = read(words);
            let word = words.split_whitespace().last().unwrap();
            assert_eq!(manifest.mistakes, [format!("boot argument {word} is ignored: {why}")]);
        }
    }
}
