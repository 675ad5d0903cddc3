/* What zx_system_get_features tells.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_FEATURES_H_
#define ZIRCON_FEATURES_H_

#include <stdint.h>

/* Kinds. The kernel sets no bit of any of them yet. */
#define ZX_FEATURE_KIND_CPU                 0u
#define ZX_FEATURE_KIND_HW_BREAKPOINT_COUNT 1u
#define ZX_FEATURE_KIND_HW_WATCHPOINT_COUNT 2u
#define ZX_FEATURE_KIND_ADDRESS_TAGGING     3u
#define ZX_FEATURE_KIND_VM                  4u

/* Of the CPU. */
#define ZX_HAS_CPU_FEATURES          1u
#define ZX_ARM64_FEATURE_ISA_FP      2u
#define ZX_ARM64_FEATURE_ISA_ASIMD   4u
#define ZX_ARM64_FEATURE_ISA_AES     8u
#define ZX_ARM64_FEATURE_ISA_PMULL   0x10u
#define ZX_ARM64_FEATURE_ISA_SHA1    0x20u
#define ZX_ARM64_FEATURE_ISA_SHA256  0x40u
#define ZX_ARM64_FEATURE_ISA_CRC32   0x80u
#define ZX_ARM64_FEATURE_ISA_ATOMICS 0x100u
#define ZX_ARM64_FEATURE_ISA_RDM     0x200u
#define ZX_ARM64_FEATURE_ISA_SHA3    0x400u
#define ZX_ARM64_FEATURE_ISA_SM3     0x800u
#define ZX_ARM64_FEATURE_ISA_SM4     0x1000u
#define ZX_ARM64_FEATURE_ISA_DP      0x2000u
#define ZX_ARM64_FEATURE_ISA_DPB     0x4000u
#define ZX_ARM64_FEATURE_ISA_FHM     0x8000u
#define ZX_ARM64_FEATURE_ISA_TS      0x10000u
#define ZX_ARM64_FEATURE_ISA_RNDR    0x20000u
#define ZX_ARM64_FEATURE_ISA_SHA512  0x40000u
#define ZX_ARM64_FEATURE_ISA_I8MM    0x80000u
#define ZX_ARM64_FEATURE_ISA_SVE     0x100000u
#define ZX_ARM64_FEATURE_ISA_ARM32   0x200000u
#define ZX_ARM64_FEATURE_ISA_MOPS    0x400000u

#define ZX_ARM64_FEATURE_ISA_SHA2 ZX_ARM64_FEATURE_ISA_SHA256

/* Of address tagging, and of address spaces. */
#define ZX_ARM64_FEATURE_ADDRESS_TAGGING_TBI 1u
#define ZX_VM_FEATURE_CAN_MAP_XOM            1u

#endif /* ZIRCON_FEATURES_H_ */
