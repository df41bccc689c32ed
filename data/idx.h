/* IDX files, in which MNIST and Fashion-MNIST come (http://yann.lecun.com/exdb/mnist): one array, plain or gzip. */
#ifndef CN_DATA_IDX_H
#define CN_DATA_IDX_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes, integers of 32 bits and floats of either size as they are; integers of 16 bits become int32. */
typedef struct cn_idx {
    cn_view array;
} cn_idx;

/* Reads a whole file, plain or gzip, whatever its name. NULL with the error set to
 *   CN_FILE         the file cannot be read,
 *   CN_FORMAT       it is no IDX file, is damaged, or has fewer or more bytes than its header says,
 *   CN_UNSUPPORTED  it has more than CN_MAX_RANK dimensions, or it is gzip and the library was built without zlib. */
CN_API cn_idx *cn_idx_read(const char *path);
/* Frees the array with its data; NULL is fine. */
CN_API void cn_idx_free(cn_idx *idx);

#ifdef __cplusplus
}
#endif
#endif
