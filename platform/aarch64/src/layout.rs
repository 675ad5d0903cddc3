//! The kernel's address map. No other file has a virtual address in it.
//!
//! ```text
//! 0xffff_ffff_8000_0000  the image, by 4 KiB pages: text RX, read-only data R, data RW, stacks RW
//! 0xffff_ff90_0000_0000  what the kernel's objects of each type lie in, one behind the other, RW (`stretch`)
//! 0xffff_ff80_0000_0000  a bit for each frame, RW: whether it is lent (`frames`)
//! 0xffff_ff00_3fc0_0000  the device tree as the loader left it, read-only, while the kernel boots
//! 0xffff_ff00_3000_0000  pages with the words by which a spin-table releases CPUs, RW
//! 0xffff_ff00_2000_0000  the stacks of the CPUs that the boot CPU starts
//! 0xffff_ff00_001f_f000  a page of a program's while the caches are cleaned of it, by its own type, never executable
//! 0xffff_ff00_0000_0000  the kernel's own devices, Device-nGnRE, never executable
//! 0xffff_0000_0000_0000  the direct map: RAM at this address plus its physical one, RW, never executable
//! 0x0000_0000_0000_0000  EL0 (TTBR0_EL1)
//! ```
//!
//! The linker script (`linker/kernel.ld`) repeats the image's base, because it cannot read this file;
//! [`crate::entry`] asserts that they agree.

/// Where RAM is mapped: the virtual address of physical address 0.
pub const DIRECT_MAP: u64 = 0xffff_0000_0000_0000;
/// Where the kernel maps the devices that it keeps.
pub const DEVICES: u64 = 0xffff_ff00_0000_0000;
/// Bytes for the kernel's devices: one table of 4 KiB pages, but for its last one.
pub const DEVICES_SIZE: u64 = (2 << 20) - 0x1000;
/// Where a page of a program's is mapped while the caches are cleaned of it: the last one of that table.
pub const CLEANING: u64 = DEVICES + DEVICES_SIZE;
/// Where the stacks of the other CPUs are: CPU n has the n-th stretch of [`STACK_STRIDE`] bytes. From its end
/// downward: the emergency stack, a page that is mapped nowhere, the stack, nothing. The boot CPU's, in the
/// image, lie in the same way.
pub const STACKS: u64 = 0xffff_ff00_2000_0000;
/// log2 of the distance between the ends of two CPUs' stacks.
pub const STACK_SHIFT: u64 = 17;
/// The distance between the ends of two CPUs' stacks.
pub const STACK_STRIDE: u64 = 1 << STACK_SHIFT;
/// Bytes of a CPU's stack.
pub const STACK_SIZE: u64 = 0x10000;
/// Bytes of the stack on which an exception from the kernel is reported.
pub const EMERGENCY_SIZE: u64 = 0x4000;
/// From the end of the emergency stack down to the end of the stack.
pub const STACK_BELOW: u64 = EMERGENCY_SIZE + 0x1000;
/// Where the words are mapped that CPUs in a spin-table watch: a page for each CPU at most.
pub const RELEASE: u64 = 0xffff_ff00_3000_0000;
/// Where the boot code maps the loader's device tree.
pub const TREE: u64 = 0xffff_ff00_3fc0_0000;
/// The largest device tree that is accepted.
pub const TREE_MAX: u64 = 2 << 20;
/// Where the bits are that say which frames are lent: one for each page below 2^48, of which those for RAM are mapped.
pub const LENT: u64 = 0xffff_ff80_0000_0000;

/// Where stretches begin: one of [`SMALL_STRETCH`] bytes for each, which have their tables in common.
pub const STRETCHES: u64 = 0xffff_ff90_0000_0000;
/// Bytes of addresses for a stretch that is small.
pub const SMALL_STRETCH: u64 = 64 << 10;
/// Where those go that have outgrown that: [`LARGE_STRETCH`] bytes for each, in the same order.
pub const LARGE: u64 = STRETCHES + (1 << 30);
/// Bytes of addresses for a stretch that is not small.
pub const LARGE_STRETCH: u64 = 8 << 30;
/// Stretches that there can be: more than there are types of objects.
pub const MAX_STRETCHES: u64 = 32;

/// Where the image is linked.
pub const IMAGE: u64 = 0xffff_ffff_8000_0000;

/// The first physical address that the direct map cannot reach.
pub const DIRECT_MAP_LIMIT: u64 = DEVICES - DIRECT_MAP;

// The tree may start at any page, so it may touch one page more than its own size.
const _: () = assert!(DEVICES + DEVICES_SIZE <= TREE && TREE + TREE_MAX + 0x1000 <= IMAGE);
const _: () = assert!(DEVICES + DEVICES_SIZE <= STACKS && STACKS + 8 * STACK_STRIDE <= RELEASE);
const _: () = assert!(RELEASE + 8 * 0x1000 <= TREE);
const _: () = assert!(STACK_SIZE + STACK_BELOW < STACK_STRIDE && STACKS >> 30 == TREE >> 30);
const _: () = assert!(TREE + TREE_MAX <= LENT && LENT + (1 << (48 - 12 - 3)) <= STRETCHES);
const _: () =
    assert!(SMALL_STRETCH * MAX_STRETCHES <= 2 << 20 && LARGE + LARGE_STRETCH * MAX_STRETCHES <= IMAGE);
const _: () = assert!(TREE >> 30 == DEVICES >> 30, "both hang off one level 2 table");
