#include "core/shape.h"
#include <stdio.h>

size_t cn_dtype_size(cn_dtype dtype)
{
    return dtype == CN_F64 ? 8 : 4;
}

const char *cn_dtype_name(cn_dtype dtype)
{
    static const char *const names[] = {"float32", "float64", "int32"};
    return (size_t)dtype < 3 ? names[dtype] : "unknown";
}

cn_shape cn_shape_of_dims(const int64_t *dims, int rank)
{
    cn_shape shape = {.rank = rank <= CN_MAX_RANK ? rank : -1};
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = dims[i + 1];
    return shape;
}

int64_t cn_shape_size(cn_shape shape)
{
    int64_t size = 1; /* without dimensions of size 0: strides are products of the others */
    bool overflow = shape.rank < 0 || shape.rank > CN_MAX_RANK, empty = false;
    for (int i = 0; i < shape.rank && !overflow; i++) {
        if (shape.dim[i] < 0)
            return -1;
        empty = empty || shape.dim[i] == 0;
        overflow = shape.dim[i] > 0 && __builtin_mul_overflow(size, shape.dim[i], &size);
    }
    /* Eight bytes an element must still be a valid ptrdiff_t. */
    if (overflow || size > PTRDIFF_MAX / 16)
        return -1;
    return empty ? 0 : size;
}

bool cn_shape_equal(cn_shape a, cn_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

char *cn_shape_text(cn_shape shape, char *buffer, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return buffer;
    buffer[0] = '\0';
#define APPEND(...)                                                     \
    if (used < size) {                                                  \
        int wrote_ = snprintf(buffer + used, size - used, __VA_ARGS__); \
        used += wrote_ > 0 ? (size_t)wrote_ : 0;                        \
    }
    if (shape.rank < 0 || shape.rank > CN_MAX_RANK) {
        APPEND("a shape of rank %d", shape.rank)
        return buffer;
    }
    APPEND("(")
    for (int i = 0; i < shape.rank; i++) {
        APPEND("%s", i ? ", " : "")
        if (shape.dim[i] < 0) {
            APPEND("None")
        } else {
            APPEND("%lld", (long long)shape.dim[i])
        }
    }
    APPEND(shape.rank == 1 ? ",)" : ")")
#undef APPEND
    return buffer;
}
