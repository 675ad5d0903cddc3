/* Slices of physical VMOs, and the signal that a VMO has no children. */
#include "conformance.h"

static bool is_childless(zx_handle_t vmo) { return (signals_of(vmo) & ZX_VMO_ZERO_CHILDREN) != 0; }

/* The signal may come a little after the last close: it is waited for. */
static bool becomes_childless(zx_handle_t vmo) {
    WORKS(zx_object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, zx_deadline_after(ZX_SEC(5)), NULL));
    return true;
}

static bool aliases(void) {
    zx_handle_t parent = flash_vmo(2, ZX_CACHE_POLICY_CACHED);
    zx_handle_t slice = slice_of(parent, P, P);
    zx_vaddr_t whole = map(parent, ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, 2 * P);
    zx_vaddr_t part = map(slice, ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    TRUTH(whole != 0 && part != 0);
    uint32_t untouched = load(whole + 32);
    program_flash(part + 32, 0x11112222);
    SAME(load(whole + P + 32), 0x11112222);
    program_flash(whole + P + 32, 0x33334444);
    SAME(load(part + 32), 0x33334444);
    SAME(load(whole + 32), untouched);
    return true;
}

static bool no_snapshots(void) {
    zx_handle_t vmo = registers_vmo(), out;
    REFUSED(zx_vmo_create_child(vmo, ZX_VMO_CHILD_SNAPSHOT, 0, P, &out), ZX_ERR_NOT_SUPPORTED);
    REFUSED(zx_vmo_create_child(vmo, ZX_VMO_CHILD_SNAPSHOT_AT_LEAST_ON_WRITE, 0, P, &out), ZX_ERR_NOT_SUPPORTED);
    REFUSED(zx_vmo_create_child(vmo, ZX_VMO_CHILD_SNAPSHOT_MODIFIED, 0, P, &out), ZX_ERR_NOT_SUPPORTED);
    return true;
}

static bool not_resizable(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_child(registers_vmo(), ZX_VMO_CHILD_SLICE | ZX_VMO_CHILD_RESIZABLE, 0, P, &out),
            ZX_ERR_INVALID_ARGS);
    return true;
}

static bool aligned_offset(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_child(flash_vmo(2, ZX_CACHE_POLICY_UNCACHED_DEVICE), ZX_VMO_CHILD_SLICE, 1, P, &out),
            ZX_ERR_INVALID_ARGS);
    return true;
}

static bool too_large(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_child(registers_vmo(), ZX_VMO_CHILD_SLICE, 0, UINT64_MAX, &out), ZX_ERR_OUT_OF_RANGE);
    return true;
}

static bool rounded(void) {
    uint64_t size = 0;
    WORKS(zx_vmo_get_size(slice_of(registers_vmo(), 0, 42), &size));
    SAME(size, P);
    return true;
}

static bool slice_info(void) {
    zx_handle_t parent = flash_vmo(2, ZX_CACHE_POLICY_WRITE_COMBINING);
    zx_info_vmo_t info = info_of(slice_of(parent, P, P));
    SAME(info.flags & ZX_INFO_VMO_CONTIGUOUS, ZX_INFO_VMO_CONTIGUOUS);
    SAME(info.flags & ZX_INFO_VMO_IS_COW_CLONE, 0);
    SAME(info.parent_koid, koid_of(parent));
    SAME(info.cache_policy, ZX_CACHE_POLICY_WRITE_COMBINING);
    return true;
}

static bool slice_rights(void) {
    zx_handle_t parent = registers_vmo(), out;
    zx_rights_t few = ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ;
    SAME(rights_of(slice_of(with_rights(parent, few), 0, P)), few | ZX_RIGHTS_PROPERTY);
    SAME(rights_of(slice_of(parent, 0, P)), ZX_DEFAULT_PHYSICAL_VMO_RIGHTS);
    WORKS(zx_vmo_create_child(parent, ZX_VMO_CHILD_SLICE | ZX_VMO_CHILD_NO_WRITE, 0, P, &out));
    keep(out);
    SAME(rights_of(out), ZX_DEFAULT_PHYSICAL_VMO_RIGHTS & ~ZX_RIGHT_WRITE);
    return true;
}

static bool new_has_no_children(void) {
    WORKS(zx_object_wait_one(registers_vmo(), ZX_VMO_ZERO_CHILDREN, ZX_TIME_INFINITE_PAST, NULL));
    return true;
}

static bool child_clears_at_once(void) {
    zx_handle_t vmo = registers_vmo();
    zx_handle_t slice = slice_of(vmo, 0, P);
    REFUSED(zx_object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, ZX_TIME_INFINITE_PAST, NULL), ZX_ERR_TIMED_OUT);
    drop(slice);
    return becomes_childless(vmo);
}

static bool mapping_is_a_child(void) {
    zx_handle_t vmo = registers_vmo();
    zx_handle_t slice = slice_of(vmo, 0, P);
    zx_vaddr_t at = map(slice, ZX_VM_PERM_READ, P);
    TRUTH(at != 0);
    drop(slice);
    TRUTH(!is_childless(vmo));
    drop_mapping(at);
    return becomes_childless(vmo);
}

static bool grandchild_holds_parent(void) {
    zx_handle_t parent = registers_vmo();
    zx_handle_t child = slice_of(parent, 0, P);
    zx_handle_t grandchild = slice_of(child, 0, P);
    drop(child);
    TRUTH(!is_childless(parent));
    drop(grandchild);
    return becomes_childless(parent);
}

static bool pin_is_a_child(void) {
    zx_handle_t right, iommu, bti, pmt, vmo = registers_vmo();
    zx_handle_t slice = slice_of(vmo, 0, P);
    zx_rsrc_system_base_t base = ZX_RSRC_SYSTEM_IOMMU_BASE;
    WORKS(zx_resource_create(world.system_root, ZX_RSRC_KIND_SYSTEM, base, 1, "iommu", 5, &right));
    keep(right);
    WORKS(zx_iommu_create(right, 0, "", 1, &iommu));
    keep(iommu);
    WORKS(zx_bti_create(iommu, 0, 0, &bti));
    keep(bti);
    zx_paddr_t address = 0;
    WORKS(zx_bti_pin(bti, ZX_BTI_PERM_READ, slice, 0, P, &address, 1, &pmt));
    drop(slice);
    TRUTH(!is_childless(vmo));
    WORKS(zx_pmt_unpin(pmt));
    return becomes_childless(vmo);
}

static bool user_signals(void) {
    zx_handle_t vmo = registers_vmo();
    zx_signals_t observed = 0;
    WORKS(zx_object_signal(vmo, 0, ZX_USER_SIGNAL_0));
    WORKS(zx_object_wait_one(vmo, ZX_USER_SIGNAL_0, ZX_TIME_INFINITE_PAST, &observed));
    SAME(observed, ZX_USER_SIGNAL_0 | ZX_VMO_ZERO_CHILDREN);
    return true;
}

const struct test physical_children_tests[] = {
    {"PCH-001", "a slice shows its part of the parent and nothing else", aliases},
    {"PCH-002", "a physical VMO has no snapshots", no_snapshots},
    {"PCH-004", "a slice cannot be resizable", not_resizable},
    {"PCH-005", "a slice starts at a page", aligned_offset},
    {"PCH-007", "a size that cannot be rounded up is out of range", too_large},
    {"PCH-008", "a slice's size is rounded up to a page", rounded},
    {"PCH-010", "a slice of contiguous memory is contiguous and knows its parent", slice_info},
    {"PCH-011", "a slice has its parent's rights and both property rights", slice_rights},
    {"PCH-013", "a new VMO has no children, and says so at once", new_has_no_children},
    {"PCH-014", "a child clears the signal before its creation returns", child_clears_at_once},
    {"PCH-016", "a child that is only mapped still counts", mapping_is_a_child},
    {"PCH-017", "a child lives as long as its own child", grandchild_holds_parent},
    {"PCH-019", "a child that is only pinned still counts", pin_is_a_child},
    {"PCH-020", "user signals stand beside the one about children", user_signals},
    {NULL, NULL, NULL},
};
