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

#ifdef __cplusplus
}
#endif
#endif
