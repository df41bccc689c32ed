/* IDX files, in which MNIST and Fashion-MNIST come (http://yann.lecun.com/exdb/mnist): one array, plain or gzip. */
#ifndef CN_DATA_IDX_H
#define CN_DATA_IDX_H
#include "../core/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The element types with the format's codes. */
typedef enum cn_idx_type {
    CN_IDX_U8 = 0x08,
    CN_IDX_I8 = 0x09,
    CN_IDX_I16 = 0x0B,
    CN_IDX_I32 = 0x0C,
    CN_IDX_F32 = 0x0D,
    CN_IDX_F64 = 0x0E
} cn_idx_type;

/* An array in memory: row-major, in the machine's own byte order, aligned for any use. */
typedef struct cn_idx {
    cn_idx_type type;
    cn_shape shape;
    void *data;
} cn_idx;

/* Reads a whole file, plain or gzip, whatever its name. NULL with the error set to
 *   CN_FILE         the file cannot be read,
 *   CN_FORMAT       it is no IDX file, is damaged, or has fewer or more bytes than its header says,
 *   CN_UNSUPPORTED  it has more than CN_MAX_RANK dimensions, or the library was built without zlib. */
CN_API cn_idx *cn_idx_read(const char *path);
/* Frees the array with its data; NULL is fine. */
CN_API void cn_idx_free(cn_idx *idx);

#ifdef __cplusplus
}
#endif
#endif
