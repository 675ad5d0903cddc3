/* What the tests know of the machine, by the device table and the device tree, and short ways to begin. */
#include <stdlib.h>

#include <jacinth/device-table.h>
#include <lib/mmio-ptr/mmio-ptr.h>

#include "conformance.h"

struct world world;

static zx_handle_t handles[256];
static size_t handle_count;
static struct range mappings[64];
static size_t mapping_count;

zx_handle_t keep(zx_handle_t handle) {
    if (handle != ZX_HANDLE_INVALID && handle_count < sizeof(handles) / sizeof(handles[0])) {
        handles[handle_count++] = handle;
    }
    return handle;
}

void drop(zx_handle_t handle) {
    zx_handle_close(handle);
    for (size_t i = 0; i < handle_count; i++) {
        if (handles[i] == handle) {
            handles[i] = handles[--handle_count];
            return;
        }
    }
}

zx_vaddr_t keep_mapping(zx_vaddr_t address, uint64_t size) {
    if (address != 0 && mapping_count < sizeof(mappings) / sizeof(mappings[0])) {
        mappings[mapping_count++] = (struct range){address, size};
    }
    return address;
}

void drop_mapping(zx_vaddr_t address) {
    for (size_t i = 0; i < mapping_count; i++) {
        if (mappings[i].base == address) {
            zx_vmar_unmap(zx_vmar_root_self(), address, mappings[i].size);
            mappings[i] = mappings[--mapping_count];
            return;
        }
    }
}

void tidy(void) {
    while (mapping_count != 0) {
        drop_mapping(mappings[mapping_count - 1].base);
    }
    while (handle_count != 0) {
        zx_handle_close(handles[--handle_count]);
    }
}

/* Reads a whole VMO; NULL if that cannot be. */
static void* contents(zx_handle_t vmo) {
    uint64_t size = 0;
    if (zx_vmo_get_size(vmo, &size) != ZX_OK) {
        return NULL;
    }
    void* bytes = malloc(size);
    if (bytes != NULL && zx_vmo_read(vmo, bytes, 0, size) != ZX_OK) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* Whether a `compatible` list has a string that contains `part`. */
static bool is_compatible(const char* list, size_t size, const char* part) {
    for (size_t at = 0; at < size; at += strnlen(list + at, size - at) + 1) {
        char entry[64];
        snprintf(entry, sizeof(entry), "%.*s", (int)(size - at), list + at);
        if (strstr(entry, part) != NULL) {
            return true;
        }
    }
    return false;
}

static bool find_devices(const char* table) {
    const jacinth_device_table_t* head = (const void*)table;
    if (head->magic != JACINTH_DEVICE_TABLE_MAGIC) {
        return false;
    }
    const jacinth_device_node_t* nodes = (const void*)(head + 1);
    const jacinth_device_window_t* windows = (const void*)(nodes + head->nodes);
    const char* strings = table + head->size - head->strings;
    for (uint32_t i = 0; i < head->windows; i++) {
        const jacinth_device_node_t* node = &nodes[windows[i].node];
        const char* list = strings + node->compatible;
        struct range range = {windows[i].base, windows[i].size};
        if (is_compatible(list, node->compatible_size, "arm,pl031")) {
            world.registers = range;
        } else if (is_compatible(list, node->compatible_size, "cfi-flash")) {
            world.flash = range;
        } else if (world.controller == 0 && is_compatible(list, node->compatible_size, "-gic")) {
            world.controller = range.base;
        } else if (world.controller == 0 && is_compatible(list, node->compatible_size, "gic-v3")) {
            world.controller = range.base;
        }
    }
    return world.registers.size != 0 && world.flash.size != 0 && world.controller != 0;
}

static uint64_t cell(const uint8_t* at) {
    return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
}

/* The first bank of RAM: `reg` of the first node at the top whose name starts with "memory", two cells each. */
static bool find_ram(const uint8_t* blob) {
    enum { BEGIN = 1, END = 2, PROPERTY = 3, NOP = 4 };
    const uint8_t* at = blob + cell(blob + 8);
    const char* strings = (const char*)blob + cell(blob + 12);
    unsigned depth = 0;
    bool here = false;
    for (;;) {
        uint64_t token = cell(at);
        at += 4;
        if (token == BEGIN) {
            depth++;
            here = depth == 2 && strncmp((const char*)at, "memory", 6) == 0;
            at += (strlen((const char*)at) + 4) & ~(size_t)3;
        } else if (token == END) {
            depth--;
            here = false;
        } else if (token == PROPERTY) {
            uint64_t size = cell(at);
            if (here && size >= 16 && strcmp(strings + cell(at + 4), "reg") == 0) {
                world.ram.base = cell(at + 8) << 32 | cell(at + 12);
                world.ram.size = cell(at + 16) << 32 | cell(at + 20);
                return true;
            }
            at += 8 + ((size + 3) & ~(uint64_t)3);
        } else if (token != NOP) {
            return false;
        }
    }
}

bool explore(void) {
    world.mmio_root = zx_take_startup_handle(PA_HND(PA_MMIO_RESOURCE, 0));
    world.irq_root = zx_take_startup_handle(PA_HND(PA_IRQ_RESOURCE, 0));
    world.system_root = zx_take_startup_handle(PA_HND(PA_SYSTEM_RESOURCE, 0));
    world.vdso = zx_take_startup_handle(PA_HND(PA_VMO_VDSO, 0));
    void* table = contents(zx_take_startup_handle(PA_HND(PA_DEVICE_TABLE, 0)));
    void* blob = contents(zx_take_startup_handle(PA_HND(PA_VMO_BOOTDATA, 0)));
    if (world.mmio_root == ZX_HANDLE_INVALID || table == NULL || blob == NULL) {
        printf("the roots were not given: start with --grant roots\n");
        return false;
    }
    if (!find_devices(table) || !find_ram(blob)) {
        printf("this board has no PL031, flash, GIC or RAM that the tests could use\n");
        return false;
    }
    free(table);
    free(blob);
    return true;
}

zx_handle_t resource_for(zx_paddr_t base, size_t size) {
    zx_handle_t resource = ZX_HANDLE_INVALID;
    zx_resource_create(world.mmio_root, ZX_RSRC_KIND_MMIO, base, size, "test", 4, &resource);
    return keep(resource);
}

zx_handle_t registers_vmo(void) {
    zx_handle_t vmo = ZX_HANDLE_INVALID;
    zx_vmo_create_physical(resource_for(world.registers.base, world.registers.size), world.registers.base, P, &vmo);
    return keep(vmo);
}

zx_handle_t flash_vmo(uint64_t pages, uint32_t policy) {
    zx_handle_t vmo = ZX_HANDLE_INVALID;
    zx_vmo_create_physical(resource_for(world.flash.base, pages * P), world.flash.base, pages * P, &vmo);
    zx_vmo_set_cache_policy(vmo, policy);
    return keep(vmo);
}

zx_handle_t slice_of(zx_handle_t vmo, uint64_t offset, uint64_t size) {
    zx_handle_t slice = ZX_HANDLE_INVALID;
    zx_vmo_create_child(vmo, ZX_VMO_CHILD_SLICE, offset, size, &slice);
    return keep(slice);
}

zx_vaddr_t map(zx_handle_t vmo, zx_vm_option_t options, uint64_t size) {
    zx_vaddr_t address = 0;
    zx_vmar_map(zx_vmar_root_self(), options, 0, vmo, 0, size, &address);
    return keep_mapping(address, size);
}

zx_handle_t with_rights(zx_handle_t handle, zx_rights_t rights) {
    zx_handle_t duplicate = ZX_HANDLE_INVALID;
    zx_handle_duplicate(handle, rights, &duplicate);
    return keep(duplicate);
}

zx_info_vmo_t info_of(zx_handle_t vmo) {
    zx_info_vmo_t info;
    if (zx_object_get_info(vmo, ZX_INFO_VMO, &info, sizeof(info), NULL, NULL) != ZX_OK) {
        memset(&info, 0xee, sizeof(info));
    }
    return info;
}

static zx_info_handle_basic_t basic_of(zx_handle_t handle) {
    zx_info_handle_basic_t info;
    if (zx_object_get_info(handle, ZX_INFO_HANDLE_BASIC, &info, sizeof(info), NULL, NULL) != ZX_OK) {
        memset(&info, 0xee, sizeof(info));
    }
    return info;
}

zx_rights_t rights_of(zx_handle_t handle) { return basic_of(handle).rights; }
zx_koid_t koid_of(zx_handle_t handle) { return basic_of(handle).koid; }

zx_signals_t signals_of(zx_handle_t handle) {
    zx_signals_t observed = 0;
    zx_object_wait_one(handle, 0, ZX_TIME_INFINITE_PAST, &observed);
    return observed;
}

uint64_t translated(zx_vaddr_t address) {
    uint64_t par = 0xee;
    zx_jacinth_translate(world.system_root, address, 0, &par);
    return par;
}

void program_flash(zx_vaddr_t address, uint32_t word) {
    store(address, 0x00400040);
    store(address, word);
    store(address, 0x00ff00ff);
}

uint32_t load(zx_vaddr_t address) { return MmioRead32((const volatile uint32_t*)address); }
void store(zx_vaddr_t address, uint32_t value) { MmioWrite32(value, (volatile uint32_t*)address); }
