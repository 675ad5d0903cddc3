/* The tests of MmioBuffer on a development machine: its own code (user/c/src/mmio.c) over a model of the calls.
 *
 * The model has VMOs with a size, a policy and mappings, handles that are never used twice, and two devices made of
 * memory. Addresses are real: a mapping is where the device's bytes are, and what is not mapped is known by a list. */
#include <stdarg.h>
#include <stdlib.h>

#include <lib/mmio/mmio-buffer.h>

#include "../conformance.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct vmo {
    bool is_event;
    unsigned char* bytes;
    uint64_t size;
    uint32_t policy;
    uint64_t mappings;
    bool is_registers;
};

static struct vmo vmos[256];
static size_t vmo_count;
/* Handles count up by four from 7; 0 is a closed one. */
static struct vmo* handles[1024];
static size_t handle_count;
static struct {
    uintptr_t base;
    uint64_t size;
    struct vmo* vmo;
} mapped[64];
static _Alignas(4096) unsigned char registers[4096];
static _Alignas(4096) unsigned char flash[16 * 4096];

struct world world = {.registers = {0x9010000, 4096}, .flash = {0x4000000, sizeof(flash)}};

static zx_handle_t handle_to(struct vmo* vmo) {
    handles[handle_count++] = vmo;
    return (zx_handle_t)(4 * handle_count + 3);
}

static struct vmo** slot(zx_handle_t handle) {
    size_t index = handle / 4 - 1;
    bool valid = handle >= 7 && handle % 4 == 3 && index < handle_count && handles[index] != NULL;
    return valid ? &handles[index] : NULL;
}

static zx_status_t vmo_of(zx_handle_t handle, struct vmo** vmo) {
    struct vmo** found = slot(handle);
    *vmo = found == NULL ? NULL : *found;
    return found == NULL ? ZX_ERR_BAD_HANDLE : (*vmo)->is_event ? ZX_ERR_WRONG_TYPE : ZX_OK;
}

zx_handle_t zx_vmar_root_self(void) { return 3; }

zx_status_t zx_handle_check_valid(zx_handle_t handle) { return slot(handle) == NULL ? ZX_ERR_BAD_HANDLE : ZX_OK; }

zx_status_t zx_handle_close(zx_handle_t handle) {
    struct vmo** found = slot(handle);
    if (found == NULL) {
        return handle == 0 ? ZX_OK : ZX_ERR_BAD_HANDLE;
    }
    *found = NULL;
    return ZX_OK;
}

zx_status_t zx_handle_duplicate(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out) {
    (void)rights;
    struct vmo** found = slot(handle);
    *out = found == NULL ? 0 : handle_to(*found);
    return found == NULL ? ZX_ERR_BAD_HANDLE : ZX_OK;
}

zx_status_t zx_event_create(uint32_t options, zx_handle_t* out) {
    struct vmo* event = &vmos[vmo_count++];
    event->is_event = true;
    *out = handle_to(event);
    return options == 0 ? ZX_OK : ZX_ERR_INVALID_ARGS;
}

/* A resource is not modelled: any handle grants the two devices. */
zx_status_t zx_vmo_create_physical(zx_handle_t resource, zx_paddr_t paddr, size_t size, zx_handle_t* out) {
    (void)resource;
    if (size == 0 || size % P != 0 || paddr % P != 0) {
        return ZX_ERR_INVALID_ARGS;
    }
    bool is_registers = paddr == world.registers.base && size == P;
    bool is_flash = paddr >= world.flash.base && paddr + size <= world.flash.base + world.flash.size;
    if (!is_registers && !is_flash) {
        return ZX_ERR_ACCESS_DENIED;
    }
    struct vmo* vmo = &vmos[vmo_count++];
    vmo->bytes = is_registers ? registers : flash + (paddr - world.flash.base);
    vmo->size = size;
    vmo->policy = ZX_CACHE_POLICY_UNCACHED_DEVICE;
    vmo->is_registers = is_registers;
    *out = handle_to(vmo);
    return ZX_OK;
}

zx_status_t zx_vmo_get_size(zx_handle_t handle, uint64_t* size) {
    struct vmo* vmo;
    zx_status_t status = vmo_of(handle, &vmo);
    *size = status == ZX_OK ? vmo->size : 0;
    return status;
}

zx_status_t zx_vmo_set_cache_policy(zx_handle_t handle, uint32_t policy) {
    struct vmo* vmo;
    zx_status_t status = (policy & ~3u) != 0 ? ZX_ERR_INVALID_ARGS : vmo_of(handle, &vmo);
    if (status == ZX_OK && policy != vmo->policy) {
        if (vmo->mappings != 0) {
            return ZX_ERR_BAD_STATE;
        }
        vmo->policy = policy;
    }
    return status;
}

zx_status_t zx_object_get_info(zx_handle_t handle, uint32_t topic, void* buffer, size_t size, size_t* actual,
                               size_t* avail) {
    (void)actual, (void)avail;
    struct vmo* vmo;
    zx_status_t status = vmo_of(handle, &vmo);
    if (topic != ZX_INFO_VMO || size != sizeof(zx_info_vmo_t)) {
        return ZX_ERR_NOT_SUPPORTED;
    }
    if (status == ZX_OK) {
        *(zx_info_vmo_t*)buffer = (zx_info_vmo_t){.cache_policy = vmo->policy, .num_mappings = vmo->mappings};
    }
    return status;
}

zx_status_t zx_vmar_map(zx_handle_t vmar, uint32_t options, uint64_t vmar_offset, zx_handle_t handle, uint64_t offset,
                        uint64_t length, zx_vaddr_t* address) {
    struct vmo* vmo;
    zx_status_t status = vmo_of(handle, &vmo);
    if (status != ZX_OK) {
        return status;
    }
    bool sensible = vmar == 3 && vmar_offset == 0 && (options & ZX_VM_PERM_READ) != 0 && length != 0;
    if (!sensible || length % P != 0 || offset % P != 0 || offset + length > vmo->size) {
        return ZX_ERR_INVALID_ARGS;
    }
    for (size_t i = 0; i < COUNT(mapped); i++) {
        if (mapped[i].vmo == NULL) {
            mapped[i].base = (uintptr_t)vmo->bytes + offset;
            mapped[i].size = length;
            mapped[i].vmo = vmo;
            vmo->mappings++;
            *address = mapped[i].base;
            return ZX_OK;
        }
    }
    return ZX_ERR_NO_RESOURCES;
}

zx_status_t zx_vmar_unmap(zx_handle_t vmar, zx_vaddr_t address, uint64_t length) {
    for (size_t i = COUNT(mapped); vmar == 3 && i-- != 0;) {
        if (mapped[i].vmo != NULL && mapped[i].base == address && mapped[i].size == length) {
            mapped[i].vmo->mappings--;
            mapped[i].vmo = NULL;
            return ZX_OK;
        }
    }
    return ZX_ERR_INVALID_ARGS;
}

/* What the tests of the other families share, as far as these use it. */
zx_handle_t keep(zx_handle_t handle) { return handle; }
void drop(zx_handle_t handle) { zx_handle_close(handle); }
zx_handle_t resource_for(zx_paddr_t base, size_t size) { return base != 0 && size != 0 ? 3 : 0; }

static zx_handle_t physical(zx_paddr_t base, uint64_t size, uint32_t policy) {
    zx_handle_t vmo = 0;
    zx_vmo_create_physical(3, base, size, &vmo);
    zx_vmo_set_cache_policy(vmo, policy);
    return vmo;
}

zx_handle_t registers_vmo(void) { return physical(world.registers.base, P, ZX_CACHE_POLICY_UNCACHED_DEVICE); }
zx_handle_t flash_vmo(uint64_t pages, uint32_t policy) { return physical(world.flash.base, pages * P, policy); }

zx_vaddr_t map(zx_handle_t vmo, zx_vm_option_t options, uint64_t size) {
    zx_vaddr_t address = 0;
    zx_vmar_map(3, options, 0, vmo, 0, size, &address);
    return address;
}

zx_info_vmo_t info_of(zx_handle_t vmo) {
    zx_info_vmo_t info = {0};
    zx_object_get_info(vmo, ZX_INFO_VMO, &info, sizeof(info), NULL, NULL);
    return info;
}

/* As PAR_EL1 has it: bit 0 says that nobody may go there. */
uint64_t translated(zx_vaddr_t address) {
    for (size_t i = 0; i < COUNT(mapped); i++) {
        if (mapped[i].vmo != NULL && address - mapped[i].base < mapped[i].size) {
            return 0;
        }
    }
    return 1;
}

/* There are no processes here: the way of one is what the list says. */
bool puppet_window(zx_handle_t vmo, zx_off_t offset, size_t size, bool released, int64_t* retcode) {
    mmio_buffer_t buffer;
    zx_handle_t given = ZX_HANDLE_INVALID;
    zx_handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS, &given);
    WORKS(mmio_buffer_init(&buffer, offset, size, given, ZX_CACHE_POLICY_UNCACHED_DEVICE));
    uintptr_t at = (uintptr_t)buffer.vaddr;
    if (released) {
        mmio_buffer_release(&buffer);
    }
    *retcode = (translated(at) & 1) == 0 ? 0 : ZX_TASK_RETCODE_EXCEPTION_KILL;
    mmio_buffer_release(&buffer);
    return true;
}

static char why[200];

bool failed(const char* file, int line, const char* format, ...) {
    va_list args;
    va_start(args, format);
    int length = snprintf(why, sizeof(why), "%s:%d: ", file, line);
    vsnprintf(why + length, sizeof(why) - (size_t)length, format, args);
    va_end(args);
    return false;
}

int main(void) {
    registers[0xfe0] = 0x31;
    bool good = true;
    for (const struct test* test = mmio_buffer_tests; test->id != NULL; test++) {
        bool passed = test->run();
        printf("test %s ... %s%s\n", test->id, passed ? "ok" : "FAILED: ", passed ? "" : why);
        /* The next test finds nothing mapped. */
        for (size_t i = 0; i < COUNT(mapped); i++) {
            if (mapped[i].vmo != NULL) {
                mapped[i].vmo->mappings--;
                mapped[i].vmo = NULL;
            }
        }
        good = good && passed;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
