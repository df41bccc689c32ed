#include "data/idx.h"
#include "core/engine.h"
#include "data/source.h"
#include <string.h>

/* The element types by the format's codes. */
static const struct {
    unsigned char code, bytes;
    cn_array_type type;
} types[] = {{0x08, 1, CN_ARRAY_U8},  {0x09, 1, CN_ARRAY_I8},  {0x0B, 2, CN_ARRAY_I32},
             {0x0C, 4, CN_ARRAY_I32}, {0x0D, 4, CN_ARRAY_F32}, {0x0E, 8, CN_ARRAY_F64}};
enum { TYPES = sizeof types / sizeof *types };

static bool read_exactly(cn_source *s, const char *path, void *out, size_t bytes)
{
    int64_t got = cn_source_read(s, out, bytes);
    return got == (int64_t)bytes || (got >= 0 && cn_fail(CN_FORMAT, "%s: the file ends early", path));
}

/* Sets type and shape; `size` becomes the bytes of an element in the file. */
static bool read_header(cn_source *s, const char *path, cn_view *array, size_t *size)
{
    unsigned char magic[4], dim[4];
    if (!read_exactly(s, path, magic, sizeof magic))
        return false;
    int type = 0;
    while (type < TYPES && types[type].code != magic[2])
        type++;
    if (magic[0] || magic[1] || type == TYPES || !magic[3])
        return cn_fail(CN_FORMAT, "%s: not an IDX file: it begins with %02x %02x %02x %02x", path, magic[0], magic[1],
                       magic[2], magic[3]);
    if (magic[3] > CN_MAX_RANK)
        return cn_fail(CN_UNSUPPORTED, "%s: %d dimensions, more than %d", path, magic[3], CN_MAX_RANK);
    *size = types[type].bytes;
    array->type = types[type].type;
    array->shape.rank = magic[3];
    for (int i = 0; i < array->shape.rank; i++) {
        if (!read_exactly(s, path, dim, sizeof dim))
            return false;
        array->shape.dim[i] =
            (int64_t)((uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 | (uint32_t)dim[2] << 8 | dim[3]);
    }
    int64_t count = cn_shape_size(array->shape);
    size_t bytes;
    if (count < 0 || __builtin_mul_overflow((size_t)count, cn_array_type_size(array->type), &bytes)) {
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_FORMAT, "%s: no file has the size %s", path, cn_shape_text(array->shape, text, sizeof text));
    }
    return true;
}

static void to_native_order(unsigned char *data, size_t bytes, size_t size)
{
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || size == 1)
        return;
    for (size_t begin = 0; begin < bytes; begin += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = data[begin + i];
            data[begin + i] = data[begin + size - 1 - i];
            data[begin + size - 1 - i] = byte;
        }
}

static int32_t *widen(const void *data, size_t count)
{
    int32_t *wide = cn_allocate(count + 1, sizeof *wide);
    for (size_t i = 0; wide && i < count; i++) {
        int16_t value;
        memcpy(&value, (const unsigned char *)data + i * sizeof value, sizeof value);
        wide[i] = value;
    }
    return wide;
}

static bool read_data(cn_source *s, const char *path, cn_view *array, size_t size)
{
    size_t count = (size_t)cn_shape_size(array->shape), got;
    unsigned char *data = cn_source_take(s, count * size, &got), beyond;
    array->data = data;
    if (!data)
        return false;
    if (got < count * size)
        return cn_fail(CN_FORMAT, "%s: the file ends early", path);
    int64_t more = cn_source_read(s, &beyond, 1);
    if (more != 0)
        return more > 0 && cn_fail(CN_FORMAT, "%s: the file has more data than its header says", path);
    to_native_order(data, count * size, size);
    if (size == sizeof(int16_t)) {
        array->data = widen(data, count);
        cn_release(data);
    }
    return array->data != NULL;
}

cn_idx *cn_idx_read(const char *path)
{
    cn_source *s = cn_source_open(path);
    cn_idx *idx = s ? cn_allocate(1, sizeof *idx) : NULL;
    size_t size = 0;
    if (idx && !(read_header(s, path, &idx->array, &size) && read_data(s, path, &idx->array, size))) {
        cn_idx_free(idx);
        idx = NULL;
    }
    cn_source_close(s);
    return idx;
}

void cn_idx_free(cn_idx *idx)
{
    if (idx)
        cn_release((void *)(uintptr_t)idx->array.data);
    cn_release(idx);
}
