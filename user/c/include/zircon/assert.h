/* Assertions by Zircon's names: they stay in, but for ZX_DEBUG_ASSERT where NDEBUG is defined. */
#ifndef ZIRCON_ASSERT_H_
#define ZIRCON_ASSERT_H_

#include <zircon/compiler.h>

__BEGIN_CDECLS
/* Says where and what, then aborts. */
__NO_RETURN void __jacinth_assert_failed(const char* what, const char* file, int line, const char* function);
__NO_RETURN void __jacinth_assert_failed_because(const char* what, const char* file, int line, const char* format, ...)
    __PRINTFLIKE(4, 5);
/* Prints, then aborts. */
__NO_RETURN void __zx_panic(const char* format, ...) __PRINTFLIKE(1, 2);
__END_CDECLS

#define ZX_PANIC(...) __zx_panic(__VA_ARGS__)
#define ZX_ASSERT(x) ((x) ? (void)0 : __jacinth_assert_failed(#x, __FILE__, __LINE__, __func__))
/* With a message like printf's behind the assertion. */
#define ZX_ASSERT_MSG(x, ...) ((x) ? (void)0 : __jacinth_assert_failed_because(#x, __FILE__, __LINE__, __VA_ARGS__))
#ifdef NDEBUG
#define ZX_DEBUG_ASSERT_IMPLEMENTED 0
#define ZX_DEBUG_ASSERT(x) ((void)sizeof(!(x)))
#define ZX_DEBUG_ASSERT_MSG(x, ...) ((void)sizeof(!(x)))
#else
#define ZX_DEBUG_ASSERT_IMPLEMENTED 1
#define ZX_DEBUG_ASSERT(x) ZX_ASSERT(x)
#define ZX_DEBUG_ASSERT_MSG(x, ...) ZX_ASSERT_MSG(x, __VA_ARGS__)
#endif

#endif /* ZIRCON_ASSERT_H_ */
