/* A window of a device's registers. */
#include <lib/mmio/mmio-buffer.h>

#include <zircon/process.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>

#define PAGE_MASK ((uint64_t)ZX_PAGE_SIZE - 1)

static zx_status_t set_policy(zx_handle_t vmo, uint32_t policy) {
    zx_info_vmo_t info;
    zx_status_t status = zx_object_get_info(vmo, ZX_INFO_VMO, &info, sizeof(info), NULL, NULL);
    /* A VMO that is mapped keeps its policy: it is set only where it differs. */
    if (status == ZX_OK && info.cache_policy != policy) {
        status = zx_vmo_set_cache_policy(vmo, policy);
    }
    return status;
}

static zx_status_t map(mmio_buffer_t* buffer, zx_off_t offset, size_t size, zx_handle_t vmo, uint32_t policy) {
    uint64_t whole = 0, end = 0;
    zx_status_t status = zx_vmo_get_size(vmo, &whole);
    if (status != ZX_OK) {
        return status;
    }
    if (size == 0 || (policy & ~ZX_CACHE_POLICY_MASK) != 0) {
        return ZX_ERR_INVALID_ARGS;
    }
    if (__builtin_add_overflow(offset, size, &end) || end > whole) {
        return ZX_ERR_OUT_OF_RANGE;
    }
    status = set_policy(vmo, policy);
    if (status != ZX_OK) {
        return status;
    }
    uint64_t first = offset & ~PAGE_MASK;
    uint64_t length = (end - first + PAGE_MASK) & ~PAGE_MASK;
    zx_vaddr_t address = 0;
    status = zx_vmar_map(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE | ZX_VM_MAP_RANGE, 0, vmo, first,
                         length, &address);
    if (status == ZX_OK) {
        buffer->vaddr = (MMIO_PTR volatile void*)(address + (offset - first));
        buffer->offset = offset;
        buffer->size = size;
        buffer->vmo = vmo;
    }
    return status;
}

zx_status_t mmio_buffer_init(mmio_buffer_t* buffer, zx_off_t offset, size_t size, zx_handle_t vmo,
                             uint32_t cache_policy) {
    zx_status_t status = buffer == NULL ? ZX_ERR_INVALID_ARGS : map(buffer, offset, size, vmo, cache_policy);
    if (status != ZX_OK && vmo != ZX_HANDLE_INVALID) {
        /* The VMO was handed over: it goes in every case. */
        (void)zx_handle_close(vmo);
    }
    return status;
}

zx_status_t mmio_buffer_init_physical(mmio_buffer_t* buffer, zx_paddr_t base, size_t size, zx_handle_t resource,
                                      uint32_t cache_policy) {
    uint64_t end = 0;
    if (buffer == NULL || size == 0) {
        return ZX_ERR_INVALID_ARGS;
    }
    if (__builtin_add_overflow(base, size, &end) || __builtin_add_overflow(end, PAGE_MASK, &end)) {
        return ZX_ERR_OUT_OF_RANGE;
    }
    zx_paddr_t first = base & ~PAGE_MASK;
    zx_handle_t vmo = ZX_HANDLE_INVALID;
    zx_status_t status = zx_vmo_create_physical(resource, first, (end & ~PAGE_MASK) - first, &vmo);
    return status == ZX_OK ? mmio_buffer_init(buffer, base - first, size, vmo, cache_policy) : status;
}

void mmio_buffer_release(mmio_buffer_t* buffer) {
    if (buffer->vmo == ZX_HANDLE_INVALID) {
        return;
    }
    uintptr_t address = (uintptr_t)buffer->vaddr;
    uintptr_t first = address & ~PAGE_MASK;
    (void)zx_vmar_unmap(zx_vmar_root_self(), first, (address + buffer->size - first + PAGE_MASK) & ~PAGE_MASK);
    (void)zx_handle_close(buffer->vmo);
    *buffer = (mmio_buffer_t){0};
}
