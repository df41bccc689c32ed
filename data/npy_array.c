#include "data/npy_array.h"
#include <stdio.h>
#include <string.h>

/* The header is the text of a Python dictionary. */
typedef struct header {
    const char *name;
    const char *at, *end; /* of the text still to be read */
    cn_npy_array *array;
} header;

static bool malformed(const header *h, const char *what)
{
    return cn_fail(CN_FORMAT, "%s: the header is damaged: %s", h->name, what);
}

static void skip_spaces(header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n'))
        h->at++;
}

static bool take(header *h, const char *text)
{
    size_t length = strlen(text);
    skip_spaces(h);
    if ((size_t)(h->end - h->at) < length || memcmp(h->at, text, length) != 0)
        return false;
    h->at += length;
    return true;
}

static bool read_string(header *h, char *to, size_t room)
{
    skip_spaces(h);
    char quote = h->at < h->end ? *h->at++ : '\0';
    size_t length = 0;
    while (h->at < h->end && *h->at != quote && length + 1 < room)
        to[length++] = *h->at++;
    to[length] = '\0';
    return ((quote == '\'' || quote == '"') && h->at < h->end && *h->at++ == quote) ||
           malformed(h, "a short text is wanted");
}

static bool read_dimension(header *h, int64_t *dim)
{
    *dim = 0;
    skip_spaces(h);
    const char *first = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (__builtin_mul_overflow(*dim, 10, dim) || __builtin_add_overflow(*dim, *h->at - '0', dim))
            return malformed(h, "a dimension is too large");
    return h->at > first || malformed(h, "a dimension is no number");
}

static bool read_shape(header *h)
{
    cn_shape *shape = &h->array->shape;
    bool comma = true;
    if (!take(h, "("))
        return malformed(h, "the shape is no tuple");
    while (!take(h, ")")) {
        if (!comma)
            return malformed(h, "the shape is no tuple");
        if (shape->rank == CN_MAX_RANK)
            return cn_fail(CN_UNSUPPORTED, "%s: more than %d dimensions", h->name, CN_MAX_RANK);
        if (!read_dimension(h, &shape->dim[shape->rank++]))
            return false;
        comma = take(h, ",");
    }
    /* (3) is a number in Python. */
    return shape->rank != 1 || comma || malformed(h, "the shape is no tuple");
}

static bool read_order(header *h)
{
    h->array->column_major = take(h, "True");
    return h->array->column_major || take(h, "False") || malformed(h, "fortran_order is neither True nor False");
}

static bool read_descr(header *h)
{
    if (take(h, "["))
        return cn_fail(CN_UNSUPPORTED, "%s: records cannot be read", h->name);
    return read_string(h, h->array->descr, sizeof h->array->descr);
}

/* Exactly three entries, in any order. */
static bool read_dictionary(header *h)
{
    static const struct {
        const char *key;
        bool (*read)(header *h);
    } entries[3] = {{"descr", read_descr}, {"fortran_order", read_order}, {"shape", read_shape}};
    bool seen[3] = {false}, comma = true;
    if (!take(h, "{"))
        return malformed(h, "it is no dictionary");
    while (!take(h, "}")) {
        char key[16];
        if (!comma || !read_string(h, key, sizeof key))
            return malformed(h, "it is no dictionary");
        int index = 0;
        while (index < 3 && strcmp(key, entries[index].key) != 0)
            index++;
        if (index == 3 || seen[index] || !take(h, ":"))
            return malformed(h, "the keys must be descr, fortran_order and shape, once each");
        seen[index] = true;
        if (!entries[index].read(h))
            return false;
        comma = take(h, ",");
    }
    skip_spaces(h);
    return (h->at == h->end && seen[0] && seen[1] && seen[2]) ||
           malformed(h, "the keys must be descr, fortran_order and shape, once each");
}

static bool find_encoding(const header *h)
{
    static const struct {
        const char *descr;
        cn_encoding_kind kind;
    } types[] = {{"b1", CN_ENCODED_BOOL}, {"i1", CN_ENCODED_INT},   {"i2", CN_ENCODED_INT},   {"i4", CN_ENCODED_INT},
                 {"i8", CN_ENCODED_INT},  {"u1", CN_ENCODED_UINT},  {"u2", CN_ENCODED_UINT},  {"u4", CN_ENCODED_UINT},
                 {"u8", CN_ENCODED_UINT}, {"f2", CN_ENCODED_FLOAT}, {"f4", CN_ENCODED_FLOAT}, {"f8", CN_ENCODED_FLOAT}};
    const bool machine = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    const char *descr = h->array->descr;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        int bytes = types[i].descr[1] - '0';
        if (*descr && strcmp(descr + 1, types[i].descr) == 0 && strchr(bytes == 1 ? "|<>=" : "<>=", *descr)) {
            bool big_endian = *descr == '>' || (*descr == '=' && machine);
            h->array->encoding = (cn_encoding){types[i].kind, bytes, bytes > 1 ? big_endian : machine};
            return true;
        }
    }
    return cn_fail(CN_UNSUPPORTED, "%s: elements of type '%s' cannot be read", h->name, descr);
}

bool cn_npy_parse(cn_npy_array *array, const char *name, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    *array = (cn_npy_array){.data = NULL};
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return cn_fail(CN_FORMAT, "%s: not a .npy file", name);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return cn_fail(CN_FORMAT, "%s: version %d.%d of the format is not known", name, b[6], b[7]);
    size_t prefix = b[6] == 1 ? 10 : 12, length = b[8] | (size_t)b[9] << 8;
    if (size < prefix)
        return cn_fail(CN_FORMAT, "%s: the file ends early", name);
    if (prefix == 12)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > size - prefix)
        return cn_fail(CN_FORMAT, "%s: the file ends early, in its header of %zu bytes", name, length);
    header h = {name, (const char *)b + prefix, (const char *)b + prefix + length, array};
    if (!read_dictionary(&h) || !find_encoding(&h))
        return false;
    size_t have = size - prefix - length, wanted;
    int64_t count = cn_shape_size(array->shape);
    char text[CN_SHAPE_TEXT];
    if (count < 0 || __builtin_mul_overflow((size_t)count, (size_t)array->encoding.bytes, &wanted) || wanted > have)
        return cn_fail(CN_FORMAT, "%s: the file has %zu bytes for an array of shape %s", name, have,
                       cn_shape_text(array->shape, text, sizeof text));
    array->column_major = array->column_major && array->shape.rank > 1;
    array->data = b + prefix + length;
    return true;
}

const char *cn_npy_view(const cn_npy_array *array, cn_view *view)
{
    static const struct {
        cn_encoding_kind kind;
        int bytes;
        cn_array_type type;
    } types[] = {{CN_ENCODED_FLOAT, 4, CN_ARRAY_F32}, {CN_ENCODED_FLOAT, 8, CN_ARRAY_F64},
                 {CN_ENCODED_INT, 4, CN_ARRAY_I32},   {CN_ENCODED_INT, 8, CN_ARRAY_I64},
                 {CN_ENCODED_INT, 1, CN_ARRAY_I8},    {CN_ENCODED_UINT, 1, CN_ARRAY_U8},
                 {CN_ENCODED_BOOL, 1, CN_ARRAY_U8}};
    cn_encoding is = array->encoding;
    size_t i = 0, count = sizeof types / sizeof *types;
    while (i < count && (types[i].kind != is.kind || types[i].bytes != is.bytes))
        i++;
    if (i == count)
        return "no array in memory has this type";
    if (is.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
        return "the machine has another byte order";
    if (array->column_major)
        return "the array is column-major (fortran_order)";
    if ((uintptr_t)array->data % (uintptr_t)is.bytes != 0)
        return "the array is not aligned";
    *view = cn_array_with(array->data, types[i].type, false, array->shape);
    return NULL;
}

/* Where, in column-major order, the element of that row-major number lies. */
static int64_t column_major_place(cn_shape shape, int64_t index)
{
    int64_t place = 0, step = cn_shape_size(shape);
    for (int d = shape.rank - 1; d >= 0; d--) {
        step /= shape.dim[d];
        place += index % shape.dim[d] * step;
        index /= shape.dim[d];
    }
    return place;
}

bool cn_npy_read(const cn_npy_array *array, const char *name, cn_dtype dtype, void *out)
{
    int64_t count = cn_shape_size(array->shape);
    if (!array->column_major)
        return cn_decode(name, array->encoding, array->data, count, dtype, out);
    for (int64_t i = 0; i < count; i++)
        if (!cn_decode(name, array->encoding, array->data + column_major_place(array->shape, i) * array->encoding.bytes,
                       1, dtype, (char *)out + (size_t)i * cn_dtype_size(dtype)))
            return false;
    return true;
}

size_t cn_npy_header(char out[CN_NPY_HEADER], cn_array_type type, cn_shape shape)
{
    static const char *const types[] = {[CN_ARRAY_F32] = "f4", [CN_ARRAY_F64] = "f8", [CN_ARRAY_I32] = "i4",
                                        [CN_ARRAY_I64] = "i8", [CN_ARRAY_I8] = "i1",  [CN_ARRAY_U8] = "u1"};
    const char *order = cn_array_type_size(type) == 1 ? "|" : __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ">" : "<";
    char dims[CN_SHAPE_TEXT], text[CN_NPY_HEADER];
    size_t used = 0;
    dims[0] = '\0';
    for (int d = 0; d < shape.rank; d++)
        used += (size_t)snprintf(dims + used, sizeof dims - used, "%s%lld", d ? ", " : "", (long long)shape.dim[d]);
    int length = snprintf(text, sizeof text, "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s%s), }", order,
                          types[type], dims, shape.rank == 1 ? "," : "");
    /* NumPy leaves room for the first dimension to grow to 21 digits. */
    int digits = shape.rank > 0 ? snprintf(NULL, 0, "%lld", (long long)shape.dim[0]) : 21;
    size_t total = (10 + (size_t)(length + 21 - digits) + 1 + 63) / 64 * 64;
    memset(out, ' ', total);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (char)(total - 10);
    out[9] = (char)((total - 10) >> 8);
    memcpy(out + 10, text, (size_t)length);
    out[total - 1] = '\n';
    return total;
}
