//! Channels.
use abi::processargs::MAX_HANDLES;
use abi::{Status, status::Result};
use alloc::vec::Vec;

use crate::handle::{created_pair, object};
use crate::{Handle, Object, raw};

object!(
    /// One end of a message pipe.
    Channel
);

/// A message: bytes, and handles that it moves.
#[derive(Debug, Default)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The handles.
    pub handles: Vec<Handle>,
}

/// The bytes and the handles of a message, in the reader's buffers.
type Slices<'b> = (&'b [u8], &'b [u32]);

impl Channel {
    /// Makes both ends.
    ///
    /// # Errors
    /// NO_MEMORY; ACCESS_DENIED where a policy forbids it.
    pub fn create() -> Result<(Self, Self)> {
        // SAFETY: 1: the call writes two handles, to places that are valid for them, or fails.
        unsafe { created_pair(|a, b| raw::zx_channel_create(0, a, b)) }.map(|(a, b)| (Self(a), Self(b)))
    }

    /// Sends a message. The handles are gone, whatever happens.
    ///
    /// # Errors
    /// PEER_CLOSED, OUT_OF_RANGE for a message that is too large, ACCESS_DENIED for a handle without TRANSFER.
    pub fn write(&self, bytes: &[u8], handles: Vec<Handle>) -> Result {
        let raws: Vec<u32> = handles.into_iter().map(Handle::into_raw).collect();
        let num_bytes = u32::try_from(bytes.len()).map_err(|_| Status::OUT_OF_RANGE)?;
        let num_handles = u32::try_from(raws.len()).map_err(|_| Status::OUT_OF_RANGE)?;
        // SAFETY: both buffers are valid for reads of their lengths; the handles were given up above.
        unsafe { raw::zx_channel_write(self.raw(), 0, bytes.as_ptr(), num_bytes, raws.as_ptr(), num_handles) }
            .ok()
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// SHOULD_WAIT if there is none, PEER_CLOSED if there will be none.
    pub fn read(&self) -> Result<Message> {
        let mut bytes = Vec::new();
        let mut raws = [0; MAX_HANDLES];
        loop {
            let room = bytes.len();
            match self.read_slices(&mut bytes, &mut raws) {
                Ok((read, raws)) => {
                    let len = read.len();
                    // SAFETY: 1: the kernel has just given us these handles.
                    let handles = raws.iter().filter_map(|&raw| unsafe { Handle::from_raw(raw) }).collect();
                    bytes.truncate(len);
                    return Ok(Message { bytes, handles });
                }
                Err((Status::BUFFER_TOO_SMALL, needed)) if needed > room => bytes.resize(needed, 0),
                Err((status, _)) => return Err(status),
            }
        }
    }

    /// Takes the next message into buffers and gives the parts that it fills; on failure tells how many bytes
    /// it has. The handles are the caller's to own.
    pub(crate) fn read_slices<'b>(
        &self,
        bytes: &'b mut [u8],
        raws: &'b mut [u32],
    ) -> core::result::Result<Slices<'b>, (Status, usize)> {
        let num_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let num_handles = u32::try_from(raws.len()).unwrap_or(u32::MAX);
        let (mut got_bytes, mut got_handles) = (0, 0);
        let (to, handles) = (bytes.as_mut_ptr(), raws.as_mut_ptr());
        let (counts, handle_counts) = (&raw mut got_bytes, &raw mut got_handles);
        // SAFETY: the buffers are valid for writes of the sizes given, and so are the two counts.
        let status = unsafe {
            raw::zx_channel_read(self.raw(), 0, to, handles, num_bytes, num_handles, counts, handle_counts)
        };
        let (got_bytes, got_handles) = (got_bytes as usize, got_handles as usize);
        status.ok().map_err(|status| (status, got_bytes))?;
        bytes.get(..got_bytes).zip(raws.get(..got_handles)).ok_or((Status::INTERNAL, 0))
    }
}
