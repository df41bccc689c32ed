#include "core/ops/creation.h"
#include "core/engine.h"
#include <math.h>

/* What a kernel of this file writes: `count` elements from a start and a step, or the n x m of eye. */
typedef struct series {
    int64_t count, columns, diagonal;
    double start, step;
} series;

#define KERNELS(T, name)                                                  \
    static bool fill_##name(void *const *pointer, const void *prepared)   \
    {                                                                     \
        const series *s = prepared;                                       \
        T *y = pointer[0];                                                \
        for (int64_t i = 0; i < s->count; i++)                            \
            y[i] = (T)s->start;                                           \
        return true;                                                      \
    }                                                                     \
    static bool arange_##name(void *const *pointer, const void *prepared) \
    {                                                                     \
        const series *s = prepared;                                       \
        T *y = pointer[0];                                                \
        for (int64_t i = 0; i < s->count; i++)                            \
            y[i] = (T)(s->start + (double)i * s->step);                   \
        return true;                                                      \
    }                                                                     \
    static bool eye_##name(void *const *pointer, const void *prepared)    \
    {                                                                     \
        const series *s = prepared;                                       \
        T *y = pointer[0];                                                \
        for (int64_t row = 0, i = 0; i < s->count; row++)                 \
            for (int64_t column = 0; column < s->columns; column++, i++)  \
                y[i] = column - row == s->diagonal;                       \
        return true;                                                      \
    }
KERNELS(float, f32)
KERNELS(double, f64)
KERNELS(int32_t, i32)
#undef KERNELS

static bool prepare_series(const cn_entry *entry, cn_preparation *preparation, cn_kernel *const *kernels, series wanted)
{
    series *prepared = cn_prepared(preparation, sizeof *prepared);
    wanted.count = cn_shape_size(entry->output[0]->shape);
    *prepared = wanted;
    preparation->kernel = kernels[entry->output[0]->dtype];
    return true;
}

static cn_kernel *const fill[] = {fill_f32, fill_f64, fill_i32};

static bool check_value(const cn_entry *entry, cn_dtype dtype, double value)
{
    return cn_can_hold(dtype, value) || cn_entry_fail(entry, CN_VALUE, "%g is no int32", value);
}

static bool check_shape(const cn_entry *entry, cn_shape shape)
{
    char text[CN_SHAPE_TEXT];
    return cn_shape_size(shape) >= 0 ||
           cn_entry_fail(entry, CN_SHAPES, "%s is not a shape", cn_shape_text(shape, text, sizeof text));
}

static cn_tensor *create(cn_tape *tape, const cn_operation *operation, const void *attributes)
{
    cn_tensor *output = NULL;
    return cn_record_on(tape, operation, attributes, NULL, 0, &output, 1) ? output : NULL;
}

static bool full_infer(const cn_entry *entry, cn_type *output)
{
    const cn_full_args *args = entry->attributes;
    *output = (cn_type){args->dtype, args->shape};
    return check_value(entry, args->dtype, args->value) && check_shape(entry, args->shape);
}

static bool full_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_full_args *args = entry->attributes;
    return prepare_series(entry, preparation, fill, (series){.start = args->value});
}

static const cn_operation full = {
    .name = "full", .attributes = sizeof(cn_full_args), .flags = CN_LEAF, .infer = full_infer, .prepare = full_prepare};

cn_tensor *cn_full_with(cn_tape *tape, cn_full_args args)
{
    return create(tape, &full, &args);
}

static bool full_like_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return check_value(entry, output->dtype, *(const double *)entry->attributes);
}

static bool full_like_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare_series(entry, preparation, fill, (series){.start = *(const double *)entry->attributes});
}

static const cn_operation full_like = {.name = "full_like",
                                       .attributes = sizeof(double),
                                       .flags = CN_LEAF | CN_STRIDED,
                                       .infer = full_like_infer,
                                       .prepare = full_like_prepare};

cn_tensor *cn_full_like(cn_tensor *x, double value)
{
    return cn_record(&full_like, &value, &x, 1);
}

cn_tensor *cn_zeros_like(cn_tensor *x)
{
    return cn_full_like(x, 0);
}

cn_tensor *cn_ones_like(cn_tensor *x)
{
    return cn_full_like(x, 1);
}

static bool arange_infer(const cn_entry *entry, cn_type *output)
{
    const cn_arange_args *args = entry->attributes;
    double count = ceil((args->stop - args->start) / args->step);
    if (args->step == 0 || !isfinite(count) || count > (double)(INT64_MAX / 16))
        return cn_entry_fail(entry, CN_ARGUMENT, "from %g to %g by %g is not a range", args->start, args->stop,
                             args->step);
    if (args->dtype == CN_I32 && (args->start != trunc(args->start) || args->step != trunc(args->step)))
        return cn_entry_fail(entry, CN_TYPE, "from %g to %g by %g are not whole numbers; .dtype chooses a float type",
                             args->start, args->stop, args->step);
    if (args->dtype == CN_I32 && (fabs(args->start) > INT32_MAX || fabs(args->stop) > INT32_MAX))
        return cn_entry_fail(entry, CN_VALUE, "from %g to %g does not fit into int32", args->start, args->stop);
    *output = (cn_type){args->dtype, CN_SHAPE(count > 0 ? (int64_t)count : 0)};
    return true;
}

static bool arange_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {arange_f32, arange_f64, arange_i32};
    const cn_arange_args *args = entry->attributes;
    return prepare_series(entry, preparation, kernels, (series){.start = args->start, .step = args->step});
}

static const cn_operation arange = {.name = "arange",
                                    .attributes = sizeof(cn_arange_args),
                                    .flags = CN_LEAF,
                                    .infer = arange_infer,
                                    .prepare = arange_prepare};

cn_tensor *cn_arange_with(cn_tape *tape, cn_arange_args args)
{
    if (args.stop == (double)CN_NONE) {
        args.stop = args.start;
        args.start = 0;
    }
    return create(tape, &arange, &args);
}

static bool eye_infer(const cn_entry *entry, cn_type *output)
{
    const cn_eye_args *args = entry->attributes;
    *output = (cn_type){args->dtype, CN_SHAPE(args->n, args->m == CN_NONE ? args->n : args->m)};
    return check_shape(entry, output->shape);
}

static bool eye_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {eye_f32, eye_f64, eye_i32};
    const cn_eye_args *args = entry->attributes;
    return prepare_series(entry, preparation, kernels,
                          (series){.columns = entry->output[0]->shape.dim[1], .diagonal = args->k});
}

static const cn_operation eye = {
    .name = "eye", .attributes = sizeof(cn_eye_args), .flags = CN_LEAF, .infer = eye_infer, .prepare = eye_prepare};

cn_tensor *cn_eye_with(cn_tape *tape, cn_eye_args args)
{
    return create(tape, &eye, &args);
}

extern const cn_operation *const cn_creation_operations[];
const cn_operation *const cn_creation_operations[] = {&full, &full_like, &arange, &eye, NULL};
