//! What a program was started with.
use core::fmt;

use abi::Status;
use abi::processargs as pa;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use spin::Once;

use crate::message::{FIRST_MESSAGE_MAX, Malformed, Parsed};
use crate::object::{Channel, Debuglog, Process, Vmar};
use crate::{Handle, Object};

static VMAR_ROOT: Once<Vmar> = Once::new();
static PROC_SELF: Once<Process> = Once::new();
static DEBUGLOG: Once<Debuglog> = Once::new();

/// The root of this program's address space; `None` only before the bootstrap message is read.
pub fn vmar_root() -> Option<&'static Vmar> {
    VMAR_ROOT.get()
}

/// This process, if its starter gave it a handle.
pub fn process_self() -> Option<&'static Process> {
    PROC_SELF.get()
}

/// The log that is this program's standard output, if its starter gave it one.
pub fn debuglog() -> Option<&'static Debuglog> {
    DEBUGLOG.get()
}

/// Arguments and handles that nobody has taken yet. What is left closes on drop.
///
/// VMAR_ROOT, PROC_SELF and the first FD are not among them: [`vmar_root`], [`process_self`] and [`debuglog`]
/// give them to every part of the program.
#[derive(Debug, Default)]
pub struct Startup {
    args: Vec<String>,
    handles: BTreeMap<(u8, u16), Handle>,
}

impl Startup {
    /// The arguments.
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// Takes the handle of this kind (`abi::processargs`) and number.
    pub fn take_startup_handle(&mut self, kind: u8, arg: u16) -> Option<Handle> {
        self.handles.remove(&(kind, arg))
    }

    /// Takes the object of this kind and number.
    ///
    /// # Errors
    /// [`Missing`], which says what was not given.
    pub fn take<T: Object>(&mut self, kind: u8, arg: u16) -> Result<T, Missing> {
        self.take_startup_handle(kind, arg).map(T::from).ok_or(Missing { kind, arg })
    }

    /// Takes every object of this kind, by ascending number.
    pub fn take_all<T: Object>(&mut self, kind: u8) -> impl Iterator<Item = (u16, T)> + use<T> {
        let (taken, left) =
            core::mem::take(&mut self.handles).into_iter().partition(|((k, _), _)| *k == kind);
        self.handles = left;
        let taken: BTreeMap<(u8, u16), Handle> = taken;
        taken.into_iter().map(|((_, arg), handle)| (arg, T::from(handle)))
    }

    /// Keeps a handle: in its place in this library, or for `take`.
    fn keep(&mut self, info: u32, handle: Handle) {
        let (kind, arg) = (pa::info_kind(info), pa::info_arg(info));
        match (kind, arg) {
            (pa::VMAR_ROOT, 0) => drop(VMAR_ROOT.call_once(|| handle.into())),
            (pa::PROC_SELF, 0) => drop(PROC_SELF.call_once(|| handle.into())),
            (pa::FD, 0) => drop(DEBUGLOG.call_once(|| handle.into())),
            _ => drop(self.handles.insert((kind, arg), handle)),
        }
    }
}

/// A handle that the program needs was not given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its kind, of `abi::processargs`.
    pub kind: u8,
    /// Its number.
    pub arg: u16,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, arg } = self;
        match *kind {
            pa::USER_WINDOW => {
                write!(f, "window {arg} was not granted: start with grant=NAME:/path/of/the/device")
            }
            pa::USER_INTERRUPT => {
                write!(f, "interrupt {arg} was not granted: start with grant=NAME:/path/of/the/device")
            }
            _ => write!(f, "handle {arg} of kind {kind:#x} was not given: start with grant=NAME:roots"),
        }
    }
}

impl core::error::Error for Missing {}

/// Why a program cannot begin.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no message.
    Read(Status),
    /// It is none of ours.
    Malformed(Malformed),
    /// It lacks VMAR_ROOT, without which there is no heap.
    NoVmar,
    /// What crt0 has relocated cannot be made read-only.
    Protect(Status),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(Status::BUFFER_TOO_SMALL) => {
                write!(f, "the first bootstrap message has more than {FIRST_MESSAGE_MAX} bytes")
            }
            Self::Read(status) => write!(f, "the bootstrap message cannot be read: {status}"),
            Self::Malformed(malformed) => write!(f, "the bootstrap message is malformed: {malformed}"),
            Self::NoVmar => f.write_str("the bootstrap message lacks VMAR_ROOT"),
            Self::Protect(status) => write!(f, "its read-only data cannot be protected: {status}"),
        }
    }
}

/// Reads the bootstrap messages.
///
/// The sequence ends with a message without handles, or where the channel has no more: whoever starts a
/// program writes all of them first.
pub(super) fn begin(bootstrap: u32) -> Result<Startup, Failure> {
    // SAFETY: 1: crt0 got the handle as the one argument of the process; it calls this once.
    let channel =
        unsafe { Handle::from_raw(bootstrap) }.map(Channel::from).ok_or(Failure::Read(Status::BAD_HANDLE))?;
    let mut startup = Startup::default();
    first(&channel, &mut startup)?;
    loop {
        let message = match channel.read() {
            Ok(message) if message.handles.is_empty() => return Ok(startup),
            Ok(message) => message,
            Err(Status::SHOULD_WAIT | Status::PEER_CLOSED) => return Ok(startup),
            Err(status) => return Err(Failure::Read(status)),
        };
        let parsed = Parsed::new(&message.bytes, message.handles.len()).map_err(Failure::Malformed)?;
        for (info, handle) in parsed.infos().zip(message.handles) {
            startup.keep(info, handle);
        }
    }
}

/// Reads the first message without a heap: the heap needs VMAR_ROOT, which is in it.
fn first(channel: &Channel, startup: &mut Startup) -> Result<(), Failure> {
    let mut bytes = [0; FIRST_MESSAGE_MAX];
    let mut raws = [0; pa::MAX_HANDLES];
    let (bytes, raws) =
        channel.read_slices(&mut bytes, &mut raws).map_err(|(status, _)| Failure::Read(status))?;
    let parsed = Parsed::new(bytes, raws.len()).map_err(Failure::Malformed)?;
    // SAFETY: 1: the kernel has just given us these handles; each is taken once.
    let handles =
        || parsed.infos().zip(raws.iter()).map(|(info, &raw)| (info, unsafe { Handle::from_raw(raw) }));
    let is_root = |info: u32| info == pa::info(pa::VMAR_ROOT, 0);
    let mut rest = [const { None }; pa::MAX_HANDLES];
    for (slot, (info, handle)) in rest.iter_mut().zip(handles()) {
        match handle {
            Some(handle) if is_root(info) => startup.keep(info, handle),
            handle => *slot = handle.map(|handle| (info, handle)),
        }
    }
    super::crt0::seal(vmar_root().ok_or(Failure::NoVmar)?).map_err(Failure::Protect)?;
    for (info, handle) in rest.into_iter().flatten() {
        startup.keep(info, handle);
    }
    startup.args = parsed.args().map(String::from).collect();
    super::logger::set_level(
        parsed.args().filter_map(|arg| arg.strip_prefix("log=")).last().unwrap_or("info"),
    );
    Ok(())
}
