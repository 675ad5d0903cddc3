//! How lives end when things go wrong on the way: no memory, bad pointers, deep structures, and tasks that
//! die in the middle of whatever they do. After each, the kernel's counts are taken anew from scratch.

#[path = "../scenarios/program.rs"]
mod program;

mod aborts;
mod asids;
mod bounded;
mod child;
mod clones;
mod crowds;
mod discards;
mod edges;
mod failures;
mod groups;
mod left;
mod lists;
mod lives;
mod over;
mod ports;
mod ranges;
mod regressions;
mod sharing;
mod turns;
mod withdrawals;

use abi::{Handle, PhysRange, Status, Sysno, VirtAddr};
use hosted::Config;
use program::Program;
use scenarios::{System, World};

/// The kernel's allocations come from here, so that a test can fail one of them.
#[global_allocator]
static HEAP: hosted::heap::Failing = hosted::heap::Failing;

/// The driven program of a board, with what tests ask of it.
struct Driven {
    program: Program,
    world: World,
    /// Threads of this process, with their scripts.
    threads: Vec<child::Script>,
    /// Where the agent is mapped for them.
    agent_at: Option<u64>,
}

impl Driven {
    fn start() -> Self {
        Self::start_with(Config::default())
    }

    /// A board with little RAM, which a test can use up.
    fn start_small(bytes: u64) -> Self {
        let base = Config::default().ram.base();
        let ram = PhysRange::new(base, bytes).expect("a small board's RAM");
        Self::start_with(Config { ram, ..Config::default() })
    }

    fn start_with(config: Config) -> Self {
        let program = Program::start(config);
        let world = program.world();
        Self { program, world, threads: Vec::new(), agent_at: None }
    }

    /// An address in the scratch memory, whose pages are all there.
    fn scratch(&self, offset: u64) -> u64 {
        self.world.scratch.0 + offset
    }

    fn call(&mut self, sysno: Sysno, first: &[u64]) -> Result<(), Status> {
        self.program.ask(sysno, first)
    }

    /// A call whose last argument is where a handle goes.
    fn making(&mut self, sysno: Sysno, before: &[u64]) -> Result<u64, Status> {
        let mut args = before.to_vec();
        args.push(self.scratch(0));
        self.call(sysno, &args)?;
        Ok(u64::from(self.read32(0)))
    }

    fn read32(&mut self, offset: u64) -> Handle {
        let mut bytes = [0; 4];
        self.program.peek(VirtAddr(self.scratch(offset)), &mut bytes);
        Handle::from_le_bytes(bytes)
    }

    fn read64(&mut self, offset: u64) -> u64 {
        self.program.word(VirtAddr(self.scratch(offset)))
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let at = VirtAddr(self.scratch(offset));
        self.program.poke(at, bytes);
    }

    fn close(&mut self, handle: u64) {
        assert_eq!(self.call(Sysno::handle_close, &[handle]), Ok(()));
    }

    /// `zx_vmar_map` anywhere in the program's own region.
    fn map(&mut self, options: u32, vmo: u64, offset: u64, len: u64) -> Result<u64, Status> {
        let vmar = u64::from(self.world.vmar);
        let out = self.scratch(8);
        self.call(Sysno::vmar_map, &[vmar, u64::from(options), 0, vmo, offset, len, out])?;
        Ok(self.read64(8))
    }

    fn unmap(&mut self, at: u64, len: u64) -> Result<(), Status> {
        self.call(Sysno::vmar_unmap, &[u64::from(self.world.vmar), at, len])
    }

    /// An MMIO resource over a range, minted from the root.
    fn mmio(&mut self, range: PhysRange) -> Result<u64, Status> {
        let root = u64::from(self.world.mmio_root);
        let name = self.scratch(64);
        self.making(Sysno::resource_create, &[root, 0, range.base().0, range.size(), name, 0])
    }

    /// Nanoseconds since boot.
    fn now(&mut self) -> u64 {
        self.program.call(Sysno::clock_get_monotonic, [0; 8])
    }

    /// Sleeps for so many nanoseconds.
    fn sleep(&mut self, nanoseconds: u64) {
        assert_eq!(self.program.sleep(nanoseconds), Ok(()));
    }

    /// Lets what is dead be torn down: everybody sleeps meanwhile.
    fn settle(&mut self) {
        self.sleep(10_000_000);
    }

    /// Takes every count anew, and every frame.
    fn check(&self) {
        self.program.board.check_books();
    }

    /// Frames that hold something.
    fn frames(&self) -> usize {
        self.program.board.machine.frames_in_use() - self.program.board.cpu.kernel.frames_kept() as usize
    }

    fn objects(&self) -> usize {
        self.program.board.cpu.kernel.object_count()
    }
}
