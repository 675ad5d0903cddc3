//! The first instructions: a static PIE relocates itself and binds its calls to the vDSO.
//!
//! The kernel starts a program with X0 = bootstrap channel, X1 = address of the vDSO, an aligned stack, and
//! nothing else. Until [`relocate`] returns no absolute address in the program's data is right: code up to
//! there uses no table of function pointers, no formatting and no static that holds an address. It reaches
//! everything by PC-relative instructions, which the small code model guarantees.
//!
//! What goes wrong is said on the raw console and ends the process with [`STARTUP_STATUS`]. Without a vDSO there
//! is neither: the program stops at `brk #1`, which the kernel reports.
use core::arch::{asm, global_asm};
use core::ptr::with_exposed_provenance as at;

use abi::VirtAddr;
use abi::vmar::PERM_READ;

use super::STARTUP_STATUS;
use crate::Vmar;

global_asm!(
    ".pushsection .text._start, \"ax\", %progbits",
    ".globl _start",
    ".type _start, %function",
    "_start:",
    // A frame record of zeros ends a backtrace.
    "mov x29, #0",
    "mov x30, #0",
    "mov w19, w0",
    "adrp x0, __ehdr_start",
    "add x0, x0, :lo12:__ehdr_start",
    "adrp x2, _DYNAMIC",
    "add x2, x2, :lo12:_DYNAMIC",
    "bl {relocate}",
    "mov w0, w19",
    "bl {begin}",
    "brk #0",
    ".size _start, . - _start",
    ".popsection",
    relocate = sym relocate,
    begin = sym begin,
);

extern "C" fn begin(bootstrap: u32) -> ! {
    super::run(bootstrap)
}

/// A value of `.dynamic` (ELF, dynamic section).
mod tag {
    pub(super) const PLTRELSZ: u64 = 2;
    pub(super) const HASH: u64 = 4;
    pub(super) const STRTAB: u64 = 5;
    pub(super) const SYMTAB: u64 = 6;
    pub(super) const RELA: u64 = 7;
    pub(super) const RELASZ: u64 = 8;
    pub(super) const JMPREL: u64 = 23;
}

/// Relocation types (ELF for the Arm 64-bit Architecture, 5.7).
mod reloc {
    pub(super) const ABS64: u32 = 257;
    pub(super) const GLOB_DAT: u32 = 1025;
    pub(super) const JUMP_SLOT: u32 = 1026;
    pub(super) const RELATIVE: u32 = 1027;
}

const PT_DYNAMIC: u32 = 2;
const ELF_MAGIC: u32 = u32::from_le_bytes(*b"\x7fELF");
const STB_WEAK: u8 = 2;

#[derive(Clone, Copy)]
#[repr(C)]
struct Dyn {
    tag: u64,
    value: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Rela {
    offset: u64,
    kind: u32,
    symbol: u32,
    addend: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

/// A linked ELF in memory, by its dynamic section.
#[derive(Clone, Copy)]
struct Module {
    base: usize,
    dynamic: usize,
}

impl Module {
    /// The value of a tag in the dynamic section, 0 if it is not there.
    ///
    /// # Safety
    /// 1. The module is mapped and its dynamic section ends with a tag of 0.
    unsafe fn value(self, tag: u64) -> usize {
        let mut next = self.dynamic;
        loop {
            // SAFETY: 1 by the caller: `next` has not passed the tag of 0.
            let entry = unsafe { *at::<Dyn>(next) };
            if entry.tag == tag || entry.tag == 0 {
                return if entry.tag == tag { entry.value as usize } else { 0 };
            }
            next = next.wrapping_add(size_of::<Dyn>());
        }
    }

    /// Entry `index` of the symbol table.
    ///
    /// # Safety
    /// 1. The module is mapped and has a symbol with this index.
    unsafe fn symbol(self, index: u32) -> Symbol {
        // SAFETY: 1 by the caller.
        let table = self.base.wrapping_add(unsafe { self.value(tag::SYMTAB) });
        // SAFETY: 1 by the caller.
        unsafe { *at::<Symbol>(table.wrapping_add(index as usize * size_of::<Symbol>())) }
    }

    /// Where a symbol's name is: NUL-terminated.
    ///
    /// # Safety
    /// 1. The module is mapped.
    unsafe fn name(self, symbol: Symbol) -> *const u8 {
        // SAFETY: 1 by the caller.
        at(self.base.wrapping_add(unsafe { self.value(tag::STRTAB) }).wrapping_add(symbol.name as usize))
    }

    /// The address of what the module exports under a name, by its hash table (ELF, hash table section).
    ///
    /// # Safety
    /// 1. The module is mapped and was linked with `--hash-style=both` or `sysv`.
    /// 2. `name` is NUL-terminated.
    unsafe fn find(self, name: *const u8) -> Option<usize> {
        // SAFETY: 1 by the caller.
        let table = self.base.wrapping_add(unsafe { self.value(tag::HASH) });
        // SAFETY: 1: the table is two counts, then that many buckets and chains.
        let word = |index: u32| unsafe { *at::<u32>(table.wrapping_add(index as usize * 4)) };
        let buckets = word(0);
        // SAFETY: 2 by the caller.
        let mut index = word(2 + unsafe { hash(name) }.checked_rem(buckets)?);
        while index != 0 {
            // SAFETY: 1: an index of the hash table is one of the symbol table.
            let symbol = unsafe { self.symbol(index) };
            // SAFETY: 1 and 2 by the caller.
            if symbol.section != 0 && unsafe { same(self.name(symbol), name) } {
                return Some(self.base.wrapping_add(symbol.value as usize));
            }
            index = word(2 + buckets + index);
        }
        None
    }
}

/// Applies the relocations of the program at `base` and binds it to the vDSO at `vdso`.
///
/// # Safety
/// 1. `base` and `dynamic` are this program's, loaded where its own segments say, and not yet relocated.
/// 2. `vdso` is where the kernel's vDSO is mapped, or 0.
unsafe extern "C" fn relocate(base: usize, vdso: usize, dynamic: usize) {
    let program = Module { base, dynamic };
    // SAFETY: 2 by the caller.
    let Some(vdso) = (unsafe { open(vdso) }) else { no_vdso() };
    for (table, size) in [(tag::RELA, tag::RELASZ), (tag::JMPREL, tag::PLTRELSZ)] {
        // SAFETY: 1 by the caller.
        let (table, size) = unsafe { (program.value(table), program.value(size)) };
        for index in 0..size / size_of::<Rela>() {
            let entry = base.wrapping_add(table).wrapping_add(index * size_of::<Rela>());
            // SAFETY: 1: the linker made the table, `entry` is in it. 2: `open` found the vDSO.
            unsafe { apply(program, vdso, *at::<Rela>(entry)) };
        }
    }
}

/// Makes the data read-only that only [`relocate`] had to write.
pub(super) fn seal(root: &Vmar) -> abi::status::Result {
    unsafe extern "C" {
        /// Placed around that data by the linker script, at page boundaries.
        safe static __relro_start: u8;
        safe static __relro_end: u8;
    }
    let (start, end) = (&raw const __relro_start as u64, &raw const __relro_end as u64);
    if start == end {
        return Ok(());
    }
    // SAFETY: 1: the linker put nothing there that Rust may write.
    unsafe { root.protect(PERM_READ, VirtAddr(start), end - start) }
}

/// Applies one relocation.
///
/// # Safety
/// 1. It is one of `program`, whose data segment may be written.
/// 2. `vdso` is the mapped vDSO.
unsafe fn apply(program: Module, vdso: Module, rela: Rela) {
    let value = match rela.kind {
        reloc::RELATIVE => program.base.wrapping_add(rela.addend as usize),
        reloc::ABS64 | reloc::GLOB_DAT | reloc::JUMP_SLOT => {
            // SAFETY: 1 by the caller: the linker wrote the index.
            let symbol = unsafe { program.symbol(rela.symbol) };
            let target = if symbol.section != 0 {
                program.base.wrapping_add(symbol.value as usize)
            } else {
                // SAFETY: 1: the program is mapped.
                let name = unsafe { program.name(symbol) };
                // SAFETY: 2 by the caller; names in a string table are NUL-terminated.
                match unsafe { vdso.find(name) } {
                    Some(target) => target,
                    None if symbol.info >> 4 == STB_WEAK => 0,
                    None => stop(vdso, b"crt0: the vDSO has no call of this name: ", name),
                }
            };
            target.wrapping_add(rela.addend as usize)
        }
        _ => stop(
            vdso,
            b"crt0: a relocation of a type that is not supported: link with linker/program.ld",
            c"".as_ptr().cast(),
        ),
    };
    let place = program.base.wrapping_add(rela.offset as usize);
    // SAFETY: 1 by the caller: relocations lie in the data segment. The place need not be aligned.
    unsafe { core::ptr::with_exposed_provenance_mut::<usize>(place).write_unaligned(value) };
}

/// The vDSO, if one is mapped at this address.
///
/// # Safety
/// 1. `base` is 0 or the address of a mapped ELF file.
unsafe fn open(base: usize) -> Option<Module> {
    // SAFETY: 1 by the caller.
    if base == 0 || unsafe { *at::<u32>(base) } != ELF_MAGIC {
        return None;
    }
    // SAFETY: 1: the file header has e_phoff at 32, e_phentsize at 54 and e_phnum at 56.
    let (offset, size, count) =
        unsafe { (*at::<u64>(base + 32), *at::<u16>(base + 54), *at::<u16>(base + 56)) };
    for index in 0..count as usize {
        let header = base.wrapping_add(offset as usize).wrapping_add(index * size as usize);
        // SAFETY: 1: `header` is one of the program headers; p_type is at 0 and p_vaddr at 16.
        let (kind, address) = unsafe { (*at::<u32>(header), *at::<u64>(header + 16)) };
        if kind == PT_DYNAMIC {
            return Some(Module { base, dynamic: base.wrapping_add(address as usize) });
        }
    }
    None
}

/// The hash of a name (ELF, hash table section).
///
/// # Safety
/// 1. `name` is NUL-terminated.
unsafe fn hash(mut name: *const u8) -> u32 {
    let mut hash: u32 = 0;
    loop {
        // SAFETY: 1 by the caller: the NUL has not been passed.
        let byte = unsafe { *name };
        if byte == 0 {
            return hash;
        }
        hash = (hash << 4).wrapping_add(byte as u32);
        let high = hash & 0xF000_0000;
        hash = (hash ^ (high >> 24)) & !high;
        name = name.wrapping_add(1);
    }
}

/// Whether two names are equal.
///
/// # Safety
/// 1. Both are NUL-terminated.
unsafe fn same(mut a: *const u8, mut b: *const u8) -> bool {
    loop {
        // SAFETY: 1 by the caller: no NUL has been passed.
        let (x, y) = unsafe { (*a, *b) };
        if x != y || x == 0 {
            return x == y;
        }
        a = a.wrapping_add(1);
        b = b.wrapping_add(1);
    }
}

fn no_vdso() -> ! {
    // SAFETY: a breakpoint stops the program; nothing comes after it.
    unsafe { asm!("brk #1", options(noreturn)) }
}

/// Says why the program cannot be bound, and which name it is about; ends the process.
#[cold]
fn stop(vdso: Module, why: &[u8], name: *const u8) -> ! {
    let mut len = 0;
    // SAFETY: names in a string table are NUL-terminated.
    while unsafe { *name.wrapping_add(len) } != 0 {
        len += 1;
    }
    for (bytes, len) in [(why.as_ptr(), why.len()), (name, len), (c"\n".as_ptr().cast(), 1)] {
        // SAFETY: the vDSO is mapped, the name a constant.
        if let Some(write) = unsafe { vdso.find(c"zx_debug_write".as_ptr().cast()) } {
            // SAFETY: the symbol of this name is a function of this type, here at this address.
            let write: extern "C" fn(*const u8, usize) -> i32 = unsafe { core::mem::transmute(write) };
            write(bytes, len);
        }
    }
    // SAFETY: as above.
    if let Some(exit) = unsafe { vdso.find(c"zx_process_exit".as_ptr().cast()) } {
        // SAFETY: as above.
        let exit: extern "C" fn(i64) -> ! = unsafe { core::mem::transmute(exit) };
        exit(STARTUP_STATUS);
    }
    no_vdso()
}
