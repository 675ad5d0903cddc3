/* zx_vmo_create_physical: what it gives, and the order in which it refuses. */
#include "conformance.h"

static bool creates(void) {
    zx_handle_t out = ZX_HANDLE_INVALID;
    WORKS(zx_vmo_create_physical(resource_for(world.registers.base, P), world.registers.base, P, &out));
    keep(out);
    SAME(out & ZX_HANDLE_FIXED_BITS_MASK, 3);
    return true;
}

static bool half_page_resource(void) {
    zx_handle_t half = resource_for(world.registers.base, P / 2), out;
    WORKS(zx_vmo_create_physical(half, world.registers.base, P, &out));
    keep(out);
    REFUSED(zx_vmo_create_physical(half, world.registers.base, 2 * P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

/* A resource for two pages of flash, and one made from it for the first. */
static bool parent_and_child(zx_handle_t* parent, zx_handle_t* child) {
    *parent = resource_for(world.flash.base, 2 * P);
    WORKS(zx_resource_create(*parent, ZX_RSRC_KIND_MMIO, world.flash.base, P, "child", 5, child));
    keep(*child);
    return true;
}

static bool child_grants_no_more(void) {
    zx_handle_t parent, child, out;
    if (!parent_and_child(&parent, &child)) {
        return false;
    }
    REFUSED(zx_vmo_create_physical(child, world.flash.base, 2 * P, &out), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(child, world.flash.base + P, P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool child_grants_its_range(void) {
    zx_handle_t parent, child, out;
    if (!parent_and_child(&parent, &child)) {
        return false;
    }
    WORKS(zx_vmo_create_physical(child, world.flash.base, P, &out));
    keep(out);
    WORKS(zx_vmo_create_physical(parent, world.flash.base, 2 * P, &out));
    keep(out);
    return true;
}

/* What a process under a policy that forbids new VMOs is told. */
static bool told_under_policy(const uint64_t* args, uint64_t* told) {
    zx_handle_t job = ZX_HANDLE_INVALID;
    WORKS(zx_job_create(zx_job_default(), 0, &job));
    keep(job);
    zx_policy_basic_v2_t deny = {ZX_POL_NEW_VMO, ZX_POL_ACTION_DENY, ZX_POL_OVERRIDE_DENY};
    WORKS(zx_job_set_policy(job, ZX_JOB_POL_ABSOLUTE, ZX_JOB_POL_BASIC_V2, &deny, 1));
    struct puppet puppet;
    int64_t retcode = -1;
    if (!puppet_new(&puppet, job) || !puppet_run(&puppet, (void*)zx_vmo_create_physical, args, 4, &retcode, told)) {
        return false;
    }
    SAME(retcode, 0);
    return true;
}

static bool size_before_policy_and_resource(void) {
    uint64_t told = 0;
    if (!told_under_policy((uint64_t[]){0, 0, 0, 0}, &told)) {
        return false;
    }
    SAME((uint32_t)told, (uint32_t)ZX_ERR_INVALID_ARGS);
    zx_handle_t out;
    REFUSED(zx_vmo_create_physical(ZX_HANDLE_INVALID, 0, 0, &out), ZX_ERR_INVALID_ARGS);
    /* Only then comes the policy, before the resource. */
    if (!told_under_policy((uint64_t[]){0, 0, P, 0}, &told)) {
        return false;
    }
    SAME((uint32_t)told, (uint32_t)ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool size_zero(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_physical(resource_for(world.registers.base, P), world.registers.base, 0, &out),
            ZX_ERR_INVALID_ARGS);
    return true;
}

static bool bad_resource(void) {
    zx_handle_t resource = resource_for(world.registers.base, P), out;
    REFUSED(zx_vmo_create_physical(ZX_HANDLE_INVALID, world.registers.base, P, &out), ZX_ERR_BAD_HANDLE);
    drop(resource);
    REFUSED(zx_vmo_create_physical(resource, world.registers.base, P, &out), ZX_ERR_BAD_HANDLE);
    return true;
}

static bool wrong_type(void) {
    zx_handle_t event, out;
    WORKS(zx_event_create(0, &event));
    keep(event);
    REFUSED(zx_vmo_create_physical(event, world.registers.base, P, &out), ZX_ERR_WRONG_TYPE);
    REFUSED(zx_vmo_create_physical(world.irq_root, world.registers.base, P, &out), ZX_ERR_WRONG_TYPE);
    return true;
}

static bool no_rights_needed(void) {
    zx_handle_t bare = with_rights(resource_for(world.registers.base, P), ZX_RIGHT_NONE), out;
    SAME(rights_of(bare), ZX_RIGHT_NONE);
    WORKS(zx_vmo_create_physical(bare, world.registers.base, P, &out));
    keep(out);
    return true;
}

static bool size_before_handle(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_physical(ZX_HANDLE_INVALID, world.registers.base, P + 1, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool grant_before_alignment(void) {
    zx_handle_t resource = resource_for(world.flash.base, 2 * P), out;
    REFUSED(zx_vmo_create_physical(resource, world.flash.base + 2 * P + 1, P, &out), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(resource, world.flash.base + P + 1, P, &out), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(resource, world.flash.base + 1, P, &out), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool range_wraps(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_physical(world.mmio_root, 0 - P, 2 * P, &out), ZX_ERR_OUT_OF_RANGE);
    return true;
}

static bool controller_denied(void) {
    zx_handle_t out;
    REFUSED(zx_vmo_create_physical(world.mmio_root, world.controller, P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool ram_denied(void) {
    zx_handle_t out;
    zx_paddr_t end = world.ram.base + world.ram.size;
    REFUSED(zx_vmo_create_physical(world.mmio_root, world.ram.base, P, &out), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(world.mmio_root, end - P, 2 * P, &out), ZX_ERR_ACCESS_DENIED);
    /* The last byte of the request is RAM's first. */
    REFUSED(zx_vmo_create_physical(world.mmio_root, world.ram.base - P + 1, P, &out), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool grant_before_output(void) {
    zx_handle_t resource = resource_for(world.registers.base, P);
    REFUSED(zx_vmo_create_physical(resource, world.registers.base + P, P, NULL), ZX_ERR_ACCESS_DENIED);
    REFUSED(zx_vmo_create_physical(resource, world.registers.base, P, NULL), ZX_ERR_INVALID_ARGS);
    REFUSED(zx_vmo_create_physical(resource, world.registers.base, P, (zx_handle_t*)1), ZX_ERR_INVALID_ARGS);
    return true;
}

static bool default_rights(void) {
    SAME(rights_of(registers_vmo()), 0xd0ff);
    SAME(ZX_DEFAULT_PHYSICAL_VMO_RIGHTS, 0xd0ff);
    return true;
}

static bool size_is_given(void) {
    uint64_t size = 0;
    WORKS(zx_vmo_get_size(flash_vmo(3, ZX_CACHE_POLICY_UNCACHED_DEVICE), &size));
    SAME(size, 3 * P);
    return true;
}

static bool content_size_is_given(void) {
    uint64_t size = 0;
    zx_handle_t vmo = flash_vmo(3, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    WORKS(zx_object_get_property(vmo, ZX_PROP_VMO_CONTENT_SIZE, &size, sizeof(size)));
    SAME(size, 3 * P);
    size = 5;
    WORKS(zx_object_set_property(vmo, ZX_PROP_VMO_CONTENT_SIZE, &size, sizeof(size)));
    WORKS(zx_vmo_get_size(vmo, &size));
    SAME(size, 3 * P);
    return true;
}

static bool vmo_info(void) {
    zx_info_vmo_t info = info_of(registers_vmo());
    SAME(info.flags, ZX_INFO_VMO_CONTIGUOUS | ZX_INFO_VMO_VIA_HANDLE);
    SAME(ZX_INFO_VMO_TYPE(info.flags), ZX_INFO_VMO_TYPE_PHYSICAL);
    SAME(info.committed_bytes, 0);
    SAME(info.cache_policy, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    SAME(info.parent_koid, ZX_KOID_INVALID);
    SAME(info.num_children, 0);
    return true;
}

static bool size_without_rights(void) {
    uint64_t size = 0;
    WORKS(zx_vmo_get_size(with_rights(registers_vmo(), ZX_RIGHT_NONE), &size));
    SAME(size, P);
    return true;
}

static bool contiguous(void) {
    TRUTH((info_of(flash_vmo(4, ZX_CACHE_POLICY_UNCACHED_DEVICE)).flags & ZX_INFO_VMO_CONTIGUOUS) != 0);
    return true;
}

static bool resource_closed(void) {
    zx_handle_t resource = resource_for(world.registers.base, P), vmo;
    WORKS(zx_vmo_create_physical(resource, world.registers.base, P, &vmo));
    keep(vmo);
    drop(resource);
    zx_vaddr_t at = map(vmo, ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    TRUTH(at != 0);
    store(at + 4, 0x12345678);
    SAME(load(at + 4), 0x12345678);
    return true;
}

static bool probe_by_minting(void) {
    unsigned granted = 0;
    for (uint64_t step = 0; step < 64; step++) {
        zx_handle_t resource = ZX_HANDLE_INVALID;
        zx_status_t status =
            zx_resource_create(world.mmio_root, ZX_RSRC_KIND_MMIO, step << 32, P, "probe", 5, &resource);
        TRUTH(status == ZX_OK || status == ZX_ERR_NOT_FOUND || status == ZX_ERR_ACCESS_DENIED);
        granted += status == ZX_OK;
        keep(resource);
    }
    TRUTH(granted > 0);
    return true;
}

const struct test physical_create_tests[] = {
    {"PHY-001", "a resource gives a physical VMO", creates},
    {"PHY-002", "a resource of half a page grants its page", half_page_resource},
    {"PHY-004", "a child resource grants no more than its own range", child_grants_no_more},
    {"PHY-005", "a child resource grants its own range", child_grants_its_range},
    {"PHY-007", "a size of 0 is refused before policy and resource", size_before_policy_and_resource},
    {"PHY-008", "a size of 0 is refused", size_zero},
    {"PHY-010", "a handle that is none, or was closed, is refused", bad_resource},
    {"PHY-011", "a handle of another type is refused", wrong_type},
    {"PHY-013", "a resource handle needs no right", no_rights_needed},
    {"PHY-014", "an unaligned size is refused before the handle is looked at", size_before_handle},
    {"PHY-016", "an address outside the resource is refused before its alignment", grant_before_alignment},
    {"PHY-017", "a range that wraps is out of range", range_wraps},
    {"PHY-019", "the ranged root does not grant the interrupt controller", controller_denied},
    {"PHY-020", "the ranged root does not grant a page that a request shares with RAM", ram_denied},
    {"PHY-022", "an address outside the resource is refused before the output is looked at", grant_before_output},
    {"PHY-023", "a new handle has the contract's rights with WAIT, INSPECT and SIGNAL", default_rights},
    {"PHY-025", "the size is the one asked for", size_is_given},
    {"PHY-026", "the content size is the one asked for, and a number of its own", content_size_is_given},
    {"PHY-028", "info tells of contiguous memory that is nobody's pages", vmo_info},
    {"PHY-029", "the size can be asked without any right", size_without_rights},
    {"PHY-031", "a physical VMO of many pages is contiguous", contiguous},
    {"PHY-032", "the VMO works after its resource is closed", resource_closed},
    {"PHY-034", "minting through the address space gives resources or plain refusals", probe_by_minting},
    {NULL, NULL, NULL},
};
