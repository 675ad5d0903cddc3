//! What operations cost among many: 10, 1,000 and 100,000 handles, mappings, and children of a VMO.
#![allow(unsafe_code)]

use zx::abi::vmar::{PERM_READ, PERM_WRITE};
use zx::abi::vmo::child::SLICE;
use zx::abi::{Handle, PAGE_SIZE, Rights, Status};
use zx::{Object, Vmo, raw};

use crate::operations::{Bench, store};

/// The sizes, with their names in the report.
const SIZES: [(u64, [&str; 4]); 3] = [
    (10, ["among_10_handles", "among_10_mappings", "fault_among_10_mappings", "among_10_children"]),
    (1000, ["among_1000_handles", "among_1000_mappings", "fault_among_1000_mappings", "among_1000_children"]),
    (
        100_000,
        [
            "among_100000_handles",
            "among_100000_mappings",
            "fault_among_100000_mappings",
            "among_100000_children",
        ],
    ),
];
/// Handles beyond the curve.
const MILLION: u64 = 1_000_000;
const RW: u32 = PERM_READ | PERM_WRITE;

impl Bench {
    /// Measures one more of each among more and more.
    pub(crate) fn curves(&self) -> Result<(), Status> {
        let (mut handles, mut mappings, mut children) = (0, 0, 0);
        let page = Vmo::create(PAGE_SIZE, 0)?;
        let mapped = Vmo::create(PAGE_SIZE, 0)?;
        let parent = Vmo::create(16 * PAGE_SIZE, 0)?;
        parent.write(&[1; 64], 0)?;
        for (size, [handles_name, mappings_name, fault_name, children_name]) in SIZES {
            while mappings < size {
                self.map(mapped.raw(), RW, PAGE_SIZE)?;
                mappings += 1;
            }
            self.measure(mappings_name, || match self.map(page.raw(), RW, PAGE_SIZE) {
                Ok(at) => self.unmap(at, PAGE_SIZE),
                Err(status) => status,
            })?;
            self.faults(fault_name)?;
            while handles < size {
                duplicate(mapped.raw())?;
                handles += 1;
            }
            self.measure(handles_name, || Status::from(duplicate(page.raw()).and_then(close)))?;
            while children < size {
                child(parent.raw())?;
                children += 1;
            }
            self.measure(children_name, || Status::from(child(parent.raw()).and_then(close)))?;
        }
        while handles < MILLION {
            duplicate(mapped.raw())?;
            handles += 1;
        }
        self.measure("among_1000000_handles", || Status::from(duplicate(page.raw()).and_then(close)))
    }

    /// First touches of pages in a row.
    fn faults(&self, name: &str) -> Result<(), Status> {
        let size = (self.rounds + 64) * PAGE_SIZE;
        let vmo = Vmo::create(size, 0)?;
        let start = self.map(vmo.raw(), RW, size)?;
        let mut at = start;
        self.measure(name, || {
            // SAFETY: the page is mapped and belongs to this loop; each round touches the next one.
            unsafe { store(at) };
            at += PAGE_SIZE;
            Status::OK
        })?;
        self.unmap(start, size).ok()
    }
}

fn duplicate(handle: Handle) -> Result<Handle, Status> {
    let mut out = 0;
    // SAFETY: `out` is valid for a write.
    unsafe { raw::zx_handle_duplicate(handle, Rights::SAME_RIGHTS.0, &raw mut out) }.ok()?;
    Ok(out)
}

fn child(of: Handle) -> Result<Handle, Status> {
    let mut out = 0;
    // SAFETY: `out` is valid for a write.
    unsafe { raw::zx_vmo_create_child(of, SLICE, 0, PAGE_SIZE, &raw mut out) }.ok()?;
    Ok(out)
}

fn close(handle: Handle) -> Result<(), Status> {
    // SAFETY: no pointer; the handle is this round's.
    unsafe { raw::zx_handle_close(handle) }.ok()
}
