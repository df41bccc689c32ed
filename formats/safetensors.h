/* safetensors files: named tensors and text about them, as https://github.com/huggingface/safetensors defines them. */
#ifndef CN_FORMATS_SAFETENSORS_H
#define CN_FORMATS_SAFETENSORS_H
#include "../core/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every element type of the format with its bits. */
#define CN_SAFETENSORS_TYPES(X) \
    X(BOOL, 8)                  \
    X(U8, 8)                    \
    X(I8, 8)                    \
    X(U16, 16)                  \
    X(I16, 16)                  \
    X(F16, 16)                  \
    X(BF16, 16)                 \
    X(U32, 32)                  \
    X(I32, 32)                  \
    X(F32, 32)                  \
    X(U64, 64)                  \
    X(I64, 64)                  \
    X(F64, 64)                  \
    X(C64, 64)                  \
    X(F8_E5M2, 8)               \
    X(F8_E4M3, 8)               \
    X(F8_E8M0, 8)               \
    X(F8_E4M3FNUZ, 8)           \
    X(F8_E5M2FNUZ, 8)           \
    X(F6_E2M3, 6)               \
    X(F6_E3M2, 6)               \
    X(F4, 4)

typedef enum cn_safetensors_type {
#define CN_SAFETENSORS_TYPE_(name, bits) CN_SAFETENSORS_##name,
    CN_SAFETENSORS_TYPES(CN_SAFETENSORS_TYPE_)
#undef CN_SAFETENSORS_TYPE_
} cn_safetensors_type;

/* The name as the format spells it, "BF16". */
CN_API const char *cn_safetensors_type_name(cn_safetensors_type type);

/* One tensor of a file. The data is row-major and little-endian as it was stored, and lies at any address: it is to be
 * taken with memcpy or cn_safetensors_read. */
typedef struct cn_safetensors_entry {
    const char *name; /* UTF-8 */
    cn_safetensors_type type;
    cn_shape shape;
    const void *data;
    size_t bytes;
} cn_safetensors_entry;

typedef struct cn_safetensors cn_safetensors;

/* Reads a whole file and checks all of it: the header's JSON, every type, shape and offset, and that the tensors fill
 * the data from first to last byte without gap or overlap. NULL with the error set to
 *   CN_FILE         the file cannot be read,
 *   CN_FORMAT       it breaks a rule of the format,
 *   CN_UNSUPPORTED  a tensor has more than CN_MAX_RANK dimensions, the library was built without jansson, or the
 *                   machine is big-endian. */
CN_API cn_safetensors *cn_safetensors_open(const char *path);
/* Frees the file with all its tensors and texts; NULL is fine. */
CN_API void cn_safetensors_close(cn_safetensors *file);

/* The path that it was opened by. */
CN_API const char *cn_safetensors_path(const cn_safetensors *file);
/* The tensors in the order of their data. The entries live as long as the file. */
CN_API size_t cn_safetensors_count(const cn_safetensors *file);
/* The tensor of that index; NULL if index is not below the count. */
CN_API const cn_safetensors_entry *cn_safetensors_at(const cn_safetensors *file, size_t index);
/* The tensor of that name; NULL, which is no error, if there is none. */
CN_API const cn_safetensors_entry *cn_safetensors_find(const cn_safetensors *file, const char *name);
/* The text that __metadata__ has under a key; NULL, which is no error, if there is none. */
CN_API const char *cn_safetensors_metadata(const cn_safetensors *file, const char *key);

/* Copies a tensor's elements to `out`, which has room for all of them in that type. Integers, BOOL, F16, BF16, F32 and
 * F64 become any float type, rounded to nearest; integers and BOOL become CN_I32 if every value fits (else CN_VALUE).
 * False with the error set to CN_TYPE for floats as CN_I32, CN_UNSUPPORTED for the other types of the format,
 * CN_ARGUMENT for no entry, as cn_safetensors_find gives where it finds none. */
CN_API bool cn_safetensors_read(const cn_safetensors_entry *entry, cn_dtype dtype, void *out);

/* Writing */

typedef struct cn_safetensors_tensor {
    const char *name; /* UTF-8 */
    cn_dtype dtype;
    cn_shape shape;
    const void *data; /* row-major */
} cn_safetensors_tensor;

typedef struct cn_safetensors_text {
    const char *key, *value;
} cn_safetensors_text;

/* Writes a file of these tensors, in the place of one that is there: whatever happens, the old file or the new one is
 * there, whole. `texts`, which may be NULL, becomes __metadata__ and ends with one without a key. False with the error
 * set to CN_ARGUMENT for a name or key that is not UTF-8 or there twice, CN_SHAPES for a shape that is none, CN_FILE if
 * the file cannot be written, CN_UNSUPPORTED as for cn_safetensors_open. */
CN_API bool cn_safetensors_write(const char *path, const cn_safetensors_tensor *tensors, size_t count,
                                 const cn_safetensors_text *texts);

#ifdef __cplusplus
}
#endif
#endif
