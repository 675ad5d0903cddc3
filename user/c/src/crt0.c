/* A static PIE relocates itself and binds its calls to the vDSO.
 *
 * Until __jacinth_relocate returns no address in the program's data is right: code up to there reads no static that
 * holds one, and reaches everything by PC-relative instructions, which -fPIE and hidden visibility guarantee.
 *
 * What goes wrong is said on the raw console and ends the process with STARTUP_STATUS. Without a vDSO there is
 * neither: the program stops at `brk #1`, which the kernel reports. */
#include "internal.h"

enum { DT_PLTRELSZ = 2, DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_RELA = 7, DT_RELASZ = 8, DT_JMPREL = 23 };
/* Relocation types (ELF for the Arm 64-bit Architecture, 5.7). */
enum { R_ABS64 = 257, R_GLOB_DAT = 1025, R_JUMP_SLOT = 1026, R_RELATIVE = 1027 };
enum { PT_DYNAMIC = 2, STB_WEAK = 2, ELF_MAGIC = 0x464c457f };

struct dynamic {
    uint64_t tag;
    uint64_t value;
};

struct rela {
    uint64_t offset;
    uint32_t type;
    uint32_t symbol;
    uint64_t addend;
};

struct symbol {
    uint32_t name;
    uint8_t info;
    uint8_t other;
    uint16_t section;
    uint64_t value;
    uint64_t size;
};

struct program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
};

/* A linked ELF in memory, by its dynamic section. */
struct module {
    uintptr_t base;
    const struct dynamic* dynamic;
};

/* The value of a tag, 0 if it is not there. */
static uint64_t tagged(const struct module* module, uint64_t tag) {
    for (const struct dynamic* entry = module->dynamic; entry->tag != 0; entry++) {
        if (entry->tag == tag) {
            return entry->value;
        }
    }
    return 0;
}

static const struct symbol* symbol_at(const struct module* module, uint32_t index) {
    return (const struct symbol*)(module->base + tagged(module, DT_SYMTAB)) + index;
}

static const char* name_of(const struct module* module, const struct symbol* symbol) {
    return (const char*)(module->base + tagged(module, DT_STRTAB) + symbol->name);
}

/* The hash of a name (ELF, hash table section). */
static uint32_t hash_of(const char* name) {
    uint32_t hash = 0;
    for (; *name != '\0'; name++) {
        hash = (hash << 4) + (uint8_t)*name;
        uint32_t high = hash & 0xf0000000u;
        hash = (hash ^ (high >> 24)) & ~high;
    }
    return hash;
}

static bool same(const char* a, const char* b) {
    for (; *a == *b; a++, b++) {
        if (*a == '\0') {
            return true;
        }
    }
    return false;
}

/* The address of what the module exports under a name, 0 if it does not. */
static uintptr_t find(const struct module* module, const char* name) {
    const uint32_t* table = (const uint32_t*)(module->base + tagged(module, DT_HASH));
    uint32_t buckets = table[0];
    if (buckets == 0) {
        return 0;
    }
    for (uint32_t index = table[2 + hash_of(name) % buckets]; index != 0; index = table[2 + buckets + index]) {
        const struct symbol* symbol = symbol_at(module, index);
        if (symbol->section != 0 && same(name_of(module, symbol), name)) {
            return module->base + symbol->value;
        }
    }
    return 0;
}

static _Noreturn void no_vdso(void) {
    __asm__ volatile("brk #1");
    __builtin_unreachable();
}

static void say(const struct module* vdso, const char* text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    uintptr_t write = find(vdso, "zx_debug_write");
    if (write != 0) {
        ((zx_status_t(*)(const void*, size_t))write)(text, length);
    }
}

/* Says why the program cannot be bound, and which name it is about; ends the process. */
static _Noreturn void stop(const struct module* vdso, const char* why, const char* name) {
    say(vdso, why);
    say(vdso, name);
    say(vdso, "\n");
    uintptr_t exit = find(vdso, "zx_process_exit");
    if (exit != 0) {
        ((void (*)(int64_t))exit)(STARTUP_STATUS);
    }
    no_vdso();
}

static uintptr_t target_of(const struct module* program, const struct module* vdso, uint32_t index) {
    const struct symbol* symbol = symbol_at(program, index);
    if (symbol->section != 0) {
        return program->base + symbol->value;
    }
    const char* name = name_of(program, symbol);
    uintptr_t found = find(vdso, name);
    if (found == 0 && symbol->info >> 4 != STB_WEAK) {
        stop(vdso, "crt0: the vDSO has no call of this name: ", name);
    }
    return found;
}

static void apply(const struct module* program, const struct module* vdso, const struct rela* rela) {
    uintptr_t value = 0;
    switch (rela->type) {
    case R_RELATIVE:
        value = program->base + rela->addend;
        break;
    case R_ABS64:
    case R_GLOB_DAT:
    case R_JUMP_SLOT:
        value = target_of(program, vdso, rela->symbol);
        value = value == 0 ? 0 : value + rela->addend;
        break;
    default:
        stop(vdso, "crt0: a relocation of a type that is not supported: link with linker/program.ld", "");
    }
    /* The place need not be aligned. */
    __builtin_memcpy((void*)(program->base + rela->offset), &value, sizeof(value));
}

static bool open_vdso(uintptr_t base, struct module* vdso) {
    if (base == 0 || *(const uint32_t*)base != ELF_MAGIC) {
        return false;
    }
    /* e_phoff, e_phentsize and e_phnum of the file header. */
    uintptr_t header = base + *(const uint64_t*)(base + 32);
    uint16_t size = *(const uint16_t*)(base + 54);
    for (uint16_t left = *(const uint16_t*)(base + 56); left != 0; left--, header += size) {
        const struct program_header* entry = (const struct program_header*)header;
        if (entry->type == PT_DYNAMIC) {
            vdso->base = base;
            vdso->dynamic = (const struct dynamic*)(base + entry->vaddr);
            return true;
        }
    }
    return false;
}

void __jacinth_relocate(uintptr_t base, uintptr_t vdso_base, const void* dynamic) {
    struct module program = {base, dynamic};
    struct module vdso;
    if (!open_vdso(vdso_base, &vdso)) {
        no_vdso();
    }
    static const uint8_t tables[2][2] = {{DT_RELA, DT_RELASZ}, {DT_JMPREL, DT_PLTRELSZ}};
    for (int table = 0; table < 2; table++) {
        const struct rela* rela = (const struct rela*)(base + tagged(&program, tables[table][0]));
        uint64_t count = tagged(&program, tables[table][1]) / sizeof(struct rela);
        for (uint64_t index = 0; index < count; index++) {
            apply(&program, &vdso, &rela[index]);
        }
    }
}
