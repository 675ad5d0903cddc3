//! What is discarded is told, and what is told to be discarded is gone.

use abi::vmo::RangeOp;
use abi::{PAGE_SIZE, Status, Sysno};

use super::Driven;
use super::ranges::RW;

const P: u64 = PAGE_SIZE;

impl Driven {
    /// A VMO that takes all memory but for what is unlocked; how much of it.
    pub(super) fn fill(&mut self) -> (u64, u64) {
        let hog = self.making(Sysno::vmo_create, &[64 << 20, 0]).unwrap();
        let mut used = 0;
        while self.op(hog, RangeOp::Commit, used, P).is_ok() {
            used += P;
        }
        (hog, used)
    }

    pub(super) fn bti(&mut self) -> u64 {
        let system = u64::from(self.world.system_root);
        let iommu = self.making(Sysno::iommu_create, &[system, 0, 0, 0]).unwrap();
        self.making(Sysno::bti_create, &[iommu, 0, 3]).unwrap()
    }

    fn pin(&mut self, bti: u64, vmo: u64, size: u64) -> u64 {
        let (addrs, contiguous) = (self.scratch(0x5000), 1);
        self.making(Sysno::bti_pin, &[bti, contiguous, vmo, 0, size, addrs, size / P]).unwrap()
    }
}

/// The lock's own output needs a frame, and the VMO that is locked is all that there is to discard.
#[test]
fn a_lock_whose_buffer_needs_memory_tells_what_it_cost() {
    let size = 64 * P;
    let mut driven = Driven::start_small(16 << 20);
    let cache = driven.cache(size);
    let fresh = driven.making(Sysno::vmo_create, &[4096 * P, 0]).unwrap();
    let at = driven.map(RW, fresh, 0, 4096 * P).unwrap();
    driven.fill();
    let (mut told, mut refused) = (0, 0);
    for page in 0..4096 {
        driven.op(cache, RangeOp::Unlock, 0, size).unwrap();
        let args = [cache, RangeOp::Lock as u64, 0, size, at + page * P, 32];
        match driven.call(Sysno::vmo_op_range, &args) {
            Ok(()) => {
                let discarded = driven.load(at + page * P + 24);
                let whole = driven.committed(cache) == size;
                assert!(discarded == size || whole, "{discarded} bytes, page {page}");
                told += 1;
            }
            Err(status) => {
                assert_eq!(status, Status::NO_MEMORY);
                refused += 1;
                if driven.op(cache, RangeOp::TryLock, 0, size).is_err() {
                    break;
                }
            }
        }
        driven.check();
        if refused > 3 {
            break;
        }
    }
    assert!(told + refused > 0);
}

/// Memory that a device may reach is not discarded, nor said to be; others are, in its stead.
#[test]
fn what_is_pinned_is_not_discarded() {
    let size = 16 * P;
    let mut driven = Driven::start_small(16 << 20);
    let [pinned, other] = [(); 2].map(|()| driven.cache(size));
    let bti = driven.bti();
    let pmt = driven.pin(bti, pinned, size);
    for vmo in [pinned, other] {
        driven.op(vmo, RangeOp::Unlock, 0, size).unwrap();
    }
    let (hog, _) = driven.fill();
    assert_eq!((driven.committed(pinned), driven.committed(other)), (size, 0));
    driven.op(pinned, RangeOp::TryLock, 0, size).unwrap();
    driven.op(pinned, RangeOp::Unlock, 0, size).unwrap();
    driven.check();
    // When the device lets go, it is memory like any other that is unlocked.
    driven.call(Sysno::pmt_unpin, &[pmt]).unwrap();
    let more = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
    driven.op(more, RangeOp::Commit, 0, P).unwrap();
    assert!(driven.committed(pinned) < size);
    assert_eq!(driven.op(pinned, RangeOp::TryLock, 0, size), Err(Status::UNAVAILABLE));
    driven.close(hog);
    driven.settle();
    assert_eq!(driven.lock(pinned, size).unwrap().discarded_size, size);
    driven.check();
}
