/* A window of a device's registers in this program's address space. */
#ifndef LIB_MMIO_MMIO_BUFFER_H_
#define LIB_MMIO_MMIO_BUFFER_H_

#include <lib/mmio-ptr/mmio-ptr.h>
#include <zircon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mmio_buffer {
    /* The first register: not at the start of a page if the window is not. */
    MMIO_PTR volatile void* vaddr;
    zx_off_t offset;
    size_t size;
    zx_handle_t vmo;
} mmio_buffer_t;

/* Maps [offset, offset + size) of a VMO with a cache policy. The VMO is taken, also when it fails: BAD_HANDLE or
 * WRONG_TYPE for what is no VMO; INVALID_ARGS without a buffer, for size 0 and for a policy that is none; OUT_OF_RANGE
 * beyond the VMO; BAD_STATE if the VMO is mapped with another policy. */
zx_status_t mmio_buffer_init(mmio_buffer_t* buffer, zx_off_t offset, size_t size, zx_handle_t vmo,
                             uint32_t cache_policy);

/* The same for [base, base + size) of what a resource grants; neither need be aligned. The resource stays the
 * caller's. */
zx_status_t mmio_buffer_init_physical(mmio_buffer_t* buffer, zx_paddr_t base, size_t size, zx_handle_t resource,
                                      uint32_t cache_policy);

/* Unmaps the window, closes its VMO and clears the buffer; a cleared buffer is left alone. */
void mmio_buffer_release(mmio_buffer_t* buffer);

#ifdef __cplusplus
}
#endif

/* The register at an offset of the window. */
static inline uint8_t mmio_buffer_read8(const mmio_buffer_t* buffer, zx_off_t at) {
    return MmioRead8((MMIO_PTR const volatile uint8_t*)((uintptr_t)buffer->vaddr + at));
}
static inline uint16_t mmio_buffer_read16(const mmio_buffer_t* buffer, zx_off_t at) {
    return MmioRead16((MMIO_PTR const volatile uint16_t*)((uintptr_t)buffer->vaddr + at));
}
static inline uint32_t mmio_buffer_read32(const mmio_buffer_t* buffer, zx_off_t at) {
    return MmioRead32((MMIO_PTR const volatile uint32_t*)((uintptr_t)buffer->vaddr + at));
}
static inline uint64_t mmio_buffer_read64(const mmio_buffer_t* buffer, zx_off_t at) {
    return MmioRead64((MMIO_PTR const volatile uint64_t*)((uintptr_t)buffer->vaddr + at));
}
static inline void mmio_buffer_write8(const mmio_buffer_t* buffer, uint8_t value, zx_off_t at) {
    MmioWrite8(value, (MMIO_PTR volatile uint8_t*)((uintptr_t)buffer->vaddr + at));
}
static inline void mmio_buffer_write16(const mmio_buffer_t* buffer, uint16_t value, zx_off_t at) {
    MmioWrite16(value, (MMIO_PTR volatile uint16_t*)((uintptr_t)buffer->vaddr + at));
}
static inline void mmio_buffer_write32(const mmio_buffer_t* buffer, uint32_t value, zx_off_t at) {
    MmioWrite32(value, (MMIO_PTR volatile uint32_t*)((uintptr_t)buffer->vaddr + at));
}
static inline void mmio_buffer_write64(const mmio_buffer_t* buffer, uint64_t value, zx_off_t at) {
    MmioWrite64(value, (MMIO_PTR volatile uint64_t*)((uintptr_t)buffer->vaddr + at));
}

#endif /* LIB_MMIO_MMIO_BUFFER_H_ */
