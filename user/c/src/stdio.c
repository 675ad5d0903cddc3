/* Streams: complete lines become records of the log. */
#include <errno.h>
#include <string.h>

#include <zircon/syscalls.h>
#include <zircon/syscalls/log.h>

#include "internal.h"

struct jacinth_file {
    char line[ZX_LOG_RECORD_DATA_MAX];
    size_t length;
    jacinth_lock_t lock;
};

FILE __jacinth_stdout;
FILE __jacinth_stderr;

/* Writes the first bytes of the line as a record, and keeps the rest. */
static void cut(FILE* file, size_t length) {
    zx_handle_t log = __jacinth_log();
    if (log != ZX_HANDLE_INVALID) {
        /* A log that does not take a record is no reason to fail, and there is nobody to tell. */
        (void)zx_debuglog_write(log, 0, file->line, length);
    } else {
        (void)zx_debug_write(file->line, length);
        (void)zx_debug_write("\n", 1);
    }
    file->length -= length;
    memmove(file->line, file->line + length, file->length);
}

/* Makes room in a full line: the last word goes to the next record, if it is not the only one. */
static void wrap(FILE* file) {
    size_t length = file->length;
    while (length != 0 && file->line[length - 1] != ' ') {
        length--;
    }
    cut(file, length == 0 ? file->length : length);
}

static void add(FILE* file, const char* text, size_t size) {
    while (size != 0) {
        const char* newline = memchr(text, '\n', size);
        size_t piece = newline == NULL ? size : (size_t)(newline - text);
        size_t left = piece;
        while (left != 0) {
            if (file->length == sizeof(file->line)) {
                wrap(file);
            }
            size_t room = sizeof(file->line) - file->length;
            size_t taken = left < room ? left : room;
            memcpy(file->line + file->length, text + (piece - left), taken);
            file->length += taken;
            left -= taken;
        }
        if (newline != NULL) {
            cut(file, file->length);
            piece++;
        }
        text += piece;
        size -= piece;
    }
}

static void flush(FILE* file) {
    __jacinth_lock(&file->lock);
    if (file->length != 0) {
        cut(file, file->length);
    }
    __jacinth_unlock(&file->lock);
}

void __jacinth_flush_all(void) {
    flush(stdout);
    flush(stderr);
}

int fflush(FILE* file) {
    if (file == NULL) {
        __jacinth_flush_all();
    } else {
        flush(file);
    }
    return 0;
}

struct file_sink {
    jacinth_sink_t sink;
    FILE* file;
};

static void put_file(jacinth_sink_t* sink, const char* text, size_t length) {
    add(((struct file_sink*)sink)->file, text, length);
}

struct buffer_sink {
    jacinth_sink_t sink;
    char* to;
    size_t size;
};

static void put_buffer(jacinth_sink_t* sink, const char* text, size_t length) {
    struct buffer_sink* buffer = (struct buffer_sink*)sink;
    if (sink->count < buffer->size) {
        size_t room = buffer->size - sink->count;
        memcpy(buffer->to + sink->count, text, length < room ? length : room);
    }
}

/* What printf gives: the length, or that an int does not hold it. */
static int length_of(bool fits, size_t count) {
    if (!fits) {
        errno = EOVERFLOW;
        return -1;
    }
    return (int)count;
}

int vfprintf(FILE* restrict file, const char* restrict format, va_list args) {
    struct file_sink sink = {{put_file, 0}, file};
    __jacinth_lock(&file->lock);
    bool fits = __jacinth_format(&sink.sink, format, args);
    __jacinth_unlock(&file->lock);
    return length_of(fits, sink.sink.count);
}

int vsnprintf(char* restrict to, size_t size, const char* restrict format, va_list args) {
    struct buffer_sink sink = {{put_buffer, 0}, to, size};
    bool fits = __jacinth_format(&sink.sink, format, args);
    if (size != 0) {
        to[sink.sink.count < size ? sink.sink.count : size - 1] = '\0';
    }
    return length_of(fits, sink.sink.count);
}

int vprintf(const char* restrict format, va_list args) { return vfprintf(stdout, format, args); }

int vsprintf(char* restrict to, const char* restrict format, va_list args) {
    return vsnprintf(to, (size_t)-1 / 2, format, args);
}

int printf(const char* restrict format, ...) {
    va_list args;
    va_start(args, format);
    int count = vfprintf(stdout, format, args);
    va_end(args);
    return count;
}

int fprintf(FILE* restrict file, const char* restrict format, ...) {
    va_list args;
    va_start(args, format);
    int count = vfprintf(file, format, args);
    va_end(args);
    return count;
}

int snprintf(char* restrict to, size_t size, const char* restrict format, ...) {
    va_list args;
    va_start(args, format);
    int count = vsnprintf(to, size, format, args);
    va_end(args);
    return count;
}

int sprintf(char* restrict to, const char* restrict format, ...) {
    va_list args;
    va_start(args, format);
    int count = vsprintf(to, format, args);
    va_end(args);
    return count;
}

size_t fwrite(const void* restrict items, size_t size, size_t count, FILE* restrict file) {
    size_t length = 0;
    if (__builtin_mul_overflow(size, count, &length) || length == 0) {
        return 0;
    }
    __jacinth_lock(&file->lock);
    add(file, items, length);
    __jacinth_unlock(&file->lock);
    return count;
}

int fputs(const char* restrict text, FILE* restrict file) {
    fwrite(text, 1, strlen(text), file);
    return 0;
}

int puts(const char* text) {
    __jacinth_lock(&stdout->lock);
    add(stdout, text, strlen(text));
    add(stdout, "\n", 1);
    __jacinth_unlock(&stdout->lock);
    return 0;
}

int fputc(int character, FILE* file) {
    char byte = (char)character;
    fwrite(&byte, 1, 1, file);
    return (unsigned char)byte;
}

int putc(int character, FILE* file) { return fputc(character, file); }
int putchar(int character) { return fputc(character, stdout); }
