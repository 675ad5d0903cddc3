//! VMOs against a model that is an array of bytes.
//!
//! Random operations on one resizable VMO, through its handle and through mappings. The model says what each answers, what
//! every byte is, and which pages are committed: those that were written to, and none that were only read. Up to three other threads clone, map, read and commit the same VMO meanwhile, on up to four CPUs.
//! The kernel's counts are taken anew in between.

#[path = "scenarios/beside.rs"]
mod beside;
#[path = "scenarios/program.rs"]
mod program;

use std::cell::Cell;

use abi::object::{InfoVmo, info, property};
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{RangeOp, child, create};
use abi::{AbiStruct, PAGE_SIZE, Status, Sysno, VirtAddr};
use beside::{Beside, Others, Script, beside};
use program::Program;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;
use scenarios::agent::{Arg, DATA, HEADER};

const P: u64 = PAGE_SIZE;
/// Pages that the VMO has at most, and that each mapping shows. Two pieces of what is freed, and more than one of what
/// is zeroed.
const MOST: u64 = 72;
/// Where the program's buffer is in its scratch memory, and its bytes.
const BUFFER: (u64, u64) = (0x4000, 0x8000);

/// What is done.
#[derive(Clone, Copy, Debug)]
enum Op {
    Write { offset: u64, len: u64, byte: u8 },
    Read { offset: u64, len: u64 },
    Zero { offset: u64, len: u64 },
    Commit { offset: u64, len: u64 },
    Decommit { page: u64, pages: u64 },
    SetSize { size: u64 },
    SetStreamSize { size: u64 },
    Store { mapping: usize, word: u64, value: u64 },
    Load { mapping: usize, word: u64 },
    LoadRow { mapping: usize, page: u64, pages: u64 },
    StoreRow { mapping: usize, page: u64, pages: u64 },
    Show { mapping: usize, page: u64, pages: u64 },
    VmarDecommit { mapping: usize, page: u64, pages: u64 },
    Remap { mapping: usize, from: u64 },
    WriteMemory { mapping: usize, offset: u64, len: u64, byte: u8 },
}

/// What other threads do with the VMO, none of which changes a byte of it.
#[derive(Clone, Copy, Debug)]
enum Task {
    Read {
        page: u64,
    },
    Commit {
        page: u64,
    },
    /// Clones a part and writes to the clone.
    Clone {
        page: u64,
        pages: u64,
    },
    /// Clones a part and takes all pages away from the clone, or zeroes them.
    Empty {
        page: u64,
        pages: u64,
        op: RangeOp,
    },
    /// Maps a part, with what is there, and takes the mapping away.
    Show {
        page: u64,
        pages: u64,
    },
    /// The same with the kernel reading in between: a page that nobody has written to is shown as zeros.
    Look {
        page: u64,
        pages: u64,
    },
}

impl Task {
    fn add(self, vmar: u64, vmo: u64, script: &mut Script) {
        let is = Arg::Is;
        match self {
            Self::Read { page } => {
                script.call(Sysno::vmo_read, &[is(vmo), Arg::Script(DATA + 64), is(page * P), is(64)]);
            }
            Self::Commit { page } => {
                let commit = is(RangeOp::Commit as u64);
                script.call(Sysno::vmo_op_range, &[is(vmo), commit, is(page * P), is(P)]);
            }
            Self::Clone { page, pages } => {
                // Its own steps, which are not zero.
                let write = [is(0), Arg::Script(HEADER), is(0), is(64)];
                Self::with_clone(vmo, page, pages, script, Sysno::vmo_write, &write);
            }
            Self::Empty { page, pages, op } => {
                let empty = [is(0), is(op as u64), is(0), is(pages * P)];
                Self::with_clone(vmo, page, pages, script, Sysno::vmo_op_range, &empty);
            }
            Self::Show { page, pages } => {
                let show = [is(vmar), is(3), is(0), is(pages * P)];
                Self::with_mapping((vmar, vmo), (page, pages), script, (Sysno::vmar_op_range, 2), &show);
            }
            Self::Look { page, pages } => {
                let name = [is(vmo), is(u64::from(property::NAME)), is(0), is(32)];
                Self::with_mapping(
                    (vmar, vmo),
                    (page, pages),
                    script,
                    (Sysno::object_set_property, 2),
                    &name,
                );
            }
        }
    }

    /// A call one of whose arguments is where a part of the VMO is mapped for it.
    fn with_mapping(
        (vmar, vmo): (u64, u64),
        (page, pages): (u64, u64),
        script: &mut Script,
        (sysno, n): (Sysno, u64),
        args: &[Arg],
    ) {
        let (is, options) = (Arg::Is, Arg::Is(u64::from(PERM_READ | PERM_WRITE)));
        let (len, at) = (is(pages * P), DATA + 16);
        let map = [is(vmar), options, is(0), is(vmo), is(page * P), len, Arg::Script(at)];
        script.call(Sysno::vmar_map, &map);
        script.give(at, 2, n);
        script.give(at, 2, 1);
        script.call(sysno, args);
        script.call(Sysno::vmar_unmap, &[is(vmar), is(0), len]);
    }

    /// A call whose first argument is a clone of a part of the VMO.
    fn with_clone(vmo: u64, page: u64, pages: u64, script: &mut Script, sysno: Sysno, args: &[Arg]) {
        let (is, kind) = (Arg::Is, u64::from(child::SNAPSHOT));
        let clone = [is(vmo), is(kind), is(page * P), is(pages * P), Arg::Script(DATA)];
        script.call(Sysno::vmo_create_child, &clone);
        script.give(DATA, 2, 0);
        script.give(DATA, 2, 0);
        script.call(sysno, args);
        script.call(Sysno::handle_close, &[is(0)]);
    }
}

fn task() -> impl Strategy<Value = Task> {
    let (page, pages) = (|| 0..MOST, || prop_oneof![1..4_u64, 1..=MOST]);
    let op = prop_oneof![Just(RangeOp::Decommit), Just(RangeOp::Zero)];
    prop_oneof![
        page().prop_map(|page| Task::Read { page }),
        page().prop_map(|page| Task::Commit { page }),
        (page(), pages()).prop_map(|(page, pages)| Task::Clone { page, pages }),
        (page(), pages(), op).prop_map(|(page, pages, op)| Task::Empty { page, pages, op }),
        (page(), pages()).prop_map(|(page, pages)| Task::Show { page, pages }),
        (page(), pages()).prop_map(|(page, pages)| Task::Look { page, pages }),
    ]
}

/// What must be so: the VMO's bytes, its stream size, and which of its pages have a frame.
struct Model {
    bytes: Vec<u8>,
    stream: u64,
    committed: Vec<bool>,
}

impl Model {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes of a range that must lie in the VMO.
    fn range(&mut self, offset: u64, len: u64) -> Result<&mut [u8], Status> {
        self.bytes.get_mut(offset as usize..(offset + len) as usize).ok_or(Status::OUT_OF_RANGE)
    }

    /// Writes to a range, and so commits its pages.
    fn fill(&mut self, offset: u64, len: u64, byte: u8) -> Result<(), Status> {
        self.range(offset, len)?.fill(byte);
        self.commit(offset, len)
    }

    fn commit(&mut self, offset: u64, len: u64) -> Result<(), Status> {
        self.range(offset, len)?;
        let pages = offset / P..(offset + len).div_ceil(P);
        (pages.start..pages.end * u64::from(len > 0)).for_each(|page| self.committed[page as usize] = true);
        Ok(())
    }

    /// Zeroes a range: whole pages lose their frames.
    fn empty(&mut self, offset: u64, len: u64) -> Result<(), Status> {
        self.range(offset, len)?.fill(0);
        (offset.div_ceil(P)..(offset + len) / P).for_each(|page| self.committed[page as usize] = false);
        Ok(())
    }

    fn set_size(&mut self, size: u64) {
        self.bytes.resize(size.min(self.size()) as usize, 0);
        self.bytes.resize(size.next_multiple_of(P) as usize, 0);
        self.committed.resize(size.div_ceil(P) as usize, false);
        self.stream = size;
    }

    fn set_stream_size(&mut self, size: u64) -> Result<(), Status> {
        let from = self.stream.min(size);
        if size > self.size() {
            return Err(Status::OUT_OF_RANGE);
        }
        self.stream = size;
        self.empty(from, self.size() - from)
    }
}

struct Bench {
    program: Program,
    vmo: u64,
    model: Model,
    /// Where each mapping is, and the page of the VMO that it starts with.
    mappings: [(u64, u64); 3],
    buffer: u64,
    others: Option<Others>,
    /// Whether one of them commits pages.
    others_commit: bool,
}

impl Bench {
    fn new(beside: &Beside<Task>) -> Self {
        let program = Program::start(beside.config());
        let buffer = program.world().scratch.0 + BUFFER.0;
        let model = Model { bytes: vec![0; 4 * P as usize], stream: 4 * P, committed: vec![false; 4] };
        let (mappings, others_commit) = ([(0, 0); 3], false);
        let mut bench = Self { program, vmo: 0, model, mappings, buffer, others: None, others_commit };
        let out = bench.program.world().scratch;
        assert_eq!(bench.call(Sysno::vmo_create, &[4 * P, u64::from(create::RESIZABLE), out.0]), Ok(()));
        bench.vmo = bench.word(out.0) & u64::from(u32::MAX);
        for (mapping, from) in [0, 3, 0].into_iter().enumerate() {
            bench.map(mapping, from);
        }
        let (vmar, vmo) = (u64::from(bench.program.world().vmar), bench.vmo);
        let commits = Cell::new(false);
        bench.others = Some(beside.start(&mut bench.program, |script, task| {
            commits.set(commits.get() || matches!(task, Task::Commit { .. }));
            task.add(vmar, vmo, script);
        }));
        bench.others_commit = commits.get();
        bench
    }

    fn call(&mut self, sysno: Sysno, first: &[u64]) -> Result<(), Status> {
        self.program.ask(sysno, first)
    }

    fn word(&mut self, at: u64) -> u64 {
        self.program.word(VirtAddr(at))
    }

    fn map(&mut self, mapping: usize, from: u64) {
        let (vmar, out) = (u64::from(self.program.world().vmar), self.program.world().scratch.0);
        let options = u64::from(PERM_READ | PERM_WRITE);
        assert_eq!(
            self.call(Sysno::vmar_map, &[vmar, options, 0, self.vmo, from * P, MOST * P, out]),
            Ok(())
        );
        self.mappings[mapping] = (self.word(out), from);
    }

    fn op_range(&mut self, op: RangeOp, offset: u64, len: u64) -> Result<(), Status> {
        self.call(Sysno::vmo_op_range, &[self.vmo, op as u64, offset, len])
    }

    /// An operation on what a mapping shows of these pages.
    fn vmar_op(&mut self, op: u64, mapping: usize, page: u64, pages: u64) -> Result<(), Status> {
        let (vmar, at) = (u64::from(self.program.world().vmar), self.mappings[mapping].0);
        self.call(Sysno::vmar_op_range, &[vmar, op, at + page * P, pages * P])
    }

    /// The VMO's `committed_bytes`.
    fn committed(&mut self) -> u64 {
        let args = [self.vmo, u64::from(info::VMO), self.buffer, InfoVmo::SIZE as u64];
        assert_eq!(self.call(Sysno::object_get_info, &args), Ok(()));
        let mut bytes = [0; InfoVmo::SIZE];
        self.program.peek(VirtAddr(self.buffer), &mut bytes);
        InfoVmo::get(&bytes).committed_bytes
    }

    /// The bytes that the VMO has in a range, as the kernel reads them for the program.
    fn read(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, Status> {
        self.call(Sysno::vmo_read, &[self.vmo, self.buffer, offset, len])?;
        let mut bytes = vec![0; len as usize];
        self.program.peek(VirtAddr(self.buffer), &mut bytes);
        Ok(bytes)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Write { offset, len, byte } => {
                self.program.poke(VirtAddr(self.buffer), &vec![byte; len as usize]);
                let got = self.call(Sysno::vmo_write, &[self.vmo, self.buffer, offset, len]);
                assert_eq!(got, self.model.fill(offset, len, byte), "{op:?}");
            }
            Op::Read { offset, len } => {
                let expected = self.model.range(offset, len).map(|bytes| bytes.to_vec());
                assert!(self.read(offset, len) == expected, "{op:?}");
            }
            Op::Zero { offset, len } => {
                let got = self.op_range(RangeOp::Zero, offset, len);
                assert_eq!(got, self.model.empty(offset, len), "{op:?}");
            }
            Op::Commit { offset, len } => {
                let got = self.op_range(RangeOp::Commit, offset, len);
                assert_eq!(got, self.model.commit(offset, len), "{op:?}");
            }
            Op::Decommit { page, pages } => {
                let got = self.op_range(RangeOp::Decommit, page * P, pages * P);
                assert_eq!(got, self.model.empty(page * P, pages * P), "{op:?}");
            }
            Op::SetSize { size } => {
                assert_eq!(self.call(Sysno::vmo_set_size, &[self.vmo, size]), Ok(()), "{op:?}");
                self.model.set_size(size);
            }
            Op::SetStreamSize { size } => {
                let got = self.call(Sysno::vmo_set_stream_size, &[self.vmo, size]);
                assert_eq!(got, self.model.set_stream_size(size), "{op:?}");
            }
            op => self.apply_to_mapping(op),
        }
    }

    fn apply_to_mapping(&mut self, op: Op) {
        match op {
            Op::Store { mapping, word, value } => {
                let (base, from) = self.mappings[mapping];
                let offset = (from * P + word * 8) as usize;
                if let Some(bytes) = self.model.bytes.get_mut(offset..offset + 8) {
                    bytes.copy_from_slice(&value.to_le_bytes());
                    self.model.committed[offset / P as usize] = true;
                    self.program.poke(VirtAddr(base + word * 8), &value.to_le_bytes());
                }
            }
            Op::Load { mapping, word } => {
                let (base, from) = self.mappings[mapping];
                let offset = (from * P + word * 8) as usize;
                if let Some(bytes) = self.model.bytes.get(offset..offset + 8) {
                    let expected = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
                    assert_eq!(self.word(base + word * 8), expected, "{op:?}");
                }
            }
            Op::LoadRow { mapping, page, pages } => (page..MOST.min(page + pages))
                .for_each(|page| self.apply(Op::Load { mapping, word: page * P / 8 })),
            Op::StoreRow { mapping, page, pages } => (page..MOST.min(page + pages))
                .for_each(|page| self.apply(Op::Store { mapping, word: page * P / 8, value: page })),
            Op::Show { mapping, page, pages } => {
                assert_eq!(self.vmar_op(3, mapping, page, pages), Ok(()), "{op:?}");
            }
            Op::VmarDecommit { mapping, page, pages } => {
                let from = self.mappings[mapping].1;
                let got = self.vmar_op(2, mapping, page, pages);
                assert_eq!(got, self.model.empty((from + page) * P, pages * P), "{op:?}");
            }
            Op::Remap { mapping, from } => {
                let (vmar, at) = (u64::from(self.program.world().vmar), self.mappings[mapping].0);
                assert_eq!(self.call(Sysno::vmar_unmap, &[vmar, at, MOST * P]), Ok(()));
                self.map(mapping, from);
            }
            Op::WriteMemory { mapping, offset, len, byte } => {
                let (base, from) = self.mappings[mapping];
                let (process, out) =
                    (u64::from(self.program.world().process), self.program.world().scratch.0);
                self.program.poke(VirtAddr(self.buffer), &vec![byte; len as usize]);
                let args = [process, base + offset, self.buffer, len, out];
                let got = self.call(Sysno::process_write_memory, &args);
                let left = self.model.size().saturating_sub(from * P + offset);
                let expected = if left == 0 { Err(Status::OUT_OF_RANGE) } else { Ok(()) };
                assert_eq!(got, expected, "{op:?}");
                if got.is_ok() {
                    let written = len.min(left).min(MOST * P - offset);
                    assert_eq!(self.word(out), written, "{op:?}");
                    self.model.fill(from * P + offset, written, byte).expect("it is in the VMO");
                }
            }
            _ => unreachable!("the others are the VMO's own"),
        }
    }

    /// Looks at all of it, and takes the kernel's counts anew.
    fn check(&mut self) {
        let out = self.program.world().scratch.0;
        assert_eq!(self.call(Sysno::vmo_get_size, &[self.vmo, out]), Ok(()));
        assert_eq!(self.word(out), self.model.size());
        assert_eq!(self.call(Sysno::vmo_get_stream_size, &[self.vmo, out]), Ok(()));
        assert_eq!(self.word(out), self.model.stream);
        for offset in (0..self.model.size()).step_by(BUFFER.1 as usize) {
            let len = BUFFER.1.min(self.model.size() - offset);
            let expected = self.model.range(offset, len).map(|bytes| bytes.to_vec());
            assert!(self.read(offset, len) == expected, "the bytes from {offset:#x} on");
        }
        for (base, from) in self.mappings {
            for page in from..(self.model.size() / P).min(from + MOST) {
                for offset in [page * P, (page + 1) * P - 8] {
                    let bytes = self.model.bytes[offset as usize..][..8].try_into().expect("8 bytes");
                    let found = self.word(base + offset - from * P);
                    assert_eq!(found, u64::from_le_bytes(bytes), "{offset:#x} by the mapping at {base:#x}");
                }
            }
        }
        let committed = P * self.model.committed.iter().filter(|it| **it).count() as u64;
        let found = self.committed();
        assert!(
            found == committed || self.others_commit && found > committed,
            "{found:#x} not {committed:#x}"
        );
        self.program.board.check_books();
    }
}

/// Bytes: at the edges of pages and pieces, and anywhere.
fn offset() -> impl Strategy<Value = u64> {
    let edge = (0..=MOST, 0..3_u64).prop_map(|(page, add)| (page * P + add).saturating_sub(1));
    prop_oneof![3 => edge, 1 => 0..MOST * P]
}

fn operation() -> impl Strategy<Value = Op> {
    let len = || prop_oneof![0..20_u64, Just(P), P - 2..=2 * P + 2];
    let long = || prop_oneof![2 => 0..3 * P, 1 => 0..MOST * P];
    let (page, pages) = (|| 0..MOST, || prop_oneof![3 => 1..4_u64, 1 => 1..=MOST]);
    let mapping = || 0..3_usize;
    let size = || prop_oneof![2 => offset(), 1 => 0..4 * P];
    let words = || (offset(), 0..4_u64).prop_map(|(offset, add)| (offset / 8 + add).min(MOST * P / 8 - 1));
    prop_oneof![
        4 => (offset(), len(), 1..=255_u8).prop_map(|(offset, len, byte)| Op::Write { offset, len, byte }),
        2 => (offset(), len()).prop_map(|(offset, len)| Op::Read { offset, len }),
        2 => (offset(), long()).prop_map(|(offset, len)| Op::Zero { offset, len }),
        2 => (offset(), long()).prop_map(|(offset, len)| Op::Commit { offset, len }),
        3 => (page(), pages()).prop_map(|(page, pages)| Op::Decommit { page, pages }),
        3 => size().prop_map(|size| Op::SetSize { size }),
        3 => size().prop_map(|size| Op::SetStreamSize { size }),
        4 => (mapping(), words(), 1..u64::MAX).prop_map(|(mapping, word, value)| Op::Store { mapping, word, value }),
        4 => (mapping(), words()).prop_map(|(mapping, word)| Op::Load { mapping, word }),
        2 => (mapping(), page(), 1..9_u64).prop_map(|(mapping, page, pages)| Op::LoadRow { mapping, page, pages }),
        2 => (mapping(), page(), 1..9_u64).prop_map(|(mapping, page, pages)| Op::StoreRow { mapping, page, pages }),
        1 => (mapping(), page()).prop_map(|(mapping, page)| Op::Show { mapping, page, pages: MOST - page }),
        1 => (mapping(), page()).prop_flat_map(|(mapping, page)| {
            (1..=MOST - page).prop_map(move |pages| Op::VmarDecommit { mapping, page, pages })
        }),
        1 => (mapping(), page()).prop_map(|(mapping, from)| Op::Remap { mapping, from }),
        2 => (mapping(), offset(), 1..2 * P, 1..=255_u8).prop_map(|(mapping, offset, len, byte)| {
            Op::WriteMemory { mapping, offset: offset.min(MOST * P - 1), len, byte }
        }),
    ]
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_vmo_is_an_array_of_bytes(
        ops in prop::collection::vec(operation(), 1..50),
        beside in beside(task(), 3),
    ) {
        let mut bench = Bench::new(&beside);
        for (n, op) in ops.into_iter().enumerate() {
            bench.apply(op);
            if n % 8 == 7 {
                bench.check();
            }
        }
        bench.check();
        if let Some(others) = bench.others.take() {
            others.stop(&mut bench.program);
        }
        bench.check();
    }
}
