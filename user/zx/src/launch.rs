//! Starting programs from the boot file system.
//!
//! A new process sees the file's own pages for what it only reads and runs, pages of its own for its data, a
//! stack with a page on either side that nothing may touch, and the vDSO. It is told what it was given by one
//! bootstrap message, or several where there are more handles than a message can carry.
use core::fmt;

use abi::processargs::{self as pa, MAX_BYTES, MAX_HANDLES, info};
use abi::{PAGE_SIZE, Rights, Status, VirtAddr, bootfs::Entry, vmar};
use alloc::vec;
use alloc::vec::Vec;

use crate::bootfs::Archive;
use crate::elf::{self, HEAD_SIZE, Plan, Segment};
use crate::message::{self, FIRST_MESSAGE_MAX};
use crate::object::{Channel, Job, Part, Process, Thread, Vmar, Vmo};
use crate::{Handle, Object, bootfs};

/// Bytes of a first thread's stack.
const STACK_SIZE: u64 = 256 << 10;
/// Programs lie at a multiple of 64 KiB: a log string's number is the low half of its symbol's address.
const PROGRAM_ALIGN_SHIFT: u32 = 16;
/// Bytes that are copied at once.
const CHUNK: usize = 64 << 10;

/// Why a program cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Its file is damaged, or cannot be read.
    File(bootfs::Error),
    /// Its file is not a program.
    Elf(elf::Error),
    /// The vDSO given is none.
    Vdso(elf::Error),
    /// It has no first instruction: it is a library.
    Library,
    /// Its arguments are too long for one message.
    Arguments,
    /// A call failed: what it was for, and its status.
    Call(&'static str, Status),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Elf(error) => write!(f, "{error}"),
            Self::Vdso(error) => write!(f, "the vDSO cannot be mapped: {error}"),
            Self::Library => f.write_str("it is a library: a program has an entry"),
            Self::Arguments => write!(f, "its arguments and handles do not fit {FIRST_MESSAGE_MAX} bytes"),
            Self::Call(what, status) => write!(f, "cannot {what}: {status}"),
        }
    }
}

impl core::error::Error for Error {}

type Result<T = (), E = Error> = core::result::Result<T, E>;

/// Names what a call is for, in its error.
trait During<T> {
    fn during(self, what: &'static str) -> Result<T>;
}

impl<T> During<T> for abi::status::Result<T> {
    fn during(self, what: &'static str) -> Result<T> {
        self.map_err(|status| Error::Call(what, status))
    }
}

/// A program to start, and what it is given.
///
/// Every program gets PROC_SELF, THREAD_SELF and VMAR_ROOT; all else is given by [`Launch::give`].
#[derive(Debug)]
pub struct Launch<'a> {
    archive: &'a Archive,
    vdso: &'a Vmo,
    given: Vec<(u32, Handle)>,
    args: Vec<&'a str>,
}

impl<'a> Launch<'a> {
    /// Prepares to start a program from `archive`. It enters the kernel through `vdso`.
    pub fn new(archive: &'a Archive, vdso: &'a Vmo) -> Self {
        Self { archive, vdso, given: Vec::new(), args: Vec::new() }
    }

    /// Gives the program an object, of a kind of `abi::processargs` and a number.
    pub fn give(&mut self, kind: u8, arg: u16, object: impl Into<Handle>) -> &mut Self {
        self.given.push((info(kind, arg), object.into()));
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: &'a str) -> &mut Self {
        self.args.push(arg);
        self
    }

    /// Starts the program in `file` as a process of `job`.
    ///
    /// # Errors
    /// [`Error`]; then the process, if it was made, is gone again.
    pub fn start(self, job: &Job, name: &str, file: &Entry) -> Result<Process> {
        self.archive.verify(file).map_err(Error::File)?;
        let image = Image { vmo: self.archive.vmo(), offset: file.offset };
        let plan = image.plan(file.size)?.map_err(Error::Elf)?;
        if plan.entry == 0 {
            return Err(Error::Library);
        }
        let vdso = Image { vmo: self.vdso, offset: 0 };
        let vdso_plan =
            vdso.plan(self.vdso.size().during("ask for the vDSO's size")?)?.map_err(Error::Vdso)?;

        let (process, root) = Process::create(job, name).during("make the process")?;
        let thread = Thread::create(&process, name).during("make its thread")?;
        let space = Space::new(&root)?;
        let base = space.map_image(&image, &plan, PROGRAM_ALIGN_SHIFT)?;
        process.set_image_base(base).during("say where it lies")?;
        let stack = space.map_stack()?;
        let vdso_base = space.map_image(&vdso, &vdso_plan, 0)?;
        let channel = self.send(&process, &thread, root)?;
        let x1 =
            usize::try_from(vdso_base.0).map_err(|_| Error::Call("place the vDSO", Status::OUT_OF_RANGE))?;
        process
            .start(&thread, VirtAddr(base.0 + plan.entry), stack, channel.into(), x1)
            .during("start it")?;
        Ok(process)
    }

    /// Writes the bootstrap messages; gives the end of the channel that is the program's.
    fn send(mut self, process: &Process, thread: &Thread, root: Vmar) -> Result<Channel> {
        let what = "duplicate a handle for it";
        let process = process.duplicate(Rights::SAME_RIGHTS).during(what)?;
        let thread = thread.duplicate(Rights::SAME_RIGHTS).during(what)?;
        let mut all = vec![
            (info(pa::PROC_SELF, 0), process.into()),
            (info(pa::THREAD_SELF, 0), thread.into()),
            (info(pa::VMAR_ROOT, 0), root.into()),
        ];
        all.append(&mut self.given);

        let (ours, theirs) = Channel::create().during("make its channel")?;
        let mut left = all.into_iter().peekable();
        let mut args = core::mem::take(&mut self.args);
        while left.peek().is_some() {
            let (infos, handles): (Vec<u32>, Vec<Handle>) = left.by_ref().take(MAX_HANDLES).unzip();
            let bytes = message::build(&infos, &args);
            // Only the first message has arguments, and only it is read without a heap.
            if bytes.len() > FIRST_MESSAGE_MAX.min(MAX_BYTES) {
                return Err(Error::Arguments);
            }
            ours.write(&bytes, handles).during("send its bootstrap message")?;
            args.clear();
        }
        Ok(theirs)
    }
}

/// An ELF file in a VMO.
struct Image<'a> {
    vmo: &'a Vmo,
    offset: u64,
}

impl Image<'_> {
    /// Reads the file's head and plans.
    fn plan(&self, size: u64) -> Result<core::result::Result<Plan, elf::Error>> {
        let mut head = vec![0; usize::try_from(size).map_or(HEAD_SIZE, |size| size.min(HEAD_SIZE))];
        self.vmo.read(&mut head, self.offset).during("read its ELF header")?;
        Ok(Plan::new(&head, size))
    }
}

/// The address space of a process that does not run yet: nobody else maps anything there.
struct Space<'a> {
    root: &'a Vmar,
    base: u64,
}

impl<'a> Space<'a> {
    fn new(root: &'a Vmar) -> Result<Self> {
        let base = root.info().during("ask for its address space")?.base;
        Ok(Self { root, base })
    }

    /// Finds a place for `len` bytes: the kernel chooses it for a mapping that is taken away again.
    fn place(&self, len: u64, align_shift: u32) -> Result<VirtAddr> {
        const WHAT: &str = "find a place in its address space";
        let vmo = Vmo::create(len, 0).during(WHAT)?;
        let options = vmar::PERM_READ | align_shift << vmar::ALIGN_SHIFT;
        let address = self.root.map(options, 0, Part { vmo: &vmo, offset: 0, len }).during(WHAT)?;
        // SAFETY: 1: it is the address space of a process that does not run yet.
        unsafe { self.root.unmap(address, len) }.during(WHAT)?;
        Ok(address)
    }

    /// Maps a part of a VMO at an address that [`Space::place`] found.
    fn map(&self, at: u64, permissions: u32, part: Part<'_>) -> Result {
        let mapped = self.root.map(permissions | vmar::SPECIFIC, at - self.base, part);
        mapped.during("map a part of it").map(drop)
    }

    fn map_image(&self, image: &Image<'_>, plan: &Plan, align_shift: u32) -> Result<VirtAddr> {
        let base = self.place(plan.span, align_shift)?;
        for segment in &plan.segments {
            let (at, offset, len) = (base.0 + segment.at, image.offset + segment.file_page, segment.len);
            if segment.is_private() {
                let vmo = copy(image.vmo, offset, segment)?;
                self.map(at, segment.permissions, Part { vmo: &vmo, offset: 0, len })?;
            } else {
                self.map(at, segment.permissions, Part { vmo: image.vmo, offset, len })?;
            }
        }
        Ok(base)
    }

    /// Maps a stack; gives its end. The pages on either side allow no access, so nothing is placed there.
    fn map_stack(&self) -> Result<VirtAddr> {
        let vmo = Vmo::create(STACK_SIZE, 0).during("make its stack")?;
        let _ = vmo.set_name("stack");
        let start = self.place(STACK_SIZE + 2 * PAGE_SIZE, 0)?.0 + PAGE_SIZE;
        let end = start + STACK_SIZE;
        let part = |len| Part { vmo: &vmo, offset: 0, len };
        self.map(start - PAGE_SIZE, 0, part(PAGE_SIZE))?;
        self.map(start, vmar::PERM_READ | vmar::PERM_WRITE, part(STACK_SIZE))?;
        self.map(end, 0, part(PAGE_SIZE))?;
        Ok(VirtAddr(end))
    }
}

/// Copies a writable segment into a VMO of its own.
fn copy(from: &Vmo, offset: u64, segment: &Segment) -> Result<Vmo> {
    let vmo = Vmo::create(segment.len, 0).during("make room for its data")?;
    let _ = vmo.set_name("data");
    let (start, end) = segment.content;
    let mut chunk = vec![0; CHUNK];
    for at in (start..end).step_by(CHUNK) {
        let len = usize::try_from(end - at).map_or(CHUNK, |left| left.min(CHUNK));
        let part = chunk.get_mut(..len).unwrap_or_default();
        from.read(part, offset + at).during("read its data")?;
        vmo.write(part, at).during("copy its data")?;
    }
    Ok(vmo)
}
