#include "core/kernels/affine.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"

/* A pixel of the image, or what lies outside, and what it counts in a pixel of what is seen. */
enum { NUMBERS = 8, MOST_PARTS = 4, OUTSIDE = -1 };
typedef struct part {
    int64_t pixel;
    double weight;
} part;

/* Where a pixel that is not there is looked up instead, or OUTSIDE. */
CN_INLINE int64_t fill_index(int fill_mode, int64_t index, int64_t size)
{
    if (index >= 0 && index < size)
        return index;
    if (fill_mode == CN_AFFINE_CONSTANT)
        return OUTSIDE;
    if (fill_mode == CN_AFFINE_NEAREST)
        return index < 0 ? 0 : size - 1;
    int64_t period = fill_mode == CN_AFFINE_REFLECT ? 2 * size : size;
    index %= period;
    index += index < 0 ? period : 0;
    return index < size ? index : 2 * size - 1 - index;
}

/* The pixels along one axis that a place is made of. A weight of zero is no part: what does not count may be NaN. */
CN_INLINE int find_along(const cn_affine *affine, double place, int64_t size, part *parts)
{
    const double most = 1e9; /* farther off is as good; NaN becomes that too */
    place = place > -most ? place : -most;
    place = place < most ? place : most;
    double lower = affine->bilinear ? floor(place) : round(place), upper_weight = affine->bilinear ? place - lower : 0;
    parts[0] = (part){fill_index(affine->fill_mode, (int64_t)lower, size), 1 - upper_weight};
    if (upper_weight == 0)
        return 1;
    parts[1] = (part){fill_index(affine->fill_mode, (int64_t)lower + 1, size), upper_weight};
    return 2;
}

CN_INLINE int find_parts(const cn_affine *affine, const double *t, int64_t x, int64_t y, part *parts)
{
    part rows[2], columns[2];
    double dx = (double)x, dy = (double)y, k = t[6] * dx + t[7] * dy + 1;
    int column_count = find_along(affine, (t[0] * dx + t[1] * dy + t[2]) / k, affine->width, columns);
    int row_count = find_along(affine, (t[3] * dx + t[4] * dy + t[5]) / k, affine->height, rows);
    int count = 0;
    for (int i = 0; i < row_count; i++)
        for (int j = 0; j < column_count; j++) {
            bool outside = rows[i].pixel == OUTSIDE || columns[j].pixel == OUTSIDE;
            parts[count++] = (part){outside ? OUTSIDE : rows[i].pixel * affine->width + columns[j].pixel,
                                    rows[i].weight * columns[j].weight};
        }
    return count;
}

#define EACH_CHANNEL for (int64_t c = 0; c < channels; c++)

#define REAL float
#define SUFFIX f32
#include "core/kernels/affine_real.h"

#define REAL double
#define SUFFIX f64
#include "core/kernels/affine_real.h"

extern const cn_affine_kernels CN_ISA_NAME(cn_affine_kernels);
const cn_affine_kernels CN_ISA_NAME(cn_affine_kernels) = {.look = {look_f32, look_f64},
                                                          .spread = {spread_f32, spread_f64}};
