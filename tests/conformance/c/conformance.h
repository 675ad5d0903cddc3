/* The conformance list from C: a test each for lines that a C program would lean on, under the line's id. */
#ifndef CONFORMANCE_H_
#define CONFORMANCE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include <zircon/process.h>
#include <zircon/processargs.h>
#include <zircon/status.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>
#include <zircon/syscalls/policy.h>

/* A page, as a size and as an address. */
#define P ((uint64_t)ZX_PAGE_SIZE)

struct test {
    const char* id;
    const char* title;
    bool (*run)(void);
};

extern const struct test physical_create_tests[];
extern const struct test physical_ops_tests[];
extern const struct test physical_children_tests[];
extern const struct test cache_policy_tests[];
extern const struct test mmio_buffer_tests[];
extern const struct test resource_tests[];
extern const struct test library_tests[];
extern const struct test reading_tests[];
extern const struct test threads_tests[];
extern const struct test together_tests[];

/* The test that a thread runs: NULL in all but the first one. */
extern thread_local const struct test* running;

/* What the tests know of the machine (world.c). */
struct range {
    zx_paddr_t base;
    uint64_t size;
};

extern struct world {
    zx_handle_t mmio_root;
    zx_handle_t irq_root;
    zx_handle_t system_root;
    zx_handle_t vdso;
    /* A clock's registers: the one at 4 is the driver's own to read and write. */
    struct range registers;
    /* Flash: memory-like. */
    struct range flash;
    struct range ram;
    zx_paddr_t controller;
} world;

/* Finds all that out; says what is missing. */
bool explore(void);

/* Notes a handle or a mapping of this program, to be given back when the test is over. */
zx_handle_t keep(zx_handle_t handle);
zx_vaddr_t keep_mapping(zx_vaddr_t address, uint64_t size);
/* Gives back, and forgets. */
void drop(zx_handle_t handle);
void drop_mapping(zx_vaddr_t address);
void tidy(void);

/* Short ways to what most tests begin with; 0 if it fails, which the caller's check reports. */
zx_handle_t resource_for(zx_paddr_t base, size_t size);
zx_handle_t registers_vmo(void);
zx_handle_t flash_vmo(uint64_t pages, uint32_t policy);
zx_handle_t slice_of(zx_handle_t vmo, uint64_t offset, uint64_t size);
zx_vaddr_t map(zx_handle_t vmo, zx_vm_option_t options, uint64_t size);
zx_handle_t with_rights(zx_handle_t handle, zx_rights_t rights);
zx_info_vmo_t info_of(zx_handle_t vmo);
zx_rights_t rights_of(zx_handle_t handle);
zx_koid_t koid_of(zx_handle_t handle);
zx_signals_t signals_of(zx_handle_t handle);
/* What the MMU makes of an address: PAR_EL1. */
uint64_t translated(zx_vaddr_t address);
/* Programs a word of flash through a writable mapping of it, and leaves the chips in read mode. */
void program_flash(zx_vaddr_t address, uint32_t word);
uint32_t load(zx_vaddr_t address);
void store(zx_vaddr_t address, uint32_t value);

/* A process that makes one call (puppet.c). */
struct puppet {
    zx_handle_t process;
    zx_handle_t vmar;
    /* Its code, the vDSO, and a page that both see: where they are in it. */
    zx_vaddr_t entry;
    zx_vaddr_t vdso;
    zx_vaddr_t page;
    zx_handle_t shared;
};
/* A process in a job, with nothing mapped but what it needs to make a call. */
bool puppet_new(struct puppet* puppet, zx_handle_t job);
/* Lets it call this function of ours, or touch the address in `args` if it is NULL; gives its return code. */
bool puppet_run(struct puppet* puppet, const void* function, const uint64_t* args, size_t count, int64_t* retcode,
                uint64_t* result);

/* Opens a window of a VMO in a process of its own, closes it again if `released`, and lets the process load from it. */
bool puppet_window(zx_handle_t vmo, zx_off_t offset, size_t size, bool released, int64_t* retcode);

/* Notes why a test failed; gives false. */
bool failed(const char* file, int line, const char* format, ...) __attribute__((__format__(__printf__, 3, 4)));

#define REFUSED(call, expected)                                                                               \
    do {                                                                                                      \
        zx_status_t status_ = (call);                                                                         \
        if (status_ != (expected)) {                                                                          \
            return failed(__FILE__, __LINE__, "%s gave %s, not %s", #call, zx_status_get_string(status_),     \
                          zx_status_get_string(expected));                                                    \
        }                                                                                                     \
    } while (0)
#define WORKS(call) REFUSED(call, ZX_OK)
#define SAME(a, b)                                                                                            \
    do {                                                                                                      \
        unsigned long long a_ = (unsigned long long)(a), b_ = (unsigned long long)(b);                        \
        if (a_ != b_) {                                                                                       \
            return failed(__FILE__, __LINE__, "%s is %#llx, not %#llx", #a, a_, b_);                          \
        }                                                                                                     \
    } while (0)
#define TRUTH(condition)                                                                                      \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            return failed(__FILE__, __LINE__, "not so: %s", #condition);                                      \
        }                                                                                                     \
    } while (0)

#endif /* CONFORMANCE_H_ */
