//! The unit tests of what runs on the development machine, interpreted: undefined behaviour is a failure there, of ours
//! or of a crate's.

use std::time::Duration;

use anyhow::Result;

use crate::paths;
use crate::setup::Toolchain;
use crate::summary::Tally;

use super::host;

/// What is interpreted, by package: the tests whose names contain one of these, all if there is none. The kernel's logic
/// is safe Rust over crates that are not; the pool of frames is ours and is not. Tests that go through hundreds of
/// thousands of steps are left to the machine itself: an interpreted one takes a thousand times as long.
const PACKAGES: [(&str, &[&str]); 6] = [
    ("abi", &[]),
    ("devicetree", &[]),
    ("ledger", &[]),
    ("slots", &[]),
    (
        "kernel",
        &[
            "list::",
            "queue::",
            "steps::",
            "memory::pages",
            "memory::types",
            "fault::",
            "draining",
            "bad_handle",
        ],
    ),
    (
        "aarch64",
        &[
            "descriptor::",
            "a_chunk_has",
            "a_page_that",
            "a_run_finds",
            "a_run_is_contiguous",
            "distant_banks",
        ],
    ),
];
/// Cases of a property test.
const CASES: &str = "2";
/// How long a package may take: it is an interpreter.
const LIMIT: Duration = Duration::from_secs(900);

/// Interprets the unit tests.
pub(super) fn run(tally: &mut Tally) -> Result<()> {
    for (package, names) in PACKAGES {
        let mut tests = match Toolchain::miri() {
            Ok(command) => command,
            Err(why) => {
                tally.skip("miri", &why);
                return Ok(());
            }
        };
        tests.args(["test", "--quiet", "--no-fail-fast", "--lib", "-p", package, "--"]).args(names);
        // Property tests ask for the folder that they are in, and for the time; some memory is leaked on purpose.
        tests.env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-permissive-provenance -Zmiri-ignore-leaks");
        tests.env("PROPTEST_CASES", CASES).env("CARGO_TARGET_DIR", paths::target_dir().join("miri"));
        host::runner(&format!("miri {package}"), &mut tests, LIMIT, tally)?;
    }
    Ok(())
}
