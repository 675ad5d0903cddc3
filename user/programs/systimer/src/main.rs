//! Holds a Raspberry Pi's system timer against the kernel's clock. It is given nothing but the timer's window.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;
use core::error::Error;

use bcm2835_timer::SystemTimer;
use zx::abi::processargs::USER_WINDOW;

zx::main!(run);

/// How long both clocks are watched.
const SPAN: i64 = 20_000_000;

fn run(mut startup: zx::Startup) -> Result<(), Box<dyn Error>> {
    let window = zx::mmio::Window::map(&startup.take(USER_WINDOW, 0)?)?;
    let timer = SystemTimer::new(window.registers())?;
    let (start, before) = (timer.microseconds(), zx::time::now());
    zx::println!("the board has been on for {}.{:06} s", start / 1_000_000, start % 1_000_000);
    zx::time::sleep_until(before + SPAN);
    let (end, after) = (timer.microseconds(), zx::time::now());
    let (device, kernel) = (end - start, (after - before) / 1000);
    zx::println!("{kernel} us by the kernel's clock are {device} us by the system timer");
    Ok(())
}
