/* Memory and strings.
 *
 * These read and write words, overlap and repeat as they like, and read up to a whole aligned word at a string's end.
 * That is for Normal memory: a device's registers are reached by lib/mmio-ptr/mmio-ptr.h alone. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A word that may lie on anything. */
typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint64_t __attribute__((may_alias, aligned(1))) loose_t;

#define WORD sizeof(word_t)
#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Whether a word has a byte of zeros. */
static inline int has_zero(uint64_t word) { return ((word - ONES) & ~word & HIGHS) != 0; }

void* memcpy(void* restrict to, const void* restrict from, size_t size) {
    unsigned char* out = to;
    const unsigned char* in = from;
    for (; size >= 4 * WORD; size -= 4 * WORD, in += 4 * WORD, out += 4 * WORD) {
        const loose_t* source = (const loose_t*)in;
        uint64_t a = source[0], b = source[1], c = source[2], d = source[3];
        loose_t* target = (loose_t*)out;
        target[0] = a, target[1] = b, target[2] = c, target[3] = d;
    }
    for (; size >= WORD; size -= WORD, in += WORD, out += WORD) {
        *(loose_t*)out = *(const loose_t*)in;
    }
    while (size-- != 0) {
        *out++ = *in++;
    }
    return to;
}

void* memmove(void* to, const void* from, size_t size) {
    unsigned char* out = to;
    const unsigned char* in = from;
    if ((uintptr_t)out - (uintptr_t)in >= size) {
        /* Going up never overtakes what is still to be read: each piece is read before it is written. */
        for (; size >= WORD; size -= WORD, in += WORD, out += WORD) {
            *(loose_t*)out = *(const loose_t*)in;
        }
        while (size-- != 0) {
            *out++ = *in++;
        }
        return to;
    }
    for (; size >= WORD; size -= WORD) {
        *(loose_t*)(out + size - WORD) = *(const loose_t*)(in + size - WORD);
    }
    while (size-- != 0) {
        out[size] = in[size];
    }
    return to;
}

void* memset(void* to, int value, size_t size) {
    unsigned char* out = to;
    uint64_t word = ONES * (unsigned char)value;
    for (; size != 0 && (uintptr_t)out % WORD != 0; size--) {
        *out++ = (unsigned char)value;
    }
    for (; size >= 4 * WORD; size -= 4 * WORD, out += 4 * WORD) {
        word_t* target = (word_t*)out;
        target[0] = word, target[1] = word, target[2] = word, target[3] = word;
    }
    for (; size >= WORD; size -= WORD, out += WORD) {
        *(word_t*)out = word;
    }
    while (size-- != 0) {
        *out++ = (unsigned char)value;
    }
    return to;
}

int memcmp(const void* a, const void* b, size_t size) {
    const unsigned char* x = a;
    const unsigned char* y = b;
    for (; size >= WORD && *(const loose_t*)x == *(const loose_t*)y; size -= WORD) {
        x += WORD;
        y += WORD;
    }
    for (; size != 0; size--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

void* memchr(const void* memory, int value, size_t size) {
    const unsigned char* at = memory;
    for (; size != 0; size--, at++) {
        if (*at == (unsigned char)value) {
            return (void*)at;
        }
    }
    return NULL;
}

size_t strlen(const char* text) {
    const char* at = text;
    for (; (uintptr_t)at % WORD != 0; at++) {
        if (*at == '\0') {
            return (size_t)(at - text);
        }
    }
    /* An aligned word lies on one page: what comes after the NUL can be read as well. */
    while (!has_zero(*(const word_t*)at)) {
        at += WORD;
    }
    while (*at != '\0') {
        at++;
    }
    return (size_t)(at - text);
}

size_t strnlen(const char* text, size_t most) {
    size_t length = 0;
    while (length < most && text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char* a, const char* b) {
    if (((uintptr_t)a | (uintptr_t)b) % WORD == 0) {
        for (; *(const word_t*)a == *(const word_t*)b && !has_zero(*(const word_t*)a); a += WORD) {
            b += WORD;
        }
    }
    for (; *a == *b && *a != '\0'; a++) {
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char* a, const char* b, size_t most) {
    for (; most != 0; most--, a++, b++) {
        if (*a != *b || *a == '\0') {
            return (unsigned char)*a - (unsigned char)*b;
        }
    }
    return 0;
}

char* stpcpy(char* restrict to, const char* restrict from) {
    size_t length = strlen(from);
    memcpy(to, from, length + 1);
    return to + length;
}

char* strcpy(char* restrict to, const char* restrict from) {
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char* strncpy(char* restrict to, const char* restrict from, size_t size) {
    size_t length = strnlen(from, size);
    memcpy(to, from, length);
    memset(to + length, 0, size - length);
    return to;
}

size_t strlcpy(char* restrict to, const char* restrict from, size_t size) {
    size_t length = strlen(from);
    if (size != 0) {
        size_t copied = length < size ? length : size - 1;
        memcpy(to, from, copied);
        to[copied] = '\0';
    }
    return length;
}

char* strcat(char* restrict to, const char* restrict from) {
    strcpy(to + strlen(to), from);
    return to;
}

char* strncat(char* restrict to, const char* restrict from, size_t most) {
    size_t start = strlen(to);
    size_t length = strnlen(from, most);
    memcpy(to + start, from, length);
    to[start + length] = '\0';
    return to;
}

char* strchr(const char* text, int value) {
    for (;; text++) {
        if (*text == (char)value) {
            return (char*)text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

char* strrchr(const char* text, int value) {
    const char* found = NULL;
    for (;; text++) {
        if (*text == (char)value) {
            found = text;
        }
        if (*text == '\0') {
            return (char*)found;
        }
    }
}

char* strstr(const char* text, const char* part) {
    size_t length = strlen(part);
    for (;; text++) {
        if (strncmp(text, part, length) == 0) {
            return (char*)text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

size_t strspn(const char* text, const char* set) {
    size_t length = 0;
    while (text[length] != '\0' && strchr(set, text[length]) != NULL) {
        length++;
    }
    return length;
}

size_t strcspn(const char* text, const char* set) {
    size_t length = 0;
    while (text[length] != '\0' && strchr(set, text[length]) == NULL) {
        length++;
    }
    return length;
}

char* strpbrk(const char* text, const char* set) {
    text += strcspn(text, set);
    return *text == '\0' ? NULL : (char*)text;
}

char* strtok_r(char* restrict text, const char* restrict set, char** restrict rest) {
    text = text == NULL ? *rest : text;
    text += strspn(text, set);
    char* end = text + strcspn(text, set);
    *rest = *end == '\0' ? end : end + 1;
    if (end == text) {
        return NULL;
    }
    *end = '\0';
    return text;
}

char* strtok(char* restrict text, const char* restrict set) {
    static char empty[1];
    static char* rest = empty;
    return strtok_r(text, set, &rest);
}

int strncasecmp(const char* a, const char* b, size_t most) {
    for (; most != 0; most--, a++, b++) {
        int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);
        if (x != y || x == '\0') {
            return x - y;
        }
    }
    return 0;
}

int strcasecmp(const char* a, const char* b) { return strncasecmp(a, b, SIZE_MAX); }

char* strndup(const char* text, size_t most) {
    size_t length = strnlen(text, most);
    char* copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char* strdup(const char* text) {
    size_t size = strlen(text) + 1;
    char* copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

char* strerror(int error) {
    switch (error) {
        case 0:
            return "no error";
        case ENOMEM:
            return "out of memory";
        case EINVAL:
            return "invalid argument";
        case EDOM:
            return "outside the function's domain";
        case ERANGE:
            return "result out of range";
        case EOVERFLOW:
            return "too large for its type";
        default:
            return "unknown error";
    }
}
