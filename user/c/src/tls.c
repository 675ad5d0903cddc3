/* Thread-local data: `_Thread_local`, as ELF for the Arm 64-bit Architecture has it (5.8.2, variant 1).
 *
 * The program header PT_TLS says what they begin as. Compiler and linker count from TPIDR_EL0. */
#include <string.h>

#include "thread.h"

enum { PT_TLS = 7 };

struct file_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t size, program_header_size, program_header_count;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, alignment;
};

extern const struct file_header __ehdr_start __attribute__((visibility("hidden")));

/* NULL for a program without such data. */
static const struct program_header* initial(void) {
    const char* base = (const char*)&__ehdr_start;
    for (uint16_t i = 0; i < __ehdr_start.program_header_count; i++) {
        const struct program_header* header = (const void*)(base + __ehdr_start.program_headers + i * sizeof(*header));
        if (header->type == PT_TLS && header->memory_size != 0) {
            return header;
        }
    }
    return NULL;
}

static uint64_t alignment_of(const struct program_header* header) {
    const uint64_t least = _Alignof(struct jacinth_bare_thread);
    return header == NULL || header->alignment < least ? least : header->alignment;
}

/* Where the data begin, from the thread pointer on: behind the two words, as far into a unit of their own alignment as
 * in the file. */
static uint64_t start_of(const struct program_header* header) {
    const uint64_t words = sizeof(struct jacinth_words);
    uint64_t unit = header->alignment == 0 ? 1 : header->alignment;
    return words + ((header->address - words) & (unit - 1));
}

size_t __jacinth_thread_size(void) {
    const struct program_header* header = initial();
    size_t size = sizeof(struct jacinth_bare_thread);
    if (header != NULL) {
        size = sizeof(struct jacinth_thread) + alignment_of(header) + start_of(header) + header->memory_size;
    }
    return (size + 15) & ~(size_t)15;
}

struct jacinth_thread* __jacinth_thread_in(void* memory) {
    const struct program_header* header = initial();
    uint64_t alignment = alignment_of(header);
    uintptr_t pointer = (uintptr_t)memory + sizeof(struct jacinth_thread);
    pointer = (pointer + alignment - 1) & ~(uintptr_t)(alignment - 1);
    if (header != NULL) {
        const char* begin = (const char*)&__ehdr_start + header->address;
        memcpy((char*)pointer + start_of(header), begin, header->file_size);
    }
    return (struct jacinth_thread*)pointer - 1;
}
