//! Every scenario on the hosted machine, each on a board of its own and reported by its name.

mod program;

use abi::Sysno;
use hosted::Config;
use libtest_mimic::{Arguments, Failed, Trial};
use program::Program;
use scenarios::{SCENARIOS, Scenario, System, WAITING};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = SCENARIOS.iter().map(trial).collect();
    trials.extend(WAITING.iter().map(|waiting| {
        let name = format!("{} waits for {}", waiting.id, waiting.needs);
        Trial::test(name, || Ok(())).with_ignored_flag(true)
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(scenario: &'static Scenario) -> Trial {
    Trial::test(format!("{} {}", scenario.id, scenario.title), move || run(scenario))
}

/// Runs a scenario and looks at what it leaves behind.
fn run(scenario: &Scenario) -> Result<(), Failed> {
    let mut program = Program::start(Config::default());
    let before = program.object_count();
    scenario.run(&mut program).map_err(|failure| {
        let console = program.board.machine.take_console();
        Failed::from(format!("{failure}\n{console}"))
    })?;
    let after = settle(&mut program, before);
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
