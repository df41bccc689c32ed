#include "core/kernels/attention.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"

/* Rows have room for whole vectors. */
#define LANES CN_ATTENTION_LANES
#define ROUNDED_UP(j) (((j) + LANES - 1) / LANES * LANES)

/* Calls `row` in a form for no mask, a dense one, and others: each becomes a loop that vectorises. */
#define FOR_EACH_ROW(tile, row, ...)                                                       \
    for (int64_t i = 0; i < (tile)->queries; i++) {                                        \
        const cn_attention_range range = cn_attention_range_of(tile, i);                   \
        const int32_t *mask = (tile)->mask ? (tile)->mask + i * (tile)->mask_query : NULL; \
        if (!mask)                                                                         \
            row(tile, range, NULL, 0, __VA_ARGS__);                                        \
        else if ((tile)->mask_key == 1)                                                    \
            row(tile, range, mask, 1, __VA_ARGS__);                                        \
        else                                                                               \
            row(tile, range, mask, (tile)->mask_key, __VA_ARGS__);                         \
    }

#define REAL float
#define SUFFIX f32
#include "core/kernels/attention_real.h"

#if defined(CN_ISA_HAS_F64)
#define REAL double
#define SUFFIX f64
#include "core/kernels/attention_real.h"
#endif
