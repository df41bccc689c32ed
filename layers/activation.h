/* Activations as layers. The formulas are those of the operations (core/ops/activation.h), where there is one; masks
 * pass. */
#ifndef CN_LAYERS_ACTIVATION_H
#define CN_LAYERS_ACTIVATION_H
#include "../core/ops/activation.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Any activation: cn_activation_layer(cn_tanh). */
typedef struct cn_activation_args {
    char first_;
    cn_activation *activation;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_activation_args;
#define cn_activation_layer(...) cn_activation_layer_with((cn_activation_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_activation_layer_with(cn_activation_args args);

/* max_value where x >= max_value, x where x > threshold, else negative_slope (x - threshold). CN_ARGUMENT if one of
 * them is negative. */
typedef struct cn_relu_layer_args {
    char first_;
    double max_value; /* by default there is none: INFINITY */
    double negative_slope, threshold;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_relu_layer_args;
#define CN_RELU_LAYER_DEFAULTS .max_value = INFINITY
/* cn_relu_layer(), cn_relu_layer(6) */
#define cn_relu_layer(...) cn_relu_layer_with((cn_relu_layer_args){CN_RELU_LAYER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_relu_layer_with(cn_relu_layer_args args);
CN_API cn_relu_layer_args cn_relu_layer_defaults(void);

/* x where x > 0, else negative_slope x. CN_ARGUMENT if the slope is negative. */
typedef struct cn_leaky_relu_layer_args {
    char first_;
    double negative_slope; /* 0.3; of the operation 0.2 */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_leaky_relu_layer_args;
#define CN_LEAKY_RELU_LAYER_DEFAULTS .negative_slope = 0.3
#define cn_leaky_relu_layer(...) \
    cn_leaky_relu_layer_with((cn_leaky_relu_layer_args){CN_LEAKY_RELU_LAYER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_leaky_relu_layer_with(cn_leaky_relu_layer_args args);
CN_API cn_leaky_relu_layer_args cn_leaky_relu_layer_defaults(void);

/* x where x > 0, else alpha (e^x - 1): Clevert, Unterthiner and Hochreiter 2015. */
typedef struct cn_elu_layer_args {
    char first_;
    double alpha;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_elu_layer_args;
#define CN_ELU_LAYER_DEFAULTS .alpha = 1
#define cn_elu_layer(...) cn_elu_layer_with((cn_elu_layer_args){CN_ELU_LAYER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_elu_layer_with(cn_elu_layer_args args);
CN_API cn_elu_layer_args cn_elu_layer_defaults(void);

/* x where x > 0, else alpha x, with an alpha that is learned: He et al. 2015. Weight: alpha, zeros at first, of the
 * shape of a sample, with 1 for the shared axes (counted from 1), whose sizes may be open. */
typedef struct cn_prelu_args {
    char first_;
    cn_initializer alpha_initializer;
    cn_regularizer alpha_regularizer;
    cn_constraint alpha_constraint;
    cn_shape shared_axes; /* CN_SHAPE(1, 2): of images, one alpha a channel */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_prelu_args;
#define cn_prelu(...) cn_prelu_with((cn_prelu_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_prelu_with(cn_prelu_args args);

/* x where x > theta, else 0: a layer of Keras 2. CN_ARGUMENT if theta is negative. */
typedef struct cn_thresholded_relu_args {
    char first_;
    double theta;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_thresholded_relu_args;
#define CN_THRESHOLDED_RELU_DEFAULTS .theta = 1
#define cn_thresholded_relu(...) \
    cn_thresholded_relu_with((cn_thresholded_relu_args){CN_THRESHOLDED_RELU_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_thresholded_relu_with(cn_thresholded_relu_args args);
CN_API cn_thresholded_relu_args cn_thresholded_relu_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
