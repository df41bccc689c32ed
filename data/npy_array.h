/* Private: NumPy's .npy format in memory: one array with a header before it. */
#ifndef CN_DATA_NPY_ARRAY_H
#define CN_DATA_NPY_ARRAY_H
#include "core/engine.h"
#include "data/encoding.h"

typedef struct cn_npy_array {
    cn_encoding encoding;
    bool column_major; /* Fortran's order, of two dimensions or more */
    cn_shape shape;
    const unsigned char *data; /* at any address */
    char descr[16];            /* NumPy's name of the type, for messages */
} cn_npy_array;

/* Finds out what an array is, versions 1.0 to 3.0; `name` is for messages. The data lies in `bytes`, which may have
 * more behind it. False with the error set: CN_FORMAT for what is no array or is damaged, CN_UNSUPPORTED for texts,
 * complex numbers, records, objects (which are never unpickled) and more than CN_MAX_RANK dimensions. */
bool cn_npy_parse(cn_npy_array *array, const char *name, const void *bytes, size_t size);
/* Views the elements where they lie. NULL, or a text that says why that cannot be. */
const char *cn_npy_view(const cn_npy_array *array, cn_view *view);
/* Copies the elements, row-major, as that type; errors as cn_decode. */
bool cn_npy_read(const cn_npy_array *array, const char *name, cn_dtype dtype, void *out);

/* The header of an array in the machine's byte order, as NumPy writes it: a multiple of 64 bytes. Returns how many. */
enum { CN_NPY_HEADER = 256 };
size_t cn_npy_header(char header[CN_NPY_HEADER], cn_array_type type, cn_shape shape);
#endif
