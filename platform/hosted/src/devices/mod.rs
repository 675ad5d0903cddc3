//! Simulated devices: as much of each as programs in tests look at.

mod flash;
mod memory;
mod pl031;

pub use flash::Flash;
pub use memory::Memory;
pub use pl031::{Pl031, TimeKnob};
