//! Prints the date that the real-time clock tells. It is given nothing but the clock's window.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;
use core::error::Error;

use pl031::{DateTime, Pl031};
use zx::abi::processargs::USER_WINDOW;

zx::main!(run);

fn run(mut startup: zx::Startup) -> Result<(), Box<dyn Error>> {
    let window = zx::mmio::Window::map(&startup.take(USER_WINDOW, 0)?)?;
    let seconds = Pl031::new(window.registers())?.seconds();
    defmt::info!("the clock counts {=u32} s", seconds);
    zx::println!("{}", DateTime::from_unix(seconds.into()));
    Ok(())
}
