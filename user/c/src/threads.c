/* Threads: their stacks and blocks, and what they wait by. */
#include <threads.h>

#include <stdlib.h>
#include <string.h>

#include <zircon/process.h>
#include <zircon/syscalls.h>
#include <zircon/threads.h>

#include "thread.h"

#define STACK ((size_t)0x40000)
#define GUARD ((size_t)ZX_PAGE_SIZE)

extern const char __jacinth_thread_entry[] __attribute__((visibility("hidden")));
_Noreturn void __jacinth_thread_main(struct jacinth_thread* self);

/* Guards `done` and `detached` of every thread, and the list below. */
static jacinth_lock_t lock;
/* Detached threads that have nothing more to do but to end. */
static struct jacinth_thread* ending;

/* The keys given out, and their destructors. */
static jacinth_lock_t key_lock;
static unsigned key_count;
static tss_dtor_t destructors[JACINTH_KEYS];

/* Gives back all that a thread had, once it has ended. */
static void release(struct jacinth_thread* thread) {
    zx_handle_t handle = thread->handle, region = thread->region;
    /* The block lies in the region. */
    zx_vmar_destroy(region);
    zx_handle_close(region);
    zx_handle_close(handle);
}

static bool has_ended(const struct jacinth_thread* thread, zx_time_t deadline) {
    return zx_object_wait_one(thread->handle, ZX_THREAD_TERMINATED, deadline, NULL) == ZX_OK;
}

/* Releases the detached threads that have ended. */
static void reap(void) {
    struct jacinth_thread* ended = NULL;
    __jacinth_lock(&lock);
    for (struct jacinth_thread** link = &ending; *link != NULL;) {
        struct jacinth_thread* thread = *link;
        if (has_ended(thread, ZX_TIME_INFINITE_PAST)) {
            *link = thread->next;
            thread->next = ended;
            ended = thread;
        } else {
            link = &thread->next;
        }
    }
    __jacinth_unlock(&lock);
    while (ended != NULL) {
        struct jacinth_thread* next = ended->next;
        release(ended);
        ended = next;
    }
}

/* A stack with a page below it that is not mapped; the thread and its own data are at its top. */
static zx_status_t make_stack(struct jacinth_thread** thread) {
    zx_handle_t region = ZX_HANDLE_INVALID, vmo = ZX_HANDLE_INVALID;
    zx_vaddr_t base = 0, stack = 0;
    const size_t own = __jacinth_thread_size(), size = (STACK + own + GUARD - 1) & ~(GUARD - 1);
    zx_vm_option_t options = ZX_VM_CAN_MAP_READ | ZX_VM_CAN_MAP_WRITE | ZX_VM_CAN_MAP_SPECIFIC;
    zx_status_t status = zx_vmar_allocate(zx_vmar_root_self(), options, 0, GUARD + size, &region, &base);
    if (status != ZX_OK) {
        return status;
    }
    status = zx_vmo_create(size, 0, &vmo);
    if (status == ZX_OK) {
        (void)zx_object_set_property(vmo, ZX_PROP_NAME, "stack", 5);
        options = ZX_VM_PERM_READ | ZX_VM_PERM_WRITE | ZX_VM_SPECIFIC;
        status = zx_vmar_map(region, options, GUARD, vmo, 0, size, &stack);
        zx_handle_close(vmo);
    }
    if (status != ZX_OK) {
        zx_vmar_destroy(region);
        zx_handle_close(region);
        return status;
    }
    /* New memory is zero. */
    *thread = __jacinth_thread_in((void*)(stack + size - own));
    (*thread)->region = region;
    return ZX_OK;
}

int thrd_create(thrd_t* out, thrd_start_t run, void* argument) {
    return thrd_create_with_name(out, run, argument, "thread");
}

int thrd_create_with_name(thrd_t* out, thrd_start_t run, void* argument, const char* name) {
    reap();
    struct jacinth_thread* thread = NULL;
    zx_status_t status = make_stack(&thread);
    if (status != ZX_OK) {
        return thrd_status_from_zx_status(status);
    }
    thread->run = run;
    thread->argument = argument;
    zx_handle_t handle = ZX_HANDLE_INVALID;
    status = zx_thread_create(zx_process_self(), name, strlen(name), 0, &handle);
    if (status == ZX_OK) {
        thread->handle = handle;
        /* The thread may have read it before this returns. */
        *out = thread;
        const zx_vaddr_t entry = (zx_vaddr_t)__jacinth_thread_entry;
        const uintptr_t pointer = __jacinth_pointer_of(thread);
        status = zx_thread_start(handle, entry, (zx_vaddr_t)thread, (uintptr_t)thread, pointer);
    }
    if (status != ZX_OK) {
        release(thread);
    }
    return thrd_status_from_zx_status(status);
}

_Noreturn void __jacinth_thread_main(struct jacinth_thread* self) { thrd_exit(self->run(self->argument)); }

/* What was set in keys with destructors is destroyed, and what that sets, a few times over. */
static void destroy_values(struct jacinth_thread* self) {
    bool any = true;
    for (int round = 0; round < TSS_DTOR_ITERATIONS && any; round++) {
        any = false;
        for (unsigned key = 0; key < JACINTH_KEYS; key++) {
            void* value = self->values[key];
            __jacinth_lock(&key_lock);
            tss_dtor_t destructor = destructors[key];
            __jacinth_unlock(&key_lock);
            if (value != NULL && destructor != NULL) {
                self->values[key] = NULL;
                destructor(value);
                any = true;
            }
        }
    }
}

_Noreturn void thrd_exit(int result) {
    struct jacinth_thread* self = thrd_current();
    if (self == __jacinth_main_thread) {
        /* The process ends with its last thread, and what main's stream holds would be lost. */
        __jacinth_flush_all();
    }
    if (self != NULL) {
        destroy_values(self);
        __jacinth_lock(&lock);
        self->result = result;
        self->done = true;
        if (self->detached) {
            self->next = ending;
            ending = self;
        }
        __jacinth_unlock(&lock);
    }
    zx_thread_exit();
}

int thrd_join(thrd_t thread, int* result) {
    if (thread == __jacinth_main_thread || !has_ended(thread, ZX_TIME_INFINITE)) {
        return thrd_error;
    }
    if (result != NULL) {
        *result = thread->result;
    }
    release(thread);
    return thrd_success;
}

int thrd_detach(thrd_t thread) {
    if (thread == __jacinth_main_thread) {
        return thrd_error;
    }
    __jacinth_lock(&lock);
    thread->detached = true;
    if (thread->done) {
        thread->next = ending;
        ending = thread;
    }
    __jacinth_unlock(&lock);
    reap();
    return thrd_success;
}

thrd_t thrd_current(void) { return __jacinth_thread(); }
int thrd_equal(thrd_t a, thrd_t b) { return a == b; }
void thrd_yield(void) { zx_nanosleep(0); }

zx_handle_t thrd_get_zx_handle(thrd_t thread) {
    return thread == __jacinth_main_thread ? zx_thread_self() : thread->handle;
}

int thrd_sleep(const struct timespec* duration, struct timespec* rest) {
    (void)rest;
    zx_duration_t seconds = zx_duration_from_sec(duration->tv_sec);
    zx_nanosleep(zx_deadline_after(zx_duration_add_duration(seconds, duration->tv_nsec)));
    return 0;
}

/* Waits until a word has changed, or somebody was woken by it. */
static void wait_at(const int* word, int value) {
    (void)zx_futex_wait((const zx_futex_t*)word, value, ZX_HANDLE_INVALID, ZX_TIME_INFINITE);
}

static void wake_at(const int* word, uint32_t count) { (void)zx_futex_wake((const zx_futex_t*)word, count); }

int mtx_init(mtx_t* mutex, int type) {
    *mutex = (mtx_t){.type = type};
    return (type & mtx_timed) != 0 ? thrd_error : thrd_success;
}

/* Whether a recursive mutex is this thread's already. Nobody else writes what this reads, where it is. */
static bool holds(const mtx_t* mutex) {
    return (mutex->type & mtx_recursive) != 0 && __atomic_load_n(&mutex->state, __ATOMIC_RELAXED) != 0 &&
           __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == thrd_current();
}

static void take(mtx_t* mutex) {
    __atomic_store_n(&mutex->owner, thrd_current(), __ATOMIC_RELAXED);
    mutex->depth = 1;
}

/* 0 is free, 1 is taken, 2 is taken and perhaps waited for. */
int mtx_trylock(mtx_t* mutex) {
    int expected = 0;
    if (holds(mutex)) {
        mutex->depth++;
    } else if (__atomic_compare_exchange_n(&mutex->state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        take(mutex);
    } else {
        return thrd_busy;
    }
    return thrd_success;
}

int mtx_lock(mtx_t* mutex) {
    if (mtx_trylock(mutex) != thrd_success) {
        while (__atomic_exchange_n(&mutex->state, 2, __ATOMIC_ACQUIRE) != 0) {
            wait_at(&mutex->state, 2);
        }
        take(mutex);
    }
    return thrd_success;
}

int mtx_unlock(mtx_t* mutex) {
    if (--mutex->depth == 0) {
        __atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELAXED);
        if (__atomic_exchange_n(&mutex->state, 0, __ATOMIC_RELEASE) == 2) {
            wake_at(&mutex->state, 1);
        }
    }
    return thrd_success;
}

void mtx_destroy(mtx_t* mutex) { (void)mutex; }

int cnd_init(cnd_t* condition) {
    condition->sequence = 0;
    return thrd_success;
}

int cnd_wait(cnd_t* condition, mtx_t* mutex) {
    /* Who signals after this changes the word, so that the wait does not begin. */
    int sequence = __atomic_load_n(&condition->sequence, __ATOMIC_RELAXED);
    mtx_unlock(mutex);
    wait_at(&condition->sequence, sequence);
    return mtx_lock(mutex);
}

static int notify(cnd_t* condition, uint32_t count) {
    __atomic_fetch_add(&condition->sequence, 1, __ATOMIC_RELAXED);
    wake_at(&condition->sequence, count);
    return thrd_success;
}

int cnd_signal(cnd_t* condition) { return notify(condition, 1); }
int cnd_broadcast(cnd_t* condition) { return notify(condition, UINT32_MAX); }
void cnd_destroy(cnd_t* condition) { (void)condition; }

/* 0 is not yet, 1 is under way, 2 is done. */
void call_once(once_flag* flag, void (*function)(void)) {
    int expected = 0;
    if (__atomic_compare_exchange_n(&flag->state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        function();
        __atomic_store_n(&flag->state, 2, __ATOMIC_RELEASE);
        wake_at(&flag->state, UINT32_MAX);
    }
    while (__atomic_load_n(&flag->state, __ATOMIC_ACQUIRE) == 1) {
        wait_at(&flag->state, 1);
    }
}

int tss_create(tss_t* key, tss_dtor_t destructor) {
    __jacinth_lock(&key_lock);
    bool is_free = key_count < JACINTH_KEYS;
    if (is_free) {
        destructors[key_count] = destructor;
        *key = key_count++;
    }
    __jacinth_unlock(&key_lock);
    return is_free ? thrd_success : thrd_error;
}

void tss_delete(tss_t key) {
    __jacinth_lock(&key_lock);
    if (key < JACINTH_KEYS) {
        destructors[key] = NULL;
    }
    __jacinth_unlock(&key_lock);
}

void* tss_get(tss_t key) {
    struct jacinth_thread* self = thrd_current();
    return self == NULL || key >= JACINTH_KEYS ? NULL : self->values[key];
}

int tss_set(tss_t key, void* value) {
    struct jacinth_thread* self = thrd_current();
    if (self == NULL || key >= JACINTH_KEYS) {
        return thrd_error;
    }
    self->values[key] = value;
    return thrd_success;
}
