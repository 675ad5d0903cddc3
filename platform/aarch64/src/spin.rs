//! CPUs that wait in a spin-table (Devicetree Specification 3.8.1; Linux, arm64/booting): each watches a word of memory,
//! with its caches off, and goes to the address that appears there.
//!
//! It brings nothing along by which it could be told from another, and several may watch one word. So it is sent to
//! `spin_entry` (entry.S), where it waits until [`CALLS`] has its affinity. What it finds there is its own, however
//! late it comes and whoever else was released; and what it does not find is taken back.
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{PAGE_SIZE, PhysAddr, PhysRange};
use kernel::ports::{CpuId, MAX_CPUS};

use crate::entry::Boot;
use crate::tables::MapError;
use crate::{barrier, cache, descriptor, image, layout, trap};

/// Who is called: entry.S reads this without an MMU.
#[repr(C, align(64))]
pub(crate) struct Calls([Call; MAX_CPUS]);

/// What a CPU is called by.
#[repr(C)]
struct Call {
    /// Whom. Written once, and before `context`, so that nobody sees one with the other of somebody else.
    affinity: AtomicU64,
    /// What PSCI would pass in x0; 0 for nobody.
    context: AtomicU64,
}

const _: () = assert!(size_of::<Call>() == 16, "entry.S counts in such steps");

/// Nobody yet: no CPU has this affinity.
pub(crate) static CALLS: Calls =
    Calls([const { Call { affinity: AtomicU64::new(u64::MAX), context: AtomicU64::new(0) } }; MAX_CPUS]);

unsafe extern "C" {
    safe static spin_entry: u8;
}

/// Why a CPU cannot be called out of a spin-table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseError {
    /// The word is not one, or not where the kernel could write it.
    Address(PhysAddr),
    /// The kernel uses that memory itself.
    InUse(PhysAddr),
    /// Nothing is there.
    Silent(PhysAddr),
    /// It cannot be mapped.
    Map(MapError),
}

impl core::fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Address(address) => {
                write!(f, "its cpu-release-addr {address} is not 8-byte-aligned memory within reach")
            }
            Self::InUse(address) => {
                write!(f, "its cpu-release-addr {address} lies in what the kernel uses itself")
            }
            Self::Silent(address) => write!(f, "nothing answers at its cpu-release-addr {address}"),
            Self::Map(error) => error.fmt(f),
        }
    }
}

/// The pages with release words that are mapped, in the order of their places.
#[derive(Default)]
pub(crate) struct ReleasePages([Option<PhysAddr>; MAX_CPUS]);

/// The page with a release word: it is nobody else's, whatever the tree says of it.
pub(crate) fn release_page(word: PhysAddr) -> Option<PhysRange> {
    PhysRange::new(word, 8).ok().map(|word| word.expand_to_pages())
}

impl Boot {
    /// Calls the CPU with an affinity: it finds `context` at `spin_entry`. `word` is what it watches.
    ///
    /// # Errors
    /// [`ReleaseError`]; nothing was written then.
    pub(crate) fn call_cpu(
        &mut self,
        pages: &mut ReleasePages,
        (number, affinity): (CpuId, u64),
        context: u64,
        word: PhysAddr,
    ) -> Result<(), ReleaseError> {
        let address = self.release_word(pages, word)?;
        let Some(call) = CALLS.0.get(number.index()) else { return Err(ReleaseError::Address(word)) };
        call.affinity.store(affinity, Ordering::Relaxed);
        write_out();
        call.context.store(context, Ordering::Relaxed);
        write_out();
        // SAFETY: `release_word` mapped the word, aligned, outside everything that Rust knows of.
        let released = unsafe { AtomicU64::from_ptr(address as *mut u64) };
        released.store(image::physical(&raw const spin_entry as u64).0, Ordering::Relaxed);
        // SAFETY: 1, the word was just written.
        unsafe { cache::clean_to_memory(address, 8) };
        barrier::send_event();
        Ok(())
    }

    /// The virtual address of a release word, mapped as the memory that it is.
    fn release_word(&mut self, pages: &mut ReleasePages, word: PhysAddr) -> Result<u64, ReleaseError> {
        let page =
            release_page(word).filter(|page| word.0.is_multiple_of(8) && self.reachable().contains(*page));
        let page = page.ok_or(ReleaseError::Address(word))?;
        let in_use = page.overlaps(self.image())
            || self.kept.iter().flatten().any(|kept| kept.expand_to_pages().overlaps(page))
            || self.devices.iter().flatten().any(|(device, _)| device.overlaps(page));
        if in_use {
            return Err(ReleaseError::InUse(word));
        }
        let known = |slot: &Option<PhysAddr>| slot.is_none_or(|known| known == page.base());
        let index = pages.0.iter().position(known).ok_or(ReleaseError::Address(word))?;
        let place = layout::RELEASE + index as u64 * PAGE_SIZE;
        let address = place + word.page_offset();
        if pages.0[index].is_none() {
            // SAFETY: 1, the page is in no other map: `open_memory` leaves it out of the direct map, and it is neither
            // the image's nor a device's. The ledger gives it to nobody.
            unsafe { self.space.map(place, page.base(), PAGE_SIZE, descriptor::DATA, &mut self.tables) }
                .map_err(ReleaseError::Map)?;
            pages.0[index] = Some(page.base());
        }
        // SAFETY: 1, the word was just mapped, and is aligned. 2, this is boot.
        unsafe { trap::load_if_present(address) }.ok_or(ReleaseError::Silent(word))?;
        Ok(address)
    }
}

/// Takes a call back: a CPU that has not found it yet stays where it is.
pub(crate) fn revoke(number: CpuId) {
    if let Some(call) = CALLS.0.get(number.index()) {
        call.context.store(0, Ordering::Relaxed);
        write_out();
    }
}

/// Makes all calls visible without caches.
fn write_out() {
    // SAFETY: 1, they are in the image's data.
    unsafe { cache::clean_to_memory(&raw const CALLS as u64, size_of::<Calls>() as u64) };
}
