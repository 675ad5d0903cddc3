//! IOMMU, BTI and PMT: who may make a device's way to memory, what a pin promises, and what becomes of it.

use abi::dma::{iommu, pin};
use abi::object::{InfoBti, info};
use abi::vmo::{CachePolicy, child, create};
use abi::{Handle, Rights, Signals, Sysno};
use alloc::vec::Vec;

use crate::agent::{Arg, DATA, Do, HEADER, STEP, STEP_ARGS, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "BTI-001" stub "a BTI is made from the stub, for any id";
    "BTI-002" pin_many "256 pages are pinned and unpinned, each at an address of its own";
    "BTI-004" pin_contiguous "a contiguous VMO has one address, and its pages follow each other";
    "BTI-005" pinned_size "a pinned VMO is not made smaller than its pins";
    "BTI-007" clone_after_unpin "a VMO is cloned as soon as it is unpinned, whoever looks at it meanwhile";
    "BTI-008" counts "as many addresses are wanted as there are, and no more than the call gives";
    "BTI-010" decommit_race "a page that is pinned is not decommitted, however one tries";
    "BTI-011" commits "a pin brings pages in, and its range lies in the VMO";
    "BTI-013" unpin_wrong "what is no pin is gone after unpinning it, too";
    "BTI-014" rights "a pin asks of the VMO what the device may do";
    "PHO-020" pin_physical "memory of every kind is pinned where it is, through slices too, and a device's at its own addresses";
    "PHO-022" physical_in_a_row "a physical VMO counts as contiguous";
    "PCH-019" pinned_child "a pinned child without handles keeps its parent's ZERO_CHILDREN clear";
    "BTI-J01" quarantine "a pin that is closed is quarantined until the quarantine is released";
    "BTI-J02" dead_driver "the pins of a process that dies are quarantined";
    "BTI-J03" default_rights "IOMMU, BTI and PMT have their default rights and types";
    "BTI-J04" pin_order "pins are refused for the first reason there is";
    "BTI-J05" iommu_order "an IOMMU is refused for the first reason there is";
    "BTI-J06" bti_order "a BTI is refused for the first reason there is";
    "BTI-J07" names "a BTI has a name; a pin is neither copied nor sent";
    "BTI-J08" overlapping "pins may overlap, and each ends alone";
    "BTI-J09" bad_outputs "a pin whose addresses or handle cannot be written is none";
    "BTI-J10" frozen "what is pinned keeps its cache policy";
    "BTI-J11" outlives_bti "a pin outlives the handles of its BTI and of its VMO";
    "BTI-J12" release_needs_write "releasing the quarantine needs WRITE";
}

impl Env<'_> {
    /// The stub.
    pub(crate) fn iommu(&mut self) -> Result<Handle> {
        let before = [u64::from(self.world.system_root), u64::from(iommu::STUB), 0, 0];
        self.making(Sysno::iommu_create, &before)
    }

    /// A BTI of a device whose bus does not limit it.
    pub(crate) fn bti(&mut self) -> Result<Handle> {
        let iommu = self.iommu()?;
        let bti = self.making(Sysno::bti_create, &[u64::from(iommu), 0, u64::MAX])?;
        self.close(iommu)?;
        Ok(bti)
    }

    /// Pins `[offset, offset + size)` and gives the pin's handle and `count` addresses.
    pub(crate) fn pin(
        &mut self,
        bti: Handle,
        options: u32,
        vmo: Handle,
        (offset, size): (u64, u64),
        count: u64,
    ) -> Result<(Handle, Vec<u64>)> {
        let most = usize::try_from(count.min(1024)).unwrap_or(0) * 8;
        let addrs = self.data(&alloc::vec![0; most]);
        let head = [u64::from(bti), u64::from(options), u64::from(vmo), offset, size, addrs, count];
        let pmt = self.making(Sysno::bti_pin, &head)?;
        let words = self.data_bytes(most);
        let words = words.chunks_exact(8).map(|raw| <u64 as abi::layout::Plain>::get_at(raw, 0));
        Ok((pmt, words.collect()))
    }

    pub(crate) fn unpin(&mut self, pmt: Handle) -> Result {
        self.forget(pmt);
        self.raw(Sysno::pmt_unpin, &[u64::from(pmt)])
    }

    fn bti_info(&mut self, bti: Handle) -> Result<InfoBti> {
        self.info(bti, info::BTI)
    }

    /// Pins and pins in quarantine.
    fn pins(&mut self, bti: Handle) -> Result<(u64, u64)> {
        self.bti_info(bti).map(|info| (info.pmo_count, info.quarantine_count))
    }
}

fn stub(env: &mut Env<'_>) -> Outcome {
    let iommu = ok!(env.iommu());
    for id in [0, 1, 0xDEAD_BEEF, u64::MAX] {
        let bti = ok!(env.making(Sysno::bti_create, &[u64::from(iommu), 0, id]));
        let info = ok!(env.bti_info(bti));
        same!((info.minimum_contiguity, info.aspace_size), (P, u64::MAX));
        same!((info.pmo_count, info.quarantine_count), (0, 0));
    }
    Ok(())
}

fn pin_many(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(256 * P, 0));
    let (pmt, mut addresses) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 256 * P), 256));
    same!(ok!(env.pins(bti)), (1, 0));
    addresses.sort_unstable();
    addresses.dedup();
    same!(addresses.len(), 256);
    let ram = env.world.ram;
    truth!(addresses.iter().all(|&at| at % P == 0 && ram.contains_addr(abi::PhysAddr(at))));
    same!(ok!(env.vmo_info(vmo)).committed_bytes, 256 * P);
    ok!(env.unpin(pmt));
    same!(ok!(env.pins(bti)), (0, 0));
    refused!(env.valid(pmt), BAD_HANDLE);
    Ok(())
}

fn pin_contiguous(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 4 * P, 0));
    let (one, first) = ok!(env.pin(bti, pin::PERM_READ | pin::CONTIGUOUS, vmo, (0, 4 * P), 1));
    let (all, each) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 4 * P), 4));
    let follow: Vec<u64> = (0..4).map(|page| first[0] + page * P).collect();
    same!(each, follow);
    let slice = ok!(env.slice(vmo, 2 * P, 2 * P));
    let read = pin::PERM_READ | pin::CONTIGUOUS;
    let (part, second) = ok!(env.pin(bti, read, slice, (P, P), 1));
    same!(second, [first[0] + 3 * P]);
    for pmt in [one, all, part] {
        ok!(env.unpin(pmt));
    }
    Ok(())
}

fn counts(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(4 * P, 0));
    for count in [0, 1, 3, 5, pin::MAX_ADDRS, pin::MAX_ADDRS + 1, u64::MAX] {
        refused!(env.pin(bti, pin::PERM_READ, vmo, (0, 4 * P), count), INVALID_ARGS);
        refused!(env.pin(bti, pin::PERM_READ | pin::COMPRESS, vmo, (0, 4 * P), count), INVALID_ARGS);
    }
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ | pin::COMPRESS, vmo, (0, 4 * P), 4));
    ok!(env.unpin(pmt));
    let row = ok!(env.contiguous(bti, 4 * P, 0));
    refused!(env.pin(bti, pin::PERM_READ | pin::CONTIGUOUS, row, (0, 4 * P), 4), INVALID_ARGS);
    same!(ok!(env.pins(bti)), (0, 0));
    Ok(())
}

fn commits(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(4 * P, 0));
    for range in [(0, 5 * P), (4 * P, P), (u64::MAX - P + 1, P), (P, 0_u64.wrapping_sub(P))] {
        refused!(env.pin(bti, pin::PERM_READ, vmo, range, range.1 / P % 1000), OUT_OF_RANGE);
    }
    refused!(env.pin(bti, pin::PERM_READ, vmo, (P, 0), 0), INVALID_ARGS);
    same!(ok!(env.vmo_info(vmo)).committed_bytes, 0);
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_WRITE, vmo, (P, 2 * P), 2));
    same!(ok!(env.vmo_info(vmo)).committed_bytes, 2 * P);
    same!(ok!(env.vmo_read(vmo, P, 8)), [0; 8]);
    ok!(env.unpin(pmt));
    same!(ok!(env.vmo_info(vmo)).committed_bytes, 2 * P);
    // What is pinned is neither taken away nor cut off.
    let vmo = ok!(env.vmo_create(4 * P, create::RESIZABLE));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (2 * P, P), 1));
    for (offset, size) in [(0, 4 * P), (2 * P, P), (P, 2 * P)] {
        refused!(env.vmo_op(vmo, abi::vmo::RangeOp::Decommit, offset, size), BAD_STATE);
    }
    for size in [0, P, 2 * P] {
        refused!(env.vmo_set_size(vmo, size), BAD_STATE);
    }
    ok!(env.vmo_op(vmo, abi::vmo::RangeOp::Decommit, 3 * P, P));
    ok!(env.unpin(pmt));
    ok!(env.vmo_op(vmo, abi::vmo::RangeOp::Decommit, 0, 4 * P));
    ok!(env.vmo_set_size(vmo, 0));
    Ok(())
}

fn pinned_size(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(4 * P, create::RESIZABLE));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (P, P), 1));
    for size in [0, 1, P] {
        refused!(env.raw(Sysno::vmo_set_size, &[u64::from(vmo), size]), BAD_STATE);
    }
    same!(ok!(env.vmo_size(vmo)), 4 * P);
    for size in [2 * P, 8 * P] {
        ok!(env.raw(Sysno::vmo_set_size, &[u64::from(vmo), size]));
    }
    ok!(env.unpin(pmt));
    ok!(env.raw(Sysno::vmo_set_size, &[u64::from(vmo), 0]));
    Ok(())
}

fn clone_after_unpin(env: &mut Env<'_>) -> Outcome {
    const ROUNDS: u64 = 20_000;
    /// Nanoseconds; a round takes about as long.
    const REST: u64 = 20_000;
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(P, 0));
    let given = ok!(env.duplicate(env.world.process, Rights::SAME_RIGHTS));
    let task = ok!(env.new_process(b"watcher"));
    let args = [Arg::Is(0), Arg::Is(u64::from(info::PROCESS_VMOS)), Arg::Script(DATA), Arg::Is(1024)];
    // It rests a moment after each look: two CPUs that wait for each other all the time measure the host's scheduler.
    let steps = [
        Step::give_handle(1),
        Step::call(Sysno::object_get_info, &args),
        Step::call(Sysno::deadline_after, &[Arg::Is(REST)]),
        Step::give_result(2, 4),
        Step::call(Sysno::nanosleep, &[]),
        Step::again(1),
    ];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, given));
    let (addrs, out) = (env.own().0, env.out(0));
    let pinned = [u64::from(bti), 1, u64::from(vmo), 0, P, addrs, 1, out];
    let cloned = [u64::from(vmo), u64::from(child::SNAPSHOT), 0, P, out];
    for round in 0..ROUNDS {
        ok!(env.raw(Sysno::bti_pin, &pinned));
        let pmt = env.out_u32(0);
        if round % 1000 == 0 {
            refused!(env.raw(Sysno::vmo_create_child, &cloned), BAD_STATE);
        }
        ok!(env.raw(Sysno::pmt_unpin, &[u64::from(pmt)]));
        ok!(env.raw(Sysno::vmo_create_child, &cloned));
        let clone = env.out_u32(0);
        ok!(env.raw(Sysno::handle_close, &[u64::from(clone)]));
    }
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    Ok(())
}

fn decommit_race(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let given = ok!(env.duplicate(vmo, Rights::SAME_RIGHTS));
    let task = ok!(env.new_process(b"racer"));
    let decommit = u64::from(abi::vmo::RangeOp::Decommit as u32);
    let args = [Arg::Is(0), Arg::Is(decommit), Arg::Is(0), Arg::Is(2 * P)];
    let steps = [Step::give_handle(1), Step::call(Sysno::vmo_op_range, &args), Step::again(1)];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, given));
    for _ in 0..200 {
        let (one, first) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 2 * P), 2));
        refused!(env.raw(Sysno::vmo_op_range, &[u64::from(vmo), decommit, P, P]), BAD_STATE);
        let (two, second) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 2 * P), 2));
        same!(first, second);
        ok!(env.unpin(one));
        ok!(env.unpin(two));
    }
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    Ok(())
}

fn unpin_wrong(env: &mut Env<'_>) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    refused!(env.unpin(event), WRONG_TYPE);
    refused!(env.valid(event), BAD_HANDLE);
    refused!(env.unpin(event), BAD_HANDLE);
    refused!(env.unpin(0), BAD_HANDLE);
    Ok(())
}

fn rights(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(P, 0));
    let readable = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::WRITE));
    let writable = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::READ));
    refused!(env.pin(bti, pin::PERM_WRITE, readable, (0, P), 1), ACCESS_DENIED);
    refused!(env.pin(bti, pin::PERM_READ, writable, (0, P), 1), ACCESS_DENIED);
    refused!(env.pin(bti, pin::PERM_EXECUTE, writable, (0, P), 1), ACCESS_DENIED);
    for (permissions, vmo) in [(pin::PERM_READ, readable), (pin::PERM_WRITE, writable)] {
        let (pmt, _) = ok!(env.pin(bti, permissions, vmo, (0, P), 1));
        ok!(env.unpin(pmt));
    }
    Ok(())
}

fn pin_physical(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0;
    let bti = ok!(env.bti());
    let physical = ok!(crate::physical_ops::flash(env, 8, CachePolicy::UncachedDevice));
    let (paged, row) = (ok!(env.vmo_create(8 * P, 0)), ok!(env.contiguous(bti, 8 * P, 0)));
    for vmo in [paged, row, physical] {
        let slice = ok!(env.slice(vmo, P, 6 * P));
        let inner = ok!(env.slice(slice, 2 * P, 3 * P));
        let (whole, places) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 8 * P), 8));
        if vmo != paged {
            let first = if vmo == physical { base } else { places[0] };
            same!(places, (0..8).map(|page| first + page * P).collect::<Vec<_>>());
        }
        for (handle, start) in [(vmo, 0), (slice, 1), (inner, 3)] {
            let (pmt, addresses) = ok!(env.pin(bti, pin::PERM_READ, handle, (P, 2 * P), 2));
            same!(addresses, places[start + 1..start + 3]);
            ok!(env.unpin(pmt));
        }
        ok!(env.unpin(whole));
    }
    Ok(())
}

fn physical_in_a_row(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(registers(env));
    let (pmt, addresses) = ok!(env.pin(bti, pin::PERM_READ | pin::CONTIGUOUS, vmo, (0, P), 1));
    same!(addresses, [env.world.registers.base().0]);
    // Its policy is its own all the same.
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    ok!(env.unpin(pmt));
    Ok(())
}

fn pinned_child(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let past = abi::time::INFINITE_PAST;
    let physical = ok!(crate::physical_ops::flash(env, 2, CachePolicy::UncachedDevice));
    let (paged, row) = (ok!(env.vmo_create(2 * P, 0)), ok!(env.contiguous(bti, 2 * P, 0)));
    for (parent, kind) in
        [(physical, child::SLICE), (paged, child::SLICE), (paged, child::SNAPSHOT), (row, child::SLICE)]
    {
        let child = ok!(env.create_child(parent, kind, P, P));
        let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, child, (0, P), 1));
        let (other, _) = ok!(env.pin(bti, pin::PERM_READ, child, (0, P), 1));
        ok!(env.close(child));
        for pin in [pmt, other] {
            refused!(env.wait(parent, Signals::VMO_ZERO_CHILDREN, past).0, TIMED_OUT);
            same!(ok!(env.vmo_info(parent)).num_children, 1);
            ok!(env.unpin(pin));
        }
        let soon = env.in_the_future(5_000_000_000);
        ok!(env.wait(parent, Signals::VMO_ZERO_CHILDREN, soon).0);
    }
    Ok(())
}

fn quarantine(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(2 * P, 0));
    for pins in 1..20 {
        let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, 2 * P), 2));
        ok!(env.close(pmt));
        same!(ok!(env.pins(bti)), (pins, pins));
    }
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    ok!(env.raw(Sysno::bti_release_quarantine, &[u64::from(bti)]));
    same!(ok!(env.pins(bti)), (0, 0));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    ok!(env.raw(Sysno::bti_release_quarantine, &[u64::from(bti)]));
    Ok(())
}

fn dead_driver(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let given = ok!(env.duplicate(bti, Rights::SAME_RIGHTS));
    let task = ok!(env.new_process(b"driver"));
    // Step 1 makes a VMO, step 2 takes its handle to step 3, which pins it.
    let third = HEADER + 3 * STEP + STEP_ARGS;
    let copy = Step {
        action: Do::Copy,
        ..Step::call(Sysno::vmo_create, &[Arg::Script(DATA), Arg::Script(third + 16)])
    };
    let permissions = Arg::Is(u64::from(pin::PERM_WRITE));
    let pinned = [
        Arg::Is(0),
        permissions,
        Arg::Is(0),
        Arg::Is(0),
        Arg::Is(P),
        Arg::Script(DATA + 64),
        Arg::Is(1),
        Arg::Script(DATA + 128),
    ];
    let steps = [
        Step::give_handle(3),
        Step::call(Sysno::vmo_create, &[Arg::Is(P), Arg::Is(0), Arg::Script(DATA)]),
        copy,
        Step::call(Sysno::bti_pin, &pinned),
        Step::exit(0),
    ];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, given));
    same!(ok!(env.finish(&task)), 0);
    ok!(env.step_status(&task, 3));
    same!(ok!(env.pins(bti)), (1, 1));
    ok!(env.raw(Sysno::bti_release_quarantine, &[u64::from(bti)]));
    same!(ok!(env.pins(bti)), (0, 0));
    Ok(())
}

fn default_rights(env: &mut Env<'_>) -> Outcome {
    use abi::ObjectType::{Bti, Iommu, Pmt};
    let iommu = ok!(env.iommu());
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(P, 0));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, P), 1));
    let expected = [(iommu, Iommu, 0x8003), (bti, Bti, 0x80EF), (pmt, Pmt, 0x8000)];
    for (handle, kind, rights) in expected {
        let basic = ok!(env.basic(handle));
        same!((basic.object_type, basic.rights, basic.related_koid), (kind as u32, rights, 0));
    }
    refused!(env.info::<InfoBti>(pmt, info::BTI), WRONG_TYPE);
    ok!(env.unpin(pmt));
    Ok(())
}

fn pin_order(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let read = pin::PERM_READ;
    refused!(env.pin(0, 0, 0, (1, 1), u64::MAX), BAD_HANDLE);
    refused!(env.pin(vmo, 0, 0, (1, 1), u64::MAX), WRONG_TYPE);
    let poor = ok!(env.duplicate(bti, Rights::DEFAULT_BTI - Rights::MAP));
    refused!(env.pin(poor, 0, 0, (1, 1), u64::MAX), ACCESS_DENIED);
    // What is wrong in itself, before the VMO.
    refused!(env.pin(bti, read, 0, (1, P), 1), INVALID_ARGS);
    refused!(env.pin(bti, read, 0, (0, P + 1), 1), INVALID_ARGS);
    refused!(env.pin(bti, read, 0, (0, P), pin::MAX_ADDRS + 1), INVALID_ARGS);
    refused!(env.pin(bti, u32::MAX, 0, (0, 0), 1), BAD_HANDLE);
    refused!(env.pin(bti, u32::MAX, bti, (0, 0), 1), WRONG_TYPE);
    let poor = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::MAP));
    refused!(env.pin(bti, u32::MAX, poor, (0, 0), 1), ACCESS_DENIED);
    let poor = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::READ));
    refused!(env.pin(bti, u32::MAX, poor, (0, 0), 1), ACCESS_DENIED);
    // Options, before the range.
    let shapes = pin::COMPRESS | pin::CONTIGUOUS;
    for options in
        [0, shapes, read | shapes, read | 1 << 5, read | 1 << 31, read | pin::CONTIGUOUS, pin::COMPRESS]
    {
        refused!(env.pin(bti, options, vmo, (P, 8 * P), 1), INVALID_ARGS);
    }
    refused!(env.pin(bti, read, vmo, (8 * P, 0), 1), INVALID_ARGS);
    // The range, before the number of addresses.
    refused!(env.pin(bti, read, vmo, (P, 8 * P), 1), OUT_OF_RANGE);
    refused!(env.pin(bti, read, vmo, (0, 2 * P), 1), INVALID_ARGS);
    same!(ok!(env.pins(bti)), (0, 0));
    Ok(())
}

fn iommu_order(env: &mut Env<'_>) -> Outcome {
    let system = u64::from(env.world.system_root);
    let (out, own) = (env.out(0), env.own().0);
    let long = iommu::MAX_DESC_LEN + 1;
    refused!(env.raw(Sysno::iommu_create, &[0, 9, 0, long, out]), BAD_HANDLE);
    let (channel, _) = ok!(env.channel());
    refused!(env.raw(Sysno::iommu_create, &[u64::from(channel), 9, 0, long, out]), WRONG_TYPE);
    let mmio = u64::from(env.world.mmio_root);
    refused!(env.raw(Sysno::iommu_create, &[mmio, 9, 0, long, out]), WRONG_TYPE);
    let (root, vmex) = (env.world.system_root, abi::resource::system::VMEX);
    let other = ok!(env.resource_create(root, abi::resource::Kind::System as u32, vmex, 1, b"vmex"));
    refused!(env.raw(Sysno::iommu_create, &[u64::from(other), 0, 0, 0, out]), WRONG_TYPE);
    refused!(env.raw(Sysno::iommu_create, &[system, 9, own, long, out]), INVALID_ARGS);
    refused!(env.raw(Sysno::iommu_create, &[system, 9, 1, 8, out]), INVALID_ARGS);
    for kind in [iommu::INTEL, iommu::ARM_SMMU, 9] {
        refused!(env.raw(Sysno::iommu_create, &[system, u64::from(kind), own, 8, 0]), NOT_SUPPORTED);
    }
    for out in env.bad_pointers() {
        refused!(env.raw(Sysno::iommu_create, &[system, 0, own, iommu::MAX_DESC_LEN, out]), INVALID_ARGS);
    }
    let unit = ok!(env.resource_create(
        root,
        abi::resource::Kind::System as u32,
        abi::resource::system::IOMMU,
        1,
        b"iommu"
    ));
    ok!(env.making(Sysno::iommu_create, &[u64::from(unit), 0, own, 1]));
    Ok(())
}

fn bti_order(env: &mut Env<'_>) -> Outcome {
    let out = env.out(0);
    refused!(env.raw(Sysno::bti_create, &[0, 1, 0, out]), INVALID_ARGS);
    refused!(env.raw(Sysno::bti_create, &[0, 0, 0, out]), BAD_HANDLE);
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.raw(Sysno::bti_create, &[u64::from(vmo), 0, 0, out]), WRONG_TYPE);
    let iommu = ok!(env.iommu());
    for out in env.bad_pointers() {
        refused!(env.raw(Sysno::bti_create, &[u64::from(iommu), 0, 0, out]), INVALID_ARGS);
    }
    let bare = ok!(env.duplicate(iommu, Rights::NONE));
    ok!(env.making(Sysno::bti_create, &[u64::from(bare), 0, 0]));
    Ok(())
}

fn names(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    ok!(env.set_name(bti, b"disk"));
    same!(ok!(env.name(bti))[..5], *b"disk\0");
    let blind = ok!(env.duplicate(bti, Rights::DEFAULT_BTI - Rights::INSPECT));
    refused!(env.bti_info(blind), ACCESS_DENIED);
    let vmo = ok!(env.vmo_create(P, 0));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, P), 1));
    refused!(env.duplicate(pmt, Rights::SAME_RIGHTS), ACCESS_DENIED);
    let (near, _far) = ok!(env.channel());
    refused!(env.channel_write(near, b"", &[pmt]), ACCESS_DENIED);
    // Who sends what may not be sent has lost it, and the pin is not undone by that.
    env.forget(pmt);
    same!(ok!(env.pins(bti)), (1, 1));
    ok!(env.raw(Sysno::bti_release_quarantine, &[u64::from(bti)]));
    Ok(())
}

fn overlapping(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(8 * P, 0));
    let ranges = [(0, 8 * P), (2 * P, 2 * P), (3 * P, 4 * P), (2 * P, 2 * P), (0, P)];
    let mut pins = Vec::new();
    for (offset, size) in ranges {
        let (pmt, addresses) = ok!(env.pin(bti, pin::PERM_READ, vmo, (offset, size), size / P));
        pins.push((pmt, offset, addresses));
    }
    let whole = pins[0].2.clone();
    for (pmt, offset, addresses) in pins {
        let first = (offset / P) as usize;
        same!(addresses, whole[first..first + addresses.len()]);
        refused!(env.set_policy(vmo, CachePolicy::Cached), BAD_STATE);
        ok!(env.unpin(pmt));
    }
    ok!(env.set_policy(vmo, CachePolicy::Cached));
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(40 * P, 0));
    let (good, out) = (env.own().0, env.out(0));
    for bad in env.bad_pointers() {
        for (addrs, out) in [(bad, out), (good, bad)] {
            let head = [u64::from(bti), 1, u64::from(vmo), 0, 40 * P, addrs, 40, out];
            refused!(env.raw(Sysno::bti_pin, &head), INVALID_ARGS);
            same!(ok!(env.pins(bti)), (0, 0));
        }
    }
    ok!(env.set_policy(vmo, CachePolicy::Cached));
    Ok(())
}

fn frozen(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, P), 1));
    for policy in 0..4 {
        refused!(env.set_cache_policy(vmo, policy), BAD_STATE);
    }
    ok!(env.unpin(pmt));
    ok!(env.set_policy(vmo, CachePolicy::WriteCombining));
    Ok(())
}

fn outlives_bti(env: &mut Env<'_>) -> Outcome {
    let (bti, other) = (ok!(env.bti()), ok!(env.bti()));
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, b"kept"));
    let (pmt, first) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, P), 1));
    let slice = ok!(env.slice(vmo, 0, P));
    let (kept, second) = ok!(env.pin(other, pin::PERM_READ, slice, (0, P), 1));
    same!(first, second);
    ok!(env.close(bti));
    ok!(env.close(slice));
    ok!(env.unpin(pmt));
    same!(ok!(env.vmo_read(vmo, 0, 4)), b"kept");
    ok!(env.unpin(kept));
    Ok(())
}

fn release_needs_write(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let poor = ok!(env.duplicate(bti, Rights::DEFAULT_BTI - Rights::WRITE));
    refused!(env.raw(Sysno::bti_release_quarantine, &[u64::from(poor)]), ACCESS_DENIED);
    refused!(env.raw(Sysno::bti_release_quarantine, &[0]), BAD_HANDLE);
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.raw(Sysno::bti_release_quarantine, &[u64::from(vmo)]), WRONG_TYPE);
    Ok(())
}
