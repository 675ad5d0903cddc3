//! The program that the scenarios drive: this one, at EL0.
//!
//! A room for unsafe code beside those of `platform/` and `user/`: a scenario calls the kernel with wild
//! pointers and touches memory by its address, as a hostile program would, and no type can vouch for that.
//! What keeps it sound is that scenarios are ours and touch only what [`World`] gives them and what they map
//! themselves; none of that is Rust's.
#![allow(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;
use core::arch::asm;

use elf::ElfBytes;
use elf::abi::{PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use scenarios::{System, World};
use zx::abi::processargs as pa;
use zx::abi::{PAGE_SIZE, SYSCALLS, Sysno};
use zx::{VirtAddr, Vmo};

use crate::world::{self, Error, step};

/// A call of the vDSO, as machine code sees it.
type Call = extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64) -> u64;

/// This program, for scenarios.
#[derive(Debug)]
pub(crate) struct Program {
    world: World,
    /// By call, where its function starts in the vDSO.
    functions: Vec<u64>,
}

impl Program {
    /// The program with what it was started with.
    ///
    /// # Errors
    /// [`Error`], if something that the scenarios need was not given or is not there.
    pub(crate) fn new(mut startup: zx::Startup) -> Result<Self, Error> {
        let vdso: Vmo = startup.take(pa::VMO_VDSO, 0)?;
        let process = zx::process_self().ok_or(Error::NoDevice("process handle"))?;
        let base = step("ask where the vDSO is", process.vdso_base())?;
        let size = step("ask for the vDSO's size", vdso.size())?;
        let mut bytes = vec![0; size as usize];
        step("read the vDSO", vdso.read(&mut bytes, 0))?;
        let (functions, code) = read_vdso(&bytes).ok_or(Error::NoDevice("vDSO that can be read"))?;
        Ok(Self { world: world::explore(startup, vdso, base, code)?, functions })
    }
}

/// Where each call's function starts, and where the code segment lies and how long it is.
fn read_vdso(bytes: &[u8]) -> Option<(Vec<u64>, (u64, u64))> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(bytes).ok()?;
    let code = file.segments()?.iter().find(|part| part.p_type == PT_LOAD && part.p_flags & PF_X != 0)?;
    let (symbols, names) = file.dynamic_symbol_table().ok()??;
    let function = |call: &zx::abi::Syscall| {
        let found = symbols.iter().find(|symbol| {
            let name = names.get(symbol.st_name as usize).ok().and_then(|name| name.strip_prefix("zx_"));
            name == Some(call.name) || names.get(symbol.st_name as usize).ok() == Some(call.name)
        });
        found.map(|symbol| symbol.st_value)
    };
    let functions = SYSCALLS.iter().map(function).collect::<Option<_>>()?;
    Some((functions, (code.p_vaddr, code.p_memsz.next_multiple_of(PAGE_SIZE))))
}

impl System for Program {
    fn call(&mut self, sysno: Sysno, args: [u64; 8]) -> u64 {
        let address = self.world.vdso_base.0 + self.vdso_function(sysno);
        let [a, b, c, d, e, f, g, h] = args;
        // SAFETY: a function of the vDSO takes up to eight words in registers by the C convention, and this
        // is where its symbol says that it starts. What the kernel writes through the pointers is the
        // scenario's memory: see the module's head.
        let call = unsafe { core::mem::transmute::<usize, Call>(address as usize) };
        call(a, b, c, d, e, f, g, h)
    }

    fn peek(&mut self, at: VirtAddr, into: &mut [u8]) {
        for (offset, byte) in into.iter_mut().enumerate() {
            let address = at.0 + offset as u64;
            // SAFETY: the scenario knows the byte to be mapped readable; the asm reads it as it is now.
            unsafe { asm!("ldrb {0:w}, [{1}]", out(reg) *byte, in(reg) address, options(nostack)) };
        }
    }

    fn poke(&mut self, at: VirtAddr, from: &[u8]) {
        for (offset, byte) in from.iter().enumerate() {
            let address = at.0 + offset as u64;
            // SAFETY: the scenario knows the byte to be mapped writable, and it is not Rust's.
            unsafe { asm!("strb {0:w}, [{1}]", in(reg) *byte, in(reg) address, options(nostack)) };
        }
    }

    fn load32(&mut self, at: VirtAddr) -> u32 {
        let value: u32;
        // SAFETY: the scenario knows the word to be mapped readable.
        unsafe { asm!("ldr {0:w}, [{1}]", out(reg) value, in(reg) at.0, options(nostack)) };
        value
    }

    fn store32(&mut self, at: VirtAddr, value: u32) {
        // SAFETY: the scenario knows the word to be mapped writable, and it is not Rust's.
        unsafe { asm!("str {0:w}, [{1}]", in(reg) value, in(reg) at.0, options(nostack)) };
    }

    fn execute(&mut self, at: VirtAddr) {
        // SAFETY: the scenario knows that there is code which returns at once.
        let function = unsafe { core::mem::transmute::<usize, extern "C" fn()>(at.0 as usize) };
        function();
    }

    fn vdso_function(&self, sysno: Sysno) -> u64 {
        self.functions.get(sysno as usize).copied().unwrap_or_default()
    }

    fn world(&self) -> World {
        self.world
    }
}
