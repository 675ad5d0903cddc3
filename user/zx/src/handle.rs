//! Owned handles, and what can be done with a handle of any type.
use abi::object::{InfoHandleBasic, InfoHandleCount, MAX_NAME_LEN, info, property};
use abi::port::WaitItem;
use abi::{AbiStruct, Koid, Rights, Signals, Status, status::Result};

use crate::raw;
use core::mem::ManuallyDrop;
use core::num::NonZeroU32;

/// A handle that this value owns. It is closed on drop.
#[derive(Debug, PartialEq, Eq)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// Takes ownership of a handle by its value; `None` for 0.
    ///
    /// # Safety
    /// 1. The caller owns the handle and does not use it any more: nobody else closes it or sends it away.
    pub const unsafe fn from_raw(raw: abi::Handle) -> Option<Self> {
        match NonZeroU32::new(raw) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// Gives ownership up; the handle stays open.
    pub fn into_raw(self) -> abi::Handle {
        ManuallyDrop::new(self).0.get()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: no pointer. An owned handle is live, so this cannot fail.
        let _ = unsafe { raw::zx_handle_close(self.0.get()) };
    }
}

/// A kernel object that is held by a handle.
pub trait Object: From<Handle> + Into<Handle> {
    /// The handle.
    fn handle(&self) -> &Handle;

    /// The handle's value, for a call that has no method here.
    fn raw(&self) -> abi::Handle {
        self.handle().0.get()
    }

    /// A second handle to the object with these rights, [`Rights::SAME_RIGHTS`] for all.
    ///
    /// # Errors
    /// ACCESS_DENIED without DUPLICATE, INVALID_ARGS for a right that this handle lacks.
    fn duplicate(&self, rights: Rights) -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        let handle = unsafe { created(|out| raw::zx_handle_duplicate(self.raw(), rights.0, out)) }?;
        Ok(Self::from(handle))
    }

    /// The same object by a handle with these rights or fewer; this one is gone, whatever happens.
    ///
    /// # Errors
    /// INVALID_ARGS for a right that the handle lacks.
    fn replace(self, rights: Rights) -> Result<Self> {
        let handle: Handle = self.into();
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        let handle = unsafe { created(|out| raw::zx_handle_replace(handle.into_raw(), rights.0, out)) }?;
        Ok(Self::from(handle))
    }

    /// Id, type and rights.
    ///
    /// # Errors
    /// None that an owned handle could meet.
    fn basic_info(&self) -> Result<InfoHandleBasic> {
        get_info(self.raw(), info::HANDLE_BASIC)
    }

    /// Handles that name the object, those inside messages included.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    fn handle_count(&self) -> Result<u32> {
        get_info::<InfoHandleCount>(self.raw(), info::HANDLE_COUNT).map(|info| info.handle_count)
    }

    /// The object's id, 0 if the kernel does not tell.
    fn koid(&self) -> Koid {
        self.basic_info().map_or(0, |info| info.koid)
    }

    /// The object's name.
    ///
    /// # Errors
    /// ACCESS_DENIED without GET_PROPERTY.
    fn name(&self) -> Result<Name> {
        let mut name = [0; MAX_NAME_LEN];
        // SAFETY: the buffer is valid for writes of its length.
        unsafe { raw::zx_object_get_property(self.raw(), property::NAME, name.as_mut_ptr(), name.len()) }
            .ok()?;
        Ok(Name(name))
    }

    /// Sets the object's name; what is longer than 31 bytes is cut.
    ///
    /// # Errors
    /// ACCESS_DENIED without SET_PROPERTY.
    fn set_name(&self, name: &str) -> Result {
        // SAFETY: the buffer is valid for reads of its length.
        unsafe { raw::zx_object_set_property(self.raw(), property::NAME, name.as_ptr(), name.len()) }.ok()
    }

    /// Waits until the object has one of `signals`; gives all that it has then.
    ///
    /// # Errors
    /// TIMED_OUT at the deadline, CANCELED if the handle is closed meanwhile, ACCESS_DENIED without WAIT.
    fn wait_one(&self, signals: Signals, deadline: i64) -> Result<Signals> {
        let mut observed = 0;
        // SAFETY: `observed` is valid for a write.
        unsafe { raw::zx_object_wait_one(self.raw(), signals.0, deadline, &raw mut observed) }.ok()?;
        Ok(Signals(observed))
    }

    /// Clears and sets user signals.
    ///
    /// # Errors
    /// ACCESS_DENIED without SIGNAL, INVALID_ARGS for signals that are not the program's to change.
    fn signal(&self, clear: Signals, set: Signals) -> Result {
        // SAFETY: no pointer.
        unsafe { raw::zx_object_signal(self.raw(), clear.0, set.0) }.ok()
    }
}

/// Waits until one of many objects has one of the signals that its item names. The handles are borrowed by
/// value: [`Object::raw`]. `pending` says what each object had at the end.
///
/// # Errors
/// TIMED_OUT at the deadline, CANCELED if a handle is closed meanwhile, OUT_OF_RANGE for more than 64 items,
/// BAD_HANDLE, ACCESS_DENIED without WAIT.
pub fn wait_many(items: &mut [WaitItem], deadline: i64) -> Result {
    // SAFETY: the items are valid for reads and writes of their number; they are plain words.
    unsafe { raw::zx_object_wait_many(items.as_mut_ptr().cast(), items.len(), deadline) }.ok()
}

/// An object's name: text of at most 31 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name([u8; MAX_NAME_LEN]);

impl Name {
    /// The name as text; empty if it is not UTF-8.
    pub fn as_str(&self) -> &str {
        let text = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Runs a call that makes a handle.
///
/// # Safety
/// 1. The call writes a handle that the caller then owns, or fails.
pub(crate) unsafe fn created(call: impl FnOnce(*mut u32) -> Status) -> Result<Handle> {
    let mut raw = abi::object::HANDLE_INVALID;
    call(&raw mut raw).ok()?;
    // SAFETY: 1 by the caller: the kernel has just given us the handle.
    unsafe { Handle::from_raw(raw) }.ok_or(Status::INTERNAL)
}

/// Runs a call that makes two handles.
///
/// # Safety
/// 1. The call writes two handles that the caller then owns, or fails.
pub(crate) unsafe fn created_pair(
    call: impl FnOnce(*mut u32, *mut u32) -> Status,
) -> Result<(Handle, Handle)> {
    let mut second = abi::object::HANDLE_INVALID;
    // SAFETY: 1 by the caller.
    let first = unsafe { created(|first| call(first, &raw mut second)) }?;
    // SAFETY: 1 by the caller: the kernel has just given us both.
    let second = unsafe { Handle::from_raw(second) }.ok_or(Status::INTERNAL)?;
    Ok((first, second))
}

/// Asks for a topic that is one record.
pub(crate) fn get_info<T: AbiStruct>(handle: abi::Handle, topic: u32) -> Result<T> {
    /// No less than the largest record.
    const LARGEST: usize = 256;
    const { assert!(T::SIZE <= LARGEST) };
    let mut bytes = [0; LARGEST];
    let none = core::ptr::null_mut();
    // SAFETY: the buffer is valid for writes of the size given; the two counts may be null.
    unsafe { raw::zx_object_get_info(handle, topic, bytes.as_mut_ptr(), T::SIZE, none, none) }.ok()?;
    Ok(T::get(&bytes))
}

/// Asks for a topic that is a list of ids; gives those that fit, and how many there are.
pub(crate) fn get_koids(handle: abi::Handle, topic: u32, koids: &mut [Koid]) -> Result<(&[Koid], usize)> {
    let (mut actual, mut avail) = (0, 0);
    let (to, size) = (koids.as_mut_ptr().cast(), size_of_val(koids));
    // SAFETY: the buffer is valid for writes of the size given, and so are the two counts.
    unsafe { raw::zx_object_get_info(handle, topic, to, size, &raw mut actual, &raw mut avail) }.ok()?;
    koids.get(..actual).map(|koids| (koids, avail)).ok_or(Status::INTERNAL)
}

/// Reads a property that is a number.
pub(crate) fn get_number(handle: abi::Handle, property: u32) -> Result<u64> {
    let mut bytes = [0; size_of::<u64>()];
    // SAFETY: the buffer is valid for writes of its length.
    unsafe { raw::zx_object_get_property(handle, property, bytes.as_mut_ptr(), bytes.len()) }.ok()?;
    Ok(u64::from_le_bytes(bytes))
}

/// Sets a property that is a number.
pub(crate) fn set_number(handle: abi::Handle, property: u32, value: u64) -> Result {
    let bytes = value.to_le_bytes();
    // SAFETY: the buffer is valid for reads of its length.
    unsafe { raw::zx_object_set_property(handle, property, bytes.as_ptr(), bytes.len()) }.ok()
}

/// Declares the type of a kernel object.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        #[repr(transparent)]
        pub struct $name($crate::Handle);

        impl From<$crate::Handle> for $name {
            /// Takes the handle for one of this type; if it is not, calls answer WRONG_TYPE.
            fn from(handle: $crate::Handle) -> Self {
                Self(handle)
            }
        }

        impl From<$name> for $crate::Handle {
            fn from(object: $name) -> Self {
                object.0
            }
        }

        impl $crate::Object for $name {
            fn handle(&self) -> &$crate::Handle {
                &self.0
            }
        }
    };
}

pub(crate) use object;
