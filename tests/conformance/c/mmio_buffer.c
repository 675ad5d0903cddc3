/* The window of a device's registers as drivers in C take it. */
#include <lib/mmio/mmio-buffer.h>

#include "conformance.h"

#define DEVICE ZX_CACHE_POLICY_UNCACHED_DEVICE

/* A handle of its own for mmio_buffer_init, which takes it in every case. */
static zx_handle_t another(zx_handle_t vmo) {
    zx_handle_t out = ZX_HANDLE_INVALID;
    zx_handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS, &out);
    return out;
}

/* Whether this program may read there: PAR_EL1.F says that it may not. */
static bool is_mapped(uintptr_t address) { return (translated(address) & 1) == 0; }

static bool no_buffer(void) {
    REFUSED(mmio_buffer_init(NULL, 0, P, another(registers_vmo()), DEVICE), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool bad_offsets(void) {
    mmio_buffer_t buffer;
    zx_handle_t vmo = flash_vmo(2, DEVICE);
    REFUSED(mmio_buffer_init(&buffer, (zx_off_t)-1, P, another(vmo), DEVICE), ZX_ERR_OUT_OF_RANGE);
    REFUSED(mmio_buffer_init(&buffer, 2 * P + 1, 1, another(vmo), DEVICE), ZX_ERR_OUT_OF_RANGE);
    REFUSED(mmio_buffer_init(&buffer, P, 2 * P, another(vmo), DEVICE), ZX_ERR_OUT_OF_RANGE);
    REFUSED(mmio_buffer_init(&buffer, 0, 0, another(vmo), DEVICE), ZX_ERR_INVALID_ARGS);
    REFUSED(mmio_buffer_init(&buffer, 0, P, another(vmo), 4), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool too_large(void) {
    mmio_buffer_t buffer;
    zx_handle_t vmo = flash_vmo(2, DEVICE);
    REFUSED(mmio_buffer_init(&buffer, 0, 2 * P + 1, another(vmo), DEVICE), ZX_ERR_OUT_OF_RANGE);
    REFUSED(mmio_buffer_init(&buffer, 0, SIZE_MAX, another(vmo), DEVICE), ZX_ERR_OUT_OF_RANGE);
    return true;
}

static bool bad_vmo(void) {
    mmio_buffer_t buffer;
    REFUSED(mmio_buffer_init(&buffer, 0, P, ZX_HANDLE_INVALID, DEVICE), ZX_ERR_BAD_HANDLE);
    zx_handle_t event;
    WORKS(zx_event_create(0, &event));
    REFUSED(mmio_buffer_init(&buffer, 0, P, event, DEVICE), ZX_ERR_WRONG_TYPE);
    REFUSED(zx_handle_check_valid(event), ZX_ERR_BAD_HANDLE);
    return true;
}

static bool good_arguments(void) {
    mmio_buffer_t buffer;
    WORKS(mmio_buffer_init(&buffer, 0, P, another(registers_vmo()), DEVICE));
    TRUTH(buffer.vaddr != NULL && (uintptr_t)buffer.vaddr % P == 0);
    SAME(buffer.offset, 0);
    SAME(buffer.size, P);
    mmio_buffer_write32(&buffer, 0x1234, 4);
    SAME(mmio_buffer_read32(&buffer, 4), 0x1234);
    /* The cell's number, byte by byte: the smaller accesses reach the register as well. */
    SAME(mmio_buffer_read8(&buffer, 0xfe0), 0x31);
    mmio_buffer_release(&buffer);
    TRUTH(buffer.vaddr == NULL && buffer.offset == 0 && buffer.size == 0 && buffer.vmo == ZX_HANDLE_INVALID);
    /* A second release finds nothing to do. */
    mmio_buffer_release(&buffer);
    return true;
}

static bool unaligned_offset(void) {
    mmio_buffer_t buffer;
    zx_handle_t vmo = flash_vmo(4, DEVICE);
    WORKS(mmio_buffer_init(&buffer, P + 0x123, P, another(vmo), DEVICE));
    SAME((uintptr_t)buffer.vaddr % P, 0x123);
    SAME(buffer.size, P);
    SAME(info_of(vmo).num_mappings, 1);
    /* Two pages are mapped: both that the window touches. */
    uintptr_t first = (uintptr_t)buffer.vaddr & ~(uintptr_t)(P - 1);
    TRUTH(is_mapped(first) && is_mapped(first + P));
    mmio_buffer_release(&buffer);
    TRUTH(!is_mapped(first) && !is_mapped(first + P));
    SAME(info_of(vmo).num_mappings, 0);
    return true;
}

static bool gone_after_release(void) {
    mmio_buffer_t buffer;
    WORKS(mmio_buffer_init_physical(&buffer, world.registers.base + 0xfe0, 0x20,
                                    resource_for(world.registers.base, P), DEVICE));
    SAME(mmio_buffer_read32(&buffer, 0), 0x31);
    uintptr_t at = (uintptr_t)buffer.vaddr;
    SAME(at % P, 0xfe0);
    TRUTH(is_mapped(at));
    mmio_buffer_release(&buffer);
    TRUTH(!is_mapped(at));
    /* And whoever goes there ends. */
    for (int released = 0; released < 2; released++) {
        int64_t retcode = 0;
        if (!puppet_window(registers_vmo(), 0xfe0, 0x20, released != 0, &retcode)) {
            return false;
        }
        SAME(retcode, released == 0 ? 0 : ZX_TASK_RETCODE_EXCEPTION_KILL);
    }
    return true;
}

static bool mapped_already(void) {
    mmio_buffer_t buffer;
    zx_handle_t vmo = registers_vmo();
    TRUTH(map(vmo, ZX_VM_PERM_READ, P) != 0);
    REFUSED(mmio_buffer_init(&buffer, 0, P, another(vmo), ZX_CACHE_POLICY_UNCACHED), ZX_ERR_BAD_STATE);
    WORKS(mmio_buffer_init(&buffer, 0, P, another(vmo), DEVICE));
    mmio_buffer_release(&buffer);
    return true;
}

static bool always_taken(void) {
    mmio_buffer_t buffer;
    zx_handle_t vmo = flash_vmo(1, DEVICE);
    struct {
        mmio_buffer_t* buffer;
        zx_off_t offset;
        size_t size;
        uint32_t policy;
    } bad[] = {{NULL, 0, P, DEVICE}, {&buffer, 0, 0, DEVICE}, {&buffer, P, P, DEVICE}, {&buffer, 0, P, 7}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        zx_handle_t given = another(vmo);
        TRUTH(mmio_buffer_init(bad[i].buffer, bad[i].offset, bad[i].size, given, bad[i].policy) != ZX_OK);
        REFUSED(zx_handle_check_valid(given), ZX_ERR_BAD_HANDLE);
    }
    SAME(info_of(vmo).num_mappings, 0);
    return true;
}

/* What MmioBuffer does: a VMO's third page, shown at once. */
static bool range_with_offset(void) {
    mmio_buffer_t buffer;
    WORKS(mmio_buffer_init(&buffer, 2 * P, P, another(flash_vmo(4, DEVICE)), DEVICE));
    TRUTH(is_mapped((uintptr_t)buffer.vaddr));
    (void)mmio_buffer_read32(&buffer, 0);
    mmio_buffer_release(&buffer);
    return true;
}

const struct test mmio_buffer_tests[] = {
    {"MMB-001", "a buffer is needed", no_buffer},
    {"MMB-002", "a window lies in its VMO and has a size", bad_offsets},
    {"MMB-004", "a window is no larger than its VMO", too_large},
    {"MMB-005", "a VMO is needed", bad_vmo},
    {"MMB-007", "a window is mapped, and its fields are reset", good_arguments},
    {"MMB-008", "a window may start inside a page; the pages that it touches are mapped", unaligned_offset},
    {"MMB-010", "a released window is gone", gone_after_release},
    {"MMB-011", "a mapped VMO keeps its policy", mapped_already},
    {"MMB-013", "the VMO is taken in every case", always_taken},
    {"VMR-010", "a window may start further on in its VMO", range_with_offset},
    {NULL, NULL, NULL},
};
