/* The error record of a thread.
 *
 * No function of Cornet aborts or prints. A call that fails returns NULL or false and leaves the reason here; the first
 * error stays until it is cleared, and while it is set every operation and constructor fails at once. So a long
 * expression, or a whole model, is checked once, at its end. */
#ifndef CN_CORE_ERROR_H
#define CN_CORE_ERROR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CN_API __attribute__((visibility("default")))
#define CN_FORMAT_(string, first) __attribute__((format(printf, string, first)))
#else
#define CN_API
#define CN_FORMAT_(string, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Every code with its text, cn_error_text(code). */
#define CN_ERRORS(X)                                         \
    X(OK, "no error")                                        \
    X(MEMORY, "out of memory")                               \
    X(SHAPES, "shapes do not fit")                           \
    X(TYPE, "element types do not fit")                      \
    X(VALUE, "a value is out of range")                      \
    X(ARGUMENT, "an argument is wrong")                      \
    X(TAPE, "tensors are not on the tape they should be on") \
    X(STATE, "the object is not ready for this call")        \
    X(GRADIENT, "a gradient is missing or wrong")            \
    X(FILE, "a file cannot be read or written")              \
    X(FORMAT, "a file is damaged or of another format")      \
    X(UNSUPPORTED, "this build or this version cannot do that")

typedef enum cn_code {
#define CN_ERROR_CODE_(name, text) CN_##name,
    CN_ERRORS(CN_ERROR_CODE_)
#undef CN_ERROR_CODE_
} cn_code;

/* True while an error is set on this thread. */
CN_API bool cn_failed(void);
CN_API cn_code cn_error_code(void);
/* "operation: reason", with the shapes and names involved; "" without an error. Valid until the next cn_ call. */
CN_API const char *cn_error_message(void);
CN_API const char *cn_error_text(cn_code code);
CN_API void cn_error_clear(void);

/* Sets the error of this thread, as printf formats it, unless one is set already. Always returns false, so that a
 * function of the user's own (a layer's build, say) can end with `return cn_fail(...)`. */
CN_API bool cn_fail(cn_code code, const char *format, ...) CN_FORMAT_(2, 3);

#ifdef __cplusplus
}
#endif
#endif
