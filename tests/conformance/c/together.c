/* Several threads of one process change one address space and one VMO at once, each in a part of its own, of which it
 * keeps a model. What each does follows from a seed; how they meet is the machine's business. At the joins the whole
 * must be what the parts say. */
#include <stdlib.h>
#include <threads.h>

#include "conformance.h"

enum { THREADS = 4, PAGES = 16, STEPS = 80, CLONES = 2, NOWHERE = -1 };

#define RW (ZX_VM_PERM_READ | ZX_VM_PERM_WRITE)

/* A clone of a thread's pages, and what they held. */
struct clone {
    zx_handle_t vmo;
    uint32_t values[PAGES];
};

/* A thread's part: PAGES pages of the VMO, and a region of as many. */
struct part {
    uint64_t random;
    zx_handle_t shared;
    uint64_t first;
    zx_handle_t region;
    zx_vaddr_t base;
    /* The first word of each page; which page each place of the region shows, and whether it may be written. */
    uint32_t values[PAGES];
    int shows[PAGES];
    bool writable[PAGES];
    struct clone clones[CLONES];
    /* Where it went wrong, and in which step. */
    int line, step;
};

static uint32_t draw(struct part* part, uint32_t below) {
    part->random ^= part->random >> 12;
    part->random ^= part->random << 25;
    part->random ^= part->random >> 27;
    return (uint32_t)(part->random * 0x2545f4914f6cdd1dull >> 33) % below;
}

/* failed() has one place for all threads to write to. */
#define DEMAND(condition)                                                                                     \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            part->line = __LINE__;                                                                            \
            return;                                                                                           \
        }                                                                                                     \
    } while (0)

static void map_some(struct part* part) {
    int place = (int)draw(part, PAGES), page = (int)draw(part, PAGES), longest = PAGES - (place > page ? place : page);
    int count = 1 + (int)draw(part, longest < 4 ? (uint32_t)longest : 4);
    bool over = draw(part, 3) == 0, writable = draw(part, 3) != 0, taken = false;
    for (int i = 0; i < count; i++) {
        taken = taken || part->shows[place + i] != NOWHERE;
    }
    zx_vm_option_t options = (over ? ZX_VM_SPECIFIC_OVERWRITE : ZX_VM_SPECIFIC) | (writable ? RW : ZX_VM_PERM_READ);
    zx_vaddr_t at = 0;
    zx_status_t status = zx_vmar_map(part->region, options, (uint64_t)place * P, part->shared,
                                     part->first + (uint64_t)page * P, (uint64_t)count * P, &at);
    DEMAND(status == (taken && !over ? ZX_ERR_ALREADY_EXISTS : ZX_OK));
    if (status != ZX_OK) {
        return;
    }
    DEMAND(at == part->base + (uint64_t)place * P);
    for (int i = 0; i < count; i++) {
        part->shows[place + i] = page + i;
        part->writable[place + i] = writable;
    }
}

/* Unmaps, or protects, a row of places. */
static void change_some(struct part* part, bool unmaps) {
    int place = (int)draw(part, PAGES), count = 1 + (int)draw(part, (uint32_t)(PAGES - place));
    bool gap = false, writable = draw(part, 2) != 0;
    zx_vaddr_t at = part->base + (uint64_t)place * P;
    for (int i = 0; i < count; i++) {
        gap = gap || part->shows[place + i] == NOWHERE;
    }
    if (unmaps) {
        DEMAND(zx_vmar_unmap(part->region, at, (uint64_t)count * P) == ZX_OK);
    } else if (gap) {
        /* What comes before the gap may have changed: that is for the next one to find out. */
        return;
    } else {
        zx_vm_option_t options = writable ? RW : ZX_VM_PERM_READ;
        DEMAND(zx_vmar_protect(part->region, options, at, (uint64_t)count * P) == ZX_OK);
    }
    for (int i = 0; i < count; i++) {
        part->shows[place + i] = unmaps ? NOWHERE : part->shows[place + i];
        part->writable[place + i] = writable;
    }
}

/* Looks at every place that shows something, and writes to one. */
static void touch(struct part* part) {
    for (int place = 0; place < PAGES; place++) {
        if (part->shows[place] != NOWHERE) {
            DEMAND(load(part->base + (uint64_t)place * P) == part->values[part->shows[place]]);
        }
    }
    int place = (int)draw(part, PAGES);
    if (part->shows[place] != NOWHERE && part->writable[place]) {
        uint32_t value = draw(part, UINT32_MAX);
        store(part->base + (uint64_t)place * P, value);
        part->values[part->shows[place]] = value;
    }
}

/* Writes, takes away or zeroes a page by a call, and reads it back by another. */
static void call_some(struct part* part) {
    uint32_t page = draw(part, PAGES), value = draw(part, 3) == 0 ? draw(part, UINT32_MAX) : 0, read = 1;
    uint64_t offset = part->first + page * P;
    zx_status_t status = ZX_OK;
    if (value != 0) {
        status = zx_vmo_write(part->shared, &value, offset, sizeof(value));
    } else if (draw(part, 2) == 0) {
        status = zx_vmo_op_range(part->shared, ZX_VMO_OP_DECOMMIT, offset, P, NULL, 0);
    } else {
        status = zx_vmo_op_range(part->shared, ZX_VMO_OP_ZERO, offset, sizeof(value), NULL, 0);
    }
    DEMAND(status == ZX_OK);
    part->values[page] = value;
    DEMAND(zx_vmo_read(part->shared, &read, offset, sizeof(read)) == ZX_OK && read == value);
}

/* Makes a clone of the part, or finds an older one as it was and ends it. */
static void clone_some(struct part* part) {
    struct clone* clone = &part->clones[draw(part, CLONES)];
    if (clone->vmo == ZX_HANDLE_INVALID) {
        memcpy(clone->values, part->values, sizeof(clone->values));
        DEMAND(zx_vmo_create_child(part->shared, ZX_VMO_CHILD_SNAPSHOT, part->first, PAGES * P, &clone->vmo) == ZX_OK);
        return;
    }
    for (uint32_t page = 0; page < PAGES; page++) {
        uint32_t read = 0;
        DEMAND(zx_vmo_read(clone->vmo, &read, page * P, sizeof(read)) == ZX_OK && read == clone->values[page]);
    }
    DEMAND(zx_handle_close(clone->vmo) == ZX_OK);
    clone->vmo = ZX_HANDLE_INVALID;
}

static int work(void* argument) {
    struct part* part = argument;
    for (; part->step < STEPS && part->line == 0; part->step++) {
        switch (draw(part, 8)) {
        case 0:
        case 1:
            map_some(part);
            break;
        case 2:
            change_some(part, true);
            break;
        case 3:
            change_some(part, false);
            break;
        case 4:
            clone_some(part);
            break;
        case 5:
            call_some(part);
            break;
        default:
            touch(part);
        }
    }
    return part->line;
}

/* One run with so many threads. */
static bool together(int threads, uint64_t seed) {
    static struct part parts[THREADS];
    thrd_t started[THREADS];
    zx_handle_t shared = ZX_HANDLE_INVALID;
    WORKS(zx_vmo_create((uint64_t)threads * PAGES * P, 0, &shared));
    keep(shared);
    for (int i = 0; i < threads; i++) {
        struct part* part = &parts[i];
        *part = (struct part){.random = seed * 2654435761u + (uint64_t)i + 1, .shared = shared};
        part->first = (uint64_t)i * PAGES * P;
        memset(part->shows, 0xff, sizeof(part->shows));
        zx_vm_option_t options = ZX_VM_CAN_MAP_READ | ZX_VM_CAN_MAP_WRITE | ZX_VM_CAN_MAP_SPECIFIC;
        WORKS(zx_vmar_allocate(zx_vmar_root_self(), options, 0, PAGES * P, &part->region, &part->base));
    }
    for (int i = 0; i < threads; i++) {
        SAME(thrd_create(&started[i], work, &parts[i]), thrd_success);
    }
    for (int i = 0; i < threads; i++) {
        SAME(thrd_join(started[i], NULL), thrd_success);
    }
    uint64_t mappings = 0;
    for (int i = 0; i < threads; i++) {
        struct part* part = &parts[i];
        if (part->line != 0) {
            return failed(__FILE__, part->line, "thread %d of %d, seed %lu, step %d", i, threads, seed, part->step);
        }
        for (int place = 0; place < PAGES; place++) {
            mappings += part->shows[place] != NOWHERE;
            uint32_t read = 1;
            WORKS(zx_vmo_read(shared, &read, part->first + (uint64_t)place * P, sizeof(read)));
            SAME(read, part->values[place]);
        }
    }
    /* A mapping may show many pages, and shows at least one. */
    TRUTH(info_of(shared).num_mappings <= mappings && (mappings == 0) == (info_of(shared).num_mappings == 0));
    for (int i = 0; i < threads; i++) {
        WORKS(zx_vmar_destroy(parts[i].region));
        WORKS(zx_handle_close(parts[i].region));
        for (int clone = 0; clone < CLONES; clone++) {
            zx_handle_close(parts[i].clones[clone].vmo);
        }
    }
    SAME(info_of(shared).num_mappings, 0);
    WORKS(zx_object_wait_one(shared, ZX_VMO_ZERO_CHILDREN, zx_deadline_after(ZX_SEC(20)), NULL));
    TRUTH(info_of(shared).committed_bytes <= (uint64_t)threads * PAGES * P);
    WORKS(zx_vmo_op_range(shared, ZX_VMO_OP_DECOMMIT, 0, (uint64_t)threads * PAGES * P, NULL, 0));
    SAME(info_of(shared).committed_bytes, 0);
    drop(shared);
    return true;
}

static bool all_together(void) {
    for (int threads = 1; threads <= THREADS; threads *= 2) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            if (!together(threads, seed)) {
                return false;
            }
        }
    }
    return true;
}

const struct test together_tests[] = {
    {"LIB-J32", "several threads in one VMO and one address space see what a model of each says", all_together},
    {NULL, NULL, NULL},
};
