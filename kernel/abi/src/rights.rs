//! Rights (`zx_rights_t`): what a handle lets its holder do. Zircon's bits, `zircon/rights.h`.
use core::fmt;
use core::ops::{BitAnd, BitOr, Sub};

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Rights(pub u32);

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Rights {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }

        /// Every single right with its bit number, for generated headers.
        pub const ALL: &[(&str, u32)] = &[$((stringify!($name), $bit)),*];
    };
}

rights! {
    /// The handle may be duplicated.
    DUPLICATE = 0;
    /// The handle may be sent to another process.
    TRANSFER = 1;
    /// The object may be read, or mapped readable.
    READ = 2;
    /// The object may be written, or mapped writable.
    WRITE = 3;
    /// The object may be mapped executable.
    EXECUTE = 4;
    /// The object may be mapped.
    MAP = 5;
    /// Properties may be read.
    GET_PROPERTY = 6;
    /// Properties may be set.
    SET_PROPERTY = 7;
    /// Children may be listed.
    ENUMERATE = 8;
    /// The task may be killed.
    DESTROY = 9;
    /// The job's policy may be set.
    SET_POLICY = 10;
    /// The job's policy may be read.
    GET_POLICY = 11;
    /// User signals may be changed.
    SIGNAL = 12;
    /// The peer's user signals may be changed.
    SIGNAL_PEER = 13;
    /// The object may be waited for.
    WAIT = 14;
    /// The object may be asked about itself.
    INSPECT = 15;
    /// Child jobs may be made.
    MANAGE_JOB = 16;
    /// Processes may be made and started.
    MANAGE_PROCESS = 17;
    /// Threads may be made and started.
    MANAGE_THREAD = 18;
    /// A profile may be applied.
    APPLY_PROFILE = 19;
    /// The socket may be shut down.
    MANAGE_SOCKET = 20;
    /// Operations may reach into child regions.
    OP_CHILDREN = 21;
    /// The VMO may be resized.
    RESIZE = 22;
    /// VMOs may be attached to the pager.
    ATTACH_VMO = 23;
    /// The pager's VMOs may be managed.
    MANAGE_VMO = 24;
}

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// A request for the same rights as the source; never stored.
    pub const SAME_RIGHTS: Self = Self(1 << 31);
    /// TRANSFER, DUPLICATE, WAIT and INSPECT.
    pub const BASIC: Self = Self(0xC003);
    /// READ and WRITE.
    pub const IO: Self = Self(0xC);
    /// GET_PROPERTY and SET_PROPERTY.
    pub const PROPERTY: Self = Self(0xC0);

    /// GET_POLICY and SET_POLICY.
    pub const POLICY: Self = Self(0xC00);

    /// Default rights of a channel endpoint.
    pub const DEFAULT_CHANNEL: Self = Self(0xF00E);
    /// Default rights of an event.
    pub const DEFAULT_EVENT: Self = Self(0xD003);
    /// Default rights of a port: BASIC less WAIT, READ, WRITE.
    pub const DEFAULT_PORT: Self = Self(0x800F);
    /// Default rights of a job.
    pub const DEFAULT_JOB: Self = Self(0x7DFCF);
    /// Default rights of an IOMMU: BASIC less WAIT.
    pub const DEFAULT_IOMMU: Self = Self(0x8003);
    /// Default rights of a BTI: BASIC less WAIT, READ, WRITE, PROPERTY, MAP.
    pub const DEFAULT_BTI: Self = Self(0x80EF);
    /// The one right of a PMT: INSPECT.
    pub const DEFAULT_PMT: Self = Self(0x8000);
    /// Default rights of a debug log.
    pub const DEFAULT_DEBUGLOG: Self = Self(0xD00B);
    /// Default rights of a process.
    pub const DEFAULT_PROCESS: Self = Self(0x6D3CF);
    /// Default rights of a resource.
    pub const DEFAULT_RESOURCE: Self = Self(0x800B);
    /// Default rights of a thread.
    pub const DEFAULT_THREAD: Self = Self(0x4D2CF);
    /// Default rights of any VMAR, before those for what it may map: BASIC less WAIT, OP_CHILDREN.
    pub const DEFAULT_REGION: Self = Self(0x20_8003);
    /// Default rights of a root VMAR: BASIC less WAIT, OP_CHILDREN, READ, WRITE, EXECUTE.
    pub const DEFAULT_VMAR: Self = Self(0x20801F);
    /// Default rights of a paged VMO that cannot be resized.
    pub const DEFAULT_VMO: Self = Self(0xD0EF);
    /// Default rights of a physical VMO: the contract's eight, with WAIT, INSPECT and SIGNAL.
    pub const DEFAULT_VMO_PHYSICAL: Self = Self(0xD0FF);

    /// Default rights of one of a pair of events.
    pub const DEFAULT_EVENTPAIR: Self = Self(0xF003);
    /// Default rights of a FIFO's end.
    pub const DEFAULT_FIFO: Self = Self(0xF00F);
    /// Default rights of an interrupt.
    pub const DEFAULT_INTERRUPT: Self = Self(0xD00F);
    /// Default rights of a block of message signalled interrupts.
    pub const DEFAULT_MSI: Self = Self::BASIC;
    /// Default rights of a PCI device.
    pub const DEFAULT_PCI_DEVICE: Self = Self(0xC00F);
    /// Default rights of a socket's end.
    pub const DEFAULT_SOCKET: Self = Self(0x10_F0CF);
    /// Default rights of a stream; READ and WRITE come with its mode.
    pub const DEFAULT_STREAM: Self = Self(0xD0C3);
    /// Default rights of a timer.
    pub const DEFAULT_TIMER: Self = Self(0xD00B);
    /// Default rights of a profile: BASIC less WAIT, APPLY_PROFILE.
    pub const DEFAULT_PROFILE: Self = Self(0x8_8003);
    /// Default rights of what keeps a task suspended.
    pub const DEFAULT_SUSPEND_TOKEN: Self = Self(0x8002);
    /// Default rights of a pager.
    pub const DEFAULT_PAGER: Self = Self(0x180_8002);
    /// Default rights of an exception.
    pub const DEFAULT_EXCEPTION: Self = Self(0x80C2);
    /// Default rights of a clock.
    pub const DEFAULT_CLOCK: Self = Self(0xD0CF);
    /// Default rights of a counter.
    pub const DEFAULT_COUNTER: Self = Self(0xD00F);
    /// Default rights of a virtual machine.
    pub const DEFAULT_GUEST: Self = Self(0x4_800B);
    /// Default rights of a virtual machine's CPU.
    pub const DEFAULT_VCPU: Self = Self(0xD01F);
    /// Default rights of a shared buffer.
    pub const DEFAULT_IOB: Self = Self(0xF0EF);
    /// Default rights of a region of several shared buffers.
    pub const DEFAULT_IOB_SHARED_REGION: Self = Self(0xD0C3);

    /// Whether every right of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The rights of the left side that are not on the right.
impl Sub for Rights {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rights as R;

    #[test]
    fn default_sets_are_the_sums_of_their_parts() {
        assert_eq!(R::BASIC, R::TRANSFER | R::DUPLICATE | R::WAIT | R::INSPECT);
        assert_eq!(R::DEFAULT_VMO, R::BASIC | R::IO | R::PROPERTY | R::MAP | R::SIGNAL);
        assert_eq!(R::DEFAULT_VMO_PHYSICAL, R::DEFAULT_VMO | R::EXECUTE);
        assert_eq!(R::DEFAULT_VMAR, (R::BASIC - R::WAIT) | R::OP_CHILDREN | R::IO | R::EXECUTE);
        assert_eq!(R::DEFAULT_RESOURCE, R::TRANSFER | R::DUPLICATE | R::WRITE | R::INSPECT);
        assert_eq!(R::DEFAULT_IOMMU, R::BASIC - R::WAIT);
        assert_eq!(R::DEFAULT_BTI, (R::BASIC - R::WAIT) | R::IO | R::PROPERTY | R::MAP);
        assert_eq!(R::DEFAULT_PMT, R::INSPECT);
        assert_eq!(R::DEFAULT_PORT, (R::BASIC - R::WAIT) | R::IO);
        assert_eq!(R::DEFAULT_VMAR, R::DEFAULT_REGION | R::IO | R::EXECUTE);
        assert_eq!(R::DEFAULT_EVENTPAIR, R::DEFAULT_EVENT | R::SIGNAL_PEER);
        assert_eq!(R::DEFAULT_FIFO, R::BASIC | R::IO | R::SIGNAL | R::SIGNAL_PEER);
        assert_eq!(R::DEFAULT_INTERRUPT, R::BASIC | R::IO | R::SIGNAL);
        assert_eq!(R::DEFAULT_SOCKET, R::DEFAULT_FIFO | R::PROPERTY | R::MANAGE_SOCKET);
        assert_eq!(R::DEFAULT_TIMER, R::BASIC | R::WRITE | R::SIGNAL);
        assert_eq!(R::DEFAULT_PROFILE, (R::BASIC - R::WAIT) | R::APPLY_PROFILE);
        assert_eq!(R::DEFAULT_PAGER, R::INSPECT | R::TRANSFER | R::ATTACH_VMO | R::MANAGE_VMO);
        assert_eq!(R::DEFAULT_CLOCK, R::BASIC | R::IO | R::SIGNAL | R::PROPERTY);
        assert_eq!(R::DEFAULT_CHANNEL, (R::BASIC - R::DUPLICATE) | R::IO | R::SIGNAL | R::SIGNAL_PEER);
    }
}
