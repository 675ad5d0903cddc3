//! Behaviours of the system calls as data.
//!
//! A [`Scenario`] has the name of a line of the conformance list, and runs on any [`System`]: a simulated
//! program on the hosted machine, and a real one at EL0. What passes on one and fails on the other is a
//! difference between model and machine, and a bug in one of them.
//!
//! Ids with a `J` before the number are our own; the others keep the conformance list's numbers.
//!
//! # How to add one
//! Write a function in the family's file that makes calls on its `Env` and checks what they give with
//! `ok!`, `refused!`, `same!` and `truth!`, and give it a line in the family's table. Handles and mappings
//! made through `Env` are cleaned up.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod agent;
mod bounded;
mod cache_policy;
mod calls;
mod channels;
mod check;
mod children;
mod clone_crowds;
mod content_ends;
mod contiguous;
mod cpus;
mod dma;
mod env;
mod events;
mod faults;
mod handles;
mod infos;
mod jobs;
mod left_cached;
mod limited_dma;
mod logs;
mod memory_infos;
mod oracle;
mod physical_children;
mod physical_create;
mod physical_ops;
mod pinned_clones;
mod port_ends;
mod ports;
mod ram_like;
mod refusals;
mod resources;
mod system;
mod tasks;
mod time;
mod uncached;
mod visitors;
mod vmar;
mod vmar_over;
mod vmar_protect;
mod vmar_ranges;
mod vmar_regions;
mod vmo;
mod vmo_children;
mod vmo_locks;
mod vmo_ranges;
mod vmo_sizes;
mod wait_many;
mod waiting;
mod zeros;

pub use check::{Failure, Outcome};
pub(crate) use env::Env;
pub use system::{Limited, SCRATCH_SIZE, System, World};
pub use waiting::{INSIDE, WAITING, Waiting};

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its line in the conformance list.
    pub id: &'static str,
    /// What must be so.
    pub title: &'static str,
    run: fn(&mut Env<'_>) -> Outcome,
}

impl Scenario {
    /// Runs the scenario and tidies up after it. If the board has no device of a kind that it needs, that kind.
    ///
    /// # Errors
    /// [`Failure`]: the first check that failed.
    pub fn run(&self, system: &mut dyn System) -> Outcome<Option<&'static str>> {
        let mut env = Env::new(system);
        let outcome = (self.run)(&mut env);
        let lacks = env.lacks();
        env.tidy();
        if lacks.is_some() { Ok(lacks) } else { outcome.map(|()| None) }
    }
}

/// A table of scenarios: `"ID" function "what must be so";` in each line.
macro_rules! scenarios {
    ($($id:literal $run:ident $title:literal;)*) => {
        /// The scenarios of this family.
        pub(crate) const SCENARIOS: &[$crate::Scenario] =
            &[$($crate::Scenario { id: $id, title: $title, run: $run }),*];
    };
}
pub(crate) use scenarios;

/// The page size, as scenarios write it.
pub(crate) const P: u64 = abi::PAGE_SIZE;

const FAMILIES: [&[Scenario]; 43] = [
    physical_create::SCENARIOS,
    physical_ops::SCENARIOS,
    physical_children::SCENARIOS,
    cache_policy::SCENARIOS,
    left_cached::SCENARIOS,
    uncached::SCENARIOS,
    dma::SCENARIOS,
    pinned_clones::SCENARIOS,
    limited_dma::SCENARIOS,
    visitors::SCENARIOS,
    contiguous::SCENARIOS,
    ram_like::SCENARIOS,
    resources::SCENARIOS,
    vmo::SCENARIOS,
    vmo_children::SCENARIOS,
    clone_crowds::SCENARIOS,
    vmar::SCENARIOS,
    vmar_over::SCENARIOS,
    vmar_protect::SCENARIOS,
    vmar_regions::SCENARIOS,
    vmo_sizes::SCENARIOS,
    vmo_locks::SCENARIOS,
    vmo_ranges::SCENARIOS,
    zeros::SCENARIOS,
    content_ends::SCENARIOS,
    vmar_ranges::SCENARIOS,
    handles::SCENARIOS,
    channels::SCENARIOS,
    tasks::SCENARIOS,
    jobs::SCENARIOS,
    infos::SCENARIOS,
    memory_infos::SCENARIOS,
    refusals::SCENARIOS,
    events::SCENARIOS,
    ports::SCENARIOS,
    port_ends::SCENARIOS,
    wait_many::SCENARIOS,
    faults::SCENARIOS,
    logs::SCENARIOS,
    time::SCENARIOS,
    oracle::SCENARIOS,
    cpus::SCENARIOS,
    bounded::SCENARIOS,
];

const COUNT: usize = {
    let mut count = 0;
    let mut family = 0;
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
};

/// Every scenario, family by family.
pub const SCENARIOS: &[Scenario] = &{
    let mut all = [FAMILIES[0][0]; COUNT];
    let (mut next, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut index = 0;
        while index < FAMILIES[family].len() {
            all[next] = FAMILIES[family][index];
            next += 1;
            index += 1;
        }
        family += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_id_is_there_once() {
        let mut seen = BTreeSet::new();
        let waiting = WAITING.iter().chain(INSIDE).map(|waiting| waiting.id);
        let ids = SCENARIOS.iter().map(|scenario| scenario.id).chain(waiting);
        for id in ids {
            assert!(seen.insert(id), "{id} is there twice");
        }
    }

    #[test]
    fn every_scenario_says_what_must_be_so() {
        for scenario in SCENARIOS {
            assert!(!scenario.title.is_empty() && !scenario.title.ends_with('.'), "{}", scenario.id);
        }
    }
}
