/* From the relocated program to main and back: the bootstrap messages, and what they bring. */
#include <stdlib.h>
#include <string.h>

#include <zircon/process.h>
#include <zircon/processargs.h>
#include <zircon/status.h>
#include <zircon/syscalls.h>

#include "thread.h"

/* The most bytes of a first message: it is read before there is a heap. */
#define FIRST_MESSAGE_MAX 8192

int main(int argc, char** argv, char** envp);

struct given {
    uint32_t info;
    zx_handle_t handle;
};

static zx_handle_t process_self;
static zx_handle_t thread_self;
/* Where the library maps what it needs. By this name, as in Fuchsia's libc, a test can have it map elsewhere. */
zx_handle_t __zircon_vmar_root_self;
static zx_handle_t job_default;
static zx_handle_t log_handle;

/* Handles that nobody has taken yet. */
static struct given* given;
static size_t given_count;
static size_t given_room;
static jacinth_lock_t given_lock;

/* What main's thread has before there is a heap, and for good if the program has no data of each thread. */
static struct jacinth_bare_thread bare;
struct jacinth_thread* __jacinth_main_thread;

/* What threads share that have no block. */
static int shared_error;

int* __jacinth_errno(void) {
    struct jacinth_thread* self = __jacinth_thread();
    return self == NULL ? &shared_error : &self->error;
}

zx_handle_t zx_process_self(void) { return process_self; }
zx_handle_t zx_thread_self(void) { return thread_self; }
zx_handle_t zx_vmar_root_self(void) { return __zircon_vmar_root_self; }
zx_handle_t zx_job_default(void) { return job_default; }
zx_handle_t __jacinth_log(void) { return log_handle; }

zx_handle_t zx_take_startup_handle(uint32_t info) {
    zx_handle_t taken = ZX_HANDLE_INVALID;
    __jacinth_lock(&given_lock);
    for (size_t i = 0; i < given_count && taken == ZX_HANDLE_INVALID; i++) {
        if (given[i].info == info) {
            taken = given[i].handle;
            given[i] = given[--given_count];
        }
    }
    __jacinth_unlock(&given_lock);
    return taken;
}

void __jacinth_lock(jacinth_lock_t* lock) {
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0) {
        zx_nanosleep(0);
    }
}

void __jacinth_unlock(jacinth_lock_t* lock) { __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE); }

static _Noreturn void fail(const char* why, zx_status_t status) {
    fprintf(stderr, "cannot start: %s: %s\n", why, zx_status_get_string(status));
    __jacinth_flush_all();
    zx_process_exit(STARTUP_STATUS);
}

/* Keeps a handle in its place in this library, if it has one there. */
static bool keep(uint32_t info, zx_handle_t handle) {
    switch (info) {
    case PA_HND(PA_PROC_SELF, 0):
        process_self = handle;
        return true;
    case PA_HND(PA_THREAD_SELF, 0):
        thread_self = handle;
        return true;
    case PA_HND(PA_VMAR_ROOT, 0):
        __zircon_vmar_root_self = handle;
        return true;
    case PA_HND(PA_JOB_DEFAULT, 0):
        job_default = handle;
        return true;
    case PA_HND(PA_FD, 0):
        log_handle = handle;
        return true;
    default:
        return false;
    }
}

static void store(uint32_t info, zx_handle_t handle) {
    if (given_count == given_room) {
        size_t room = given_room == 0 ? 64 : 2 * given_room;
        struct given* larger = realloc(given, room * sizeof(*given));
        if (larger == NULL) {
            fail("its handles cannot be kept", ZX_ERR_NO_MEMORY);
        }
        given = larger;
        given_room = room;
    }
    given[given_count++] = (struct given){info, handle};
}

/* Checks a message and gives the words for its handles. */
static const uint32_t* infos_of(const void* bytes, uint32_t size, uint32_t handles) {
    const zx_proc_args_t* head = bytes;
    if (size < sizeof(*head) || head->protocol != ZX_PROCARGS_PROTOCOL || head->version != ZX_PROCARGS_VERSION) {
        fail("its bootstrap message has another protocol", ZX_ERR_INVALID_ARGS);
    }
    uint64_t end = head->handle_info_off + (uint64_t)handles * sizeof(uint32_t);
    if (end > size || head->handle_info_off % sizeof(uint32_t) != 0 || head->args_off > size) {
        fail("its bootstrap message is incomplete", ZX_ERR_INVALID_ARGS);
    }
    return (const uint32_t*)((const char*)bytes + head->handle_info_off);
}

/* Copies the arguments into argv. */
static char** arguments_of(const void* bytes, uint32_t size, int* argc) {
    const zx_proc_args_t* head = bytes;
    size_t length = size - head->args_off;
    /* A string has at least its NUL: this bounds the count as well. */
    size_t count = head->args_num < length ? head->args_num : length;
    char** argv = calloc(count + 2, sizeof(char*));
    char* text = malloc(length + 1);
    if (argv == NULL || text == NULL) {
        fail("its arguments cannot be kept", ZX_ERR_NO_MEMORY);
    }
    memcpy(text, (const char*)bytes + head->args_off, length);
    text[length] = '\0';
    char* end = text + length;
    int found = 0;
    for (char* next = text; (size_t)found < count && next < end; next += strlen(next) + 1) {
        argv[found++] = next;
    }
    *argc = found;
    return argv;
}

/* Makes the data read-only that only crt0 had to write. */
static void seal(void) {
    extern const char __relro_start[] __attribute__((visibility("hidden")));
    extern const char __relro_end[] __attribute__((visibility("hidden")));
    uint64_t length = (uint64_t)(__relro_end - __relro_start);
    if (length != 0) {
        zx_status_t status = zx_vmar_protect(__zircon_vmar_root_self, ZX_VM_PERM_READ, (zx_vaddr_t)__relro_start, length);
        if (status != ZX_OK) {
            fail("its read-only data cannot be protected", status);
        }
    }
}

/* The messages after the first one, until there are no more: whoever starts a program writes all of them first. */
static void read_rest(zx_handle_t bootstrap, void* bytes, uint32_t room) {
    zx_handle_t handles[ZX_CHANNEL_MAX_MSG_HANDLES];
    for (;;) {
        uint32_t size = 0;
        uint32_t count = 0;
        zx_status_t status =
            zx_channel_read(bootstrap, 0, bytes, handles, room, ZX_CHANNEL_MAX_MSG_HANDLES, &size, &count);
        if (status == ZX_ERR_SHOULD_WAIT || status == ZX_ERR_PEER_CLOSED || (status == ZX_OK && count == 0)) {
            return;
        }
        if (status != ZX_OK) {
            fail("a bootstrap message cannot be read", status);
        }
        const uint32_t* infos = infos_of(bytes, size, count);
        for (uint32_t i = 0; i < count; i++) {
            store(infos[i], handles[i]);
        }
    }
}

static void run_constructors(void) {
    typedef void (*constructor_t)(void);
    extern const constructor_t __init_array_start[] __attribute__((visibility("hidden")));
    extern const constructor_t __init_array_end[] __attribute__((visibility("hidden")));
    for (const constructor_t* next = __init_array_start; next != __init_array_end; next++) {
        (*next)();
    }
}

static void become(struct jacinth_thread* thread) {
    __jacinth_main_thread = thread;
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(__jacinth_pointer_of(thread)) : "memory");
}

/* Gives main's thread its own data. */
static void make_own_data(void) {
    size_t size = __jacinth_thread_size();
    if (size > sizeof(bare)) {
        void* memory = calloc(1, size);
        if (memory == NULL) {
            fail("there is no memory for its thread-local data", ZX_ERR_NO_MEMORY);
        }
        become(__jacinth_thread_in(memory));
    }
}

_Noreturn void __jacinth_begin(zx_handle_t bootstrap) {
    _Alignas(16) static char bytes[FIRST_MESSAGE_MAX];
    become(&bare.thread);
    zx_handle_t handles[ZX_CHANNEL_MAX_MSG_HANDLES];
    uint32_t size = 0;
    uint32_t count = 0;
    zx_status_t status = zx_channel_read(bootstrap, 0, bytes, handles, sizeof(bytes), ZX_CHANNEL_MAX_MSG_HANDLES,
                                         &size, &count);
    if (status != ZX_OK) {
        fail("its bootstrap message cannot be read", status);
    }
    const uint32_t* infos = infos_of(bytes, size, count);
    /* What the heap and the log need comes first. */
    bool kept[ZX_CHANNEL_MAX_MSG_HANDLES];
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = keep(infos[i], handles[i]);
    }
    if (__zircon_vmar_root_self == ZX_HANDLE_INVALID) {
        fail("its bootstrap message lacks VMAR_ROOT", ZX_ERR_INVALID_ARGS);
    }
    seal();
    make_own_data();
    for (uint32_t i = 0; i < count; i++) {
        if (!kept[i]) {
            store(infos[i], handles[i]);
        }
    }
    int argc = 0;
    char** argv = arguments_of(bytes, size, &argc);
    read_rest(bootstrap, bytes, sizeof(bytes));
    zx_handle_close(bootstrap);
    run_constructors();
    exit(main(argc, argv, argv + argc + 1));
}
