/* Cache policies: who may change them, when, and what the MMU makes of them. */
#include "conformance.h"

static bool every_policy(void) {
    zx_handle_t vmo = flash_vmo(1, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    for (uint32_t policy = 0; policy < 4; policy++) {
        WORKS(zx_vmo_set_cache_policy(vmo, policy));
        SAME(info_of(vmo).cache_policy, policy);
    }
    return true;
}

static bool unknown_policies(void) {
    zx_handle_t vmo = flash_vmo(1, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    for (uint32_t policy = 4; policy < 32; policy++) {
        REFUSED(zx_vmo_set_cache_policy(vmo, policy), ZX_ERR_INVALID_ARGS);
    }
    for (uint32_t policy = 0; policy < 4; policy++) {
        REFUSED(zx_vmo_set_cache_policy(vmo, policy | 4), ZX_ERR_INVALID_ARGS);
    }
    return true;
}

static bool bad_handle(void) {
    REFUSED(zx_vmo_set_cache_policy(ZX_HANDLE_INVALID, ZX_CACHE_POLICY_CACHED), ZX_ERR_BAD_HANDLE);
    return true;
}

static bool needs_map(void) {
    zx_handle_t poor = with_rights(registers_vmo(), ZX_DEFAULT_PHYSICAL_VMO_RIGHTS & ~ZX_RIGHT_MAP);
    REFUSED(zx_vmo_set_cache_policy(poor, ZX_CACHE_POLICY_UNCACHED), ZX_ERR_ACCESS_DENIED);
    return true;
}

static bool same_while_mapped(void) {
    zx_handle_t vmo = registers_vmo();
    TRUTH(map(vmo, ZX_VM_PERM_READ, P) != 0);
    WORKS(zx_vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED_DEVICE));
    REFUSED(zx_vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED), ZX_ERR_BAD_STATE);
    return true;
}

static bool frozen_by_child(void) {
    zx_handle_t vmo = registers_vmo();
    zx_handle_t slice = slice_of(vmo, 0, P);
    REFUSED(zx_vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED), ZX_ERR_BAD_STATE);
    drop(slice);
    WORKS(zx_object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, zx_deadline_after(ZX_SEC(5)), NULL));
    WORKS(zx_vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED));
    return true;
}

static bool slice_same(void) {
    WORKS(zx_vmo_set_cache_policy(slice_of(registers_vmo(), 0, P), ZX_CACHE_POLICY_UNCACHED_DEVICE));
    return true;
}

/* The byte of MAIR_EL1 that each policy uses, and the shareability that PAR_EL1 reports for it. */
static bool types_of_memory(void) {
    static const uint8_t attributes[4] = {0xff, 0x00, 0x04, 0x44};
    for (uint32_t policy = 0; policy < 4; policy++) {
        zx_vaddr_t at = map(flash_vmo(1, policy), ZX_VM_PERM_READ, P);
        TRUTH(at != 0);
        uint64_t par = translated(at);
        SAME(par & 1, 0);
        SAME(par >> 56, attributes[policy]);
        SAME(par & 0xfffffff000, world.flash.base);
        drop_mapping(at);
        tidy();
    }
    /* A new physical VMO over registers, as its contract gives it. */
    zx_vaddr_t at = map(registers_vmo(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, P);
    SAME(translated(at) >> 56, 0x04);
    return true;
}

static bool protect_keeps_the_type(void) {
    zx_vaddr_t at = map(registers_vmo(), ZX_VM_PERM_READ, P);
    TRUTH(at != 0);
    uint64_t before = translated(at);
    WORKS(zx_vmar_protect(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, at, P));
    SAME(translated(at) >> 56, before >> 56);
    WORKS(zx_vmar_protect(zx_vmar_root_self(), ZX_VM_PERM_READ, at, P));
    SAME(translated(at), before);
    return true;
}

static bool what_is_flushed(void) {
    static uint32_t word;
    static const uint32_t good[] = {1, 2, 3, 6, 7}, bad[] = {0, 4, 5, 8, UINT32_MAX};
    for (size_t i = 0; i < 5; i++) {
        WORKS(zx_cache_flush(&word, sizeof(word), good[i]));
        REFUSED(zx_cache_flush(&word, sizeof(word), bad[i]), ZX_ERR_INVALID_ARGS);
    }
    return true;
}

const struct test cache_policy_tests[] = {
    {"CAC-001", "a memory-like physical VMO takes every policy, and info follows", every_policy},
    {"CAC-002", "a number above 3 is no policy", unknown_policies},
    {"CAC-004", "a bad handle with a good policy is a bad handle", bad_handle},
    {"CAC-005", "changing the policy needs MAP", needs_map},
    {"CAC-007", "a mapped physical VMO may be given the policy that it has", same_while_mapped},
    {"CAC-008", "a physical VMO with a slice keeps its policy", frozen_by_child},
    {"CAC-010", "a slice may be given the policy that it has", slice_same},
    {"CAC-022", "each policy gives its memory type, and the default is Device-nGnRE", types_of_memory},
    {"CAC-023", "changed permissions leave the memory type as it is", protect_keeps_the_type},
    {"CAC-025", "a flush is told what to do, and not anything", what_is_flushed},
    {NULL, NULL, NULL},
};
