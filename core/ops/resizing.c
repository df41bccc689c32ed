#include "core/ops/resizing.h"
#include "core/arena.h"
#include "core/engine.h"
#include "core/ops/axis.h"
#include "core/ops/indexing.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include <math.h>

static double triangle(double d)
{
    return d < 1 ? 1 - d : 0;
}

/* R. G. Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2. */
static double cubic(double d)
{
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

static double lanczos(double d, double radius)
{
    const double pi = 3.14159265358979323846;
    if (d >= radius)
        return 0;
    return d == 0 ? 1 : radius * sin(pi * d) * sin(pi * d / radius) / (pi * pi * d * d);
}

static double weight_at(cn_interpolation interpolation, double distance)
{
    switch (interpolation) {
    case CN_BILINEAR:
        return triangle(distance);
    case CN_BICUBIC:
        return cubic(distance);
    case CN_LANCZOS3:
        return lanczos(distance, 3);
    case CN_LANCZOS5:
        return lanczos(distance, 5);
    case CN_NEAREST:
        break;
    }
    return 0;
}

/* Where pixel `to` of the new axis lies on the old one, whose pixel i lies at i. */
static double place_of(int64_t to, int64_t new_size, int64_t old_size)
{
    return ((double)to + 0.5) * (double)old_size / (double)new_size - 0.5;
}

static cn_tensor *take_nearest(cn_tape *tape, cn_tensor *x, int axis, int64_t new_size)
{
    int64_t old_size = x->shape.dim[axis];
    int32_t *index = cn_allocate((size_t)new_size, sizeof *index);
    if (!index)
        return NULL;
    for (int64_t to = 0; to < new_size; to++)
        index[to] = (int32_t)floor(place_of(to, new_size, old_size) + 0.5);
    cn_tensor *indices = cn_constant_as(tape, cn_array_with(index, CN_ARRAY_I32, false, CN_SHAPE(new_size)), CN_I32);
    cn_release(index);
    return cn_take(x, indices, axis);
}

/* The weights of all old pixels for each new one: a matrix (new, old). */
static cn_tensor *weight_matrix(cn_tape *tape, cn_interpolation interpolation, int64_t new_size, int64_t old_size,
                                cn_dtype dtype)
{
    cn_shape shape = CN_SHAPE(new_size, old_size);
    double *weight = cn_allocate((size_t)cn_shape_size(shape), sizeof *weight);
    if (!weight)
        return NULL;
    for (int64_t to = 0; to < new_size; to++) {
        double *row = weight + to * old_size, place = place_of(to, new_size, old_size), sum = 0;
        for (int64_t from = 0; from < old_size; from++)
            sum += row[from] = weight_at(interpolation, fabs(place - (double)from));
        for (int64_t from = 0; from < old_size; from++)
            row[from] /= sum;
    }
    cn_tensor *matrix = cn_constant_as(tape, cn_array_with(weight, CN_ARRAY_F64, false, shape), dtype);
    cn_release(weight);
    return matrix;
}

/* What stands before the axis is a batch of matrices, what stands behind it is their columns. */
static cn_tensor *interpolate(cn_tape *tape, cn_tensor *x, int axis, int64_t new_size, cn_interpolation interpolation)
{
    cn_shape shape = x->shape;
    cn_shape matrices = CN_SHAPE(cn_span(&shape, 0, axis), shape.dim[axis], cn_span(&shape, axis + 1, shape.rank));
    cn_tensor *weights = weight_matrix(tape, interpolation, new_size, shape.dim[axis], x->dtype);
    shape.dim[axis] = new_size;
    return cn_reshape(cn_matmul(weights, cn_reshape(x, matrices)), shape);
}

typedef struct resize_attributes {
    int64_t size[2];
    cn_interpolation interpolation;
    cn_data_format data_format;
} resize_attributes;

/* Images are resized along one axis after the other. */
static bool resize_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    const resize_attributes *attributes = e->attributes;
    cn_tensor *x = e->input[0];
    int first = attributes->data_format == CN_CHANNELS_FIRST ? 2 : 1;
    if (x->dtype == CN_I32)
        return cn_entry_fail(e, CN_TYPE, "takes floats");
    if (x->shape.rank != 4)
        return cn_entry_fail(e, CN_SHAPES, "takes a batch of images, of rank 4");
    for (int i = 0; i < 2; i++) {
        int64_t size = attributes->size[i], old_size = x->shape.dim[first + i];
        if (size < 1 || old_size < 1 || cn_shape_size(CN_SHAPE(size, old_size)) < 0 || size > INT32_MAX)
            return cn_entry_fail(e, CN_SHAPES, "an axis of %lld cannot get the size %lld", (long long)old_size,
                                 (long long)size);
        if (size == old_size)
            continue;
        x = attributes->interpolation == CN_NEAREST ? take_nearest(tape, x, first + i, size)
                                                    : interpolate(tape, x, first + i, size, attributes->interpolation);
        if (!x)
            return false;
    }
    return (*y = x) != NULL;
}

static const cn_operation resize = {.name = "resize", .attributes = sizeof(resize_attributes), .expand = resize_expand};

cn_tensor *cn_image_resize_with(cn_image_resize_args args)
{
    resize_attributes attributes = {{args.size[0], args.size[1]}, args.interpolation, args.data_format};
    return cn_record(&resize, &attributes, &args.x, 1);
}

extern const cn_operation *const cn_resizing_operations[];
const cn_operation *const cn_resizing_operations[] = {&resize, NULL};
