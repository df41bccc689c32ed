#include "core/kernels/pooling.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"
#include <string.h>

typedef struct range {
    int64_t first, past;
} range;

/* The elements of a window. */
CN_INLINE range window(const cn_pool_axis *a, int64_t o)
{
    if (a->adaptive)
        return (range){o * a->in / a->out, ((o + 1) * a->in + a->out - 1) / a->out};
    const int64_t first = o * a->stride - a->before, past = first + a->size;
    return (range){first > 0 ? first : 0, past < a->in ? past : a->in};
}

CN_INLINE range common(range a, range b)
{
    return (range){a.first > b.first ? a.first : b.first, a.past < b.past ? a.past : b.past};
}

#define EACH_CHANNEL for (int64_t c = 0; c < channels; c++)

#define REAL float
#define SUFFIX f32
#include "core/kernels/pooling_real.h"

#if defined(CN_ISA_HAS_F64)
#define REAL double
#define SUFFIX f64
#include "core/kernels/pooling_real.h"
#endif
