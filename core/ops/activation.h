/* Activation functions, element by element. Formulas and defaults are those of keras.activations.
 *
 * Each is a cn_activation, `.activation = cn_elu`; those with parameters also take them by name: cn_elu(x, .alpha =
 * 0.5). int32 becomes the default float type. All are differentiable any number of times; at a kink the gradient is
 * that of the flat side. The gradients of relu, tanh and sigmoid are computed from their results, the others' from
 * their arguments. softmax, which is no element-wise function, has a page of its own. */
#ifndef CN_CORE_OPS_ACTIVATION_H
#define CN_CORE_OPS_ACTIVATION_H
#include <math.h>
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x itself */
CN_API cn_tensor *cn_linear(cn_tensor *x);
/* max(x, 0) */
CN_API cn_tensor *cn_relu(cn_tensor *x);
/* min(max(x, 0), 6) */
CN_API cn_tensor *cn_relu6(cn_tensor *x);
/* x where x > 0, else negative_slope x */
CN_API cn_tensor *cn_leaky_relu(cn_tensor *x);
/* x where x > 0, else alpha (e^x - 1) */
CN_API cn_tensor *cn_elu(cn_tensor *x);
/* x where x > 0, else alpha (e^(x / alpha) - 1) */
CN_API cn_tensor *cn_celu(cn_tensor *x);
/* scale elu(x) with alpha = 1.6732632423543772 and scale = 1.0507009873554805: Klambauer et al. 2017 */
CN_API cn_tensor *cn_selu(cn_tensor *x);
/* x (1 + erf(x / sqrt 2)) / 2; with .approximate x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: Hendrycks and
 * Gimpel 2016 */
CN_API cn_tensor *cn_gelu(cn_tensor *x);
/* x sigmoid(x) */
CN_API cn_tensor *cn_silu(cn_tensor *x);
/* x tanh(softplus(x)) */
CN_API cn_tensor *cn_mish(cn_tensor *x);
/* 1 / (1 + e^-x) */
CN_API cn_tensor *cn_sigmoid(cn_tensor *x);
/* log(sigmoid(x)), without overflow */
CN_API cn_tensor *cn_log_sigmoid(cn_tensor *x);
/* x / 6 + 1 / 2, from 0 to 1 */
CN_API cn_tensor *cn_hard_sigmoid(cn_tensor *x);
/* x hard_sigmoid(x) */
CN_API cn_tensor *cn_hard_silu(cn_tensor *x);
/* (x + 1) / 2, from 0 to 1 */
CN_API cn_tensor *cn_sparse_sigmoid(cn_tensor *x);
CN_API cn_tensor *cn_tanh(cn_tensor *x);
/* x, from -1 to 1 */
CN_API cn_tensor *cn_hard_tanh(cn_tensor *x);
/* x - tanh(x) */
CN_API cn_tensor *cn_tanh_shrink(cn_tensor *x);
/* log(1 + e^x), without overflow */
CN_API cn_tensor *cn_softplus(cn_tensor *x);
/* (x + sqrt(x^2 + b)) / 2 */
CN_API cn_tensor *cn_squareplus(cn_tensor *x);
/* 0 up to -1, (x + 1)^2 / 4 up to 1, then x */
CN_API cn_tensor *cn_sparse_plus(cn_tensor *x);
/* x / (1 + |x|) */
CN_API cn_tensor *cn_softsign(cn_tensor *x);
/* x - threshold above threshold, x + threshold below -threshold, else 0 */
CN_API cn_tensor *cn_soft_shrink(cn_tensor *x);
/* x where |x| > threshold, else 0 */
CN_API cn_tensor *cn_hard_shrink(cn_tensor *x);
/* x where x > threshold, else default_value */
CN_API cn_tensor *cn_threshold(cn_tensor *x, double threshold, double default_value);
/* e^x */
CN_API cn_tensor *cn_exponential(cn_tensor *x);

/* cn_relu(x, .negative_slope = 0.1, .max_value = 2, .threshold = 0.6): where x > threshold the lesser of x and
 * max_value, else negative_slope (x - threshold). No max_value: INFINITY. */
typedef struct cn_relu_args {
    cn_tensor *x;
    double negative_slope, max_value CN_DEFAULT(INFINITY), threshold;
} cn_relu_args;
CN_API cn_tensor *cn_relu_with(cn_relu_args args);

typedef struct cn_leaky_relu_args {
    cn_tensor *x;
    double negative_slope CN_DEFAULT(0.2);
} cn_leaky_relu_args;
CN_API cn_tensor *cn_leaky_relu_with(cn_leaky_relu_args args);

typedef struct cn_elu_args {
    cn_tensor *x;
    double alpha CN_DEFAULT(1);
} cn_elu_args;
CN_API cn_tensor *cn_elu_with(cn_elu_args args);
CN_API cn_tensor *cn_celu_with(cn_elu_args args);

typedef struct cn_gelu_args {
    cn_tensor *x;
    bool approximate;
} cn_gelu_args;
CN_API cn_tensor *cn_gelu_with(cn_gelu_args args);

typedef struct cn_squareplus_args {
    cn_tensor *x;
    double b CN_DEFAULT(4);
} cn_squareplus_args;
CN_API cn_tensor *cn_squareplus_with(cn_squareplus_args args);

typedef struct cn_shrink_args {
    cn_tensor *x;
    double threshold CN_DEFAULT(0.5);
} cn_shrink_args;
CN_API cn_tensor *cn_soft_shrink_with(cn_shrink_args args);
CN_API cn_tensor *cn_hard_shrink_with(cn_shrink_args args);

#ifndef __cplusplus
#define cn_relu(...) cn_relu_with((cn_relu_args){.max_value = INFINITY, .x = __VA_ARGS__})
#define cn_leaky_relu(...) cn_leaky_relu_with((cn_leaky_relu_args){.negative_slope = 0.2, .x = __VA_ARGS__})
#define cn_elu(...) cn_elu_with((cn_elu_args){.alpha = 1, .x = __VA_ARGS__})
#define cn_celu(...) cn_celu_with((cn_elu_args){.alpha = 1, .x = __VA_ARGS__})
#define cn_gelu(...) cn_gelu_with((cn_gelu_args){.approximate = false, .x = __VA_ARGS__})
#define cn_squareplus(...) cn_squareplus_with((cn_squareplus_args){.b = 4, .x = __VA_ARGS__})
#define cn_soft_shrink(...) cn_soft_shrink_with((cn_shrink_args){.threshold = 0.5, .x = __VA_ARGS__})
#define cn_hard_shrink(...) cn_hard_shrink_with((cn_shrink_args){.threshold = 0.5, .x = __VA_ARGS__})
#endif

/* The activation that Keras calls by a name ("relu", "swish", "linear"), or that the user registered under it; NULL,
 * with CN_ARGUMENT, for any other. */
CN_API cn_activation *cn_activation_named(const char *name);
/* The name of an activation, "linear" for NULL; NULL, without an error, for one that has none. */
CN_API const char *cn_activation_name(cn_activation *activation);
/* Gives an activation of the user's own a name, so that models with it can be saved and read. The name is copied; it
 * stays for the whole process. CN_ARGUMENT if it is taken by another function. */
CN_API bool cn_register_activation(const char *name, cn_activation *activation);

#ifdef __cplusplus
}
#endif
#endif
