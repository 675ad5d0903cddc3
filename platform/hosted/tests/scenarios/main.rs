//! Every scenario on the hosted machine, each on a board of its own and reported by its name.
//!
//! A run is the same each time. `JACINTH_SEED=N cargo test -p hosted --test scenarios` makes another one.

mod inside;
mod program;

use abi::Sysno;
use hosted::Config;
use libtest_mimic::{Arguments, Failed, Trial};
use program::Program;
use scenarios::{INSIDE, SCENARIOS, Scenario, System, WAITING};

/// What the kernel's report of a dead program must say: what was done, where, and by which instruction.
const REPORTS: &[(&str, &[&str])] = &[
    ("PHO-025", &["beyond: killed: read from", "beyond its end", "by the instruction at"]),
    ("FLT-J01", &["read from 0xffff000040000000, which no program may touch", "write to 0xffff000040000000"]),
    ("FLT-J02", &["read from 0x1000, where nothing is mapped", "write to 0x8", "execution at 0x0"]),
    ("FLT-J03", &["write to", "in memory mapped r--", "by the instruction at"]),
    ("FLT-J04", &["execution at", "in memory mapped rw-"]),
    ("FLT-J05", &["execution at", "in device memory mapped r--"]),
    ("FLT-J06", &["read from", "write to", "the bus answered with an error (synchronous external abort)"]),
    ("FLT-J07", &["killed: undefined instruction at"]),
    ("FLT-J08", &["killed: made system call", "not through the vDSO"]),
    ("FLT-J10", &["misaligned read from", "in device memory"]),
    ("FLT-J16", &["write to", "in device memory mapped r--", "permission fault, level 3"]),
    (
        "RES-J14",
        &[
            "resource: [0xa000000..0xa000200) is not granted exclusively: the same pages hold \
             /virtio_mmio@a000200 reg[0] [0xa000200..0xa000400), /virtio_mmio@a000400 reg[0]",
            "/virtio_mmio@a000e00 reg[0] [0xa000e00..0xa001000); ask for all of [0xa000000..0xa001000), or share them",
        ],
    ),
    ("HND-026", &["killed: made system call 18446744073709551615, which is none"]),
];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = SCENARIOS.iter().map(|scenario| trial(scenario, 1)).collect();
    // The same with two to four CPUs, which make their steps in an order that a seed decides.
    trials.extend(SCENARIOS.iter().enumerate().map(|(number, scenario)| trial(scenario, 2 + number % 3)));
    trials.extend(INSIDE.iter().map(|line| {
        let test = inside::TESTS.iter().find(|(id, ..)| *id == line.id);
        let (id, title, check) = *test.expect("each line about the inside of the kernel has its test");
        Trial::test(format!("{id} {title}"), move || check().map_err(Failed::from))
    }));
    trials.extend(WAITING.iter().map(|waiting| {
        let name = format!("{} waits for {}", waiting.id, waiting.needs);
        Trial::test(name, || Ok(())).with_ignored_flag(true)
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(scenario: &'static Scenario, cpus: usize) -> Trial {
    let on = if cpus == 1 { String::new() } else { format!(" on {cpus} CPUs") };
    Trial::test(format!("{} {}{on}", scenario.id, scenario.title), move || run(scenario, cpus))
}

/// The machine; `JACINTH_SEED=N` gives it other random numbers, and so other handles and addresses.
fn config() -> Config {
    let standard = Config::default();
    let seed = std::env::var("JACINTH_SEED").ok().and_then(|text| text.parse().ok());
    Config { seed: seed.or(standard.seed), ..standard }
}

/// Runs a scenario and looks at what it leaves behind.
fn run(scenario: &Scenario, cpus: usize) -> Result<(), Failed> {
    let mut program = Program::start(Config { cpus, ..config() });
    let before = program.object_count();
    let lacks = scenario.run(&mut program).map_err(|failure| {
        let console = program.board.machine.take_console();
        Failed::from(format!("{failure}\n{console}"))
    })?;
    if let Some(kind) = lacks {
        return Err(format!("the simulated board has no {kind}").into());
    }
    let console = program.board.machine.take_console();
    for words in REPORTS.iter().filter(|(id, _)| *id == scenario.id).flat_map(|(_, words)| *words) {
        if !console.contains(words) {
            return Err(format!("the console does not say \"{words}\":\n{console}").into());
        }
    }
    let after = settle(&mut program, before);
    if let Err(broken) = program.board.cpu.kernel.check_invariants() {
        return Err(format!("{broken}").into());
    }
    if before != after {
        return Err(format!("objects leak: {before:?} before, {after:?} after").into());
    }
    Ok(())
}

/// Sleeps until as few objects are left as there were before, or no fewer become of it: what is left of
/// dead objects is torn down in pieces, most of them while nobody runs.
fn settle(program: &mut Program, before: Option<usize>) -> Option<usize> {
    let mut last = program.object_count();
    while last != before {
        let soon = program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
        program.call(Sysno::nanosleep, [soon, 0, 0, 0, 0, 0, 0, 0]);
        let now = program.object_count();
        if now == last {
            break;
        }
        last = now;
    }
    last
}
