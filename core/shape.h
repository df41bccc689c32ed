/* Element types and shapes. */
#ifndef CN_CORE_SHAPE_H
#define CN_CORE_SHAPE_H
#include "error.h"

/* The macros of the headers give every argument its default first and the caller's value after it; what comes later
 * overrides. This is the one diagnostic that has to be off for it. */
#if defined(__cplusplus)
#elif defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#elif defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Woverride-init-side-effects"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A member of an argument struct whose default is not 0: C's macros name it, in C++ it is the member's own, so that
 * cn_reduce_args args{} begins as cn_sum(x) does. */
#ifdef __cplusplus
#define CN_DEFAULT(value) = value
#else
#define CN_DEFAULT(value)
#endif

#define CN_MAX_RANK 8

/* The value of an argument that Keras lets be None. */
#define CN_NONE INT32_MIN

typedef enum cn_dtype { CN_F32, CN_F64, CN_I32 } cn_dtype;

/* Bytes of one element. */
CN_API size_t cn_dtype_size(cn_dtype dtype);
/* "float32", "float64", "int32". */
CN_API const char *cn_dtype_name(cn_dtype dtype);

/* Dimensions, outermost first. In the shape of a symbolic tensor -1 is a dimension left open. */
typedef struct cn_shape {
    int rank;
    int64_t dim[CN_MAX_RANK];
} cn_shape;

/* CN_SHAPE(32, 64); CN_SHAPE() is the shape of a scalar. */
#define CN_SHAPE(...) (cn_shape_of_dims((const int64_t[]){0, __VA_ARGS__}, CN_COUNT_DIMS_(__VA_ARGS__)))
#define CN_COUNT_DIMS_(...) ((int)(sizeof((const int64_t[]){0, __VA_ARGS__}) / sizeof(int64_t)) - 1)
/* The shape with rank dimensions dims[1] to dims[rank]; rank -1, which every operation refuses, if rank > CN_MAX_RANK.
 */
CN_API cn_shape cn_shape_of_dims(const int64_t *dims, int rank);

/* Number of elements, 1 for a scalar; -1 if a dimension is negative or the number is too large for an address space. */
CN_API int64_t cn_shape_size(cn_shape shape);
CN_API bool cn_shape_equal(cn_shape a, cn_shape b);
/* Writes the shape as a Python tuple, "(None, 3)", one of a rank that no tensor has as "a shape of rank 28", and
 * returns buffer. CN_SHAPE_TEXT bytes are always enough. */
#define CN_SHAPE_TEXT 184
CN_API char *cn_shape_text(cn_shape shape, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
