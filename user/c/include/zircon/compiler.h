/* What the other headers need of the compiler.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_COMPILER_H_
#define ZIRCON_COMPILER_H_

#include <stddef.h>

#ifdef __cplusplus
#define __BEGIN_CDECLS extern "C" {
#define __END_CDECLS }
#else
#define __BEGIN_CDECLS
#define __END_CDECLS
#endif

#define __NO_RETURN __attribute__((__noreturn__))
#define __PRINTFLIKE(fmt, args) __attribute__((__format__(__printf__, fmt, args)))

/* What the kernel thinks of a structure, checked by the compiler: bytes and alignment, and where a field is. */
#ifdef __cplusplus
#define ZX_LAYOUT_SIZE(type, size, align) \
  static_assert(sizeof(type) == (size) && alignof(type) == (align), #type)
#define ZX_LAYOUT_FIELD(type, field, offset) \
  static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#else
#define ZX_LAYOUT_SIZE(type, size, align) \
  _Static_assert(sizeof(type) == (size) && _Alignof(type) == (align), #type)
#define ZX_LAYOUT_FIELD(type, field, offset) \
  _Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#endif

#endif /* ZIRCON_COMPILER_H_ */
