//! Random lives on one to four CPUs: programs run at the same time and do to each other whatever a program can.
//!
//! The order in which the CPUs make their steps follows from the seed, as everything else. After each entry the
//! simulated CPUs ask [`check_cpus`](kernel::Kernel::check_cpus); the MMU, the FP registers and the scripts
//! themselves say if somebody sees what is not his. `JACINTH_SEED=N` lives one life alone.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::{PAGE_SIZE, Rights, Signals, Sysno};
use hosted::Config;
use scenarios::agent::{Arg, DATA, Do, Step};

use super::Driven;
use super::child::Child;
use super::lives::Random;

/// Lives of a run.
const LIVES: u64 = 240;
/// What the driven thread does in one life; the others do more meanwhile.
const STEPS: u32 = 32;
/// After so many of them every count is taken anew.
const STEPS_A_CHECK: u32 = 8;
/// Handles that the program has at most.
const MANY: usize = 32;
/// A counter so slow that a slice is a thousand instructions.
const TICKS_PER_SECOND: u64 = 1_600_000;
/// A deadline that never comes.
const FOREVER: u64 = abi::time::INFINITE as u64;

/// The crowd, as far as the driven program knows it.
struct Crowd {
    driven: Driven,
    random: Random,
    children: Vec<Child>,
    handles: Vec<u64>,
    /// Regions of children: the VMAR, where, and how much.
    mapped: Vec<(u64, u64, u64)>,
    /// A VMO that children write to, each through its own mapping.
    shared: u64,
}

impl Crowd {
    fn step(&mut self) {
        if self.handles.len() > MANY {
            self.close_one();
        }
        let some = self.random.pick(&self.handles);
        match self.random.below(16) {
            0..=3 => self.make_child(some),
            4 | 5 => self.kill(),
            6 => drop(self.driven.call(Sysno::task_kill, &[some])),
            7 => self.start_another(),
            8 => self.make_pair(),
            9 => self.write(some),
            10 => self.unmap(),
            11 => self.close_one(),
            12 => self.duplicate(some),
            13 => drop(self.driven.call(Sysno::thread_legacy_yield, &[])),
            _ => {
                let time = self.random.below(3_000_000);
                self.driven.sleep(time);
            }
        }
    }

    fn make_child(&mut self, gift: u64) {
        let mut child = Child::default();
        let steps = self.script();
        child.floats = steps.iter().any(|step| step.action == Do::FloatCheck);
        self.driven.make_child_with(&mut child, &steps).unwrap();
        self.handles.extend(child.handles());
        self.children.push(child);
        if self.random.below(8) == 0 {
            return;
        }
        // The gift is gone from here, or the child has a duplicate, or nothing.
        let gift = match self.random.below(3) {
            0 => 0,
            1 => gift,
            _ => self.copy(gift).unwrap_or(0),
        };
        let _refused = self.driven.start_child(&child, gift);
    }

    /// What a child does over and over. Every script holds up to its own end, so that one which dies of an
    /// undefined instruction has found something wrong.
    fn script(&mut self) -> Vec<Step> {
        let soon = self.soon();
        let data = Arg::Script(DATA);
        let sleep = Step::call(Sysno::nanosleep, &[Arg::Is(soon)]);
        let pattern = [Arg::Is(self.random.below(u64::MAX))];
        match self.random.below(10) {
            0 => vec![Step::call(Sysno::nanosleep, &[Arg::Is(FOREVER)]), Step::exit(1)],
            1 => vec![sleep, Step::call(Sysno::thread_exit, &[])],
            2 => vec![Step::call(Sysno::thread_legacy_yield, &[]), Step::again(0)],
            3 => vec![Step::new(Do::Count, &[data])],
            4 => vec![self.futex(soon), Step::call(Sysno::futex_wake, &[data, Arg::Is(1)]), Step::again(0)],
            // Kills whatever it was given, and is killed itself.
            5 => vec![
                Step::give_handle(2),
                sleep,
                Step::call(Sysno::task_kill, &[]),
                Step::call(Sysno::nanosleep, &[Arg::Is(FOREVER)]),
                Step::exit(2),
            ],
            6 => Self::chatter(soon),
            7 => vec![Step::give_handle(2), sleep, Step::call(Sysno::handle_close, &[]), Step::again(1)],
            8 => Self::floats(pattern, sleep),
            _ => self.toucher(),
        }
    }

    /// A moment before, now, or a while from now.
    fn soon(&mut self) -> u64 {
        let after = self.random.below(20_000_000);
        self.driven.now() + after
    }

    fn futex(&mut self, soon: u64) -> Step {
        let deadline = if self.random.below(2) == 0 { FOREVER } else { soon };
        let value = self.random.below(4) / 3;
        Step::call(Sysno::futex_wait, &[Arg::Script(DATA), Arg::Is(value), Arg::Is(0), Arg::Is(deadline)])
    }

    /// Writes to its channel, waits for an answer for a while, and reads whatever there is.
    fn chatter(soon: u64) -> Vec<Step> {
        let (data, there) = (Arg::Script(DATA), Arg::Script(DATA + 64));
        let readable = Arg::Is(u64::from((Signals::READABLE | Signals::PEER_CLOSED).0));
        vec![
            Step::give_handle(3),
            Step::give_handle(4),
            Step::give_handle(5),
            Step::call(Sysno::channel_write, &[Arg::Is(0), Arg::Is(0), data, Arg::Is(24)]),
            Step::call(Sysno::object_wait_one, &[Arg::Is(0), readable, Arg::Is(soon), there]),
            Step::call(Sysno::channel_read, &[Arg::Is(0), Arg::Is(0), there, Arg::Is(0), Arg::Is(64)]),
            Step::call(Sysno::thread_legacy_yield, &[]),
            Step::again(3),
        ]
    }

    /// Looks for zeros, fills the FP registers, and looks for that again and again.
    fn floats(pattern: [Arg; 1], sleep: Step) -> Vec<Step> {
        vec![
            Step::new(Do::FloatCheck, &[]),
            Step::give_result(0, 2),
            Step::new(Do::Demand, &[]),
            Step::new(Do::FloatFill, &pattern),
            sleep,
            Step::new(Do::FloatCheck, &pattern),
            Step::give_result(5, 7),
            Step::new(Do::Demand, &[]),
            Step::call(Sysno::thread_legacy_yield, &[]),
            Step::again(5),
        ]
    }

    /// Loads where another child has its script, and dies of it or finds something of its own.
    fn toucher(&mut self) -> Vec<Step> {
        let Some(child) = self.children.last().copied() else { return vec![Step::exit(0)] };
        vec![
            Step::call(Sysno::thread_legacy_yield, &[]),
            Step::new(Do::Load, &[Arg::Is(child.script_at)]),
            Step::new(Do::Store, &[Arg::Script(DATA), Arg::Is(1)]),
            Step::again(0),
        ]
    }

    fn kill(&mut self) {
        if self.children.is_empty() {
            return;
        }
        let child = self.children.swap_remove(self.random.below(self.children.len() as u64) as usize);
        let task = if self.random.below(3) == 0 { child.thread } else { child.process };
        // Its handle may be gone.
        let _bad_handle = self.driven.call(Sysno::task_kill, &[task]);
    }

    /// A second thread on the same script: each works on the other's steps too. Not where FP is used, since one
    /// would then be judged by what the other found.
    fn start_another(&mut self) {
        if let Some(child) = self.children.last().copied().filter(|child| !child.floats) {
            let thread = self.driven.start_another(&child);
            self.handles.extend(thread.ok());
        }
    }

    fn make_pair(&mut self) {
        let out = self.driven.scratch(0);
        self.driven.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
        let ends = [0, 4].map(|at| u64::from(self.driven.read32(at)));
        self.handles.extend(ends);
    }

    fn write(&mut self, channel: u64) {
        let _refused = self.driven.call(Sysno::channel_write, &[channel, 0, self.driven.scratch(0), 40]);
    }

    /// Maps the shared memory into a child, or takes a mapping or the child's script away under it.
    fn unmap(&mut self) {
        let Some(child) = self.children.last().copied() else { return };
        let mapped =
            self.driven.map_into(child.vmar, PERM_READ | PERM_WRITE, (self.shared, 0), 2 * PAGE_SIZE);
        self.mapped.extend(mapped.ok().map(|at| (child.vmar, at, 2 * PAGE_SIZE)));
        if self.random.below(4) == 0 {
            self.mapped.push((child.vmar, child.script_at, PAGE_SIZE));
        }
        let index = self.random.below(self.mapped.len().max(1) as u64) as usize;
        if index < self.mapped.len() {
            let (vmar, at, len) = self.mapped.swap_remove(index);
            let _gone = self.driven.call(Sysno::vmar_unmap, &[vmar, at, len]);
        }
    }

    fn close_one(&mut self) {
        let index = self.random.below(self.handles.len().max(1) as u64) as usize;
        if index < self.handles.len() {
            let handle = self.handles.swap_remove(index);
            let _maybe_gone = self.driven.call(Sysno::handle_close, &[handle]);
        }
    }

    fn copy(&mut self, handle: u64) -> Option<u64> {
        self.driven.making(Sysno::handle_duplicate, &[handle, u64::from(Rights::SAME_RIGHTS.0)]).ok()
    }

    fn duplicate(&mut self, handle: u64) {
        let copy = self.copy(handle);
        self.handles.extend(copy);
    }

    /// No script may have found anything wrong.
    fn listen(&mut self) {
        let console = self.driven.program.board.machine.take_console();
        assert!(!console.contains("undefined instruction"), "{console}");
    }
}

/// Lives a life from a seed and ends it.
fn live(seed: u64) {
    let cpus = cpus_of(seed) as usize;
    let config = Config { cpus, seed: Some(seed), ticks_per_second: TICKS_PER_SECOND, ..Config::default() };
    let mut driven = Driven::start_with(config);
    let shared = driven.making(Sysno::vmo_create, &[2 * PAGE_SIZE, 0]).unwrap();
    let before = (driven.objects(), driven.frames());
    let job = driven.making(Sysno::job_create, &[u64::from(driven.world.job), 0]).unwrap();
    driven.world.job = job as u32;
    let (children, handles, mapped) = (Vec::new(), Vec::new(), Vec::new());
    let mut crowd = Crowd { driven, random: Random(seed), children, handles, mapped, shared };
    for step in 0..STEPS {
        crowd.step();
        if step % STEPS_A_CHECK == 0 {
            crowd.driven.check();
        }
    }
    crowd.driven.call(Sysno::task_kill, &[job]).unwrap();
    crowd.driven.close(job);
    for handle in core::mem::take(&mut crowd.handles) {
        let _maybe_gone = crowd.driven.call(Sysno::handle_close, &[handle]);
    }
    for _ in 0..100 {
        crowd.driven.settle();
        if (crowd.driven.objects(), crowd.driven.frames()) == before {
            break;
        }
    }
    crowd.listen();
    crowd.driven.check();
    assert_eq!((crowd.driven.objects(), crowd.driven.frames()), before, "something is left behind");
}

/// Lives those lives whose seeds stand for this number of CPUs; or the one that was asked for.
fn live_on(cpus: u64) {
    let chosen = std::env::var("JACINTH_SEED").ok().and_then(|text| text.parse().ok());
    let seeds = chosen.map_or(0..=LIVES, |seed: u64| seed..=seed);
    for seed in seeds.filter(|seed| cpus_of(*seed) == cpus) {
        println!("JACINTH_SEED={seed}");
        live(seed);
    }
}

const fn cpus_of(seed: u64) -> u64 {
    1 + seed % 4
}

#[test]
fn crowds_on_one_cpu_leave_nothing_behind() {
    live_on(1);
}

#[test]
fn crowds_on_two_cpus_leave_nothing_behind() {
    live_on(2);
}

#[test]
fn crowds_on_three_cpus_leave_nothing_behind() {
    live_on(3);
}

#[test]
fn crowds_on_four_cpus_leave_nothing_behind() {
    live_on(4);
}
