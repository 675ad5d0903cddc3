/* C's threads, on as many CPUs as there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <zircon/threads.h>

#include "conformance.h"

enum { THREADS = 4, ROUNDS = 2000 };

static mtx_t mutex;
static cnd_t condition;
static int counted;

static int count_up(void* argument) {
    for (int i = 0; i < ROUNDS; i++) {
        mtx_lock(&mutex);
        counted++;
        mtx_unlock(&mutex);
    }
    return *(int*)argument;
}

static bool joined(void) {
    thrd_t threads[THREADS];
    int numbers[THREADS];
    counted = 0;
    SAME(mtx_init(&mutex, mtx_plain), thrd_success);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = 10 + i;
        SAME(thrd_create(&threads[i], count_up, &numbers[i]), thrd_success);
        TRUTH(!thrd_equal(threads[i], thrd_current()) && thrd_get_zx_handle(threads[i]) != ZX_HANDLE_INVALID);
    }
    for (int i = 0; i < THREADS; i++) {
        int result = 0;
        SAME(thrd_join(threads[i], &result), thrd_success);
        SAME(result, 10 + i);
    }
    SAME(counted, THREADS * ROUNDS);
    SAME(thrd_get_zx_handle(thrd_current()), zx_thread_self());
    SAME(thrd_join(thrd_current(), NULL), thrd_error);
    return true;
}

/* Both go wrong in their own ways, and see their own errors, whoever of them runs. */
static int goes_wrong(void* argument) {
    int mistakes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        errno = 0;
        bool is_range = argument != NULL;
        is_range ? (void)strtol("99999999999999999999", NULL, 10) : (void)strtol("1", NULL, 99);
        mistakes += errno != (is_range ? ERANGE : EINVAL);
        if (i % 64 == 0) {
            thrd_yield();
            mistakes += errno != (is_range ? ERANGE : EINVAL);
        }
    }
    return mistakes;
}

static bool own_errno(void) {
    thrd_t threads[THREADS];
    errno = EDOM;
    for (int i = 0; i < THREADS; i++) {
        SAME(thrd_create(&threads[i], goes_wrong, i % 2 == 0 ? NULL : threads), thrd_success);
    }
    for (int i = 0; i < THREADS; i++) {
        int mistakes = -1;
        SAME(thrd_join(threads[i], &mistakes), thrd_success);
        SAME(mistakes, 0);
    }
    SAME(errno, EDOM);
    return true;
}

/* Whose turn it is goes round. */
static int turn;

static int takes_turns(void* argument) {
    int own = (int)(intptr_t)argument;
    for (int i = 0; i < 30; i++) {
        mtx_lock(&mutex);
        while (turn != own) {
            cnd_wait(&condition, &mutex);
        }
        turn = (turn + 1) % THREADS;
        cnd_broadcast(&condition);
        mtx_unlock(&mutex);
    }
    thrd_exit(own);
}

static bool turns(void) {
    thrd_t threads[THREADS];
    turn = 0;
    SAME(mtx_init(&mutex, mtx_plain | mtx_recursive), thrd_success);
    SAME(cnd_init(&condition), thrd_success);
    for (int i = 0; i < THREADS; i++) {
        SAME(thrd_create(&threads[i], takes_turns, (void*)(intptr_t)i), thrd_success);
    }
    for (int i = 0; i < THREADS; i++) {
        int result = -1;
        SAME(thrd_join(threads[i], &result), thrd_success);
        SAME(result, i);
    }
    SAME(turn, 0);
    SAME(mtx_lock(&mutex), thrd_success);
    SAME(mtx_trylock(&mutex), thrd_success);
    SAME(mtx_unlock(&mutex), thrd_success);
    SAME(mtx_unlock(&mutex), thrd_success);
    SAME(mtx_init(&mutex, mtx_plain), thrd_success);
    SAME(mtx_trylock(&mutex), thrd_success);
    SAME(mtx_trylock(&mutex), thrd_busy);
    return true;
}

static once_flag once = ONCE_FLAG_INIT;
static int times;
static tss_t key;
static int destroyed;

static void only_once(void) {
    thrd_yield();
    times++;
}

static void destroys(void* value) { __atomic_fetch_add(&destroyed, *(int*)value, __ATOMIC_RELAXED); }

static int keeps_value(void* argument) {
    call_once(&once, only_once);
    int good = times == 1 && tss_get(key) == NULL && tss_set(key, argument) == thrd_success;
    thrd_yield();
    return good && tss_get(key) == argument;
}

static bool once_and_values(void) {
    thrd_t threads[THREADS];
    int values[THREADS];
    SAME(tss_create(&key, destroys), thrd_success);
    for (int i = 0; i < THREADS; i++) {
        values[i] = 1 << i;
        SAME(thrd_create(&threads[i], keeps_value, &values[i]), thrd_success);
    }
    for (int i = 0; i < THREADS; i++) {
        int good = 0;
        SAME(thrd_join(threads[i], &good), thrd_success);
        SAME(good, 1);
    }
    SAME(destroyed, (1 << THREADS) - 1);
    TRUTH(times == 1 && tss_get(key) == NULL);
    tss_delete(key);
    return true;
}

/* Thread-local data: with a value that is an address, wider aligned than a stack, zero, and another file's (main.c). */
static thread_local const int* numbered = &counted;
static thread_local _Alignas(256) unsigned char wide[300] = {[0] = 7, [299] = 9};
static thread_local uint64_t zeros[40];
static thread_local bool seen_by_constructor;

/* Clang would run it while it compiles, and have every thread begin with what it wrote. */
__attribute__((constructor)) static void constructed(void) {
    seen_by_constructor = *(volatile unsigned char*)&wide[299] == 9;
}

/* Whether the data are as they begin; makes them the thread's. */
static bool begins_anew(int* own) {
    bool good = numbered == &counted && wide[0] == 7 && wide[299] == 9 && wide[150] == 0 && running == NULL;
    good = good && (uintptr_t)wide % 256 == 0;
    for (size_t i = 0; i < 40; i++) {
        good = good && zeros[i] == 0;
        zeros[i] = (uintptr_t)own;
    }
    numbered = own;
    memset(wide, *own, sizeof(wide));
    running = (const struct test*)own;
    return good;
}

static bool still_own(const int* own) {
    bool good = numbered == own && running == (const struct test*)own;
    for (size_t i = 0; i < 300; i++) {
        good = good && wide[i] == *own && zeros[i % 40] == (uintptr_t)own;
    }
    return good;
}

static int has_own_data(void* argument) {
    int* own = argument;
    bool good = begins_anew(own) && !seen_by_constructor;
    for (int i = 0; i < 50; i++) {
        thrd_yield();
        good = good && still_own(own);
    }
    return good;
}

static bool own_data(void) {
    thrd_t threads[THREADS];
    int numbers[THREADS], mine = 99;
    const struct test* here = running;
    TRUTH(seen_by_constructor && here != NULL);
    running = NULL;
    TRUTH(begins_anew(&mine));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i + 1;
        SAME(thrd_create(&threads[i], has_own_data, &numbers[i]), thrd_success);
    }
    for (int i = 0; i < THREADS; i++) {
        int good = 0;
        SAME(thrd_join(threads[i], &good), thrd_success);
        SAME(good, 1);
    }
    TRUTH(still_own(&mine));
    running = here;
    return true;
}

static int left_alone(void* argument) {
    __atomic_fetch_add((int*)argument, 1, __ATOMIC_RELAXED);
    return 0;
}

/* How many VMOs this process has mapped or has handles to. */
static size_t vmo_count(void) {
    size_t actual = 0, avail = 0;
    zx_status_t status = zx_object_get_info(zx_process_self(), ZX_INFO_PROCESS_VMOS, NULL, 0, &actual, &avail);
    return status == ZX_OK ? avail : 0;
}

/* Whoever is made later gives back what those before have left. */
static bool detached(void) {
    enum { MANY = 60 };
    int ended = 0;
    size_t before = vmo_count();
    TRUTH(before != 0);
    for (int i = 0; i < MANY; i++) {
        thrd_t thread;
        SAME(thrd_create(&thread, left_alone, &ended), thrd_success);
        SAME(thrd_detach(thread), thrd_success);
    }
    struct timespec moment = {0, 2000000};
    for (int tries = 0; tries < 5000 && (vmo_count() != before || ended < MANY); tries++) {
        thrd_t thread;
        SAME(thrd_create(&thread, left_alone, &ended), thrd_success);
        SAME(thrd_join(thread, NULL), thrd_success);
        SAME(thrd_sleep(&moment, NULL), 0);
    }
    SAME(vmo_count(), before);
    return true;
}

static int does_nothing(void* argument) { return argument == NULL; }

static bool named(void) {
    thrd_t thread;
    SAME(thrd_create_with_name(&thread, does_nothing, NULL, "worker"), thrd_success);
    char name[ZX_MAX_NAME_LEN] = "";
    WORKS(zx_object_get_property(thrd_get_zx_handle(thread), ZX_PROP_NAME, name, sizeof(name)));
    SAME(strcmp(name, "worker"), 0);
    int result = 0;
    SAME(thrd_join(thread, &result), thrd_success);
    SAME(result, 1);
    SAME(thrd_status_to_zx_status(thrd_nomem), ZX_ERR_NO_MEMORY);
    SAME(thrd_status_to_zx_status(thrd_error), ZX_ERR_INTERNAL);
    return true;
}

/* Nobody is woken before the time. */
static bool sleeps(void) {
    struct timespec before, after;
    SAME(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    SAME(usleep(3000), 0);
    SAME(nanosleep(&(struct timespec){0, 2000000}, NULL), 0);
    SAME(sleep(0), 0);
    SAME(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    int64_t passed = (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec;
    TRUTH(passed >= 5000000 && after.tv_nsec >= 0 && after.tv_nsec < 1000000000);
    errno = 0;
    SAME(clock_gettime(77, &after), -1);
    SAME(errno, EINVAL);
    SAME(nanosleep(&(struct timespec){0, 1000000000}, NULL), -1);
    SAME(getpagesize(), (int)ZX_PAGE_SIZE);
    return true;
}

/* A thread on a stack of its own, which it gives back with its last breath. */
struct leaver {
    zx_vaddr_t stack;
    zx_handle_t event;
    zx_status_t refused;
    zx_futex_t futex;
};
enum { STACK = 4 * ZX_PAGE_SIZE };

static void leaves(uintptr_t argument, uintptr_t other) {
    struct leaver* self = (struct leaver*)argument;
    (void)other;
    self->refused = zx_vmar_unmap_handle_close_thread_exit(zx_vmar_root_self(), self->stack, 0, self->event);
    zx_vmar_unmap_handle_close_thread_exit(zx_vmar_root_self(), self->stack, STACK, self->event);
    abort();
}

static void says_goodbye(uintptr_t argument, uintptr_t other) {
    struct leaver* self = (struct leaver*)argument;
    (void)other;
    zx_futex_wake_handle_close_thread_exit(&self->futex, 1, 7, self->event);
    abort();
}

static bool start_leaver(struct leaver* self, zx_handle_t* thread, void (*run)(uintptr_t, uintptr_t)) {
    zx_handle_t vmo;
    *self = (struct leaver){0};
    WORKS(zx_event_create(0, &self->event));
    WORKS(zx_vmo_create(STACK, 0, &vmo));
    WORKS(zx_vmar_map(zx_vmar_root_self(), ZX_VM_PERM_READ | ZX_VM_PERM_WRITE, 0, vmo, 0, STACK, &self->stack));
    WORKS(zx_handle_close(vmo));
    WORKS(zx_thread_create(zx_process_self(), "leaver", 6, 0, thread));
    WORKS(zx_thread_start(*thread, (zx_vaddr_t)run, self->stack + STACK, (uintptr_t)self, 0));
    return true;
}

static bool leaves_nothing(void) {
    static struct leaver self;
    zx_handle_t thread;
    zx_info_handle_basic_t info;
    TRUTH(start_leaver(&self, &thread, leaves));
    WORKS(zx_object_wait_one(thread, ZX_THREAD_TERMINATED, ZX_TIME_INFINITE, NULL));
    WORKS(zx_handle_close(thread));
    SAME(self.refused, ZX_ERR_INVALID_ARGS);
    REFUSED(zx_object_get_info(self.event, ZX_INFO_HANDLE_BASIC, &info, sizeof(info), NULL, NULL), ZX_ERR_BAD_HANDLE);
    REFUSED(zx_vmar_protect(zx_vmar_root_self(), ZX_VM_PERM_READ, self.stack, STACK), ZX_ERR_NOT_FOUND);

    /* Its stack goes as soon as it says so, whatever it has still to do. */
    TRUTH(start_leaver(&self, &thread, says_goodbye));
    while (self.futex == 0) {
        (void)zx_futex_wait(&self.futex, 0, ZX_HANDLE_INVALID, ZX_TIME_INFINITE);
    }
    SAME(self.futex, 7);
    WORKS(zx_vmar_unmap(zx_vmar_root_self(), self.stack, STACK));
    WORKS(zx_object_wait_one(thread, ZX_THREAD_TERMINATED, ZX_TIME_INFINITE, NULL));
    WORKS(zx_handle_close(thread));
    REFUSED(zx_object_get_info(self.event, ZX_INFO_HANDLE_BASIC, &info, sizeof(info), NULL, NULL), ZX_ERR_BAD_HANDLE);
    return true;
}

const struct test threads_tests[] = {
    {"LIB-J27", "threads run beside each other and give their results", joined},
    {"LIB-J28", "each thread has errno to itself", own_errno},
    {"LIB-J29", "threads wait for each other", turns},
    {"LIB-J30", "what is done once is done once, and values belong to threads", once_and_values},
    {"LIB-J31", "detached threads leave nothing behind", detached},
    {"LIB-J33", "a thread is called as it was asked for", named},
    {"LIB-J34", "who sleeps is not woken too early, and the clock goes on meanwhile", sleeps},
    {"LIB-J35", "a thread ends without the stack that it stood on", leaves_nothing},
    {"LIB-J36", "each thread has its own thread-local data, as they begin", own_data},
    {NULL, NULL, NULL},
};
