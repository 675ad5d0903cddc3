//! The log that arrives on the second serial port: frames on the wire, then defmt inside them.

mod decode;
mod frames;

pub(crate) use decode::{Decoder, full_build_id};
pub(crate) use frames::{Frame, Frames, Item};
