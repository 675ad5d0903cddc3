//! Where the image lies in physical memory.
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{PAGE_SIZE, PhysAddr};

use crate::entry::linker;
use crate::layout;

static PHYSICAL_BASE: AtomicU64 = AtomicU64::new(0);
/// Bytes of the boot heap that were mapped after its first piece.
static HEAP_GROWTH: AtomicU64 = AtomicU64::new(0);

/// The end of the boot tables that are the kernel's for good; 0 before the rest was given up.
static TABLES_END: AtomicU64 = AtomicU64::new(0);

/// Notes where the loader put the image. Called once, before anything else asks.
pub(crate) fn set_physical_base(base: PhysAddr) {
    PHYSICAL_BASE.store(base.0, Ordering::Relaxed);
}

/// The physical address of something in the image.
pub(crate) fn physical(virtual_address: u64) -> PhysAddr {
    debug_assert!(virtual_address >= layout::IMAGE);
    PhysAddr(virtual_address - layout::IMAGE + PHYSICAL_BASE.load(Ordering::Relaxed))
}

/// The virtual address of a physical one that lies in the image, but for what of it is RAM like any other.
pub(crate) fn virtual_address(physical: PhysAddr) -> Option<u64> {
    let offset = physical.0.checked_sub(PHYSICAL_BASE.load(Ordering::Relaxed))?;
    let address = layout::IMAGE.checked_add(offset)?;
    let is_ram = heap_rest().contains(&address) || spare_tables().contains(&address);
    let is_ram = is_ram || guards().contains(&(address & !(PAGE_SIZE - 1)));
    (address < linker::image_end() && !is_ram).then_some(address)
}

/// The pages below the two stacks of the image, where nothing is mapped, so that a stack that is too short ends there.
/// That needs addresses and no memory: what would lie there is RAM like any other.
pub(crate) fn guards() -> [u64; 2] {
    [linker::stack_bottom() - PAGE_SIZE, linker::stack_top()]
}

/// The boot tables that are RAM like any other.
fn spare_tables() -> Range<u64> {
    match TABLES_END.load(Ordering::Relaxed) {
        0 => 0..0,
        end => end..linker::tables_end(),
    }
}

/// Notes that the boot tables from this address on are RAM like any other.
pub(crate) fn set_tables_end(end: u64) {
    TABLES_END.store(end, Ordering::Relaxed);
}

/// The part of the boot heap that is not mapped in the image: first address, and that of the tables behind it.
pub(crate) fn heap_rest() -> Range<u64> {
    linker::heap_rest() + HEAP_GROWTH.load(Ordering::Relaxed)..linker::tables_start()
}

/// Notes that so many bytes more of the boot heap are mapped.
pub(crate) fn note_heap_growth(size: u64) {
    HEAP_GROWTH.fetch_add(size, Ordering::Relaxed);
}

/// The physical address of the image's first byte.
pub(crate) fn physical_base() -> PhysAddr {
    PhysAddr(PHYSICAL_BASE.load(Ordering::Relaxed))
}

/// Whether an address is in the image's executable part.
pub(crate) fn is_text(address: u64) -> bool {
    (layout::IMAGE..linker::text_end()).contains(&address)
}

/// Whether sixteen bytes at an address lie in this CPU's stack.
pub(crate) fn is_stack(address: u64) -> bool {
    let end = crate::cpu::stack_end();
    (end - layout::STACK_SIZE..=end - 16).contains(&address)
}

/// Whether an address is where a stack that is too short would reach: just below this CPU's.
pub(crate) fn is_below_stack(address: u64) -> bool {
    let start = crate::cpu::stack_end() - layout::STACK_SIZE;
    (start - layout::STACK_BELOW..start).contains(&address)
}

/// The descriptor of the ELF's build-id note: what tells one build from another.
pub fn build_id() -> &'static [u8] {
    let start = linker::build_id_start();
    let size = linker::build_id_end() - start;
    // SAFETY: the linker script puts the note, constant and initialised, between the two symbols.
    let note = unsafe { core::slice::from_raw_parts(start as *const u8, size as usize) };
    // An ELF note: three words (name size, descriptor size, type), the name "GNU\0", the descriptor.
    note.get(16..).unwrap_or_default()
}

/// The build-id, printed as people write it: two digits for each byte.
#[derive(Clone, Copy, Debug)]
pub struct BuildId;

impl core::fmt::Display for BuildId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        build_id().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
