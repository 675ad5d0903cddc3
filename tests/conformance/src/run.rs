//! The run: one line a scenario, and a count.
#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;

use scenarios::{INSIDE, SCENARIOS, WAITING};
use zx::println;

use crate::program::Program;

/// Runs what the arguments pick; the status is 1 if a scenario failed.
pub(crate) fn run(startup: zx::Startup) -> Result<i64, Box<dyn Error>> {
    let words = startup.args().iter();
    let filters: Vec<String> =
        words.filter_map(|word| word.strip_prefix("filter=")).map(String::from).collect();
    let picked = |id: &str| filters.is_empty() || filters.iter().any(|text| id.contains(text.as_str()));
    let mut program = Program::new(startup)?;
    let (mut passed, mut failed, mut waiting) = (0, 0, 0);
    for scenario in SCENARIOS.iter().filter(|scenario| picked(scenario.id)) {
        match scenario.run(&mut program) {
            Ok(Some(kind)) => {
                waiting += 1;
                println!(
                    "test {} {} ... waiting for {kind}, which this board does not have",
                    scenario.id, scenario.title
                );
            }
            Ok(None) => {
                passed += 1;
                println!("test {} {} ... ok", scenario.id, scenario.title);
            }
            Err(failure) => {
                failed += 1;
                println!("test {} {} ... FAILED: {failure}", scenario.id, scenario.title);
            }
        }
    }
    for line in WAITING.iter().chain(INSIDE).filter(|line| picked(line.id)) {
        waiting += 1;
        println!("test {} ... waiting for {}", line.id, line.needs);
    }
    println!("{passed} passed, {failed} failed, {waiting} waiting");
    Ok(i64::from(failed > 0))
}
