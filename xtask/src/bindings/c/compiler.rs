//! `zircon/compiler.h`: what the others need of the compiler, and what Zircon's programs call it.

use super::{Header, Writer};

const COMPILER: &str = "\
#ifdef __cplusplus
#define __BEGIN_CDECLS extern \"C\" {
#define __END_CDECLS }
#else
#define __BEGIN_CDECLS
#define __END_CDECLS
#endif

#define __NO_RETURN __attribute__((__noreturn__))
#define __PRINTFLIKE(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define __SCANFLIKE(fmt, args) __attribute__((__format__(__scanf__, fmt, args)))

/* What Zircon calls the attributes that its programs use. */
#define __UNUSED __attribute__((__unused__))
#define __USED __attribute__((__used__))
#define __PACKED __attribute__((__packed__))
#define __ALIGNED(x) __attribute__((__aligned__(x)))
#define __SECTION(x) __attribute__((__section__(x)))
#define __WEAK __attribute__((__weak__))
#define __MAY_ALIAS __attribute__((__may_alias__))
#define __MALLOC __attribute__((__malloc__))
#define __PURE __attribute__((__pure__))
#define __WEAK_ALIAS(x) __attribute__((__weak__, __alias__(x)))
#define __ALIAS(x) __attribute__((__alias__(x)))
#define __NONNULL(x) __attribute__((__nonnull__ x))
#define __NO_INLINE __attribute__((__noinline__))
#define __ALWAYS_INLINE __attribute__((__always_inline__))
#define __CONSTRUCTOR __attribute__((__constructor__))
#define __DESTRUCTOR __attribute__((__destructor__))
#define __EXPORT __attribute__((__visibility__(\"default\")))
#define __LOCAL __attribute__((__visibility__(\"hidden\")))
#define __WARN_UNUSED_RESULT __attribute__((__warn_unused_result__))
#define __DEPRECATE __attribute__((__deprecated__))
#define __FALLTHROUGH __attribute__((__fallthrough__))
#define __UNREACHABLE __builtin_unreachable()
#define __ISCONSTANT(x) __builtin_constant_p(x)
#define __GET_CALLER() __builtin_return_address(0)
#define __GET_FRAME() __builtin_frame_address(0)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define add_overflow(a, b, result) __builtin_add_overflow(a, b, result)
#define sub_overflow(a, b, result) __builtin_sub_overflow(a, b, result)
#define mul_overflow(a, b, result) __builtin_mul_overflow(a, b, result)
#ifdef __cplusplus
#define __CONSTEXPR constexpr
#else
#define __CONSTEXPR
#endif

/* What the kernel thinks of a structure, checked by the compiler: bytes and alignment, and where a field is. */
#ifdef __cplusplus
#define ZX_LAYOUT_SIZE(type, size, align) \\
  static_assert(sizeof(type) == (size) && alignof(type) == (align), #type)
#define ZX_LAYOUT_FIELD(type, field, offset) \\
  static_assert(__builtin_offsetof(type, field) == (offset), #type \".\" #field)
#else
#define ZX_LAYOUT_SIZE(type, size, align) \\
  _Static_assert(sizeof(type) == (size) && _Alignof(type) == (align), #type)
#define ZX_LAYOUT_FIELD(type, field, offset) \\
  _Static_assert(__builtin_offsetof(type, field) == (offset), #type \".\" #field)
#endif";

pub(super) fn headers() -> Vec<Header> {
    let mut out = Writer::new("compiler.h", "What the other headers need of the compiler.", &["stddef.h"]);
    out.lines(COMPILER);
    vec![out.end()]
}
