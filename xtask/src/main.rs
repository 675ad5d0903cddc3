//! The task runner: `cargo xtask VERB`. One file for each verb, helpers beside them.
//!
//! What a verb needs is made sure of first (`setup`), so that two commands on a new machine are enough.
#![forbid(unsafe_code)]

mod abreast;
mod bench;
#[cfg(test)]
mod bindings;
mod board;
mod boards;
mod boot;
mod bootargs;
mod bootfs;
mod build;
mod c;
mod corpus;
mod debug;
mod devmap;
mod dts;
mod dump;
mod image;
mod log;
mod paths;
mod process;
mod qemu;
mod qemu_test;
mod report;
mod run;
mod say;
mod scratch;
mod screen;
mod session;
mod setup;
#[cfg(test)]
mod soundness;
mod stop;
mod summary;
mod symbolise;
mod test;
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
    Test(test::TestArgs),
    QemuTest(qemu_test::QemuTestArgs),
    Debug(debug::DebugArgs),
    Bench(bench::BenchArgs),
    /// Write docs/boards.md, which says what was tried where, from the table of QEMU tests
    ///
    /// A host test fails when the page differs from the table; this mends it.
    Boards,
    Dump(dump::DumpArgs),
    /// Print what the kernel would make of device trees: windows, their fates, classes and groups
    ///
    /// Links the crates that the kernel links, so a bad tree is found at the desk. The exit status is 1 if a
    /// tree is bad; the message names the node and the property that break a rule of the specification.
    #[command(after_help = "Examples:
  qemu-system-aarch64 -M virt,dumpdtb=virt.dtb && cargo xtask devmap virt.dtb
  cargo xtask devmap --verbose virt.dtb
  cargo xtask devmap --json boards/ > boards.jsonl")]
    Devmap(devmap::DevmapArgs),
    /// Check real device trees against what they are known to mean
    ///
    /// Finds windows, interrupts and PCI ranges of every tree with the kernel's own crate, and compares them
    /// with what an independent translator found. The exit status is 1 if one differs. When it fails: each
    /// difference names its tree; `cargo xtask devmap --verbose TREE.dtb` shows that tree as a whole.
    #[command(after_help = "Example:
  cargo xtask corpus ../shared/corpus")]
    Corpus(corpus::CorpusArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Build(args) => build::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Test(args) => test::run(&args),
        Verb::QemuTest(args) => qemu_test::run(&args),
        Verb::Debug(args) => debug::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Boards => boards::run(),
        Verb::Dump(args) => dump::run(&args),
        Verb::Devmap(args) => devmap::devmap(args),
        Verb::Corpus(args) => corpus::corpus(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
