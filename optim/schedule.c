#include "optim/schedule.h"
#include <math.h>

static const double pi = 3.14159265358979323846;

/* Half a cosine, from `high` at 0 to 0 at 1, above alpha. */
static double cosine(double high, double done, double alpha)
{
    return (1 - alpha) * 0.5 * high * (1 + cos(pi * done)) + alpha;
}

static double exponential_decay(const cn_schedule *s, double step)
{
    double exponent = step / s->decay_steps;
    return s->initial_learning_rate * pow(s->decay_rate, s->staircase ? floor(exponent) : exponent);
}

static double inverse_time_decay(const cn_schedule *s, double step)
{
    double done = step / s->decay_steps;
    return s->initial_learning_rate / (1 + s->decay_rate * (s->staircase ? floor(done) : done));
}

static double piecewise_constant_decay(const cn_schedule *s, double step)
{
    int i = 0;
    while (i < s->count && step > s->boundaries[i])
        i++;
    return s->values[i];
}

static double polynomial_decay(const cn_schedule *s, double step)
{
    double steps = s->decay_steps;
    if (s->cycle)
        steps *= step > 0 ? ceil(step / steps) : 1;
    double left = 1 - fmin(step, steps) / steps;
    return (s->initial_learning_rate - s->end_learning_rate) * pow(left, s->power) + s->end_learning_rate;
}

static double cosine_decay(const cn_schedule *s, double step)
{
    double from = s->initial_learning_rate;
    if (s->warmup_steps > 0) {
        double warmup = (double)s->warmup_steps;
        if (step < warmup)
            return from + (s->warmup_target - from) * step / warmup;
        from = s->warmup_target;
        step -= warmup;
    }
    return from * cosine(1, fmin(step, s->decay_steps) / s->decay_steps, s->alpha);
}

static double cosine_decay_restarts(const cn_schedule *s, double step)
{
    double done = step / s->decay_steps, period;
    if (s->t_mul == 1) {
        period = floor(done);
        done -= period;
    } else {
        /* The periods before number i take (t_mul^i - 1) / (t_mul - 1) first ones. A logarithm may fall short. */
        period = floor(log(1 + done * (s->t_mul - 1)) / log(s->t_mul));
        if (done >= (pow(s->t_mul, period + 1) - 1) / (s->t_mul - 1))
            period++;
        double length = pow(s->t_mul, period);
        done = (done - (length - 1) / (s->t_mul - 1)) / length;
    }
    return s->initial_learning_rate * cosine(pow(s->m_mul, period), done, s->alpha);
}

#define SCHEDULE(function, class_name)                 \
    cn_schedule cn_##function##_with(cn_schedule args) \
    {                                                  \
        args.name = class_name;                        \
        args.value = function;                         \
        return args;                                   \
    }
SCHEDULE(exponential_decay, "ExponentialDecay")
SCHEDULE(inverse_time_decay, "InverseTimeDecay")
SCHEDULE(piecewise_constant_decay, "PiecewiseConstantDecay")
SCHEDULE(polynomial_decay, "PolynomialDecay")
SCHEDULE(cosine_decay, "CosineDecay")
SCHEDULE(cosine_decay_restarts, "CosineDecayRestarts")

bool cn_check_schedule(const cn_schedule *s)
{
    if (!s || !s->name || !s->value)
        return cn_fail(CN_ARGUMENT, "schedule: has no name or no function");
    if (s->value == piecewise_constant_decay) {
        if (s->count < 0 || s->count > CN_MAX_BOUNDARIES)
            return cn_fail(CN_ARGUMENT, "%s: %d boundaries; 0 to %d are possible", s->name, s->count,
                           CN_MAX_BOUNDARIES);
        for (int i = 1; i < s->count; i++)
            if (!(s->boundaries[i] > s->boundaries[i - 1]))
                return cn_fail(CN_ARGUMENT, "%s: boundary %g does not exceed the one before", s->name,
                               s->boundaries[i]);
        return true;
    }
    bool built_in = s->value == exponential_decay || s->value == inverse_time_decay || s->value == polynomial_decay ||
                    s->value == cosine_decay || s->value == cosine_decay_restarts;
    if (built_in && !(s->decay_steps > 0))
        return cn_fail(CN_ARGUMENT, "%s: decay_steps is %g; it must be above 0", s->name, s->decay_steps);
    if (s->value == cosine_decay_restarts && !(s->t_mul > 0))
        return cn_fail(CN_ARGUMENT, "%s: t_mul is %g; it must be above 0", s->name, s->t_mul);
    return true;
}

double cn_schedule_value(const cn_schedule *schedule, int64_t step)
{
    return !cn_failed() && cn_check_schedule(schedule) ? schedule->value(schedule, (double)step) : (double)NAN;
}
