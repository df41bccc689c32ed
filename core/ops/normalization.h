/* Normalization: (x - mean) / √(variance + epsilon), then times a scale and plus an offset, where they are given. What
 * differs is over which elements the mean and the (biased) variance are taken. The operations that Keras calls
 * layer_normalization and so on; these names are the layers' (layers/normalization.h). cn_normalize, division by a
 * norm, is among the reductions.
 *
 * All are for float types. They are differentiable once, on a tape with .second_order any number of times; CN_SHAPES if
 * a scale or an offset has not the shape that is said, CN_TYPE if it has not x's type. */
#ifndef CN_CORE_OPS_NORMALIZATION_H
#define CN_CORE_OPS_NORMALIZATION_H
#include "reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Over .axis or .axes, by default the last (Ba et al. 2016): cn_layer_normalize(x, .gamma = g, .beta = b, .axis = 1).
 * gamma and beta have the dimensions of these axes, in rising order. */
typedef struct cn_layer_normalize_args {
    cn_tensor *x, *gamma, *beta;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
    double epsilon CN_DEFAULT(1e-7);
} cn_layer_normalize_args;
#define cn_layer_normalize(...) \
    cn_layer_normalize_with((cn_layer_normalize_args){.axis = CN_NONE, .epsilon = 1e-7, .x = __VA_ARGS__})
CN_API cn_tensor *cn_layer_normalize_with(cn_layer_normalize_args args);

/* x scale / √(mean x² + epsilon), the mean being that over .axis or .axes, by default the last (Zhang and Sennrich
 * 2019): cn_rms_normalize(x, .scale = s). */
typedef struct cn_rms_normalize_args {
    cn_tensor *x, *scale;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
    double epsilon CN_DEFAULT(1e-7);
} cn_rms_normalize_args;
#define cn_rms_normalize(...) \
    cn_rms_normalize_with((cn_rms_normalize_args){.axis = CN_NONE, .epsilon = 1e-7, .x = __VA_ARGS__})
CN_API cn_tensor *cn_rms_normalize_with(cn_rms_normalize_args args);

/* Over all axes but the first and blocks of .axis, the channels, which are cut into `groups` (Wu and He 2018):
 * cn_group_normalize(x, 4, .gamma = g). gamma and beta have one number a channel. CN_SHAPES if the channels cannot be
 * cut so. */
typedef struct cn_group_normalize_args {
    cn_tensor *x;
    int64_t groups;
    cn_tensor *gamma, *beta;
    int axis CN_DEFAULT(-1);
    double epsilon CN_DEFAULT(1e-3);
} cn_group_normalize_args;
#define cn_group_normalize(...) \
    cn_group_normalize_with((cn_group_normalize_args){.axis = -1, .epsilon = 1e-3, .x = __VA_ARGS__})
CN_API cn_tensor *cn_group_normalize_with(cn_group_normalize_args args);

/* With a given mean and variance of each channel, an element of .axis (Ioffe and Szegedy 2015):
 * cn_batch_normalize(x, mean, variance, .offset = beta, .scale = gamma). All have one number a channel. */
typedef struct cn_batch_normalize_args {
    cn_tensor *x, *mean, *variance;
    int axis CN_DEFAULT(-1);
    cn_tensor *offset, *scale;
    double epsilon CN_DEFAULT(1e-3);
} cn_batch_normalize_args;
#define cn_batch_normalize(...) \
    cn_batch_normalize_with((cn_batch_normalize_args){.axis = -1, .epsilon = 1e-3, .x = __VA_ARGS__})
CN_API cn_tensor *cn_batch_normalize_with(cn_batch_normalize_args args);

/* The same with the mean and the variance that x has over all axes but .axis, which are results too. */
enum { CN_NORMALIZED, CN_BATCH_MEAN, CN_BATCH_VARIANCE, CN_BATCH_RESULTS };
typedef struct cn_batch_normalize_training_args {
    cn_tensor *x;
    int axis CN_DEFAULT(-1);
    cn_tensor *offset, *scale;
    double epsilon CN_DEFAULT(1e-3);
} cn_batch_normalize_training_args;
CN_API bool cn_batch_normalize_training(cn_batch_normalize_training_args args, cn_tensor *results[CN_BATCH_RESULTS]);

#ifdef __cplusplus
}
#endif
#endif
