/* The heap, over VMOs.
 *
 * Small blocks are cut from spans of 64 KiB, each for one size; a larger block is a mapping of its own. Every mapping
 * lies at a multiple of 64 KiB and starts with its header, so a block's header is found by its address. A block that is
 * itself so aligned has its header right before it: no other block is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zircon/process.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>

#include "internal.h"

#define SPAN ((size_t)0x10000)
/* Bytes that a header takes, so that blocks after it are aligned. */
#define HEAD ((size_t)64)
#define LARGEST_SMALL ((size_t)8192)
#define MAGIC_SPAN 0x4a53504eu
#define MAGIC_LARGE 0x4a4c4152u

/* A free block of a span. */
struct hole {
    struct hole* next;
};

struct head {
    uint32_t magic;
    /* Of a span: which size, and how many blocks are in use. */
    uint32_t class;
    uint32_t used;
    uint32_t reserved;
    union {
        struct {
            struct hole* holes;
            /* Where blocks begin that were never used. */
            uintptr_t fresh;
            /* The spans of this size that have room. */
            struct head* next;
            struct head** link;
        } span;
        struct {
            uintptr_t base;
            size_t mapped;
            /* What the block can hold. */
            size_t room;
        } large;
    };
};

_Static_assert(sizeof(struct head) <= HEAD, "a header has its room");

/* 16 to 128 by 16, then four sizes to each doubling, up to 8192. */
#define CLASSES 32

static struct head* with_room[CLASSES];
static jacinth_lock_t lock;

static size_t size_of_class(uint32_t class) {
    if (class < 8) {
        return 16 * (class + 1);
    }
    uint32_t above = class - 8;
    return (size_t)(5 + above % 4) << (5 + above / 4);
}

static uint32_t class_of_size(size_t size) {
    if (size <= 128) {
        return size == 0 ? 0 : (uint32_t)((size - 1) / 16);
    }
    uint32_t top = 63 - (uint32_t)__builtin_clzl(size - 1);
    return 8 + 4 * (top - 7) + (uint32_t)(((size - 1) >> (top - 2)) & 3);
}

/* Maps zeroed memory at a multiple of 64 KiB; 0 if there is none. */
static uintptr_t map(size_t size) {
    zx_handle_t vmo = ZX_HANDLE_INVALID;
    if (zx_vmo_create(size, 0, &vmo) != ZX_OK) {
        return 0;
    }
    /* A name in the kernel's lists; without it the heap works as well. */
    (void)zx_object_set_property(vmo, ZX_PROP_NAME, "heap", 4);
    zx_vaddr_t address = 0;
    zx_status_t status = zx_vmar_map(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE | ZX_VM_ALIGN_64KB, 0, vmo,
                                     0, size, &address);
    zx_handle_close(vmo);
    return status == ZX_OK ? address : 0;
}

static void unmap(uintptr_t address, size_t size) { (void)zx_vmar_unmap(zx_vmar_root_self(), address, size); }

static void list(struct head* span) {
    struct head** first = &with_room[span->class];
    span->span.next = *first;
    span->span.link = first;
    if (*first != NULL) {
        (*first)->span.link = &span->span.next;
    }
    *first = span;
}

static void unlist(struct head* span) {
    *span->span.link = span->span.next;
    if (span->span.next != NULL) {
        span->span.next->span.link = span->span.link;
    }
    span->span.link = NULL;
}

/* Where a span's blocks begin: a multiple of the largest power of two that divides their size. */
static uintptr_t first_block(const struct head* span, size_t size) {
    size_t align = size & -size;
    return (uintptr_t)span + (align > HEAD ? align : HEAD);
}

static bool is_full(const struct head* span, size_t size) {
    return span->span.holes == NULL && span->span.fresh + size > (uintptr_t)span + SPAN;
}

static void* none(void) {
    errno = ENOMEM;
    return NULL;
}

static struct head* new_span(uint32_t class) {
    struct head* span = (struct head*)map(SPAN);
    if (span != NULL) {
        span->magic = MAGIC_SPAN;
        span->class = class;
        span->span.fresh = first_block(span, size_of_class(class));
        list(span);
    }
    return span;
}

static void* small(uint32_t class) {
    size_t size = size_of_class(class);
    __jacinth_lock(&lock);
    struct head* span = with_room[class] != NULL ? with_room[class] : new_span(class);
    void* block = NULL;
    if (span != NULL) {
        block = span->span.holes;
        if (block != NULL) {
            span->span.holes = span->span.holes->next;
        } else {
            block = (void*)span->span.fresh;
            span->span.fresh += size;
        }
        span->used++;
        if (is_full(span, size)) {
            unlist(span);
        }
    }
    __jacinth_unlock(&lock);
    return block != NULL ? block : none();
}

static void* large(size_t size, size_t align) {
    /* The header comes first. A mapping lies at a multiple of 64 KiB, so its first multiple of a larger alignment that
     * leaves room for the header is that alignment behind its start at most. */
    size_t before = align <= HEAD ? HEAD : align;
    size_t whole = 0;
    if (__builtin_add_overflow(size, before, &whole) ||
        __builtin_add_overflow(whole, (size_t)ZX_PAGE_SIZE - 1, &whole)) {
        return none();
    }
    whole &= -(size_t)ZX_PAGE_SIZE;
    uintptr_t base = map(whole);
    if (base == 0) {
        return none();
    }
    uintptr_t block = align >= SPAN ? (base + HEAD + align - 1) & -align : base + before;
    struct head* head = (struct head*)(align >= SPAN ? block - HEAD : base);
    head->magic = MAGIC_LARGE;
    head->large.base = base;
    head->large.mapped = whole;
    head->large.room = base + whole - block;
    return (void*)block;
}

static struct head* head_of(void* block) {
    uintptr_t address = (uintptr_t)block;
    struct head* head = (struct head*)(address % SPAN == 0 ? address - HEAD : address & -SPAN);
    if (head->magic != MAGIC_SPAN && head->magic != MAGIC_LARGE) {
        fprintf(stderr, "free: %p is no block of the heap\n", block);
        abort();
    }
    return head;
}

static size_t room_of(const struct head* head) {
    return head->magic == MAGIC_SPAN ? size_of_class(head->class) : head->large.room;
}

void* malloc(size_t size) { return size <= LARGEST_SMALL ? small(class_of_size(size)) : large(size, 16); }

void* calloc(size_t count, size_t size) {
    size_t whole = 0;
    if (__builtin_mul_overflow(count, size, &whole)) {
        return none();
    }
    void* block = malloc(whole);
    /* A mapping is zeroed already. */
    return block == NULL || whole > LARGEST_SMALL ? block : memset(block, 0, whole);
}

void* aligned_alloc(size_t alignment, size_t size) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (alignment <= 16) {
        return malloc(size);
    }
    if (size <= LARGEST_SMALL && alignment <= LARGEST_SMALL) {
        /* A block whose size is a power of two is aligned to it. */
        size_t power = alignment;
        while (power < size) {
            power *= 2;
        }
        return small(class_of_size(power));
    }
    return large(size, alignment);
}

void free(void* block) {
    if (block == NULL) {
        return;
    }
    struct head* head = head_of(block);
    if (head->magic == MAGIC_LARGE) {
        unmap(head->large.base, head->large.mapped);
        return;
    }
    size_t size = size_of_class(head->class);
    __jacinth_lock(&lock);
    bool was_full = is_full(head, size);
    struct hole* hole = block;
    hole->next = head->span.holes;
    head->span.holes = hole;
    if (was_full) {
        list(head);
    }
    head->used--;
    /* An empty span goes, unless it is the only one of its size with room. */
    bool goes = head->used == 0 && (head->span.next != NULL || with_room[head->class] != head);
    if (goes) {
        unlist(head);
    }
    __jacinth_unlock(&lock);
    if (goes) {
        unmap((uintptr_t)head, SPAN);
    }
}

void* realloc(void* block, size_t size) {
    if (block == NULL) {
        return malloc(size);
    }
    size_t room = room_of(head_of(block));
    /* It stays where it is while it fits and would not fit something much smaller. */
    if (size <= room && (size > room / 4 || room <= 128)) {
        return block;
    }
    void* moved = malloc(size);
    if (moved == NULL) {
        /* What is to be smaller can stay where it is. */
        return size <= room ? block : NULL;
    }
    memcpy(moved, block, size < room ? size : room);
    free(block);
    return moved;
}

void* reallocarray(void* block, size_t count, size_t size) {
    size_t whole = 0;
    return __builtin_mul_overflow(count, size, &whole) ? none() : realloc(block, whole);
}
