/* The gradients of a layer, held against differences. */
#ifndef CN_LAYERS_GRADCHECK_H
#define CN_LAYERS_GRADCHECK_H
#include "../core/gradcheck.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cn_gradient_check_layer(&report, cn_dense(3), .input_count = 1, .inputs = {CN_SHAPE(2, 4)}): the gradient check of
 * core/gradcheck.h for a layer called on its inputs, whose shapes include the batch, with respect to them and to all of
 * its weights, which keep their values. Arguments are those of cn_gradient_check; `function`, `context`, `variables`
 * are set here. Of several outputs the weighted sums count. The layer must not be built, or have weights of type
 * CN_F64; it is built here if it is not. */
#define cn_gradient_check_layer(report, layer, ...) \
    cn_gradient_check_layer_with((report), (layer), (cn_gradient_check_args){CN_GRADIENT_CHECK_DEFAULTS, __VA_ARGS__})
CN_API bool cn_gradient_check_layer_with(cn_gradient_report *report, cn_layer *layer, cn_gradient_check_args args);

#ifdef __cplusplus
}
#endif
#endif
