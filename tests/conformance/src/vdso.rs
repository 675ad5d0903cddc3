//! Where each call is in the vDSO.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use abi::{PAGE_SIZE, SYSCALLS, Sysno};
use elf::ElfBytes;
use elf::abi::{PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use zx::Vmo;

/// The vDSO's functions and code, by their offsets.
#[derive(Clone, Debug)]
pub(crate) struct Vdso {
    /// By call.
    functions: Vec<u64>,
    /// Where the code starts, and its bytes in whole pages.
    pub(crate) code: (u64, u64),
}

impl Vdso {
    /// Reads the vDSO's own symbol table.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(vmo: &Vmo) -> Result<Self, &'static str> {
        let size = vmo.size().map_err(|_| "its size cannot be asked")?;
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| "it is too large")?];
        vmo.read(&mut bytes, 0).map_err(|_| "it cannot be read")?;
        let file = ElfBytes::<LittleEndian>::minimal_parse(&bytes).map_err(|_| "it is no ELF file")?;
        let code = file
            .segments()
            .and_then(|segments| segments.iter().find(|part| part.p_type == PT_LOAD && part.p_flags & PF_X != 0))
            .ok_or("it has no code")?;
        let (symbols, names) =
            file.dynamic_symbol_table().ok().flatten().ok_or("it has no dynamic symbols")?;
        let mut functions = Vec::new();
        for call in SYSCALLS {
            let name = format!("zx_{}", call.name);
            let symbol = symbols
                .iter()
                .find(|symbol| names.get(symbol.st_name as usize).is_ok_and(|found| found == name))
                .ok_or("it lacks a call of the list")?;
            functions.push(symbol.st_value);
        }
        Ok(Self { functions, code: (code.p_vaddr, code.p_memsz.next_multiple_of(PAGE_SIZE)) })
    }

    /// Where the function for a call starts, from the vDSO's first byte.
    pub(crate) fn function(&self, sysno: Sysno) -> u64 {
        self.functions.get(sysno as usize).copied().unwrap_or(0)
    }
}
