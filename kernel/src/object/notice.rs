//! Notices: what a port or a waiting thread is told, or will be.
//!
//! A [`Notice`] is a packet, or an item of `zx_object_wait_many`. While it waits for signals it is *armed* and hangs
//! on its object, by the object's [`Watched`]. As long as the handle is open through which it was made it hangs on
//! that handle too, by the handle's [`Lookout`]: so closing a handle finds its notices, and cancelling does. It
//! belongs to its recipient all the while, so what becomes of it then needs no memory.
use abi::port::{PortPacket, packet_type};
use abi::{Handle, Signals};

use super::{ObjectRef, Port, Process, Thread};
use crate::collections::arena::Id;
use crate::collections::list::Links;
use crate::collections::queue::{Place, Queue};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A port, by a packet.
    Port(Id<Port>),
    /// A thread, by an item of its wait or by the packet that it waited for.
    Thread(Id<Thread>),
}

/// What signals came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SignalNews {
    /// Which ones are waited for.
    pub trigger: Signals,
    /// What the object had when one of them came.
    pub observed: Signals,
    /// How much there is to do, at least.
    pub count: u64,
    /// When they came; 0 unless `is_timed`.
    pub timestamp: i64,
    /// Whether the time is wanted.
    pub is_timed: bool,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// What a program queued.
    User {
        /// Its status.
        status: i32,
        /// Its words.
        payload: [u64; 4],
    },
    /// Signals that came, or are waited for.
    Signals(SignalNews),
}

/// What a notice hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The object's part.
    pub watched: Id<Watched>,
    /// The handle's part.
    pub lookout: Id<Lookout>,
    /// Whether it is an item that a thread waits for; a packet stays one on its way to a thread.
    pub is_item: bool,
    /// Whether only signals that come anew count.
    pub is_edge: bool,
}

/// What a port or a thread is told.
#[derive(Debug)]
pub struct Notice {
    /// Who is told.
    pub to: Recipient,
    /// A packet's key, and the handle of an item.
    pub key: u64,
    /// What is said.
    pub news: News,
    /// What it hangs on, while the handle is open.
    pub watch: Option<Watch>,
    /// Whether it still waits for its signals, and so hangs on the object.
    pub is_armed: bool,
    at_object: Links<Self>,
    at_handle: Links<Self>,
    at_recipient: Links<Self>,
}

impl Notice {
    /// A notice that hangs on nothing.
    pub fn new(to: Recipient, key: u64, news: News) -> Self {
        let (at_object, at_handle, at_recipient) = Default::default();
        Self { to, key, news, watch: None, is_armed: false, at_object, at_handle, at_recipient }
    }

    /// What it says of signals; nothing, if a program made it.
    pub fn signals(&self) -> SignalNews {
        match self.news {
            News::Signals(news) => news,
            News::User { .. } => SignalNews::default(),
        }
    }

    /// Whether a program made it with `zx_port_queue`.
    pub const fn is_user(&self) -> bool {
        matches!(self.news, News::User { .. })
    }

    /// The packet as programs see it.
    pub fn packet(&self) -> PortPacket {
        let (packet_type, status, payload) = match self.news {
            News::User { status, payload } => (packet_type::USER, status, payload),
            News::Signals(SignalNews { trigger, observed, count, timestamp, .. }) => {
                // `abi::port::PacketSignal`, word by word.
                let signals = u64::from(trigger.0) | u64::from(observed.0) << 32;
                (packet_type::SIGNAL_ONE, 0, [signals, count, timestamp as u64, 0])
            }
        };
        PortPacket { key: self.key, packet_type, status, payload }
    }
}

/// What hangs on one object, and how far the telling of its signals has come.
#[derive(Debug)]
pub struct Watched {
    /// The object. It may be gone, where only notices of closed handles are left.
    pub object: ObjectRef,
    /// Armed notices.
    pub notices: Queue<Notice, AtObject>,
    /// Signals that have come and of which not every notice has been told.
    pub news: Signals,
    /// Where the telling goes on; at the front, if nowhere.
    pub cursor: Option<Id<Notice>>,
    /// Notices that have not been looked at since the last of these signals came.
    pub left: usize,
    /// Whether the telling goes on later.
    pub is_sweeping: bool,
    at_sweeps: Links<Self>,
}

impl Watched {
    /// For an object on which nothing hangs yet.
    pub fn new(object: ObjectRef) -> Self {
        Self {
            object,
            notices: Queue::new(),
            news: Signals::NONE,
            cursor: None,
            left: 0,
            is_sweeping: false,
            at_sweeps: Links::default(),
        }
    }
}

/// What was made through one handle.
#[derive(Debug)]
pub struct Lookout {
    /// Whose handle it is.
    pub process: Id<Process>,
    /// The handle.
    pub handle: Handle,
    /// Items that threads wait for.
    pub items: Queue<Notice, AtHandle>,
    /// Packets, or packets to be, of ports.
    pub packets: Queue<Notice, AtHandle>,
    /// Whether the handle is closed. What is armed here comes to nothing then.
    pub is_closed: bool,
    at_closed: Links<Self>,
}

impl Lookout {
    /// For a handle through which nothing was made yet.
    pub fn new(process: Id<Process>, handle: Handle) -> Self {
        let (items, packets) = (Queue::new(), Queue::new());
        Self { process, handle, items, packets, is_closed: false, at_closed: Links::default() }
    }
}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident = $of:ident.$field:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}

            impl Place<$of> for $name {
                fn of(value: &$of) -> &Links<$of> {
                    &value.$field
                }

                fn of_mut(value: &mut $of) -> &mut Links<$of> {
                    &mut value.$field
                }
            }
        )*
    };
}

places! {
    /// A notice among those of its object.
    AtObject = Notice.at_object;
    /// A notice among those of its handle.
    AtHandle = Notice.at_handle;
    /// A notice among those of its port or thread.
    AtRecipient = Notice.at_recipient;
    /// An object among those whose signals are being told.
    AtSweeps = Watched.at_sweeps;
    /// A handle among those that were closed.
    AtClosed = Lookout.at_closed;
}
