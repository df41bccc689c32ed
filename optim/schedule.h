/* Learning-rate schedules: values that give the learning rate of each step. Names, defaults and formulas are Keras'
 * (keras.io/api/optimizers/learning_rate_schedules). */
#ifndef CN_OPTIM_SCHEDULE_H
#define CN_OPTIM_SCHEDULE_H
#include "../core/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CN_MAX_BOUNDARIES = 16 };

/* A schedule of the user's own fills in name and value; `option` is then free for its parameters. */
typedef struct cn_schedule cn_schedule;
struct cn_schedule {
    char first_;
    double initial_learning_rate;
    double decay_steps; /* N; it must be above 0 */
    double decay_rate, end_learning_rate, power, alpha, warmup_target, t_mul, m_mul;
    int64_t warmup_steps; /* 0: no warm-up */
    bool staircase, cycle;
    int count; /* of boundaries */
    double boundaries[CN_MAX_BOUNDARIES], values[CN_MAX_BOUNDARIES + 1];
    double option[4];
    const char *name; /* Keras' class name; NULL: none */
    /* The learning rate of a step, which is 0 at the first update. It must not depend on anything else. */
    double (*value)(const cn_schedule *self, double step);
};

/* The learning rate that a schedule gives. NaN with the error set for arguments that Keras refuses. */
CN_API double cn_schedule_value(const cn_schedule *schedule, int64_t step);
/* Whether the arguments make sense; false with the error set if not. */
CN_API bool cn_check_schedule(const cn_schedule *schedule);

/* initial * rate^(step / N); the exponent rounded down with .staircase.
 * cn_exponential_decay(0.1, 1000, 0.5, .staircase = true) */
#define cn_exponential_decay(...) cn_exponential_decay_with((cn_schedule){.first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_exponential_decay_with(cn_schedule args);
/* initial / (1 + rate * step / N); step / N rounded down with .staircase */
#define cn_inverse_time_decay(...) cn_inverse_time_decay_with((cn_schedule){.first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_inverse_time_decay_with(cn_schedule args);
/* values[i] for boundaries[i - 1] < step <= boundaries[i]; there is one value more than boundaries.
 * cn_piecewise_constant_decay(.count = 2, .boundaries = {10, 20}, .values = {1, 0.5, 0.1}) */
#define cn_piecewise_constant_decay(...) cn_piecewise_constant_decay_with((cn_schedule){.first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_piecewise_constant_decay_with(cn_schedule args);
/* (initial - end) * (1 - step / N)^power + end, step being at most N; with .cycle N grows to the next multiple that
 * step does not exceed. cn_polynomial_decay(0.1, 1000, .end_learning_rate = 0.01) */
#define cn_polynomial_decay(...) \
    cn_polynomial_decay_with((cn_schedule){.end_learning_rate = 1e-4, .power = 1, .first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_polynomial_decay_with(cn_schedule args);
/* initial * ((1 - alpha) (1 + cos(pi step / N)) / 2 + alpha) until step N. With .warmup_steps the rate first rises in a
 * line to .warmup_target and decays from there. (Loshchilov and Hutter, 2016) */
#define cn_cosine_decay(...) cn_cosine_decay_with((cn_schedule){.first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_cosine_decay_with(cn_schedule args);
/* The same over periods: each .t_mul times as long as the one before, with .m_mul times its height above alpha.
 * decay_steps is the length of the first. */
#define cn_cosine_decay_restarts(...) \
    cn_cosine_decay_restarts_with((cn_schedule){.t_mul = 2, .m_mul = 1, .first_ = 0, __VA_ARGS__})
CN_API cn_schedule cn_cosine_decay_restarts_with(cn_schedule args);

#ifdef __cplusplus
}
#endif
#endif
