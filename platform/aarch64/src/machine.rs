//! The board as the kernel's logic sees it: `kernel::ports`, implemented.
//!
//! The ports are safe to call with anything, so each frame is looked up before its bytes are touched: only
//! frames that were lent and not taken back are accessible, and those hold nothing that Rust knows of.
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PageCount, PhysAddr, PhysRange, VirtAddr};
use kernel::ports::{
    Access, Asid, Clock, Context, CpuId, FpState, Frames, HeapUse, Maintenance, Output, Peers, Run,
    Translation,
};

use crate::entry::{Boot, linker};
use crate::layout::DIRECT_MAP;
use crate::{barrier, cache, copy, cpu, fp, frames, heap, image, output, rows, timer, tlb, uncached, watch};

/// The machine that this kernel runs on. There is one; whoever holds it decides what EL0 sees.
#[derive(Debug)]
pub struct Board {
    /// Frames that are translation tables of programs.
    tables: u64,
    /// The first stretch of RAM, where most boards have most of it: its base and size.
    ram: (u64, u64),
    /// The last physical address.
    last: PhysAddr,
}

impl Boot {
    /// The machine, for the kernel's logic. Booting is over: nothing more can be mapped for the kernel.
    pub fn into_board(self) -> Board {
        let last = PhysAddr((1 << cpu::physical_address_bits()) - 1);
        Board { tables: 0, ram: frames::first_stretch(), last }
    }
}

impl Board {
    /// Whether an address, any at all, lies in a cached frame that is lent.
    #[inline(always)]
    fn is_lent(&self, address: PhysAddr) -> bool {
        let (base, size) = self.ram;
        if address.0.wrapping_sub(base) < size {
            frames::LENT.contains(address)
        } else {
            frames::is_lent_elsewhere(address)
        }
    }
}

/// The virtual address of `len` bytes in a lent cached frame.
#[inline]
fn cached(frame: PhysAddr, offset: usize, len: usize) -> Option<u64> {
    let inside = offset.checked_add(len).is_some_and(|end| end <= PAGE_SIZE as usize);
    // The sum of a page's address, the offset in it and where the map begins, which has all of those bits zero.
    (inside && frames::LENT.contains(frame)).then(|| DIRECT_MAP | frame.0.wrapping_add(offset as u64))
}

/// As [`cached`], where no other frame makes sense.
///
/// # Panics
/// If the frame is not lent or the bytes are not all in it: a bug of the kernel that would otherwise corrupt
/// memory.
#[inline]
fn bytes(frame: PhysAddr, offset: usize, len: usize) -> u64 {
    let Some(address) = cached(frame, offset, len) else { refuse(frame, offset, len) };
    address
}

/// Ends the kernel over an access to what is not its own.
#[cold]
#[inline(never)]
fn refuse(frame: PhysAddr, offset: usize, len: usize) -> ! {
    panic!("{len} bytes at {offset} of {frame} are not aligned, or not the kernel's to touch")
}

/// The descriptor at an address in a lent frame.
#[inline(always)]
fn descriptor(at: PhysAddr) -> &'static AtomicU64 {
    // An aligned word is all in one frame.
    if !at.0.is_multiple_of(8) || !frames::LENT.contains(at) {
        refuse(at, 0, 8);
    }
    // SAFETY: the word is mapped, aligned and in a lent frame, which no Rust reference but such atomics covers.
    unsafe { AtomicU64::from_ptr((DIRECT_MAP + at.0) as *mut u64) }
}

/// The virtual address of `count` descriptors in a row in a lent frame.
fn row(at: PhysAddr, count: u64) -> u64 {
    let inside = count <= 512 && at.page_offset() + (count << 3) <= PAGE_SIZE;
    if !at.0.is_multiple_of(8) || !inside || !frames::LENT.contains(at) {
        refuse(at, 0, count.saturating_mul(8) as usize);
    }
    DIRECT_MAP + at.0
}

impl Frames for Board {
    fn allocate_frame(&mut self) -> Option<PhysAddr> {
        frames::lend()
    }

    fn allocate_run(&mut self, run: &Run) -> Option<PhysAddr> {
        frames::lend_run(run)
    }

    fn free_frame(&mut self, frame: PhysAddr) {
        frames::take_back(frame);
    }

    fn allocate_table(&mut self) -> Option<PhysAddr> {
        let frame = frames::lend()?;
        self.tables = self.tables.saturating_add(1);
        Some(frame)
    }

    fn free_table(&mut self, frame: PhysAddr) {
        self.tables = self.tables.saturating_sub(1);
        frames::take_back(frame);
    }

    fn table_frames(&self) -> PageCount {
        PageCount(self.tables)
    }

    #[inline(always)]
    fn is_taken(&self, address: PhysAddr) -> bool {
        self.is_lent(address)
    }

    #[inline(always)]
    fn write_taken<const N: usize>(&mut self, at: PhysAddr, word: [u8; N]) -> bool {
        if !at.0.is_multiple_of(N as u64) || !self.is_lent(at) {
            return false;
        }
        let to = DIRECT_MAP | at.0;
        if let Ok(word) = <[u8; 8]>::try_from(word.as_slice()) {
            // SAFETY: the word is mapped, aligned and in a lent frame, which no Rust reference but such atomics covers.
            unsafe { AtomicU64::from_ptr(to as *mut u64) }.store(u64::from_ne_bytes(word), Ordering::Relaxed);
        } else if let Ok(word) = <[u8; 4]>::try_from(word.as_slice()) {
            // SAFETY: as above.
            unsafe { AtomicU32::from_ptr(to as *mut u32) }.store(u32::from_ne_bytes(word), Ordering::Relaxed);
        } else {
            return false;
        }
        true
    }

    fn frame_policy(&self, address: PhysAddr) -> Option<CachePolicy> {
        frames::policy_of(address)
    }

    fn free_frames(&self) -> PageCount {
        frames::lent_free()
    }

    fn heap_use(&self) -> HeapUse {
        heap::heap_use()
    }

    fn zero_frame(&mut self, frame: PhysAddr) {
        let Some(page) = cached(frame, 0, PAGE_SIZE as usize) else { return uncached::zero(frame) };
        // SAFETY: `cached` gives an aligned page of a lent frame, mapped (1) and never referenced (2).
        unsafe { copy::zero_page(page) }
    }

    fn read_frame(&self, frame: PhysAddr, offset: usize, into: &mut [u8]) {
        let Some(from) = cached(frame, offset, into.len()) else {
            return uncached::read(frame, offset, into);
        };
        // SAFETY: 1, `cached` checked the source, the slice is writable. 2, we hold the slice exclusively.
        // 3, a slice is never in a lent frame.
        unsafe { copy::copy(into.as_mut_ptr() as u64, from, into.len()) }
    }

    #[inline]
    fn write_frame(&mut self, frame: PhysAddr, offset: usize, from: &[u8]) {
        let Some(to) = cached(frame, offset, from.len()) else {
            return uncached::write(frame, offset, from);
        };
        // SAFETY: 1, `cached` checked the destination, the slice is readable. 2, no reference is ever made to
        // a lent frame. 3, as in `read_frame`.
        unsafe { copy::copy(to, from.as_ptr() as u64, from.len()) }
    }

    fn copy_frame(&mut self, from: PhysAddr, from_offset: usize, to: PhysAddr, to_offset: usize, len: usize) {
        let (source, target) = (cached(from, from_offset, len), cached(to, to_offset, len));
        match (source, target) {
            // SAFETY: 1 and 2 by `cached`, for both; 3 was just checked.
            (Some(source), Some(target)) if source.abs_diff(target) >= len as u64 => unsafe {
                copy::copy(target, source, len);
            },
            _ => self.copy_through_buffer((from, from_offset), (to, to_offset), len),
        }
    }
}

impl Board {
    /// Copies bytes of a frame over others that they share, which a program causes that reads a VMO into its own mapping
    /// of it; or between frames of different memory types.
    #[cold]
    #[inline(never)]
    fn copy_through_buffer(&mut self, from: (PhysAddr, usize), to: (PhysAddr, usize), len: usize) {
        let mut between = [0; PAGE_SIZE as usize];
        if let Some(between) = between.get_mut(..len) {
            self.read_frame(from.0, from.1, between);
            self.write_frame(to.0, to.1, between);
        }
    }
}

impl Translation for Board {
    #[inline(always)]
    fn read_descriptor(&self, at: PhysAddr) -> u64 {
        descriptor(at).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn write_descriptor(&mut self, at: PhysAddr, value: u64) {
        descriptor(at).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn replace_descriptor(&mut self, at: PhysAddr, value: u64) -> u64 {
        let entry = descriptor(at);
        let before = entry.load(Ordering::Relaxed);
        entry.store(value, Ordering::Relaxed);
        before
    }

    #[inline(always)]
    fn fill_descriptor(&mut self, at: PhysAddr, value: u64) -> bool {
        let entry = descriptor(at);
        let is_invalid = entry.load(Ordering::Relaxed) & 1 == 0;
        if is_invalid {
            entry.store(value, Ordering::Relaxed);
        }
        is_invalid
    }

    fn fill_descriptors(&mut self, at: PhysAddr, count: u64, first: u64, step: u64) {
        // SAFETY: 1 and 2 by `row`.
        unsafe { rows::fill(row(at, count), count, first, step) }
    }

    fn are_descriptors_zero(&self, at: PhysAddr, count: u64) -> bool {
        // SAFETY: 1 and 2 by `row`.
        unsafe { rows::are_zero(row(at, count), count) }
    }

    fn clear_descriptors(&mut self, at: PhysAddr, count: u64) -> u64 {
        // SAFETY: 1 and 2 by `row`.
        unsafe { rows::clear(row(at, count), count) }
    }

    fn change_descriptors(&mut self, at: PhysAddr, count: u64, same: u64, like: u64, change: u64) -> u64 {
        // SAFETY: 1 and 2 by `row`.
        unsafe { rows::change(row(at, count), count, same, like, change) }
    }

    #[inline]
    fn publish_descriptors(&mut self) {
        barrier::complete_stores();
        barrier::instruction();
    }

    #[inline]
    fn invalidate_leaf(&mut self, asid: Asid, address: VirtAddr) {
        tlb::invalidate_leaf(asid, address);
    }

    fn invalidate_walk(&mut self, asid: Asid, address: VirtAddr) {
        tlb::invalidate_walk(asid, address);
    }

    fn invalidate_space(&mut self, asid: Asid) {
        tlb::invalidate_space(asid);
    }

    fn invalidate_all(&mut self) {
        tlb::invalidate_all();
    }

    #[inline]
    fn complete_invalidation(&mut self) {
        barrier::complete();
        barrier::instruction();
    }

    fn activate(&mut self, space: Option<(PhysAddr, Asid)>) {
        let (root, asid) = match space {
            Some((root, asid)) => {
                assert!(frames::LENT.contains(root), "the tables at {root} are no frame of the kernel's");
                (root, asid)
            }
            // entry.S left the second of its tables empty for this, under the ASID that nobody is given.
            None => (image::physical(linker::tables_start() + PAGE_SIZE), Asid(0)),
        };
        // SAFETY: 1, the root is a lent frame that the logic made a table, or the empty one. 2, it is trusted to
        // show lent frames and what the ledger grants, and nothing else: no check here repeats its work.
        unsafe { tlb::activate(root, asid) }
    }

    fn synchronize_instructions(&mut self, frame: PhysAddr) {
        let cached = cached(frame, 0, PAGE_SIZE as usize);
        let page = cached.unwrap_or_else(|| uncached::bytes(frame, 0, PAGE_SIZE as usize));
        // SAFETY: 1, a lent frame is in the direct map, by whatever type.
        unsafe { cache::synchronize_instructions(page) }
    }

    fn maintain_cache(&mut self, frame: PhysAddr, offset: usize, len: usize, how: Maintenance) {
        let start = bytes(frame, offset, len);
        // SAFETY: 1, a lent frame is in the direct map. 2, the logic asks for what is lost, in frames that hold
        // nothing of the kernel's own.
        unsafe { cache::maintain(start, len as u64, how) }
    }

    fn clean_pages(&mut self, pages: PhysRange, policy: CachePolicy) {
        for offset in (0..pages.size()).step_by(PAGE_SIZE as usize) {
            uncached::clean(PhysAddr(pages.base().0.wrapping_add(offset)), policy);
        }
    }

    #[inline]
    fn probe(&self, address: VirtAddr, access: Access) -> u64 {
        tlb::probe(address, access == Access::Write)
    }

    fn physical_address_bits(&self) -> u32 {
        u64::BITS - self.last.0.leading_zeros()
    }

    #[inline(always)]
    fn has_address(&self, address: PhysAddr) -> bool {
        address <= self.last
    }

    fn wide_asids(&self) -> bool {
        cpu::wide_asids()
    }
}

impl Clock for Board {
    fn ticks(&self) -> u64 {
        timer::now()
    }

    fn ticks_per_second(&self) -> u64 {
        timer::frequency()
    }

    fn set_timer(&mut self, at: Option<u64>) {
        watch::set_timer(at);
    }
}

impl Output for Board {
    // `cargo xtask bench` tells operations apart by the entries into this function.
    #[inline(never)]
    fn write_console(&mut self, text: &[u8]) {
        output::write_text(text);
    }

    fn write_log(&mut self, frame: &[u8]) {
        crate::log::write(frame);
    }
}

impl Context for Board {
    fn save_fp(&mut self, into: &mut FpState) {
        fp::save(into);
    }

    fn restore_fp(&mut self, from: &FpState) {
        fp::restore(from);
    }

    fn allow_fp(&mut self, allowed: bool) {
        fp::allow(allowed);
    }

    fn entropy(&mut self) -> Option<u64> {
        cpu::random()
    }
}

impl Peers for Board {
    fn kick(&mut self, cpu: CpuId) {
        crate::interrupts::kick(crate::secondary::affinity(cpu));
    }

    fn note_calls(&mut self, cpu: CpuId, return_to: u64) {
        crate::trap::note_calls(cpu, return_to);
    }
}
