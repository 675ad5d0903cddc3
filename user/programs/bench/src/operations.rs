//! The operations and their loops.
//!
//! A room for unsafe code: the raw calls take pointers, which are all to locals of the measuring function, and
//! unmapping removes only what the same round has mapped.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::error::Error;
use core::hint::black_box;

use zx::abi::processargs as pa;
use zx::abi::vmar::{MAP_RANGE, PERM_READ, PERM_WRITE, SPECIFIC};
use zx::abi::{Handle, PAGE_SIZE, Rights, Status};
use zx::{Object, Resource, Startup, raw};

/// Rounds of each loop, unless the boot arguments have `rounds=N`.
const ROUNDS: u64 = 1000;
/// Bytes of the large window.
const LARGE: u64 = 16 << 20;
/// Bytes of the huge window.
const HUGE: u64 = 1 << 30;
/// Where the large window is shown page by page: no block can show it there.
const UNALIGNED: u64 = (64 << 30) + PAGE_SIZE;
/// Rounds of what takes long for one of the others.
const LONG: u64 = 50;
/// Readable and writable, shown at once: how drivers map registers.
const DEVICE: u32 = PERM_READ | PERM_WRITE | MAP_RANGE;

/// ZX_EVENT_SIGNALED.
const EVENT_SIGNALED: u32 = 1 << 3;
/// Words in a zx_port_packet_t.
const PACKET_WORDS: usize = 6;
/// Bytes of a message.
const MESSAGE: usize = 64;

/// What the loops work on.
pub(crate) struct Bench {
    pub(crate) rounds: u64,
    pub(crate) vmar: Handle,
    /// One page of registers.
    registers: Resource,
    registers_base: u64,
    /// A window of [`LARGE`] bytes and more.
    window: Resource,
    window_base: u64,
    /// A window of [`HUGE`] bytes and more, at a multiple of as many.
    huge: Option<Resource>,
}

/// Measures everything.
pub(crate) fn run(mut startup: Startup) -> Result<(), Box<dyn Error>> {
    let registers: Resource = startup.take(pa::USER_WINDOW, 0)?;
    let window: Resource = startup.take(pa::USER_WINDOW, 1)?;
    let vmar = zx::vmar_root().ok_or(Status::NOT_FOUND)?.raw();
    let rounds = startup.args().iter().find_map(|word| word.strip_prefix("rounds=")?.parse().ok());
    let bench = Bench {
        rounds: rounds.unwrap_or(ROUNDS),
        vmar,
        registers_base: registers.info()?.base,
        registers,
        window_base: window.info()?.base,
        window,
        huge: startup.take(pa::USER_WINDOW, 6).ok(),
    };
    // SAFETY: no pointer.
    let frequency = unsafe { raw::zx_ticks_per_second() };
    zx::println!("bench frequency {frequency} 1");
    if startup.args().iter().any(|word| word == "curves") {
        return Ok(bench.curves()?);
    }
    bench.handles()?;
    bench.device_page()?;
    bench.large_window()?;
    bench.pages_of_a_window()?;
    bench.huge_window()?;
    bench.memory()?;
    bench.messages()?;
    Ok(())
}

impl Bench {
    /// Runs `operation` again and again after a warm-up and reports the ticks beyond an empty loop.
    pub(crate) fn measure(&self, name: &str, mut operation: impl FnMut() -> Status) -> Result<(), Status> {
        for _ in 0..8 {
            operation().ok()?;
        }
        let empty = self.ticks_of(|| black_box(Status::OK));
        let full = self.ticks_of(&mut operation);
        zx::println!("bench {name} {} {}", full.saturating_sub(empty), self.rounds);
        Ok(())
    }

    /// Runs operations that belong together in turn and reports the ticks of each. The reading of the clock between
    /// them is subtracted.
    fn measure_apart<const N: usize>(
        &self,
        names: [&str; N],
        rounds: u64,
        mut operation: impl FnMut(usize) -> Status,
    ) -> Result<(), Status> {
        let round =
            |ticks: &mut [i64; N], operation: &mut dyn FnMut(usize) -> Status| -> Result<(), Status> {
                for (index, ticks) in ticks.iter_mut().enumerate() {
                    // SAFETY: no pointer.
                    let start = unsafe { raw::zx_ticks_get() };
                    black_box(operation(index)).ok()?;
                    // SAFETY: no pointer.
                    *ticks += unsafe { raw::zx_ticks_get() } - start;
                }
                Ok(())
            };
        let (mut ticks, mut empty) = ([0; N], [0; N]);
        for _ in 0..8 {
            round(&mut ticks, &mut operation)?;
        }
        ticks = [0; N];
        for _ in 0..rounds {
            round(&mut ticks, &mut operation)?;
            round(&mut empty, &mut |_| Status::OK)?;
        }
        for ((name, ticks), empty) in names.iter().zip(ticks).zip(empty) {
            zx::println!("bench {name} {} {rounds}", ticks - empty);
        }
        Ok(())
    }

    fn ticks_of(&self, mut operation: impl FnMut() -> Status) -> i64 {
        // SAFETY: no pointer.
        let start = unsafe { raw::zx_ticks_get() };
        for _ in 0..self.rounds {
            black_box(operation());
        }
        // SAFETY: no pointer.
        unsafe { raw::zx_ticks_get() - start }
    }

    fn handles(&self) -> Result<(), Status> {
        // SAFETY: no pointer. Closing no handle is allowed.
        self.measure("null_handle_close_0", || unsafe { raw::zx_handle_close(0) })?;
        // SAFETY: no pointer.
        self.measure("bad_handle_close", || match unsafe { raw::zx_handle_close(7) } {
            Status::BAD_HANDLE => Status::OK,
            other => other,
        })?;
        let handle = self.registers.raw();
        let mut out = 0;
        self.measure("duplicate_and_close", || {
            // SAFETY: `out` is valid for a write.
            let made = unsafe { raw::zx_handle_duplicate(handle, Rights::SAME_RIGHTS.0, &raw mut out) };
            // SAFETY: no pointer; the handle is this round's.
            if made == Status::OK { unsafe { raw::zx_handle_close(out) } } else { made }
        })?;
        let vmo = zx::Vmo::create(PAGE_SIZE, 0)?;
        let mut size = 0;
        // SAFETY: `size` is valid for a write.
        self.measure("vmo_get_size", || unsafe { raw::zx_vmo_get_size(vmo.raw(), &raw mut size) })
    }

    fn physical(&self, resource: &Resource, base: u64, size: u64) -> Result<Handle, Status> {
        let mut vmo = 0;
        // SAFETY: `vmo` is valid for a write.
        unsafe { raw::zx_vmo_create_physical(resource.raw(), base, size as usize, &raw mut vmo) }.ok()?;
        Ok(vmo)
    }

    pub(crate) fn map(&self, vmo: Handle, options: u32, size: u64) -> Result<u64, Status> {
        let mut at = 0;
        // SAFETY: `at` is valid for a write; the kernel picks an address where nothing is.
        unsafe { raw::zx_vmar_map(self.vmar, options, 0, vmo, 0, size, &raw mut at) }.ok()?;
        Ok(at)
    }

    pub(crate) fn unmap(&self, at: u64, size: u64) -> Status {
        // SAFETY: no pointer; the caller has just mapped this range and gives it up.
        unsafe { raw::zx_vmar_unmap(self.vmar, at, size) }
    }

    fn device_page(&self) -> Result<(), Status> {
        let whole = || {
            let vmo = self.physical(&self.registers, self.registers_base, PAGE_SIZE)?;
            let at = self.map(vmo, DEVICE, PAGE_SIZE)?;
            // SAFETY: the page is mapped; a read of the clock's first register has no effect.
            let value: u32 = unsafe { load(at) };
            black_box(value);
            self.unmap(at, PAGE_SIZE).ok()?;
            // SAFETY: no pointer; the handle is this round's.
            unsafe { raw::zx_handle_close(vmo) }.ok()
        };
        self.measure("device_page_create_map_read_unmap_close", || Status::from(whole()))?;
        let vmo = self.physical(&self.registers, self.registers_base, PAGE_SIZE)?;
        self.measure("device_page_map_unmap", || match self.map(vmo, DEVICE, PAGE_SIZE) {
            Ok(at) => self.unmap(at, PAGE_SIZE),
            Err(status) => status,
        })?;
        self.map_and_unmap(["device_page_map", "device_page_unmap"], self.rounds, vmo, PAGE_SIZE)
    }

    fn map_and_unmap(&self, names: [&str; 2], rounds: u64, vmo: Handle, size: u64) -> Result<(), Status> {
        let mut at = 0;
        self.measure_apart(names, rounds, |index| match index {
            // SAFETY: `at` is valid for a write; the kernel picks an address where nothing is.
            0 => unsafe { raw::zx_vmar_map(self.vmar, DEVICE, 0, vmo, 0, size, &raw mut at) },
            _ => self.unmap(at, size),
        })
    }

    fn large_window(&self) -> Result<(), Status> {
        let vmo = self.physical(&self.window, self.window_base, LARGE)?;
        self.measure("window_16_mib_map_unmap", || match self.map(vmo, DEVICE, LARGE) {
            Ok(at) => self.unmap(at, LARGE),
            Err(status) => status,
        })
    }

    /// A window at an address where a leaf shows a page of it and no more.
    fn pages_of_a_window(&self) -> Result<(), Status> {
        let vmo = self.physical(&self.window, self.window_base, LARGE)?;
        let names = ["pages_4096_map", "pages_4096_protect", "pages_4096_unmap"];
        let options = DEVICE | SPECIFIC;
        let mut at = 0;
        self.measure_apart(names, self.rounds.min(LONG), |index| match index {
            // SAFETY: `at` is valid for a write; nothing is mapped there.
            0 => unsafe { raw::zx_vmar_map(self.vmar, options, UNALIGNED, vmo, 0, LARGE, &raw mut at) },
            // SAFETY: no pointer; nobody writes to this window.
            1 => unsafe { raw::zx_vmar_protect(self.vmar, PERM_READ, at, LARGE) },
            _ => self.unmap(at, LARGE),
        })
    }

    fn huge_window(&self) -> Result<(), Status> {
        let Some(resource) = &self.huge else { return Ok(()) };
        let vmo = self.physical(resource, resource.info()?.base, HUGE)?;
        self.map_and_unmap(["window_1_gib_map", "window_1_gib_unmap"], self.rounds, vmo, HUGE)
    }

    fn memory(&self) -> Result<(), Status> {
        let size = (self.rounds + 64) * PAGE_SIZE;
        let vmo = zx::Vmo::create(size, 0)?;
        let mut at = self.map(vmo.raw(), PERM_READ | PERM_WRITE, size)?;
        self.measure("demand_zero_fault", || {
            // SAFETY: the page is mapped and belongs to this loop; each round touches the next one.
            unsafe { store(at) };
            at += PAGE_SIZE;
            Status::OK
        })?;
        let page = zx::Vmo::create(PAGE_SIZE, 0)?;
        page.write(&[1; PAGE_SIZE as usize], 0)?;
        let mut buffer = alloc::vec![0_u8; PAGE_SIZE as usize];
        self.measure("vmo_read_4_kib", || {
            // SAFETY: the buffer is valid for writes of its length.
            unsafe { raw::zx_vmo_read(page.raw(), buffer.as_mut_ptr(), 0, buffer.len()) }
        })
    }

    /// What programs tell each other by, within one thread: nobody waits.
    fn messages(&self) -> Result<(), Status> {
        let (mut event, mut port, mut ends) = (0, 0, [0; 2]);
        // SAFETY: `event` is valid for a write.
        unsafe { raw::zx_event_create(0, &raw mut event) }.ok()?;
        // SAFETY: no pointer.
        self.measure("event_signal", || unsafe { raw::zx_object_signal(event, 0, EVENT_SIGNALED) })?;
        // SAFETY: `port` is valid for a write.
        unsafe { raw::zx_port_create(0, &raw mut port) }.ok()?;
        let mut packet = [0_u64; PACKET_WORDS];
        self.measure("port_queue_and_wait", || {
            let at = packet.as_mut_ptr().cast();
            // SAFETY: `packet` is as large as zx_port_packet_t and aligned like it.
            let queued = unsafe { raw::zx_port_queue(port, at) };
            // SAFETY: the same.
            if queued == Status::OK { unsafe { raw::zx_port_wait(port, i64::MAX, at) } } else { queued }
        })?;
        let [near, far] = &mut ends;
        // SAFETY: both are valid for writes.
        unsafe { raw::zx_channel_create(0, near, far) }.ok()?;
        let (mut bytes, mut actual) = ([0_u8; MESSAGE], [0_u32; 2]);
        let mut pass = || {
            let (at, size) = (bytes.as_mut_ptr(), MESSAGE as u32);
            let [actual_bytes, actual_handles] = &mut actual;
            // SAFETY: `bytes` is valid for reads of its length; there are no handles.
            let wrote = unsafe { raw::zx_channel_write(ends[0], 0, at, size, core::ptr::null(), 0) };
            wrote.ok()?;
            // SAFETY: `bytes` is valid for writes of its length, and so are the two counts; there are no handles.
            unsafe {
                let none = core::ptr::null_mut();
                raw::zx_channel_read(ends[1], 0, at, none, size, 0, actual_bytes, actual_handles).ok()
            }
        };
        self.measure("channel_write_read_64", || Status::from(pass()))
    }
}

/// Stores a word by one instruction.
///
/// # Safety
/// 1. The address is mapped writable and aligned, and nobody else uses it.
pub(crate) unsafe fn store(at: u64) {
    // SAFETY: by 1.
    unsafe { core::arch::asm!("str wzr, [{0}]", in(reg) at, options(nostack)) };
}

/// Loads a word by one instruction.
///
/// # Safety
/// 1. The address is mapped readable and aligned, and reading it has no effect that matters.
pub(crate) unsafe fn load(at: u64) -> u32 {
    let value: u32;
    // SAFETY: by 1.
    unsafe { core::arch::asm!("ldr {0:w}, [{1}]", out(reg) value, in(reg) at, options(nostack, readonly)) };
    value
}
