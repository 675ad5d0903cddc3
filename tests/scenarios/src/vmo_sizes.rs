//! Sizes of VMOs, and of what is in them.

use abi::vmar::PERM_READ;
use abi::vmo::{child, create};
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::vmo_ranges::RW;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHO-004" physical_size "a physical VMO keeps its size";
    "PHO-005" physical_stream "a physical VMO has no stream size";
    "VMO-011" fixed_size "a VMO that is not resizable keeps its size";
    "VMO-016" stream_shrinks "what a stream lost reads as zero when it grows again";
    "VMO-023" shrunk_mapping "what a mapping shows beyond the end faults, and comes back as zero";
    "RNG-J01" resize_rights "resizing needs WRITE and RESIZE";
    "RNG-J02" resize "a VMO grows with zeros and shrinks to what was asked for";
    "RNG-J03" resize_part "the rest of a page that was cut is zero";
    "RNG-J04" resize_limits "a size that cannot be is out of range";
    "RNG-J05" resize_large "a VMO of 64 MiB shrinks and gives its pages back";
    "RNG-J06" stream_sizes "a stream size is at most the size, and read without any right";
    "RNG-J07" stream_far "a stream that grows by many pages shows zeros";
    "RNG-J22" shrunk_stream "all beyond a stream that shrank reads as zero";
    "RNG-J23" shrunk_far "a stream of thousands of pages shrinks to nothing in pieces";
    "RNG-J24" unbounded "an unbounded VMO's content size is what was given";
}

impl Env<'_> {
    /// `zx_vmo_set_size`.
    pub(crate) fn vmo_set_size(&mut self, vmo: Handle, size: u64) -> Result {
        self.raw(Sysno::vmo_set_size, &[u64::from(vmo), size])
    }

    /// `zx_vmo_set_stream_size`.
    pub(crate) fn set_stream_size(&mut self, vmo: Handle, size: u64) -> Result {
        self.raw(Sysno::vmo_set_stream_size, &[u64::from(vmo), size])
    }

    /// `zx_vmo_get_stream_size`.
    pub(crate) fn stream_size(&mut self, vmo: Handle) -> Result<u64> {
        let out = self.out(0);
        self.raw(Sysno::vmo_get_stream_size, &[u64::from(vmo), out])?;
        Ok(self.out_u64(0))
    }
}

fn physical_size(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for size in [0, 1, P, 2 * P, u64::MAX] {
        refused!(env.vmo_set_size(vmo, size), UNAVAILABLE);
    }
    same!(ok!(env.vmo_size(vmo)), P);
    Ok(())
}

fn physical_stream(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for size in [0, P, 2 * P] {
        refused!(env.set_stream_size(vmo, size), NOT_SUPPORTED);
    }
    same!(ok!(env.stream_size(vmo)), 0);
    let slice = ok!(env.slice(vmo, 0, P));
    refused!(env.set_stream_size(slice, 0), NOT_SUPPORTED);
    Ok(())
}

fn fixed_size(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    for size in [P, 2 * P, 3 * P] {
        refused!(env.vmo_set_size(vmo, size), UNAVAILABLE);
    }
    let slice = ok!(env.slice(vmo, 0, P));
    refused!(env.vmo_set_size(slice, P), UNAVAILABLE);
    same!((ok!(env.vmo_size(vmo)), ok!(env.vmo_size(slice))), (2 * P, P));
    Ok(())
}

fn stream_shrinks(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    ok!(env.vmo_write(vmo, 0, &[7; 3 * P as usize]));
    ok!(env.set_stream_size(vmo, P / 2));
    same!(ok!(env.stream_size(vmo)), P / 2);
    ok!(env.set_stream_size(vmo, 3 * P - 5));
    let half = (P / 2) as usize;
    let bytes = ok!(env.vmo_read(vmo, 0, 3 * P));
    truth!(bytes[..half].iter().all(|&byte| byte == 7));
    truth!(bytes[half..].iter().all(|&byte| byte == 0));
    Ok(())
}

fn shrunk_mapping(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(2, create::RESIZABLE));
    let at = ok!(env.map(vmo, RW, 2 * P));
    same!(env.peek_u64(VirtAddr(at.0 + P)), 2);
    for size in [P, 0] {
        let task = ok!(env.new_process(b"reader"));
        let there = ok!(env.vmar_map(task.vmar, PERM_READ, 0, vmo, 0, 2 * P));
        ok!(env.vmo_set_size(vmo, size));
        let load = Step::new(Do::Load, &[Arg::Is(there.0 + size)]);
        same!(ok!(env.run_prepared(&task, &[load])), abi::object::task_retcode::EXCEPTION_KILL);
    }
    ok!(env.vmo_set_size(vmo, 2 * P));
    same!((env.peek_u64(at), env.peek_u64(VirtAddr(at.0 + P))), (0, 0));
    env.poke_u64(VirtAddr(at.0 + P), 5);
    same!(ok!(env.number(vmo, 1)), 5);
    Ok(())
}

fn resize_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, create::RESIZABLE));
    let all = ok!(env.rights(vmo));
    let no_resize = ok!(env.duplicate(vmo, all - Rights::RESIZE));
    refused!(env.vmo_set_size(no_resize, P), ACCESS_DENIED);
    let no_write = ok!(env.duplicate(vmo, all - Rights::WRITE));
    refused!(env.vmo_set_size(no_write, P), ACCESS_DENIED);
    refused!(env.vmo_set_size(0, P), BAD_HANDLE);
    refused!(env.vmo_set_size(env.world.job, P), WRONG_TYPE);
    let bare = ok!(env.duplicate(vmo, Rights::WRITE | Rights::RESIZE));
    ok!(env.vmo_set_size(bare, 2 * P));
    same!(ok!(env.vmo_size(vmo)), 2 * P);
    Ok(())
}

fn resize(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(2, create::RESIZABLE));
    ok!(env.vmo_set_size(vmo, 3 * P + 1));
    same!((ok!(env.vmo_size(vmo)), ok!(env.stream_size(vmo))), (4 * P, 3 * P + 1));
    same!((ok!(env.number(vmo, 1)), ok!(env.number(vmo, 3))), (2, 0));
    ok!(env.vmo_set_size(vmo, P));
    same!((ok!(env.vmo_size(vmo)), ok!(env.stream_size(vmo)), ok!(env.committed(vmo))), (P, P, P));
    refused!(env.vmo_read(vmo, P, 1), OUT_OF_RANGE);
    ok!(env.vmo_set_size(vmo, 2 * P));
    same!((ok!(env.number(vmo, 0)), ok!(env.number(vmo, 1))), (1, 0));
    ok!(env.vmo_set_size(vmo, 0));
    same!((ok!(env.vmo_size(vmo)), ok!(env.committed(vmo))), (0, 0));
    Ok(())
}

fn resize_part(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, create::RESIZABLE));
    ok!(env.vmo_write(vmo, 0, &[9; P as usize]));
    ok!(env.vmo_set_size(vmo, 10));
    same!((ok!(env.vmo_size(vmo)), ok!(env.stream_size(vmo))), (P, 10));
    let bytes = ok!(env.vmo_read(vmo, 0, P));
    truth!(bytes[..10].iter().all(|&byte| byte == 9) && bytes[10..].iter().all(|&byte| byte == 0));
    Ok(())
}

fn resize_limits(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(1, create::RESIZABLE));
    for size in [u64::MAX, u64::MAX - P, u64::MAX - 64 * P + 2] {
        refused!(env.vmo_set_size(vmo, size), OUT_OF_RANGE);
    }
    same!((ok!(env.vmo_size(vmo)), ok!(env.number(vmo, 0))), (P, 1));
    // As large as can be, with a page at the end, and back.
    let largest = u64::MAX - 64 * P + 1;
    ok!(env.vmo_set_size(vmo, largest));
    ok!(env.vmo_write(vmo, largest - 8, b"the end."));
    ok!(env.vmo_set_size(vmo, P));
    same!((ok!(env.committed(vmo)), ok!(env.number(vmo, 0))), (P, 1));
    Ok(())
}

fn resize_large(env: &mut Env<'_>) -> Outcome {
    let pages = 1024;
    let vmo = ok!(env.vmo_create(64 << 20, create::RESIZABLE));
    let at = ok!(env.map(vmo, RW, 64 << 20));
    for page in 0..pages {
        env.poke_u64(VirtAddr(at.0 + page * 16 * P), page);
    }
    same!(ok!(env.committed(vmo)), pages * P);
    ok!(env.vmo_set_size(vmo, 16 * P));
    same!((ok!(env.vmo_size(vmo)), ok!(env.committed(vmo))), (16 * P, P));
    ok!(env.vmo_set_size(vmo, 64 << 20));
    same!(env.peek_u64(VirtAddr(at.0 + 1000 * 16 * P)), 0);
    Ok(())
}

fn stream_sizes(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P - 3, 0));
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    same!(ok!(env.stream_size(bare)), 2 * P - 3);
    refused!(env.set_stream_size(bare, 0), ACCESS_DENIED);
    refused!(env.set_stream_size(vmo, 2 * P + 1), OUT_OF_RANGE);
    ok!(env.set_stream_size(vmo, 2 * P));
    same!(ok!(env.content_size(vmo)), 2 * P);
    refused!(env.stream_size(0), BAD_HANDLE);
    refused!(env.set_stream_size(0, 0), BAD_HANDLE);
    refused!(env.set_stream_size(env.world.job, 0), WRONG_TYPE);
    let args = [u64::from(vmo), 1];
    refused!(env.raw(Sysno::vmo_get_stream_size, &args), INVALID_ARGS);
    Ok(())
}

fn stream_far(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(40, 0));
    ok!(env.set_stream_size(vmo, P));
    ok!(env.set_stream_size(vmo, 40 * P));
    same!(ok!(env.stream_size(vmo)), 40 * P);
    for page in 1..40 {
        same!((page, ok!(env.number(vmo, page))), (page, 0));
    }
    same!(ok!(env.number(vmo, 0)), 1);
    Ok(())
}

fn shrunk_stream(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let clone = |env: &mut Env<'_>| env.create_child(vmo, child::SNAPSHOT, 0, 3 * P);
    for page in 0..3 {
        ok!(env.vmo_write(vmo, page * P, &[7; 32]));
    }
    let before = ok!(clone(env));
    ok!(env.set_stream_size(vmo, 10));
    same!(ok!(env.vmo_read(vmo, 0, 12)), [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0]);
    for page in 1..3 {
        same!(ok!(env.vmo_read(vmo, page * P, 32)), [0; 32]);
        same!(ok!(env.vmo_read(before, page * P, 32)), [7; 32]);
    }
    // What is written beyond the stream is gone when it grows.
    ok!(env.vmo_write(vmo, P, &[9; 32]));
    ok!(env.set_stream_size(vmo, 3 * P));
    same!(ok!(env.vmo_read(vmo, P, 32)), [0; 32]);
    Ok(())
}

fn shrunk_far(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 2048;
    let vmo = ok!(env.vmo_create(PAGES * P, 0));
    for page in (0..PAGES).step_by(3) {
        ok!(env.vmo_write(vmo, page * P + 8, &[1]));
    }
    ok!(env.set_stream_size(vmo, 1));
    same!(ok!(env.stream_size(vmo)), 1);
    for page in (0..PAGES).step_by(97) {
        same!(ok!(env.vmo_read(vmo, page * P + 8, 1)), [0]);
    }
    Ok(())
}

fn unbounded(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P + 5, create::UNBOUNDED));
    truth!(ok!(env.vmo_size(vmo)) > 1 << 63);
    same!((ok!(env.content_size(vmo)), ok!(env.stream_size(vmo))), (3 * P + 5, 3 * P + 5));
    let size = ok!(env.vmo_size(vmo));
    let vmo = ok!(env.vmo_create(u64::MAX, create::UNBOUNDED));
    same!((ok!(env.content_size(vmo)), ok!(env.vmo_size(vmo))), (size, size));
    Ok(())
}
