/* Private: the inner loops of optimizer updates. */
#ifndef CN_CORE_KERNELS_OPTIMIZER_H
#define CN_CORE_KERNELS_OPTIMIZER_H
#include <stdint.h>

/* n elements from `from` on. pointer[] holds the outputs, then the inputs; output i may be input i. `step` holds what
 * changes from step to step, in the order below; `constant` what does not. */
typedef void cn_update_loop(int64_t from, int64_t n, void *const *pointer, const double *step, const double *constant);

enum {
    CN_STEP_APPLIES,        /* 0 in calls that only accumulate gradients or are left out, else 1 */
    CN_STEP_DECAY,          /* weight decay times learning rate */
    CN_STEP_RATE,           /* the learning rate, with the rule's bias corrections */
    CN_STEP_EMA_MOMENTUM,   /* 0 at the first step */
    CN_STEP_EMA_OVERWRITES, /* 1 where the averages are written into the variables, else 0 */
    CN_STEP_COEFFICIENTS    /* four that mean what the rule says */
};
enum { CN_STEP_SCALARS = CN_STEP_COEFFICIENTS + 4 };

/* CN_UPDATES(X): X(name, outputs, inputs). The element types are CN_F32 and CN_F64. */
#define CN_UPDATES(X)     \
    X(sgd, 1, 2)          \
    X(sgd_momentum, 2, 3) \
    X(adam, 3, 4)         \
    X(adam_amsgrad, 4, 5) \
    X(rmsprop, 2, 3)      \
    X(accumulate, 2, 2)   \
    X(moving_average, 2, 2)

enum {
#define CN_UPDATE_INDEX_(name, outputs, inputs) CN_UPDATE_##name,
    CN_UPDATES(CN_UPDATE_INDEX_)
#undef CN_UPDATE_INDEX_
        CN_UPDATE_COUNT
};

typedef struct cn_optimizer_kernels {
    cn_update_loop *loop[CN_UPDATE_COUNT][2];
} cn_optimizer_kernels;
#endif
