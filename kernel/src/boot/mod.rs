//! From nothing to the first process.
//!
//! The image finds the machine out and makes the [`Kernel`]; this module gives it its first objects: the
//! root job, the vDSO, a VMO for each image that came along, a resource for each window and interrupt, and
//! `init`, whose first channel holds them all.

mod elf;
mod message;

use core::fmt;
use core::ops::Range;

use abi::bootfs::{self, Bootfs};
use abi::resource::Kind;
use abi::time::TickScale;
use abi::vmo::CachePolicy;
use abi::{AbiStruct, PAGE_SIZE, Status, status::Result};
use alloc::vec::Vec;
use ledger::Ledger;

use crate::collections::arena::Id;
use crate::journal::Journal;
use crate::kernel::{Console, Kernel, Options, Ram, Vdso};
use crate::lifetime::Reaper;
use crate::memory::asids::Asids;
use crate::memory::dma::Windows;
use crate::memory::pages::{Pages, Trees};
use crate::memory::types::MemoryTypes;
use crate::object::resource::Origin;
use crate::object::{Content, Job, Name, ObjectRef, Objects, Resource, Vmo};
use crate::ports::Machine;
use crate::random::Random;
use crate::report::Refusals;
use crate::schedule::Schedule;

/// The name of the first program in the boot file system.
pub const FIRST_PROGRAM: &str = "init";

/// What came along with the kernel. All of it is copied, so it may lie anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// The boot file system.
    pub bootfs: &'a [u8],
    /// The device tree, as checked and cleaned.
    pub tree: &'a [u8],
    /// Bytes of it that no program is told: what the kernel's random numbers follow from.
    pub seeds: &'a [Range<usize>],
    /// The device table that was made from it.
    pub device_table: &'a [u8],
    /// The boot arguments.
    pub arguments: &'a str,
}

/// The vDSO, as the build made it.
#[derive(Clone, Copy, Debug)]
pub struct VdsoImage<'a> {
    /// The file `libzircon.so`: each offset is an address from its base. The calls are where [`abi::vdso::site`] says.
    pub bytes: &'a [u8],
    /// What programs learn from it about the machine; clock and sizes are filled in here.
    pub constants: abi::vdso::Constants,
}

/// A resource that the kernel makes at boot: one window, or one interrupt.
#[derive(Clone, Copy, Debug)]
pub struct Supply {
    /// What the numbers mean.
    pub kind: Kind,
    /// The first unit.
    pub base: u64,
    /// Units.
    pub size: u64,
    /// Whose it is.
    pub name: Name,
}

/// Why the first process cannot start.
#[derive(Debug)]
pub enum Error {
    /// The machine's counter is too slow to tell time by.
    NoClock(u64),
    /// The build's vDSO is not one.
    BadVdso(&'static str),
    /// There is no boot file system, or it is damaged.
    BadBootfs(bootfs::Error),
    /// It has no file called [`FIRST_PROGRAM`].
    NoFirstProgram,
    /// That file is not a program of ours.
    BadProgram(&'static str),
    /// An operation failed, most likely for want of memory.
    Failed(&'static str, Status),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClock(hertz) => {
                write!(f, "the counter runs at {hertz} Hz (CNTFRQ_EL0), too slow to tell time by: the firmware must set it")
            }
            Self::BadVdso(why) => write!(f, "the vDSO in this image is no vDSO: {why}; build again with cargo xtask build"),
            Self::BadBootfs(bootfs::Error::NotBootfs) => f.write_str(
                "no boot file system: neither an initrd (/chosen/linux,initrd-start) nor one in the image; pass bootfs.img as the initrd",
            ),
            Self::BadBootfs(error) => {
                write!(f, "the boot file system is damaged ({error:?}): load bootfs.img again, whole")
            }
            Self::NoFirstProgram => {
                write!(f, "the boot file system has no file \"{FIRST_PROGRAM}\": build it with cargo xtask build")
            }
            Self::BadProgram(why) => write!(f, "\"{FIRST_PROGRAM}\" is no program of ours: {why}"),
            Self::Failed(what, Status::NO_MEMORY) => {
                write!(f, "cannot {what}: no memory is left; give the machine more")
            }
            Self::Failed(what, status) => write!(f, "cannot {what}: {status}"),
        }
    }
}

/// Turns a failed step into an [`Error`] that names it.
fn step<T>(what: &'static str, result: Result<T>) -> core::result::Result<T, Error> {
    result.map_err(|status| Error::Failed(what, status))
}

impl<M: Machine> Kernel<M> {
    /// A kernel with a root job and a vDSO, and nothing to run.
    ///
    /// # Errors
    /// [`Error`], for an image that the build got wrong or a machine without memory or clock.
    pub fn new(
        mut machine: M,
        ledger: Ledger,
        options: Options,
        vdso: &VdsoImage<'_>,
    ) -> core::result::Result<Self, Error> {
        let frequency = machine.ticks_per_second();
        let scale = TickScale::new(frequency).ok_or(Error::NoClock(frequency))?;
        let mut seed = options.seed;
        if let Some(entropy) = machine.entropy() {
            for (byte, more) in seed.iter_mut().zip(entropy.to_le_bytes()) {
                *byte ^= more;
            }
        }
        // A test is to see them run out.
        let asids = step("keep the ASIDs", Asids::new(machine.wide_asids() && !options.test))?;
        let heap = machine.heap_use();
        let ram = Ram {
            bytes: vdso.constants.physmem,
            free_at_start: machine.free_frames().0.saturating_add(heap.frames),
        };
        let mut objects = Objects::new();
        let koid = objects.allocate_koid();
        let root_job = step("make the root job", objects.jobs.insert(Job::root(koid)))?;
        let koid = objects.allocate_koid();
        let vdso_vmo = Vmo::new(koid, 0, Content::Paged(Pages::default()), CachePolicy::Cached);
        let vdso_vmo = step("make the vDSO", objects.vmos.insert(vdso_vmo))?;
        let refusals = Refusals::default();
        let console = Console { window: options.console, given_away: false, later: None, refusals };
        let mut kernel = Self {
            machine,
            objects,
            schedule: Schedule::new(options.many_cpus),
            reaper: Reaper::default(),
            trees: Trees::new(),
            zeros: None,
            discards: 0,
            turned_away: 0,
            asids,
            types: MemoryTypes::default(),
            populating: 0,
            ledger,
            windows: Windows::default(),
            random: Random::new(seed),
            scale,
            vdso: Vdso { vmo: vdso_vmo, code_offset: 0, code_size: 0 },
            root_job,
            first: None,
            stopped: None,
            options,
            console,
            journal: Journal::new(),
            ram,
        };
        kernel.install_vdso(vdso)?;
        Ok(kernel)
    }

    /// Makes the first process and all that it is given. It runs at the next [`Kernel::handle`].
    ///
    /// # Errors
    /// [`Error`], naming what is missing or wrong and what to do.
    pub fn start_first(
        &mut self,
        images: &Images<'_>,
        supply: impl Iterator<Item = Supply>,
    ) -> core::result::Result<(), Error> {
        let available = images.bootfs.len() as u64;
        let directory = Bootfs::new(images.bootfs, available).map_err(Error::BadBootfs)?;
        let program = directory.find(FIRST_PROGRAM).ok_or(Error::NoFirstProgram)?;
        let bootfs = step("copy the boot file system", self.vmo_from("bootfs", images.bootfs))?;
        let tree = step("copy the device tree", self.vmo_from("devicetree", images.tree))?;
        for seed in images.seeds {
            step("clear the seeds", self.clear(tree, seed.start as u64, seed.end as u64))?;
        }
        let table = step("copy the device table", self.vmo_from("device-table", images.device_table))?;
        self.windows = step("keep what devices reach", Windows::new(images.device_table))?;
        let first = self.load_first(&program, bootfs, images.bootfs)?;
        let given = self.give_first(&first, [bootfs, tree, table], images.arguments, supply);
        let channel = step("give init its handles", given)?;
        step("start init", self.launch_first(&first, channel))?;
        // From here on the images live as long as somebody has a handle to them or maps them.
        for image in [bootfs, tree, table] {
            self.unhold(ObjectRef::Vmo(image));
        }
        self.schedule.attention = true;
        Ok(())
    }

    /// A VMO with a copy of `bytes`.
    fn vmo_from(&mut self, name: &str, bytes: &[u8]) -> Result<Id<Vmo>> {
        let size = (bytes.len() as u64).next_multiple_of(PAGE_SIZE);
        let koid = self.objects.allocate_koid();
        let mut vmo = Vmo::new(koid, size, Content::Paged(Pages::default()), CachePolicy::Cached);
        vmo.name = Name::new(name.as_bytes());
        vmo.content_size = bytes.len() as u64;
        let id = self.objects.vmos.insert(vmo)?;
        self.hold(ObjectRef::Vmo(id));
        self.fill_vmo(id, 0, bytes)?;
        Ok(id)
    }

    /// Zeroes bytes of a paged VMO.
    fn clear(&mut self, id: Id<Vmo>, from: u64, to: u64) -> Result {
        let mut at = from;
        while at < to {
            at = self.zero_piece(id, at, to)?;
        }
        Ok(())
    }

    /// Copies `bytes` into a paged VMO from a page-aligned offset on; what a last page lacks is zero.
    fn fill_vmo(&mut self, id: Id<Vmo>, offset: u64, bytes: &[u8]) -> Result {
        const ZEROS: [u8; PAGE_SIZE as usize] = [0; PAGE_SIZE as usize];
        for (page, piece) in bytes.chunks(PAGE_SIZE as usize).enumerate() {
            let page = offset / PAGE_SIZE + page as u64;
            let frame = self.machine.allocate_frame().ok_or(Status::NO_MEMORY)?;
            let Content::Paged(pages) = &mut self.objects.get_mut(id)?.content else {
                return Err(Status::INTERNAL);
            };
            self.trees.put(pages, page, frame).inspect_err(|_| self.machine.free_frame(frame))?;
            self.machine.write_frame(frame, 0, piece);
            self.machine.write_frame(frame, piece.len(), ZEROS.get(piece.len()..).unwrap_or(&[]));
        }
        Ok(())
    }

    fn install_vdso(&mut self, image: &VdsoImage<'_>) -> core::result::Result<(), Error> {
        let layout = elf::vdso_layout(image.bytes).map_err(Error::BadVdso)?;
        let mut constants = image.constants;
        constants.ticks_per_second = self.scale.ticks_per_second;
        constants.nanos_per_tick_q32 = self.scale.nanos_per_tick_q32;
        constants.page_size = PAGE_SIZE as u32;
        let mut bytes = Vec::new();
        step("copy the vDSO", bytes.try_reserve_exact(image.bytes.len()).map_err(|_| Status::NO_MEMORY))?;
        bytes.extend_from_slice(image.bytes);
        let place = bytes.get_mut(layout.constants..).ok_or(Error::BadVdso("its constants lie outside"))?;
        constants.put(place);
        let vmo = step("copy the vDSO", self.vmo_from("vdso", &bytes))?;
        if let Ok(vmo) = self.objects.get_mut(vmo) {
            vmo.is_vdso = true;
        }
        self.objects.vmos.remove(self.vdso.vmo);
        self.vdso = Vdso { vmo, code_offset: layout.code_offset, code_size: layout.code_size };
        Ok(())
    }

    /// The resource for one window or interrupt.
    ///
    /// # Errors
    /// `BAD_STATE` for a kind of which an Arm machine has nothing to give; `NO_MEMORY`.
    pub(crate) fn make_supply(&mut self, supply: &Supply) -> Result<Id<Resource>> {
        if supply.kind == Kind::Ioport {
            return Err(Status::BAD_STATE);
        }
        let koid = self.objects.allocate_koid();
        let mut resource =
            Resource::new(koid, supply.kind, supply.base, supply.size, supply.name, Origin::Supply);
        resource.is_clear = supply.kind == Kind::Mmio
            && !self.is_denied(supply.base, supply.size).unwrap_or(true)
            && !self.is_of_console(supply.base, supply.size);
        self.objects.resources.insert(resource)
    }
}
