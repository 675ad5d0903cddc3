//! How many barriers and TLB operations the kernel executes for an operation: counted by QEMU, exactly.
//!
//! QEMU writes a line for each instruction that it executes at the addresses asked for: those of all the kernel's
//! barriers and TLB operations, and the console's output function, by which the operations are told apart. Two runs
//! that differ in their rounds alone are subtracted, so that warm-up and printing cancel out.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// The function through which each piece of a program's line passes.
const MARK: &str = "Output>::write_console";

/// What one round of an operation executes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// DSB, DMB and ISB.
    pub(super) barriers: u64,
    /// TLBI.
    pub(super) tlb: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Barrier,
    Tlb,
    Mark,
}

/// The instructions to be counted, by address.
pub(super) struct Sites(HashMap<u64, Kind>);

impl Sites {
    /// Finds them in the kernel's ELF file.
    pub(super) fn read(elf: &Path) -> Result<Self> {
        let bytes = std::fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let file = object::File::parse(bytes.as_slice()).map_err(|error| anyhow!("no ELF file: {error}"))?;
        let mut sites = HashMap::new();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let words = section
                .data()
                .map_err(|error| anyhow!("a section lies outside: {error}"))?
                .as_chunks::<4>()
                .0;
            // Data between the instructions may look like one of these; it is never executed.
            let all = words.iter().zip((section.address()..).step_by(4));
            sites.extend(all.filter_map(|(word, at)| Some((at, decode(u32::from_le_bytes(*word))?))));
        }
        let is_mark = |name: &str| addr2line::demangle_auto(name.into(), None).contains(MARK);
        let mark = file.symbols().find(|symbol| symbol.name().is_ok_and(is_mark));
        let mark = mark.with_context(|| format!("the kernel has no function {MARK} that is not inlined"))?;
        sites.insert(mark.address(), Kind::Mark);
        Ok(Self(sites))
    }

    /// QEMU's words that write what is executed there to a file.
    pub(super) fn arguments(&self, to: &Path) -> Vec<String> {
        let mut filter = String::new();
        for at in self.0.keys() {
            // Writing to a string does not fail.
            let _ = write!(filter, "{at:#x}+4,");
        }
        let filter = filter.trim_end_matches(',');
        let to = to.display().to_string();
        ["-accel", "tcg,one-insn-per-tb=on", "-d", "exec,nochain", "-dfilter", filter, "-D", &to]
            .map(str::to_owned)
            .to_vec()
    }

    /// What was executed before each of `lines` lines of the console. A line passes the mark in pieces, one after
    /// the other; before it the kernel reads the clock, which takes a barrier, so two lines are never one.
    pub(super) fn count(&self, trace: &str, lines: usize) -> Result<Vec<Counts>> {
        let mut counts = vec![Counts::default()];
        let mut in_line = false;
        for kind in trace.lines().filter_map(|line| self.0.get(&address(line)?)) {
            if let (Kind::Mark, false) = (kind, in_line) {
                counts.push(Counts::default());
            }
            in_line = *kind == Kind::Mark;
            match (kind, counts.last_mut()) {
                (Kind::Barrier, Some(last)) => last.barriers += 1,
                (Kind::Tlb, Some(last)) => last.tlb += 1,
                _ => {}
            }
        }
        // What comes after the last line belongs to none.
        counts.pop();
        ensure!(counts.len() == lines, "the trace has {} lines of the console, not {lines}", counts.len());
        Ok(counts)
    }
}

/// What a round costs, from all that two runs with different rounds executed. Rounded: now and then a round splits a
/// table or takes a fresh chunk of frames.
pub(super) fn round(few: Counts, many: Counts, more_rounds: u64) -> Counts {
    let each = |few: u64, many: u64| (many.saturating_sub(few) + more_rounds / 2) / more_rounds.max(1);
    Counts { barriers: each(few.barriers, many.barriers), tlb: each(few.tlb, many.tlb) }
}

/// Barriers are CRm and op2 of the hint-like space at 0xD503_301F (Arm ARM C4.1.94); TLBI is SYS with CRn 8 and 9.
fn decode(word: u32) -> Option<Kind> {
    let is_barrier = word & 0xffff_f01f == 0xd503_301f && matches!(word >> 5 & 0b111, 0b100..=0b110);
    let is_tlbi = word & 0xfff8_0000 == 0xd508_0000 && matches!(word >> 12 & 0xf, 8 | 9);
    match (is_barrier, is_tlbi) {
        (true, _) => Some(Kind::Barrier),
        (_, true) => Some(Kind::Tlb),
        _ => None,
    }
}

/// The instruction's address in a line of QEMU's: `Trace 0: 0x7fc384014bc0 [00104004/ffffffff80001034/00000041/ff022201] `.
fn address(line: &str) -> Option<u64> {
    u64::from_str_radix(line.strip_prefix("Trace ")?.split_once('[')?.1.split('/').nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_and_tlb_operations_are_told_from_the_rest() {
        // dsb ish; dmb ishst; isb; tlbi vale1is, x0; tlbi vmalle1; wfi; nop; clrex; at s1e0r, x0; msr daifset, #2
        let words = [
            0xd503_3b9f,
            0xd503_3abf,
            0xd503_3fdf,
            0xd508_83a0,
            0xd508_871f,
            0xd503_207f,
            0xd503_201f,
            0xd503_3f5f,
            0xd508_7840,
            0xd503_42df,
        ];
        let (barrier, tlb) = (Some(Kind::Barrier), Some(Kind::Tlb));
        let expected = [barrier, barrier, barrier, tlb, tlb, None, None, None, None, None];
        assert_eq!(words.map(decode), expected);
    }

    #[test]
    fn what_is_executed_belongs_to_the_line_after_it() {
        let sites = Sites(HashMap::from([(0x10, Kind::Mark), (0x20, Kind::Barrier), (0x30, Kind::Tlb)]));
        let trace = [0x20, 0x20, 0x10, 0x10, 0x30, 0x44, 0x20, 0x10, 0x10, 0x20]
            .map(|at: u64| format!("Trace 0: 0x7fc3 [00104004/{at:016x}/00000041/ff02] \n"))
            .concat();
        let counts = sites.count(&trace, 2).unwrap();
        assert_eq!(counts, [Counts { barriers: 2, tlb: 0 }, Counts { barriers: 1, tlb: 1 }]);
        assert!(sites.count(&trace, 3).is_err());
    }

    #[test]
    fn a_round_is_what_more_rounds_add() {
        let (few, many) = (Counts { barriers: 30, tlb: 8 }, Counts { barriers: 159, tlb: 40 });
        assert_eq!(round(few, many, 64), Counts { barriers: 2, tlb: 1 });
    }
}
