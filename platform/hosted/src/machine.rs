//! The simulated machine, and the kernel's ports on it.

mod frames;

use core::fmt;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::rc::Rc;

use abi::vmo::CachePolicy;
use abi::{PhysAddr, PhysRange, VirtAddr};
use kernel::ports::{
    Access, Asid, Clock, Context, CpuId, FpState, MAX_CPUS, Maintenance, Output, Peers, Translation,
};

use crate::bus::{Bus, Device, ExternalAbort, Width};
use crate::heap;
use crate::mmu::{Mmu, WalkFault};
use crate::par;
use crate::ram::{FRAME, Ram};

/// What a machine is like.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// RAM that the kernel may use.
    pub ram: PhysRange,
    /// Bits of physical address.
    pub physical_bits: u32,
    /// Whether ASIDs have 16 bits.
    pub wide_asids: bool,
    /// The counter's frequency.
    pub ticks_per_second: u64,
    /// What the entropy is drawn from; `None` for a CPU without `RNDR`.
    pub seed: Option<u64>,
    /// CPUs, at least one.
    pub cpus: usize,
}

impl Default for Config {
    /// QEMU's virt: 512 MiB at 1 GiB, a 62.5 MHz counter.
    fn default() -> Self {
        let ram = PhysRange::new(PhysAddr(0x4000_0000), 512 << 20);
        Self {
            ram: ram.expect("the range is a constant that does not wrap"),
            physical_bits: 40,
            wide_asids: true,
            ticks_per_second: 62_500_000,
            seed: Some(0x4a61_6369_6e74_6821),
            cpus: 1,
        }
    }
}

/// Everything that the machine is made of.
struct State {
    config: Config,
    ram: Ram,
    mmu: Mmu,
    bus: Bus,
    ticks: u64,
    console: Vec<u8>,
    log: Vec<Vec<u8>>,
    cpus: [Core; MAX_CPUS],
    /// The CPU that the machine's current step belongs to.
    here: CpuId,
    entropy: Option<u64>,
    /// Frames that were taken for translation tables.
    tables: BTreeSet<PhysAddr>,
    synchronized: Vec<PhysAddr>,
    maintained: Vec<(PhysAddr, usize, usize, Maintenance)>,
    /// Ports used so far.
    work: u64,
}

/// What each CPU has for itself, besides what the MMU keeps.
#[derive(Clone)]
struct Core {
    timer: Option<u64>,
    kicked: bool,
    fp: FpState,
    fp_allowed: bool,
}

/// A simulated machine. Clones are handles to the same one: the kernel owns one, the test keeps another.
#[derive(Clone)]
pub struct Machine(Rc<RefCell<State>>);

/// Why an access by EL0 came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessFault {
    /// The MMU refused it.
    Walk(WalkFault),
    /// The address is not a multiple of the size, and the memory is a device's.
    Alignment,
    /// It was translated and nothing answered.
    ExternalAbort,
}

impl Machine {
    /// A machine that was just switched on.
    pub fn new(config: Config) -> Self {
        Self(Rc::new(RefCell::new(State {
            config,
            ram: Ram::new(config.ram),
            mmu: Mmu::new(config.physical_bits),
            bus: Bus::default(),
            // Firmware ran for a second before: a clock that starts at zero hides mistakes.
            ticks: config.ticks_per_second,
            console: Vec::new(),
            log: Vec::new(),
            cpus: core::array::from_fn(Core::switched_on),
            here: CpuId::BOOT,
            entropy: config.seed,
            tables: BTreeSet::new(),
            synchronized: Vec::new(),
            maintained: Vec::new(),
            work: 0,
        })))
    }

    /// Puts a device on the bus.
    ///
    /// # Panics
    /// If it overlaps another one, or RAM.
    pub fn attach(&self, base: PhysAddr, size: u64, device: impl Device + 'static) {
        let range = PhysRange::new(base, size).expect("a device has a size and ends below 2^64");
        let mut state = self.state();
        assert!(!state.ram.range().overlaps(range), "device at {range} overlaps RAM {}", state.ram.range());
        state.bus.attach(range, Box::new(device));
    }

    /// Puts bytes where firmware would have put them, out of reach of the frame allocator.
    pub fn place(&self, bytes: &[u8]) -> PhysRange {
        self.state().ram.place(bytes)
    }

    /// RAM, free or not.
    pub fn ram(&self) -> PhysRange {
        self.state().ram.range()
    }

    /// Frames that the kernel took and did not give back.
    pub fn frames_in_use(&self) -> usize {
        self.state().ram.in_use()
    }

    /// Makes the `nth` frame allocation from now fail, counted from 1; `None` makes none fail.
    pub fn fail_nth_frame(&self, nth: Option<u64>) {
        self.state().ram.fail_nth(nth);
    }

    /// Whether the allocation that was to fail was asked for.
    pub fn frame_has_failed(&self) -> bool {
        self.state().ram.has_failed()
    }

    /// Lets time pass.
    pub fn advance(&self, ticks: u64) {
        self.state().ticks += ticks;
    }

    /// Makes this CPU the one that the following steps belong to.
    pub fn select(&self, cpu: CpuId) {
        let mut state = self.state();
        state.here = cpu;
        state.mmu.select(cpu);
    }

    /// The counter value at which the selected CPU's timer fires, if it is set.
    pub fn timer(&self) -> Option<u64> {
        self.state().core().timer
    }

    /// Lets time pass until the first timer of any CPU fires. False if none is set.
    pub fn advance_to_timer(&self) -> bool {
        let mut state = self.state();
        let Some(at) = state.cpus.iter().filter_map(|core| core.timer).min() else { return false };
        state.ticks = state.ticks.max(at);
        true
    }

    /// Whether the selected CPU's timer interrupt is pending.
    pub fn timer_is_due(&self) -> bool {
        let state = self.state();
        state.core().timer.is_some_and(|at| at <= state.ticks)
    }

    /// Whether the selected CPU has been kicked since the last call.
    pub fn take_kick(&self) -> bool {
        core::mem::take(&mut self.state().core_mut().kicked)
    }

    /// Whether the selected CPU has been kicked and has not taken it.
    pub fn is_kicked(&self) -> bool {
        self.state().core().kicked
    }

    /// What was written to the console since the last call.
    pub fn take_console(&self) -> String {
        String::from_utf8_lossy(&core::mem::take(&mut self.state().console)).into_owned()
    }

    /// The frames written to the log since the last call.
    pub fn take_log(&self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.state().log)
    }

    /// Frames that were made executable, in order.
    pub fn synchronized_frames(&self) -> Vec<PhysAddr> {
        self.state().synchronized.clone()
    }

    /// Bytes of frames whose cache lines were maintained, in order: frame, offset, length, how.
    pub fn maintained_bytes(&self) -> Vec<(PhysAddr, usize, usize, Maintenance)> {
        self.state().maintained.clone()
    }

    /// The address space that EL0 sees on the selected CPU.
    pub fn active_space(&self) -> Option<(PhysAddr, Asid)> {
        self.state().mmu.active()
    }

    /// Every page that the active space of the selected CPU shows, with the byte of its memory type.
    pub fn shown_pages(&self) -> Vec<(PhysAddr, u8)> {
        let state = self.state();
        let mut pages = Vec::new();
        state.mmu.each_leaf(&state.ram, &mut |leaf, size| {
            let offsets = (0..size).step_by(FRAME);
            pages.extend(offsets.map(|offset| (PhysAddr(leaf.output().0 + offset), leaf.mair_byte())));
        });
        pages
    }

    /// Whether caches may hold something of a range that is not RAM.
    pub fn caches_may_hold(&self, range: PhysRange) -> bool {
        self.state().mmu.may_be_cached(range)
    }

    /// The memory type by which the kernel itself reaches an address, if it is RAM.
    pub fn kernel_policy(&self, address: PhysAddr) -> Option<CachePolicy> {
        let state = self.state();
        state.ram.range().contains_addr(address).then(|| state.ram.policy_of(address))
    }

    /// Whether EL0 may use FP now.
    pub fn fp_is_allowed(&self) -> bool {
        self.state().core().fp_allowed
    }

    /// Changes the FP registers as a program would.
    pub fn with_fp<T>(&self, f: impl FnOnce(&mut FpState) -> T) -> T {
        f(&mut self.state().core_mut().fp)
    }

    /// Checks what the kernel must have finished before EL0 runs.
    ///
    /// # Panics
    /// If a descriptor write is not published, an invalidation not complete, or a cached translation of
    /// the active space says other than the tables.
    pub fn assert_ready_for_el0(&self) {
        let mut state = self.state();
        let State { mmu, ram, .. } = &mut *state;
        if let Some(what) = mmu.unfinished(ram) {
            panic!("EL0 was entered too early: {what}");
        }
    }

    /// Reads RAM or a device at a physical address, past the MMU.
    ///
    /// # Errors
    /// [`ExternalAbort`] if nothing answers there.
    pub fn read_physical(&self, at: PhysAddr, width: Width) -> Result<u64, ExternalAbort> {
        self.state().read_bus(at, width)
    }

    /// Writes RAM or a device at a physical address, past the MMU.
    ///
    /// # Errors
    /// [`ExternalAbort`] if nothing answers there.
    pub fn write_physical(&self, at: PhysAddr, width: Width, value: u64) -> Result<(), ExternalAbort> {
        self.state().write_bus(at, width, value)
    }

    /// An access by EL0 in the active space: translated, cached and done. A store takes `value`, a load
    /// and a fetch give what is there.
    ///
    /// # Errors
    /// [`AccessFault`], as the CPU would report it.
    pub fn el0_access(
        &self,
        address: VirtAddr,
        access: Access,
        width: Width,
        value: u64,
    ) -> Result<u64, AccessFault> {
        let mut state = self.state();
        let State { mmu, ram, .. } = &mut *state;
        let found = mmu.access(ram, address, access).map_err(AccessFault::Walk)?;
        if !address.0.is_multiple_of(width.bytes()) {
            // Device memory refuses it (Arm ARM B2.7.2); Normal memory of two pages is not needed by any test.
            assert!(found.leaf.is_device(), "unaligned EL0 access at {address} is not modelled");
            return Err(AccessFault::Alignment);
        }
        let outcome = match access {
            Access::Write => state.write_bus(found.address, width, value).map(|()| value),
            Access::Read | Access::Execute => state.read_bus(found.address, width),
        };
        outcome.map_err(|ExternalAbort| AccessFault::ExternalAbort)
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Runs a port. What it allocates is the simulation's, not the kernel's: no injected failure meets it.
    fn port<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        self.row_port(1, f)
    }

    /// Runs a port that works on `count` descriptors in a row: it counts by the lines of a cache that they are in.
    fn row_port<T>(&self, count: u64, f: impl FnOnce(&mut State) -> T) -> T {
        heap::without_failures(|| {
            let mut state = self.state();
            state.work += count.div_ceil(8);
            f(&mut state)
        })
    }

    /// How often the kernel has used a port: a frame taken, given back, filled or copied, a descriptor read or
    /// written, or eight of them in a row, an invalidation.
    pub(crate) fn work(&self) -> u64 {
        self.state().work
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A machine that panics while a port runs is printed too, by whoever reports the panic.
        match self.0.try_borrow() {
            Ok(state) => write!(f, "Machine {{ ram: {}, devices: {:?} }}", state.ram.range(), state.bus),
            Err(_) => f.write_str("Machine (in use)"),
        }
    }
}

impl Core {
    /// Firmware leaves something in the registers: a program that sees it sees what is not its own.
    fn switched_on(cpu: usize) -> Self {
        let mut fp = FpState::ZERO;
        fp.v.fill(0xDEAD_0000 + cpu as u128);
        Self { timer: None, kicked: false, fp, fp_allowed: false }
    }
}

impl State {
    fn core(&self) -> &Core {
        &self.cpus[self.here.index()]
    }

    fn core_mut(&mut self) -> &mut Core {
        &mut self.cpus[self.here.index()]
    }

    fn read_bus(&mut self, at: PhysAddr, width: Width) -> Result<u64, ExternalAbort> {
        if !self.ram.range().contains_addr(at) {
            return self.bus.read(at, width);
        }
        let mut word = [0; 8];
        self.ram.read("a load", at, &mut word[..width.bytes() as usize]);
        Ok(u64::from_le_bytes(word))
    }

    fn write_bus(&mut self, at: PhysAddr, width: Width, value: u64) -> Result<(), ExternalAbort> {
        if !self.ram.range().contains_addr(at) {
            return self.bus.write(at, width, value);
        }
        self.ram.write("a store", at, &value.to_le_bytes()[..width.bytes() as usize]);
        Ok(())
    }
}

impl Translation for Machine {
    fn read_descriptor(&self, at: PhysAddr) -> u64 {
        self.port(|state| state.mmu.read_descriptor(&state.ram, at))
    }

    fn write_descriptor(&mut self, at: PhysAddr, value: u64) {
        self.port(|State { mmu, ram, .. }| mmu.write_descriptor(ram, at, value));
    }

    fn fill_descriptors(&mut self, at: PhysAddr, count: u64, first: u64, step: u64) {
        self.row_port(count, |State { mmu, ram, .. }| {
            for (at, index) in row(at, count).zip(0..) {
                mmu.write_descriptor(ram, at, first + index * step);
            }
        });
    }

    fn are_descriptors_zero(&self, at: PhysAddr, count: u64) -> bool {
        self.row_port(count, |State { mmu, ram, .. }| {
            row(at, count).all(|at| mmu.read_descriptor(ram, at) == 0)
        })
    }

    fn clear_descriptors(&mut self, at: PhysAddr, count: u64) -> u64 {
        self.row_port(count, |State { mmu, ram, .. }| {
            let clear = |at| {
                let raw = mmu.read_descriptor(ram, at);
                mmu.write_descriptor(ram, at, 0);
                raw & 1
            };
            row(at, count).map(clear).sum()
        })
    }

    fn change_descriptors(&mut self, at: PhysAddr, count: u64, same: u64, like: u64, change: u64) -> u64 {
        self.row_port(count, |State { mmu, ram, .. }| {
            let is_like = |at: &PhysAddr| (mmu.read_descriptor(ram, *at) ^ like) & same == 0;
            let alike = row(at, count).take_while(is_like).count() as u64;
            for at in row(at, alike) {
                let raw = mmu.read_descriptor(ram, at);
                mmu.write_descriptor(ram, at, raw & !change | like & change);
            }
            alike
        })
    }

    fn publish_descriptors(&mut self) {
        self.port(|state| state.mmu.publish());
    }

    fn invalidate_leaf(&mut self, asid: Asid, address: VirtAddr) {
        self.port(|state| state.mmu.invalidate_leaf(asid, address));
    }

    fn invalidate_walk(&mut self, asid: Asid, address: VirtAddr) {
        self.port(|state| state.mmu.invalidate_walk(asid, address));
    }

    fn invalidate_space(&mut self, asid: Asid) {
        self.port(|state| state.mmu.invalidate_space(asid));
    }

    fn invalidate_all(&mut self) {
        self.port(|state| state.mmu.invalidate_all());
    }

    fn complete_invalidation(&mut self) {
        self.port(|state| state.mmu.complete());
    }

    fn activate(&mut self, space: Option<(PhysAddr, Asid)>) {
        self.port(|state| state.mmu.activate(space));
    }

    fn synchronize_instructions(&mut self, frame: PhysAddr) {
        self.port(|state| {
            assert!(state.ram.is_taken(frame), "synchronize_instructions({frame}): the frame is free");
            state.synchronized.push(frame);
        });
    }

    fn maintain_cache(&mut self, frame: PhysAddr, offset: usize, len: usize, how: Maintenance) {
        self.port(|state| {
            assert!(state.ram.is_taken(frame), "maintain_cache({frame}): the frame is free");
            assert!(offset + len <= FRAME, "maintain_cache({frame}): beyond the frame");
            state.maintained.push((frame, offset, len, how));
        });
    }

    fn clean_pages(&mut self, pages: PhysRange, policy: CachePolicy) {
        // It counts by the page.
        self.row_port(8 * (pages.size() / FRAME as u64), |State { mmu, ram, .. }| {
            mmu.clean(ram, pages, policy)
        });
    }

    fn probe(&self, address: VirtAddr, access: Access) -> u64 {
        self.port(|state| par::from_walk(state.mmu.probe(&state.ram, address, access)))
    }

    fn physical_address_bits(&self) -> u32 {
        self.port(|state| state.mmu.physical_bits())
    }

    fn wide_asids(&self) -> bool {
        self.port(|state| state.config.wide_asids)
    }
}

impl Clock for Machine {
    fn ticks(&self) -> u64 {
        self.port(|state| state.ticks)
    }

    fn ticks_per_second(&self) -> u64 {
        self.port(|state| state.config.ticks_per_second)
    }

    fn set_timer(&mut self, at: Option<u64>) {
        self.port(|state| state.core_mut().timer = at);
    }
}

impl Output for Machine {
    fn write_console(&mut self, text: &[u8]) {
        self.port(|state| state.console.extend_from_slice(text));
    }

    fn write_log(&mut self, frame: &[u8]) {
        self.port(|state| state.log.push(frame.to_vec()));
    }
}

impl Context for Machine {
    fn save_fp(&mut self, into: &mut FpState) {
        self.port(|state| into.clone_from(&state.core().fp));
    }

    fn restore_fp(&mut self, from: &FpState) {
        self.port(|state| state.core_mut().fp.clone_from(from));
    }

    fn allow_fp(&mut self, allowed: bool) {
        self.port(|state| state.core_mut().fp_allowed = allowed);
    }

    fn entropy(&mut self) -> Option<u64> {
        self.port(|state| state.entropy.as_mut().map(split_mix))
    }
}

impl Peers for Machine {
    fn kick(&mut self, cpu: CpuId) {
        self.port(|state| {
            assert!(cpu.index() < state.config.cpus, "kick({}): there is no such CPU", cpu.index());
            assert!(cpu != state.here, "kick({}): a CPU kicks itself", cpu.index());
            state.cpus[cpu.index()].kicked = true;
        });
    }
}

/// SplitMix64: the next number of a sequence that is the same for the same seed.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// Where `count` descriptors in a row are, all in one table.
fn row(at: PhysAddr, count: u64) -> impl Iterator<Item = PhysAddr> {
    assert!(
        at.0 % FRAME as u64 + 8 * count <= FRAME as u64,
        "{count} descriptors at {at} are not in one table"
    );
    (0..count).map(move |index| PhysAddr(at.0 + 8 * index))
}
