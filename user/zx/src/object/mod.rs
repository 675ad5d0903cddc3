//! One file for each type of kernel object.
mod channel;
mod debuglog;
mod event;
mod port;
mod resource;
mod task;
mod vmar;
mod vmo;

pub use channel::{Channel, Message};
pub use debuglog::Debuglog;
pub use event::Event;
pub use port::{Packet, Port};
pub use resource::Resource;
pub use task::{Job, Process, Thread, kill};
pub use vmar::{Part, Vmar};
pub use vmo::Vmo;
