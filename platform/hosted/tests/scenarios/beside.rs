//! Threads of the driven program that go through scripts of their own meanwhile, on one to four CPUs.
//!
//! They do what changes nothing that a model knows, over and over: what the driven thread sees must be the same as if
//! they were not there. A case says how many CPUs there are, the seed of their order, and what each thread does, so
//! that all of it shrinks and is kept with the case.

use std::ops::RangeInclusive;

use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::{Handle, PAGE_SIZE, Signals, Sysno, VirtAddr};
use hosted::Config;
use proptest::prelude::*;
use scenarios::System;
use scenarios::agent::{Arg, Do, HEADER, MAX_STEPS, STEP, STEP_ARGS, Step};

use crate::program::Program;

/// Threads beside the driven one.
const OTHERS: RangeInclusive<usize> = 0..=3;
/// Where a script is put together in the program's scratch memory.
const DRAFT: u64 = 0x2000;
const RW: u64 = (PERM_READ | PERM_WRITE) as u64;

/// The machine of a case, and what goes on beside the driven thread.
#[derive(Clone, Debug)]
pub(crate) struct Beside<T> {
    pub(crate) cpus: usize,
    /// What the order of their steps is drawn from.
    pub(crate) seed: u64,
    /// What each of the other threads does, again and again.
    pub(crate) others: Vec<Vec<T>>,
}

/// Threads that do such tasks, as many at a time as fit into a script.
pub(crate) fn beside<T: Clone + std::fmt::Debug>(
    task: impl Strategy<Value = T>,
    tasks: usize,
) -> impl Strategy<Value = Beside<T>> {
    let others = prop::collection::vec(prop::collection::vec(task, 1..=tasks), OTHERS);
    (1..=4_usize, any::<u64>(), others).prop_map(|(cpus, seed, others)| Beside { cpus, seed, others })
}

impl<T> Beside<T> {
    pub(crate) fn config(&self) -> Config {
        // A counter so slow that a slice is a thousand instructions.
        let ticks_per_second = 1_600_000;
        Config { cpus: self.cpus, seed: Some(self.seed), ticks_per_second, ..Config::default() }
    }

    /// Starts the threads. `add` puts a task's steps into a script.
    pub(crate) fn start(&self, program: &mut Program, add: impl Fn(&mut Script, &T)) -> Others {
        let mut others = Others { agent_at: 0, threads: Vec::new() };
        if self.others.is_empty() {
            return others;
        }
        let (agent, offset) = program.world().agent;
        let code = u64::from(PERM_READ | PERM_EXECUTE);
        others.agent_at = map(program, code, agent, offset);
        for tasks in &self.others {
            let mut script = Script(Vec::new());
            tasks.iter().for_each(|task| add(&mut script, task));
            script.0.push(Step::again(0));
            others.start(program, &script.0);
        }
        others
    }
}

/// The steps of a thread, as they come together.
pub(crate) struct Script(Vec<Step>);

impl Script {
    /// The number of the step that comes next.
    pub(crate) fn next(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn call(&mut self, sysno: Sysno, first: &[Arg]) {
        self.0.push(Step::call(sysno, first));
    }

    /// What is at `from` in the script's page is copied to `to` in it.
    pub(crate) fn copy(&mut self, from: u64, to: u64) {
        self.0.push(Step::new(Do::Copy, &[Arg::Script(from), Arg::Script(to)]));
    }

    /// What is at `from` in the script's page becomes argument `n` of the step that comes `ahead` steps after this.
    pub(crate) fn give(&mut self, from: u64, ahead: u64, n: u64) {
        let to = HEADER + (self.next() + ahead) * STEP + STEP_ARGS + n * 8;
        self.copy(from, to);
    }
}

/// Threads that run beside the driven one.
pub(crate) struct Others {
    agent_at: u64,
    threads: Vec<Other>,
}

/// One of them.
struct Other {
    thread: Handle,
    /// Its script's VMO, and where that is.
    vmo: Handle,
    at: u64,
    /// The step that goes back to the first.
    last: u64,
}

impl Others {
    fn start(&mut self, program: &mut Program, steps: &[Step]) {
        assert!(steps.len() <= MAX_STEPS, "{} steps do not fit into a script", steps.len());
        let world = program.world();
        let vmo = making(program, Sysno::vmo_create, &[PAGE_SIZE, 0]);
        let at = map(program, RW, vmo, 0);
        let mut bytes = vec![0; HEADER as usize];
        for step in steps {
            let function = match (step.action, step.action.offset()) {
                (Do::Call(sysno), _) => world.vdso_base.0 + program.vdso_function(sysno),
                (_, offset) => self.agent_at + offset.expect("the agent's own"),
            };
            let args = step.args.map(|arg| match arg {
                Arg::Is(value) => value,
                Arg::Script(offset) => at + offset,
                Arg::Function(_) | Arg::Svc(_) => panic!("no script here has functions"),
            });
            let words = [&[function], args.as_slice(), &[step.x16, 0]].concat();
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        program.poke(VirtAddr(at), &bytes);
        let name = world.scratch.0 + DRAFT;
        let thread = making(program, Sysno::thread_create, &[u64::from(world.process), name, 0, 0]);
        let start = [u64::from(thread), self.agent_at, 0, 0, at];
        assert_eq!(program.ask(Sysno::thread_start, &start), Ok(()));
        self.threads.push(Other { thread, vmo, at, last: steps.len() as u64 - 1 });
    }

    /// Lets each thread end at the end of its script, and gives back what they had.
    pub(crate) fn stop(self, program: &mut Program) {
        let vmar = u64::from(program.world().vmar);
        let exit = program.world().vdso_base.0 + program.vdso_function(Sysno::thread_exit);
        for Other { thread, vmo, at, last } in self.threads {
            program.poke(VirtAddr(at + HEADER + last * STEP), &exit.to_le_bytes());
            let (ended, forever) = (u64::from(Signals::TASK_TERMINATED.0), abi::time::INFINITE as u64);
            let wait = [u64::from(thread), ended, forever, 0];
            assert_eq!(program.ask(Sysno::object_wait_one, &wait), Ok(()));
            assert_eq!(program.ask(Sysno::vmar_unmap, &[vmar, at, PAGE_SIZE]), Ok(()));
            for handle in [thread, vmo] {
                assert_eq!(program.ask(Sysno::handle_close, &[u64::from(handle)]), Ok(()));
            }
        }
        if self.agent_at != 0 {
            assert_eq!(program.ask(Sysno::vmar_unmap, &[vmar, self.agent_at, PAGE_SIZE]), Ok(()));
        }
    }
}

/// What a call leaves in the first word of the scratch memory.
fn making_word(program: &mut Program, sysno: Sysno, before: &[u64]) -> u64 {
    let out = program.world().scratch;
    program.poke(out, &[0; 8]);
    assert_eq!(program.ask(sysno, &[before, &[out.0]].concat()), Ok(()));
    program.word(out)
}

fn making(program: &mut Program, sysno: Sysno, before: &[u64]) -> Handle {
    making_word(program, sysno, before) as Handle
}

/// Maps a page of a VMO.
fn map(program: &mut Program, options: u64, vmo: Handle, offset: u64) -> u64 {
    let vmar = u64::from(program.world().vmar);
    making_word(program, Sysno::vmar_map, &[vmar, options, 0, u64::from(vmo), offset, PAGE_SIZE])
}
