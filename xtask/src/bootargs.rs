//! The boot arguments: `key=value` words in /chosen/bootargs.

/// Asks the kernel to leave QEMU by a semihosting call, so that QEMU's exit status is init's.
const SEMIHOSTING: &str = "semihosting";

/// Joins the boot arguments: the programs named on the command line, each with every one of `grants`, or else
/// `default`, the board's; then `append`.
///
/// The default steps back for any `program=` in `append`, too.
pub(crate) fn compose(
    default: &str,
    programs: &[String],
    grants: &[String],
    append: &[String],
    semihosting: bool,
) -> String {
    let mut words: Vec<String> = programs.iter().map(|name| format!("program={name}")).collect();
    for name in programs {
        words.extend(grants.iter().map(|grant| format!("grant={name}:{grant}")));
    }
    let appended = || append.iter().flat_map(|text| text.split_whitespace());
    if programs.is_empty() && !appended().any(|word| word.starts_with("program=")) {
        words.extend(default.split_whitespace().map(str::to_owned));
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

    const CLOCK: &str = "program=rtc grant=rtc:/clock";

    #[test]
    fn the_default_is_the_boards() {
        assert_eq!(compose(CLOCK, &[], &[], &[], true), "program=rtc grant=rtc:/clock semihosting");
        assert_eq!(
            compose(CLOCK, &[], &[], &strings(&["log=debug"]), false),
            "program=rtc grant=rtc:/clock log=debug"
        );
        assert_eq!(compose("", &[], &[], &[], true), "semihosting");
    }

    #[test]
    fn named_programs_replace_the_default() {
        let args =
            compose(CLOCK, &strings(&["hello", "world"]), &[], &strings(&["grant=hello:roots  test"]), false);
        assert_eq!(args, "program=hello program=world grant=hello:roots test");
    }

    #[test]
    fn an_appended_program_replaces_the_default() {
        assert_eq!(compose(CLOCK, &[], &[], &strings(&["program=shell"]), false), "program=shell");
    }

    #[test]
    fn every_named_program_gets_the_grants() {
        let grants = strings(&["roots", "/pl031@9010000"]);
        assert_eq!(
            compose(CLOCK, &strings(&["a", "b"]), &grants, &[], false),
            "program=a program=b grant=a:roots grant=a:/pl031@9010000 grant=b:roots grant=b:/pl031@9010000"
        );
    }
}
