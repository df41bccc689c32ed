/* NumPy's .npz archives (numpy.savez, numpy.savez_compressed): arrays by name. */
#ifndef CN_DATA_NPZ_H
#define CN_DATA_NPZ_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_npz cn_npz;

/* Reads all arrays of an archive into memory, row-major. Element types that arrays have (tensor.h) stay, bool becomes
 * uint8, float16 float32, and the other integers int32.
 *     cn_npz *mnist = cn_npz_read("mnist.npz");
 *     cn_fit(model, {cn_npz_array(mnist, "x_train")}, {cn_npz_array(mnist, "y_train")});
 * NULL with the error set to
 *   CN_FILE         the file cannot be read,
 *   CN_FORMAT       it is no archive of arrays, or is damaged,
 *   CN_VALUE        an integer is none of int32,
 *   CN_UNSUPPORTED  an array has elements that are no numbers, or more than CN_MAX_RANK dimensions; or the library was
 *                   built without libzip. */
CN_API cn_npz *cn_npz_read(const char *path);
/* The array of a name, which lasts as long as the archive; without data and with the error set if there is none. */
CN_API cn_view cn_npz_array(const cn_npz *npz, const char *name);
/* The number of arrays, and the name of one, in the order of the archive; NULL if there is none. */
CN_API int cn_npz_count(const cn_npz *npz);
CN_API const char *cn_npz_name(const cn_npz *npz, int index);
/* Frees the arrays too; NULL is fine. */
CN_API void cn_npz_free(cn_npz *npz);

#ifdef __cplusplus
}
#endif
#endif
