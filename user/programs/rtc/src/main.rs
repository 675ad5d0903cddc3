//! Prints the date that the real-time clock tells.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

zx::main!(run);

fn run(startup: zx::Startup) {
    zx::println!("hello {:?}", startup.args());
    defmt::info!("hello {=u32}", 5);
}
