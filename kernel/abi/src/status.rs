//! Status codes (`zx_status_t`): Zircon's names and values, `zircon/errors.h`.
use core::fmt;

/// The outcome of a system call: zero or a negative error. Positive values never occur here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(pub i32);

/// What a system call yields inside the kernel and in the bindings.
pub type Result<T = ()> = core::result::Result<T, Status>;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name without its `ZX_` or `ZX_ERR_` prefix, or `None` for a number that is not Zircon's.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        /// Every status with its value, for generated headers.
        pub const ALL: &[(&str, i32)] = &[$((stringify!($name), $value)),*];
    };
}

statuses! {
    /// Success.
    OK = 0;
    /// The kernel met a state that it believes impossible.
    INTERNAL = -1;
    /// The operation is not implemented, not on this object, or not in this configuration.
    NOT_SUPPORTED = -2;
    /// A bounded supply other than memory is used up, address space for one.
    NO_RESOURCES = -3;
    /// Out of memory. Nothing was changed.
    NO_MEMORY = -4;
    /// Kernel and vDSO only: the call was interrupted and must be issued again.
    INTERNAL_INTR_RETRY = -6;
    /// An argument is wrong in itself.
    INVALID_ARGS = -10;
    /// The value is not a live handle of this process.
    BAD_HANDLE = -11;
    /// The handle's object is not of the type needed.
    WRONG_TYPE = -12;
    /// The number names no system call.
    BAD_SYSCALL = -13;
    /// A value is outside the object or the machine.
    OUT_OF_RANGE = -14;
    /// The buffer is too small for the answer.
    BUFFER_TOO_SMALL = -15;
    /// The object's state does not allow this now.
    BAD_STATE = -20;
    /// The deadline passed first.
    TIMED_OUT = -21;
    /// Nothing there yet; wait for a signal and try again.
    SHOULD_WAIT = -22;
    /// The operation was cancelled under the caller.
    CANCELED = -23;
    /// The other end is closed.
    PEER_CLOSED = -24;
    /// No such thing.
    NOT_FOUND = -25;
    /// It exists already.
    ALREADY_EXISTS = -26;
    /// It is bound already.
    ALREADY_BOUND = -27;
    /// It is gone for now, or was never available.
    UNAVAILABLE = -28;
    /// A right or a policy forbids it.
    ACCESS_DENIED = -30;
    /// Input or output failed.
    IO = -40;
    /// A device refused.
    IO_REFUSED = -41;
    /// Data failed its integrity check.
    IO_DATA_INTEGRITY = -42;
    /// Data is lost.
    IO_DATA_LOSS = -43;
    /// The device is not there.
    IO_NOT_PRESENT = -44;
    /// Data came too fast.
    IO_OVERRUN = -45;
    /// A device answered too late.
    IO_MISSED_DEADLINE = -46;
    /// Data makes no sense to the device.
    IO_INVALID = -47;
    /// For file systems: the path is malformed.
    BAD_PATH = -50;
    /// For file systems: it is no directory.
    NOT_DIR = -51;
    /// For file systems: it is no file.
    NOT_FILE = -52;
    /// For file systems: the file would be too large.
    FILE_BIG = -53;
    /// For file systems: there is no room left.
    NO_SPACE = -54;
    /// For file systems: the directory is not empty.
    NOT_EMPTY = -55;
    /// For programs: do not call again.
    STOP = -60;
    /// For programs: go on with the next one.
    NEXT = -61;
    /// For programs: an answer will come later.
    ASYNC = -62;
    /// For networks: the protocol is not known.
    PROTOCOL_NOT_SUPPORTED = -70;
    /// For networks: there is no way to the address.
    ADDRESS_UNREACHABLE = -71;
    /// For networks: the address is taken.
    ADDRESS_IN_USE = -72;
    /// For networks: there is no connection.
    NOT_CONNECTED = -73;
    /// For networks: the other side refused.
    CONNECTION_REFUSED = -74;
    /// For networks: the other side ended the connection.
    CONNECTION_RESET = -75;
    /// For networks: the connection was given up.
    CONNECTION_ABORTED = -76;
}

impl Status {
    /// This status as a `Result`: `Ok` for [`Status::OK`].
    pub const fn ok(self) -> Result {
        if self.0 == 0 { Ok(()) } else { Err(self) }
    }
}

impl From<Result> for Status {
    fn from(result: Result) -> Self {
        result.err().unwrap_or(Self::OK)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.name()) {
            (0, _) => f.write_str("ZX_OK"),
            (_, Some(name)) => write!(f, "ZX_ERR_{name}"),
            (value, None) => write!(f, "status {value}"),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Status {}
