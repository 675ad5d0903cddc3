/* A process that makes one call for the tests: what may end it, and what a job's policy forbids it. */
#include <lib/mmio/mmio-buffer.h>

#include "conformance.h"

/* Its order, in memory that both see. */
struct order {
    uint64_t function;
    uint64_t args[8];
    uint64_t result;
    uint64_t exit;
};

/* Its code: takes the order's address in X1, makes the call, keeps the result and ends. */
__asm__(".pushsection .text.puppet, \"ax\", %progbits\n"
        ".balign 4\n"
        "puppet_code:\n"
        "mov x19, x1\n"
        "ldr x9, [x19]\n"
        "ldp x0, x1, [x19, #8]\n"
        "ldp x2, x3, [x19, #24]\n"
        "ldp x4, x5, [x19, #40]\n"
        "ldp x6, x7, [x19, #56]\n"
        "blr x9\n"
        "str x0, [x19, #72]\n"
        "ldr x9, [x19, #80]\n"
        "mov x0, #0\n"
        "blr x9\n"
        "brk #0\n"
        "puppet_touch:\n"
        "ldr w0, [x0]\n"
        "ret\n"
        "puppet_end:\n"
        ".popsection\n");

extern const char puppet_code[] __attribute__((visibility("hidden")));
extern const char puppet_touch[] __attribute__((visibility("hidden")));
extern const char puppet_end[] __attribute__((visibility("hidden")));

/* Maps the vDSO into a process as its program headers say; gives its base, 0 if that fails. */
static zx_vaddr_t map_vdso(zx_handle_t vmar, const char* own) {
    uint64_t headers = *(const uint64_t*)(own + 32);
    uint16_t size = *(const uint16_t*)(own + 54), count = *(const uint16_t*)(own + 56);
    zx_info_vmar_t info;
    uint64_t whole = 0;
    zx_vaddr_t base = 0;
    if (zx_object_get_info(vmar, ZX_INFO_VMAR, &info, sizeof(info), NULL, NULL) != ZX_OK ||
        zx_vmo_get_size(world.vdso, &whole) != ZX_OK) {
        return 0;
    }
    for (uint16_t i = 0; i < count; i++) {
        const char* header = own + headers + (uint64_t)i * size;
        enum { PT_LOAD = 1, PF_X = 1 };
        if (*(const uint32_t*)header != PT_LOAD) {
            continue;
        }
        uint32_t flags = *(const uint32_t*)(header + 4);
        uint64_t offset = *(const uint64_t*)(header + 8), length = *(const uint64_t*)(header + 40);
        length = (length + P - 1) & ~(P - 1);
        zx_vm_option_t options = ZX_VM_PERM_READ | ((flags & PF_X) != 0 ? ZX_VM_PERM_EXECUTE : 0);
        zx_vaddr_t address = 0;
        /* The first segment chooses the place; nothing else is mapped there yet, so what follows it is free. */
        uint64_t place = base == 0 ? 0x1000000 : base - info.base + offset;
        if (zx_vmar_map(vmar, options | ZX_VM_SPECIFIC, place, world.vdso, offset & ~(P - 1), length, &address) != ZX_OK) {
            return 0;
        }
        base = base == 0 ? address : base;
    }
    return base;
}

static bool code_vmo(zx_handle_t* code) {
    WORKS(zx_vmo_create(P, 0, code));
    WORKS(zx_vmo_write(*code, puppet_code, 0, (size_t)(puppet_end - puppet_code)));
    WORKS(zx_vmo_replace_as_executable(*code, ZX_HANDLE_INVALID, code));
    keep(*code);
    return true;
}

/* Where this program has the vDSO. */
static bool own_vdso(uint64_t* own) {
    WORKS(zx_object_get_property(zx_process_self(), ZX_PROP_PROCESS_VDSO_BASE_ADDRESS, own, sizeof(*own)));
    return true;
}

bool puppet_new(struct puppet* puppet, zx_handle_t job) {
    uint64_t own = 0;
    zx_handle_t code = ZX_HANDLE_INVALID;
    WORKS(zx_process_create(job, "puppet", 6, 0, &puppet->process, &puppet->vmar));
    keep(puppet->process);
    keep(puppet->vmar);
    if (!own_vdso(&own) || !code_vmo(&code)) {
        return false;
    }
    puppet->vdso = map_vdso(puppet->vmar, (const char*)own);
    TRUTH(puppet->vdso != 0);
    WORKS(zx_vmar_map(puppet->vmar, ZX_VM_PERM_READ | ZX_VM_PERM_EXECUTE, 0, code, 0, P, &puppet->entry));
    WORKS(zx_vmo_create(P, 0, &puppet->shared));
    keep(puppet->shared);
    zx_vm_option_t options = ZX_VM_PERM_READ | ZX_VM_PERM_WRITE;
    WORKS(zx_vmar_map(puppet->vmar, options, 0, puppet->shared, 0, P, &puppet->page));
    return true;
}

bool puppet_run(struct puppet* puppet, const void* function, const uint64_t* args, size_t count, int64_t* retcode,
                uint64_t* result) {
    uint64_t own = 0;
    zx_handle_t thread = ZX_HANDLE_INVALID;
    if (!own_vdso(&own)) {
        return false;
    }
    struct order order = {.result = 0xeeee, .exit = (uint64_t)zx_process_exit - own + puppet->vdso};
    order.function = function == NULL ? puppet->entry + (uint64_t)(puppet_touch - puppet_code)
                                      : (uint64_t)function - own + puppet->vdso;
    memcpy(order.args, args, count * sizeof(*args));
    WORKS(zx_vmo_write(puppet->shared, &order, 0, sizeof(order)));
    WORKS(zx_thread_create(puppet->process, "puppet", 6, 0, &thread));
    keep(thread);
    uint64_t stack = puppet->page + P;
    WORKS(zx_process_start(puppet->process, thread, puppet->entry, stack, ZX_HANDLE_INVALID, puppet->page));
    zx_time_t soon = zx_deadline_after(ZX_SEC(20));
    WORKS(zx_object_wait_one(puppet->process, ZX_PROCESS_TERMINATED, soon, NULL));
    zx_info_process_t info;
    WORKS(zx_object_get_info(puppet->process, ZX_INFO_PROCESS, &info, sizeof(info), NULL, NULL));
    *retcode = info.return_code;
    WORKS(zx_vmo_read(puppet->shared, &order, 0, sizeof(order)));
    *result = order.result;
    return true;
}

/* Where the library maps: a process's own region, or for a moment another's. */
extern zx_handle_t __zircon_vmar_root_self;

bool puppet_window(zx_handle_t vmo, zx_off_t offset, size_t size, bool released, int64_t* retcode) {
    struct puppet puppet;
    mmio_buffer_t buffer;
    if (!puppet_new(&puppet, zx_job_default())) {
        return false;
    }
    zx_handle_t given = ZX_HANDLE_INVALID, own = __zircon_vmar_root_self;
    WORKS(zx_handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS, &given));
    __zircon_vmar_root_self = puppet.vmar;
    zx_status_t status = mmio_buffer_init(&buffer, offset, size, given, ZX_CACHE_POLICY_UNCACHED_DEVICE);
    zx_handle_t open = status == ZX_OK ? buffer.vmo : ZX_HANDLE_INVALID;
    uint64_t address = status == ZX_OK ? (uint64_t)buffer.vaddr : 0, result = 0;
    if (status == ZX_OK && released) {
        mmio_buffer_release(&buffer);
        open = ZX_HANDLE_INVALID;
    }
    __zircon_vmar_root_self = own;
    WORKS(status);
    keep(open);
    /* A window that is still open ends with the process. */
    return puppet_run(&puppet, NULL, &address, 1, retcode, &result);
}
