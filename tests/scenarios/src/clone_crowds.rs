//! Clones in chains, in crowds, and made while others write.

use alloc::vec::Vec;

use abi::vmo::child;
use abi::{Handle, Sysno};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, same, truth};
use crate::env::Result;
use crate::vmo_children::{RW, childless, first_bytes, numbered, snapshot};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMC-J20" chains "a chain of clones, each of the one before, ends";
    "VMC-J21" crowds "many clones of one VMO, dropped from either end";
    "VMC-J28" one_moment "a snapshot of what threads write to meanwhile is of one moment";
    "VMC-J29" killed_caller "a snapshot whose caller is killed half-way leaves nothing behind";
}

fn chains(env: &mut Env<'_>) -> Outcome {
    let mut vmo = ok!(numbered(env, 2));
    for round in 0..200 {
        let clone = ok!(snapshot(env, vmo, 0, 2 * P));
        ok!(env.close(vmo));
        ok!(env.vmo_write(clone, P, &[round as u8]));
        vmo = clone;
    }
    same!(ok!(first_bytes(env, vmo)), [1, 199]);
    same!(ok!(env.vmo_info(vmo)).num_children, 0);
    Ok(())
}

fn crowds(env: &mut Env<'_>) -> Outcome {
    const MANY: usize = 40;
    for backwards in [false, true] {
        let parent = ok!(numbered(env, 2));
        let mut clones = Vec::new();
        for number in 0..MANY {
            let clone = ok!(snapshot(env, parent, 0, 2 * P));
            ok!(env.vmo_write(clone, 0, &[number as u8 + 100]));
            clones.push(clone);
        }
        same!(ok!(env.vmo_info(parent)).num_children, MANY as u64);
        if backwards {
            clones.reverse();
        }
        for (gone, clone) in clones.iter().enumerate() {
            same!(ok!(childless(env, parent)), false);
            truth!(ok!(first_bytes(env, *clone))[1] == 2);
            ok!(env.close(*clone));
            same!(ok!(env.vmo_info(parent)).num_children, (MANY - gone - 1) as u64);
        }
        same!(ok!(childless(env, parent)), true);
        same!(ok!(first_bytes(env, parent)), [1, 2]);
    }
    Ok(())
}

fn number(env: &mut Env<'_>, vmo: Handle, offset: u64) -> Result<u64> {
    Ok(<u64 as abi::layout::Plain>::get_at(&env.vmo_read(vmo, offset, 8)?, 0))
}

/// One thread counts in the first page; another one copies the count to the second page again and again. So the
/// second page never has more than the first at the same moment.
fn one_moment(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let at = ok!(env.map(vmo, RW, 2 * P)).0;
    let copy = Step::new(Do::Copy, &[Arg::Is(at), Arg::Is(at + P)]);
    let scripts = [[Step::new(Do::Count, &[Arg::Is(at)]), Step::again(0)], [copy, Step::again(0)]];
    let mut writers = Vec::new();
    for script in scripts {
        let task = ok!(env.new_thread(b"writer"));
        ok!(env.set_script(&task, &script));
        ok!(env.start_thread(&task));
        writers.push(task);
    }
    for _ in 0..12 {
        ok!(env.pause(200_000));
        let clone = ok!(snapshot(env, vmo, 0, 2 * P));
        let (counted, copied) = (ok!(number(env, clone, 0)), ok!(number(env, clone, P)));
        truth!(copied <= counted);
        ok!(env.pause(200_000));
        same!((ok!(number(env, clone, 0)), ok!(number(env, clone, P))), (counted, copied));
        ok!(env.close(clone));
    }
    // The writers write on.
    let before = ok!(number(env, vmo, P));
    crate::children::patiently(env, |env, pause| {
        ok!(env.pause(pause));
        Ok(ok!(number(env, vmo, P)) > before)
    })?;
    for writer in writers {
        ok!(env.raw(Sysno::task_kill, &[u64::from(writer.thread)]));
        ok!(env.wait_for_end(writer.thread));
    }
    Ok(())
}

fn killed_caller(env: &mut Env<'_>) -> Outcome {
    const VIEWS: usize = 100;
    let vmo = ok!(numbered(env, 1));
    let mut views = Vec::new();
    for _ in 0..VIEWS {
        views.push(ok!(env.map(vmo, RW, P)));
    }
    for pause in [0, 20_000, 200_000, 2_000_000] {
        for view in &views {
            same!(env.peek_u64(*view) as u8, 1);
        }
        let task = ok!(env.new_thread(b"caller"));
        let args = [u64::from(vmo), u64::from(child::SNAPSHOT), 0, P].map(Arg::Is);
        // Where the handle should go is nowhere: should the call come to its end, there is no child either.
        ok!(env.set_script(&task, &[Step::call(Sysno::vmo_create_child, &args), Step::again(0)]));
        ok!(env.start_thread(&task));
        ok!(env.pause(pause));
        ok!(env.raw(Sysno::task_kill, &[u64::from(task.thread)]));
        ok!(env.wait_for_end(task.thread));
        same!(ok!(childless(env, vmo)), true);
        env.poke_u64(views[VIEWS - 1], 1);
        same!(env.peek_u64(views[0]), 1);
    }
    Ok(())
}
