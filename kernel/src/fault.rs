//! Faults from EL0: pages that come when they are needed, and programs that end for what they did.
use core::fmt;

use abi::object::task_retcode;
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::fault::Refusal;
use crate::object::{Name, Process};
use crate::ports::{Access, CpuId, Fault, Frame, Machine, Touched};
use crate::syscall::Caller;

/// Units of teardown after a fault for which there was no memory.
const REAP_FOR_A_FAULT: u32 = 64;
/// Frames of a backtrace that are printed.
const BACKTRACE: usize = 16;

/// What `ESR_EL1` says, as far as anybody acts on it (Arm ARM D24.2.40).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The tables do not allow the access. The level at which they said so.
    Translation { access: Access, permission: bool, level: u8 },
    /// A device, or nothing at all, answered with an error.
    External { access: Option<Access> },
    /// An access that its memory type does not allow at this alignment.
    Alignment { access: Access },
    /// Not an instruction that EL0 may use.
    Undefined,
    /// A breakpoint instruction.
    Breakpoint,
    /// Something else, in the exception class given.
    Other(u8),
}

/// Decodes a fault.
fn cause(fault: Fault) -> Cause {
    if fault.asynchronous {
        return Cause::External { access: None };
    }
    let class = (fault.esr >> 26) as u8 & 0x3f;
    let access = match class {
        0x20 => Access::Execute,
        0x24 if fault.esr & 1 << 6 != 0 => Access::Write,
        0x24 => Access::Read,
        0x22 => return Cause::Alignment { access: Access::Execute },
        0x00 | 0x0e | 0x18 | 0x07 => return Cause::Undefined,
        0x3c => return Cause::Breakpoint,
        other => return Cause::Other(other),
    };
    let status = fault.esr as u8 & 0x3f;
    match status {
        0x04..=0x0b => Cause::Translation { access, permission: false, level: status & 3 },
        0x0c..=0x0f => Cause::Translation { access, permission: true, level: status & 3 },
        0x10 | 0x14..=0x17 => Cause::External { access: Some(access) },
        0x21 => Cause::Alignment { access },
        _ => Cause::Other(class),
    }
}

/// An access in words.
const fn verb(access: Access) -> &'static str {
    match access {
        Access::Read => "read from",
        Access::Write => "write to",
        Access::Execute => "execution at",
    }
}

/// What is at an address, in words.
enum Place {
    Kernel,
    Nothing,
    Mapped { name: Name, permissions: u32, offset: u64, beyond: bool, ended: bool, device: bool },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("which no program may touch"),
            Self::Nothing => f.write_str("where nothing is mapped"),
            Self::Mapped { name, permissions, offset, beyond, ended, device } => {
                let flag = |bit, letter| if permissions & bit != 0 { letter } else { '-' };
                let (r, w, x) = (flag(PERM_READ, 'r'), flag(PERM_WRITE, 'w'), flag(PERM_EXECUTE, 'x'));
                let kind = if *device { "device memory" } else { "memory" };
                write!(f, "in {kind} mapped {r}{w}{x}, \"{}\"+{offset:#x}", name.as_str())?;
                match (beyond, ended) {
                    (true, _) => f.write_str(", beyond its end"),
                    (_, true) => f.write_str(", beyond its content"),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// The first half of a fault: handles what nearly all are about, a page that is touched for the first time. No
    /// register of the program's need be anywhere but where the program left it. Unless that was all, the caller
    /// saves them, and hands over what [`Touched`] says.
    #[inline]
    pub fn touch(&mut self, cpu: CpuId, esr: u64, far: u64) -> Touched {
        self.schedule.enter(cpu);
        // A data abort from EL0 for which a descriptor is missing.
        if esr >> 26 & 0x3f != 0x24 {
            return Touched::Nothing;
        }
        let Some(caller) = self.schedule.here().current.get() else { return Touched::Nothing };
        let shown = match esr & 0x7c {
            0x44 => self.show_untouched(caller.process, far, Access::Write),
            0x04 => self.show_zeros(caller.process, far),
            _ => return Touched::Nothing,
        };
        match shown {
            Some(Ok(())) if self.schedule.attention => Touched::Leave,
            Some(Ok(())) => Touched::Shown,
            _ => Touched::Nothing,
        }
    }

    /// Handles a fault of the running thread: brings the page in, or ends the process with a report.
    #[inline(never)]
    pub(crate) fn fault(&mut self, fault: Fault, frame: &Frame) {
        let Some(Caller { process, .. }) = self.schedule.here().current.get() else { return };
        let cause = cause(fault);
        if let Cause::Translation { access, .. } = cause
            && fault.far < abi::vmar::USER_END
        {
            if self.schedule.many_cpus() && self.shows(process, fault.far, access) {
                // Another CPU was between the break and the make of this very descriptor (D8.16.1).
                return;
            }
            // What can be shown at once has been looked for.
            match self.fault_in_anything(process, fault.far, access) {
                Ok(()) => return,
                Err(Refusal::NoMemory) if self.has_dead() => {
                    // What is dead gives up what it has; then the instruction is tried again.
                    self.reap(REAP_FOR_A_FAULT);
                    return;
                }
                // So does what may be discarded.
                Err(Refusal::NoMemory) if self.discard_piece() => return,
                Err(Refusal::NoMemory) => {
                    self.say_of(
                        process,
                        format_args!("killed: out of memory for the page at {:#x}", fault.far),
                    );
                    self.report_registers(process, frame);
                    self.end_process(process, task_retcode::EXCEPTION_KILL);
                    return;
                }
                Err(Refusal::Busy(root)) => {
                    // The instruction is tried again, after those whose turn it is.
                    self.help_withdrawal(root);
                    self.yield_now();
                    self.schedule.attention = true;
                    return;
                }
                Err(Refusal::NotMapped | Refusal::Forbidden | Refusal::BeyondEnd) => {}
            }
        }
        self.report_fault(process, cause, fault, frame);
        self.end_process(process, task_retcode::EXCEPTION_KILL);
    }

    /// Ends a process that made a call which is none, or not through the vDSO.
    pub(crate) fn bad_syscall(&mut self, caller: Caller, number: u64, frame: &Frame) {
        let from_vdso = self
            .objects
            .processes
            .get(caller.process)
            .and_then(|process| process.vdso_code)
            .is_some_and(|code| frame.pc.wrapping_sub(code) < self.vdso.code_size);
        let why = if from_vdso { "which is none" } else { "not through the vDSO" };
        self.say_of(
            caller.process,
            format_args!("killed: made system call {number}, {why}, at {:#x}", frame.pc),
        );
        self.report_registers(caller.process, frame);
        self.end_process(caller.process, task_retcode::EXCEPTION_KILL);
    }

    fn report_fault(&mut self, process: Id<Process>, cause: Cause, fault: Fault, frame: &Frame) {
        let (far, pc, esr) = (fault.far, frame.pc, fault.esr);
        match cause {
            Cause::Translation { access, permission, level } => {
                let place = self.place(process, far);
                let kind = if permission { "permission" } else { "translation" };
                self.say_of(
                    process,
                    format_args!(
                        "killed: {} {far:#x}, {place} ({kind} fault, level {level}), by the instruction at {pc:#x}, ESR {esr:#x}",
                        verb(access)
                    ),
                );
            }
            Cause::External { access: Some(access) } => {
                let place = self.place(process, far);
                self.say_of(
                    process,
                    format_args!(
                        "killed: {} {far:#x}, {place}: the bus answered with an error (synchronous external abort), by the instruction at {pc:#x}, ESR {esr:#x}",
                        verb(access)
                    ),
                );
            }
            Cause::External { access: None } => self.say_of(
                process,
                format_args!("killed: a device or the bus reported an error late (SError), near the instruction at {pc:#x}, ESR {esr:#x}"),
            ),
            Cause::Alignment { access } => {
                let place = self.place(process, far);
                self.say_of(
                    process,
                    format_args!(
                        "killed: misaligned {} {far:#x}, {place}, by the instruction at {pc:#x}, ESR {esr:#x}",
                        verb(access)
                    ),
                );
            }
            Cause::Undefined => {
                self.say_of(process, format_args!("killed: undefined instruction at {pc:#x}, ESR {esr:#x}"));
            }
            Cause::Breakpoint => {
                self.say_of(process, format_args!("killed: breakpoint instruction at {pc:#x}, ESR {esr:#x}"));
            }
            Cause::Other(class) => self.say_of(
                process,
                format_args!("killed: exception class {class:#04x} at {pc:#x}, ESR {esr:#x}, FAR {far:#x}"),
            ),
        }
        self.report_registers(process, frame);
    }

    fn place(&self, process: Id<Process>, address: u64) -> Place {
        if address >= abi::vmar::USER_END {
            return Place::Kernel;
        }
        let Some(mapping) = self.find_mapping(process, address) else { return Place::Nothing };
        let vmo = self.objects.vmos.get(mapping.vmo);
        let offset = mapping.offset_of(address);
        Place::Mapped {
            name: vmo.map(|vmo| vmo.name).unwrap_or_default(),
            permissions: mapping.permissions,
            offset,
            beyond: self.vmo_size(mapping.vmo).is_ok_and(|size| offset >= size),
            ended: self.end_for(mapping).is_ok_and(|end| offset >= end),
            device: mapping.policy.is_device(),
        }
    }

    /// Prints a thread's registers and the way that led to where it is, by its frame pointers.
    fn report_registers(&mut self, process: Id<Process>, frame: &Frame) {
        for (n, value) in frame.r.iter().enumerate() {
            let end = if n % 4 == 3 || n + 1 == frame.r.len() { "\n" } else { "" };
            self.print_text(format_args!("  x{n:<2} {value:016x}{end}"));
        }
        self.print_text(format_args!(
            "  lr  {:016x}  sp  {:016x}  pc  {:016x}\nbacktrace:\n",
            frame.lr, frame.sp, frame.pc
        ));
        let image = self.objects.processes.get(process).map_or(0, |process| process.debug_addr);
        let name = self.objects.processes.get(process).map(|process| process.name).unwrap_or_default();
        let mut address = frame.pc;
        let mut pointer = frame.r[29];
        for depth in 0..BACKTRACE {
            if image != 0 && address >= image {
                self.print_text(format_args!("  #{depth} {}+{:#x}\n", name.as_str(), address - image));
            } else {
                self.print_text(format_args!("  #{depth} {address:#018x}\n"));
            }
            let mut link = [0; 16];
            if pointer == 0
                || !pointer.is_multiple_of(8)
                || self.copy_in(process, pointer, &mut link).is_err()
            {
                break;
            }
            let (next, back) = link.split_at(8);
            let next = u64::from_le_bytes(next.try_into().unwrap_or_default());
            address = u64::from_le_bytes(back.try_into().unwrap_or_default());
            // A chain that does not go up the stack is broken, or would never end.
            if next <= pointer || address == 0 {
                break;
            }
            pointer = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(esr: u64) -> Cause {
        cause(Fault { esr, far: 0, asynchronous: false })
    }

    #[test]
    fn syndromes_say_what_was_done() {
        assert_eq!(
            fault(0x9200_0046),
            Cause::Translation { access: Access::Write, permission: false, level: 2 }
        );
        assert_eq!(
            fault(0x9200_000f),
            Cause::Translation { access: Access::Read, permission: true, level: 3 }
        );
        assert_eq!(
            fault(0x8200_000f),
            Cause::Translation { access: Access::Execute, permission: true, level: 3 }
        );
        assert_eq!(fault(0x9200_0010), Cause::External { access: Some(Access::Read) });
        assert_eq!(fault(0x9200_0061), Cause::Alignment { access: Access::Write });
        assert_eq!(fault(0x0200_0000), Cause::Undefined);
        assert_eq!(fault(0xf200_0000), Cause::Breakpoint);
        assert_eq!(cause(Fault { esr: 0, far: 0, asynchronous: true }), Cause::External { access: None });
    }
}
