/* Optimizers: values; the moments and the step count live in an updater. Formulas and defaults are Keras'
 * (keras.io/api/optimizers). */
#ifndef CN_OPTIM_OPTIMIZER_H
#define CN_OPTIM_OPTIMIZER_H
#include "../core/tape.h"
#include "schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CN_MAX_EXCLUDED = 8, CN_MAX_SLOTS = 4, CN_MAX_COEFFICIENTS = 4 };

typedef struct cn_optimizer_class cn_optimizer_class;
typedef struct cn_optimizer_of cn_optimizer_of;

/* The arguments of every optimizer, and those of the rules; one that a rule does not have is refused. 0 stands for "not
 * used" where it has no other meaning. */
typedef struct cn_optimizer {
    char first_;
    double learning_rate;
    /* Of the rules: see sgd.h, adam.h and their neighbours. */
    double momentum, rho, beta, beta_1, beta_2, beta_2_decay, epsilon, epsilon_1, epsilon_2, clip_threshold;
    bool nesterov, amsgrad, centered, relative_step, exclude_embeddings;
    double initial_accumulator_value, learning_rate_power;
    double l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength;
    double adam_beta_1, adam_beta_2, adam_lr_ratio, adam_weight_decay, muon_a, muon_b, muon_c, rms_rate;
    int warmup_steps, ns_steps;
    const char *exclude_layers[CN_MAX_EXCLUDED]; /* Muon: see muon.h */
    double option[4];                            /* free for classes of the user's own */
    /* Of all: */
    cn_schedule schedule;                        /* instead of learning_rate */
    double weight_decay;                         /* w -= weight_decay * learning rate * w before each update */
    double clipnorm, clipvalue, global_clipnorm; /* at most one of the three */
    bool use_ema;                                /* keep a moving average of each variable */
    double ema_momentum;                         /* 0.99 by default */
    int ema_overwrite_frequency;                 /* in steps; 0: only at the end, by cn_finish_updates */
    double loss_scale_factor;                    /* what the loss was multiplied by, so gradients are divided by it */
    int gradient_accumulation_steps;             /* n >= 2: each n-th call applies the mean of n gradients */
    /* Variables without weight decay: POSIX regular expressions that are searched in a variable's name after its last
     * slash, {"bias"}. The texts must stay valid until the updater is made. */
    const char *exclude_from_weight_decay[CN_MAX_EXCLUDED];
    /* See loss_scale.h: 0 growth steps, no loss scaling. */
    double initial_scale;
    int dynamic_growth_steps;
    /* See multi.h: ends with one without variables; NULL: this optimizer for all. */
    const cn_optimizer_of *others;
    const cn_optimizer_class *type; /* NULL: none */
} cn_optimizer;

#define CN_OPTIMIZER_DEFAULTS .ema_momentum = 0.99

/* Updaters */

/* Owns what an optimizer remembers of a list of variables: the number of calls (`iteration`, I32), the learning rate (a
 * float64 variable, so that it can change between runs of a plan; none with a schedule), and the slots. Each kind of
 * slot lies in one block, variable after variable in the order given, every one aligned to 64 bytes: where the
 * variables lie in a block of the same form, one pass updates them all. */
typedef struct cn_updater cn_updater;
/* NULL with the error set for arguments that Keras refuses. The variables must stay until the updater is freed. */
CN_API cn_updater *cn_updater_new(cn_optimizer optimizer, cn_tensor *const *variables, int count);
CN_API void cn_updater_free(cn_updater *updater);
/* Records one update of all variables by their gradients, in the order of cn_updater_new: at once on an eager tape, at
 * each run on a deferred one. A NULL gradient leaves its variable alone; all NULL is an error. In Keras' order:
 * division by the loss scale, accumulation, clipping, weight decay, the rule, moving average and overwriting, iteration
 * += 1. Constraints are the caller's, right after this. */
CN_API bool cn_apply_gradients(cn_updater *updater, cn_tensor *const *gradients);
/* The loss whose gradients cn_apply_gradients wants: the loss itself, unless the optimizer scales it. */
CN_API cn_tensor *cn_scale_loss(cn_updater *updater, cn_tensor *loss);
/* With .use_ema: sets the variables to their averages, as fit does at its end. */
CN_API bool cn_finish_updates(cn_updater *updater);
/* Whether it keeps such averages; false for NULL. */
CN_API bool cn_has_averages(const cn_updater *updater);
/* The learning rate of the next call. Setting it is an error with a schedule. */
CN_API double cn_learning_rate(const cn_updater *updater);
CN_API bool cn_set_learning_rate(cn_updater *updater, double learning_rate);
/* The number of calls so far. */
CN_API int64_t cn_iterations(const cn_updater *updater);
/* All variables of the optimizer in Keras' order: with loss scaling step_counter (I32) and dynamic_scale (float64),
 * then iteration, learning_rate (unless there is a schedule), averages, accumulators, slots; of several optimizers, one
 * after the other. NULL for an index out of range. */
CN_API int cn_updater_variable_count(const cn_updater *updater);
CN_API cn_tensor *cn_updater_variable(const cn_updater *updater, int index);

/* Rules */

/* What the rule of a class is given for one variable, and what it fills in. */
typedef struct cn_update {
    cn_tensor *w, *gradient, *slot[CN_MAX_SLOTS];
    bool decays; /* weight decay is for this variable */
    /* Of this step, float64: whether it applies, weight decay * learning rate, rate(), two of moving averages,
     * coefficients(). */
    cn_tensor *scalars;
    cn_tensor *new_w, *new_slot[CN_MAX_SLOTS];
} cn_update;

/* What an optimizer keeps of a variable. Slots are listed variable by variable within a run, run after run. */
typedef struct cn_slot {
    const char *name;
    int run;
    cn_shape shape;
    double initial; /* all its elements are this at first */
} cn_slot;

/* A rule: one row. Of a user's own, too: an optimizer is a cn_optimizer with .type set to it. */
struct cn_optimizer_class {
    const char *name; /* Keras' class name */
    /* Which of momentum, beta_1, ... it has, by name, NULL-terminated. */
    const char *const *options;
    /* Fills in what is kept of a variable (.shape is the variable's before); returns how many. NULL: nothing. */
    int (*slots)(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot);
    /* What the learning rate becomes at the t-th applied step, from 1. NULL: itself. */
    double (*rate)(const cn_optimizer *self, int64_t t, double learning_rate);
    /* Whatever else changes from step to step: at most CN_MAX_COEFFICIENTS numbers. NULL: nothing. */
    void (*coefficients)(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient);
    /* Records the update. Where scalars[0] is 0 it must give back what it was given. */
    bool (*update)(const cn_optimizer *self, cn_update *update);
};

#ifdef __cplusplus
}
#endif
#endif
