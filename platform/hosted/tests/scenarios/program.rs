//! A simulated program on the hosted board, as scenarios want one.

use std::collections::BTreeSet;

use abi::bootfs::{Bootfs, Entry};
use abi::processargs::{self, Header};
use abi::time::TickScale;
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::{AbiStruct, Handle, PAGE_SIZE, PhysAddr, PhysRange, Status, Sysno, VirtAddr};
use hosted::virt::{self, Board};
use hosted::{Config, Width};
use kernel::ports::Clock;
use scenarios::{Limited, SCRATCH_SIZE, System, World, agent};

/// The first process of a board, with what it was given.
pub(crate) struct Program {
    /// The board that it runs on.
    pub(crate) board: Board,
    world: World,
    /// The VMO with the device tree.
    tree: Handle,
    cpus: usize,
    /// The calls that the vDSO answered by itself with a status, and the status.
    answered: BTreeSet<(usize, i32)>,
}

impl Program {
    /// The file with the agent's code in the boot file system.
    pub(crate) const AGENT_FILE: &str = "agent";

    /// Boots a board and reads the first process's messages.
    pub(crate) fn start(config: Config) -> Self {
        let files: [(&str, &[u8]); 1] = [(Self::AGENT_FILE, &agent::page())];
        Self::on(Board::boot(config, &files, "test"), config)
    }

    /// The first process of a board that has been booted with the agent among its files.
    pub(crate) fn on(mut board: Board, config: Config) -> Self {
        let registers = board.cpu.enter();
        let (channel, vdso_base, stack) = (registers.r[0], VirtAddr(registers.r[1]), registers.sp);
        let world = blank_world(&board, vdso_base, config);
        let mut program = Self { world, board, tree: 0, cpus: config.cpus, answered: BTreeSet::new() };
        // The top page of the stack serves until there is memory of its own.
        program.world.scratch = VirtAddr(stack - 2 * PAGE_SIZE);
        program.read_bootstrap(channel);
        program.find_agent();
        program.make_scratch();
        program.count_seeds();
        let table = program.contents(program.world.device_table);
        program.world.limited = Limited::find(&table);
        program
    }

    /// Reads the messages until the one without handles.
    fn read_bootstrap(&mut self, channel: u64) {
        let buffer = self.world.scratch.0;
        let (handles, actual) = (buffer + PAGE_SIZE, buffer + PAGE_SIZE + 512);
        loop {
            let args = [channel, 0, buffer, handles, PAGE_SIZE, 64, actual, actual + 4];
            assert_eq!(self.call(Sysno::channel_read, args), 0, "the bootstrap message");
            let mut counts = [0; 8];
            self.peek(VirtAddr(actual), &mut counts);
            let count = usize::from(counts[4]);
            if count == 0 {
                break;
            }
            let mut bytes = vec![0; PAGE_SIZE as usize];
            self.peek(VirtAddr(buffer), &mut bytes);
            let header = Header::get(&bytes);
            assert_eq!(header.protocol, processargs::PROTOCOL);
            let mut list = vec![0; count * 4];
            self.peek(VirtAddr(handles), &mut list);
            let infos = &bytes[header.handle_info_off as usize..];
            for (handle, info) in list.chunks_exact(4).zip(infos.chunks_exact(4)) {
                self.keep(word(info), word(handle));
            }
        }
        assert_eq!(self.call(Sysno::handle_close, [channel, 0, 0, 0, 0, 0, 0, 0]), 0);
    }

    fn keep(&mut self, info: u32, handle: Handle) {
        let world = &mut self.world;
        match processargs::info_kind(info) {
            processargs::PROC_SELF => world.process = handle,
            processargs::THREAD_SELF => world.thread = handle,
            processargs::JOB_DEFAULT => world.job = handle,
            processargs::VMAR_ROOT => world.vmar = handle,
            processargs::VMO_VDSO => world.vdso = handle,
            processargs::VMO_BOOTDATA => self.tree = handle,
            processargs::USER_DEVICE_TABLE => world.device_table = handle,
            processargs::VMO_BOOTFS => world.agent.0 = handle,
            processargs::MMIO_RESOURCE => world.mmio_root = handle,
            processargs::SMC_RESOURCE => world.smc_root = handle,
            processargs::IRQ_RESOURCE => world.irq_root = handle,
            processargs::SYSTEM_RESOURCE => world.system_root = handle,
            _ => {}
        }
    }

    /// Where the agent's page lies in the boot file system.
    fn find_agent(&mut self) {
        let (vmo, buffer) = (u64::from(self.world.agent.0), self.world.scratch.0);
        assert_eq!(self.call(Sysno::vmo_read, [vmo, buffer, 0, PAGE_SIZE, 0, 0, 0, 0]), 0);
        let mut head = vec![0; PAGE_SIZE as usize];
        self.peek(VirtAddr(buffer), &mut head);
        let bootfs = Bootfs::new(&head, u64::MAX).expect("the boot file system is one of ours");
        let entry: Entry = bootfs.find(Self::AGENT_FILE).expect("the agent is in the boot file system");
        self.world.agent.1 = entry.offset;
    }

    /// Reads a VMO that the kernel gave, as a program does.
    fn contents(&mut self, vmo: Handle) -> Vec<u8> {
        let (vmo, buffer) = (u64::from(vmo), self.world.scratch.0 + PAGE_SIZE);
        assert_eq!(self.call(Sysno::vmo_get_size, [vmo, buffer, 0, 0, 0, 0, 0, 0]), 0);
        let mut size = [0; 8];
        self.peek(VirtAddr(buffer), &mut size);
        let size = u64::from_le_bytes(size);
        assert!(size < SCRATCH_SIZE - PAGE_SIZE, "the tree and the table are small");
        let mut bytes = vec![0; size as usize];
        assert_eq!(self.call(Sysno::vmo_read, [vmo, buffer, 0, size, 0, 0, 0, 0]), 0);
        self.peek(VirtAddr(buffer), &mut bytes);
        self.poke(VirtAddr(buffer), &vec![0; bytes.len()]);
        bytes
    }

    fn count_seeds(&mut self) {
        let bytes = self.contents(self.tree);
        let mut room = vec![0; devicetree::buffer_size(&bytes).expect("the tree is one of ours")];
        let tree = devicetree::Tree::parse(&bytes, &mut room).expect("the tree is one of ours");
        let seeds = tree.seeds().into_iter().filter_map(|seed| tree.blob().get(seed)).flatten();
        self.world.seeds = seeds.fold((0, 0), |(all, told), byte| (all + 1, told + usize::from(*byte != 0)));
    }

    fn make_scratch(&mut self) {
        let out = self.world.scratch.0;
        assert_eq!(self.call(Sysno::vmo_create, [SCRATCH_SIZE, 0, out, 0, 0, 0, 0, 0]), 0);
        let mut handle = [0; 4];
        self.peek(VirtAddr(out), &mut handle);
        let (vmar, vmo) = (u64::from(self.world.vmar), u64::from(word(&handle)));
        let options = u64::from(PERM_READ | PERM_WRITE);
        assert_eq!(self.call(Sysno::vmar_map, [vmar, options, 0, vmo, 0, SCRATCH_SIZE, out, 0]), 0);
        let mut address = [0; 8];
        self.peek(VirtAddr(out), &mut address);
        self.world.scratch = VirtAddr(u64::from_le_bytes(address));
        // Pages come in when they are touched: all now, so that scenarios can count frames.
        for page in 0..SCRATCH_SIZE / PAGE_SIZE {
            self.board.cpu.store(VirtAddr(self.world.scratch.0 + page * PAGE_SIZE), Width::Double, 0);
        }
    }

    /// Every call with every status that it returned to this program.
    #[allow(dead_code, reason = "not every test compares calls with their pages")]
    pub(crate) fn returned(&self) -> BTreeSet<(usize, i32)> {
        self.board.cpu.returned().union(&self.answered).copied().collect()
    }

    /// What the vDSO does to caches, which are not simulated: it demands that the bytes can be read.
    fn cache_flush(&mut self, [at, len, options, ..]: [u64; 8]) -> Status {
        let Some(end) = at.checked_add(len) else { return Status::INVALID_ARGS };
        if !matches!(options, 1 | 2 | 3 | 6 | 7) {
            return Status::INVALID_ARGS;
        }
        for line in (at & !63..end).step_by(64) {
            self.board.cpu.load(VirtAddr(line), Width::Byte);
        }
        Status::OK
    }

    /// The vDSO's `zx_system_get_features`. The simulated CPU has none to tell of.
    fn system_get_features(&mut self, [kind, features, ..]: [u64; 8]) -> Status {
        if kind as u32 > 4 {
            return Status::NOT_SUPPORTED;
        }
        self.board.cpu.store(VirtAddr(features), Width::Word, 0);
        Status::OK
    }

    /// What the vDSO's own code answers.
    fn vdso_only(&mut self, sysno: Sysno, arg: u64) -> u64 {
        // Time passes while a program looks at it.
        self.board.machine.advance(16);
        let ticks = self.board.machine.ticks();
        let frequency = self.board.machine.ticks_per_second();
        let now = TickScale::new(frequency).expect("the simulated counter is quick enough").nanos(ticks);
        match sysno {
            Sysno::clock_get_monotonic | Sysno::clock_get_boot => now as u64,
            Sysno::ticks_get | Sysno::ticks_get_boot => ticks,
            Sysno::ticks_per_second => frequency,
            Sysno::deadline_after => now.saturating_add(arg as i64) as u64,
            Sysno::system_get_page_size => PAGE_SIZE,
            Sysno::system_get_num_cpus => self.cpus as u64,
            Sysno::system_get_dcache_line_size => 64,
            Sysno::system_get_physmem => self.board.machine.ram().size(),
            _ => panic!("zx_{} is not simulated", sysno.line().name),
        }
    }
}

/// What is known before the first message is read.
fn blank_world(board: &Board, vdso_base: VirtAddr, config: Config) -> World {
    let range = |(base, size)| PhysRange::new(PhysAddr(base), size).expect("a window of the board");
    World {
        process: 0,
        thread: 0,
        job: 0,
        vmar: 0,
        vdso: 0,
        vdso_base,
        vdso_code: (board.vdso.code_offset, board.vdso.code_size),
        mmio_root: 0,
        smc_root: 0,
        irq_root: 0,
        system_root: 0,
        scratch: VirtAddr(0),
        scratch_size: SCRATCH_SIZE,
        agent: (0, 0),
        registers: range(virt::RTC),
        flash: range(virt::FLASH[1]),
        has_flash: true,
        sram: Some(range(virt::SRAM)),
        device_table: 0,
        limited: None,
        group: [range(virt::VIRTIO), range((virt::VIRTIO.0 + virt::VIRTIO.1, virt::VIRTIO.1))],
        ram: config.ram,
        controller: PhysAddr(virt::GIC[0].0),
        hole: PhysAddr(virt::HOLE),
        seeds: (0, 0),
        physical_bits: config.physical_bits,
        checks_alignment: true,
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

/// The widest access to so many bytes, and how many it takes.
const fn widest(at: VirtAddr, left: usize) -> (Width, usize) {
    if left >= 8 && at.0.is_multiple_of(8) { (Width::Double, 8) } else { (Width::Byte, 1) }
}

impl System for Program {
    fn call(&mut self, sysno: Sysno, args: [u64; 8]) -> u64 {
        if sysno == Sysno::cprng_draw {
            // The vDSO makes the call that it is made of, and ends a program whose buffer is bad.
            let status = self.call(Sysno::cprng_draw_once, args);
            assert_eq!(status, 0, "the program would have ended");
            return 0;
        }
        if sysno.line().kind == abi::syscalls::Kind::VdsoOnly {
            let status = match sysno {
                Sysno::cache_flush => self.cache_flush(args),
                Sysno::system_get_features => self.system_get_features(args),
                _ => return self.vdso_only(sysno, args[0]),
            };
            self.answered.insert((sysno as usize, status.0));
            return i64::from(status.0) as u64;
        }
        let site = VirtAddr(self.world.vdso_base.0 + self.board.vdso.site(sysno as u64));
        self.board.cpu.syscall(sysno, args, site)
    }

    fn peek(&mut self, at: VirtAddr, into: &mut [u8]) {
        let mut done = 0;
        while done < into.len() {
            let (at, left) = (VirtAddr(at.0 + done as u64), into.len() - done);
            let (width, bytes) = widest(at, left);
            let value = self.board.cpu.load(at, width).to_le_bytes();
            into[done..done + bytes].copy_from_slice(&value[..bytes]);
            done += bytes;
        }
    }

    fn poke(&mut self, at: VirtAddr, from: &[u8]) {
        let mut done = 0;
        while done < from.len() {
            let (at, left) = (VirtAddr(at.0 + done as u64), from.len() - done);
            let (width, bytes) = widest(at, left);
            let mut value = [0; 8];
            value[..bytes].copy_from_slice(&from[done..done + bytes]);
            self.board.cpu.store(at, width, u64::from_le_bytes(value));
            done += bytes;
        }
    }

    fn load32(&mut self, at: VirtAddr) -> u32 {
        self.board.cpu.load(at, Width::Word) as u32
    }

    fn store32(&mut self, at: VirtAddr, value: u32) {
        self.board.cpu.store(at, Width::Word, u64::from(value));
    }

    fn execute(&mut self, at: VirtAddr) {
        assert_eq!(
            self.board.cpu.fetch(at),
            agent::RET,
            "the driven program runs one instruction there: ret"
        );
    }

    fn vdso_function(&self, sysno: Sysno) -> u64 {
        self.board.vdso.function(sysno as u64)
    }

    fn world(&self) -> World {
        self.world
    }

    fn object_count(&mut self) -> Option<usize> {
        Some(self.board.cpu.kernel.object_count())
    }
}
