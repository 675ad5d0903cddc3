//! The task runner: `cargo xtask VERB`. One file for each verb, helpers beside them.
//!
//! What a verb needs is made sure of first (`setup`), so that two commands on a new machine are enough.
#![forbid(unsafe_code)]

mod boot;
mod bootargs;
mod bootfs;
mod build;
mod image;
mod log;
mod paths;
mod process;
mod qemu;
mod run;
mod say;
mod scratch;
mod screen;
mod session;
mod setup;
mod symbolise;
mod vdso;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and tests Jacinth.
///
/// Start with `cargo xtask run`: it installs what is missing, builds everything and boots it in QEMU.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Build(build::BuildArgs),
    Run(run::RunArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Build(args) => build::run(&args),
        Verb::Run(args) => run::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
