//! VMOs that may be discarded, and their locks.

use abi::layout::AbiStruct;
use abi::object::vmo_flags;
use abi::vmar::{ALLOW_FAULTS, MAP_RANGE, PERM_READ};
use abi::vmo::{LockState, RangeOp, create};
use abi::{Handle, Sysno};

use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::vmo_ranges::RW;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHO-008" physical_locks "a physical VMO is not locked";
    "VMO-026" locks "a discardable VMO is locked and unlocked";
    "RNG-J16" lock_ranges "a lock is of the whole VMO, and only of a discardable one";
    "RNG-J17" lock_buffer "a lock tells its state, and is none if it cannot";
    "RNG-J18" discardable_rules "a discardable VMO says so, has no children and is mapped by who expects faults";
}

impl Env<'_> {
    /// `ZX_VMO_OP_LOCK`: what was discarded.
    fn lock(&mut self, vmo: Handle, size: u64) -> Result<LockState> {
        let buffer = self.data(&[0xEE; LockState::SIZE]);
        let args = [u64::from(vmo), RangeOp::Lock as u64, 0, size, buffer, LockState::SIZE as u64];
        self.raw(Sysno::vmo_op_range, &args)?;
        Ok(self.data_struct())
    }
}

fn physical_locks(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.lock(vmo, P), NOT_SUPPORTED);
    for op in [RangeOp::Lock, RangeOp::TryLock, RangeOp::Unlock] {
        refused!(env.vmo_op(vmo, op, 0, P), NOT_SUPPORTED);
    }
    Ok(())
}

fn locks(env: &mut Env<'_>) -> Outcome {
    let size = 2 * P;
    let vmo = ok!(env.vmo_create(size, create::DISCARDABLE));
    refused!(env.vmo_op(vmo, RangeOp::Unlock, 0, size), BAD_STATE);
    let fresh = LockState { offset: 0, size, discarded_offset: 0, discarded_size: 0 };
    same!(ok!(env.lock(vmo, size)), fresh);
    ok!(env.vmo_write(vmo, 0, b"kept"));
    ok!(env.vmo_op(vmo, RangeOp::TryLock, 0, size));
    ok!(env.vmo_op(vmo, RangeOp::Unlock, 0, size));
    ok!(env.vmo_op(vmo, RangeOp::Unlock, 0, size));
    refused!(env.vmo_op(vmo, RangeOp::Unlock, 0, size), BAD_STATE);
    // Nobody was short of memory, so it is all still there.
    ok!(env.vmo_op(vmo, RangeOp::TryLock, 0, size));
    same!(ok!(env.vmo_read(vmo, 0, 4)), b"kept");
    ok!(env.vmo_op(vmo, RangeOp::Unlock, 0, size));
    same!(ok!(env.lock(vmo, size)), fresh);
    Ok(())
}

fn lock_ranges(env: &mut Env<'_>) -> Outcome {
    let plain = ok!(env.vmo_create(2 * P, 0));
    let vmo = ok!(env.vmo_create(2 * P, create::DISCARDABLE));
    for op in [RangeOp::Lock, RangeOp::TryLock, RangeOp::Unlock] {
        refused!(env.vmo_op(plain, op, 0, 2 * P), NOT_SUPPORTED);
        for (offset, size) in [(0, P), (P, P), (0, 3 * P), (P, 2 * P), (0, 0)] {
            refused!(env.vmo_op(vmo, op, offset, size), OUT_OF_RANGE);
        }
    }
    Ok(())
}

fn lock_buffer(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, create::DISCARDABLE));
    let lock = |buffer, size| [u64::from(vmo), RangeOp::Lock as u64, 0, P, buffer, size];
    let buffer = env.data(&[0; 64]);
    refused!(env.raw(Sysno::vmo_op_range, &lock(buffer, 31)), INVALID_ARGS);
    refused!(env.raw(Sysno::vmo_op_range, &lock(0, 0)), INVALID_ARGS);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::vmo_op_range, &lock(pointer, 32)), INVALID_ARGS);
    }
    refused!(env.vmo_op(vmo, RangeOp::Unlock, 0, P), BAD_STATE);
    ok!(env.raw(Sysno::vmo_op_range, &lock(buffer, 64)));
    ok!(env.vmo_op(vmo, RangeOp::Unlock, 0, P));
    Ok(())
}

fn discardable_rules(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, create::DISCARDABLE));
    same!(ok!(env.vmo_info(vmo)).flags & vmo_flags::DISCARDABLE, vmo_flags::DISCARDABLE);
    refused!(env.map(vmo, RW, 2 * P), NOT_SUPPORTED);
    let at = ok!(env.map(vmo, RW | ALLOW_FAULTS, 2 * P));
    env.poke_u64(at, 3);
    same!(ok!(env.number(vmo, 0)), 3);
    refused!(env.slice(vmo, 0, P), NOT_SUPPORTED);
    ok!(env.map(vmo, PERM_READ | ALLOW_FAULTS | MAP_RANGE, 2 * P));
    Ok(())
}
