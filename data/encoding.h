/* Private: numbers as files write them. */
#ifndef CN_DATA_ENCODING_H
#define CN_DATA_ENCODING_H
#include "core/shape.h"

typedef enum cn_encoding_kind {
    CN_ENCODED_BOOL, /* true if not 0 */
    CN_ENCODED_INT,  /* two's complement */
    CN_ENCODED_UINT,
    CN_ENCODED_FLOAT, /* IEEE 754's binary16, binary32, binary64 */
    CN_ENCODED_BFLOAT /* the upper half of a binary32 */
} cn_encoding_kind;

typedef struct cn_encoding {
    cn_encoding_kind kind;
    int bytes; /* of each number: 1, 2, 4 or 8 */
    bool big_endian;
} cn_encoding;

/* Whether numbers of that type lie in memory as they do in the file, alignment apart. */
bool cn_encoding_is(cn_encoding encoding, cn_dtype dtype);
/* Copies `count` numbers, which may begin at any address, as that type; floats are rounded to nearest. False with the
 * error set, which begins with `name`: CN_TYPE for floats as CN_I32, CN_VALUE for an integer that it does not hold. */
bool cn_decode(const char *name, cn_encoding encoding, const void *from, int64_t count, cn_dtype dtype, void *to);
#endif
