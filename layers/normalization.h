/* Normalization layers: (x - mean) / √(variance + epsilon), then times gamma (unless .scale = false) and plus beta
 * (unless .center = false). The shape of the output is that of the input. gamma begins with ones and beta with zeros by
 * default. What is normalized must be floats; axes count from 0, the batch, or from the end.
 *
 * Errors: CN_ARGUMENT if there is no such axis, CN_SHAPES if its size is open. */
#ifndef CN_LAYERS_NORMALIZATION_H
#define CN_LAYERS_NORMALIZATION_H
#include "layer.h"
#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bounds of the corrections of batch renormalization: r in [rmin, rmax], d in [-dmax, dmax]; none by default. */
typedef struct cn_renorm_clipping {
    double rmin, rmax, dmax;
} cn_renorm_clipping;

/* Batch normalization (Ioffe and Szegedy 2015): a mean and a variance for each element of .axis. In training they are
 * those of the batch over all other axes, the variance biased, and the moving ones follow: moving = moving momentum +
 * batch (1 - momentum). In inference, and in training if the layer is frozen (cn_set_trainable), they are the moving
 * ones. Weights, one number a channel each: gamma, beta, moving_mean, moving_variance, the latter two not trained.
 *
 * A mask, of the input's shape without its last axis, passes on; in training the statistics are those of what counts:
 * sums are divided by the number of what counts + 1e-7. CN_SHAPES if it is of another rank.
 *
 * With .renorm (Ioffe 2017) the batch's statistics are corrected in training by r = √(variance + epsilon) / s and
 * d = (mean - m) / s, through which no gradient flows, where m and s are averages with .renorm_momentum. Three more
 * weights, not trained: moving_stddev, renorm_mean, renorm_stddev. */
typedef struct cn_batch_normalization_args {
    char first_;
    int64_t axis;
    double momentum, epsilon;
    bool center, scale;
    cn_initializer beta_initializer, gamma_initializer;                  /* zeros, ones */
    cn_initializer moving_mean_initializer, moving_variance_initializer; /* zeros, ones */
    cn_regularizer beta_regularizer, gamma_regularizer, activity_regularizer;
    cn_constraint beta_constraint, gamma_constraint;
    bool renorm;
    cn_renorm_clipping renorm_clipping;
    double renorm_momentum;
    bool synchronized; /* among machines: there is one, so it changes nothing */
    const char *name;
} cn_batch_normalization_args;
#define CN_BATCH_NORMALIZATION_DEFAULTS                                           \
    .axis = -1, .momentum = 0.99, .epsilon = 1e-3, .center = true, .scale = true, \
    .renorm_clipping = {.rmin = 0, .rmax = INFINITY, .dmax = INFINITY}, .renorm_momentum = 0.99
/* cn_batch_normalization(), cn_batch_normalization(.momentum = 0.9) */
#define cn_batch_normalization(...) \
    cn_batch_normalization_with(    \
        (cn_batch_normalization_args){CN_BATCH_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_batch_normalization_with(cn_batch_normalization_args args);
CN_API cn_batch_normalization_args cn_batch_normalization_defaults(void);

/* Layer normalization (Ba et al. 2016): over the axes of each sample: cn_layer_normalization(),
 * cn_layer_normalization(CN_SHAPE(1, 2)). Weights: gamma, beta, with the dimensions of the axes. With .rms_scaling it
 * is x gamma / √(variance + epsilon): no mean is taken off, and .center and .scale do not matter. A mask passes on. */
typedef struct cn_layer_normalization_args {
    char first_;
    cn_shape axis;
    double epsilon;
    bool center, scale, rms_scaling;
    cn_initializer beta_initializer, gamma_initializer; /* zeros, ones */
    cn_regularizer beta_regularizer, gamma_regularizer, activity_regularizer;
    cn_constraint beta_constraint, gamma_constraint;
    const char *name;
} cn_layer_normalization_args;
#define CN_LAYER_NORMALIZATION_DEFAULTS .axis = {.rank = 1, .dim = {-1}}, .epsilon = 1e-3, .center = true, .scale = true
#define cn_layer_normalization(...) \
    cn_layer_normalization_with(    \
        (cn_layer_normalization_args){CN_LAYER_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_layer_normalization_with(cn_layer_normalization_args args);
CN_API cn_layer_normalization_args cn_layer_normalization_defaults(void);

/* Group normalization (Wu and He 2018): over all axes of each sample, in so many blocks of .axis, the channels; -1:
 * each channel by itself. Weights: gamma, beta, one number a channel. A mask passes on. CN_ARGUMENT if groups is
 * neither -1 nor positive, or .axis the batch; CN_SHAPES if the channels cannot be cut into so many groups. */
typedef struct cn_group_normalization_args {
    char first_;
    int64_t groups, axis;
    double epsilon;
    bool center, scale;
    cn_initializer beta_initializer, gamma_initializer; /* zeros, ones */
    cn_regularizer beta_regularizer, gamma_regularizer, activity_regularizer;
    cn_constraint beta_constraint, gamma_constraint;
    const char *name;
} cn_group_normalization_args;
#define CN_GROUP_NORMALIZATION_DEFAULTS .groups = 32, .axis = -1, .epsilon = 1e-3, .center = true, .scale = true
#define cn_group_normalization(...) \
    cn_group_normalization_with(    \
        (cn_group_normalization_args){CN_GROUP_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_group_normalization_with(cn_group_normalization_args args);
CN_API cn_group_normalization_args cn_group_normalization_defaults(void);

/* x scale / √(mean x² + epsilon) over the axes (Zhang and Sennrich 2019). Weight: scale, with their dimensions, from
 * ones. A mask is dropped. */
typedef struct cn_rms_normalization_args {
    char first_;
    cn_shape axis;
    double epsilon;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_rms_normalization_args;
#define CN_RMS_NORMALIZATION_DEFAULTS .axis = {.rank = 1, .dim = {-1}}, .epsilon = 1e-6
#define cn_rms_normalization(...) \
    cn_rms_normalization_with((cn_rms_normalization_args){CN_RMS_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_rms_normalization_with(cn_rms_normalization_args args);
CN_API cn_rms_normalization_args cn_rms_normalization_defaults(void);

/* x / √(Σ x²) over the axes; a sum below 1e-24 counts as 1e-24. A mask passes on. */
typedef struct cn_unit_normalization_args {
    char first_;
    cn_shape axis;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_unit_normalization_args;
#define CN_UNIT_NORMALIZATION_DEFAULTS .axis = {.rank = 1, .dim = {-1}}
#define cn_unit_normalization(...) \
    cn_unit_normalization_with((cn_unit_normalization_args){CN_UNIT_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_unit_normalization_with(cn_unit_normalization_args args);
CN_API cn_unit_normalization_args cn_unit_normalization_defaults(void);

/* Another layer whose kernel (or embeddings) is divided by its largest singular value at each call in training, before
 * the layer runs (Miyato et al. 2018): cn_spectral_normalization(cn_dense(4)). With W the kernel as rows of its last
 * axis, v = u Wᵀ and u = v W, each divided by its length, power_iterations times; the singular value is v W uᵀ. The
 * kernel itself is overwritten, without a gradient; one of zeros stays. Weights: kernel, vector_u (1, size of the last
 * axis; not trained), then the others of the layer. A mask is dropped.
 *
 * CN_ARGUMENT if power_iterations < 1, or if the layer has no kernel. */
typedef struct cn_spectral_normalization_args {
    char first_;
    cn_layer *layer;
    int64_t power_iterations;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_spectral_normalization_args;
#define CN_SPECTRAL_NORMALIZATION_DEFAULTS .power_iterations = 1
#define cn_spectral_normalization(...) \
    cn_spectral_normalization_with(    \
        (cn_spectral_normalization_args){CN_SPECTRAL_NORMALIZATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_spectral_normalization_with(cn_spectral_normalization_args args);
CN_API cn_spectral_normalization_args cn_spectral_normalization_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
