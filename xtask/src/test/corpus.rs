//! Real device trees, where they are at hand.

use std::path::Path;
use std::time::Instant;

use crate::say::tell;
use crate::summary::Tally;

const NAME: &str = "corpus";

/// Checks the trees in `folder`.
pub(super) fn run(folder: Option<&Path>, tally: &mut Tally) {
    let Some(folder) = folder else {
        tally.skip(NAME, "there is no folder ../shared/corpus; --corpus FOLDER names another");
        return;
    };
    let started = Instant::now();
    let result = crate::corpus::corpus(crate::corpus::CorpusArgs { folder: folder.to_path_buf(), show: 20 });
    if let Err(error) = &result {
        tell(format_args!("error: {error:#}"));
    }
    tally.record(NAME, result.is_ok_and(|code| code == std::process::ExitCode::SUCCESS), started.elapsed());
}
