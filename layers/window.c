#include "layers/window.h"
#include "layers/spatial.h"

bool cn_check_positive(const cn_layer *layer, const char *what, int64_t number)
{
    return (number > 0 && number <= INT32_MAX) ||
           cn_fail(CN_ARGUMENT, "%s: %s must be positive, not %lld", layer->name, what, (long long)number);
}

static bool exceed_one(const int64_t *sizes)
{
    return sizes[0] > 1 || sizes[1] > 1 || sizes[2] > 1;
}

bool cn_check_window(const cn_layer *layer, const cn_window *w)
{
    int space = cn_window_space(layer, w);
    return cn_check_sizes_of(layer, space, "kernel_size", w->kernel_size) &&
           cn_check_sizes_of(layer, space, "strides", w->strides) &&
           cn_check_sizes_of(layer, space, "dilation_rate", w->dilation_rate) &&
           (w->scatters || !exceed_one(w->strides) || !exceed_one(w->dilation_rate) ||
            cn_fail(CN_ARGUMENT, "%s: strides and dilation_rate cannot both be above 1", layer->name));
}

static int64_t channels_of(const cn_window *w, const cn_shape *shape)
{
    return shape->dim[w->data_format == CN_CHANNELS_FIRST ? w->leading : shape->rank - 1];
}

static int64_t extent(const cn_window *w, int axis)
{
    return (cn_size_along(w->kernel_size, axis) - 1) * cn_size_along(w->dilation_rate, axis) + 1;
}

/* Open dimensions are -1. */
static bool check_size(const cn_layer *layer, const cn_window *w, const cn_shape *in)
{
    int first = w->leading + (w->data_format == CN_CHANNELS_FIRST);
    char text[CN_SHAPE_TEXT];
    for (int d = 0; d < cn_window_space(layer, w) && !w->scatters; d++)
        if (cn_window_count(w, d, in->dim[first + d]) == 0)
            return cn_fail(CN_SHAPES, "%s: a kernel of extent %lld does not fit into axis %d of %s", layer->name,
                           (long long)extent(w, d), first + d, cn_shape_text(*in, text, sizeof text));
    return true;
}

int64_t cn_window_channels(const cn_layer *layer, const cn_window *w, const cn_shape *in)
{
    char text[CN_SHAPE_TEXT];
    int64_t channels = channels_of(w, in);
    if (channels < 1) {
        cn_fail(CN_SHAPES, "%s: the number of channels of its input must be known, got %s", layer->name,
                cn_shape_text(*in, text, sizeof text));
        return 0;
    }
    return check_size(layer, w, in) ? channels : 0;
}

bool cn_check_window_input(const cn_layer *layer, const cn_window *w, cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    int64_t channels = channels_of(w, &shape), built = channels_of(w, &layer->input_shape);
    if (channels != built)
        return cn_fail(CN_SHAPES, "%s: was built for %lld channels, got %s", layer->name, (long long)built,
                       cn_shape_text(shape, text, sizeof text));
    return check_size(layer, w, &shape);
}

cn_shape cn_window_kernel(const cn_layer *layer, const cn_window *w, int64_t last_but_one, int64_t last)
{
    int space = cn_window_space(layer, w);
    cn_shape shape = {.rank = space + 2};
    for (int d = 0; d < space; d++)
        shape.dim[d] = cn_size_along(w->kernel_size, d);
    shape.dim[space] = last_but_one;
    shape.dim[space + 1] = last;
    return shape;
}

int64_t cn_window_count(const cn_window *w, int axis, int64_t size)
{
    int64_t stride = cn_size_along(w->strides, axis), seen = w->padding == CN_VALID ? extent(w, axis) : 1;
    if (size < 0)
        return -1;
    return size < seen ? 0 : (size - seen) / stride + 1;
}
