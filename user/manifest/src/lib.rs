//! What the boot arguments ask for, resolved against the device table.
//!
//! ```text
//! program=NAME              starts NAME from the boot file system; repeatable
//! grant=NAME:/node/path     gives NAME the windows and interrupts of a device; repeatable
//! grant=NAME:roots          gives NAME what init itself was given, single windows apart
//! ```
//! Nothing here enters the kernel.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod arguments;
mod device;
mod nearest;

pub use arguments::{Grant, Manifest, Program};
pub use device::{Device, Refusal, Share, resolve};
