/* Optimizers: values; the moments and the step count live in an updater. Formulas and defaults are Keras'
 * (keras.io/api/optimizers). */
#ifndef CN_OPTIM_OPTIMIZER_H
#define CN_OPTIM_OPTIMIZER_H
#include "../core/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A learning rate that changes with the step: value() records it from the step, a float scalar that is 0 at the first
 * update. */
typedef struct cn_schedule cn_schedule;
struct cn_schedule {
    const char *name; /* NULL: none */
    cn_tensor *(*value)(const cn_schedule *self, cn_tensor *step);
    double option[8];
};

typedef struct cn_optimizer_class cn_optimizer_class;

/* Every optimizer has these arguments; 0 stands for "not used" where it has no other meaning. */
typedef struct cn_optimizer {
    const cn_optimizer_class *type; /* NULL: none */
    double learning_rate;
    cn_schedule schedule;                        /* instead of learning_rate */
    double weight_decay;                         /* 0: none */
    double clipnorm, clipvalue, global_clipnorm; /* at most one of the three */
    bool use_ema;
    double ema_momentum;
    int ema_overwrite_frequency;     /* 0: only at the end of fit */
    double loss_scale_factor;        /* 0: none */
    int gradient_accumulation_steps; /* 0: none; else 2 or more */
    double option[8];                /* the class's own */
} cn_optimizer;

/* Owns what an optimizer remembers of a list of variables: the number of updates (`iteration`, I32), the learning rate
 * (a variable, so that it can change between runs of a plan), and the slots. */
typedef struct cn_updater cn_updater;
CN_API cn_updater *cn_updater_new(cn_optimizer optimizer, cn_tensor *const *variables, int count);
CN_API void cn_updater_free(cn_updater *updater);
/* Records one update of all variables by their gradients, in the order of cn_updater_new: at once on an eager tape, at
 * each run on a deferred one. A NULL gradient leaves its variable alone; all NULL is an error. */
CN_API bool cn_apply_gradients(cn_updater *updater, cn_tensor *const *gradients);
/* At the end of training: with use_ema, the variables become their averages. */
CN_API bool cn_finish_updates(cn_updater *updater);
CN_API double cn_learning_rate(const cn_updater *updater);
CN_API bool cn_set_learning_rate(cn_updater *updater, double learning_rate);
CN_API int64_t cn_iterations(const cn_updater *updater);
/* All variables of the optimizer in Keras' order: iteration, learning_rate, slots. */
CN_API int cn_updater_variable_count(const cn_updater *updater);
CN_API cn_tensor *cn_updater_variable(const cn_updater *updater, int index);

#ifdef __cplusplus
}
#endif
#endif
