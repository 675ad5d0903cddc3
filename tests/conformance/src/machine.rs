//! What scenarios do, done by this very program.
//!
//! The calls here are as wild as a scenario wants them. What keeps the program whole is not Rust but the
//! scenarios themselves: they touch their own scratch memory and mappings that they made, and leave the
//! wild pointers to the kernel.

use core::arch::asm;
use core::ptr::{copy_nonoverlapping, with_exposed_provenance, with_exposed_provenance_mut};

use abi::{Sysno, VirtAddr};
use scenarios::{System, World};

use crate::vdso::Vdso;

/// A call of the vDSO as registers see it.
type Call = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64) -> u64;

/// This program and the machine that it runs on.
pub(crate) struct Machine {
    world: World,
    vdso: Vdso,
}

impl Machine {
    /// A machine that is known.
    pub(crate) const fn new(world: World, vdso: Vdso) -> Self {
        Self { world, vdso }
    }
}

impl System for Machine {
    fn call(&mut self, sysno: Sysno, args: [u64; 8]) -> u64 {
        let address = self.world.vdso_base.0 + self.vdso.function(sysno);
        // SAFETY: the address is that of a function of the vDSO, which takes up to eight registers and
        // leaves the others as the procedure call standard says. Where the kernel writes through one of
        // them is the scenario's to answer for: into its scratch memory, or nowhere.
        unsafe {
            let call = core::mem::transmute::<usize, Call>(address as usize);
            call(args[0], args[1], args[2], args[3], args[4], args[5], args[6], args[7])
        }
    }

    fn peek(&mut self, at: VirtAddr, into: &mut [u8]) {
        let from = with_exposed_provenance::<u8>(at.0 as usize);
        // SAFETY: a scenario peeks at its scratch memory or at a mapping of its own, which is readable and
        // no Rust object; `into` is one, and so does not overlap it.
        unsafe { copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
    }

    fn poke(&mut self, at: VirtAddr, from: &[u8]) {
        let to = with_exposed_provenance_mut::<u8>(at.0 as usize);
        // SAFETY: as for `peek`, writable.
        unsafe { copy_nonoverlapping(from.as_ptr(), to, from.len()) };
    }

    fn load32(&mut self, at: VirtAddr) -> u32 {
        let value: u32;
        // SAFETY: a scenario loads from a mapping of its own. One plain `ldr`, as device memory needs it.
        unsafe { asm!("ldr {:w}, [{}]", out(reg) value, in(reg) at.0, options(nostack, preserves_flags)) };
        value
    }

    fn store32(&mut self, at: VirtAddr, value: u32) {
        // SAFETY: a scenario stores to a mapping of its own. One plain `str`, as device memory needs it.
        unsafe { asm!("str {:w}, [{}]", in(reg) value, in(reg) at.0, options(nostack, preserves_flags)) };
    }

    fn execute(&mut self, at: VirtAddr) {
        // SAFETY: a scenario put `ret` there and mapped it executable. The barrier makes sure that it is
        // what is fetched (Arm ARM B2.7.4); caches were the kernel's concern when it was mapped.
        unsafe {
            asm!("isb");
            core::mem::transmute::<usize, extern "C" fn()>(at.0 as usize)();
        }
    }

    fn vdso_function(&self, sysno: Sysno) -> u64 {
        self.vdso.function(sysno)
    }

    fn world(&self) -> World {
        self.world
    }
}

/// The address of one call in this program's own mapping of the vDSO.
pub(crate) fn bound_call() -> u64 {
    zx::raw::zx_handle_close as *const () as u64
}

/// Writes to the serial console.
pub(crate) fn write_console(text: &str) {
    // SAFETY: the text is valid for reads of its length. There is nobody to tell of a failure.
    let _written = unsafe { zx::raw::zx_debug_write(text.as_ptr(), text.len()) };
}
