//! Lists of members, which are written in pieces.

use abi::object::info;
use abi::time::INFINITE;
use abi::{PAGE_SIZE, Signals, Sysno};
use hosted::Config;

use super::Driven;

/// Members that one entry of the kernel looks at, so that no list holds the lock for long.
const A_PIECE: u64 = 16;
/// Far more members than that.
const MANY: u64 = 300;
/// Room for them and some more.
const SIZE: u64 = 2 * PAGE_SIZE;

impl Driven {
    /// The jobs in a job, as they are told.
    fn children(&mut self, job: u64) -> Vec<u64> {
        let (buffer, actual, avail) = (self.scratch(0x4000), self.scratch(0x100), self.scratch(0x108));
        let args = [job, u64::from(info::JOB_CHILDREN), buffer, SIZE, actual, avail];
        self.call(Sysno::object_get_info, &args).unwrap();
        let count = self.read64(0x100);
        assert_eq!(count, self.read64(0x108));
        (0..count).map(|index| self.read64(0x4000 + index * 8)).collect()
    }

    fn job_with_children(&mut self) -> (u64, Vec<u64>) {
        let job = self.making(Sysno::job_create, &[u64::from(self.world.job), 0]).unwrap();
        let children = (0..MANY).map(|_| self.making(Sysno::job_create, &[job, 0]).unwrap()).collect();
        (job, children)
    }
}

#[test]
fn a_long_list_takes_several_entries() {
    let mut driven = Driven::start();
    let (job, _) = driven.job_with_children();
    let before = driven.program.board.cpu.entries();
    let koids = driven.children(job);
    let entries = driven.program.board.cpu.entries() - before;
    assert!((MANY / A_PIECE + 1..MANY / A_PIECE + 4).contains(&entries), "{entries} entries");
    assert_eq!(koids.len() as u64, MANY);
    assert!(koids.is_sorted_by(|younger, older| younger > older));
}

/// Members that come and go while they are listed: those that stay are there, each once.
#[test]
fn a_list_that_changes_has_those_who_stay() {
    for seed in 1..=8 {
        let mut driven = Driven::start_with(Config { cpus: 3, seed: Some(seed), ..Config::default() });
        let (job, children) = driven.job_with_children();
        let all = driven.children(job);
        // Of the youngest, which are listed first, every eighth goes.
        let gone: Vec<u64> = children.iter().rev().step_by(8).take(18).copied().collect();
        let close = |handle: &u64| (Sysno::handle_close, [*handle, 0, 0, 0]);
        let calls: Vec<_> = gone.iter().map(close).chain([(Sysno::thread_exit, [0; 4])]).collect();
        let thread = driven.start_thread(&calls).unwrap();
        let found = driven.children(job);
        let end = u64::from(Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, INFINITE as u64, 0]).unwrap();
        let left = driven.children(job);
        assert_eq!(left.len(), all.len() - gone.len());
        assert!(found.is_sorted_by(|younger, older| younger > older), "seed {seed}: told twice");
        assert!(left.iter().all(|koid| found.contains(koid)), "seed {seed}: not told");
        assert!(found.iter().all(|koid| all.contains(koid)), "seed {seed}: never there");
    }
}
