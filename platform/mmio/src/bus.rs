//! A device that is a test's own code.

/// What stands behind a [`Window`](crate::Window) on a development machine.
///
/// Offsets count from the window's start; `width` is in bytes: 1, 2, 4 or 8. Values wider than `width`
/// never occur.
pub trait Bus {
    /// The driver reads a register.
    fn read(&self, offset: usize, width: usize) -> u64;

    /// The driver writes a register.
    fn write(&self, offset: usize, width: usize, value: u64);
}
