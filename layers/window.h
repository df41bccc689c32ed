/* Private: what layers with a window that moves over the axes of space have in common. */
#ifndef CN_LAYERS_WINDOW_H
#define CN_LAYERS_WINDOW_H
#include "core/ops/window.h"
#include "layers/layer.h"

/* The arguments of a layer, whose input has `leading` axes (the batch, then perhaps time) before those of space and the
 * channels. */
typedef struct cn_window {
    int leading;
    const int64_t *kernel_size, *strides, *dilation_rate;
    cn_padding padding;
    cn_data_format data_format;
    bool scatters; /* of a transposed convolution, which fits everywhere */
} cn_window;
#define CN_WINDOW_OF(args, leading)                                                                                   \
    {                                                                                                                 \
        (leading), (args)->kernel_size, (args)->strides, (args)->dilation_rate, (args)->padding, (args)->data_format, \
            false                                                                                                     \
    }

static inline int cn_window_space(const cn_layer *layer, const cn_window *w)
{
    return layer->type->rank - w->leading - 1;
}

/* In init: false with the error set. */
bool cn_check_positive(const cn_layer *layer, const char *what, int64_t number);
bool cn_check_window(const cn_layer *layer, const cn_window *w);
/* In build: the number of channels of an input into which the window fits; 0 with the error set. */
int64_t cn_window_channels(const cn_layer *layer, const cn_window *w, const cn_shape *in);
/* In call: that x has the channels that the layer was built for, and that the window fits into it. */
bool cn_check_window_input(const cn_layer *layer, const cn_window *w, cn_tensor *x);
/* (kernel size..., last_but_one, last) */
cn_shape cn_window_kernel(const cn_layer *layer, const cn_window *w, int64_t last_but_one, int64_t last);
/* How many windows there are along an axis of a size, -1 for one that is open. */
int64_t cn_window_count(const cn_window *w, int axis, int64_t size);
#endif
