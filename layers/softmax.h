/* Softmax as a layer. */
#ifndef CN_LAYERS_SOFTMAX_H
#define CN_LAYERS_SOFTMAX_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* exp(x) / sum exp(x), the sum being over .axis, by default the last one, or several jointly: cn_softmax_layer(.axis =
 * CN_SHAPE(1, 2)). The input's mask, which broadcasts to the input, leaves out what it is 0 for: there the result is 0,
 * and everywhere where nothing is left. */
typedef struct cn_softmax_layer_args {
    char first_;
    cn_shape axis;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_softmax_layer_args;
#define CN_SOFTMAX_LAYER_DEFAULTS .axis = {1, {-1}}
#define cn_softmax_layer(...) \
    cn_softmax_layer_with((cn_softmax_layer_args){CN_SOFTMAX_LAYER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_softmax_layer_with(cn_softmax_layer_args args);
CN_API cn_softmax_layer_args cn_softmax_layer_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
