/* assert: says where and what, then aborts. May be included again with another NDEBUG. */
#ifndef ASSERT_H_
#define ASSERT_H_
#ifdef __cplusplus
extern "C"
#endif
    __attribute__((__noreturn__)) void
    __jacinth_assert_failed(const char* what, const char* file, int line, const char* function);
#ifndef __cplusplus
#undef static_assert
#define static_assert _Static_assert
#endif
#endif /* ASSERT_H_ */

#undef assert
#ifdef NDEBUG
#define assert(expression) ((void)0)
#else
#define assert(expression) \
    ((expression) ? (void)0 : __jacinth_assert_failed(#expression, __FILE__, __LINE__, __func__))
#endif
