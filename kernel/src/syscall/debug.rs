//! `zx_debuglog_*`, `zx_debug_write` and the attribute probe.
use abi::log::{self, BUILD_ID_PREFIX, KIND_PROCESS, MAX_PAYLOAD, READABLE, WRITE_DEFMT};
use abi::resource::{Kind, system};
use abi::{Rights, Status, VirtAddr, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::object::{Debuglog, Object, ObjectRef};
use crate::ports::{Access, Machine};

/// The longest record of the log; what is longer is cut, as Zircon does.
const MAX_RECORD: usize = BUILD_ID_PREFIX + MAX_PAYLOAD;
/// The longest piece that one `zx_debug_write` prints.
const MAX_WRITE: usize = 256;

impl<M: Machine> Kernel<M> {
    /// `zx_debuglog_create(resource, options, out)`.
    pub(super) fn sys_debuglog_create(&mut self, caller: Caller, args: &Args) -> Result {
        let (resource, options, out) = (args.half(0), args.half(1), args.word(2));
        self.validate_service(caller, resource, system::DEBUGLOG)?;
        if options & !READABLE != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let is_readable = options != 0;
        let mut rights = Debuglog::DEFAULT_RIGHTS;
        if is_readable {
            rights = rights | Rights::READ;
            self.journal.open()?;
        }
        let koid = self.objects.allocate_koid();
        let id = self.objects.debuglogs.insert(Debuglog::new(koid, is_readable))?;
        self.give(caller, ObjectRef::Debuglog(id), rights, out).map(|_| ())
    }

    /// `zx_debuglog_read(handle, options, buffer, buffer_size)`: the next record, cut where the buffer ends. Gives its
    /// bytes.
    pub(super) fn sys_debuglog_read(&mut self, caller: Caller, args: &Args) -> Result<u32> {
        let (handle, options, buffer) = (args.half(0), args.half(1), args.word(2));
        if options != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let id = self.object::<Debuglog>(caller, handle, Rights::READ)?;
        let number = self.objects.get(id)?.next.ok_or(Status::BAD_STATE)?;
        let (bytes, length, next) = self.journal.get(number).ok_or(Status::SHOULD_WAIT)?;
        let length = usize::try_from(args.word(3)).unwrap_or(usize::MAX).min(length);
        self.copy_out(caller.process, buffer, bytes.get(..length).ok_or(Status::INTERNAL)?)?;
        self.objects.get_mut(id)?.next = Some(next);
        Ok(length as u32)
    }

    /// `zx_debuglog_write(handle, options, buffer, buffer_size)`: text for the console, or with
    /// [`WRITE_DEFMT`] a frame for the log's wire.
    pub(super) fn sys_debuglog_write(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, options, buffer) = (args.half(0), args.half(1), args.word(2));
        if options & !WRITE_DEFMT != 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.object::<Debuglog>(caller, handle, Rights::WRITE)?;
        let mut bytes = [0; MAX_RECORD];
        let length = usize::try_from(args.word(3)).unwrap_or(usize::MAX).min(MAX_RECORD);
        let record = bytes.get_mut(..length).ok_or(Status::INTERNAL)?;
        self.copy_in(caller.process, buffer, record)?;
        if options & WRITE_DEFMT == 0 {
            self.print_record(caller.process, record);
            let tid = self.objects.get(caller.thread)?.header.koid;
            let pid = self.objects.get(caller.process)?.header.koid;
            self.journal.push(self.now(), pid, tid, record);
            return Ok(());
        }
        let (build_id, payload) = record.split_first_chunk().ok_or(Status::INVALID_ARGS)?;
        let koid = self.objects.get(caller.process)?.header.koid;
        let mut frame = [0; MAX_RECORD + 32];
        let length =
            log::encode(KIND_PROCESS, *build_id, koid, payload, &mut frame).ok_or(Status::INVALID_ARGS)?;
        self.machine.write_log(frame.get(..length).ok_or(Status::INTERNAL)?);
        Ok(())
    }

    /// `zx_debug_write(buffer, size)`: bytes as they are.
    pub(super) fn sys_debug_write(&mut self, caller: Caller, args: &Args) -> Result {
        let (buffer, size) = (args.word(0), args.word(1));
        let mut bytes = [0; MAX_WRITE];
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_WRITE);
        let piece = bytes.get_mut(..length).ok_or(Status::INTERNAL)?;
        self.copy_in(caller.process, buffer, piece)?;
        self.print(piece);
        Ok(())
    }

    /// `zx_cprng_draw(buffer, size)`: a long draw is done in pieces.
    pub(super) fn sys_cprng_draw_once(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (buffer, size) = (args.word(0), args.word(1));
        let mut bytes = [0; MAX_WRITE];
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_WRITE);
        let piece = bytes.get_mut(..length).ok_or(Status::INTERNAL)?;
        self.random.fill(piece);
        self.copy_out(caller.process, buffer, piece)?;
        if size == length as u64 {
            return Ok(Exit::Done);
        }
        args.set(0, buffer.wrapping_add(length as u64));
        args.set(1, size - length as u64);
        Ok(Exit::Again)
    }

    /// `jacinth_translate(resource, addr, options, par)`: options 0 asks for a read, 1 for a write.
    pub(super) fn sys_jacinth_translate(&mut self, caller: Caller, args: &Args) -> Result {
        let (resource, address, options, out) = (args.half(0), args.word(1), args.half(2), args.word(3));
        if !self.options.test {
            return Err(Status::NOT_SUPPORTED);
        }
        let access = match options {
            0 => Access::Read,
            1 => Access::Write,
            _ => return Err(Status::INVALID_ARGS),
        };
        self.validate_resource(caller, resource, Kind::System, system::DEBUG, 1)?;
        let par = self.machine.probe(VirtAddr(address), access);
        self.copy_out(caller.process, out, &par.to_le_bytes())
    }
}
