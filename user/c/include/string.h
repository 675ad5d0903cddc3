/* Memory and strings. For Normal memory only: a device's registers are reached by lib/mmio-ptr/mmio-ptr.h. */
#ifndef STRING_H_
#define STRING_H_

#include <stddef.h>

#include <strings.h>

#ifdef __cplusplus
extern "C" {
#define restrict __restrict
#endif

void* memcpy(void* restrict to, const void* restrict from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int value, size_t size);
int memcmp(const void* a, const void* b, size_t size);
void* memchr(const void* memory, int value, size_t size);
size_t strlen(const char* text);
size_t strnlen(const char* text, size_t most);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t most);
char* strcpy(char* restrict to, const char* restrict from);
/* POSIX's: as strcpy, but gives where the terminator is. */
char* stpcpy(char* restrict to, const char* restrict from);
char* strncpy(char* restrict to, const char* restrict from, size_t size);
size_t strlcpy(char* restrict to, const char* restrict from, size_t size);
char* strcat(char* restrict to, const char* restrict from);
char* strncat(char* restrict to, const char* restrict from, size_t most);
char* strchr(const char* text, int value);
char* strrchr(const char* text, int value);
char* strstr(const char* text, const char* part);
size_t strspn(const char* text, const char* set);
size_t strcspn(const char* text, const char* set);
char* strpbrk(const char* text, const char* set);
/* strtok keeps its place for all threads together; strtok_r has it from its caller. */
char* strtok(char* restrict text, const char* restrict set);
char* strtok_r(char* restrict text, const char* restrict set, char** restrict rest);
char* strdup(const char* text);
char* strndup(const char* text, size_t most);
/* Of errno's values. The text stays as it is. */
char* strerror(int error);

#ifdef __cplusplus
#undef restrict
}
#endif

#endif /* STRING_H_ */
