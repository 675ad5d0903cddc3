/* IOMMUs.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_IOMMU_H_
#define ZIRCON_SYSCALLS_IOMMU_H_

#include <stdint.h>

/* Kinds. Only the first is built: devices reach memory by physical addresses. */
#define ZX_IOMMU_TYPE_STUB     0u
#define ZX_IOMMU_TYPE_DUMMY    0u
#define ZX_IOMMU_TYPE_INTEL    1u
#define ZX_IOMMU_TYPE_ARM_SMMU 2u

/* What zx_iommu_create takes for it: nothing is read of it. */
typedef struct zx_iommu_desc_stub {
  uint8_t reserved;
} zx_iommu_desc_stub_t;
typedef struct zx_iommu_desc_dummy {
  uint8_t reserved;
} zx_iommu_desc_dummy_t;

#endif /* ZIRCON_SYSCALLS_IOMMU_H_ */
