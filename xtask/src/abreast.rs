//! Work that is done side by side, and told in order.
//!
//! Of the pieces that are at work the first tells its lines as they come. What the others tell waits until all before
//! them are done: the order is that of the work, whatever the clock does.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::{self, Enumerate, Peekable};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::vec::IntoIter;

use anyhow::{Result, anyhow};

use crate::say::{self, Voice};
use crate::summary::Tally;

/// How much may be at work at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room(usize);

impl Room {
    /// So many jobs of weight 1.
    pub(crate) const fn jobs(count: usize) -> Self {
        Self(count)
    }

    /// For work that keeps a CPU busy.
    pub(crate) fn cpus() -> Self {
        Self(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// For machines, whose weight is the number of their CPUs: two of those for each of ours. What waits for clocks is
    /// tested with them, so a machine shall not run slower beside others than a large one alone.
    pub(crate) fn machines() -> Self {
        Self((2 * Self::cpus().0).clamp(4, 16))
    }
}

/// Does all `jobs`, begun in their order, each as soon as its weight finds room beside the others; what is heavier than
/// the whole room is done alone. The results have the order of the jobs too.
///
/// # Errors
/// The first job's that fails, in that order. No further job is begun then.
pub(crate) fn each<J: Send, R: Send>(
    room: Room,
    jobs: Vec<J>,
    weigh: impl Fn(&J) -> usize + Sync,
    work: impl Fn(J) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let turns = Arc::new(Mutex::new(Turns::new(say::voice())));
    let workers = room.0.min(jobs.len());
    let queue = Queue::new(room, jobs);
    let worker = || {
        let one = |taken: Taken<'_, J>| {
            let turn = Turn(turns.clone(), taken.place);
            let (place, job) = (taken.place, taken.job);
            let _share = taken.share;
            let done = say::told_by(turn.voice(), || work(job));
            if done.is_err() {
                queue.close();
            }
            (place, done)
        };
        iter::from_fn(|| queue.next(&weigh)).map(one).collect::<Vec<_>>()
    };
    let joined = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Result<Vec<_>, _>>()
    });
    let done = joined.map_err(|_| anyhow!("a thread that works beside others panicked"))?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The same for jobs that are tests, or hold some: what each counts is added in their order.
///
/// # Errors
/// As [`each`].
pub(crate) fn test<J: Send>(
    room: Room,
    jobs: Vec<J>,
    tally: &mut Tally,
    weigh: impl Fn(&J) -> usize + Sync,
    work: impl Fn(J, &mut Tally) -> Result<()> + Sync,
) -> Result<()> {
    let counted = each(room, jobs, weigh, |job| {
        let mut own = Tally::start();
        work(job, &mut own).map(|()| own)
    })?;
    counted.into_iter().for_each(|own| tally.take(own));
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is still to be done, and how much room is left.
struct Queue<J> {
    state: Mutex<(Peekable<Enumerate<IntoIter<J>>>, usize)>,
    changed: Condvar,
    room: usize,
}

/// A job that has found room.
struct Taken<'q, J> {
    place: usize,
    job: J,
    share: Share<'q, J>,
}

/// Room, which the end of the job gives back, however that ends.
struct Share<'q, J>(&'q Queue<J>, usize);

impl<J> Queue<J> {
    fn new(room: Room, jobs: Vec<J>) -> Self {
        let jobs = jobs.into_iter().enumerate().peekable();
        Self { state: Mutex::new((jobs, room.0)), changed: Condvar::new(), room: room.0 }
    }

    /// The next job, when there is room for it; `None` if there is no further one.
    fn next(&self, weigh: impl Fn(&J) -> usize) -> Option<Taken<'_, J>> {
        let mut state = lock(&self.state);
        loop {
            let (jobs, left) = &mut *state;
            let weight = weigh(&jobs.peek()?.1).min(self.room);
            if weight <= *left {
                *left -= weight;
                let (place, job) = jobs.next()?;
                return Some(Taken { place, job, share: Share(self, weight) });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing further is begun.
    fn close(&self) {
        lock(&self.state).0 = Vec::new().into_iter().enumerate().peekable();
        self.changed.notify_all();
    }
}

impl<J> Drop for Share<'_, J> {
    fn drop(&mut self) {
        lock(&self.0.state).1 += self.1;
        self.0.changed.notify_all();
    }
}

/// Whose turn it is to tell, and what those who come later have told.
struct Turns {
    out: Voice,
    next: usize,
    kept: BTreeMap<usize, Vec<String>>,
    done: BTreeSet<usize>,
}

impl Turns {
    fn new(out: Voice) -> Self {
        Self { out, next: 0, kept: BTreeMap::new(), done: BTreeSet::new() }
    }

    fn tell(&mut self, place: usize, line: &str) {
        if place == self.next {
            (self.out)(line);
        } else {
            self.kept.entry(place).or_default().push(line.to_owned());
        }
    }

    fn end(&mut self, place: usize) {
        self.done.insert(place);
        while self.done.remove(&self.next) {
            self.next += 1;
            self.kept.remove(&self.next).into_iter().flatten().for_each(|line| (self.out)(&line));
        }
    }
}

/// One job's place. It ends with the job, however that ends.
struct Turn(Arc<Mutex<Turns>>, usize);

impl Turn {
    fn voice(&self) -> Voice {
        let (turns, place) = (self.0.clone(), self.1);
        Arc::new(move |line| lock(&turns).tell(place, line))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0).end(self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// What `work` tells.
    fn told(work: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        say::told_by(Arc::new(move |line| lock(&kept).push(line.to_owned())), work);
        lock(&lines).clone()
    }

    #[test]
    fn what_ends_first_is_told_in_its_turn() {
        let both = Barrier::new(2);
        let lines = told(|| {
            let squares = each(
                Room(2),
                vec![0, 1, 2, 3],
                |_| 1,
                |job| {
                    say::tell(format_args!("{job} begins"));
                    if job < 2 {
                        both.wait();
                    }
                    if job == 0 {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    say::tell(format_args!("{job} ends"));
                    Ok(job * job)
                },
            );
            assert_eq!(squares.unwrap(), [0, 1, 4, 9]);
        });
        let wanted: Vec<String> =
            (0..4).flat_map(|job| [format!("{job} begins"), format!("{job} ends")]).collect();
        assert_eq!(lines, wanted);
    }

    #[test]
    fn the_first_in_order_tells_at_once() {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        let voice: Voice = Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        say::told_by(voice, || {
            let done = each(
                Room(2),
                vec![true, false],
                |_| 1,
                |first| {
                    say::tell("a line");
                    // Only the first one's is out while it is at work.
                    let out = if first { seen.load(Ordering::SeqCst) } else { 1 };
                    Ok(out)
                },
            );
            assert_eq!(done.unwrap(), [1, 1]);
        });
        assert_eq!(seen.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn no_more_is_at_work_than_there_is_room_for() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let weights = vec![1, 4, 2, 2, 9, 1, 3, 2, 1];
        let done = each(
            Room(4),
            weights.clone(),
            |weight| *weight,
            |weight| {
                let together = now.fetch_add(weight, Ordering::SeqCst) + weight;
                most.fetch_max(if weight > 4 { 0 } else { together }, Ordering::SeqCst);
                // The heaviest has the room for itself.
                assert!(weight < 9 || together == 9, "{together}");
                std::thread::sleep(Duration::from_millis(2));
                now.fetch_sub(weight, Ordering::SeqCst);
                Ok(weight)
            },
        );
        assert_eq!(done.unwrap(), weights);
        assert!(most.into_inner() <= 4);
    }

    #[test]
    fn two_light_jobs_are_at_work_together() {
        let both = Barrier::new(2);
        let done = each(Room(4), vec![2, 2], |weight| *weight, |_| Ok(both.wait().is_leader())).unwrap();
        assert_ne!(done[0], done[1]);
    }

    #[test]
    fn a_failure_begins_nothing_more_and_is_the_whole_s() {
        let begun = AtomicUsize::new(0);
        let lines = told(|| {
            let done = each(
                Room(1),
                vec!["good", "bad", "never"],
                |_| 1,
                |job| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    say::tell(job);
                    if job == "bad" { Err(anyhow!("it is bad")) } else { Ok(()) }
                },
            );
            assert_eq!(done.unwrap_err().to_string(), "it is bad");
        });
        assert_eq!((begun.into_inner(), lines), (2, vec!["good".to_owned(), "bad".to_owned()]));
    }

    #[test]
    fn a_panic_is_an_error_and_hides_no_line() {
        let lines = told(|| {
            let done = each(
                Room(2),
                vec![0, 1],
                |_| 1,
                |job| {
                    say::tell(job);
                    assert!(job > 0, "the first one fails");
                    Ok(())
                },
            );
            assert!(done.unwrap_err().to_string().contains("panicked"));
        });
        assert_eq!(lines, ["0", "1"]);
    }

    #[test]
    fn tests_are_counted_whichever_ended_first() {
        let mut tally = Tally::start();
        told(|| {
            test(
                Room(2),
                vec![true, false, true],
                &mut tally,
                |_| 1,
                |passes, own| {
                    own.record(if passes { "good" } else { "bad" }, passes, Duration::ZERO);
                    own.skip("other", "it is not here");
                    Ok(())
                },
            )
            .unwrap();
        });
        let closing = tally.closing();
        assert!(closing.ends_with("        FAIL bad\n2 passed, 1 failed, 3 skipped"), "{closing}");
        assert!(!tally.is_success());
    }
}
