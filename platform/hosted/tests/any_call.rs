//! Any call with any arguments: the program may be told that it is wrong, and the kernel may not be.
//!
//! Calls are drawn from the list of all of them, and arguments by their types: handles of the type that the call wants and of
//! others, closed ones and values that were never handles; numbers around the pages and around the ends of what a word
//! holds; pointers to memory, to the edge of it, to devices and to nothing. What the calls answer does not matter. The kernel
//! is built to stop at an overflow; after each few calls all counts are taken anew, the hosted MMU watches the tables and
//! the memory types, and at the end everything must go that was made.

#[path = "scenarios/program.rs"]
mod program;

use abi::dma::pin;
use abi::object::{InfoHandleExtended, info};
use abi::syscalls::{Arg, Kind, SYSCALLS, Syscall};
use abi::vmar::{
    ALIGN_SHIFT, ALLOW_FAULTS, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE,
    FAULT_BEYOND_STREAM_SIZE, MAP_RANGE, OFFSET_IS_UPPER_LIMIT, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::vmo::{child, create};
use abi::{ObjectType, PAGE_SIZE, PhysAddr, PhysRange, Rights, Status, Sysno, VirtAddr};
use hosted::{Config, virt};
use program::Program;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;

const P: u64 = PAGE_SIZE;
/// Pages of the region that calls may use.
const WINDOW: u64 = 4096;
/// How often in a run all is looked at.
const CHECKED: u64 = 16;
/// Calls that end the thread that makes them.
const LAST: [Sysno; 2] = [Sysno::process_exit, Sysno::thread_exit];
/// Calls that take something away, a handle above all.
const FINAL: [Sysno; 6] = [
    Sysno::handle_close,
    Sysno::handle_close_many,
    Sysno::handle_replace,
    Sysno::vmar_destroy,
    Sysno::task_kill,
    Sysno::channel_write,
];
const CAN_MAP: u32 = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC;
/// What parameters, and families of calls, are called for.
const TYPES: [(&str, ObjectType); 14] = [
    ("process", ObjectType::Process),
    ("thread", ObjectType::Thread),
    ("vmo", ObjectType::Vmo),
    ("channel", ObjectType::Channel),
    ("event", ObjectType::Event),
    ("port", ObjectType::Port),
    ("vmar", ObjectType::Vmar),
    ("job", ObjectType::Job),
    ("resource", ObjectType::Resource),
    ("debuglog", ObjectType::Debuglog),
    ("iommu", ObjectType::Iommu),
    ("bti", ObjectType::Bti),
    ("pmt", ObjectType::Pmt),
    ("source", ObjectType::Event),
];
/// Handles that are kept in mind: what comes beyond is closed.
const KEPT: usize = 160;

/// Numbers as they come: splitmix64.
struct Draw(u64);

impl Draw {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.word() % end
    }

    /// Below two to a power that is below `bits`: rather less than more.
    fn few(&mut self, bits: u64) -> u64 {
        let power = self.below(bits);
        self.below(1 << power)
    }

    fn one_of<T: Copy>(&mut self, choice: &[T]) -> T {
        choice[self.below(choice.len() as u64) as usize]
    }
}

/// A handle that the program has, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    kind: u32,
    value: u64,
}

struct Bench {
    program: Program,
    draw: Draw,
    handles: Vec<Known>,
    /// Handles that are not for calls to play with: they begin, and the program ends with the loss of some.
    own: Vec<u64>,
    /// Where regions are that calls may use.
    windows: Vec<u64>,
    has_pinned: bool,
    /// Where something was mapped or allocated.
    places: Vec<u64>,
    /// The latest calls, to be shown if it goes wrong.
    trail: Vec<String>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let latest = self.trail.len().saturating_sub(40);
            self.trail[latest..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Bench {
    fn new(seed: u64, ram: u64, cpus: usize) -> Self {
        let ram = PhysRange::new(PhysAddr(0x4000_0000), ram).expect("a whole number of pages");
        let mut program = Program::start(Config { ram, cpus, seed: Some(seed), ..Config::default() });
        let own = table(&mut program).into_iter().map(|known| known.value).collect();
        Self {
            program,
            draw: Draw(seed),
            handles: Vec::new(),
            own,
            windows: Vec::new(),
            has_pinned: false,
            places: vec![0],
            trail: Vec::new(),
        }
    }

    /// Looks which handles there are now.
    fn look(&mut self) {
        self.handles = table(&mut self.program);
        self.handles.retain(|known| !self.own.contains(&known.value));
    }

    /// Handles to what a program begins with, but for what would end it.
    fn lend(&mut self) {
        let (world, out) = (self.program.world(), self.program.world().scratch.0);
        // Neither to be ended nor to have threads that run in it.
        let harmless = Rights::DEFAULT_PROCESS - Rights::DESTROY - Rights::MANAGE_THREAD;
        let job = Rights::DEFAULT_JOB - Rights::DESTROY;
        let all = Rights::SAME_RIGHTS;
        let given = [
            (world.mmio_root, all),
            (world.irq_root, all),
            (world.smc_root, all),
            (world.system_root, all),
            (world.vdso, all),
            (world.agent.0, all),
            (world.process, harmless),
            (world.job, job),
        ];
        for (handle, rights) in given {
            let args = [handle.into(), u64::from(rights.0), out];
            let _unless_memory_is_out = self.program.ask(Sysno::handle_duplicate, &args);
        }
        let region = [world.vmar.into(), CAN_MAP.into(), 0, WINDOW * P, out, out + 8];
        if self.program.ask(Sysno::vmar_allocate, &region) == Ok(()) {
            let base = self.program.word(VirtAddr(out + 8));
            self.windows.push(base);
            self.places.push(base);
        }
        if self.program.ask(Sysno::iommu_create, &[world.system_root.into(), 0, 0, 0, out]) == Ok(()) {
            let iommu = self.program.word(VirtAddr(out)) & u64::from(u32::MAX);
            let device = world.limited.map_or(0, |limited| limited.bti_id * self.draw.below(2));
            let _unless_memory_is_out = self.program.ask(Sysno::bti_create, &[iommu, 0, device, out]);
        }
    }

    /// The type of object that a call wants, by a parameter's name; `None` if it takes several.
    fn wanted(call: &Syscall, name: &str) -> Option<u32> {
        let family = call.name.split('_').next().unwrap_or_default();
        let name = match name {
            "handle" | "parent" if family == "task" => "process",
            "handle" | "parent" => family,
            "vmex" => "resource",
            name => name,
        };
        let named = |(known, _): &&(&str, ObjectType)| *known == name;
        TYPES.iter().find(named).map(|(_, object)| *object as u32)
    }

    fn handle(&mut self, kind: Option<u32>) -> u64 {
        let fitting = self.handles.iter().filter(|known| kind == Some(known.kind)).count() as u64;
        match self.draw.below(20) {
            0 => self.draw.one_of(&[0, u64::from(u32::MAX), 1, 2, 3, 7]),
            1 => self.draw.word(),
            2..=4 => self.any_handle(),
            _ if fitting == 0 => self.any_handle(),
            _ => {
                let number = self.draw.below(fitting) as usize;
                let mut fitting = self.handles.iter().filter(|known| kind == Some(known.kind));
                fitting.nth(number).map_or(0, |known| known.value)
            }
        }
    }

    fn any_handle(&mut self) -> u64 {
        let count = self.handles.len() as u64;
        if count == 0 { 0 } else { self.handles[self.draw.below(count) as usize].value }
    }

    fn number(&mut self) -> u64 {
        let place = self.places[self.draw.below(self.places.len() as u64) as usize];
        let device =
            self.draw.one_of(&[virt::RTC.0, virt::SRAM.0, virt::FLASH[1].0, virt::VIRTIO.0, virt::LIMITED.0]);
        let pages = self.draw.below(100);
        match self.draw.below(16) {
            0 => 0,
            1..=3 => pages * P,
            4..=5 => self.draw.below(8),
            6 => place.wrapping_add(pages * P),
            7 => place,
            8 => device + pages * P,
            9 => device + self.draw.below(P),
            10 => self.draw.below(3 * P),
            11 => 1_u64 << self.draw.below(64),
            12 => (1_u64 << self.draw.below(64)).wrapping_sub(1 + self.draw.below(2) * P),
            13 => (pages * P).wrapping_neg(),
            14 => self.draw.word() >> self.draw.below(64),
            _ => P,
        }
    }

    /// A number for a parameter of this name.
    fn number_for(&mut self, name: &str) -> u64 {
        let place = self.places[self.draw.below(self.places.len() as u64) as usize];
        match (name, self.draw.below(8)) {
            (_, 0) => self.number(),
            ("offset" | "vmo_offset" | "vmar_offset" | "size" | "len", 1..=6) => self.draw.few(8) * P,
            ("addr" | "vaddr" | "entry" | "stack", 1..=5) => place.wrapping_add(self.draw.below(8) * P),
            ("num_addrs", 1..=6) => self.draw.below(24),
            (name, 1..=6) if name.starts_with("num_") => self.draw.below(9),
            (name, 1..=6) if name.ends_with("_size") => self.draw.few(15),
            _ => self.number(),
        }
    }

    /// 32 bits for a parameter of this name: often some that mean something there.
    fn small(&mut self, call: &Syscall, name: &str) -> u64 {
        const PERMISSIONS: [u32; 5] = [1, 3, 3, 5, 0];
        let draw = &mut self.draw;
        let bit = |draw: &mut Draw| 1_u64 << draw.below(16);
        match draw.below(16) {
            0 => return bit(draw) | bit(draw) | 3,
            1 => return draw.below(24),
            2 => return bit(draw) | draw.below(32) << 24,
            3 => return draw.word(),
            _ => {}
        }
        let likely = match (call.name, name) {
            ("vmar_map", "options") => {
                let place = draw.one_of(&[0, 0, 0, SPECIFIC, SPECIFIC_OVERWRITE, OFFSET_IS_UPPER_LIMIT]);
                let shown =
                    draw.one_of(&[0, 0, MAP_RANGE, FAULT_BEYOND_STREAM_SIZE | ALLOW_FAULTS, ALLOW_FAULTS]);
                draw.one_of(&PERMISSIONS) | place | shown | draw.one_of(&[0, 0, 14, 21]) << ALIGN_SHIFT
            }
            ("vmar_allocate", "options") => CAN_MAP | draw.one_of(&[0, SPECIFIC, OFFSET_IS_UPPER_LIMIT]),
            ("vmar_protect", "options") => draw.one_of(&PERMISSIONS),
            ("vmo_create", "options") => {
                draw.one_of(&[0, 0, create::RESIZABLE, create::DISCARDABLE, create::UNBOUNDED])
            }
            ("vmo_create_child", "options") => {
                let more = draw.one_of(&[0, 0, child::RESIZABLE, child::NO_WRITE]);
                let kinds = [child::SNAPSHOT, child::SNAPSHOT, child::SLICE, child::SLICE, child::REFERENCE];
                more | draw.one_of(&kinds) | draw.one_of(&[0, 0, 0, child::SNAPSHOT_MODIFIED])
            }
            ("bti_pin", "options") => draw.one_of(&[1, 2, 3, 3 | pin::CONTIGUOUS, 1 | pin::COMPRESS]),
            ("resource_create", "options") => draw.below(8) as u32 | (draw.below(2) as u32) << 16,
            ("job_set_policy", "options") => draw.below(2) as u32,
            ("job_set_policy", "topic") => draw.below(2) as u32 * 0x0100_0000,
            (_, "options" | "clear_mask") => 0,
            (_, "rights") => draw.one_of(&[Rights::SAME_RIGHTS, Rights::DEFAULT_VMO, Rights::BASIC]).0,
            (_, "topic") => draw.below(40) as u32 | (draw.below(4) as u32) << 28,
            (_, "property") => draw.one_of(&[3, 5, 6, 17]),
            (_, "cache_policy") => draw.below(4) as u32,
            (_, "op") => draw.below(16) as u32,
            (_, "num_bytes") => draw.below(200) as u32,
            (_, "num_handles") => draw.below(3) as u32,
            _ => draw.below(4) as u32,
        };
        likely.into()
    }

    /// Where a call reads or writes.
    fn pointer(&mut self) -> u64 {
        let (scratch, size) = (self.program.world().scratch.0, self.program.world().scratch_size);
        match self.draw.below(16) {
            0 => self.number(),
            1 => scratch + size - self.draw.below(64),
            2 => scratch + P - self.draw.below(16),
            3 => self.windows.last().map_or(0, |base| base + self.draw.below(64) * P),
            _ => scratch + self.draw.below(size / 2) / 16 * 16,
        }
    }

    /// Memory for calls to read, of things that they may mean.
    fn prepare(&mut self, at: u64) {
        let (scratch, size) = (self.program.world().scratch.0, self.program.world().scratch_size);
        if at < scratch || at - scratch > size - 256 || !at.is_multiple_of(8) {
            return;
        }
        for word in 0..self.draw.below(16) {
            let value = match self.draw.below(4) {
                0 => self.any_handle() | self.any_handle() << 32,
                1 => self.number(),
                2 => self.draw.below(4) | self.any_handle() << 32,
                _ => self.pointer(),
            };
            self.program.poke(VirtAddr(at + word * 8), &value.to_le_bytes());
        }
    }

    fn argument(&mut self, call: &'static Syscall, name: &'static str, arg: Arg) -> u64 {
        match arg {
            Arg::Handle => self.handle(Self::wanted(call, name)),
            Arg::U32 | Arg::I32 => self.small(call, name),
            // Nobody would end a wait.
            Arg::Time if call.kind == Kind::Blocking => self.draw.one_of(&[0, 1, u64::MAX, 1 << 63]),
            Arg::U64 | Arg::I64 | Arg::Usize | Arg::Uintptr | Arg::Paddr | Arg::Vaddr | Arg::Time => {
                self.number_for(name)
            }
            Arg::In | Arg::InStr | Arg::InOf(_) | Arg::InOutOf(_) => {
                let at = self.pointer();
                self.prepare(at);
                at
            }
            Arg::Out | Arg::OutOf(_) => self.pointer(),
        }
    }

    /// Makes one call, and keeps what it gives.
    fn step(&mut self) {
        let number = self.draw.below(SYSCALLS.len() as u64);
        let sysno = Sysno::from_raw(number).expect("a number of the list");
        let call = sysno.line();
        if matches!(call.kind, Kind::VdsoOnly | Kind::NoReturn) || LAST.contains(&sysno) {
            return;
        }
        // What takes away is drawn less often, or there would be little to work with.
        if FINAL.contains(&sysno) && self.draw.below(8) > 0 {
            return;
        }
        let mut args = [0; 8];
        for ((name, arg), place) in call.args.iter().zip(&mut args) {
            *place = self.argument(call, name, *arg);
        }
        self.agree(sysno, &mut args);
        if self.takes_own(sysno, &args) {
            return;
        }
        self.trail.push(format!("zx_{}({args:x?})", call.name));
        let answer = self.program.call(sysno, args);
        if let Some(line) = self.trail.last_mut() {
            line.push_str(&format!(" = {}", answer as i64));
        }
        if Status(answer as i32) == Status::OK {
            self.has_pinned |= sysno == Sysno::bti_pin;
            for ((_, arg), at) in call.args.iter().zip(args) {
                if matches!(arg, Arg::OutOf("zx_vaddr_t")) {
                    let mut place = [0; 8];
                    self.program.peek(VirtAddr(at), &mut place);
                    self.places.push(u64::from_le_bytes(place));
                }
            }
        }
    }

    /// Makes arguments often agree that have to.
    fn agree(&mut self, sysno: Sysno, args: &mut [u64; 8]) {
        if self.draw.below(4) == 0 {
            return;
        }
        match sysno {
            Sysno::bti_pin => {
                args[4] %= 32 * P;
                args[6] = args[4] / P;
            }
            Sysno::vmar_op_range => (args[4], args[5]) = (0, 0),
            _ => {}
        }
    }

    /// Whether a call would take handles that are not to play with, or a channel, which stays for good if it comes to wait
    /// in its own queue. Memory that calls have written may hold anything.
    fn takes_own(&mut self, sysno: Sysno, args: &[u64; 8]) -> bool {
        let (at, count) = match sysno {
            Sysno::handle_close_many => (args[0], args[1]),
            Sysno::channel_write => (args[4], args[5] & u64::from(u32::MAX)),
            _ => return false,
        };
        let (scratch, size) = (self.program.world().scratch.0, self.program.world().scratch_size);
        if at < scratch || at > scratch + size - 256 || count > 64 {
            // Nobody knows what it would read, if it can be read.
            return count > 0 && (abi::vmar::USER_BASE..abi::vmar::USER_END).contains(&at);
        }
        let mut values = vec![0; count as usize * 4];
        self.program.peek(VirtAddr(at), &mut values);
        self.look();
        let value = |bytes: &[u8]| u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let channel = |value| Known { kind: ObjectType::Channel as u32, value };
        let takes = |value| self.own.contains(&value) || self.handles.contains(&channel(value));
        values.chunks_exact(4).any(|bytes| takes(value(bytes)))
    }

    /// Lets go of what is too much.
    fn thin_out(&mut self) {
        if self.places.len() > 40 {
            self.places.drain(..20);
        }
        while self.handles.len() > KEPT {
            let at = self.draw.below(KEPT as u64) as usize;
            let known = self.handles.swap_remove(at);
            let _maybe_quarantined = self.program.ask(Sysno::handle_close, &[known.value]);
        }
    }

    /// Gives everything back.
    fn clear(&mut self) {
        for base in core::mem::take(&mut self.windows) {
            let window = [self.program.world().vmar.into(), base, WINDOW * P];
            let _maybe_gone = self.program.ask(Sysno::vmar_unmap, &window);
        }
        self.look();
        for Known { kind, value } in core::mem::take(&mut self.handles) {
            if kind == ObjectType::Process as u32 || kind == ObjectType::Job as u32 {
                let _maybe_harmless = self.program.ask(Sysno::task_kill, &[value]);
            }
            if kind == ObjectType::Bti as u32 {
                let _maybe_weak = self.program.ask(Sysno::bti_release_quarantine, &[value]);
            }
            assert_eq!(self.program.ask(Sysno::handle_close, &[value]), Ok(()));
        }
        for _ in 0..8 {
            self.program.sleep(1_000_000).expect("sleeping");
        }
    }
}

/// Every handle that the program has.
fn table(program: &mut Program) -> Vec<Known> {
    let (process, size) = (program.world().process, size_of::<InfoHandleExtended>() as u64);
    let (buffer, counts) = (program.world().scratch.0 + P, program.world().scratch.0);
    let room = program.world().scratch_size / 2;
    let args = [process.into(), info::HANDLE_TABLE.into(), buffer, room, counts, counts + 8];
    program.ask(Sysno::object_get_info, &args).expect("the handles of a process");
    let count = program.word(VirtAddr(counts));
    assert_eq!(count, program.word(VirtAddr(counts + 8)), "there is room for all");
    let mut known = Vec::new();
    for at in (0..count).map(|index| VirtAddr(buffer + index * size)) {
        let head = program.word(at);
        known.push(Known { kind: head as u32, value: head >> 32 });
        // No call is to come upon it by chance.
        program.poke(at, &[0; 8]);
    }
    known
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 80,
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_call_with_any_arguments_leaves_the_kernel_right(
        seed in any::<u64>(),
        steps in 1..1500_u64,
        ram in prop::sample::select(vec![12_u64 << 20, 64 << 20]),
        cpus in 1..3_usize,
    ) {
        let mut bench = Bench::new(seed, ram, cpus);
        let objects = bench.program.object_count();
        for step in 0..steps {
            if step % 300 == 0 {
                bench.lend();
            }
            if step % 8 == 0 {
                bench.look();
                bench.thin_out();
            }
            bench.step();
            if step % CHECKED == 0 {
                bench.program.board.check_books();
            }
        }
        bench.clear();
        bench.program.board.check_books();
        // What was pinned may be for good: whoever closes a PMT, and then its BTI.
        let left = bench.program.object_count();
        assert!(left == objects || bench.has_pinned, "{left:?} objects of {objects:?} are left");
    }
}
