//! Jobs: groups of processes, and what their members may do.
use abi::policy::{Action, CONDITIONS, Condition};
use abi::{Koid, Signals, Status, status::Result};

use super::{Header, Name, Process};
use crate::collections::arena::Id;
use crate::collections::list::{Links, List, Member};

/// The deepest nesting of jobs, the root's own level included.
pub const MAX_DEPTH: u32 = 32;

/// A policy for one condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    /// What happens.
    pub action: Action,
    /// Whether children keep it as it is.
    pub is_final: bool,
}

/// What the processes of a job may do. A child job starts with its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    rules: [Rule; CONDITIONS],
}

impl Policy {
    /// What happens when a condition is met.
    pub fn action(&self, condition: Condition) -> Action {
        self.rules.get(condition as usize).map(|rule| rule.action).unwrap_or_default()
    }

    /// The conditions that are allowed, a bit for each by its number.
    pub fn allowed(&self) -> u32 {
        let bits = self.rules.iter().zip(0..).filter(|(rule, _)| rule.action == Action::Allow);
        bits.fold(0, |bits, (_, number)| bits | 1 << number)
    }

    /// Sets a rule.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` if an ancestor's rule is final and differs; then nothing changed for that condition.
    pub fn set(&mut self, condition: Condition, rule: Rule) -> Result {
        let mut result = Ok(());
        for (number, slot) in self.rules.iter_mut().enumerate() {
            let meant = Condition::from_raw(number as u32).is_some_and(|candidate| {
                candidate == condition || condition == Condition::NewAny && candidate.is_new()
            });
            if !meant {
                continue;
            }
            if slot.is_final && slot.action != rule.action {
                result = Err(Status::ALREADY_EXISTS);
            } else {
                *slot = Rule { action: rule.action, is_final: slot.is_final || rule.is_final };
            }
        }
        result
    }
}

/// A group of processes and jobs.
#[derive(Debug)]
pub struct Job {
    /// What every object has.
    pub header: Header,
    /// Its name.
    pub name: Name,
    /// The job that it is in; `None` for the root.
    pub parent: Option<Id<Job>>,
    /// Levels of jobs that may still be made below it.
    pub height: u32,
    /// What its members may do.
    pub policy: Policy,
    /// Processes in it that have not ended.
    pub processes: List<Process>,
    /// Jobs in it.
    pub children: List<Job>,
    /// Its place among the jobs of its parent.
    pub siblings: Links<Job>,
    /// Whether it was killed: nothing is made in it any more.
    pub killed: bool,
    /// Whether it was killed and nothing is left in it. It is no member of its parent any more.
    pub is_dead: bool,
}

impl Job {
    /// The root: a job without members and without a parent.
    pub fn root(koid: Koid) -> Self {
        // It has no parent whose membership would keep it.
        let mut root = Self::new(koid, None, MAX_DEPTH - 1, Policy::default());
        root.header.holds = 1;
        root.name = Name::new(b"root");
        root
    }

    /// A job without members in another.
    pub fn child(koid: Koid, parent: Id<Self>, of: &Self) -> Self {
        Self::new(koid, Some(parent), of.height.saturating_sub(1), of.policy)
    }

    fn new(koid: Koid, parent: Option<Id<Self>>, height: u32, policy: Policy) -> Self {
        let signals = Signals::JOB_NO_JOBS | Signals::JOB_NO_PROCESSES;
        Self {
            header: Header::new(koid, signals),
            name: Name::default(),
            parent,
            height,
            policy,
            processes: List::default(),
            children: List::default(),
            siblings: Links::default(),
            killed: false,
            is_dead: false,
        }
    }
}

impl Member for Job {
    fn links(&self) -> &Links<Self> {
        &self.siblings
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.siblings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_rule_stays_and_the_others_change() {
        let mut policy = Policy::default();
        let deny = Rule { action: Action::Deny, is_final: true };
        policy.set(Condition::NewVmo, deny).unwrap();
        let kill = Rule { action: Action::Kill, is_final: false };
        assert_eq!(policy.set(Condition::NewAny, kill), Err(Status::ALREADY_EXISTS));
        assert_eq!(policy.action(Condition::NewVmo), Action::Deny);
        assert_eq!(policy.action(Condition::NewChannel), Action::Kill);
        assert_eq!(policy.action(Condition::BadHandle), Action::Allow);
        assert_eq!(policy.set(Condition::NewVmo, deny), Ok(()));
    }
}
