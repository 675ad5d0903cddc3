//! The boot arguments: `key=value` words in /chosen/bootargs.

/// What `run` boots with when nobody says otherwise: the clock driver with the clock's window.
pub(crate) const DEFAULT: &str = "program=rtc grant=rtc:/pl031@9010000";

/// Asks the kernel to leave QEMU by a semihosting call, so that QEMU's exit status is init's.
const SEMIHOSTING: &str = "semihosting";

/// Joins the boot arguments: the programs named on the command line or else the default, then `append`.
///
/// The default steps back for any `program=` in `append`, too.
pub(crate) fn compose(programs: &[String], append: &[String], semihosting: bool) -> String {
    let mut words: Vec<String> = programs.iter().map(|name| format!("program={name}")).collect();
    let appended = || append.iter().flat_map(|text| text.split_whitespace());
    if programs.is_empty() && !appended().any(|word| word.starts_with("program=")) {
        words.extend(DEFAULT.split(' ').map(str::to_owned));
    }
    words.extend(appended().map(str::to_owned));
    if semihosting {
        words.push(SEMIHOSTING.to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_default_is_the_clock() {
        assert_eq!(compose(&[], &[], true), "program=rtc grant=rtc:/pl031@9010000 semihosting");
        assert_eq!(
            compose(&[], &strings(&["log=debug"]), false),
            "program=rtc grant=rtc:/pl031@9010000 log=debug"
        );
    }

    #[test]
    fn named_programs_replace_the_default() {
        let args = compose(&strings(&["hello", "world"]), &strings(&["grant=hello:roots  test"]), false);
        assert_eq!(args, "program=hello program=world grant=hello:roots test");
    }

    #[test]
    fn an_appended_program_replaces_the_default() {
        assert_eq!(compose(&[], &strings(&["program=shell"]), false), "program=shell");
    }
}
