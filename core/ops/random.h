/* Random tensors. What is drawn is fixed by a seed (the tape's, unless one is given), the layer that draws, the number
 * of the draw on its tape, and the step (core/random.h): a plan draws anew in each run, an eager tape as it is reset.
 * No gradient goes through any of them. They need a tape that runs: in a model's graph use layers. */
#ifndef CN_CORE_OPS_RANDOM_H
#define CN_CORE_OPS_RANDOM_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_sample_uniform_args {
    cn_shape shape;
    double minval, maxval CN_DEFAULT(1);
    int64_t seed CN_DEFAULT(-1); /* -1: the tape's */
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_sample_uniform_args;
/* From minval (0) up to, but not including, maxval (1): cn_sample_uniform(tape, CN_SHAPE(2, 3), -1, 1). */
#define cn_sample_uniform(tape, ...) \
    cn_sample_uniform_with(          \
        (tape), (cn_sample_uniform_args){.maxval = 1, .seed = -1, .dtype = cn_default_dtype(), .shape = __VA_ARGS__})
CN_API cn_tensor *cn_sample_uniform_with(cn_tape *tape, cn_sample_uniform_args args);

typedef struct cn_sample_normal_args {
    cn_shape shape;
    double mean, stddev CN_DEFAULT(1);
    int64_t seed CN_DEFAULT(-1); /* -1: the tape's */
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_sample_normal_args;
#define CN_SAMPLE_NORMAL_DEFAULTS .stddev = 1, .seed = -1, .dtype = cn_default_dtype()
/* Normally distributed, mean 0 and standard deviation 1 by default: cn_sample_normal(tape, CN_SHAPE(2, 3), 0, 0.1). */
#define cn_sample_normal(tape, ...) \
    cn_sample_normal_with((tape), (cn_sample_normal_args){CN_SAMPLE_NORMAL_DEFAULTS, .shape = __VA_ARGS__})
CN_API cn_tensor *cn_sample_normal_with(cn_tape *tape, cn_sample_normal_args args);
/* The same distribution where it is within two standard deviations of the mean, as if what is farther were drawn again.
 */
#define cn_sample_truncated_normal(tape, ...) \
    cn_sample_truncated_normal_with((tape), (cn_sample_normal_args){CN_SAMPLE_NORMAL_DEFAULTS, .shape = __VA_ARGS__})
CN_API cn_tensor *cn_sample_truncated_normal_with(cn_tape *tape, cn_sample_normal_args args);

typedef struct cn_sample_bernoulli_args {
    cn_shape shape;
    double p;
    int64_t seed CN_DEFAULT(-1); /* -1: the tape's */
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_sample_bernoulli_args;
/* 1 with probability p, else 0, as floats: cn_sample_bernoulli(tape, CN_SHAPE(2, 3), 0.3). */
#define cn_sample_bernoulli(tape, ...) \
    cn_sample_bernoulli_with(          \
        (tape), (cn_sample_bernoulli_args){.seed = -1, .dtype = cn_default_dtype(), .shape = __VA_ARGS__})
CN_API cn_tensor *cn_sample_bernoulli_with(cn_tape *tape, cn_sample_bernoulli_args args);

typedef struct cn_dropout_mask_args {
    cn_shape shape;
    double rate;
    int64_t seed CN_DEFAULT(-1); /* -1: the tape's */
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_dropout_mask_args;
/* What dropout multiplies with: 0 with probability rate, else 1 / (1 - rate): cn_dropout_mask(tape, CN_SHAPE(2, 3),
 * 0.5). All zeros for rate 1. */
#define cn_dropout_mask(tape, ...) \
    cn_dropout_mask_with((tape), (cn_dropout_mask_args){.seed = -1, .dtype = cn_default_dtype(), .shape = __VA_ARGS__})
CN_API cn_tensor *cn_dropout_mask_with(cn_tape *tape, cn_dropout_mask_args args);

#ifdef __cplusplus
}
#endif
#endif
