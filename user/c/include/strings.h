/* Strings compared without regard to the case of ASCII letters. */
#ifndef STRINGS_H_
#define STRINGS_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

int strcasecmp(const char* a, const char* b);
int strncasecmp(const char* a, const char* b, size_t most);

#ifdef __cplusplus
}
#endif

#endif /* STRINGS_H_ */
