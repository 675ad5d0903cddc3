//! What the kernel gave, and giving parts of it on.
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::error::Error;

use manifest::{Device, Grant, Program, resolve};
use zx::abi::device_table::DeviceTable;
use zx::abi::processargs as pa;
use zx::bootfs::Archive;
use zx::launch::Launch;
use zx::{Debuglog, Handle, Job, Missing, Object, Process, Resource, Rights, Startup, Vmo, println};

/// The kinds that `grant=NAME:roots` gives, apart from the job, the boot file system and the vDSO.
const ROOTS: [u8; 6] = [
    pa::MMIO_RESOURCE,
    pa::IRQ_RESOURCE,
    pa::SMC_RESOURCE,
    pa::SYSTEM_RESOURCE,
    pa::VMO_BOOTDATA,
    pa::USER_DEVICE_TABLE,
];

/// Everything that programs can be given.
pub(crate) struct Supply {
    job: Job,
    archive: Archive,
    vdso: Vmo,
    /// The device table's bytes.
    table: Vec<u8>,
    /// Handles of one each, by kind. What the kernel did not give is not there.
    roots: BTreeMap<u8, Any>,
    windows: BTreeMap<u32, Resource>,
    interrupts: BTreeMap<u32, Resource>,
}

/// An object of a type that does not matter here.
struct Any(Handle);

impl From<Handle> for Any {
    fn from(handle: Handle) -> Self {
        Self(handle)
    }
}

impl From<Any> for Handle {
    fn from(any: Any) -> Self {
        any.0
    }
}

impl Object for Any {
    fn handle(&self) -> &Handle {
        &self.0
    }
}

impl Supply {
    /// Takes everything from the bootstrap messages.
    pub(crate) fn new(mut startup: Startup) -> Result<Self, Box<dyn Error>> {
        let table: Vmo = startup.take(pa::USER_DEVICE_TABLE, 0)?;
        let size = usize::try_from(table.size()?)?;
        let mut bytes = vec![0; size];
        table.read(&mut bytes, 0)?;
        let mut roots = BTreeMap::from([(pa::USER_DEVICE_TABLE, Any::from(Handle::from(table)))]);
        for kind in ROOTS {
            if let Some(handle) = startup.take_startup_handle(kind, 0) {
                roots.insert(kind, Any(handle));
            }
        }
        let mut all =
            |kind| startup.take_all(kind).map(|(number, object)| (u32::from(number), object)).collect();
        let (windows, interrupts) = (all(pa::USER_WINDOW), all(pa::USER_INTERRUPT));
        Ok(Self {
            job: startup.take(pa::JOB_DEFAULT, 0)?,
            archive: Archive::open(startup.take(pa::VMO_BOOTFS, 0)?)?,
            vdso: startup.take(pa::VMO_VDSO, 0)?,
            table: bytes,
            roots,
            windows,
            interrupts,
        })
    }

    /// The names in the boot file system, for a reader.
    pub(crate) fn names(&self) -> String {
        self.archive.names().collect::<Vec<_>>().join(", ")
    }

    /// Starts a program with what it is granted. Nothing is started if a grant fails.
    pub(crate) fn start(&self, program: &Program<'_>, args: &[&str]) -> Result<Process, Box<dyn Error>> {
        let name = program.name;
        let unknown = || format!("the boot file system has no {name}. There are {}", self.names());
        let file = self.archive.find(name).ok_or_else(unknown)?;
        let table = DeviceTable::new(&self.table)?;
        let mut devices = Vec::new();
        let mut launch = Launch::new(&self.archive, &self.vdso);
        launch.arg(name);
        for arg in args {
            launch.arg(arg);
        }
        if let Some(log) = zx::debuglog() {
            launch.give(pa::FD, 0, again::<Debuglog>(log)?);
        }
        for grant in &program.grants {
            match *grant {
                Grant::Roots => self.give_roots(&mut launch)?,
                Grant::Device(path) => {
                    devices.push(resolve(&table, path).map_err(|refusal| format!("{refusal}"))?)
                }
            }
        }
        self.give_devices(&mut launch, &devices)?;
        devices.iter().for_each(|device| println!("{name} gets {device}"));
        Ok(launch.start(&self.job, name, file)?)
    }

    fn give_roots(&self, launch: &mut Launch<'_>) -> Result<(), Box<dyn Error>> {
        launch.give(pa::JOB_DEFAULT, 0, again(&self.job)?);
        launch.give(pa::VMO_BOOTFS, 0, again(self.archive.vmo())?);
        launch.give(pa::VMO_VDSO, 0, again(&self.vdso)?);
        for (&kind, root) in &self.roots {
            launch.give(kind, 0, again(root)?);
        }
        Ok(())
    }

    /// Gives windows and interrupts, each counted from 0 in the order of the grants.
    fn give_devices(&self, launch: &mut Launch<'_>, devices: &[Device<'_>]) -> Result<(), Box<dyn Error>> {
        let windows = devices.iter().flat_map(|device| &device.windows);
        give_each(launch, pa::USER_WINDOW, &self.windows, windows)?;
        let interrupts = devices.iter().flat_map(|device| &device.interrupts);
        give_each(launch, pa::USER_INTERRUPT, &self.interrupts, interrupts)
    }
}

fn give_each<'n>(
    launch: &mut Launch<'_>,
    kind: u8,
    from: &BTreeMap<u32, Resource>,
    numbers: impl Iterator<Item = &'n u32>,
) -> Result<(), Box<dyn Error>> {
    for (arg, number) in (0..=u16::MAX).zip(numbers) {
        let resource =
            from.get(number).ok_or(Missing { kind, arg: u16::try_from(*number).unwrap_or(u16::MAX) })?;
        launch.give(kind, arg, again(resource)?);
    }
    Ok(())
}

/// A second handle, to give away.
fn again<T: Object>(object: &T) -> zx::Result<T> {
    object.duplicate(Rights::SAME_RIGHTS)
}
