//! Runs the scenarios at EL0.
#![no_std]
#![no_main]

zx::main!(run);

fn run(_: zx::Startup) {
    zx::println!("no scenario yet");
}
