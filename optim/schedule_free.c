#include "optim/schedule_free.h"
#include "optim/rule.h"
#include <math.h>

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self, (void)variable;
    slot[0].name = "momentum";
    slot[1].name = "velocity";
    return 2;
}

static double rate(const cn_optimizer *self, int64_t t, double learning_rate)
{
    return t < self->warmup_steps ? learning_rate * (double)t / self->warmup_steps : learning_rate;
}

enum { IS_FIRST = CN_STEP_COEFFICIENTS, SHARE, OF_SQUARE };

static void coefficients(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient)
{
    (void)learning_rate;
    coefficient[0] = t == 1;
    coefficient[1] = 1 / (double)t;
    coefficient[2] = 1 / (1 - pow(self->beta_2, (double)t));
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    /* The weights may have been set since the slots were made, so the copy is taken here. */
    cn_tensor *before = cn_where(cn_step_scalar(u, IS_FIRST), u->w, u->slot[0]);
    cn_tensor *v = cn_mix(u->slot[1], cn_square(u->gradient), self->beta_2);
    cn_tensor *root = cn_plus(cn_sqrt(cn_mul(v, cn_step_scalar(u, OF_SQUARE))), self->epsilon);
    cn_tensor *z = cn_sub(before, cn_div(cn_mul(u->gradient, cn_step_scalar(u, CN_STEP_RATE)), root));
    cn_tensor *x = cn_times(cn_sub(cn_decayed(u), cn_times(before, 1 - self->beta_1)), 1 / self->beta_1);
    x = cn_add(x, cn_mul(cn_sub(z, x), cn_step_scalar(u, SHARE)));
    return cn_finish_rule(self, u, cn_mix(x, z, self->beta_1), (cn_tensor *[CN_MAX_SLOTS]){z, v});
}

static const cn_optimizer_class schedule_free_adamw = {
    .name = "ScheduleFreeAdamW",
    .options = (const char *const[]){"beta_1", "beta_2", "epsilon", "warmup_steps", NULL},
    .slots = slots,
    .rate = rate,
    .coefficients = coefficients,
    .update = update};
CN_OPTIMIZER_FUNCTIONS(schedule_free_adamw, schedule_free_adamw)
