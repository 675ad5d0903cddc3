//! A driver as it should not be: compiled by the gate's own test, and part of no crate. Of the loop, LLVM makes
//! `str wzr, [x0], #4`.
#![no_std]
#![no_main]

#[inline]
fn clear(registers: *mut u32, count: usize) {
    for index in 0..count {
        // SAFETY: never run.
        unsafe { core::ptr::write_volatile(registers.add(index), 0) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start(registers: *mut u32, count: usize) -> ! {
    clear(registers, count);
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
