//! `zx_process_read_memory` and `zx_process_write_memory`: another program's bytes, by its addresses.
use abi::vmo::CachePolicy;
use abi::{Rights, Status, status::Result};

use super::vmo::Direction;
use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Content, Process};
use crate::ports::Machine;

/// The most that one call copies.
const MOST: u64 = 64 << 20;

impl<M: Machine> Kernel<M> {
    /// `zx_process_read_memory` and `zx_process_write_memory(handle, addr, buffer, buffer_size, actual)`: what one
    /// mapping shows, whatever its permissions. A piece at a time; the registers hold what remains, and the thread
    /// how much it was so far.
    pub(super) fn sys_process_transfer(
        &mut self,
        caller: Caller,
        args: &mut Args,
        direction: Direction,
    ) -> Result<Exit> {
        let before = core::mem::take(&mut self.objects.get_mut(caller.thread)?.copied);
        let (address, buffer, size, out) = (args.word(1), args.word(2), args.word(3), args.word(4));
        let right = match direction {
            Direction::Read => Rights::READ | Rights::WRITE,
            Direction::Write if !self.options.test => return Err(Status::NOT_SUPPORTED),
            Direction::Write => Rights::WRITE,
        };
        if buffer == 0 || size == 0 || size > MOST {
            return Err(Status::INVALID_ARGS);
        }
        let process = self.object::<Process>(caller, args.half(0), right)?;
        if self.objects.get(process)?.is_over() {
            return Err(Status::BAD_STATE);
        }
        let piece = match self.process_piece(caller, direction, process, address, buffer, size) {
            // What lay behind the first bytes when the call began is gone: the call ends where it did.
            Err(Status::NOT_FOUND | Status::OUT_OF_RANGE) if before > 0 => 0,
            piece => piece?,
        };
        let copied = before.saturating_add(piece);
        if piece < size && self.goes_on(process, address, piece) {
            args.set(1, address + piece);
            args.set(2, buffer.wrapping_add(piece));
            args.set(3, size - piece);
            self.objects.get_mut(caller.thread)?.copied = copied;
            return Ok(Exit::Again);
        }
        self.copy_out(caller.process, out, &copied.to_le_bytes()).map(|()| Exit::Done)
    }

    /// Copies what one mapping shows, or a bounded part of it; how many bytes.
    fn process_piece(
        &mut self,
        caller: Caller,
        direction: Direction,
        process: Id<Process>,
        address: u64,
        buffer: u64,
        size: u64,
    ) -> Result<u64> {
        let mapping = *self.find_mapping(process, address).ok_or(Status::NOT_FOUND)?;
        let root = self.objects.get(mapping.root)?;
        if direction == Direction::Write && root.is_vdso {
            return Err(Status::ACCESS_DENIED);
        }
        if !matches!(root.content, Content::Paged(_)) {
            return Err(Status::NOT_SUPPORTED);
        }
        if self.objects.get(mapping.vmo)?.policy != CachePolicy::Cached {
            return Err(Status::BAD_STATE);
        }
        let (offset, of_all) = (mapping.offset_of(address), self.vmo_size(mapping.vmo)?);
        if offset >= of_all {
            return Err(Status::OUT_OF_RANGE);
        }
        let most = size.min(mapping.end() - address).min(of_all - offset);
        let root_offset = mapping.start + offset;
        self.transfer(caller, direction, buffer, (mapping.root, root_offset), most)
    }

    /// Whether the mapping that showed the last of these bytes shows the next one too.
    fn goes_on(&self, process: Id<Process>, address: u64, copied: u64) -> bool {
        let Some(mapping) = self.find_mapping(process, address) else { return false };
        let size = self.vmo_size(mapping.vmo).unwrap_or(0);
        address + copied < mapping.end() && mapping.offset_of(address + copied) < size
    }
}
