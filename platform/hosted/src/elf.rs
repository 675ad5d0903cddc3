//! Writes the two ELF files that the kernel maps by itself, for simulated programs: the vDSO and `init`.
//!
//! The code in them is as little as the simulated CPU needs. What programs do is up to the test.

use abi::syscalls::Kind;
use abi::vdso::{CONSTANTS_SYMBOL, STUB_SIZE};
use abi::{AbiStruct, PAGE_SIZE, SYSCALLS};

const PAGE: usize = PAGE_SIZE as usize;
const EHDR: usize = 64;
const PHDR: usize = 56;
const SHDR: usize = 64;
const SYM: usize = 24;
const ET_DYN: u16 = 3;
const EM_AARCH64: u16 = 183;
const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const PF_R: u32 = 4;
const SHT_STRTAB: u32 = 3;
const SHT_DYNSYM: u32 = 11;

const SVC: u32 = 0xD400_0001;
const RET: u32 = 0xD65F_03C0;
const NOP: u32 = 0xD503_201F;
/// A vDSO and what the kernel must know of it.
#[derive(Clone, Debug)]
pub struct Vdso {
    /// The file, laid out as in memory.
    pub file: Vec<u8>,
    /// Where the code starts.
    pub code_offset: u64,
    /// Bytes of the code, whole pages.
    pub code_size: u64,
}

impl Vdso {
    /// The vDSO of the simulated machine: a stub for each call, and nothing else.
    pub fn build() -> Self {
        let mut code = Vec::new();
        for (number, call) in SYSCALLS.iter().enumerate() {
            code.resize(number * STUB_SIZE as usize, 0);
            let enters = call.kind != Kind::VdsoOnly;
            let stub = if enters { [0xD280_0010 | (number as u32) << 5, SVC, RET] } else { [RET, NOP, NOP] };
            code.extend(stub.iter().flat_map(|word| word.to_le_bytes()));
        }
        code.resize(code.len().next_multiple_of(PAGE), 0);
        let mut file = image(&[(PF_R, 0, PAGE), (PF_R | PF_X, PAGE, code.len())], 0);
        symbols(&mut file, PAGE - abi::vdso::Constants::SIZE);
        file.resize(PAGE, 0);
        file.extend(&code);
        Self { file, code_offset: PAGE_SIZE, code_size: code.len() as u64 }
    }

    /// Where the function for a call starts, from the vDSO's first byte.
    pub const fn function(&self, number: u64) -> u64 {
        self.code_offset + number * STUB_SIZE
    }

    /// Where the `svc` for a call returns to, from the vDSO's first byte.
    pub const fn site(&self, number: u64) -> u64 {
        self.code_offset + abi::vdso::site(number)
    }
}

/// A program of one page of code, which the test never lets run.
pub fn program() -> Vec<u8> {
    let mut file = image(&[(PF_R | PF_X, 0, PAGE)], EHDR + PHDR);
    file.extend(RET.to_le_bytes());
    file.resize(PAGE, 0);
    file
}

/// ELF header and program headers for segments that lie in the file as in memory.
fn image(segments: &[(u32, usize, usize)], entry: usize) -> Vec<u8> {
    let mut file = vec![0x7F, b'E', b'L', b'F', 2, 1, 1, 0];
    file.resize(16, 0);
    file.extend(ET_DYN.to_le_bytes());
    file.extend(EM_AARCH64.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [entry as u64, EHDR as u64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [EHDR, PHDR, segments.len(), SHDR, 0, 0] {
        file.extend((half as u16).to_le_bytes());
    }
    for (flags, start, size) in segments {
        file.extend(PT_LOAD.to_le_bytes());
        file.extend(flags.to_le_bytes());
        for word in [*start, *start, *start, *size, *size, PAGE] {
            file.extend((word as u64).to_le_bytes());
        }
    }
    file
}

/// Appends a dynamic symbol table with the one symbol that the kernel looks for, and headers to find it by.
fn symbols(file: &mut Vec<u8>, constants: usize) {
    let names = [&[0], CONSTANTS_SYMBOL.as_bytes(), &[0]].concat();
    let names_at = file.len();
    file.extend(&names);
    let symbols_at = file.len().next_multiple_of(8);
    file.resize(symbols_at + SYM, 0);
    file.extend(1u32.to_le_bytes());
    // A global object in section 1.
    file.extend([0x11, 0, 1, 0]);
    file.extend((constants as u64).to_le_bytes());
    file.extend((abi::vdso::Constants::SIZE as u64).to_le_bytes());
    let headers_at = file.len().next_multiple_of(8);
    file.resize(headers_at + SHDR, 0);
    section(file, SHT_DYNSYM, (symbols_at, 2 * SYM), (2, 1), SYM);
    section(file, SHT_STRTAB, (names_at, names.len()), (0, 0), 0);
    assert!(file.len() <= constants, "the vDSO's headers run into its constants");
    file[40..48].copy_from_slice(&(headers_at as u64).to_le_bytes());
    file[60..62].copy_from_slice(&3u16.to_le_bytes());
}

fn section(
    file: &mut Vec<u8>,
    kind: u32,
    (at, size): (usize, usize),
    (link, info): (u32, u32),
    entry: usize,
) {
    file.extend(0u32.to_le_bytes());
    file.extend(kind.to_le_bytes());
    for word in [2, at as u64, at as u64, size as u64] {
        file.extend(word.to_le_bytes());
    }
    file.extend(link.to_le_bytes());
    file.extend(info.to_le_bytes());
    file.extend(8u64.to_le_bytes());
    file.extend((entry as u64).to_le_bytes());
}
