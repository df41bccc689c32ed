/* Layers with several inputs and one output. */
#ifndef CN_LAYERS_MERGING_H
#define CN_LAYERS_MERGING_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The inputs one after the other along an axis, by default the last: cn_call_many(cn_concatenate_layer(), {a, b}). If
 * some inputs have masks the output has one, in which the others count as unmasked. */
typedef struct cn_concatenate_layer_args {
    char first_;
    int64_t axis;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_concatenate_layer_args;
#define CN_CONCATENATE_LAYER_DEFAULTS .axis = -1
#define cn_concatenate_layer(...) \
    cn_concatenate_layer_with((cn_concatenate_layer_args){CN_CONCATENATE_LAYER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_concatenate_layer_with(cn_concatenate_layer_args args);
CN_API cn_concatenate_layer_args cn_concatenate_layer_defaults(void);

/* Element by element, with broadcasting: inputs of lower rank get axes of size 1 after the batch, whose sizes must
 * agree. cn_subtract_layer takes exactly two inputs. If all inputs have masks the output has one: what counts in any of
 * them. The product, the maximum and the minimum leave out what an input's mask leaves out; a product is 0 where all
 * do. */
typedef struct cn_merge_layer_args {
    char first_;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_merge_layer_args;
/* cn_call_many(cn_add_layer(), {a, b, c}) */
#define cn_add_layer(...) cn_add_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
#define cn_subtract_layer(...) cn_subtract_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
#define cn_multiply_layer(...) cn_multiply_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
#define cn_average_layer(...) cn_average_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
#define cn_maximum_layer(...) cn_maximum_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
#define cn_minimum_layer(...) cn_minimum_layer_with((cn_merge_layer_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_add_layer_with(cn_merge_layer_args args);
CN_API cn_layer *cn_subtract_layer_with(cn_merge_layer_args args);
CN_API cn_layer *cn_multiply_layer_with(cn_merge_layer_args args);
CN_API cn_layer *cn_average_layer_with(cn_merge_layer_args args);
CN_API cn_layer *cn_maximum_layer_with(cn_merge_layer_args args);
CN_API cn_layer *cn_minimum_layer_with(cn_merge_layer_args args);

/* For each sample the sum of products over an axis of each of two inputs, as cn_batch_dot: cn_dot_layer(CN_SHAPE(2,
 * 1)), or CN_SHAPE(-1) for the same axis of both; never 0, the batch. With .normalize both are first divided by their
 * norms along those axes, which makes it the cosine of their angle. The output has no mask. */
typedef struct cn_dot_layer_args {
    char first_;
    cn_shape axes;
    bool normalize;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_dot_layer_args;
#define cn_dot_layer(...) cn_dot_layer_with((cn_dot_layer_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_dot_layer_with(cn_dot_layer_args args);

#ifdef __cplusplus
}
#endif
#endif
