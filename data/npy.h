/* NumPy's .npy files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): one array. */
#ifndef CN_DATA_NPY_H
#define CN_DATA_NPY_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array that lies in a file and is mapped into memory: pages are read when they are touched and given back when
 * memory gets short, so that an array may be larger than memory. The file must not shrink while it is open. */
typedef struct cn_npy {
    cn_view array; /* not writable */
    void *mapping;
    size_t bytes;
} cn_npy;

/* Versions 1.0 to 3.0; float32, float64, int32, int64, int8, uint8 and bool (as uint8), row-major, in the machine's
 * byte order; bytes after the array are ignored, as NumPy does. NULL with the error set: CN_FILE if the file cannot be
 * read, CN_FORMAT if it is no .npy file, is damaged or has fewer bytes than its header says, CN_UNSUPPORTED for another
 * element type, byte order or layout, or more than CN_MAX_RANK dimensions. */
CN_API cn_npy *cn_npy_open(const char *path);
/* Writes an array as NumPy does, in the place of a file that is there: a process that is killed at any moment leaves
 * the old file or the new one, whole. False with the error set to CN_ARGUMENT for a path or an array that is NULL,
 * CN_SHAPES for a shape that is none, CN_FILE if the file cannot be written. */
CN_API bool cn_npy_save(const char *path, cn_view array);
/* Ends the mapping; NULL is fine. */
CN_API void cn_npy_free(cn_npy *npy);

#ifdef __cplusplus
}
#endif
#endif
