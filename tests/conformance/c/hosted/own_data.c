/* Where the library puts what a thread has to itself, for headers of every shape. The compiler and the linker count as
 * ELF for the Arm 64-bit Architecture says (5.8.2): the data are in the first place behind two words at the thread
 * pointer that lies within a unit of their alignment as theirs does in the file. */
#include <stdio.h>
#include <stdlib.h>

/* The file that the program is, for the time of one question. */
#define __ehdr_start (*file)
#include "../../../../user/c/src/tls.c"

#define CHECK(condition)                                                                                   \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fprintf(stderr, "line %d, address %#lx, alignment %lu, size %lu: not so: %s\n", __LINE__,      \
                    (unsigned long)own.address, (unsigned long)own.alignment, (unsigned long)own.memory_size, \
                    #condition);                                                                           \
            exit(1);                                                                                       \
        }                                                                                                  \
    } while (0)

static _Alignas(65536) struct {
    struct file_header header;
    struct program_header program_headers[3];
    unsigned char bytes[20000];
} image;
const struct file_header* file = &image.header;

static void lays_out(struct program_header own) {
    image.program_headers[2] = own;
    size_t room = __jacinth_thread_size();
    unsigned char* memory = aligned_alloc(16, room);
    for (size_t shift = 0; memory != NULL && shift < 64; shift += 16) {
        memory = realloc(memory, room + shift);
        memset(memory, 0, room + shift);
        unsigned char* start = memory + shift;
        struct jacinth_thread* thread = __jacinth_thread_in(start);
        uintptr_t pointer = __jacinth_pointer_of(thread);
        CHECK((unsigned char*)thread >= start && pointer % 16 == 0);
        if (own.memory_size == 0) {
            CHECK(room == sizeof(struct jacinth_bare_thread));
            continue;
        }
        uint64_t unit = own.alignment == 0 ? 1 : own.alignment;
        uintptr_t data = pointer + 16;
        while (data % unit != own.address % unit) {
            data++;
        }
        CHECK(pointer % unit == 0 && data + own.memory_size <= (uintptr_t)start + room);
        CHECK(memcmp((void*)data, (char*)&image + own.address, own.file_size) == 0);
        for (uint64_t i = own.file_size; i < own.memory_size; i++) {
            CHECK(((unsigned char*)data)[i] == 0);
        }
    }
    free(memory);
}

int main(void) {
    image.header.program_headers = offsetof(typeof(image), program_headers);
    image.header.program_header_count = 3;
    for (size_t i = 0; i < sizeof(image.bytes); i++) {
        image.bytes[i] = (unsigned char)(i * 7 + 1);
    }
    for (uint64_t alignment = 0; alignment <= 4096; alignment = alignment == 0 ? 1 : 2 * alignment) {
        for (uint64_t address = 8192; address < 8192 + 4096; address += 1 + address % 3 * 100) {
            for (uint64_t size = 0; size < 300; size += 1 + size * 2) {
                lays_out((struct program_header){PT_TLS, 4, 0, address, address, size, size + size / 2, alignment});
                lays_out((struct program_header){PT_TLS, 4, 0, address, address, 0, size, alignment});
            }
        }
    }
    lays_out((struct program_header){0});
    return 0;
}
