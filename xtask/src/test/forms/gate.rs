//! What the gate refuses.
//!
//! When a register's access with write-back, of a pair or of SIMD registers aborts to EL2, ESR_EL2.ISV is 0 (Arm ARM,
//! ISS encoding for an exception from a Data Abort), and no hypervisor can emulate it. What exclusives and atomics
//! do on Device memory is IMPLEMENTATION DEFINED, and DC ZVA faults there.
//!
//! An instruction is a device's when it, or a function that was inlined around it, is an accessor: see
//! [`is_accessor`]. Other code of a driver is not: it holds requests, results and text in ordinary memory, for
//! which the compiler may take any form, and without `unsafe` it has no way to a register but an accessor.

use std::ops::Range;

use loadstore::{Base, Form};

use super::code::Attribution;

/// What may be at fault with an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) address: u64,
    pub(super) word: u32,
    pub(super) why: String,
    /// Where it comes from, innermost function first.
    pub(super) functions: Vec<String>,
}

/// What the gate saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Accesses by accessors in the plain form.
    pub(super) plain: usize,
    pub(super) refusals: Vec<Refusal>,
}

/// Functions that touch registers themselves. A name that ends in `::` stands for all below it.
///
/// `mmio` has the tree's own one-instruction accessors. All else that reaches a device goes through a volatile
/// access, because Rust promises nothing about any other; third-party drivers do so by way of `core`. The last one
/// is a third-party driver, whole: should it take to atomics, that would be seen too.
const ACCESSORS: [&str; 5] = [
    "mmio::instructions::",
    "mmio::place::",
    "core::ptr::read_volatile",
    "core::ptr::write_volatile",
    "arm_gic_driver::",
];

/// Whether a function touches registers itself.
fn is_accessor(name: &str) -> bool {
    let path = own_path(name);
    ACCESSORS.iter().any(|accessor| match accessor.strip_suffix("::") {
        Some(module) => path.strip_prefix(module).is_some_and(|rest| rest.starts_with("::")),
        None => path == *accessor,
    })
}

/// Checks instructions against the rule for devices. An access on the stack is never a device's: a function
/// saves registers in pairs by SP, and its own variables are found from SP or the frame pointer.
pub(super) fn devices(words: &[(u64, u32)], attribution: &impl Attribution) -> Findings {
    let mut findings = Findings::default();
    for (address, word) in words.iter().copied() {
        let Some(access) = loadstore::access(word) else { continue };
        if access.is_on_stack() || access.base == Base::Code {
            continue;
        }
        let functions = attribution.functions(address);
        let Some(accessor) = functions.iter().find(|name| is_accessor(name)) else { continue };
        if access.form == Form::Plain {
            findings.plain += 1;
            continue;
        }
        let why = format!(
            "{} in `{accessor}`, which accesses device registers. \
             Use the accessors of platform/mmio, one `ldr` or `str` each",
            form_in_words(access.form)
        );
        findings.refusals.push(Refusal { address, word, why, functions });
    }
    findings
}

/// Checks the code that runs before MMU and caches are on, where all memory is Device memory to the CPU:
/// no exclusives or atomics, no block zeroing, no SIMD registers; and no call of code to which this does not apply.
pub(super) fn boot(words: &[(u64, u32)], range: &Range<u64>, attribution: &impl Attribution) -> Findings {
    let mut findings = Findings::default();
    for (address, word) in words.iter().copied().filter(|(address, _)| range.contains(address)) {
        let form = loadstore::access(word).map(|access| access.form);
        let target = loadstore::branch(word).map(|distance| address.wrapping_add_signed(distance));
        let why = match (form, target) {
            (Some(Form::Plain | Form::WriteBack | Form::Pair), _) => {
                findings.plain += 1;
                continue;
            }
            (Some(form), _) => form_in_words(form).to_owned(),
            (None, Some(target)) if !range.contains(&target) => {
                format!("a branch to {target:#x}, outside that code")
            }
            (None, _) if loadstore::is_vector_operation(word) => {
                "a SIMD or floating-point operation".to_owned()
            }
            (None, _) => continue,
        };
        let why = format!("{why}, before MMU and caches are on");
        findings.refusals.push(Refusal { address, word, why, functions: attribution.functions(address) });
    }
    findings
}

fn form_in_words(form: Form) -> &'static str {
    match form {
        Form::Plain => "a plain access",
        Form::WriteBack => "a write-back access",
        Form::Pair => "an access by a pair of registers",
        Form::Vector => "an access by SIMD registers",
        Form::Exclusive => "an exclusive access",
        Form::Atomic => "an atomic access",
        Form::Bulk => "an access of several units",
        Form::ZeroBlock => "block zeroing",
    }
}

/// The path of the item that a demangled name stands for, without generic arguments: for a method of a trait,
/// `<a::B<C> as d::E>::f`, that of the type, `a::B`; for a function that takes types, `a::f::<b::C>`, `a::f`.
fn own_path(name: &str) -> String {
    let name = match name.strip_prefix('<') {
        // What is left ends where the type does: outside all brackets that opened since.
        Some(inside) => {
            let mut depth = 1;
            let end = inside.char_indices().find(|(at, c)| {
                depth += i32::from(*c == '<') - i32::from(is_closing(inside, *at, *c));
                depth == 0 || (depth == 1 && inside[*at..].starts_with(" as "))
            });
            &inside[..end.map_or(inside.len(), |(at, _)| at)]
        }
        None => name,
    };
    let mut path = String::new();
    let mut depth = 0;
    for (at, c) in name.char_indices() {
        match c {
            '<' => depth += 1,
            c if is_closing(name, at, c) => depth -= 1,
            c if depth == 0 => path.push(c),
            _ => {}
        }
    }
    let path = path.trim_start_matches(['&', '*']).trim_start_matches("mut ").trim_start_matches("const ");
    path.trim_end_matches("::").to_owned()
}

/// Whether this is a bracket and not the head of an arrow.
fn is_closing(text: &str, at: usize, c: char) -> bool {
    c == '>' && !text[..at].ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything stands in these functions.
    struct Always(&'static [&'static str]);

    impl Attribution for Always {
        fn functions(&self, _: u64) -> Vec<String> {
            self.0.iter().map(|name| (*name).to_owned()).collect()
        }
    }

    const ACCESSOR: Always = Always(&["mmio::instructions::store_u32", "<pl031::Pl031>::set", "rtc::main"]);
    const VOLATILE: Always = Always(&["core::ptr::write_volatile::<u32>", "vendor::Timer::reset"]);
    const DRIVER: Always = Always(&["core::ptr::write::<u32>", "pl031::device::Pl031::read"]);

    /// str wzr, [x0], #4
    const WRITE_BACK: u32 = 0xB800_441F;

    fn refused(word: u32, by: &impl Attribution) -> bool {
        !devices(&[(0x1000, word)], by).refusals.is_empty()
    }

    #[test]
    fn a_store_with_write_back_by_an_accessor_is_refused() {
        let findings = devices(&[(0x1000, 0xD503_201F), (0x1004, WRITE_BACK)], &ACCESSOR);
        let [refusal] = &findings.refusals[..] else { panic!("{findings:?}") };
        assert_eq!((refusal.address, refusal.word), (0x1004, WRITE_BACK));
        assert_eq!(
            refusal.why,
            "a write-back access in `mmio::instructions::store_u32`, which accesses device registers. \
             Use the accessors of platform/mmio, one `ldr` or `str` each"
        );
        assert_eq!(refusal.functions.len(), 3);
    }

    #[test]
    fn every_form_but_the_plain_one_is_refused_in_every_accessor() {
        // ldp w0, w2, [x1]; ldr q0, [x1]; ldxr w0, [x1]; ldadd w0, w2, [x1]; stg x0, [x1]; dc zva, x1
        let odd = [WRITE_BACK, 0x2940_0820, 0x3DC0_0020, 0x885F_7C20, 0xB820_0022, 0xD920_0820, 0xD50B_7421];
        for word in odd {
            assert!(refused(word, &ACCESSOR), "{word:#010x}");
            assert!(refused(word, &VOLATILE), "{word:#010x}");
            assert!(refused(word, &Always(&["arm_gic_driver::version::v2::Gic::init"])), "{word:#010x}");
            assert!(!refused(word, &DRIVER), "{word:#010x}");
            assert!(!refused(word, &Always(&[])), "{word:#010x}");
        }
    }

    #[test]
    fn plain_accesses_are_counted() {
        // str wzr, [x0]; ldr w0, [x1]
        let findings = devices(&[(0, 0xB900_001F), (4, 0xB940_0020)], &VOLATILE);
        assert_eq!(findings, Findings { plain: 2, refusals: Vec::new() });
    }

    #[test]
    fn saving_registers_is_no_access_to_a_device() {
        // stp x29, x30, [sp, #-32]!; ldp x29, x30, [sp], #32; stp x0, x1, [x29, #-16]
        for word in [0xA9BE_7BFD, 0xA8C2_7BFD, 0xA93F_07A0] {
            assert!(!refused(word, &ACCESSOR), "{word:#010x}");
        }
    }

    #[test]
    fn boot_code_may_use_pairs_and_write_back_and_nothing_more() {
        // stp xzr, xzr, [x0], #16; ldr x0, [x1]; b .+4
        let good = [(0, 0xA881_7C1F), (4, 0xF940_0020), (8, 0x1400_0001)];
        assert_eq!(boot(&good, &(0..16), &ACCESSOR), Findings { plain: 2, refusals: Vec::new() });
        // ldxr w0, [x1]; ldadd w0, w2, [x1]; ldr q0, [x1]; fmov d0, x0; dc zva, x1; bl .+64
        let bad = [0x885F_7C20, 0xB820_0022, 0x3DC0_0020, 0x9E67_0000, 0xD50B_7421, 0x9400_0010];
        for word in bad {
            assert_eq!(boot(&[(0, word)], &(0..16), &ACCESSOR).refusals.len(), 1, "{word:#010x}");
            assert_eq!(boot(&[(16, word)], &(0..16), &ACCESSOR).refusals.len(), 0, "{word:#010x}");
        }
    }

    /// What lets the gate pass over a driver's own accesses.
    #[test]
    fn drivers_have_no_way_to_a_register_but_an_accessor() {
        let root = crate::paths::root();
        let drivers = root.join("user/drivers").read_dir().unwrap().map(|entry| entry.unwrap().path());
        for driver in drivers.chain([root.join("platform/console")]) {
            let text = std::fs::read_to_string(driver.join("src/lib.rs")).unwrap();
            assert!(text.contains("#![forbid(unsafe_code)]"), "{} allows unsafe code", driver.display());
        }
    }

    #[test]
    fn a_name_is_reduced_to_its_own_path() {
        for (name, path) in [
            ("core::ptr::read_volatile::<u32>", "core::ptr::read_volatile"),
            ("core::ptr::read_volatile", "core::ptr::read_volatile"),
            ("<arm_gic_driver::v2::Gic<T> as core::fmt::Debug>::fmt", "arm_gic_driver::v2::Gic"),
            ("<&mut arm_gic_driver::IntId as core::fmt::Debug>::fmt", "arm_gic_driver::IntId"),
            ("core::ptr::drop_in_place::<arm_gic_driver::v2::Gic>", "core::ptr::drop_in_place"),
            ("<core::option::Option<mmio::place::Place>>::map::<fn(u8) -> u8>", "core::option::Option"),
            ("mmio::place::Place::load", "mmio::place::Place::load"),
        ] {
            assert_eq!(own_path(name), path, "{name}");
        }
        assert!(is_accessor("mmio::place::Place::load") && !is_accessor("zx::mmio::place::Window::map"));
        assert!(!is_accessor("core::ptr::read_volatile_slowly"));
    }
}
