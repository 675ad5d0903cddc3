//! Job policies, `zircon/syscalls/policy.h`.
use crate::abi_struct;

/// What a policy is about (`ZX_POL_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Condition {
    /// A call was made with a value that is no handle.
    BadHandle = 0,
    /// A call was made with a handle to the wrong type of object.
    WrongObject = 1,
    /// A mapping would be writable and executable.
    VmarWx = 2,
    /// Any of the `New` conditions; never stored.
    NewAny = 3,
    /// A VMO would be made.
    NewVmo = 4,
    /// A channel would be made.
    NewChannel = 5,
    /// An event would be made.
    NewEvent = 6,
    /// A pair of events would be made.
    NewEventpair = 7,
    /// A port would be made.
    NewPort = 8,
    /// A socket would be made.
    NewSocket = 9,
    /// A FIFO would be made.
    NewFifo = 10,
    /// A timer would be made.
    NewTimer = 11,
    /// A process would be made.
    NewProcess = 12,
    /// A profile would be made.
    NewProfile = 13,
    /// A pager would be made.
    NewPager = 14,
    /// A VMO would be made executable without a resource.
    AmbientMarkVmoExec = 15,
    /// A shared buffer would be made.
    NewIob = 16,
    /// A sampler would be made.
    NewSampler = 17,
}

/// How many conditions there are.
pub const CONDITIONS: usize = 18;

impl Condition {
    /// The condition with this number.
    pub const fn from_raw(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::BadHandle,
            1 => Self::WrongObject,
            2 => Self::VmarWx,
            3 => Self::NewAny,
            4 => Self::NewVmo,
            5 => Self::NewChannel,
            6 => Self::NewEvent,
            7 => Self::NewEventpair,
            8 => Self::NewPort,
            9 => Self::NewSocket,
            10 => Self::NewFifo,
            11 => Self::NewTimer,
            12 => Self::NewProcess,
            13 => Self::NewProfile,
            14 => Self::NewPager,
            15 => Self::AmbientMarkVmoExec,
            16 => Self::NewIob,
            17 => Self::NewSampler,
            _ => return None,
        })
    }

    /// Whether [`Condition::NewAny`] stands for it too.
    pub const fn is_new(self) -> bool {
        matches!(self as u32, 4..=14 | 16 | 17)
    }
}

/// What happens when a condition is met (`ZX_POL_ACTION_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Action {
    /// The call goes on.
    #[default]
    Allow = 0,
    /// The call fails.
    Deny = 1,
    /// An exception is raised, then the call goes on.
    AllowException = 2,
    /// An exception is raised, then the call fails.
    DenyException = 3,
    /// The process ends.
    Kill = 4,
}

impl Action {
    /// The action with this number.
    pub const fn from_raw(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::Allow,
            1 => Self::Deny,
            2 => Self::AllowException,
            3 => Self::DenyException,
            4 => Self::Kill,
            _ => return None,
        })
    }
}

/// Topics of `zx_job_set_policy`.
pub mod topic {
    /// Pairs of condition and action that nobody may override below.
    pub const BASIC_V1: u32 = 0;
    /// How exact timers must be.
    pub const TIMER_SLACK: u32 = 1;
    /// Conditions and actions that say whether they may be overridden below.
    pub const BASIC_V2: u32 = 0x0100_0000;
}

/// Options of `zx_job_set_policy`: what contradicts an ancestor's policy is left out.
pub const RELATIVE: u32 = 0;
/// Options of `zx_job_set_policy`: what contradicts an ancestor's policy makes the call fail.
pub const ABSOLUTE: u32 = 1;
/// The most policies in one call.
pub const MAX_COUNT: u32 = 32;
/// Children may set this policy differently.
pub const OVERRIDE_ALLOW: u32 = 0;
/// Children may not set this policy differently.
pub const OVERRIDE_DENY: u32 = 1;

abi_struct! {
    /// One policy of [`topic::BASIC_V1`].
    struct PolicyBasicV1 as "zx_policy_basic_v1_t" {
        /// [`Condition`].
        condition: u32,
        /// [`Action`].
        action: u32,
    }
    /// One policy of [`topic::BASIC_V2`].
    struct PolicyBasicV2 as "zx_policy_basic_v2_t" {
        /// [`Condition`].
        condition: u32,
        /// [`Action`].
        action: u32,
        /// [`OVERRIDE_ALLOW`] or [`OVERRIDE_DENY`].
        flags: u32,
    }
    /// The policy of [`topic::TIMER_SLACK`].
    struct PolicyTimerSlack as "zx_policy_timer_slack_t" {
        /// Nanoseconds that a timer may be late or early at least.
        min_slack: i64,
        /// Which of both.
        default_mode: u32,
        /// Zero.
        padding1: [u8; 4],
    }
}
