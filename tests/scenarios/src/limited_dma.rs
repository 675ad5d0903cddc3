//! Devices whose bus has limits (`dma-ranges`): which memory they get, and by which addresses.

use abi::dma::pin;
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Handle, PhysAddr, PhysRange, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::oracle::address;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "BTI-J20" reached "a pin takes pages that the device reaches, and gives its bus's addresses of them";
    "BTI-J21" beyond "what the device does not reach is not pinned, and the pin leaves nothing behind";
    "BTI-J22" in_a_row "contiguous memory for a device lies where it reaches it";
    "BTI-J23" larger "a device gets no more in a row than it reaches";
}

const RW: u32 = PERM_READ | PERM_WRITE;

impl Env<'_> {
    /// A BTI of the device with limits.
    fn limited_bti(&mut self) -> Result<Handle> {
        let (id, iommu) = (self.limited().bti_id, self.iommu()?);
        let bti = self.making(Sysno::bti_create, &[u64::from(iommu), 0, id])?;
        self.close(iommu)?;
        Ok(bti)
    }
}

/// The memory behind an address of the bus.
fn memory_at(env: &Env<'_>, bus: u64) -> Option<u64> {
    let limited = env.limited();
    let offset = bus.checked_sub(limited.bus).filter(|offset| *offset < limited.memory.size())?;
    Some(limited.memory.base().0 + offset)
}

fn reached(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 40;
    let bti = ok!(env.limited_bti());
    let vmo = ok!(env.vmo_create(PAGES * P, 0));
    let at = ok!(env.map(vmo, RW, PAGES * P));
    let (pmt, pinned) = ok!(env.pin(bti, pin::PERM_READ | pin::PERM_WRITE, vmo, (0, PAGES * P), PAGES));
    for (page, bus) in (0..).zip(&pinned) {
        let here = VirtAddr(at.0 + page * P);
        env.poke_u64(here, page);
        same!(Some(ok!(env.translate(here, true).map(address))), memory_at(env, *bus));
    }
    // Another device has the same pages by their own addresses.
    let free = ok!(env.bti());
    let (other, direct) = ok!(env.pin(free, pin::PERM_READ, vmo, (0, PAGES * P), PAGES));
    for (bus, physical) in pinned.iter().zip(direct) {
        same!(memory_at(env, *bus), Some(physical));
        truth!(*bus != physical);
    }
    same!(ok!(env.vmo_read(vmo, 7 * P, 1)), [7]);
    ok!(env.unpin(pmt));
    ok!(env.unpin(other));
    Ok(())
}

fn beyond(env: &mut Env<'_>) -> Outcome {
    let (bti, free) = (ok!(env.limited_bti()), ok!(env.bti()));
    let memory = env.limited().memory;
    let flash = ok!(crate::physical_ops::flash(env, 1, CachePolicy::UncachedDevice));
    refused!(env.pin(bti, pin::PERM_READ, flash, (0, P), 1), ADDRESS_UNREACHABLE);
    refused!(env.pin(bti, pin::PERM_READ | pin::CONTIGUOUS, flash, (0, P), 1), ADDRESS_UNREACHABLE);
    // Pages that were there before stay where they are. What is large is taken far from where devices are short of it.
    let vmo = ok!(env.contiguous(free, 4 << 20, 0));
    let (pmt, pages) = ok!(env.pin(free, pin::PERM_READ, vmo, (0, 64 * P), 64));
    ok!(env.unpin(pmt));
    let outside = pages.iter().position(|page| !memory.contains_addr(PhysAddr(*page)));
    truth!(outside.is_some());
    let at = outside.unwrap_or(0) as u64 * P;
    refused!(env.pin(bti, pin::PERM_READ, vmo, (at, P), 1), ADDRESS_UNREACHABLE);
    refused!(env.pin(bti, pin::PERM_READ, vmo, (0, 64 * P), 64), ADDRESS_UNREACHABLE);
    let info: abi::object::InfoBti = ok!(env.info(bti, abi::object::info::BTI));
    same!((info.pmo_count, info.quarantine_count), (0, 0));
    // Nothing of it is pinned.
    ok!(env.set_policy(vmo, CachePolicy::Cached));
    Ok(())
}

fn in_a_row(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 16;
    let bti = ok!(env.limited_bti());
    let limited = env.limited();
    let vmo = ok!(env.contiguous(bti, PAGES * P, 16));
    let one = pin::PERM_READ | pin::CONTIGUOUS;
    let (pmt, first) = ok!(env.pin(bti, one, vmo, (0, PAGES * P), 1));
    let (each, all) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, PAGES * P), PAGES));
    for (page, bus) in (0..).zip(all) {
        same!(bus, first[0] + page * P);
    }
    let row = ok!(PhysRange::new(PhysAddr(first[0]), PAGES * P).map_err(|_| abi::Status::INTERNAL));
    let bus =
        ok!(PhysRange::new(PhysAddr(limited.bus), limited.memory.size()).map_err(|_| abi::Status::INTERNAL));
    truth!(bus.contains(row));
    ok!(env.unpin(pmt));
    ok!(env.unpin(each));
    Ok(())
}

fn larger(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.limited_bti());
    let size = env.limited().memory.size();
    refused!(env.contiguous(bti, size + P, 0), NO_MEMORY);
    ok!(env.contiguous(bti, P, 0));
    Ok(())
}
