//! Sizes, ranges and other programs' memory.

use abi::layout::AbiStruct;
use abi::object::InfoVmo;
use abi::vmar::{self, MAP_RANGE};
use abi::vmo::{RangeOp, create};

use super::*;

impl Bench {
    fn resizable(&mut self, pages: u64) -> u64 {
        self.call(Sysno::vmo_create, &[pages * P, u64::from(create::RESIZABLE), self.out]);
        self.handle()
    }

    /// A VMO whose pages are all there, and a place where it is mapped and nothing shown.
    fn mapped(&mut self, pages: u64) -> (u64, u64) {
        let vmo = self.resizable(pages);
        self.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, pages * P]);
        (vmo, self.map(vmo, pages * P))
    }

    fn leave(&mut self, (vmo, at): (u64, u64), pages: u64) {
        self.unmap(at, pages * P);
        self.close(vmo);
    }
}

#[test]
pub(crate) fn vmo_op_range_commit() {
    sweep(
        |bench| bench.vmo(1 << 20),
        |bench, vmo| bench.try_call(Sysno::vmo_op_range, &[*vmo, RangeOp::Commit as u64, 99 << 20, P]),
        |bench, vmo, _| bench.close(vmo),
    );
}

#[test]
pub(crate) fn vmo_op_range_others() {
    for op in [RangeOp::Decommit, RangeOp::Zero, RangeOp::CacheClean, RangeOp::CacheSync] {
        sweep(
            |bench| bench.mapped(6),
            |bench, (vmo, _)| bench.try_call(Sysno::vmo_op_range, &[*vmo, op as u64, P, 4 * P]),
            |bench, mapped, _| bench.leave(mapped, 6),
        );
    }
}

#[test]
pub(crate) fn vmo_set_size() {
    for pages in [0, 3, 1 << 30] {
        sweep(
            |bench| bench.mapped(6),
            |bench, (vmo, _)| bench.try_call(Sysno::vmo_set_size, &[*vmo, pages * P]),
            |bench, mapped, _| bench.leave(mapped, 6),
        );
    }
}

#[test]
pub(crate) fn vmo_set_stream_size() {
    sweep(
        |bench| bench.mapped(6),
        |bench, (vmo, _)| bench.try_call(Sysno::vmo_set_stream_size, &[*vmo, P + 7]),
        |bench, mapped, _| bench.leave(mapped, 6),
    );
}

/// A mapping that ends with the content loses pages.
#[test]
pub(crate) fn vmo_set_stream_size_of_what_ends_with_it() {
    let options = vmar::PERM_READ | vmar::ALLOW_FAULTS | vmar::FAULT_BEYOND_STREAM_SIZE | MAP_RANGE;
    sweep(
        |bench| {
            let (vmo, at) = bench.mapped(6);
            let vmar = word(bench.program.world().vmar);
            bench.call(Sysno::vmar_map, &[vmar, u64::from(options), 0, vmo, 0, 6 * P, bench.out]);
            (vmo, at, bench.slot(0))
        },
        |bench, (vmo, ..)| bench.try_call(Sysno::vmo_set_stream_size, &[*vmo, P + 7]),
        |bench, (vmo, at, ends), _| {
            bench.unmap(ends, 6 * P);
            bench.leave((vmo, at), 6);
        },
    );
}

#[test]
pub(crate) fn vmar_op_range() {
    use vmar::RangeOp::{Commit, Decommit, MapRange, Zero};
    for op in [Commit, Decommit, MapRange, Zero] {
        sweep(
            |bench| {
                let vmo = bench.vmo(1);
                if op != Commit {
                    bench.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, P]);
                }
                (vmo, bench.map(vmo, P))
            },
            |bench, (_, at)| {
                let vmar = word(bench.program.world().vmar);
                bench.try_call(Sysno::vmar_op_range, &[vmar, op as u64, *at, P])
            },
            |bench, mapped, _| bench.leave(mapped, 1),
        );
    }
}

#[test]
pub(crate) fn vmar_map_range() {
    sweep(
        |bench| {
            let vmo = bench.vmo(200);
            bench.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, 200 * P]);
            vmo
        },
        |bench, vmo| {
            let mut args = bench.map_args(*vmo, 200 * P);
            args[1] |= u64::from(MAP_RANGE);
            bench.try_call(Sysno::vmar_map, &args)
        },
        |bench, vmo, status| {
            if status == Status::OK {
                let at = bench.slot(0);
                bench.unmap(at, 200 * P);
            }
            bench.close(vmo);
        },
    );
}

#[test]
pub(crate) fn process_memory() {
    for sysno in [Sysno::process_read_memory, Sysno::process_write_memory] {
        sweep(
            |bench| {
                let vmo = bench.vmo(1);
                (vmo, bench.map(vmo, P))
            },
            |bench, (_, at)| {
                let process = word(bench.program.world().process);
                let (there, here) = match sysno {
                    Sysno::process_read_memory => (bench.data, *at),
                    _ => (*at, bench.data),
                };
                bench.try_call(sysno, &[process, there, here, 64, bench.out])
            },
            |bench, mapped, _| bench.leave(mapped, 1),
        );
    }
}

/// A mapping takes the place of what is there, or that is as it was.
#[test]
pub(crate) fn vmar_map_over() {
    /// Pages of the old mapping, and the first of those that are replaced, and how many.
    struct Form {
        is_device: bool,
        pages: u64,
        first: u64,
        count: u64,
    }
    let forms = [
        Form { is_device: false, pages: 6, first: 2, count: 2 },
        Form { is_device: false, pages: 6, first: 0, count: 6 },
        Form { is_device: true, pages: 6, first: 2, count: 2 },
        Form { is_device: true, pages: 1024, first: 300, count: 1 },
    ];
    let mut failures = 0;
    for form in forms {
        sweep(
            |bench| {
                let (old, new) = match form.is_device {
                    true => (bench.physical(form.pages), bench.vmo(form.count)),
                    false => (bench.vmo(form.pages), bench.physical(form.count)),
                };
                let at = bench.map(old, form.pages * P);
                if !form.is_device {
                    for page in 0..form.pages {
                        bench.program.poke(VirtAddr(at + page * P), &(page + 7).to_le_bytes());
                    }
                }
                // Where it tells.
                bench.program.poke(VirtAddr(bench.out), &[0; 8]);
                (old, new, at)
            },
            |bench, (_, new, at)| {
                let mut args = bench.map_args(*new, form.count * P);
                args[1] = u64::from(vmar::PERM_READ | vmar::SPECIFIC_OVERWRITE);
                args[2] = at + form.first * P - vmar::USER_BASE;
                bench.try_call(Sysno::vmar_map, &args)
            },
            |bench, (old, new, at), status| {
                failures += u32::from(status == Status::NO_MEMORY);
                for (vmo, is_old) in [(old, true), (new, false)] {
                    let is_edged = form.first > 0;
                    let expected = match (status == Status::OK, is_old) {
                        (true, true) => {
                            if is_edged {
                                2
                            } else {
                                0
                            }
                        }
                        (true, false) => 1,
                        (false, is_old) => u64::from(is_old),
                    };
                    assert_eq!(bench.mappings_of(vmo), expected, "{status}");
                }
                let page = at + form.first * P;
                if status != Status::OK && !form.is_device {
                    let word = bench.program.board.cpu.load(VirtAddr(page), hosted::Width::Double);
                    assert_eq!(word, form.first + 7, "{status}: the page is what it was");
                }
                bench.unmap(at, form.pages * P);
                bench.close(old);
                bench.close(new);
            },
        );
    }
    // Some of them need none.
    assert!(failures > 0, "no form needed memory");
}

/// A mapping takes the place of very many, in pieces, or all of them are as they were.
#[test]
pub(crate) fn vmar_map_over_many() {
    /// Mappings of two pages each. The first and the last one stay by half.
    const OLD: u64 = 100;
    let mut failures = 0;
    for is_device in [false, true] {
        sweep(
            |bench| {
                let old = bench.vmo(2 * OLD);
                let new = if is_device { bench.physical(2 * OLD) } else { bench.vmo(2 * OLD) };
                let at = bench.map(old, 2 * OLD * P);
                let vmar = word(bench.program.world().vmar);
                for pair in 0..OLD {
                    let place = at + 2 * pair * P;
                    bench.program.poke(VirtAddr(place + P), &(pair + 7).to_le_bytes());
                    if pair % 2 == 0 {
                        bench.call(Sysno::vmar_protect, &[vmar, u64::from(vmar::PERM_READ), place, 2 * P]);
                    }
                }
                bench.program.poke(VirtAddr(bench.out), &[0; 8]);
                assert_eq!(bench.mappings_of(old), OLD);
                (old, new, at)
            },
            |bench, (_, new, at)| {
                let mut args = bench.map_args(*new, (2 * OLD - 2) * P);
                args[1] = u64::from(vmar::PERM_READ | vmar::SPECIFIC_OVERWRITE);
                args[2] = at + P - vmar::USER_BASE;
                bench.try_call(Sysno::vmar_map, &args)
            },
            |bench, (old, new, at), status| {
                let is_new = status == Status::OK;
                failures += u32::from(!is_new);
                assert_eq!(bench.mappings_of(old), if is_new { 2 } else { OLD }, "{status}");
                assert_eq!(bench.mappings_of(new), u64::from(is_new), "{status}");
                for pair in 0..if is_new { 0 } else { OLD } {
                    let page = VirtAddr(at + (2 * pair + 1) * P);
                    assert_eq!(bench.program.board.cpu.load(page, hosted::Width::Double), pair + 7);
                }
                bench.unmap(at, 2 * OLD * P);
                bench.close(old);
                bench.close(new);
            },
        );
    }
    assert!(failures > 0, "no form needed memory");
}

impl Bench {
    /// How often a VMO is mapped.
    pub(super) fn mappings_of(&mut self, vmo: u64) -> u64 {
        let topic = u64::from(abi::object::info::VMO);
        self.call(Sysno::object_get_info, &[vmo, topic, self.data, InfoVmo::SIZE as u64, 0, 0]);
        let mut bytes = [0; InfoVmo::SIZE];
        self.program.peek(VirtAddr(self.data), &mut bytes);
        InfoVmo::get(&bytes).num_mappings
    }
}
