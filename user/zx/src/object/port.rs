//! Ports, and what ends a wait for signals there.
use abi::port::{PacketSignal, PortPacket, packet_type};
use abi::{AbiStruct, Signals, Status, status::Result};

use crate::handle::{created, object};
use crate::{Object, raw};

object!(
    /// A queue of packets, of which each reaches one of those who wait.
    Port
);

/// A packet, by what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Queued by a program.
    User {
        /// The program's number.
        key: u64,
        /// The program's status.
        status: i32,
        /// The program's words.
        payload: [u64; 4],
    },
    /// Signals came.
    Signals {
        /// The number given when the wait began.
        key: u64,
        /// What came, how much there is to do, and when.
        news: PacketSignal,
    },
}

impl Port {
    /// Makes a port without packets.
    ///
    /// # Errors
    /// NO_MEMORY; ACCESS_DENIED where a policy forbids it.
    pub fn create() -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_port_create(0, out)) }.map(Self)
    }

    /// Queues a packet of the program's own.
    ///
    /// # Errors
    /// SHOULD_WAIT if too many are there, NO_MEMORY, ACCESS_DENIED without WRITE.
    pub fn queue(&self, key: u64, status: i32, payload: [u64; 4]) -> Result {
        let packet = PortPacket { key, packet_type: packet_type::USER, status, payload };
        let mut bytes = [0; PortPacket::SIZE];
        packet.put(&mut bytes);
        // SAFETY: the buffer is valid for reads of a packet.
        unsafe { raw::zx_port_queue(self.raw(), bytes.as_ptr()) }.ok()
    }

    /// Takes the packet that came first, or waits for one.
    ///
    /// # Errors
    /// TIMED_OUT at the deadline, ACCESS_DENIED without READ; NOT_SUPPORTED for a packet of another type.
    pub fn wait(&self, deadline: i64) -> Result<Packet> {
        let mut bytes = [0; PortPacket::SIZE];
        // SAFETY: the buffer is valid for writes of a packet.
        unsafe { raw::zx_port_wait(self.raw(), deadline, bytes.as_mut_ptr()) }.ok()?;
        let PortPacket { key, packet_type, status, payload } = PortPacket::get(&bytes);
        match packet_type {
            packet_type::USER => Ok(Packet::User { key, status, payload }),
            packet_type::SIGNAL_ONE => {
                let words = bytes.get(core::mem::offset_of!(PortPacket, payload)..).unwrap_or(&[]);
                Ok(Packet::Signals { key, news: PacketSignal::get(words) })
            }
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// Waits for signals of an object by one packet in this port. `options` are those of
    /// [`abi::port::wait_async`].
    ///
    /// # Errors
    /// INVALID_ARGS for bad options, ACCESS_DENIED without WAIT on the object or WRITE here, NO_MEMORY.
    pub fn wait_async(&self, object: &impl Object, key: u64, signals: Signals, options: u32) -> Result {
        // SAFETY: no pointer.
        unsafe { raw::zx_object_wait_async(object.raw(), self.raw(), key, signals.0, options) }.ok()
    }

    /// Takes waits for an object back, and packets that came of them.
    ///
    /// # Errors
    /// NOT_FOUND if there are none, ACCESS_DENIED without WAIT on the object or WRITE here.
    pub fn cancel(&self, object: &impl Object, key: u64) -> Result {
        // SAFETY: no pointer.
        unsafe { raw::zx_port_cancel(self.raw(), object.raw(), key) }.ok()
    }

    /// Takes everything with this key back.
    ///
    /// # Errors
    /// NOT_FOUND if there is nothing, ACCESS_DENIED without WRITE.
    pub fn cancel_key(&self, key: u64) -> Result {
        // SAFETY: no pointer.
        unsafe { raw::zx_port_cancel_key(self.raw(), 0, key) }.ok()
    }
}
