#include "data/sequences.h"
#include "core/engine.h"
#include <string.h>

/* The place of element `index` of an array that is written to. */
static void *place(const cn_view *view, int64_t index)
{
    return (unsigned char *)(uintptr_t)view->data + (size_t)index * cn_array_type_size(view->type);
}

/* The value must be one that the element type has. */
static void put(const cn_view *view, int64_t index, double value)
{
    void *to = place(view, index);
    switch (view->type) {
    case CN_ARRAY_F32:
        *(float *)to = (float)value;
        break;
    case CN_ARRAY_F64:
        *(double *)to = value;
        break;
    case CN_ARRAY_I32:
        *(int32_t *)to = (int32_t)value;
        break;
    case CN_ARRAY_U8:
        *(uint8_t *)to = (uint8_t)value;
        break;
    case CN_ARRAY_I8:
        *(int8_t *)to = (int8_t)value;
        break;
    case CN_ARRAY_I64:
        *(int64_t *)to = (int64_t)value;
        break;
    }
}

static bool check_writable(const char *who, const cn_view *out)
{
    return (out->data && out->writable && cn_shape_size(out->shape) >= 0) ||
           cn_fail(CN_ARGUMENT, "%s: the result needs an array that is not const", who);
}

/* The label at an index, negative ones counted from the end. */
static bool read_label(const cn_view *labels, int64_t index, int64_t classes, int64_t *label)
{
    double value;
    const unsigned char *from = (const unsigned char *)labels->data + (size_t)index * cn_array_type_size(labels->type);
    if (!cn_convert(&value, CN_ARRAY_F64, from, labels->type, 1))
        return false;
    if (!(value >= -(double)classes && value < (double)classes))
        return cn_fail(CN_VALUE, "to_categorical: label %g is none of %lld classes", value, (long long)classes);
    *label = (int64_t)value;
    *label += *label < 0 ? classes : 0;
    return true;
}

bool cn_to_categorical(cn_view labels, cn_view out)
{
    if (cn_failed() || !check_writable("to_categorical", &out))
        return false;
    cn_shape shape = labels.shape;
    if (shape.rank > 1 && shape.dim[shape.rank - 1] == 1)
        shape.rank--;
    int64_t count = cn_shape_size(shape), classes = out.shape.rank > 0 ? out.shape.dim[out.shape.rank - 1] : 0,
            label = 0;
    bool fits = labels.data && count >= 0 && out.shape.rank == shape.rank + 1;
    for (int d = 0; fits && d < shape.rank; d++)
        fits = shape.dim[d] == out.shape.dim[d];
    if (!fits)
        return cn_fail(CN_SHAPES, "to_categorical: the result must have one axis more than the labels");
    for (int64_t i = 0; i < count; i++)
        if (!read_label(&labels, i, classes, &label))
            return false;
    memset(place(&out, 0), 0, (size_t)(count * classes) * cn_array_type_size(out.type));
    for (int64_t i = 0; i < count && read_label(&labels, i, classes, &label); i++)
        put(&out, i * classes + label, 1);
    return !cn_failed();
}

bool cn_pad_sequences_with(cn_pad_sequences_args args)
{
    const cn_view *out = &args.out;
    if (cn_failed() || !check_writable("pad_sequences", out))
        return false;
    if (out->shape.rank != 2 || args.count < 0 || out->shape.dim[0] != args.count)
        return cn_fail(CN_SHAPES, "pad_sequences: the result must have the shape (%lld, maxlen)",
                       (long long)args.count);
    for (int64_t i = 0; i < args.count; i++)
        if (!args.sequences || !args.lengths || args.lengths[i] < 0 || (args.lengths[i] > 0 && !args.sequences[i]))
            return cn_fail(CN_ARGUMENT, "pad_sequences: sequence %lld is missing", (long long)i);
    bool floats = out->type == CN_ARRAY_F32 || out->type == CN_ARRAY_F64;
    double least = out->type == CN_ARRAY_U8 ? 0 : out->type == CN_ARRAY_I8 ? INT8_MIN : INT32_MIN;
    double most = out->type == CN_ARRAY_U8 ? UINT8_MAX : out->type == CN_ARRAY_I8 ? INT8_MAX : INT32_MAX;
    if (!floats && !(args.value >= least && args.value <= most))
        return cn_fail(CN_VALUE, "pad_sequences: the array has no value %g", args.value);
    int64_t width = out->shape.dim[1];
    for (int64_t i = 0; i < args.count; i++) {
        int64_t length = args.lengths[i], kept = length < width ? length : width;
        int64_t from = args.truncating == CN_PRE ? length - kept : 0, to = args.padding == CN_PRE ? width - kept : 0;
        for (int64_t j = 0; j < width; j++)
            if (j < to || j >= to + kept)
                put(out, i * width + j, args.value);
        if (kept > 0 &&
            !cn_convert(place(out, i * width + to), out->type, args.sequences[i] + from, CN_ARRAY_I32, kept))
            return false;
    }
    return true;
}
