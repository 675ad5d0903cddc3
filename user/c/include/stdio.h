/* Text. Both streams go to the log, a record a line; a program without a log writes to the raw console. */
#ifndef STDIO_H_
#define STDIO_H_

#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define restrict __restrict
#endif

#define EOF (-1)
#define BUFSIZ 216

typedef struct jacinth_file FILE;

extern FILE __jacinth_stdout;
extern FILE __jacinth_stderr;
#define stdout (&__jacinth_stdout)
#define stderr (&__jacinth_stderr)

/* Conversions: d i u o x X c s p % and, of doubles, f F e E g G a A, with flags, width, precision and the lengths
 * hh h l ll z j t. A result that does not fit an int is -1, errno EOVERFLOW. */
int printf(const char* restrict format, ...) __attribute__((__format__(__printf__, 1, 2)));
int fprintf(FILE* restrict file, const char* restrict format, ...) __attribute__((__format__(__printf__, 2, 3)));
int snprintf(char* restrict to, size_t size, const char* restrict format, ...)
    __attribute__((__format__(__printf__, 3, 4)));
int sprintf(char* restrict to, const char* restrict format, ...) __attribute__((__format__(__printf__, 2, 3)));
int vprintf(const char* restrict format, va_list args);
int vfprintf(FILE* restrict file, const char* restrict format, va_list args);
int vsnprintf(char* restrict to, size_t size, const char* restrict format, va_list args);
int vsprintf(char* restrict to, const char* restrict format, va_list args);
/* Conversions: d i u o x X p c s [ n % and, of floats and, with l, doubles, a e f g, with widths, `*` and the lengths
 * above. EOF if the text ends before anything was converted. */
int sscanf(const char* restrict text, const char* restrict format, ...) __attribute__((__format__(__scanf__, 2, 3)));
int vsscanf(const char* restrict text, const char* restrict format, va_list args);
int puts(const char* text);
int fputs(const char* restrict text, FILE* restrict file);
int putchar(int character);
int putc(int character, FILE* file);
int fputc(int character, FILE* file);
size_t fwrite(const void* restrict items, size_t size, size_t count, FILE* restrict file);
/* Writes an unfinished line as a record; NULL is for both streams. */
int fflush(FILE* file);

#ifdef __cplusplus
#undef restrict
}
#endif

#endif /* STDIO_H_ */
