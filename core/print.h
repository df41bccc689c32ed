/* Printing, as NumPy and Python print: tensors, the caller's arrays, and shapes. */
#ifndef CN_CORE_PRINT_H
#define CN_CORE_PRINT_H
#include <stdio.h>
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Prints to standard output, with a newline: a tensor or an array as NumPy's print(x) does, a cn_shape as a Python
 * tuple. cn_print("shape:", x) prints the text and a space before it. False with the error set if there is no value to
 * print. */
#define cn_print(...) CN_PRINT_(__VA_ARGS__, CN_PRINT_LABELLED_, CN_PRINT_VALUE_, )(__VA_ARGS__)
#define CN_PRINT_(x, y, chosen, ...) chosen
#define CN_PRINT_LABELLED_(label, x) (cn_print_label(label), CN_PRINT_VALUE_(x))
#define CN_PRINT_VALUE_(x) \
    _Generic((x), cn_view : cn_print_array, cn_shape : cn_print_shape, default : cn_print_tensor)(x)
/* The same as NumPy's repr: array([[1., 2.]], dtype=float32). */
#define cn_print_repr(x) _Generic((x), cn_view : cn_print_array_repr, default : cn_print_tensor_repr)(x)
CN_API void cn_print_label(const char *label);
CN_API bool cn_print_tensor(cn_tensor *x);
CN_API bool cn_print_tensor_repr(cn_tensor *x);
CN_API bool cn_print_array(cn_view x);
CN_API bool cn_print_array_repr(cn_view x);
CN_API bool cn_print_shape(cn_shape x);

typedef enum cn_style { CN_STR, CN_REPR } cn_style;
/* The text of a tensor, written to `buffer` as snprintf does: at most size bytes, always ended by a NUL if size > 0.
 * Returns the length of the whole text, or -1 with the error set. */
CN_API int64_t cn_format(cn_tensor *x, cn_style style, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
