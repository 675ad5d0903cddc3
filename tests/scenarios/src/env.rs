//! A scenario's surroundings: typed calls, memory for their arguments, and tidying up afterwards.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use abi::layout::AbiStruct;
use abi::{Handle, PhysRange, Status, Sysno, VirtAddr};

use crate::system::{Limited, System, World};

/// Where calls put what they give back: eight slots of 64 bytes at the start of the scratch memory.
const OUT: u64 = 0;
/// Where names and other small inputs go.
const IN: u64 = 0x400;
/// Where structures and buffers of up to 60 KiB come from and go to.
const DATA: u64 = 0x1000;
/// Memory that the typed calls leave alone: for pointers that a scenario chooses itself.
const OWN: u64 = 0x2_0000;

/// What a typed call gives.
pub(crate) type Result<T = ()> = core::result::Result<T, Status>;

/// A scenario's surroundings.
///
/// Handles and mappings that its calls make are remembered; what is left of them when the scenario ends is
/// closed and unmapped, so that one scenario's failure is not the next one's.
pub(crate) struct Env<'a> {
    pub(crate) system: &'a mut dyn System,
    /// What the program knows.
    pub(crate) world: World,
    handles: Vec<Handle>,
    mappings: Vec<(u64, u64)>,
    /// What the board should have and does not.
    lacks: Cell<Option<&'static str>>,
}

impl<'a> Env<'a> {
    /// The memory-like window. A board that has none is noted, and the scenario does not count; what it gets here is
    /// RAM, which it is refused.
    pub(crate) fn flash(&self) -> PhysRange {
        if !self.world.has_flash {
            self.lacks.set(Some("flash"));
        }
        self.world.flash
    }

    /// The window that keeps what is written, as RAM does. A board that has none is noted, as for [`Env::flash`].
    pub(crate) fn sram(&self) -> PhysRange {
        if self.world.sram.is_none() {
            self.lacks.set(Some("memory-like window that keeps what is written"));
        }
        self.world.sram.unwrap_or(self.world.flash)
    }

    /// Notes what the board should have for the scenario to count.
    pub(crate) fn note_lack(&self, kind: &'static str) {
        self.lacks.set(Some(kind));
    }

    /// A device whose bus has limits. A board that has none is noted, as for [`Env::flash`], and gets one without.
    pub(crate) fn limited(&self) -> Limited {
        if self.world.limited.is_none() {
            self.lacks.set(Some("device that reaches a part of RAM alone"));
        }
        self.world.limited.unwrap_or(Limited {
            bti_id: u64::MAX,
            bus: self.world.ram.base().0,
            memory: self.world.ram,
        })
    }

    /// What the board should have had for the scenario to run.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        self.lacks.get()
    }

    /// Surroundings on `system`.
    pub(crate) fn new(system: &'a mut dyn System) -> Self {
        let world = system.world();
        Self { system, world, handles: Vec::new(), mappings: Vec::new(), lacks: Cell::new(None) }
    }

    /// Issues a call with these first arguments, the others zero.
    pub(crate) fn raw(&mut self, sysno: Sysno, first: &[u64]) -> Result {
        let mut args = [0; 8];
        for (to, from) in args.iter_mut().zip(first) {
            *to = *from;
        }
        Status(self.system.call(sysno, args) as i32).ok()
    }

    /// The address of an output slot, 0 to 7, cleared.
    pub(crate) fn out(&mut self, slot: u64) -> u64 {
        let at = VirtAddr(self.world.scratch.0 + OUT + slot * 64);
        self.system.poke(at, &[0; 64]);
        at.0
    }

    pub(crate) fn out_u32(&mut self, slot: u64) -> u32 {
        let mut bytes = [0; 4];
        self.system.peek(VirtAddr(self.world.scratch.0 + OUT + slot * 64), &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(crate) fn out_u64(&mut self, slot: u64) -> u64 {
        let mut bytes = [0; 8];
        self.system.peek(VirtAddr(self.world.scratch.0 + OUT + slot * 64), &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A call whose only output is a handle, passed as the last of its arguments.
    pub(crate) fn making(&mut self, sysno: Sysno, before: &[u64]) -> Result<Handle> {
        let out = self.out(0);
        let mut args: Vec<u64> = before.into();
        args.push(out);
        self.raw(sysno, &args)?;
        let handle = self.out_u32(0);
        self.adopt(handle);
        Ok(handle)
    }

    /// Remembers a handle, to be closed at the end.
    pub(crate) fn adopt(&mut self, handle: Handle) {
        self.handles.push(handle);
    }

    /// Forgets a handle that is gone or given away.
    pub(crate) fn forget(&mut self, handle: Handle) {
        self.handles.retain(|mine| *mine != handle);
    }

    /// Remembers a mapping in the program's own VMAR, to be unmapped at the end.
    pub(crate) fn adopt_mapping(&mut self, address: u64, len: u64) {
        self.mappings.push((address, len));
    }

    /// Puts a small input into the program's memory and gives its address.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> u64 {
        let at = VirtAddr(self.world.scratch.0 + IN);
        self.system.poke(at, bytes);
        at.0
    }

    /// Puts bytes into the program's data buffer and gives its address.
    pub(crate) fn data(&mut self, bytes: &[u8]) -> u64 {
        let at = VirtAddr(self.world.scratch.0 + DATA);
        self.system.poke(at, bytes);
        at.0
    }

    /// The bytes of the program's data buffer.
    pub(crate) fn data_bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.system.peek(VirtAddr(self.world.scratch.0 + DATA), &mut bytes);
        bytes
    }

    /// The structure that a call left in the data buffer.
    pub(crate) fn data_struct<T: AbiStruct>(&mut self) -> T {
        T::get(&self.data_bytes(T::SIZE))
    }

    /// Memory that the typed calls leave alone, 64 KiB.
    pub(crate) fn own(&self) -> VirtAddr {
        VirtAddr(self.world.scratch.0 + OWN)
    }

    /// Reads a word at an address that is mapped Normal and readable.
    pub(crate) fn peek_u64(&mut self, at: VirtAddr) -> u64 {
        let mut bytes = [0; 8];
        self.system.peek(at, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Writes a word at an address that is mapped Normal and writable.
    pub(crate) fn poke_u64(&mut self, at: VirtAddr, value: u64) {
        self.system.poke(at, &value.to_le_bytes());
    }

    /// Addresses that no kernel may follow: null, unmapped, in no half, the kernel's.
    pub(crate) fn bad_pointers(&self) -> [u64; 6] {
        [0, 1, 0xF000, 0x0001_0000_0000_0000, 0xFFFF_0000_4000_0000, u64::MAX - 7]
    }

    /// Undoes what the scenario left behind.
    pub(crate) fn tidy(&mut self) {
        for (address, len) in core::mem::take(&mut self.mappings) {
            // A scenario may have unmapped it itself: there is nothing to unmap then, which is no error.
            let _unmapped = self.raw(Sysno::vmar_unmap, &[u64::from(self.world.vmar), address, len]);
        }
        for handle in core::mem::take(&mut self.handles).into_iter().rev() {
            let _closed = self.raw(Sysno::handle_close, &[u64::from(handle)]);
        }
    }
}
