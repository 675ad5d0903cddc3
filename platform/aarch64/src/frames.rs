//! stub
pub(crate) fn take_run(_: usize) -> Option<(u64, usize)> {
    None
}
