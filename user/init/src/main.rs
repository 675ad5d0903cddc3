//! The first process: starts the programs that the boot arguments name, each with just what it is granted, and
//! reports how each ended.
//!
//! Its own status is the first that is not 0 among those of the programs. A program that cannot be started
//! counts with [`zx::FAILURE_STATUS`].
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod give;
mod wait;

use alloc::string::String;
use alloc::vec::Vec;

use manifest::Manifest;
use zx::println;

use give::Supply;
use wait::Running;

zx::main!(run);

fn run(startup: zx::Startup) -> i64 {
    let words = startup.args().to_vec();
    let manifest = Manifest::new(words.iter().map(String::as_str));
    manifest.mistakes.iter().for_each(|mistake| println!("{mistake}"));
    let supply = match Supply::new(startup) {
        Ok(supply) => supply,
        Err(error) => {
            println!("cannot start programs: {error}");
            return zx::FAILURE_STATUS;
        }
    };
    if manifest.programs.is_empty() {
        println!("nothing to start: add program=NAME to the boot arguments. There are {}", supply.names());
        return 0;
    }
    let mut status = 0;
    let mut running = Vec::new();
    for program in &manifest.programs {
        match supply.start(program, &manifest.others) {
            Ok(process) => running.push(Running::new(program.name, process)),
            Err(error) => {
                println!("cannot start {}: {error}", program.name);
                status = zx::FAILURE_STATUS;
            }
        }
    }
    match wait::for_all(running) {
        0 => status,
        ended if status == 0 => ended,
        _ => status,
    }
}
