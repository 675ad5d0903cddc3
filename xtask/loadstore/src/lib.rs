//! Which memory access an A64 instruction makes, and how: the encoding groups of Arm ARM C4.1, "Loads and Stores".
//!
//! Only the form and the base register are decoded. An instruction of a later extension that
//! this table does not know falls into the form of its group, and no group but the two plain ones is plain.
#![forbid(unsafe_code)]

/// How an instruction reaches memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One general-purpose register, and the base register stays as it was.
    Plain,
    /// One register, and the base register changes.
    WriteBack,
    /// Two registers.
    Pair,
    /// SIMD&FP or SVE registers.
    Vector,
    /// Load-exclusive and store-exclusive.
    Exclusive,
    /// One instruction that reads and writes: LSE, compare and swap, 64-byte accesses.
    Atomic,
    /// Copying, setting and tags: memory of the instruction's own choice of size.
    Bulk,
    /// DC ZVA and its like, which write a block.
    ZeroBlock,
}

/// What the address is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// X0 to X30.
    Register(u8),
    /// SP.
    Stack,
    /// The instruction's own address.
    Code,
}

/// A memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// In which form.
    pub form: Form,
    /// From where.
    pub base: Base,
}

/// The number of the frame pointer.
const FRAME_POINTER: u8 = 29;

impl Access {
    /// Whether the address is on the stack by its base register alone: SP; or X29 in a form that leaves it as it
    /// is, which is a frame's address because everything is compiled with frame pointers (`.cargo/config.toml`).
    pub fn is_on_stack(self) -> bool {
        match self.base {
            Base::Stack => true,
            Base::Register(FRAME_POINTER) => self.form != Form::WriteBack,
            Base::Register(_) | Base::Code => false,
        }
    }
}

/// Decodes one instruction; `None` if it accesses no memory, or only asks for a prefetch.
pub fn access(word: u32) -> Option<Access> {
    if let Some(register) = zero_block(word) {
        return Some(Access { form: Form::ZeroBlock, base: Base::Register(register) });
    }
    let form = match field(word, 28, 25) {
        // SVE; bit 31 tells its loads and stores.
        0b0010 if bit(word, 31) => Form::Vector,
        group if group & 0b0101 == 0b0100 => load_store(word)?,
        _ => return None,
    };
    Some(Access { form, base: base(word) })
}

/// Whether the instruction works on SIMD&FP registers without accessing memory.
pub fn is_vector_operation(word: u32) -> bool {
    field(word, 27, 25) == 0b111
}

/// Where a B or BL goes, in bytes from itself.
pub fn branch(word: u32) -> Option<i64> {
    // The sign of the 26 bits comes to the top, and the two bits that it is shifted back too little are the factor 4.
    (field(word, 30, 26) == 0b00101).then(|| i64::from(((word << 6) as i32) >> 4))
}

/// The register of DC ZVA, DC GVA and DC GZVA: SYS #3, C7, C4, #1, #3 and #4.
fn zero_block(word: u32) -> Option<u8> {
    let is = matches!(word & !0b1_1111, 0xD50B_7420 | 0xD50B_7460 | 0xD50B_7480);
    is.then_some((word & 0b1_1111) as u8)
}

fn base(word: u32) -> Base {
    if is_literal(word) {
        return Base::Code;
    }
    match field(word, 9, 5) {
        31 => Base::Stack,
        register => Base::Register(register as u8),
    }
}

/// LDR (literal): bits 29 to 27 are 011, 25 and 24 are 00. With bit 21 or without, it is an offset.
fn is_literal(word: u32) -> bool {
    field(word, 29, 27) == 0b011 && field(word, 25, 24) == 0b00
}

/// The table "Loads and Stores": bits 29 and 28 are its op0, 26 tells SIMD&FP.
fn load_store(word: u32) -> Option<Form> {
    if bit(word, 26) && !(field(word, 29, 28) == 0b01 && bit(word, 24) && field(word, 11, 10) == 0b01) {
        return Some(Form::Vector);
    }
    match field(word, 29, 28) {
        0b00 => Some(exclusive_group(word)),
        0b01 if !bit(word, 24) => (field(word, 31, 30) != 0b11).then_some(Form::Plain), // the rest is PRFM
        0b01 => Some(ordered_group(word)),
        0b10 => Some(Form::Pair),
        _ if bit(word, 24) => not_prefetch(word, Form::Plain),
        _ => register_group(word),
    }
}

/// Load/store exclusive, ordered, compare and swap: o2 (bit 23) and o1 (bit 21) choose.
fn exclusive_group(word: u32) -> Form {
    match (bit(word, 24), bit(word, 23), bit(word, 21)) {
        (false, true, false) => Form::Plain,                    // LDAR, STLR
        (false, false, true) if !bit(word, 31) => Form::Atomic, // CASP
        (false, false, _) => Form::Exclusive,
        (false, true, true) | (true, _, _) => Form::Atomic, // CAS, and the unprivileged ones
    }
}

/// RCpc with an offset, RCpc pairs and write-back, MOPS, tags: bit 21, and bits 11 and 10.
fn ordered_group(word: u32) -> Form {
    match (bit(word, 21), field(word, 11, 10)) {
        (false, 0b00) => Form::Plain,
        (false, 0b10) if bit(word, 23) => Form::WriteBack,
        (false, 0b10) => Form::Pair,
        _ => Form::Bulk,
    }
}

/// Load/store register in all forms but the unsigned offset: bit 21, and bits 11 and 10.
fn register_group(word: u32) -> Option<Form> {
    match (bit(word, 21), field(word, 11, 10)) {
        (false, 0b00) | (true, 0b10) => not_prefetch(word, Form::Plain),
        (false, 0b10) => Some(Form::Plain), // unprivileged
        (false, _) => Some(Form::WriteBack),
        // LDAPR is encoded among the atomics: A is 1, R is 0, Rs is 11111, o3 and opc are 1100.
        (true, 0b00) if word & 0x00FF_FC00 == 0x00BF_C000 => Some(Form::Plain),
        (true, 0b00) => Some(Form::Atomic),
        // LDRAA and LDRAB: bit 11 writes back.
        (true, kind) => Some(if kind == 0b11 { Form::WriteBack } else { Form::Plain }),
    }
}

/// PRFM has size 11 and opc 10.
fn not_prefetch(word: u32, form: Form) -> Option<Form> {
    (field(word, 31, 30) != 0b11 || field(word, 23, 22) != 0b10).then_some(form)
}

/// The bits from `high` down to `low`, as the architecture writes them.
fn field(word: u32, high: u32, low: u32) -> u32 {
    (word >> low) & ((1 << (high - low + 1)) - 1)
}

fn bit(word: u32, index: u32) -> bool {
    word >> index & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word with the text from which an assembler made it.
    fn all(form: Form, base: Base, words: &[(u32, &str)]) {
        for (word, text) in words {
            assert_eq!(access(*word), Some(Access { form, base }), "{word:#010x} {text}");
        }
    }

    #[test]
    fn plain_forms_are_one_register_and_keep_the_base() {
        let words = [
            (0xB940_0020, "ldr w0, [x1]"),
            (0xB900_003F, "str wzr, [x1]"),
            (0x3940_0420, "ldrb w0, [x1, #1]"),
            (0x7900_0420, "strh w0, [x1, #2]"),
            (0xF940_0420, "ldr x0, [x1, #8]"),
            (0xB980_0420, "ldrsw x0, [x1, #4]"),
            (0xB85F_C020, "ldur w0, [x1, #-4]"),
            (0xF81F_8020, "stur x0, [x1, #-8]"),
            (0xB862_6820, "ldr w0, [x1, x2]"),
            (0xF822_5820, "str x0, [x1, w2, uxtw #3]"),
            (0xB840_0820, "ldtr w0, [x1]"),
            (0x3800_0820, "sttrb w0, [x1]"),
            (0x88DF_FC20, "ldar w0, [x1]"),
            (0xC89F_FC20, "stlr x0, [x1]"),
            (0xB8BF_C020, "ldapr w0, [x1]"),
            (0x9940_4020, "ldapur w0, [x1, #4]"),
            (0x1900_0020, "stlurb w0, [x1]"),
            (0xF820_0420, "ldraa x0, [x1]"),
        ];
        all(Form::Plain, Base::Register(1), &words);
    }

    #[test]
    fn write_back_forms_change_the_base() {
        let words = [
            (0xB840_4420, "ldr w0, [x1], #4"),
            (0xB800_443F, "str wzr, [x1], #4"),
            (0xF840_8C20, "ldr x0, [x1, #8]!"),
            (0x381F_FC20, "strb w0, [x1, #-1]!"),
            (0x7880_2420, "ldrsh x0, [x1], #2"),
            (0xF8A0_1C20, "ldrab x0, [x1, #8]!"),
            (0x99C0_0820, "ldapr w0, [x1], #4"),
        ];
        all(Form::WriteBack, Base::Register(1), &words);
    }

    #[test]
    fn pairs_are_pairs_with_and_without_write_back() {
        let words = [
            (0x2940_0820, "ldp w0, w2, [x1]"),
            (0xA901_0820, "stp x0, x2, [x1, #16]"),
            (0xA881_7C3F, "stp xzr, xzr, [x1], #16"),
            (0xA9FF_0820, "ldp x0, x2, [x1, #-16]!"),
            (0xA840_0820, "ldnp x0, x2, [x1]"),
            (0x6940_0820, "ldpsw x0, x2, [x1]"),
            (0x6900_0820, "stgp x0, x2, [x1]"),
            (0xD942_1820, "ldiapp x0, x2, [x1]"),
        ];
        all(Form::Pair, Base::Register(1), &words);
    }

    #[test]
    fn vector_registers_are_told_from_general_ones() {
        let words = [
            (0x3DC0_0020, "ldr q0, [x1]"),
            (0xFC00_8420, "str d0, [x1], #8"),
            (0x3C9F_0020, "stur q0, [x1, #-16]"),
            (0xAD40_0820, "ldp q0, q2, [x1]"),
            (0x6C81_0820, "stp d0, d2, [x1], #16"),
            (0x4C40_7020, "ld1 {v0.16b}, [x1]"),
            (0x4C9F_0820, "st4 {v0.4s, v1.4s, v2.4s, v3.4s}, [x1], #64"),
            (0x4D40_C820, "ld1r {v0.4s}, [x1]"),
            (0x3C62_6820, "ldr b0, [x1, x2]"),
            (0xA540_A020, "ld1w {z0.s}, p0/z, [x1]"),
            (0xE580_4020, "str z0, [x1]"),
            (0xDD40_0820, "ldapur d0, [x1]"),
        ];
        all(Form::Vector, Base::Register(1), &words);
    }

    #[test]
    fn exclusives_come_in_pairs_of_instructions() {
        let words = [
            (0x885F_7C20, "ldxr w0, [x1]"),
            (0x8803_7C20, "stxr w3, w0, [x1]"),
            (0x085F_FC20, "ldaxrb w0, [x1]"),
            (0xC803_FC20, "stlxr w3, x0, [x1]"),
            (0xC87F_0820, "ldxp x0, x2, [x1]"),
            (0xC823_8820, "stlxp w3, x0, x2, [x1]"),
        ];
        all(Form::Exclusive, Base::Register(1), &words);
    }

    #[test]
    fn atomics_read_and_write() {
        let words = [
            (0xB820_0022, "ldadd w0, w2, [x1]"),
            (0xF820_303F, "stset x0, [x1]"),
            (0xB8E0_8022, "swpal w0, w2, [x1]"),
            (0x88A0_7C22, "cas w0, w2, [x1]"),
            (0x08E0_FC22, "casalb w0, w2, [x1]"),
            (0x4820_7C22, "casp x0, x1, x2, x3, [x1]"),
            (0xF820_4022, "ldsmax x0, x2, [x1]"),
            (0xF83F_D020, "ld64b x0, [x1]"),
        ];
        all(Form::Atomic, Base::Register(1), &words);
    }

    #[test]
    fn what_chooses_its_own_size_is_bulk() {
        let words = [
            (0xD920_0820, "stg x0, [x1]"),
            (0xD960_0020, "ldg x0, [x1]"),
            (0xD9A0_2420, "st2g x0, [x1], #32"),
        ];
        all(Form::Bulk, Base::Register(1), &words);
    }

    #[test]
    fn blocks_are_zeroed_by_a_system_instruction() {
        let words = [(0xD50B_7421, "dc zva, x1"), (0xD50B_7461, "dc gva, x1"), (0xD50B_7481, "dc gzva, x1")];
        all(Form::ZeroBlock, Base::Register(1), &words);
    }

    #[test]
    fn the_stack_is_a_base_of_its_own() {
        let words = [
            (0xA9BE_7BFD, "stp x29, x30, [sp, #-32]!"),
            (0xA8C2_7BFD, "ldp x29, x30, [sp], #32"),
            (0xA901_53F3, "stp x19, x20, [sp, #16]"),
        ];
        all(Form::Pair, Base::Stack, &words);
    }

    #[test]
    fn literals_stand_in_the_code() {
        let words = [(0x5800_0040, "ldr x0, .+8"), (0x9800_0040, "ldrsw x0, .+8")];
        all(Form::Plain, Base::Code, &words);
    }

    #[test]
    fn what_accesses_nothing_is_nothing() {
        let words = [
            (0xD800_0040, "prfm pldl1keep, .+8"),
            (0x1400_0001, "b .+4"),
            (0x9100_1020, "add x0, x1, #4"),
            (0xD50B_7E21, "dc civac, x1"),
            (0xD508_751F, "ic iallu"),
            (0xF980_0020, "prfm pldl1keep, [x1]"),
            (0xF880_0020, "prfum pldl1keep, [x1]"),
            (0xF8A2_6820, "prfm pldl1keep, [x1, x2]"),
            (0x9E67_0000, "fmov d0, x0"),
            (0x4F00_E400, "movi v0.16b, #0"),
            (0x04A2_0020, "add z0.s, z1.s, z2.s"),
            (0xD538_0000, "mrs x0, midr_el1"),
            (0xD65F_03C0, "ret"),
            (0xD503_3FBF, "dmb sy"),
        ];
        for (word, text) in words {
            assert_eq!(access(word), None, "{word:#010x} {text}");
        }
    }

    #[test]
    fn the_frame_pointer_is_a_base_on_the_stack_unless_it_changes() {
        // stp x0, x1, [x29, #-16]; str x0, [x29], #8; str x0, [sp, #8]; str x0, [x1]
        let on_stack = [0xA93F_07A0, 0xF800_87A0, 0xF900_07E0, 0xF900_0020]
            .map(|word| access(word).unwrap().is_on_stack());
        assert_eq!(on_stack, [true, false, true, false]);
    }

    #[test]
    fn branches_go_where_they_say() {
        assert_eq!(branch(0x1400_0001), Some(4));
        assert_eq!(branch(0x97FF_FFFF), Some(-4));
        assert_eq!(branch(0xD65F_03C0), None);
    }
}
