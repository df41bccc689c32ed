/* Private: arrays as text. */
#ifndef CN_CORE_ARRAY_TEXT_H
#define CN_CORE_ARRAY_TEXT_H
#include "core/shape.h"
#include "core/text.h"

/* Adds the array as NumPy 1.24 prints it with its default options: str(array) if repr is NULL, else repr(array)
 * of an array whose element type NumPy calls by that name. Strides are in elements, of any sign, one a dimension.
 * CN_SHAPES if the shape has an open dimension. */
bool cn_array_text(cn_text *text, const void *data, cn_dtype dtype, cn_shape shape, const int64_t *strides,
                   const char *repr);
#endif
