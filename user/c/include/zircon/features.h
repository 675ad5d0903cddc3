/* What zx_system_get_features tells.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_FEATURES_H_
#define ZIRCON_FEATURES_H_

#include <stdint.h>

/* Kinds. The kernel sets no bit of any of them yet. */
#define ZX_FEATURE_KIND_CPU                 ((uint32_t)0u)
#define ZX_FEATURE_KIND_HW_BREAKPOINT_COUNT ((uint32_t)1u)
#define ZX_FEATURE_KIND_HW_WATCHPOINT_COUNT ((uint32_t)2u)
#define ZX_FEATURE_KIND_ADDRESS_TAGGING     ((uint32_t)3u)
#define ZX_FEATURE_KIND_VM                  ((uint32_t)4u)

/* Of the CPU. */
#define ZX_HAS_CPU_FEATURES          ((uint32_t)1u)
#define ZX_ARM64_FEATURE_ISA_FP      ((uint32_t)2u)
#define ZX_ARM64_FEATURE_ISA_ASIMD   ((uint32_t)4u)
#define ZX_ARM64_FEATURE_ISA_AES     ((uint32_t)8u)
#define ZX_ARM64_FEATURE_ISA_PMULL   ((uint32_t)0x10u)
#define ZX_ARM64_FEATURE_ISA_SHA1    ((uint32_t)0x20u)
#define ZX_ARM64_FEATURE_ISA_SHA256  ((uint32_t)0x40u)
#define ZX_ARM64_FEATURE_ISA_CRC32   ((uint32_t)0x80u)
#define ZX_ARM64_FEATURE_ISA_ATOMICS ((uint32_t)0x100u)
#define ZX_ARM64_FEATURE_ISA_RDM     ((uint32_t)0x200u)
#define ZX_ARM64_FEATURE_ISA_SHA3    ((uint32_t)0x400u)
#define ZX_ARM64_FEATURE_ISA_SM3     ((uint32_t)0x800u)
#define ZX_ARM64_FEATURE_ISA_SM4     ((uint32_t)0x1000u)
#define ZX_ARM64_FEATURE_ISA_DP      ((uint32_t)0x2000u)
#define ZX_ARM64_FEATURE_ISA_DPB     ((uint32_t)0x4000u)
#define ZX_ARM64_FEATURE_ISA_FHM     ((uint32_t)0x8000u)
#define ZX_ARM64_FEATURE_ISA_TS      ((uint32_t)0x10000u)
#define ZX_ARM64_FEATURE_ISA_RNDR    ((uint32_t)0x20000u)
#define ZX_ARM64_FEATURE_ISA_SHA512  ((uint32_t)0x40000u)
#define ZX_ARM64_FEATURE_ISA_I8MM    ((uint32_t)0x80000u)
#define ZX_ARM64_FEATURE_ISA_SVE     ((uint32_t)0x100000u)
#define ZX_ARM64_FEATURE_ISA_ARM32   ((uint32_t)0x200000u)
#define ZX_ARM64_FEATURE_ISA_MOPS    ((uint32_t)0x400000u)

#define ZX_ARM64_FEATURE_ISA_SHA2 ZX_ARM64_FEATURE_ISA_SHA256

/* Of address tagging, and of address spaces. */
#define ZX_ARM64_FEATURE_ADDRESS_TAGGING_TBI ((uint32_t)1u)
#define ZX_VM_FEATURE_CAN_MAP_XOM            ((uint32_t)1u)

#endif /* ZIRCON_FEATURES_H_ */
