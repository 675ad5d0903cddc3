/* What can be done with a physical VMO, and what cannot. */
#include "conformance.h"

static bool no_read(void) {
    uint32_t word;
    REFUSED(zx_vmo_read(registers_vmo(), &word, 0, sizeof(word)), ZX_ERR_NOT_SUPPORTED);
    return true;
}

static bool no_write(void) {
    uint32_t word = 0;
    REFUSED(zx_vmo_write(registers_vmo(), &word, 0, sizeof(word)), ZX_ERR_NOT_SUPPORTED);
    return true;
}

static bool no_resize(void) {
    zx_handle_t vmo = registers_vmo();
    REFUSED(zx_vmo_set_size(vmo, 0), ZX_ERR_UNAVAILABLE);
    REFUSED(zx_vmo_set_size(vmo, P), ZX_ERR_UNAVAILABLE);
    REFUSED(zx_vmo_set_size(vmo, 2 * P), ZX_ERR_UNAVAILABLE);
    return true;
}

static bool no_stream_size(void) {
    REFUSED(zx_vmo_set_stream_size(registers_vmo(), 0), ZX_ERR_NOT_SUPPORTED);
    return true;
}

static bool each_refused(const uint32_t* operations, size_t count) {
    zx_handle_t vmo = registers_vmo();
    for (size_t i = 0; i < count; i++) {
        zx_status_t status = zx_vmo_op_range(vmo, operations[i], 0, P, NULL, 0);
        if (status != ZX_ERR_NOT_SUPPORTED) {
            return failed(__FILE__, __LINE__, "operation %u gave %s", operations[i], zx_status_get_string(status));
        }
    }
    return true;
}

static bool no_pages(void) {
    static const uint32_t operations[] = {ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_OP_ZERO};
    return each_refused(operations, 3);
}

static bool no_locks(void) {
    static const uint32_t operations[] = {ZX_VMO_OP_LOCK, ZX_VMO_OP_TRY_LOCK, ZX_VMO_OP_UNLOCK};
    return each_refused(operations, 3);
}

static bool prefetch_in_range(void) {
    zx_handle_t vmo = registers_vmo();
    WORKS(zx_vmo_op_range(vmo, ZX_VMO_OP_PREFETCH, 0, P, NULL, 0));
    REFUSED(zx_vmo_op_range(vmo, ZX_VMO_OP_PREFETCH, 0, 2 * P, NULL, 0), ZX_ERR_OUT_OF_RANGE);
    REFUSED(zx_vmo_op_range(vmo, ZX_VMO_OP_PREFETCH, 2 * P, P, NULL, 0), ZX_ERR_OUT_OF_RANGE);
    return true;
}

static bool hints(void) {
    zx_handle_t vmo = registers_vmo();
    WORKS(zx_vmo_op_range(vmo, ZX_VMO_OP_ALWAYS_NEED, 0, P, NULL, 0));
    WORKS(zx_vmo_op_range(vmo, ZX_VMO_OP_DONT_NEED, 0, P, NULL, 0));
    return true;
}

static bool made_executable(void) {
    zx_handle_t vmo = with_rights(registers_vmo(), ZX_DEFAULT_VMO_RIGHTS), vmex, out;
    WORKS(zx_resource_create(world.system_root, ZX_RSRC_KIND_SYSTEM, ZX_RSRC_SYSTEM_VMEX_BASE, 1, "vmex", 4, &vmex));
    keep(vmex);
    WORKS(zx_vmo_replace_as_executable(vmo, vmex, &out));
    keep(out);
    SAME(rights_of(out), ZX_DEFAULT_VMO_RIGHTS | ZX_RIGHT_EXECUTE);
    REFUSED(zx_handle_check_valid(vmo), ZX_ERR_BAD_HANDLE);
    return true;
}

static bool names(void) {
    zx_handle_t vmo = registers_vmo();
    char name[ZX_MAX_NAME_LEN];
    WORKS(zx_object_set_property(vmo, ZX_PROP_NAME, "rtc", 3));
    WORKS(zx_object_get_property(vmo, ZX_PROP_NAME, name, sizeof(name)));
    SAME(strcmp(name, "rtc"), 0);
    WORKS(zx_object_set_property(vmo, ZX_PROP_NAME, "a name of more than thirty-one bytes", 36));
    WORKS(zx_object_get_property(vmo, ZX_PROP_NAME, name, sizeof(name)));
    SAME(strlen(name), 31);
    SAME(strncmp(name, "a name of more than thirty-one bytes", 31), 0);
    return true;
}

static bool mapping_outlives_handle(void) {
    zx_handle_t vmo = registers_vmo();
    zx_handle_t other = with_rights(vmo, ZX_RIGHT_SAME_RIGHTS);
    zx_vaddr_t at = map(vmo, ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    TRUTH(at != 0);
    drop(vmo);
    store(at + 4, 0xcafe);
    SAME(load(at + 4), 0xcafe);
    SAME(info_of(other).num_mappings, 1);
    return true;
}

static bool make_bti(zx_handle_t* bti) {
    zx_handle_t right = ZX_HANDLE_INVALID, iommu = ZX_HANDLE_INVALID;
    zx_rsrc_system_base_t base = ZX_RSRC_SYSTEM_IOMMU_BASE;
    WORKS(zx_resource_create(world.system_root, ZX_RSRC_KIND_SYSTEM, base, 1, "iommu", 5, &right));
    keep(right);
    /* ZX_IOMMU_TYPE_STUB takes a description and reads nothing of it. */
    WORKS(zx_iommu_create(right, 0, "", 1, &iommu));
    keep(iommu);
    WORKS(zx_bti_create(iommu, 0, 0, bti));
    keep(*bti);
    return true;
}

/* A VMO of four pages, a part of it and a part of that are pinned where the whole is. */
static bool pinned_with_slices(zx_handle_t bti, zx_handle_t vmo, zx_paddr_t* places) {
    zx_handle_t pmt;
    zx_paddr_t addresses[2] = {0, 0};
    WORKS(zx_bti_pin(bti, ZX_BTI_PERM_READ, vmo, 0, 4 * P, places, 4, &pmt));
    WORKS(zx_pmt_unpin(pmt));
    zx_handle_t slice = slice_of(vmo, P, 3 * P);
    WORKS(zx_bti_pin(bti, ZX_BTI_PERM_READ, slice, P, 2 * P, addresses, 2, &pmt));
    SAME(addresses[0], places[2]);
    SAME(addresses[1], places[3]);
    WORKS(zx_pmt_unpin(pmt));
    zx_handle_t inner = slice_of(slice, P, P);
    WORKS(zx_bti_pin(bti, ZX_BTI_PERM_READ, inner, 0, P, addresses, 1, &pmt));
    SAME(addresses[0], places[2]);
    WORKS(zx_pmt_unpin(pmt));
    return true;
}

static bool pinned(void) {
    zx_handle_t bti, paged, row;
    zx_paddr_t places[4];
    if (!make_bti(&bti)) {
        return false;
    }
    WORKS(zx_vmo_create(4 * P, 0, &paged));
    WORKS(zx_vmo_create_contiguous(bti, 4 * P, 0, &row));
    keep(paged);
    keep(row);
    if (!pinned_with_slices(bti, paged, places) || !pinned_with_slices(bti, row, places)) {
        return false;
    }
    SAME(places[3], places[0] + 3 * P);
    if (!pinned_with_slices(bti, flash_vmo(4, ZX_CACHE_POLICY_UNCACHED_DEVICE), places)) {
        return false;
    }
    SAME(places[0], world.flash.base);
    SAME(places[3], world.flash.base + 3 * P);
    return true;
}

static bool pinned_contiguous(void) {
    zx_handle_t bti, pmt;
    if (!make_bti(&bti)) {
        return false;
    }
    zx_paddr_t address = 0;
    zx_handle_t vmo = flash_vmo(4, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    WORKS(zx_bti_pin(bti, ZX_BTI_PERM_READ | ZX_BTI_CONTIGUOUS, vmo, 0, 4 * P, &address, 1, &pmt));
    SAME(address, world.flash.base);
    WORKS(zx_pmt_unpin(pmt));
    return true;
}

static bool write_after_protect(void) {
    zx_vaddr_t at = map(registers_vmo(), ZX_VM_PERM_READ, P);
    TRUTH(at != 0);
    (void)load(at);
    WORKS(zx_vmar_protect(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, at, P));
    store(at + 4, 0x77);
    SAME(load(at + 4), 0x77);
    return true;
}

static bool beyond_the_end(void) {
    struct puppet puppet;
    int64_t retcode = 0;
    uint64_t result = 0;
    zx_handle_t vmo = registers_vmo();
    for (uint64_t page = 0; page < 2; page++) {
        zx_vaddr_t at = 0;
        if (!puppet_new(&puppet, zx_job_default())) {
            return false;
        }
        WORKS(zx_vmar_map(puppet.vmar, ZX_VM_PERM_READ, 0, vmo, 0, 2 * P, &at));
        uint64_t address = at + page * P + 0xfe0;
        if (!puppet_run(&puppet, NULL, &address, 1, &retcode, &result)) {
            return false;
        }
        SAME(retcode, page == 0 ? 0 : ZX_TASK_RETCODE_EXCEPTION_KILL);
    }
    return true;
}

static bool no_execute_right(void) {
    zx_handle_t plain = with_rights(flash_vmo(1, ZX_CACHE_POLICY_CACHED), ZX_DEFAULT_VMO_RIGHTS);
    zx_vaddr_t at = 0;
    REFUSED(zx_vmar_map(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_EXECUTE, 0, plain, 0, P, &at),
            ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool map_range_again(void) {
    zx_vaddr_t at = map(registers_vmo(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    TRUTH(at != 0);
    WORKS(zx_vmar_op_range(zx_vmar_root_self(), ZX_VMAR_OP_MAP_RANGE, at, P, NULL, 0));
    return true;
}

static bool no_pages_by_address(void) {
    zx_vaddr_t at = map(registers_vmo(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    TRUTH(at != 0);
    static const uint32_t operations[] = {ZX_VMAR_OP_COMMIT, ZX_VMAR_OP_DECOMMIT, ZX_VMAR_OP_ZERO};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(zx_vmar_op_range(zx_vmar_root_self(), operations[i], at, P, NULL, 0), ZX_ERR_NOT_SUPPORTED);
    }
    return true;
}

const struct test physical_ops_tests[] = {
    {"PHO-001", "a physical VMO cannot be read", no_read},
    {"PHO-002", "a physical VMO cannot be written", no_write},
    {"PHO-004", "a physical VMO has the size that it has", no_resize},
    {"PHO-005", "a physical VMO is no stream", no_stream_size},
    {"PHO-007", "a physical VMO has no pages to commit, decommit or zero", no_pages},
    {"PHO-008", "a physical VMO cannot be locked", no_locks},
    {"PHO-013", "prefetching beyond the end is out of range", prefetch_in_range},
    {"PHO-014", "hints about a physical VMO have no effect", hints},
    {"PHO-016", "a handle can be replaced by one with EXECUTE", made_executable},
    {"PHO-017", "a name is kept, cut to 31 bytes", names},
    {"PHO-019", "a mapping works after its handle is closed, and counts", mapping_outlives_handle},
    {"PHO-020", "memory of every kind can be pinned, by its slices too, and a device's at its own addresses", pinned},
    {"PHO-022", "a physical VMO counts as contiguous when it is pinned", pinned_contiguous},
    {"PHO-023", "a mapping made writable reaches the device", write_after_protect},
    {"PHO-025", "a mapping may be longer than its VMO, and ends whoever goes there", beyond_the_end},
    {"PHO-026", "a handle without EXECUTE is not mapped executable", no_execute_right},
    {"PHO-028", "what is mapped can be mapped in advance", map_range_again},
    {"PHO-029", "a mapped device has no pages to commit, decommit or zero", no_pages_by_address},
    {NULL, NULL, NULL},
};
