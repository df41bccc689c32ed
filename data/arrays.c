#include "data/arrays.h"
#include "core/engine.h"
#include "core/random_numbers.h"
#include <string.h>

int64_t cn_sample_size(const cn_view *array)
{
    int64_t size = 1;
    for (int i = 1; i < array->shape.rank; i++)
        size *= array->shape.dim[i];
    return size;
}

cn_view cn_samples(cn_view array, int64_t first, int64_t count)
{
    size_t bytes = (size_t)cn_sample_size(&array) * cn_array_type_size(array.type);
    array.data = (const unsigned char *)array.data + (size_t)first * bytes;
    array.shape.dim[0] = count;
    return array;
}

cn_view cn_sample(cn_view array, int64_t index)
{
    cn_view sample = cn_samples(array, index, 1);
    sample.shape.rank--;
    memmove(sample.shape.dim, sample.shape.dim + 1, sizeof sample.shape.dim - sizeof *sample.shape.dim);
    return sample;
}

bool cn_gather(const cn_view *array, const int64_t *order, int64_t first, int64_t count, void *to, cn_dtype dtype)
{
    int64_t size = cn_sample_size(array);
    size_t from_stride = (size_t)size * cn_array_type_size(array->type),
           to_stride = (size_t)size * cn_dtype_size(dtype);
    cn_array_type type = cn_array_type_of(dtype);
    const unsigned char *from = array->data;
    if (!order)
        return cn_convert(to, type, from + (size_t)first * from_stride, array->type, count * size);
    for (int64_t i = 0; i < count; i++)
        if (!cn_convert((unsigned char *)to + (size_t)i * to_stride, type, from + (size_t)order[i] * from_stride,
                        array->type, size))
            return false;
    return true;
}

void cn_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t round)
{
    const uint64_t stream = 0x73687566666c65; /* "shuffle" */
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t random[4];
        cn_philox(seed, stream, 0, (uint32_t)round, (uint64_t)i, random);
        /* Of 64 bits, so that the remainder favours no place by more than count / 2^64. */
        uint64_t wide = (uint64_t)random[0] << 32 | random[1];
        int64_t j = (int64_t)(wide % (uint64_t)(i + 1));
        int64_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
