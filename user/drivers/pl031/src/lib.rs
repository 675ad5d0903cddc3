//! The Arm PL031 real-time clock (Arm DDI 0224): seconds since 1970, an alarm, and their calendar date.
//!
//! [`Pl031`] is the device, over a register window; it knows no operating system. [`DateTime`] is arithmetic.
//! The count has 32 bits and wraps in 2106.
#![no_std]
#![forbid(unsafe_code)]

mod date;
mod device;

pub use date::DateTime;
pub use device::{Error, Pl031};
