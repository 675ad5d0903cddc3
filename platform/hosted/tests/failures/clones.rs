//! VMOs whose pages clones share.

use super::*;

/// A VMO of a few pages in two nodes, some of which have frames.
fn filled(bench: &mut Bench) -> u64 {
    bench.call(Sysno::vmo_create, &[80 * P, 0, bench.out]);
    let vmo = bench.handle();
    for page in [0, 1, 31, 32, 70] {
        bench.call(Sysno::vmo_write, &[vmo, bench.data, page * P, 8]);
    }
    vmo
}

fn clone_of(bench: &mut Bench, vmo: u64) -> u64 {
    bench.call(Sysno::vmo_create_child, &[vmo, u64::from(child::SNAPSHOT), 0, 80 * P, bench.out]);
    bench.handle()
}

/// Uses up what nodes and counts are in reserve, so that the next change of a tree needs more: VMOs whose
/// pages lie far apart, until a chunk has been asked for.
fn exhaust(bench: &mut Bench) -> Vec<u64> {
    let mut kept = Vec::new();
    for _ in 0..4 {
        let vmo = filled(bench);
        let clone = clone_of(bench, vmo);
        bench.call(Sysno::vmo_write, &[clone, bench.data, 0, 8]);
        kept.extend([vmo, clone]);
    }
    kept
}

/// Makes a call on a clone and its parent meet each failure.
fn sweep_clone(act: impl Fn(&mut Bench, u64, u64) -> Status) {
    let failures = std::cell::Cell::new(0);
    sweep(
        |bench| {
            let kept = exhaust(bench);
            let vmo = filled(bench);
            (clone_of(bench, vmo), vmo, kept)
        },
        |bench, (clone, vmo, _)| {
            let status = act(bench, *clone, *vmo);
            failures.set(failures.get() + u32::from(status == Status::NO_MEMORY));
            status
        },
        |bench, (clone, vmo, kept), _| {
            // What the failure left must be whole: the clone and its parent have what they had.
            bench.call(Sysno::vmo_write, &[clone, bench.data, 70 * P, 8]);
            [clone, vmo].into_iter().chain(kept).for_each(|vmo| bench.close(vmo));
        },
    );
    assert!(failures.get() > 0, "nothing failed, so nothing was tested");
}

#[test]
pub(crate) fn a_write_to_a_shared_page() {
    sweep_clone(|bench, clone, _| bench.try_call(Sysno::vmo_write, &[clone, bench.data, P, 8]));
}

#[test]
pub(crate) fn snapshots() {
    let mut failures = 0;
    for supply in [Supply::Heap, Supply::Frames] {
        for nth in 1..=ENOUGH {
            let mut bench = Bench::new();
            let vmo = filled(&mut bench);
            bench.arm(supply, Some(nth));
            // Of parts, so that the edges must be cut off.
            let args = [vmo, u64::from(child::SNAPSHOT), P, 70 * P, bench.out];
            if !fails_within(&mut bench, supply, 60, &|bench| bench.try_call(Sysno::vmo_create_child, &args))
            {
                break;
            }
            failures += 1;
        }
    }
    assert!(failures > 0, "no table grew: nothing was tested");
}

/// A size that cuts a page which clones share: without memory for its copy the VMO keeps its size and what it has.
#[test]
pub(crate) fn a_size_that_cuts_a_shared_page() {
    let mut failures = 0;
    sweep(
        |bench| {
            let kept = exhaust(bench);
            let vmo = filled(bench);
            let kind = u64::from(child::SNAPSHOT | child::RESIZABLE);
            bench.call(Sysno::vmo_create_child, &[vmo, kind, 0, 80 * P, bench.out]);
            (bench.handle(), vmo, kept)
        },
        |bench, (clone, ..)| bench.try_call(Sysno::vmo_set_size, &[*clone, 31 * P + 100]),
        |bench, (clone, vmo, kept), status| {
            failures += u32::from(status == Status::NO_MEMORY);
            bench.call(Sysno::vmo_get_size, &[clone, bench.out]);
            assert_eq!(bench.slot(0), if status == Status::OK { 32 * P } else { 80 * P }, "{status}");
            [clone, vmo].into_iter().chain(kept).for_each(|vmo| bench.close(vmo));
        },
    );
    assert!(failures > 0, "nothing failed, so nothing was tested");
}

#[test]
pub(crate) fn references() {
    sweep_making(MANY, |bench| {
        let spare = bench.spare;
        bench.try_call(Sysno::vmo_create_child, &[spare, u64::from(child::REFERENCE), 0, 0, bench.out])
    });
}
