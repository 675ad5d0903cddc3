//! Where the redistributors are: they follow each other in the regions that the tree names.
use alloc::vec::Vec;

use mmio::{TooSmall, Window};

use super::redistributor::Redistributor;

/// A frame.
const FRAME: u64 = 0x10000;

/// Why the redistributors cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindError<E> {
    /// They cannot be so far apart: they are whole frames, two at least.
    Stride,
    /// The heap cannot hold the list.
    OutOfMemory,
    /// What was mapped of one is too little.
    TooSmall(TooSmall),
    /// One cannot be opened.
    Open(E),
}

/// The redistributors of all regions, which are addresses and sizes; `stride` is as in the tree, 0 if that says
/// nothing. `open` maps the one at an address, and is told how many there are already; it answers `None` if there is
/// no room, and then its region is not looked at any further.
///
/// # Errors
/// [`FindError`]; the GIC cannot be used then.
pub(crate) fn find<'m, E>(
    regions: impl Iterator<Item = (u64, u64)>,
    stride: u64,
    mut open: impl FnMut(u64, usize) -> Result<Option<Window<'m>>, E>,
) -> Result<Vec<Redistributor<'m>>, FindError<E>> {
    let mut found = Vec::new();
    for (base, size) in regions {
        let mut region = Region::new(size, stride).ok_or(FindError::Stride)?;
        while let Some(offset) = region.offset() {
            // A region is made for the largest machine of its kind, and may end beyond what an address can be.
            let Some(address) = base.checked_add(offset) else { break };
            let Some(window) = open(address, found.len()).map_err(FindError::Open)? else { break };
            let redistributor = Redistributor::new(window).map_err(FindError::TooSmall)?;
            region.pass(&redistributor);
            found.try_reserve(1).map_err(|_| FindError::OutOfMemory)?;
            found.push(redistributor);
        }
    }
    Ok(found)
}

/// A region of redistributors, walked one by one.
#[derive(Clone, Copy, Debug)]
struct Region {
    size: u64,
    /// Bytes from one to the next, if the tree says so.
    stride: Option<u64>,
    /// Where the next one is; `None` after the last.
    next: Option<u64>,
}

impl Region {
    /// A region of `size` bytes; `stride` as in the tree. `None` if redistributors cannot be that far apart.
    fn new(size: u64, stride: u64) -> Option<Self> {
        let stride = if stride == 0 { None } else { Some(stride) };
        let possible = stride.is_none_or(|stride| stride >= 2 * FRAME && stride.is_multiple_of(FRAME));
        possible.then_some(Self { size, stride, next: Some(0) })
    }

    /// The offset of the next redistributor; `None` if no other fits the region.
    fn offset(&self) -> Option<u64> {
        self.next.filter(|offset| self.size - offset >= 2 * FRAME)
    }

    /// Goes on behind a redistributor.
    fn pass(&mut self, passed: &Redistributor<'_>) {
        let own = if passed.has_virtual_frames() { 4 * FRAME } else { 2 * FRAME };
        let next = self.next.and_then(|offset| offset.checked_add(self.stride.unwrap_or(own)));
        self.next = next.filter(|offset| *offset < self.size && !passed.is_last());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gic::v3::REDISTRIBUTOR_SIZE;
    use mmio::Bus;
    use std::collections::BTreeMap;

    const LAST: u64 = 1 << 4;
    const VLPIS: u64 = 1 << 1;

    /// A redistributor that can be looked at only: its GICR_TYPER.
    struct Gicr(u64);

    impl Bus for Gicr {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!((offset, width), (8, 8), "GICR_TYPER says all that is asked");
            self.0
        }

        fn write(&self, offset: usize, _: usize, value: u64) {
            panic!("{value:#x} is written to {offset:#x} of a redistributor that was to be found")
        }
    }

    /// The CPUs that are found in a machine with redistributors at these addresses; one that is looked for elsewhere
    /// is an error that names the place.
    fn cpus(gicrs: &[(u64, u64)], regions: &[(u64, u64)], stride: u64) -> Result<Vec<u64>, FindError<u64>> {
        let gicrs: BTreeMap<u64, Gicr> = gicrs.iter().map(|(at, type_)| (*at, Gicr(*type_))).collect();
        let open = |address: u64, _: usize| {
            let gicr = gicrs.get(&address).ok_or(address)?;
            Ok(Some(Window::on_bus(gicr, REDISTRIBUTOR_SIZE as usize)))
        };
        let found = find(regions.iter().copied(), stride, open)?;
        Ok(found.iter().map(|redistributor| redistributor.cpu()).collect())
    }

    /// GICR_TYPER of the redistributor that serves a CPU.
    const fn of(cpu: u64) -> u64 {
        cpu << 32
    }

    const BASE: u64 = 0x80a_0000;

    #[test]
    fn a_region_is_walked_to_its_last_redistributor() {
        let two = [(BASE, of(0)), (BASE + 0x2_0000, of(1) | LAST)];
        assert_eq!(cpus(&two, &[(BASE, 0xf6_0000)], 0), Ok(vec![0, 1]));
        let four = [(BASE, of(0) | VLPIS), (BASE + 0x4_0000, of(1) | VLPIS | LAST)];
        assert_eq!(cpus(&four, &[(BASE, 0xf6_0000)], 0), Ok(vec![0, 1]), "a GICv4 has four frames each");
        let apart = [(BASE, of(0) | VLPIS), (BASE + 0x3_0000, of(1) | LAST)];
        assert_eq!(cpus(&apart, &[(BASE, 0xf6_0000)], 0x3_0000), Ok(vec![0, 1]), "the tree's word counts");
    }

    #[test]
    fn a_region_ends_where_the_tree_says_even_if_no_redistributor_is_the_last() {
        let many: Vec<_> = (0..8).map(|cpu| (BASE + cpu * 0x2_0000, of(cpu))).collect();
        assert_eq!(cpus(&many, &[(BASE, 0x4_0000)], 0), Ok(vec![0, 1]));
        assert_eq!(cpus(&many, &[(BASE, 0x5_0000)], 0), Ok(vec![0, 1]), "half a redistributor is none");
        assert_eq!(cpus(&many, &[(BASE, 0x1_0000)], 0), Ok(vec![]));
        assert_eq!(cpus(&many, &[(BASE, u64::MAX)], !0xffff), Ok(vec![0]));
    }

    #[test]
    fn each_region_has_its_own_last_one() {
        let far = 0x1_0000_0000;
        let machine = [
            (BASE, of(0)),
            (BASE + 0x2_0000, of(1) | LAST),
            (far, of(0x100)),
            (far + 0x2_0000, of(0x101) | LAST),
        ];
        let regions = [(BASE, 0xf6_0000), (far, 0x4_0000)];
        assert_eq!(cpus(&machine, &regions, 0), Ok(vec![0, 1, 0x100, 0x101]));
        // One row of redistributors that the tree cuts in two.
        let row: Vec<_> = (0..4).map(|cpu| (BASE + cpu * 0x2_0000, of(cpu))).collect();
        assert_eq!(cpus(&row, &[(BASE, 0x4_0000), (BASE + 0x4_0000, 0x4_0000)], 0), Ok(vec![0, 1, 2, 3]));
    }

    #[test]
    fn one_that_does_not_answer_is_named_and_no_room_ends_a_region() {
        assert_eq!(cpus(&[(BASE, of(0))], &[(BASE, 0x4_0000)], 0), Err(FindError::Open(BASE + 0x2_0000)));
        let gicr = Gicr(of(0));
        let open =
            |_, count| Ok::<_, ()>((count < 2).then(|| Window::on_bus(&gicr, REDISTRIBUTOR_SIZE as usize)));
        assert_eq!(find([(BASE, 0x10_0000)].into_iter(), 0, open).ok().map(|found| found.len()), Some(2));
        let small = |_, _| Ok::<_, ()>(Some(Window::on_bus(&gicr, 0x1_0000)));
        let why = find([(BASE, 0x10_0000)].into_iter(), 0, small).err();
        assert!(matches!(why, Some(FindError::TooSmall(_))));
        assert_eq!(cpus(&[(!0x1_ffff, of(7))], &[(!0x1_ffff, u64::MAX)], 0), Ok(vec![7]), "addresses end");
    }

    #[test]
    fn a_stride_that_cannot_be_is_refused() {
        for stride in [1, 0x1_0000, 0x2_0001, u64::MAX] {
            assert_eq!(cpus(&[], &[(BASE, 0xf6_0000)], stride), Err(FindError::Stride), "{stride:#x}");
        }
    }
}
