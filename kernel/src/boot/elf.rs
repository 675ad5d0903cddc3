//! Reading the two ELF files that the kernel itself maps: the vDSO and the first program.
use abi::bootfs::Entry;
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Handle, PAGE_SIZE};
use elf::ElfBytes;
use elf::abi::{EM_AARCH64, ET_DYN, PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;

use super::{Error, step};
use crate::collections::arena::Id;
use crate::collections::list::Links;
use crate::kernel::Kernel;
use crate::memory::pages::Pages;
use crate::memory::room::Room;
use crate::object::{Content, Mapping, Name, Process, Thread, Vmar, Vmo};
use crate::ports::Machine;

/// Bytes of the first thread's stack.
const STACK_SIZE: u64 = 64 * 1024;
/// Where programs may be placed: defmt's string indices are the low 16 bits of addresses.
const IMAGE_ALIGN: u64 = 64 * 1024;
/// Bytes that a program may span; more is surely damage.
const MAX_SPAN: u64 = 1 << 30;

/// Where things are in the vDSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VdsoLayout {
    /// Where the code starts: the read-only part ends here.
    pub code_offset: u64,
    /// Bytes of the code, whole pages.
    pub code_size: u64,
    /// Where the constants are.
    pub constants: usize,
}

/// A process that is loaded and not started.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub process: Id<Process>,
    pub thread: Id<Thread>,
    pub vmar: Id<Vmar>,
    entry: u64,
    stack: u64,
    vdso_base: u64,
}

fn parse(bytes: &[u8]) -> Result<ElfBytes<'_, LittleEndian>, &'static str> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(bytes)
        .map_err(|_| "it is no 64-bit little-endian ELF file")?;
    if file.ehdr.e_machine != EM_AARCH64 {
        return Err("it is not for AArch64");
    }
    if file.ehdr.e_type != ET_DYN {
        return Err("it is not position-independent (ET_DYN)");
    }
    Ok(file)
}

fn loads<'a>(
    file: &ElfBytes<'a, LittleEndian>,
) -> Result<impl Iterator<Item = ProgramHeader> + 'a, &'static str> {
    let segments = file.segments().ok_or("it has no program headers")?;
    Ok(segments.iter().filter(|segment| segment.p_type == PT_LOAD && segment.p_memsz > 0))
}

/// Finds the vDSO's two parts and its constants.
pub(super) fn vdso_layout(bytes: &[u8]) -> Result<VdsoLayout, &'static str> {
    let file = parse(bytes)?;
    let mut parts = loads(&file)?;
    let (Some(data), Some(code), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("it must have two segments");
    };
    let identical = |part: &ProgramHeader| part.p_offset == part.p_vaddr && part.p_filesz == part.p_memsz;
    if data.p_offset != 0 || !identical(&data) || !identical(&code) || !code.p_vaddr.is_multiple_of(PAGE_SIZE)
    {
        return Err("its segments must lie in the file as in memory");
    }
    if data.p_flags & (PF_W | PF_X) != 0 || code.p_flags & (PF_W | PF_X) != PF_X {
        return Err("its segments must be R and RX");
    }
    let (symbols, names) = file.dynamic_symbol_table().ok().flatten().ok_or("it has no dynamic symbols")?;
    let constants = symbols
        .iter()
        .find(|symbol| names.get(symbol.st_name as usize).ok() == Some(abi::vdso::CONSTANTS_SYMBOL))
        .ok_or("it has no constants")?;
    Ok(VdsoLayout {
        code_offset: code.p_vaddr,
        code_size: code.p_memsz.next_multiple_of(PAGE_SIZE),
        constants: usize::try_from(constants.st_value).map_err(|_| "its constants lie outside")?,
    })
}

impl<M: Machine> Kernel<M> {
    /// Makes the first process, maps its program, the vDSO and a stack, and makes its thread.
    pub(super) fn load_first(
        &mut self,
        entry: &Entry,
        bootfs: Id<Vmo>,
        image: &[u8],
    ) -> Result<First, Error> {
        let bytes = usize::try_from(entry.offset)
            .ok()
            .zip(usize::try_from(entry.size).ok())
            .and_then(|(offset, size)| image.get(offset..)?.get(..size))
            .ok_or(Error::NoFirstProgram)?;
        let file = parse(bytes).map_err(Error::BadProgram)?;
        let name = Name::new(super::FIRST_PROGRAM.as_bytes());
        let (process, vmar) = step("make the first process", self.make_process(self.root_job, name))?;
        let thread = step("make the first thread", self.make_thread(process, name))?;
        let span = loads(&file)
            .map_err(Error::BadProgram)?
            .filter_map(|segment| segment.p_vaddr.checked_add(segment.p_memsz))
            .max()
            .filter(|&span| span <= MAX_SPAN)
            .ok_or(Error::BadProgram("its segments make no sense"))?;
        let end = abi::vmar::USER_END;
        let base =
            step("place init", self.pick_address(vmar, end, span.next_multiple_of(PAGE_SIZE), IMAGE_ALIGN))?;
        for segment in loads(&file).map_err(Error::BadProgram)? {
            self.load_segment(vmar, base, entry.offset, bootfs, bytes, &segment)?;
        }
        if let Ok(process) = self.objects.get_mut(process) {
            process.debug_addr = base;
        }
        let stack = self.load_stack(vmar)?;
        let vdso_base = self.load_vdso(process, vmar)?;
        let entry =
            base.checked_add(file.ehdr.e_entry).ok_or(Error::BadProgram("its entry makes no sense"))?;
        Ok(First { process, thread, vmar, entry, stack, vdso_base })
    }

    /// Read-only segments show the file's own pages; writable ones get pages of their own.
    fn load_segment(
        &mut self,
        vmar: Id<Vmar>,
        base: u64,
        file_offset: u64,
        bootfs: Id<Vmo>,
        bytes: &[u8],
        segment: &ProgramHeader,
    ) -> Result<(), Error> {
        let slack = segment.p_vaddr % PAGE_SIZE;
        if segment.p_offset % PAGE_SIZE != slack || segment.p_filesz > segment.p_memsz {
            return Err(Error::BadProgram("a segment is not laid out in pages"));
        }
        let start = base + segment.p_vaddr - slack;
        let length = (slack + segment.p_memsz).next_multiple_of(PAGE_SIZE);
        let execute = if segment.p_flags & PF_X != 0 { PERM_EXECUTE } else { 0 };
        let from = usize::try_from(segment.p_offset - slack).unwrap_or(usize::MAX);
        let size = usize::try_from(slack + segment.p_filesz).unwrap_or(usize::MAX);
        let content = bytes.get(from..).and_then(|rest| rest.get(..size));
        let content = content.ok_or(Error::BadProgram("a segment lies outside the file"))?;
        if segment.p_flags & PF_W == 0 {
            let offset = file_offset + segment.p_offset - slack;
            return self.map_at(vmar, start, bootfs, offset, length, PERM_READ | execute);
        }
        if execute != 0 {
            return Err(Error::BadProgram("a segment is writable and executable"));
        }
        let vmo = step("make room for init's data", self.empty_vmo("init-data", length))?;
        step("copy init's data", self.fill_vmo(vmo, 0, content))?;
        self.map_at(vmar, start, vmo, 0, length, PERM_READ | PERM_WRITE)
    }

    fn load_stack(&mut self, vmar: Id<Vmar>) -> Result<u64, Error> {
        let vmo = step("make init's stack", self.empty_vmo("init-stack", STACK_SIZE))?;
        // A page on either side stays empty, so that running over the end is a fault.
        let room = STACK_SIZE + 2 * PAGE_SIZE;
        let base = step("place init's stack", self.pick_address(vmar, abi::vmar::USER_END, room, PAGE_SIZE))?;
        self.map_at(vmar, base + PAGE_SIZE, vmo, 0, STACK_SIZE, PERM_READ | PERM_WRITE)?;
        Ok(base + PAGE_SIZE + STACK_SIZE)
    }

    fn load_vdso(&mut self, process: Id<Process>, vmar: Id<Vmar>) -> Result<u64, Error> {
        let (vmo, code_offset, code_size) = (self.vdso.vmo, self.vdso.code_offset, self.vdso.code_size);
        let room = code_offset + code_size;
        let base = step("place the vDSO", self.pick_address(vmar, abi::vmar::USER_END, room, PAGE_SIZE))?;
        self.map_at(vmar, base, vmo, 0, code_offset, PERM_READ)?;
        self.map_at(vmar, base + code_offset, vmo, code_offset, code_size, PERM_READ | PERM_EXECUTE)?;
        if let Ok(process) = self.objects.get_mut(process) {
            process.vdso_code = Some(base + code_offset);
        }
        Ok(base)
    }

    fn map_at(
        &mut self,
        vmar: Id<Vmar>,
        base: u64,
        vmo: Id<Vmo>,
        offset: u64,
        length: u64,
        permissions: u32,
    ) -> Result<(), Error> {
        let is_vdso_code = vmo == self.vdso.vmo && permissions & PERM_EXECUTE != 0;
        let policy = CachePolicy::Cached;
        let mapping = Mapping {
            vmar,
            base,
            length,
            vmo,
            offset,
            root: vmo,
            start: 0,
            permissions,
            max_permissions: permissions,
            policy,
            ends_with_content: false,
            is_vdso_code,
            links: Links::default(),
        };
        step("map a part of init", self.enter_mapping(&mapping, None).map(|_| ()))
    }

    fn pick_address(
        &mut self,
        vmar: Id<Vmar>,
        end: u64,
        length: u64,
        align: u64,
    ) -> abi::status::Result<u64> {
        self.objects.get_mut(vmar)?.pick_address(end, Room { length, align, physical: None })
    }

    fn empty_vmo(&mut self, name: &str, size: u64) -> abi::status::Result<Id<Vmo>> {
        let koid = self.objects.allocate_koid();
        let mut vmo = Vmo::new(koid, size, Content::Paged(Pages::default()), CachePolicy::Cached);
        vmo.name = Name::new(name.as_bytes());
        self.objects.vmos.insert(vmo)
    }

    /// Starts the first process: from here on it is like any other.
    pub(super) fn launch_first(&mut self, first: &First, channel: Handle) -> abi::status::Result {
        let now = self.now();
        let process = self.objects.get_mut(first.process)?;
        process.state = crate::object::ProcessState::Running;
        process.start_time = now;
        self.first = Some(first.process);
        self.launch(first.thread, first.entry, first.stack, [u64::from(channel), first.vdso_base])
    }
}
