/* What the two halves of printf share. */
#ifndef JACINTH_FORMAT_H_
#define JACINTH_FORMAT_H_

#include "internal.h"

/* What stands between the % and the letter. */
struct conversion {
    bool left, plus, space, alternate, zero;
    /* INT_MAX at most. */
    size_t width;
    /* -1 if none is given. */
    int precision;
    /* Bytes of an integer argument. */
    size_t size;
};

/* format.c: writes text, and a character many times. */
void __jacinth_put(jacinth_sink_t* sink, const char* text, size_t length);
void __jacinth_repeat(jacinth_sink_t* sink, char character, size_t times);
/* Begins a field whose body has `length` characters: fills up to the width before it, with the prefix in its place.
 * Gives how many blanks come behind the body. */
size_t __jacinth_open(jacinth_sink_t* sink, const struct conversion* conversion, const char* prefix, size_t length);
const char* __jacinth_sign(const struct conversion* conversion, bool negative);

/* double.c: the letters e E f F g G a A. */
void __jacinth_double(jacinth_sink_t* sink, struct conversion conversion, char letter, double value);

#endif /* JACINTH_FORMAT_H_ */
