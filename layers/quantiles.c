#include "layers/quantiles.h"
#include "core/engine.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    float x = ((const cn_weighted_value *)a)->value, y = ((const cn_weighted_value *)b)->value;
    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
}

/* y at x of the line through points with rising x, which is level outside. */
static double interpolate(double x, const double *xs, const double *ys, int64_t count)
{
    int64_t low = 0, high = count - 1;
    if (!(x > xs[low]))
        return ys[low];
    if (x >= xs[high])
        return ys[high];
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        *(xs[middle] <= x ? &low : &high) = middle;
    }
    return ys[low] + (x - xs[low]) / (xs[high] - xs[low]) * (ys[high] - ys[low]);
}

/* Thins a summary out, in place, to values at the shares epsilon, 2 epsilon, ... of the weight. */
static bool thin_out(cn_weighted_value *values, int64_t *count, double epsilon)
{
    int64_t before = *count, after = (int64_t)ceil(1 / epsilon);
    if ((double)before * epsilon < 1)
        return true;
    double *share = cn_allocate((size_t)before * 3, sizeof *share);
    if (!share)
        return false;
    double *value = share + before, *weight = value + before, sum = 0, last = 0;
    for (int64_t i = 0; i < before; i++) {
        value[i] = (double)values[i].value;
        weight[i] = sum += (double)values[i].weight;
    }
    for (int64_t i = 0; i < before; i++)
        share[i] = weight[i] / sum;
    *count = after < before ? after : before;
    for (int64_t i = 0; i < *count; i++) {
        double at = epsilon + (double)i * epsilon, up_to = interpolate(at, share, weight, before);
        values[i] = (cn_weighted_value){(float)interpolate(at, share, value, before), (float)(up_to - last)};
        last = up_to;
    }
    cn_release(share);
    return true;
}

/* The numbers of a batch in order. */
static cn_weighted_value *sorted(const cn_view *batch, int64_t count)
{
    float *numbers = cn_allocate((size_t)count, sizeof *numbers);
    cn_weighted_value *values = numbers ? cn_allocate((size_t)count, sizeof *values) : NULL;
    if (values && cn_convert(numbers, CN_ARRAY_F32, batch->data, batch->type, count)) {
        for (int64_t i = 0; i < count; i++)
            values[i].value = numbers[i];
        qsort(values, (size_t)count, sizeof *values, ascending);
    }
    cn_release(numbers);
    return values;
}

bool cn_quantiles_add(cn_quantiles *quantiles, const cn_view *batch)
{
    int64_t count = cn_shape_size(batch->shape), taken = 0, capacity;
    if (count <= 0)
        return true;
    cn_weighted_value *values = sorted(batch, count), *grown;
    if (!values || cn_failed()) {
        cn_release(values);
        return false;
    }
    double increment = (double)count * quantiles->epsilon, step = increment > 1 ? increment : 1;
    for (int64_t i = (int64_t)increment; i < count; i += (int64_t)step)
        values[taken++] = (cn_weighted_value){values[i].value, (float)step};
    capacity = quantiles->count + taken;
    grown = cn_resize(quantiles->values, (size_t)quantiles->count, (size_t)capacity, sizeof *grown);
    if (grown) {
        quantiles->values = grown;
        memcpy(grown + quantiles->count, values, (size_t)taken * sizeof *values);
        quantiles->count = capacity;
        qsort(grown, (size_t)capacity, sizeof *grown, ascending);
    }
    cn_release(values);
    return grown && thin_out(quantiles->values, &quantiles->count, quantiles->epsilon);
}

bool cn_quantiles_end(const cn_quantiles *quantiles, const char *who, int64_t parts, double **boundaries,
                      int64_t *count)
{
    if (quantiles->count == 0)
        return cn_fail(CN_VALUE, "%s: there is nothing to adapt to", who);
    int64_t left = quantiles->count;
    cn_weighted_value *values = cn_allocate((size_t)left, sizeof *values);
    *boundaries = values ? cn_allocate((size_t)left, sizeof **boundaries) : NULL;
    bool done = *boundaries != NULL;
    if (done) {
        memcpy(values, quantiles->values, (size_t)left * sizeof *values);
        done = thin_out(values, &left, 1 / (double)parts);
        *count = left - 1;
        for (int64_t i = 0; i < *count; i++)
            (*boundaries)[i] = (double)values[i].value;
    }
    if (!done) {
        cn_release(*boundaries);
        *boundaries = NULL;
    }
    cn_release(values);
    return done;
}

void cn_quantiles_free(cn_quantiles *quantiles)
{
    cn_release(quantiles->values);
}
