//! A page of code for processes and threads that a scenario starts.
//!
//! The code is the same for all of them: it goes through a list of steps in memory, calls the function of
//! each with eight arguments and keeps what it returns. A function is a call of the vDSO or one of the
//! agent's own few. So a program that misbehaves is data, and the same on every machine.
//!
//! ```text
//! script+0    the handle that the process was started with
//! script+16   step 0: function, x0..x7, x16, result     11 words
//! script+104  step 1 ...
//! ```
//! A function of 0 ends the list, and an undefined instruction ends whoever comes there.

use alloc::vec::Vec;

use abi::Sysno;

/// Bytes before the first step.
pub const HEADER: u64 = 16;
/// Bytes of a step.
pub const STEP: u64 = 88;
/// Where a step keeps its arguments.
pub const STEP_ARGS: u64 = 8;
/// Where a step keeps its result.
pub const STEP_RESULT: u64 = 80;
/// The most steps in a script; the rest of its page is the scenario's.
pub const MAX_STEPS: usize = 20;
/// Where the part of the script's page starts that the agent leaves alone.
pub const DATA: u64 = 2048;

const _: () = assert!(HEADER + (MAX_STEPS as u64 + 1) * STEP <= DATA);

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// A system call through the vDSO.
    Call(Sysno),
    /// Loads a word from the address in X0.
    Load,
    /// Stores the word in X1 at the address in X0.
    Store,
    /// Copies eight bytes from the address in X0 to the one in X1.
    Copy,
    /// Jumps to the address in X0.
    Jump,
    /// `svc` outside the vDSO, with X16 as given.
    Svc,
    /// An undefined instruction.
    Undefined,
    /// Uses a floating-point register.
    Float,
    /// Reads the status of the debug communication channel.
    DebugChannel,
    /// Goes on with the step at the address in X0.
    Again,
    /// Goes on if X0 is zero; else an undefined instruction.
    Demand,
    /// Adds one to the eight bytes at the address in X0, for ever and without a call.
    Count,
    /// Loads a word every 2 MiB, from the address in X0 up to the one in X1, which is some of these further on.
    Touch,
    /// Fills every floating-point register, the control and the status register included, with what X0 says.
    FloatFill,
    /// Gives zero if every floating-point register has what [`Do::FloatFill`] puts there; with X0 zero, what a
    /// new thread finds.
    FloatCheck,
}

/// An argument of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// This value.
    Is(u64),
    /// The address of this offset in the script's page.
    Script(u64),
    /// The address of the `svc` in the vDSO's function for this call.
    Svc(Sysno),
    /// The address of the vDSO's function for this call.
    Function(Sysno),
}

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Do,
    /// X0 to X7.
    pub args: [Arg; 8],
    /// X16, where the call's number goes.
    pub x16: u64,
}

impl Step {
    /// A step with these first arguments, the others zero.
    pub fn new(action: Do, first: &[Arg]) -> Self {
        let mut args = [Arg::Is(0); 8];
        for (to, from) in args.iter_mut().zip(first) {
            *to = *from;
        }
        Self { action, args, x16: 0 }
    }

    /// A system call.
    pub fn call(sysno: Sysno, first: &[Arg]) -> Self {
        Self::new(Do::Call(sysno), first)
    }

    /// The process ends with this status.
    pub fn exit(status: u64) -> Self {
        Self::call(Sysno::process_exit, &[Arg::Is(status)])
    }

    /// Goes back to step `index`.
    pub fn again(index: u64) -> Self {
        Self::new(Do::Again, &[Arg::Script(HEADER + index * STEP)])
    }

    /// Step `from`'s result becomes the first argument of step `to`.
    pub fn give_result(from: u64, to: u64) -> Self {
        let (from, to) = (HEADER + from * STEP + STEP_RESULT, HEADER + to * STEP + STEP_ARGS);
        Self::new(Do::Copy, &[Arg::Script(from), Arg::Script(to)])
    }

    /// The handle that the process was started with becomes the first argument of step `index`.
    pub fn give_handle(index: u64) -> Self {
        Self::new(Do::Copy, &[Arg::Script(0), Arg::Script(HEADER + index * STEP + STEP_ARGS)])
    }
}

impl Do {
    /// Where the agent's own function starts in its page; `None` for a call of the vDSO.
    pub const fn offset(self) -> Option<u64> {
        let word = match self {
            Self::Call(_) => return None,
            Self::Load => 19,
            Self::Store => 21,
            Self::Copy => 23,
            Self::Jump => 26,
            Self::Svc => 27,
            Self::Undefined => 18,
            Self::Float => 29,
            Self::DebugChannel => 31,
            Self::Again => 33,
            Self::Demand => 35,
            Self::Count => 38,
            Self::Touch => 42,
            Self::FloatFill => FLOAT_FILL as u64,
            Self::FloatCheck => FLOAT_CHECK as u64,
        };
        Some(word * 4)
    }
}

const FLOAT_FILL: usize = FIRST.len();
const FLOAT_CHECK: usize = FLOAT_FILL + FILL.len();
/// Words of the agent's code.
const WORDS: usize = FLOAT_CHECK + CHECK.len();

/// The agent's code. It starts at its first word with the script's address in X1.
pub const AGENT: [u32; WORDS] = {
    let mut all = [0; WORDS];
    put(&mut all, 0, &FIRST);
    put(&mut all, FLOAT_FILL, &FILL);
    put(&mut all, FLOAT_CHECK, &CHECK);
    all
};

/// The list of steps, and the short functions.
const FIRST: [u32; 48] = [
    mov(19, 1),      // 0
    str(0, 19, 0),   // 1    the start handle, into the header
    add(19, 19, 16), // 2
    ldr(8, 19, 0),   // 3    loop:
    cbz(8, 14),      // 4         to 18
    ldr(0, 19, 8),   // 5
    ldr(1, 19, 16),  // 6
    ldr(2, 19, 24),  // 7
    ldr(3, 19, 32),  // 8
    ldr(4, 19, 40),  // 9
    ldr(5, 19, 48),  // 10
    ldr(6, 19, 56),  // 11
    ldr(7, 19, 64),  // 12
    ldr(16, 19, 72), // 13
    0xD63F_0100,     // 14   blr x8
    str(0, 19, 80),  // 15
    add(19, 19, 88), // 16
    b(-14),          // 17        to 3
    0x0000_0000,     // 18   undefined: udf #0
    0xB940_0000,     // 19   load: ldr w0, [x0]
    RET,             // 20
    0xB900_0001,     // 21   store: str w1, [x0]
    RET,             // 22
    ldr(2, 0, 0),    // 23   copy:
    str(2, 1, 0),    // 24
    RET,             // 25
    0xD61F_0000,     // 26   jump: br x0
    0xD400_0001,     // 27   svc: svc #0
    RET,             // 28
    0x9E67_0000,     // 29   float: fmov d0, x0
    RET,             // 30
    0xD533_0100,     // 31   debug channel: mrs x0, mdccsr_el0
    RET,             // 32
    mov(19, 0),      // 33   again:
    b(-31),          // 34        to 3
    cbz(0, 2),       // 35   demand: to 37
    0x0000_0000,     // 36   udf #0
    RET,             // 37
    ldr(1, 0, 0),    // 38   count:
    add(1, 1, 1),    // 39
    str(1, 0, 0),    // 40
    b(-3),           // 41        to 38
    ldr(2, 0, 0),    // 42   touch:
    0x9148_0000,     // 43   add x0, x0, #512, lsl #12
    eor(2, 0, 1),    // 44
    cbz(2, 2),       // 45        to 47
    b(-4),           // 46        to 42
    RET,             // 47
];

/// FPSR's cumulative flags and FPCR's rounding mode, of what X0 says, into X3.
const STATUS_BITS: u32 = 0x9240_1003; // and x3, x0, #0x1f
const CONTROL_BITS: u32 = 0x926A_0403; // and x3, x0, #0xc00000

/// Do::FloatFill.
const FILL: [u32; 37] = {
    let mut code = [RET; 37];
    let mut v = 0;
    while v < 32 {
        code[v] = 0x4E08_0C00 | v as u32; // dup vN.2d, x0
        v += 1;
    }
    put(&mut code, 32, &[STATUS_BITS, 0xD51B_4423, CONTROL_BITS, 0xD51B_4403]); // msr fpsr, x3; msr fpcr, x3
    code
};

/// Do::FloatCheck: X2 gathers the bits that differ.
const CHECK: [u32; 203] = {
    let differ = [eor(1, 1, 0), orr(2, 2, 1)];
    let mut code = [RET; 203];
    code[0] = mov(2, 31);
    let mut v = 0;
    while v < 32 {
        let at = 1 + v * 6;
        code[at] = 0x9E66_0001 | (v as u32) << 5; // fmov x1, dN
        put(&mut code, at + 1, &differ);
        code[at + 3] = 0x9EAE_0001 | (v as u32) << 5; // fmov x1, vN.d[1]
        put(&mut code, at + 4, &differ);
        v += 1;
    }
    put(&mut code, 193, &[0xD53B_4421, STATUS_BITS, eor(1, 1, 3), orr(2, 2, 1)]); // mrs x1, fpsr
    put(&mut code, 197, &[0xD53B_4401, CONTROL_BITS, eor(1, 1, 3), orr(2, 2, 1)]); // mrs x1, fpcr
    code[201] = mov(0, 2);
    code
};

const fn put(code: &mut [u32], at: usize, words: &[u32]) {
    let mut index = 0;
    while index < words.len() {
        code[at + index] = words[index];
        index += 1;
    }
}

/// The agent's page as bytes, to be put where it can be mapped executable.
pub fn page() -> Vec<u8> {
    let mut bytes: Vec<u8> = AGENT.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(abi::PAGE_SIZE as usize, 0);
    bytes
}

/// `ret`.
pub const RET: u32 = 0xD65F_03C0;

const fn mov(to: u32, from: u32) -> u32 {
    0xAA00_03E0 | (from << 16) | to
}

const fn eor(to: u32, one: u32, other: u32) -> u32 {
    0xCA00_0000 | (other << 16) | (one << 5) | to
}

const fn orr(to: u32, one: u32, other: u32) -> u32 {
    0xAA00_0000 | (other << 16) | (one << 5) | to
}

const fn ldr(to: u32, base: u32, offset: u32) -> u32 {
    0xF940_0000 | ((offset / 8) << 10) | (base << 5) | to
}

const fn str(from: u32, base: u32, offset: u32) -> u32 {
    0xF900_0000 | ((offset / 8) << 10) | (base << 5) | from
}

const fn add(to: u32, from: u32, value: u32) -> u32 {
    0x9100_0000 | (value << 10) | (from << 5) | to
}

const fn cbz(register: u32, words: u32) -> u32 {
    0xB400_0000 | (words << 5) | register
}

const fn b(words: i32) -> u32 {
    0x1400_0000 | (words as u32 & 0x03FF_FFFF)
}
