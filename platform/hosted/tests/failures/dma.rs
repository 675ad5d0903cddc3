//! Memory for devices: contiguous and uncached VMOs, and pins.

use super::*;
use abi::dma::pin;

impl Bench {
    pub(crate) fn bti(&mut self) -> u64 {
        let system = word(self.program.world().system_root);
        self.call(Sysno::iommu_create, &[system, 0, 0, 0, self.out]);
        let iommu = self.handle();
        self.call(Sysno::bti_create, &[iommu, 0, 0, self.out]);
        let bti = self.handle();
        self.close(iommu);
        bti
    }

    pub(crate) fn contiguous(&mut self, bti: u64, pages: u64) -> u64 {
        self.call(Sysno::vmo_create_contiguous, &[bti, pages * P, 0, self.out]);
        self.handle()
    }

    fn try_pin(&mut self, bti: u64, vmo: u64, pages: u64) -> Status {
        let args = [bti, u64::from(pin::PERM_READ), vmo, 0, pages * P, self.data, pages, self.out];
        self.try_call(Sysno::bti_pin, &args)
    }

    fn unpin(&mut self) {
        let pmt = self.handle();
        self.call(Sysno::pmt_unpin, &[pmt]);
    }
}

#[test]
pub(crate) fn iommu_create() {
    sweep_making(MANY, |bench| {
        let system = word(bench.program.world().system_root);
        bench.try_call(Sysno::iommu_create, &[system, 0, 0, 0, bench.out])
    });
}

#[test]
pub(crate) fn bti_create() {
    sweep_making(MANY, |bench| {
        // The stub is closed before the BTI is made, which fails or not.
        let system = word(bench.program.world().system_root);
        let made = bench.try_call(Sysno::iommu_create, &[system, 0, 0, 0, bench.out]);
        if made != Status::OK {
            return made;
        }
        let iommu = bench.handle();
        let status = bench.try_call(Sysno::bti_create, &[iommu, 0, 0, bench.out]);
        bench.close(iommu);
        status
    });
}

#[test]
pub(crate) fn bti_pin() {
    sweep(
        |bench| (bench.bti(), bench.vmo(1)),
        |bench, (bti, vmo)| bench.try_pin(*bti, *vmo, 1),
        |bench, (bti, vmo), status| {
            if status == Status::OK {
                bench.unpin();
            }
            bench.close(vmo);
            bench.close(bti);
        },
    );
}

/// In more than one piece, over pins that cut each other.
#[test]
pub(crate) fn bti_pin_of_many() {
    sweep(
        |bench| {
            let bti = bench.bti();
            let vmo = bench.contiguous(bti, 80);
            let pins = [3, 17, 40].map(|pages| {
                assert_eq!(bench.try_pin(bti, vmo, pages), Status::OK);
                bench.handle()
            });
            (bti, vmo, pins)
        },
        |bench, (bti, vmo, _)| bench.try_pin(*bti, *vmo, 80),
        |bench, (bti, vmo, pins), status| {
            if status == Status::OK {
                bench.unpin();
            }
            for pmt in pins {
                bench.call(Sysno::pmt_unpin, &[pmt]);
            }
            bench.close(vmo);
            bench.close(bti);
        },
    );
}

#[test]
pub(crate) fn bti_pin_of_many_tokens() {
    sweep(
        |bench| {
            let bti = bench.bti();
            let vmo = bench.vmo(1);
            // As many as fill a chunk of the table.
            let pins = [0; 32].map(|_: u64| {
                assert_eq!(bench.try_pin(bti, vmo, 1), Status::OK);
                bench.handle()
            });
            (bti, vmo, pins)
        },
        |bench, (bti, vmo, _)| bench.try_pin(*bti, *vmo, 1),
        |bench, (bti, vmo, pins), status| {
            if status == Status::OK {
                bench.unpin();
            }
            pins.into_iter().for_each(|pmt| bench.call(Sysno::pmt_unpin, &[pmt]));
            bench.close(vmo);
            bench.close(bti);
        },
    );
}

#[test]
pub(crate) fn vmo_create_contiguous() {
    sweep(
        |bench| bench.bti(),
        |bench, bti| bench.try_call(Sysno::vmo_create_contiguous, &[*bti, 70 * P, 0, bench.out]),
        |bench, bti, status| {
            if status == Status::OK {
                let vmo = bench.handle();
                bench.close(vmo);
            }
            bench.close(bti);
        },
    );
}

#[test]
pub(crate) fn vmo_set_cache_policy_of_contiguous() {
    sweep(
        |bench| {
            let bti = bench.bti();
            (bti, bench.contiguous(bti, 20))
        },
        |bench, (_, vmo)| bench.try_call(Sysno::vmo_set_cache_policy, &[*vmo, 1]),
        |bench, (bti, vmo), _| {
            bench.close(vmo);
            bench.close(bti);
        },
    );
}

/// Letting go needs none.
#[test]
pub(crate) fn unpinning_needs_no_memory() {
    let mut bench = Bench::new();
    let bti = bench.bti();
    let vmo = bench.vmo(8);
    let pins: Vec<u64> = (1..8)
        .map(|pages| {
            assert_eq!(bench.try_pin(bti, vmo, pages), Status::OK);
            bench.handle()
        })
        .collect();
    for supply in [Supply::Heap, Supply::Frames] {
        bench.arm(supply, Some(1));
    }
    for (n, pmt) in pins.into_iter().enumerate() {
        let call = if n % 2 == 0 { Sysno::pmt_unpin } else { Sysno::handle_close };
        bench.call(call, &[pmt]);
    }
    bench.call(Sysno::bti_release_quarantine, &[bti]);
    assert!(!bench.has_failed(Supply::Heap) && !bench.has_failed(Supply::Frames));
}
