//! Processes of a test's own, on the agent's code.

use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::{PAGE_SIZE, Status, Sysno};
use scenarios::System;
use scenarios::agent::{Arg, Do, HEADER, Step};

use super::Driven;

/// A process with a thread that was not started; 0 for what does not exist yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Child {
    pub(super) process: u64,
    pub(super) vmar: u64,
    pub(super) thread: u64,
    script: u64,
    agent_at: u64,
    pub(super) script_at: u64,
    /// Whether its script uses floating point.
    pub(super) floats: bool,
}

impl Child {
    /// Its handles in the driven program.
    pub(super) fn handles(&self) -> [u64; 4] {
        [self.process, self.vmar, self.thread, self.script]
    }

    /// The VMO of its script.
    pub(super) fn script(&self) -> u64 {
        self.script
    }
}

/// The script of a thread of the driven program's own process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    thread: u64,
    vmo: u64,
    at: u64,
}

/// Where a process has what its scripts use.
#[derive(Clone, Copy)]
struct Places {
    vdso: u64,
    agent: u64,
    script: u64,
}

fn steps_of(calls: &[(Sysno, [u64; 4])]) -> Vec<Step> {
    calls.iter().map(|(sysno, args)| Step::call(*sysno, &args.map(Arg::Is))).collect()
}

impl Driven {
    /// Starts a thread of this process that makes these calls and then dies of an undefined instruction, and the
    /// process with it. The script stays until [`Driven::forget_scripts`].
    pub(super) fn start_thread(&mut self, calls: &[(Sysno, [u64; 4])]) -> Result<u64, Status> {
        let process = u64::from(self.world.process);
        let (agent, offset) = self.world.agent;
        let agent_at = self.agent_at(u64::from(agent), offset)?;
        let vmo = self.making(Sysno::vmo_create, &[PAGE_SIZE, 0])?;
        let at = self.map(PERM_READ | PERM_WRITE, vmo, 0, PAGE_SIZE)?;
        let places = Places { vdso: self.world.vdso_base.0, agent: agent_at, script: at };
        self.write_script(vmo, places, &steps_of(calls))?;
        let name = self.scratch(64);
        let thread = self.making(Sysno::thread_create, &[process, name, 4, 0])?;
        self.threads.push(Script { thread, vmo, at });
        self.call(Sysno::thread_start, &[thread, agent_at, 0, 0, at])?;
        Ok(thread)
    }

    /// What the first call of such a thread returned.
    pub(super) fn thread_result(&mut self, thread: u64) -> Status {
        let script = *self.threads.iter().find(|script| script.thread == thread).expect("a thread of ours");
        let mut bytes = [0; 4];
        let at = script.at + HEADER + scenarios::agent::STEP_RESULT;
        self.program.peek(abi::VirtAddr(at), &mut bytes);
        Status(i32::from_le_bytes(bytes))
    }

    /// Gives the scripts of such threads back; they have ended.
    pub(super) fn forget_scripts(&mut self) {
        for Script { vmo, at, .. } in core::mem::take(&mut self.threads) {
            self.unmap(at, PAGE_SIZE).unwrap();
            self.close(vmo);
        }
        if let Some(at) = self.agent_at.take() {
            self.unmap(at, PAGE_SIZE).unwrap();
        }
    }

    fn agent_at(&mut self, agent: u64, offset: u64) -> Result<u64, Status> {
        if let Some(at) = self.agent_at {
            return Ok(at);
        }
        let at = self.map(PERM_READ | PERM_EXECUTE, agent, offset, PAGE_SIZE)?;
        self.agent_at = Some(at);
        Ok(at)
    }

    /// Writes these steps into a script, for a process in which these things are there.
    fn write_script(&mut self, vmo: u64, places: Places, steps: &[Step]) -> Result<(), Status> {
        let function = |action: Do| match (action, action.offset()) {
            (Do::Call(sysno), _) => places.vdso + self.program.vdso_function(sysno),
            (_, offset) => places.agent + offset.unwrap_or(0),
        };
        let mut bytes = vec![0; HEADER as usize];
        for step in steps {
            let mut words = [function(step.action), 0, 0, 0, 0, 0, 0, 0, 0, step.x16, 0];
            for (to, arg) in words.iter_mut().skip(1).zip(step.args) {
                *to = match arg {
                    Arg::Is(value) => value,
                    Arg::Script(offset) => places.script + offset,
                    Arg::Function(sysno) => function(Do::Call(sysno)),
                    Arg::Svc(sysno) => panic!("no script here has the svc of {sysno:?}"),
                };
            }
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        self.write(0x3000, &bytes);
        let from = self.scratch(0x3000);
        self.call(Sysno::vmo_write, &[vmo, from, 0, bytes.len() as u64])
    }

    /// Makes a process that will make these calls, each with these arguments, and then dies of an undefined
    /// instruction. What is made before a failure is in `child`.
    pub(super) fn make_child(
        &mut self,
        child: &mut Child,
        calls: &[(Sysno, [u64; 4])],
    ) -> Result<(), Status> {
        self.make_child_with(child, &steps_of(calls))
    }

    /// As [`Driven::make_child`], with any steps.
    pub(super) fn make_child_with(&mut self, child: &mut Child, steps: &[Step]) -> Result<(), Status> {
        let (name, out) = (self.scratch(64), self.scratch(0));
        let job = u64::from(self.world.job);
        self.call(Sysno::process_create, &[job, name, 4, 0, out, out + 4])?;
        (child.process, child.vmar) = (u64::from(self.read32(0)), u64::from(self.read32(4)));
        let (offset, size) = self.world.vdso_code;
        let vdso = u64::from(self.world.vdso);
        let code = self.map_into(child.vmar, PERM_READ | PERM_EXECUTE, (vdso, offset), size)?;
        let (agent, agent_offset) = self.world.agent;
        let agent = (u64::from(agent), agent_offset);
        child.agent_at = self.map_into(child.vmar, PERM_READ | PERM_EXECUTE, agent, PAGE_SIZE)?;
        child.script = self.making(Sysno::vmo_create, &[PAGE_SIZE, 0])?;
        child.script_at = self.map_into(child.vmar, PERM_READ | PERM_WRITE, (child.script, 0), PAGE_SIZE)?;
        let places = Places { vdso: code - offset, agent: child.agent_at, script: child.script_at };
        self.write_script(child.script, places, steps)?;
        child.thread = self.making(Sysno::thread_create, &[child.process, name, 4, 0])?;
        Ok(())
    }

    /// Makes one more thread of a child and starts it on its script, if the child runs.
    pub(super) fn start_another(&mut self, child: &Child) -> Result<u64, Status> {
        let name = self.scratch(64);
        let thread = self.making(Sysno::thread_create, &[child.process, name, 4, 0])?;
        let _refused = self.call(Sysno::thread_start, &[thread, child.agent_at, 0, 0, child.script_at]);
        Ok(thread)
    }

    /// Starts a child with a handle, which is gone then.
    pub(super) fn start_child(&mut self, child: &Child, handle: u64) -> Result<(), Status> {
        let args = [child.process, child.thread, child.agent_at, 0, handle, child.script_at];
        self.call(Sysno::process_start, &args)
    }

    pub(super) fn map_into(
        &mut self,
        vmar: u64,
        options: u32,
        (vmo, offset): (u64, u64),
        len: u64,
    ) -> Result<u64, Status> {
        let out = self.scratch(8);
        self.call(Sysno::vmar_map, &[vmar, u64::from(options), 0, vmo, offset, len, out])?;
        Ok(self.read64(8))
    }
}
