/* Layers that regularize by noise: the identity when not training. Masks pass. What is drawn is described in
 * core/random.h; .seed -1 is the thread's. */
#ifndef CN_LAYERS_REGULARIZATION_H
#define CN_LAYERS_REGULARIZATION_H
#include "../core/ops/window.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets a share `rate` of the elements to 0 and multiplies the others by 1 / (1 - rate) (Srivastava et al. 2014).
 * .noise_shape, which may have -1 for the input's size, gives what is drawn: a 1 in it means one draw for all along
 * that axis. CN_ARGUMENT if rate is not from 0 to 1. */
typedef struct cn_dropout_args {
    char first_;
    double rate;
    cn_shape noise_shape; /* with the batch; rank 0: the input's */
    int64_t seed;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_dropout_args;
#define CN_DROPOUT_DEFAULTS .seed = -1
/* cn_dropout(0.5) */
#define cn_dropout(...) cn_dropout_with((cn_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_dropout_with(cn_dropout_args args);
CN_API cn_dropout_args cn_dropout_defaults(void);

/* Dropout of whole channels, with one draw for all positions (Tompson et al. 2014), of inputs with one, two or three
 * axes of space: (batch, time, channels), (batch, height, width, channels), ... */
typedef struct cn_spatial_dropout_args {
    char first_;
    double rate;
    cn_data_format data_format; /* of cn_spatial_dropout1d always CN_CHANNELS_LAST */
    int64_t seed;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_spatial_dropout_args;
#define cn_spatial_dropout1d(...) \
    cn_spatial_dropout1d_with((cn_spatial_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_spatial_dropout2d(...) \
    cn_spatial_dropout2d_with((cn_spatial_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_spatial_dropout3d(...) \
    cn_spatial_dropout3d_with((cn_spatial_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_spatial_dropout1d_with(cn_spatial_dropout_args args);
CN_API cn_layer *cn_spatial_dropout2d_with(cn_spatial_dropout_args args);
CN_API cn_layer *cn_spatial_dropout3d_with(cn_spatial_dropout_args args);
CN_API cn_spatial_dropout_args cn_spatial_dropout_defaults(void);

/* Multiplies with numbers around 1 whose standard deviation is sqrt(rate / (1 - rate)), that of dropout (Srivastava et
 * al. 2014). CN_ARGUMENT if rate is below 0 or not below 1. */
typedef struct cn_gaussian_dropout_args {
    char first_;
    double rate;
    int64_t seed;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_gaussian_dropout_args;
#define cn_gaussian_dropout(...) \
    cn_gaussian_dropout_with((cn_gaussian_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_gaussian_dropout_with(cn_gaussian_dropout_args args);
CN_API cn_gaussian_dropout_args cn_gaussian_dropout_defaults(void);

/* Adds numbers around 0 with that standard deviation. CN_ARGUMENT if it is not from 0 to 1. */
typedef struct cn_gaussian_noise_args {
    char first_;
    double stddev;
    int64_t seed;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_gaussian_noise_args;
#define cn_gaussian_noise(...) \
    cn_gaussian_noise_with((cn_gaussian_noise_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_gaussian_noise_with(cn_gaussian_noise_args args);
CN_API cn_gaussian_noise_args cn_gaussian_noise_defaults(void);

/* For networks of selu (Klambauer et al. 2017): sets a share `rate` of the elements to the least value of selu, then
 * scales and shifts all, so that a mean of 0 and a variance of 1 stay. .noise_shape as of cn_dropout. CN_ARGUMENT if
 * rate is below 0 or not below 1. */
#define cn_alpha_dropout(...) cn_alpha_dropout_with((cn_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_alpha_dropout_with(cn_dropout_args args);

/* Leaves its input as it is, and adds (l1 sum |x| + l2 sum x²) / batch to the loss, in training and inference alike.
 * CN_ARGUMENT if a factor is negative. */
typedef struct cn_activity_regularization_args {
    char first_;
    double l1, l2;
    const char *name;
} cn_activity_regularization_args;
#define cn_activity_regularization(...) \
    cn_activity_regularization_with((cn_activity_regularization_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_activity_regularization_with(cn_activity_regularization_args args);

#ifdef __cplusplus
}
#endif
#endif
