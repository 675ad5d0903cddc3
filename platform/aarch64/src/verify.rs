//! Does the address space hold what its design promises? Asked of the MMU itself, and of every descriptor.
//!
//! The boot argument `test` runs this once, after boot has mapped everything that the kernel will ever have.
use core::arch::asm;

use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange};
use kernel::ports::Run;

use crate::descriptor::{self, Leaf};
use crate::entry::linker;
use crate::layout::{DEVICES, DIRECT_MAP, IMAGE};
use crate::tables::KernelSpace;
use crate::{copy, frames, image};

/// A promise that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What was promised.
    pub promise: &'static str,
    /// Where it does not hold.
    pub address: u64,
}

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the kernel's address space is wrong at {:#x}: {}", self.address, self.promise)
    }
}

/// Normal, write-back.
const NORMAL: u8 = 0xff;
/// Device-nGnRE.
const DEVICE: u8 = 0x04;

/// Checks every promise.
///
/// # Errors
/// The first that is broken.
pub(crate) fn check(space: &KernelSpace) -> Result<(), Broken> {
    regions()?;
    if let Some((length, offset)) = copy::wrong_memcpy() {
        let address = (length << 4 | offset) as u64;
        return Err(Broken { promise: "memcpy copies what it is told to (length and offset)", address });
    }
    if let Some((length, offset)) = copy::wrong_memset() {
        let address = (length << 4 | offset) as u64;
        return Err(Broken { promise: "memset sets what it is told to (length and offset)", address });
    }
    let mut broken = None;
    space.each_leaf(&mut |address, value| {
        let leaf = Leaf::decode(value);
        let promise = if leaf.writable && leaf.executable {
            "nothing is writable and executable"
        } else if leaf.el0 {
            "EL0 has nothing in the kernel's half"
        } else if leaf.attribute != NORMAL && leaf.executable {
            "device memory is never executable"
        } else if leaf.attribute != NORMAL && leaf.attribute != DEVICE {
            "there are two memory types"
        } else {
            return;
        };
        broken.get_or_insert(Broken { promise, address });
    });
    broken.map_or(Ok(()), Err)
}

fn regions() -> Result<(), Broken> {
    let physical_image = image::physical(IMAGE).0;
    let constants = linker::text_end();
    require(IMAGE, Some((NORMAL, false)), "text is mapped read-only")?;
    require(constants, Some((NORMAL, false)), "constants are mapped read-only")?;
    require(linker::stack_bottom(), Some((NORMAL, true)), "the stack is mapped for writing")?;
    require(linker::stack_bottom() - PAGE_SIZE, None, "nothing is below the stack")?;
    require(linker::stack_top(), None, "nothing is above the stack")?;
    require(physical_image, None, "the identity map is gone")?;
    require(DIRECT_MAP + physical_image, None, "the direct map does not lead into the image")?;
    let rest = image::heap_rest();
    if !rest.is_empty() {
        require(rest.start, None, "what the boot heap did not need is not in the image")?;
        require(rest.end - PAGE_SIZE, None, "what the boot heap did not need is not in the image")?;
        let rest = DIRECT_MAP + image::physical(rest.start).0;
        require(rest, Some((NORMAL, true)), "what the boot heap did not need is RAM")?;
    }
    require(DEVICES, Some((DEVICE, true)), "the kernel's devices are Device-nGnRE")?;
    for raw in 1..4 {
        CachePolicy::from_raw(raw).map_or(Ok(()), uncached)?;
    }
    if let Some(frame) = frames::lend() {
        let mapped = require(DIRECT_MAP + frame.0, Some((NORMAL, true)), "RAM is in the direct map");
        frames::take_back(frame);
        mapped?;
    }
    Ok(())
}

/// A frame that is not cached has its own type in the direct map, and what is written to it is there. When it is
/// given back, it is cached again.
fn uncached(policy: CachePolicy) -> Result<(), Broken> {
    let within = PhysRange::from_bounds(PhysAddr(0), PhysAddr(u64::MAX));
    let run = within.and_then(|within| frames::lend_run(&Run { pages: 1, align: PAGE_SIZE, within, policy }));
    let Some(frame) = run else { return Ok(()) };
    let address = DIRECT_MAP + frame.0;
    let mapped = require(address, Some((policy.mair_byte(), true)), "an uncached frame has its own type");
    crate::uncached::zero(frame);
    crate::uncached::write(frame, 5, b"uncached");
    let mut bytes = [0xff; 16];
    crate::uncached::read(frame, 0, &mut bytes);
    frames::take_back(frame);
    mapped?;
    if bytes != *b"\0\0\0\0\0uncached\0\0\0" {
        return Err(Broken { promise: "an uncached frame keeps what is written to it", address });
    }
    require(address, Some((NORMAL, true)), "a frame that was uncached is cached again")
}

/// Checks one address: the attribute byte and whether EL1 may write, or `None` for nothing mapped.
fn require(address: u64, expected: Option<(u8, bool)>, promise: &'static str) -> Result<(), Broken> {
    let found = translate(address, false).map(|attribute| (attribute, translate(address, true).is_some()));
    if found == expected { Ok(()) } else { Err(Broken { promise, address }) }
}

/// The attribute byte that an EL1 access would meet; `None` if it would fault (PAR_EL1, Arm ARM D24.2.151).
fn translate(address: u64, write: bool) -> Option<u8> {
    let result: u64;
    // SAFETY: AT only walks; PAR_EL1 belongs to nobody.
    unsafe {
        if write {
            asm!("at s1e1w, {}", in(reg) address, options(nostack, preserves_flags));
        } else {
            asm!("at s1e1r, {}", in(reg) address, options(nostack, preserves_flags));
        }
        asm!("isb", "mrs {}, par_el1", out(reg) result, options(nostack, preserves_flags));
    }
    (result & 1 == 0).then_some((result >> 56) as u8)
}

impl KernelSpace {
    /// Calls `visit` with each page's and block's address and descriptor.
    fn each_leaf(&self, visit: &mut dyn FnMut(u64, u64)) {
        // The kernel's half starts where all the bits above 48 are set.
        // SAFETY: 1, it is the root, whose level is 0.
        unsafe { walk(self.root(), 0xffff << 48, 0, visit) };
    }
}

/// Visits the leaves below a table.
///
/// # Safety
/// 1. `table` is the kernel space's root, or a table that an entry of it leads to, and `level` is its level.
unsafe fn walk(table: PhysAddr, base: u64, level: usize, visit: &mut dyn FnMut(u64, u64)) {
    let shift = 39 - 9 * level as u32;
    for index in 0..512 {
        let address = base + (index << shift);
        // SAFETY: 1 by the caller.
        let value = unsafe { crate::tables::read_entry(table, address, shift) };
        let is_table = level < 3 && value & descriptor::TABLE == descriptor::TABLE;
        if is_table {
            // SAFETY: 1, this entry leads there, one level down.
            unsafe { walk(PhysAddr(value & descriptor::ADDRESS), address, level + 1, visit) };
        } else if value & 1 != 0 {
            visit(address, value);
        }
    }
}
