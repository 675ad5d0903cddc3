/* A device's registers, each access one load or store of its width.
 *
 * Never a plain volatile access: a compiler makes forms of those that no hypervisor can emulate, such as
 * `ldr w0, [x1], #4`, and may join two of them. Accesses to one device keep their order; one that memory or another
 * device must see before the next needs a barrier. */
#ifndef LIB_MMIO_PTR_MMIO_PTR_H_
#define LIB_MMIO_PTR_MMIO_PTR_H_

#include <stddef.h>
#include <stdint.h>

/* Marks a pointer that only these functions follow. */
#define MMIO_PTR

#if defined(__aarch64__)

static inline uint8_t MmioRead8(MMIO_PTR const volatile uint8_t* address) {
    uint32_t value;
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return (uint8_t)value;
}

static inline uint16_t MmioRead16(MMIO_PTR const volatile uint16_t* address) {
    uint32_t value;
    __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return (uint16_t)value;
}

static inline uint32_t MmioRead32(MMIO_PTR const volatile uint32_t* address) {
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline uint64_t MmioRead64(MMIO_PTR const volatile uint64_t* address) {
    uint64_t value;
    __asm__ volatile("ldr %x0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void MmioWrite8(uint8_t value, MMIO_PTR volatile uint8_t* address) {
    __asm__ volatile("strb %w0, [%1]" : : "rZ"((uint32_t)value), "r"(address) : "memory");
}

static inline void MmioWrite16(uint16_t value, MMIO_PTR volatile uint16_t* address) {
    __asm__ volatile("strh %w0, [%1]" : : "rZ"((uint32_t)value), "r"(address) : "memory");
}

static inline void MmioWrite32(uint32_t value, MMIO_PTR volatile uint32_t* address) {
    __asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

static inline void MmioWrite64(uint64_t value, MMIO_PTR volatile uint64_t* address) {
    __asm__ volatile("str %x0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

#else

/* A development machine has no devices: this is for tests of what uses windows. */
#define MMIO_PTR_PLAIN(bits)                                                                       \
    static inline uint##bits##_t MmioRead##bits(MMIO_PTR const volatile uint##bits##_t* address) { \
        return *address;                                                                           \
    }                                                                                              \
    static inline void MmioWrite##bits(uint##bits##_t value, MMIO_PTR volatile uint##bits##_t* address) { \
        *address = value;                                                                          \
    }
MMIO_PTR_PLAIN(8)
MMIO_PTR_PLAIN(16)
MMIO_PTR_PLAIN(32)
MMIO_PTR_PLAIN(64)
#undef MMIO_PTR_PLAIN

#endif

#endif /* LIB_MMIO_PTR_MMIO_PTR_H_ */
