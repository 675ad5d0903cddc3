/* Memory, the program's end, numbers and sorting. */
#ifndef STDLIB_H_
#define STDLIB_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define restrict __restrict
#define _Noreturn __attribute__((__noreturn__))
#endif

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX 0x7fffffff

typedef struct {
    int quot;
    int rem;
} div_t;
typedef struct {
    long quot;
    long rem;
} ldiv_t;
typedef struct {
    long long quot;
    long long rem;
} lldiv_t;

/* Memory is aligned to 16 bytes, or as asked: to any power of two. Large blocks are VMOs of their own, and all memory
 * goes back to the kernel when it is freed, but for one span of 64 KiB for each size. NULL comes with errno ENOMEM. */
void* malloc(size_t size);
void* calloc(size_t count, size_t size);
void* realloc(void* block, size_t size);
void* reallocarray(void* block, size_t count, size_t size);
void* aligned_alloc(size_t alignment, size_t size);
void free(void* block);

/* Ends the program by a fault that the kernel reports, with the way to it. */
_Noreturn void abort(void);
/* Runs what atexit was given, latest first, then destructors; the status becomes the process's. */
_Noreturn void exit(int status);
_Noreturn void _Exit(int status);
int atexit(void (*function)(void));

int atoi(const char* text);
long atol(const char* text);
long long atoll(const char* text);
long strtol(const char* restrict text, char** restrict end, int base);
long long strtoll(const char* restrict text, char** restrict end, int base);
unsigned long strtoul(const char* restrict text, char** restrict end, int base);
unsigned long long strtoull(const char* restrict text, char** restrict end, int base);
/* The nearest there is, half to even. ERANGE for what is too large, and for what is smaller than the normal numbers and
 * not exact. */
double strtod(const char* restrict text, char** restrict end);
float strtof(const char* restrict text, char** restrict end);
double atof(const char* text);

int abs(int value);
long labs(long value);
long long llabs(long long value);
div_t div(int dividend, int divisor);
ldiv_t ldiv(long dividend, long divisor);
lldiv_t lldiv(long long dividend, long long divisor);

int rand(void);
void srand(unsigned seed);

void qsort(void* items, size_t count, size_t size, int (*compare)(const void*, const void*));
void* bsearch(const void* key, const void* items, size_t count, size_t size,
              int (*compare)(const void*, const void*));

/* There is no environment. */
char* getenv(const char* name);

#ifdef __cplusplus
#undef restrict
#undef _Noreturn
}
#endif

#endif /* STDLIB_H_ */
