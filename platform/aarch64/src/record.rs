//! The panic record and the ring of log frames, in their place at the end of the image (`abi::record`).
//!
//! Everything here is a store or a load of a word: no allocation, no lock, no formatting. The boot code writes a
//! smaller record by itself (early.S) while there is no Rust.
use core::arch::global_asm;
use core::fmt::{self, Write};
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use aarch64_cpu::registers::{
    CNTFRQ_EL0, CNTVCT_EL0, MPIDR_EL1, Readable, SCTLR_EL1, TCR_EL1, TTBR0_EL1, TTBR1_EL1,
};
use abi::record::{self as layout, Checksum, Epitaph, LOG_SIZE, RING_AT, Record, Ring};

use crate::entry::linker;
use crate::{barrier, cpu, image};

const WORDS: usize = size_of::<Record>() / 8;

const fn magic_word(magic: &[u8; 16], start: usize) -> u64 {
    let mut bytes = [0; 8];
    let mut index = 0;
    while index < 8 {
        bytes[index] = magic[start + index];
        index += 1;
    }
    u64::from_le_bytes(bytes)
}

const MAGIC: [u64; 2] = [magic_word(&layout::MAGIC, 0), magic_word(&layout::MAGIC, 8)];
const RING_MAGIC: [u64; 2] = [magic_word(&layout::RING_MAGIC, 0), magic_word(&layout::RING_MAGIC, 8)];

global_asm!(
    include_str!("early.S"),
    SCRATCH = const offset_of!(Record, scratch),
    STATE = const offset_of!(Record, state),
    WRITING = const layout::WRITING,
    COMPLETE = const layout::COMPLETE,
    X = const offset_of!(Record, x),
    PC = const offset_of!(Record, pc),
    RESERVED = const offset_of!(Record, reserved),
    RAW_LENGTH = const layout::RAW_LENGTH,
    CPU = const offset_of!(Record, cpu),
    VECTOR = const offset_of!(Record, vector),
    BUILD_ID = const offset_of!(Record, build_id),
    MPIDR = const offset_of!(Record, mpidr),
    TICKS = const offset_of!(Record, ticks),
    VERSION = const layout::VERSION,
    EARLY_EXCEPTION = const Epitaph::EarlyException as u32,
    COVERED_AT = const layout::COVERED_AT,
    CRC = const offset_of!(Record, crc),
    MAGIC_0 = const MAGIC[0],
    MAGIC_1 = const MAGIC[1],
);

/// The record's words. Fields of 32 bits are written in pairs.
fn words() -> &'static [AtomicU64; WORDS] {
    // SAFETY: the linker script keeps a page-aligned place for the record, and entry.S maps it for good. Any bytes
    // are such words. Rust reaches them by these atomics only; the boot code's stores are over when its CPU gets
    // here, and those of a CPU that fails later on its way here come after all that this kernel reads.
    unsafe { &*(linker::record_start() as *const [AtomicU64; WORDS]) }
}

fn put(offset: usize, value: u64) {
    if let Some(word) = words().get(offset / 8) {
        word.store(value, Ordering::Relaxed);
    }
}

fn put_pair(offset: usize, low: u32, high: u32) {
    put(offset, u64::from(low) | u64::from(high) << 32);
}

fn word(offset: usize) -> u64 {
    words().get(offset / 8).map_or(0, |word| word.load(Ordering::Relaxed))
}

/// Stores bytes from an offset that is a multiple of eight.
fn put_bytes(offset: usize, bytes: &[u8]) {
    for (index, chunk) in bytes.chunks(8).enumerate() {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(place, byte)| *place = *byte);
        put(offset + 8 * index, u64::from_le_bytes(word));
    }
}

/// Whether the boot before failed, and its record is whole.
static FAILED_BEFORE: AtomicBool = AtomicBool::new(false);

/// Makes the place ready for this boot. A whole record of the boot before stays readable until something fails.
pub(crate) fn arm() {
    let [first, second] = MAGIC;
    let is_marked = word(0) == first && word(8) == second;
    if is_marked && checksum() == Some(word(offset_of!(Record, crc))) {
        // entry.S has put aside the state that it found. An older record was armed by a boot in between.
        let state = word(offset_of!(Record, state)) >> 32;
        FAILED_BEFORE.store(state == u64::from(layout::COMPLETE), Ordering::Relaxed);
    } else {
        (0..layout::RAW_LENGTH).step_by(8).for_each(|offset| put(offset, 0));
        put(offset_of!(Record, version), u64::from(layout::VERSION));
    }
    put_pair(offset_of!(Record, state), layout::ARMED, 0);
    put(0, first);
    put(8, second);
    Log::place().clear();
    clean();
}

/// How the boot before ended: printed, a line's end. It may be asked for until something fails.
#[derive(Clone, Copy, Debug)]
pub struct Before(Epitaph);

/// How the boot before ended; `None` if it did not fail, or its record is lost.
pub fn before() -> Option<Before> {
    let epitaph = Epitaph::from_raw((word(offset_of!(Record, version)) >> 32) as u32)?;
    FAILED_BEFORE.load(Ordering::Relaxed).then_some(Before(epitaph))
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        let is_long = word(offset_of!(Record, length)) > layout::RAW_LENGTH as u64;
        let length = if is_long { (word(offset_of!(Record, file_len)) >> 32) as usize } else { 0 };
        let mut bytes = [0; size_of::<[u8; 512]>()];
        for (place, offset) in bytes.as_chunks_mut::<8>().0.iter_mut().zip((0..length).step_by(8)) {
            *place = word(offset_of!(Record, message) + offset).to_le_bytes();
        }
        let message = bytes.get(..length).unwrap_or(&bytes);
        if !message.is_empty() {
            f.write_str(": ")?;
        }
        let text = message.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
        // One line, whatever it says.
        text.map(|letter| if letter.is_control() { ' ' } else { letter })
            .try_for_each(|letter| f.write_char(letter))
    }
}

/// What a failure leaves in registers.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    /// X0 to X30.
    pub(crate) x: [u64; 31],
    pub(crate) sp: u64,
    pub(crate) pc: u64,
    /// SPSR, ESR and FAR; zero where there was no exception.
    pub(crate) pstate: u64,
    pub(crate) esr: u64,
    pub(crate) far: u64,
    /// The vector's number.
    pub(crate) vector: u32,
}

/// Begins a record: the header and the registers.
pub(crate) fn begin(epitaph: Epitaph, registers: &Registers) {
    put_pair(offset_of!(Record, state), layout::WRITING, 0);
    for (index, value) in registers.x.iter().enumerate() {
        put(offset_of!(Record, x) + 8 * index, *value);
    }
    let Registers { sp, pc, pstate, esr, far, vector, .. } = *registers;
    let special =
        [sp, pc, pstate, esr, far, SCTLR_EL1.get(), TCR_EL1.get(), TTBR0_EL1.get(), TTBR1_EL1.get()];
    for (index, value) in special.into_iter().enumerate() {
        put(offset_of!(Record, sp) + 8 * index, value);
    }
    (offset_of!(Record, reserved)..size_of::<Record>()).step_by(8).for_each(|offset| put(offset, 0));
    let [first, second] = MAGIC;
    put(0, first);
    put(8, second);
    put_pair(offset_of!(Record, version), layout::VERSION, epitaph as u32);
    put(offset_of!(Record, length), layout::RAW_LENGTH as u64);
    put_pair(offset_of!(Record, cpu), cpu::number().index() as u32, 1);
    let build_id = image::build_id();
    let build_id = build_id.get(..size_of::<[u8; 24]>()).unwrap_or(build_id);
    put_pair(offset_of!(Record, vector), vector, build_id.len() as u32);
    put_bytes(offset_of!(Record, build_id), build_id);
    put(offset_of!(Record, mpidr), MPIDR_EL1.get());
    put(offset_of!(Record, image), image::physical_base().0);
    put(offset_of!(Record, ticks), CNTVCT_EL0.get());
    put(offset_of!(Record, ticks_per_second), CNTFRQ_EL0.get());
    clean();
}

/// Adds where it happened: the end of a path that is too long.
pub(crate) fn set_place(file: &str, line: u32) {
    const ROOM: usize = size_of::<[u8; 96]>();
    let bytes = file.as_bytes();
    let tail = bytes.get(bytes.len().saturating_sub(ROOM)..).unwrap_or_default();
    put_bytes(offset_of!(Record, file), tail);
    put_pair(offset_of!(Record, line), line, (word(offset_of!(Record, line)) >> 32) as u32);
    put_pair(offset_of!(Record, file_len), tail.len() as u32, 0);
}

/// Adds a return address.
pub(crate) fn add_caller(address: u64) {
    let counts = word(offset_of!(Record, line));
    let length = (counts >> 32) as usize;
    if length < layout::MAX_BACKTRACE {
        put(offset_of!(Record, backtrace) + 8 * length, address);
        put_pair(offset_of!(Record, line), counts as u32, length as u32 + 1);
    }
}

/// The message as it is being formatted: what does not fit is left out.
pub(crate) struct Message(());

impl Message {
    /// The message of the record that was begun: empty so far.
    pub(crate) fn new() -> Self {
        Self(())
    }

    fn push(&mut self, byte: u8) {
        let lengths = word(offset_of!(Record, file_len));
        let at = (lengths >> 32) as usize;
        if at < size_of::<[u8; 512]>() {
            let offset = offset_of!(Record, message) + at;
            put(offset, word(offset) | u64::from(byte) << (8 * (offset % 8)));
            put_pair(offset_of!(Record, file_len), lengths as u32, at as u32 + 1);
        }
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// Counts a failure within the failure.
pub(crate) fn count_nested() {
    let state = word(offset_of!(Record, state));
    put_pair(offset_of!(Record, state), state as u32, ((state >> 32) as u32).saturating_add(1));
    clean();
}

/// Whether there was a failure within the failure.
pub(crate) fn has_nested() -> bool {
    word(offset_of!(Record, state)) >> 32 != 0
}

/// Adds the last of the log to a record that is not finished, and finishes it.
pub(crate) fn seal() {
    let state = word(offset_of!(Record, state));
    if state as u32 == layout::COMPLETE {
        return;
    }
    let log = Log::place();
    let written = log.written();
    let start = written.saturating_sub(LOG_SIZE as u64);
    let length = (written - start) as usize;
    for offset in (0..length).step_by(8) {
        let mut word = [0; 8];
        for (place, at) in word.iter_mut().zip(offset..length) {
            *place = log.byte(start + at as u64);
        }
        put(offset_of!(Record, log) + offset, u64::from_le_bytes(word));
    }
    put_pair(offset_of!(Record, log_len), length as u32, 0);
    put(offset_of!(Record, length), (offset_of!(Record, log) + length.next_multiple_of(8)) as u64);
    put(offset_of!(Record, crc), checksum().unwrap_or(0));
    clean();
    put_pair(offset_of!(Record, state), layout::COMPLETE, (word(offset_of!(Record, state)) >> 32) as u32);
    clean();
}

/// Hands out the lines for a console, one after another.
pub(crate) fn armour(mut line: impl FnMut(&[u8])) {
    use abi::record::armour::{LINE_BYTES, Line};
    let length = (word(offset_of!(Record, length)) as usize).min(size_of::<Record>());
    line(Line::begin(length as u32).as_bytes());
    for start in (0..length).step_by(LINE_BYTES) {
        let mut bytes = [0; LINE_BYTES];
        for (place, offset) in bytes.as_chunks_mut::<8>().0.iter_mut().zip((start..length).step_by(8)) {
            *place = word(offset).to_le_bytes();
        }
        let count = LINE_BYTES.min(length - start);
        line(Line::data(start as u32, bytes.get(..count).unwrap_or(&bytes)).as_bytes());
    }
    line(Line::end(length as u32).as_bytes());
}

/// The checksum of what the record's length covers; `None` for a length that no record has.
fn checksum() -> Option<u64> {
    let length = usize::try_from(word(offset_of!(Record, length))).ok()?;
    if !(layout::RAW_LENGTH..=size_of::<Record>()).contains(&length) || !length.is_multiple_of(8) {
        return None;
    }
    let covered = (layout::COVERED_AT..length).step_by(8);
    Some(covered.fold(Checksum::new(), |sum, offset| sum.with(&word(offset).to_le_bytes())).value())
}

/// Writes the region out to memory: a reset, or a debugger without a view of the caches, finds it there.
fn clean() {
    let line = u64::from(cpu::data_line_size());
    let mut address = linker::record_start();
    while address < linker::record_end() {
        // SAFETY: cleaning lines of mapped memory changes nothing that anybody can see.
        unsafe { core::arch::asm!("dc cvac, {}", in(reg) address, options(nostack, preserves_flags)) };
        address += line;
    }
    barrier::complete_system();
}

/// The ring of log frames, in the layout of [`Ring`]. One at a time writes to it (log.rs); a panic reads it.
#[repr(C)]
pub(crate) struct Log {
    magic: [AtomicU64; 2],
    written: AtomicU64,
    reserved: AtomicU64,
    bytes: [AtomicU8; LOG_SIZE],
}

const _: () = assert!(
    size_of::<Log>() == size_of::<Ring>()
        && offset_of!(Log, written) == offset_of!(Ring, written)
        && offset_of!(Log, bytes) == offset_of!(Ring, bytes)
);

impl Log {
    /// The one ring.
    pub(crate) fn place() -> &'static Self {
        // SAFETY: the linker script keeps the place, aligned and behind the record's, and entry.S maps it for good.
        // Any bytes are such a ring, and it is reached by these atomics only.
        unsafe { &*((linker::record_start() + RING_AT as u64) as *const Self) }
    }

    fn clear(&self) {
        self.written.store(0, Ordering::Relaxed);
        self.reserved.store(0, Ordering::Relaxed);
        self.magic.iter().zip(RING_MAGIC).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }

    /// Adds bytes; the oldest are lost. One caller at a time.
    pub(crate) fn append(&self, bytes: &[u8]) {
        let start = self.written();
        for (at, byte) in (start..).zip(bytes) {
            if let Some(place) = self.bytes.get(at as usize % LOG_SIZE) {
                place.store(*byte, Ordering::Relaxed);
            }
        }
        self.written.store(start.wrapping_add(bytes.len() as u64), Ordering::Release);
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    fn byte(&self, at: u64) -> u8 {
        self.bytes.get(at as usize % LOG_SIZE).map_or(0, |byte| byte.load(Ordering::Relaxed))
    }
}
