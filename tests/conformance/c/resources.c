/* Resources: who may mint what of a device's registers, and what is held alone. */
#include "conformance.h"

#define MMIO ZX_RSRC_KIND_MMIO
#define EXCLUSIVE ZX_RSRC_FLAG_EXCLUSIVE

static const char bad[] = "name";

/* Mints from `parent`, `offset` bytes into flash. */
static zx_status_t mint(zx_handle_t parent, uint32_t options, uint64_t offset, size_t size, zx_handle_t* out) {
    zx_status_t status = zx_resource_create(parent, options, world.flash.base + offset, size, "minted", 6, out);
    if (status == ZX_OK) {
        keep(*out);
    }
    return status;
}

/* The same from the ranged root. */
static zx_status_t mint_root(uint32_t options, uint64_t offset, size_t size, zx_handle_t* out) {
    return mint(world.mmio_root, MMIO | options, offset, size, out);
}

static bool info_as_given(void) {
    zx_handle_t out;
    zx_info_resource_t info;
    WORKS(mint_root(EXCLUSIVE, P, 2 * P, &out));
    WORKS(zx_object_get_info(out, ZX_INFO_RESOURCE, &info, sizeof(info), NULL, NULL));
    SAME(info.kind, MMIO);
    SAME(info.flags, EXCLUSIVE);
    SAME(info.base, world.flash.base + P);
    SAME(info.size, 2 * P);
    SAME(strcmp(info.name, "minted"), 0);
    return true;
}

static bool other_kinds(void) {
    zx_handle_t parent, out;
    WORKS(mint_root(0, 0, P, &parent));
    REFUSED(mint(parent, ZX_RSRC_KIND_IRQ, 0, P, &out), ZX_ERR_ACCESS_DENIED);
    REFUSED(mint(parent, 3, 0, P, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool base_wraps(void) {
    zx_handle_t out;
    REFUSED(zx_resource_create(world.mmio_root, MMIO, UINT64_MAX, 1024, bad, 4, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool size_wraps(void) {
    zx_handle_t out;
    REFUSED(zx_resource_create(world.mmio_root, MMIO, 1024, UINT64_MAX, bad, 4, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool exclusive_then_shared(void) {
    zx_handle_t first, out;
    WORKS(mint_root(EXCLUSIVE, 0, P, &first));
    REFUSED(mint_root(0, 0, P, &out), ZX_ERR_NOT_FOUND);
    drop(first);
    return mint_root(0, 0, P, &out) == ZX_OK;
}

static bool shared_then_exclusive(void) {
    zx_handle_t first, out;
    WORKS(mint_root(0, 0, P, &first));
    REFUSED(mint_root(EXCLUSIVE, 0, P, &out), ZX_ERR_NOT_FOUND);
    drop(first);
    return mint_root(EXCLUSIVE, 0, P, &out) == ZX_OK;
}

static bool shares_overlap(void) {
    zx_handle_t first, second;
    WORKS(mint_root(0, 0, 2 * P, &first));
    WORKS(mint_root(0, P, 2 * P, &second));
    return true;
}

static bool child_of_another_kind(void) {
    zx_handle_t parent, out;
    WORKS(mint_root(0, 0, P, &parent));
    static const uint32_t kinds[] = {ZX_RSRC_KIND_IRQ, ZX_RSRC_KIND_SMC, ZX_RSRC_KIND_SYSTEM};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(mint(parent, kinds[i], 0, P, &out), ZX_ERR_ACCESS_DENIED);
    }
    return true;
}

static bool child_too_large(void) {
    zx_handle_t parent, out;
    WORKS(mint_root(0, 0, P, &parent));
    REFUSED(mint(parent, MMIO, 0, P + 34, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool exclusive_has_no_children(uint32_t options) {
    zx_handle_t parent, out;
    WORKS(mint_root(EXCLUSIVE, 0, P, &parent));
    REFUSED(mint(parent, MMIO | options, 0, P, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool shared_child_of_exclusive(void) { return exclusive_has_no_children(0); }
static bool exclusive_child_of_exclusive(void) { return exclusive_has_no_children(EXCLUSIVE); }

static bool identical_child(void) {
    zx_handle_t parent, out;
    WORKS(mint_root(0, 0, P, &parent));
    WORKS(mint(parent, MMIO, 0, P, &out));
    return true;
}

static bool root_of_a_kind(void) {
    zx_handle_t out;
    WORKS(mint_root(0, 0, P, &out));
    REFUSED(mint(world.mmio_root, ZX_RSRC_KIND_IRQ, 0, P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool parent_needs_write(void) {
    zx_handle_t parent, out;
    WORKS(mint_root(0, 0, P, &parent));
    zx_handle_t weak = with_rights(parent, rights_of(parent) & ~ZX_RIGHT_WRITE);
    REFUSED(mint(weak, MMIO, 0, P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool range_first(void) {
    zx_handle_t out;
    REFUSED(zx_resource_create(ZX_HANDLE_INVALID, MMIO, UINT64_MAX, 2, bad, 4, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool bad_name(void) {
    zx_handle_t out;
    zx_paddr_t base = world.flash.base;
    REFUSED(zx_resource_create(world.mmio_root, MMIO, base, P, (const char*)1, 4, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool info_needs_inspect(void) {
    zx_handle_t out;
    zx_info_resource_t info;
    WORKS(mint_root(0, 0, P, &out));
    zx_handle_t blind = with_rights(out, rights_of(out) & ~ZX_RIGHT_INSPECT);
    REFUSED(zx_object_get_info(blind, ZX_INFO_RESOURCE, &info, sizeof(info), NULL, NULL), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool consumer_checks_kind(void) {
    zx_handle_t vmo = ZX_HANDLE_INVALID;
    WORKS(zx_vmo_create_physical(world.mmio_root, world.flash.base, P, &vmo));
    keep(vmo);
    REFUSED(zx_vmo_create_physical(world.irq_root, world.flash.base, P, &vmo), ZX_ERR_WRONG_TYPE);
    return true;
}

static bool bytes_and_pages(void) {
    zx_handle_t parent, out, vmo = ZX_HANDLE_INVALID;
    WORKS(mint_root(0, 0, P / 2, &parent));
    /* Minting is exact; what is mapped goes by pages. */
    REFUSED(mint(parent, MMIO, 0, P, &out), ZX_ERR_ACCESS_DENIED);
    WORKS(zx_vmo_create_physical(parent, world.flash.base, P, &vmo));
    keep(vmo);
    return true;
}

static bool elsewhere(void) {
    zx_handle_t parent, vmo = ZX_HANDLE_INVALID;
    WORKS(mint_root(0, P, P, &parent));
    REFUSED(zx_vmo_create_physical(parent, world.flash.base, P, &vmo), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(parent, world.flash.base + 2 * P, P, &vmo), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool by_policy(void) {
    zx_handle_t vmo = with_rights(registers_vmo(), ZX_RIGHT_SAME_RIGHTS), executable = ZX_HANDLE_INVALID;
    WORKS(zx_vmo_replace_as_executable(vmo, ZX_HANDLE_INVALID, &executable));
    keep(executable);
    TRUTH((rights_of(executable) & ZX_RIGHT_EXECUTE) != 0);
    return true;
}

static bool wrong_vmex(void) {
    zx_handle_t vmo = with_rights(registers_vmo(), ZX_RIGHT_SAME_RIGHTS), executable = ZX_HANDLE_INVALID;
    REFUSED(zx_vmo_replace_as_executable(vmo, registers_vmo(), &executable), ZX_ERR_WRONG_TYPE);
    /* It is taken all the same. */
    REFUSED(zx_handle_check_valid(vmo), ZX_ERR_BAD_HANDLE);
    return true;
}

const struct test resource_tests[] = {
    {"RES-001", "info tells what was asked for", info_as_given},
    {"RES-002", "a parent mints no child of another kind, and nobody a root", other_kinds},
    {"RES-004", "a range that wraps is refused", base_wraps},
    {"RES-005", "a size that wraps is refused", size_wraps},
    {"RES-007", "what is held exclusively is not shared", exclusive_then_shared},
    {"RES-008", "what is shared is not held exclusively", shared_then_exclusive},
    {"RES-010", "shared resources may overlap", shares_overlap},
    {"RES-011", "a child of another kind is denied", child_of_another_kind},
    {"RES-013", "a child beyond its parent is denied", child_too_large},
    {"RES-014", "an exclusive parent has no children", shared_child_of_exclusive},
    {"RES-016", "an exclusive parent has no exclusive children either", exclusive_child_of_exclusive},
    {"RES-017", "a shared parent mints a child of its own range", identical_child},
    {"RES-019", "a ranged root mints its own kind only", root_of_a_kind},
    {"RES-020", "minting needs WRITE on the parent", parent_needs_write},
    {"RES-022", "a range that wraps is refused before the parent is looked at", range_first},
    {"RES-023", "a name that cannot be read is refused", bad_name},
    {"RES-025", "info needs INSPECT", info_needs_inspect},
    {"RES-032", "a consumer takes a root of its kind and no other", consumer_checks_kind},
    {"RES-034", "minting is exact to the byte where mapping goes by pages", bytes_and_pages},
    {"RES-035", "a resource grants nothing elsewhere", elsewhere},
    {"RES-037", "where the policy allows it, no resource is needed to make a VMO executable", by_policy},
    {"RES-038", "what is no resource makes nothing executable, and the VMO is taken", wrong_vmex},
    {NULL, NULL, NULL},
};
