//! The kernel's objects: one noun a file.
//!
//! An object lives in the arena of its type and is named by an id. It stays while a handle names it
//! ([`Header::handles`]) or another part of the kernel needs it ([`Header::holds`]); what happens when
//! either count falls to zero is [`crate::lifetime`]'s business.

pub mod bti;
pub mod channel;
pub mod debuglog;
pub mod event;
pub mod handle;
pub mod iommu;
pub mod job;
pub mod mapping;
pub mod notice;
pub mod pmt;
pub mod port;
pub mod process;
pub mod resource;
pub mod thread;
pub mod vmar;
pub mod vmo;

pub use bti::Bti;
pub use channel::{Channel, Message};
pub use debuglog::Debuglog;
pub use event::Event;
pub use handle::{Drained, HandleEntry, HandleTable};
pub use iommu::Iommu;
pub use job::Job;
pub use mapping::Mapping;
pub use notice::{Lookout, Notice, Watched};
pub use pmt::{Pmt, PmtState};
pub use port::Port;
pub use process::{Process, ProcessState};
pub use resource::Resource;
pub use thread::{Thread, ThreadState, Wait};
pub use vmar::{Entry, Vmar, VmarState};
pub use vmo::{AtUnlocked, Content, Locks, Vmo};

use core::fmt::{self, Write};

use abi::status::Result;
use abi::{Koid, ObjectType, Signals, Status};

use crate::collections::arena::{Arena, Id, Word};
use crate::collections::queue::Queue;
use notice::{AtClosed, AtSweeps};
use resource::Minted;

/// An object's name: up to 31 bytes, then NULs. Four words, and moved as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(align(8))]
pub struct Name(pub [u8; abi::object::MAX_NAME_LEN]);

impl Name {
    /// A name from bytes: cut at the first NUL and at 31 bytes, as Zircon does without a word.
    pub fn new(bytes: &[u8]) -> Self {
        let mut name = Self::default();
        for (to, from) in name.0.iter_mut().take(abi::object::MAX_NAME_LEN - 1).zip(bytes) {
            if *from == 0 {
                break;
            }
            *to = *from;
        }
        name
    }

    /// A name from the end of a text, which of a path says most: its last 31 bytes.
    pub fn from_tail(text: impl fmt::Display) -> Self {
        let mut tail = Tail(Self::default(), 0);
        // A text that stops half-way gives the name that it has so far.
        let _shortened = write!(tail, "{text}");
        tail.0
    }

    /// The name as text; what is not UTF-8 shows as nothing.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        self.0.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

/// Keeps the last bytes that are written to it, and how many there are.
struct Tail(Name, usize);

impl Write for Tail {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const MOST: usize = abi::object::MAX_NAME_LEN - 1;
        for byte in text.bytes() {
            if self.1 == MOST {
                self.0.0.copy_within(1..MOST, 0);
                self.1 -= 1;
            }
            if let Some(place) = self.0.0.get_mut(self.1) {
                *place = byte;
            }
            self.1 += 1;
        }
        Ok(())
    }
}

/// What every object has.
#[derive(Debug)]
pub struct Header {
    /// Its number, never used again.
    pub koid: Koid,
    /// Handles that name it, those inside messages included.
    pub handles: u32,
    /// Reasons inside the kernel why it must stay.
    pub holds: u32,
    /// Its signals now.
    pub signals: Signals,
    /// The first thread that waits for its signals; the rest hang on the threads.
    pub waiters: Option<Id<Thread>>,
    /// What else hangs on its signals.
    pub watched: Option<Id<Watched>>,
    /// The next in the reaper's queue.
    pub next_dead: Option<ObjectRef>,
}

impl Header {
    /// A new object's: nobody names it yet.
    pub const fn new(koid: Koid, signals: Signals) -> Self {
        Self { koid, handles: 0, holds: 0, signals, waiters: None, watched: None, next_dead: None }
    }
}

macro_rules! objects {
    ($($type:ident in $arena:ident, $rights:ident;)*) => {
        /// An id of any object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ObjectRef {
            $(#[doc = concat!("A ", stringify!($type), ".")] $type(Id<$type>),)*
        }

        /// The types, numbered.
        #[repr(u32)]
        enum Numbered {
            $($type,)*
        }

        impl ObjectRef {
            /// The number of the object's type, and its id as a word.
            #[inline(always)]
            pub(crate) const fn parts(self) -> (u32, Word) {
                match self {
                    $(Self::$type(id) => (Numbered::$type as u32, id.word()),)*
                }
            }

            /// The object with these parts; `None` if no type has the number.
            #[inline(always)]
            pub(crate) const fn from_parts(number: u32, id: Word) -> Option<Self> {
                $(if number == Numbered::$type as u32 {
                    return Some(Self::$type(Id::from_word(id)));
                })*
                None
            }

            /// The object's type as programs see it.
            pub const fn object_type(self) -> ObjectType {
                match self {
                    $(Self::$type(_) => ObjectType::$type,)*
                }
            }
        }

        /// The arenas, and the next koid.
        #[derive(Debug)]
        pub struct Objects {
            $(#[doc = concat!("Every ", stringify!($type), ".")] pub $arena: Arena<$type>,)*
            /// Every mapping.
            pub mappings: Arena<Mapping>,
            /// What ports and threads are told, or will be.
            pub notices: Arena<Notice>,
            /// Objects on which notices hang.
            pub watched: Arena<Watched>,
            /// Handles on which notices hang.
            pub lookouts: Arena<Lookout>,
            /// Objects whose signals are being told to many.
            pub sweeps: Queue<Watched, AtSweeps>,
            /// Closed handles whose notices are being taken away.
            pub closed: Queue<Lookout, AtClosed>,
            /// VMOs that may be discarded, the one that was unlocked first before the others.
            pub unlocked: Queue<Vmo, AtUnlocked>,
            /// Resources that programs have had minted.
            pub minted: Minted,
            /// The koids that no object has had.
            pub koids: Koids,
        }

        impl Objects {
            /// No objects.
            pub const fn new() -> Self {
                Self {
                    $($arena: Arena::new(),)*
                    mappings: Arena::new(),
                    notices: Arena::new(),
                    watched: Arena::new(),
                    lookouts: Arena::new(),
                    sweeps: Queue::new(),
                    closed: Queue::new(),
                    unlocked: Queue::new(),
                    minted: Minted::new(),
                    koids: Koids::ALL,
                }
            }

            /// Every object there is.
            pub fn all(&self) -> impl Iterator<Item = ObjectRef> {
                core::iter::empty()$(.chain(self.$arena.iter().map(|(id, _)| ObjectRef::$type(id))))*
            }

            /// How often objects were looked for so far, where that is counted ([`Arena::looks`]).
            pub fn looks(&self) -> u64 {
                let others = self.notices.looks() + self.watched.looks() + self.lookouts.looks();
                others.wrapping_add(self.mappings.looks())$(.wrapping_add(self.$arena.looks()))*
            }

            /// The header of any object; `None` for a stale id.
            pub fn header(&self, object: ObjectRef) -> Option<&Header> {
                match object {
                    $(ObjectRef::$type(id) => self.$arena.get(id).map(|object| &object.header),)*
                }
            }

            /// The header of any object, to change it.
            pub fn header_mut(&mut self, object: ObjectRef) -> Option<&mut Header> {
                match object {
                    $(ObjectRef::$type(id) => self.$arena.get_mut(id).map(|object| &mut object.header),)*
                }
            }
        }

        $(impl Object for $type {
            const TYPE: ObjectType = ObjectType::$type;
            const KIND: u64 = Numbered::$type as u64;
            const DEFAULT_RIGHTS: abi::Rights = abi::Rights::$rights;

            fn id(object: ObjectRef) -> Option<Id<Self>> {
                if let ObjectRef::$type(id) = object { Some(id) } else { None }
            }

            fn reference(id: Id<Self>) -> ObjectRef {
                ObjectRef::$type(id)
            }

            fn arena(objects: &Objects) -> &Arena<Self> {
                &objects.$arena
            }

            fn arena_mut(objects: &mut Objects) -> &mut Arena<Self> {
                &mut objects.$arena
            }
        })*
    };
}

/// Koids that are left, from one on. There are more than any machine lives to give away.
#[derive(Debug)]
pub struct Koids(Koid);

impl Koids {
    const ALL: Self = Self(abi::object::KOID_FIRST);

    /// A koid that no object had before.
    pub const fn take(&mut self) -> Koid {
        let koid = self.0;
        self.0 = koid.wrapping_add(1);
        koid
    }
}

/// A type of object: how to get from an id of anything to one of these.
pub trait Object: Sized {
    /// The type as programs see it.
    const TYPE: ObjectType;
    /// The number of the type in [`ObjectRef::parts`].
    const KIND: u64;
    /// The rights of a new handle to one.
    const DEFAULT_RIGHTS: abi::Rights;
    /// The id, if the object is of this type.
    fn id(object: ObjectRef) -> Option<Id<Self>>;
    /// An id of this type as one of anything.
    fn reference(id: Id<Self>) -> ObjectRef;
    /// Where objects of this type live.
    fn arena(objects: &Objects) -> &Arena<Self>;
    /// Where objects of this type live, to change them.
    fn arena_mut(objects: &mut Objects) -> &mut Arena<Self>;
}

objects! {
    Process in processes, DEFAULT_PROCESS;
    Thread in threads, DEFAULT_THREAD;
    Job in jobs, DEFAULT_JOB;
    Vmo in vmos, DEFAULT_VMO;
    Vmar in vmars, DEFAULT_VMAR;
    Channel in channels, DEFAULT_CHANNEL;
    Resource in resources, DEFAULT_RESOURCE;
    Debuglog in debuglogs, DEFAULT_DEBUGLOG;
    Event in events, DEFAULT_EVENT;
    Port in ports, DEFAULT_PORT;
    Iommu in iommus, DEFAULT_IOMMU;
    Bti in btis, DEFAULT_BTI;
    Pmt in pmts, DEFAULT_PMT;
}

impl Default for Objects {
    fn default() -> Self {
        Self::new()
    }
}

impl Objects {
    /// A koid that no object had before.
    pub fn allocate_koid(&mut self) -> Koid {
        self.koids.take()
    }

    /// The object with this id.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id: the kernel's counts are wrong, and the call ends instead of the machine.
    pub fn get<T: Object>(&self, id: Id<T>) -> Result<&T> {
        T::arena(self).get(id).ok_or(Status::INTERNAL)
    }

    /// The object with this id, to change it.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub fn get_mut<T: Object>(&mut self, id: Id<T>) -> Result<&mut T> {
        T::arena_mut(self).get_mut(id).ok_or(Status::INTERNAL)
    }

    /// Takes a VMO out of those that may be discarded, if it is among them; whether it was.
    pub fn leave_unlocked(&mut self, id: Id<Vmo>) -> bool {
        let Some(vmo) = self.vmos.get(id) else { return false };
        let is_among = vmo.place.previous().is_some() || self.unlocked.first() == Some(id);
        if is_among {
            self.unlocked.remove(&mut self.vmos, id);
        }
        is_among
    }

    /// The mapping with this id.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub fn mapping(&self, id: Id<Mapping>) -> Result<&Mapping> {
        self.mappings.get(id).ok_or(Status::INTERNAL)
    }

    /// The mapping with this id, to change it.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub fn mapping_mut(&mut self, id: Id<Mapping>) -> Result<&mut Mapping> {
        self.mappings.get_mut(id).ok_or(Status::INTERNAL)
    }

    /// The object's name; empty for types that have none.
    pub fn name(&self, object: ObjectRef) -> Name {
        match object {
            ObjectRef::Process(id) => self.processes.get(id).map(|process| process.name),
            ObjectRef::Thread(id) => self.threads.get(id).map(|thread| thread.name),
            ObjectRef::Job(id) => self.jobs.get(id).map(|job| job.name),
            ObjectRef::Vmo(id) => self.vmos.get(id).map(|vmo| vmo.name),
            ObjectRef::Resource(id) => self.resources.get(id).map(|resource| resource.name),
            ObjectRef::Bti(id) => self.btis.get(id).map(|bti| bti.name),
            ObjectRef::Vmar(_)
            | ObjectRef::Channel(_)
            | ObjectRef::Debuglog(_)
            | ObjectRef::Event(_)
            | ObjectRef::Port(_)
            | ObjectRef::Iommu(_)
            | ObjectRef::Pmt(_) => None,
        }
        .unwrap_or_default()
    }

    /// Sets the object's name.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for types whose name is fixed or that have none.
    pub fn set_name(&mut self, object: ObjectRef, name: Name) -> Result {
        let field = match object {
            ObjectRef::Process(id) => self.processes.get_mut(id).map(|process| &mut process.name),
            ObjectRef::Thread(id) => self.threads.get_mut(id).map(|thread| &mut thread.name),
            ObjectRef::Job(id) => self.jobs.get_mut(id).map(|job| &mut job.name),
            ObjectRef::Vmo(id) => self.vmos.get_mut(id).map(|vmo| &mut vmo.name),
            ObjectRef::Bti(id) => self.btis.get_mut(id).map(|bti| &mut bti.name),
            ObjectRef::Resource(_)
            | ObjectRef::Vmar(_)
            | ObjectRef::Channel(_)
            | ObjectRef::Debuglog(_)
            | ObjectRef::Event(_)
            | ObjectRef::Port(_)
            | ObjectRef::Iommu(_)
            | ObjectRef::Pmt(_) => return Err(Status::NOT_SUPPORTED),
        };
        *field.ok_or(Status::INTERNAL)? = name;
        Ok(())
    }

    /// The koid of the peer, of the parent, or 0 (`related_koid`).
    pub fn related_koid(&self, object: ObjectRef) -> Koid {
        let koid = |object| self.header(object).map_or(0, |header: &Header| header.koid);
        match object {
            ObjectRef::Process(id) => self.processes.get(id).map(|process| koid(ObjectRef::Job(process.job))),
            ObjectRef::Thread(id) => {
                self.threads.get(id).map(|thread| koid(ObjectRef::Process(thread.process)))
            }
            ObjectRef::Job(id) => {
                self.jobs.get(id).and_then(|job| job.parent).map(|id| koid(ObjectRef::Job(id)))
            }
            ObjectRef::Channel(id) => self.channels.get(id).map(|channel| channel.peer_koid),
            ObjectRef::Vmo(_)
            | ObjectRef::Vmar(_)
            | ObjectRef::Resource(_)
            | ObjectRef::Debuglog(_)
            | ObjectRef::Event(_)
            | ObjectRef::Port(_)
            | ObjectRef::Iommu(_)
            | ObjectRef::Bti(_)
            | ObjectRef::Pmt(_) => None,
        }
        .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_31_bytes_and_at_nul() {
        assert_eq!(Name::new(&[b'x'; 40]).as_str().len(), 31);
        assert_eq!(Name::new(b"ab\0cd").as_str(), "ab");
        assert_eq!(Name::new(b"").as_str(), "");
        assert_eq!(Name::from_tail("/soc/short").as_str(), "/soc/short");
        assert_eq!(
            Name::from_tail("/a/path/that/goes/on/and/on/serial@7e201000").as_str(),
            "/goes/on/and/on/serial@7e201000"
        );
    }
}
