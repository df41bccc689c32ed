/* Private: what layers over axes of space share. */
#ifndef CN_LAYERS_SPATIAL_H
#define CN_LAYERS_SPATIAL_H
#include "core/ops/sizes.h"
#include "layers/layer.h"

static const char *const cn_data_formats[] = {"channels_last", "channels_first", NULL};
/* Those of cn_interpolation. */
static const char *const cn_interpolations[] = {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", NULL};

/* Those of cn_fill_mode. */
static const char *const cn_fill_modes[] = {"reflect", "wrap", "constant", "nearest", NULL};

/* The number of axes of space: all but the batch and the channels. */
static inline int cn_space_of(const cn_layer *layer)
{
    return layer->type->rank - 2;
}

/* In init: refuses sizes that do not fit so many axes of space. */
static inline bool cn_check_sizes_of(const cn_layer *layer, int space, const char *what, const int64_t *sizes)
{
    char text[CN_SHAPE_TEXT];
    return cn_sizes_fit(sizes, space) ||
           cn_fail(CN_ARGUMENT, "%s: %s must be a positive number or one for each of %d axes, not %s", layer->name,
                   what, space, cn_shape_text(cn_sizes_shape(sizes), text, sizeof text));
}

static inline bool cn_check_sizes(const cn_layer *layer, const char *what, const int64_t *sizes)
{
    return cn_check_sizes_of(layer, cn_space_of(layer), what, sizes);
}
#endif
