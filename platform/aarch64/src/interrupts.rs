//! stub
use kernel::ports::Event;
pub(crate) fn take() -> Option<Event> {
    None
}
