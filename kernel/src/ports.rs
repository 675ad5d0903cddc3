//! What the kernel's logic asks of a machine.
//!
//! The logic owns one value of a type that implements [`Machine`]: the board's in the image, a simulated
//! one on the host. Everything here is safe to call with any argument: an implementation checks that an
//! address lies in a frame that it handed out (the check is a table look-up) and treats anything else as
//! a kernel bug, because frames are plain bytes to which no Rust reference exists.
//!
//! A port does one thing and decides nothing. Which frame, which descriptor, which order of barriers is
//! the logic's business, where it can be tested.

use abi::vmo::CachePolicy;
use abi::{GeneralRegs, PageCount, PhysAddr, PhysRange, VirtAddr};

/// CPUs that the kernel can use.
pub const MAX_CPUS: usize = 8;

/// A CPU by its number. Holding one proves that the number is below [`MAX_CPUS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CpuId(u8);

impl CpuId {
    /// The CPU that boots.
    pub const BOOT: Self = Self(0);

    /// The CPU with this number, if the kernel can use so many.
    pub const fn new(number: usize) -> Option<Self> {
        if number < MAX_CPUS { Some(Self(number as u8)) } else { None }
    }

    /// The CPU whose number a register holds; bits that no CPU's number has do not count.
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        Self((bits % MAX_CPUS as u64) as u8)
    }

    /// Its number.
    #[inline]
    pub const fn index(self) -> usize {
        // The remainder says to the compiler what the constructor says to people.
        self.0 as usize % MAX_CPUS
    }

    /// Every CPU that there can be.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MAX_CPUS as u8).map(Self)
    }
}

/// An address space's identifier in the TLB (`TTBR0_EL1.ASID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asid(pub u16);

/// How an address is used, for the translation probe and for fault reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// What the kernel's heap has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapUse {
    /// Its bytes.
    pub bytes: u64,
    /// Those that nobody uses.
    pub free: u64,
    /// Frames that it took since the kernel began, which are part of `bytes`.
    pub frames: u64,
}

/// Frames in a row, as somebody wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub pages: u64,
    /// What the first one's address must be a multiple of, in bytes: a power of two, and a page at least.
    pub align: u64,
    /// Where they must lie.
    pub within: PhysRange,
    /// The memory type by which they will be reached.
    pub policy: CachePolicy,
}

/// Physical frames of RAM: 4 KiB each, owned by whoever asked for them.
///
/// A frame has one memory type as long as it is taken. All but those of [`Frames::allocate_run`] are cached. The
/// kernel itself reaches a frame by its type and no other, so that programs may map it by that type. One that is not
/// cached must be zeroed before anything else is done with it: that takes away what caches still hold of it.
pub trait Frames {
    /// Takes a frame; its contents are whatever they were. `None` when there is none left. It is never
    /// physical page 0, which stands for no frame.
    fn allocate_frame(&mut self) -> Option<PhysAddr>;

    /// Takes frames in a row; as with one, their contents are whatever they were. They are given back one by one.
    fn allocate_run(&mut self, run: &Run) -> Option<PhysAddr>;

    /// Gives a frame back. A frame that is free already is a kernel bug.
    fn free_frame(&mut self, frame: PhysAddr);

    /// As [`Frames::allocate_frame`], for a translation table, which is counted.
    fn allocate_table(&mut self) -> Option<PhysAddr>;

    /// Gives a frame of [`Frames::allocate_table`] back.
    fn free_table(&mut self, frame: PhysAddr);

    /// Frames of [`Frames::allocate_table`] that were not given back.
    fn table_frames(&self) -> PageCount;

    /// Whether an address, any at all, lies in a cached frame that was taken and not given back.
    fn is_taken(&self, address: PhysAddr) -> bool;

    /// Writes a word of four or eight bytes at an address, any at all, if that is a multiple of the word's size and
    /// [is taken](Frames::is_taken). Whether it did.
    #[inline]
    fn write_taken<const N: usize>(&mut self, at: PhysAddr, word: [u8; N]) -> bool {
        let is_there = at.0.is_multiple_of(N as u64) && self.is_taken(at);
        if is_there {
            self.write_frame(at.page_down(), at.page_offset() as usize, &word);
        }
        is_there
    }

    /// The memory type of the taken frame in which an address, any at all, lies.
    fn frame_policy(&self, address: PhysAddr) -> Option<CachePolicy>;

    /// Frames that could still be taken.
    fn free_frames(&self) -> PageCount;

    /// What the kernel's heap has.
    fn heap_use(&self) -> HeapUse;

    /// Fills a frame with zeros.
    fn zero_frame(&mut self, frame: PhysAddr);

    /// Copies `into.len()` bytes out of a frame; `offset + len` stays within its 4 KiB.
    fn read_frame(&self, frame: PhysAddr, offset: usize, into: &mut [u8]);

    /// Copies `from` into a frame; `offset + len` stays within its 4 KiB.
    fn write_frame(&mut self, frame: PhysAddr, offset: usize, from: &[u8]);

    /// Copies `len` bytes from one frame to another; both stay within their 4 KiB. They may be one frame, and
    /// what overlaps arrives as it was before.
    fn copy_frame(&mut self, from: PhysAddr, from_offset: usize, to: PhysAddr, to_offset: usize, len: usize);
}

/// What is done to cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Written to memory (DC CVAC).
    Clean,
    /// Written to memory and dropped (DC CIVAC).
    CleanInvalidate,
    /// Dropped, written or not (DC IVAC). A line that has other bytes too is written first.
    Invalidate,
}

/// Stage 1 translation for EL0 (`TTBR0_EL1`). The order of these calls is the map cursor's alone.
pub trait Translation {
    /// Reads a descriptor at an 8-aligned address in a frame.
    fn read_descriptor(&self, at: PhysAddr) -> u64;

    /// Writes a descriptor, single-copy atomically.
    fn write_descriptor(&mut self, at: PhysAddr, value: u64);

    /// As [`Translation::write_descriptor`]; what was there before.
    fn replace_descriptor(&mut self, at: PhysAddr, value: u64) -> u64 {
        let before = self.read_descriptor(at);
        self.write_descriptor(at, value);
        before
    }

    /// As [`Translation::write_descriptor`], if what is there is invalid (bit 0). Whether it was.
    fn fill_descriptor(&mut self, at: PhysAddr, value: u64) -> bool {
        let is_invalid = self.read_descriptor(at) & 1 == 0;
        if is_invalid {
            self.write_descriptor(at, value);
        }
        is_invalid
    }

    /// Writes `count` descriptors in a row, all in one table: `first`, and each next one greater by `step`.
    fn fill_descriptors(&mut self, at: PhysAddr, count: u64, first: u64, step: u64) {
        for index in 0..count {
            let value = first.wrapping_add(index.wrapping_mul(step));
            self.write_descriptor(PhysAddr(at.0.wrapping_add(index << 3)), value);
        }
    }

    /// Whether `count` words in a row, all in one table, are zero.
    fn are_descriptors_zero(&self, at: PhysAddr, count: u64) -> bool {
        (0..count).all(|index| self.read_descriptor(PhysAddr(at.0.wrapping_add(index << 3))) == 0)
    }

    /// Makes `count` words in a row, all in one table, zero; how many of them had bit 0 set.
    fn clear_descriptors(&mut self, at: PhysAddr, count: u64) -> u64 {
        let mut valid = 0_u64;
        for index in 0..count {
            let at = PhysAddr(at.0.wrapping_add(index << 3));
            let raw = self.read_descriptor(at);
            if raw != 0 {
                self.write_descriptor(at, 0);
            }
            valid = valid.wrapping_add(raw & 1);
        }
        valid
    }

    /// Gives up to `count` descriptors in a row, all in one table, other bits: those of `change`. Stops at the first one
    /// that differs from `like` in bits of `same`; how many come before it.
    fn change_descriptors(&mut self, at: PhysAddr, count: u64, same: u64, like: u64, change: u64) -> u64 {
        for index in 0..count {
            let at = PhysAddr(at.0.wrapping_add(index << 3));
            let raw = self.read_descriptor(at);
            if (raw ^ like) & same != 0 {
                return index;
            }
            self.write_descriptor(at, raw & !change | like & change);
        }
        count
    }

    /// Makes descriptor writes visible to the table walker before anything after (DSB ISHST; ISB).
    fn publish_descriptors(&mut self);

    /// Forgets one page or block of an address space, last level only (TLBI VALE1IS).
    fn invalidate_leaf(&mut self, asid: Asid, address: VirtAddr);

    /// Forgets `count` pages or blocks of an address space that lie `step` bytes apart, last level only.
    fn invalidate_leaves(&mut self, asid: Asid, first: VirtAddr, step: u64, count: u64) {
        for index in 0..count {
            self.invalidate_leaf(asid, VirtAddr(first.0.wrapping_add(index.wrapping_mul(step))));
        }
    }

    /// Forgets one address of an address space on every level (TLBI VAE1IS).
    fn invalidate_walk(&mut self, asid: Asid, address: VirtAddr);

    /// Forgets an address space (TLBI ASIDE1IS).
    fn invalidate_space(&mut self, asid: Asid);

    /// Forgets everything, of every address space (TLBI VMALLE1IS).
    fn invalidate_all(&mut self);

    /// Waits until invalidations are complete everywhere (DSB ISH; ISB).
    fn complete_invalidation(&mut self);

    /// Makes an address space the one that EL0 sees; `None` leaves EL0 with none.
    fn activate(&mut self, space: Option<(PhysAddr, Asid)>);

    /// Makes what was written to a frame executable (clean to PoU, invalidate instructions).
    fn synchronize_instructions(&mut self, frame: PhysAddr);

    /// Maintains what the data caches hold of `len` bytes of a frame, to the point of coherency.
    fn maintain_cache(&mut self, frame: PhysAddr, offset: usize, len: usize, how: Maintenance);

    /// Writes to memory and drops what the data caches hold of whole pages outside RAM. They are reached by a memory type
    /// that is not cached, and no TLB has them by another.
    fn clean_pages(&mut self, pages: PhysRange, policy: CachePolicy);

    /// What the MMU makes of an EL0 access in the active space: `PAR_EL1` after AT S1E0R or S1E0W.
    fn probe(&self, address: VirtAddr, access: Access) -> u64;

    /// Bits of physical address that the CPU has (`ID_AA64MMFR0_EL1.PARange`).
    fn physical_address_bits(&self) -> u32;

    /// Whether the machine has such a physical address.
    #[inline]
    fn has_address(&self, address: PhysAddr) -> bool {
        address.0.checked_shr(self.physical_address_bits()).unwrap_or(0) == 0
    }

    /// Whether ASIDs have 16 bits rather than 8 (`ID_AA64MMFR0_EL1.ASIDBits`).
    fn wide_asids(&self) -> bool;
}

/// Time, from the virtual counter.
pub trait Clock {
    /// The counter now (CNTVCT_EL0).
    fn ticks(&self) -> u64;

    /// The counter's frequency (CNTFRQ_EL0).
    fn ticks_per_second(&self) -> u64;

    /// Asks for a timer interrupt when the counter reaches this; `None` for none. Replaces the last wish.
    fn set_timer(&mut self, at: Option<u64>);
}

/// What people and tools read.
pub trait Output {
    /// Writes text to the console.
    fn write_console(&mut self, text: &[u8]);

    /// Writes an encoded frame (`abi::log`) to the log's wire; dropped where there is none.
    fn write_log(&mut self, frame: &[u8]);
}

/// A thread's FP and NEON registers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct FpState {
    /// V0 to V31.
    pub v: [u128; 32],
    /// FPCR.
    pub fpcr: u64,
    /// FPSR.
    pub fpsr: u64,
}

impl FpState {
    /// What a thread starts with: every register zero.
    pub const ZERO: Self = Self { v: [0; 32], fpcr: 0, fpsr: 0 };
}

/// One CPU's state that belongs to the running thread besides its general registers.
pub trait Context {
    /// Stores the FP registers.
    fn save_fp(&mut self, into: &mut FpState);

    /// Loads the FP registers.
    fn restore_fp(&mut self, from: &FpState);

    /// Lets EL0 use FP, or makes its next use trap.
    fn allow_fp(&mut self, allowed: bool);

    /// 64 unpredictable bits, if the machine has a source (`RNDR`).
    fn entropy(&mut self) -> Option<u64>;
}

/// The other CPUs.
pub trait Peers {
    /// Makes another CPU give its kernel an [`Event::Kick`] soon, be it at EL0 or idle. Kicks may merge; what
    /// was written before one is seen by the CPU that takes it.
    fn kick(&mut self, cpu: CpuId);

    /// Says where the first system call returns to ([`abi::vdso::FIRST_SITE`]) in the program whose tables a CPU has, or an
    /// odd address while that is not known: a call from there may be made without [`Kernel::call`] ([`crate::gate`]). A
    /// machine may leave all calls to that.
    ///
    /// [`Kernel::call`]: crate::Kernel::call
    fn note_calls(&mut self, _cpu: CpuId, _return_to: u64) {}
}

/// Everything together. Implemented by whatever implements the parts. What belongs to one CPU (the active
/// space, the timer, the FP registers, the probe) is that of the CPU whose event is being handled.
pub trait Machine: Frames + Translation + Clock + Output + Context + Peers {}

impl<T: Frames + Translation + Clock + Output + Context + Peers> Machine for T {}

/// What came up from EL0, or while the CPU idled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `svc`: the registers hold the call.
    Syscall,
    /// The timer's deadline has come.
    Timer,
    /// Another CPU asks this one to look at its work.
    Kick,
    /// EL0 used FP while it was not allowed.
    FpTrap,
    /// EL0 did something that the architecture refuses.
    Fault(Fault),
}

/// A synchronous exception or an SError from EL0, as the hardware reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `ESR_EL1`.
    pub esr: u64,
    /// `FAR_EL1`; meaningful where `esr` says so.
    pub far: u64,
    /// Whether it came as an SError, which belongs to no instruction.
    pub asynchronous: bool,
}

/// What the CPU does after an event was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Return to EL0 with the registers as they are now.
    Run,
    /// Nothing is ready: wait for an interrupt.
    Idle,
    /// Nothing is ready, and there is work of the kernel's own: let others have the kernel, take what
    /// interrupts there are, and come again with [`Event::Kick`].
    Again,
    /// The first process has ended with this status: stop the machine.
    Stop(i64),
}

/// How the first half of a system call ended: what the CPU returns to EL0 with, or that there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Called {
    /// The call's result, for X0, unless [`Rest`] says that it is not known yet.
    pub status: i64,
    /// What remains.
    pub rest: Rest,
}

impl Called {
    /// The thread learns the outcome when it runs again, or never.
    pub const WAITS: Self = Self { status: 0, rest: Rest::Wait };
    /// The call is none.
    pub const REFUSED: Self = Self { status: 0, rest: Rest::Refused };
}

/// How the first half of a fault ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Touched {
    /// The page is there: return to EL0.
    Shown,
    /// The page is there, and who runs next is to be decided: [`Event::Kick`].
    Leave,
    /// Nothing was done about it: [`Event::Fault`].
    Nothing,
}

/// What remains to be done after the first half of a system call, with all registers saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Rest {
    /// Nothing: return to EL0.
    Nothing,
    /// The status is the thread's; who runs next is to be decided.
    Leave,
    /// Who runs next is to be decided. The registers are as they should be.
    Wait,
    /// The call is to be made again, after the others had their turn: the registers hold what remains.
    Again,
    /// The status is the thread's, and its job's policy is to be asked about it.
    BadHandle,
    /// The thread's process ends for a call that is none.
    Refused,
}

/// The registers as the vectors saved them; the kernel rewrites them to switch threads.
pub type Frame = GeneralRegs;
