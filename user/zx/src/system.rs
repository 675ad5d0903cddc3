//! What the vDSO knows of the machine. None of these enters the kernel.
use abi::status::Result;

use crate::raw;

/// CPUs.
pub fn num_cpus() -> u32 {
    // SAFETY: no argument.
    unsafe { raw::zx_system_get_num_cpus() }
}

/// Bytes in a page.
pub fn page_size() -> u32 {
    // SAFETY: no argument.
    unsafe { raw::zx_system_get_page_size() }
}

/// Bytes of RAM.
pub fn physmem() -> u64 {
    // SAFETY: no argument.
    unsafe { raw::zx_system_get_physmem() }
}

/// Bytes in the smallest data cache line.
pub fn dcache_line_size() -> u32 {
    // SAFETY: no argument.
    unsafe { raw::zx_system_get_dcache_line_size() }
}

/// The kernel's version.
pub fn version() -> &'static str {
    // SAFETY: the text is in the vDSO's constants page, NUL-terminated, and stays as it is.
    let text = unsafe { core::ffi::CStr::from_ptr(raw::zx_system_get_version_string().cast()) };
    text.to_str().unwrap_or_default()
}

/// Fills a slice with random bytes from the kernel.
pub fn random(bytes: &mut [u8]) {
    // SAFETY: the slice is valid for writes of its length.
    unsafe { raw::zx_cprng_draw(bytes.as_mut_ptr(), bytes.len()) }
}

/// Writes bytes to the serial console as they are, past the log.
///
/// # Errors
/// As `zx_debug_write` says.
pub fn debug_write(bytes: &[u8]) -> Result {
    // SAFETY: the bytes are valid for reads of their length.
    unsafe { raw::zx_debug_write(bytes.as_ptr(), bytes.len()) }.ok()
}
