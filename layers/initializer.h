/* Initializers: values that say how a weight begins. Names, arguments, defaults and formulas are Keras'
 * (keras.io/api/layers/initializers); the numbers come from the thread's seed and the weight's name, so that a run
 * repeats. With `.seed` an initializer gives the same numbers wherever it is used. */
#ifndef CN_LAYERS_INITIALIZER_H
#define CN_LAYERS_INITIALIZER_H
#include "../core/tensor.h"
#include "option.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_initializer cn_initializer;
/* Fills count = size of shape values. `seed` and `stream` are what random numbers are drawn by. False after cn_fail. */
typedef bool cn_initializer_fill(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream,
                                 double *values);
struct cn_initializer {
    const char *name; /* Keras' class name, "GlorotUniform"; NULL: not given */
    cn_initializer_fill *fill;
    double option[CN_MAX_OPTIONS];
    int64_t seed; /* of this initializer: the same values at every use. -1: the thread's */
};

/* Of the same value everywhere. */
CN_API cn_initializer cn_init_zeros(void);
CN_API cn_initializer cn_init_ones(void);
CN_API cn_initializer cn_init_constant(double value);
/* gain on the diagonal of a matrix, zeros elsewhere. */
#define cn_init_identity(...) \
    cn_init_identity_with((cn_init_gain_args){.gain = 1, .seed = -1, .first_ = 0, __VA_ARGS__})

typedef struct cn_init_normal_args {
    char first_;
    double mean, stddev;
    int64_t seed;
} cn_init_normal_args;
#define CN_INIT_NORMAL_DEFAULTS_ .mean = 0, .stddev = 0.05, .seed = -1, .first_ = 0
/* cn_init_random_normal(), cn_init_random_normal(0, 0.01) */
#define cn_init_random_normal(...) \
    cn_init_random_normal_with((cn_init_normal_args){CN_INIT_NORMAL_DEFAULTS_, __VA_ARGS__})
CN_API cn_initializer cn_init_random_normal_with(cn_init_normal_args args);
/* Normal numbers, drawn again while they are more than two standard deviations from the mean. */
#define cn_init_truncated_normal(...) \
    cn_init_truncated_normal_with((cn_init_normal_args){CN_INIT_NORMAL_DEFAULTS_, __VA_ARGS__})
CN_API cn_initializer cn_init_truncated_normal_with(cn_init_normal_args args);

typedef struct cn_init_uniform_args {
    char first_;
    double minval, maxval;
    int64_t seed;
} cn_init_uniform_args;
#define cn_init_random_uniform(...) \
    cn_init_random_uniform_with(    \
        (cn_init_uniform_args){.minval = -0.05, .maxval = 0.05, .seed = -1, .first_ = 0, __VA_ARGS__})
CN_API cn_initializer cn_init_random_uniform_with(cn_init_uniform_args args);

/* Variance scaling: numbers of variance scale / fan, where the fans are the number of inputs and outputs of a unit
 * (Glorot and Bengio 2010; He et al. 2015). */
typedef enum cn_fan { CN_FAN_IN, CN_FAN_OUT, CN_FAN_AVG } cn_fan;
typedef enum cn_distribution { CN_TRUNCATED_NORMAL, CN_UNTRUNCATED_NORMAL, CN_UNIFORM } cn_distribution;
typedef struct cn_init_scaling_args {
    char first_;
    double scale;
    cn_fan mode;
    cn_distribution distribution;
    int64_t seed;
} cn_init_scaling_args;
#define cn_init_variance_scaling(...)                     \
    cn_init_variance_scaling_with((cn_init_scaling_args){ \
        .scale = 1, .mode = CN_FAN_IN, .seed = -1, .distribution = CN_TRUNCATED_NORMAL, .first_ = 0, __VA_ARGS__})
CN_API cn_initializer cn_init_variance_scaling_with(cn_init_scaling_args args);

typedef struct cn_init_seed_args {
    char first_;
    int64_t seed;
} cn_init_seed_args;
/* cn_init_glorot_uniform(), cn_init_glorot_uniform(.seed = 7) and so on. */
#define CN_SEEDED_(name, ...) name((cn_init_seed_args){.seed = -1, .first_ = 0, __VA_ARGS__})
#define cn_init_glorot_uniform(...) CN_SEEDED_(cn_init_glorot_uniform_with, __VA_ARGS__)
#define cn_init_glorot_normal(...) CN_SEEDED_(cn_init_glorot_normal_with, __VA_ARGS__)
#define cn_init_he_uniform(...) CN_SEEDED_(cn_init_he_uniform_with, __VA_ARGS__)
#define cn_init_he_normal(...) CN_SEEDED_(cn_init_he_normal_with, __VA_ARGS__)
#define cn_init_lecun_uniform(...) CN_SEEDED_(cn_init_lecun_uniform_with, __VA_ARGS__)
#define cn_init_lecun_normal(...) CN_SEEDED_(cn_init_lecun_normal_with, __VA_ARGS__)
CN_API cn_initializer cn_init_glorot_uniform_with(cn_init_seed_args args);
CN_API cn_initializer cn_init_glorot_normal_with(cn_init_seed_args args);
CN_API cn_initializer cn_init_he_uniform_with(cn_init_seed_args args);
CN_API cn_initializer cn_init_he_normal_with(cn_init_seed_args args);
CN_API cn_initializer cn_init_lecun_uniform_with(cn_init_seed_args args);
CN_API cn_initializer cn_init_lecun_normal_with(cn_init_seed_args args);

typedef struct cn_init_gain_args {
    char first_;
    double gain;
    int64_t seed;
} cn_init_gain_args;
CN_API cn_initializer cn_init_identity_with(cn_init_gain_args args);
/* gain times a random matrix with orthonormal rows or columns, all axes but the last being its rows (Saxe et al. 2013).
 */
#define cn_init_orthogonal(...) \
    cn_init_orthogonal_with((cn_init_gain_args){.gain = 1, .seed = -1, .first_ = 0, __VA_ARGS__})
CN_API cn_initializer cn_init_orthogonal_with(cn_init_gain_args args);

/* One of the user's own. */
CN_API cn_initializer cn_init_from(const char *name, cn_initializer_fill *fill);

/* By Keras' name, of the class or in snake case, with the default options; false, without an error, if there is none.
 * options (which may be NULL) gets the names of its CN_MAX_OPTIONS options. */
CN_API bool cn_initializer_named(const char *name, cn_initializer *initializer, const cn_option **options);

#ifdef __cplusplus
}
#endif
#endif
