#include "optim/adamax.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"
#include "optim/rule.h"
#include <math.h>

static const char *const options[] = {"beta_1", "beta_2", "epsilon", NULL};

/* Adamax */

static int adamax_slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self, (void)variable;
    slot[0].name = "momentum";
    slot[1].name = "norm";
    return 2;
}

static double adamax_rate(const cn_optimizer *self, int64_t t, double learning_rate)
{
    return learning_rate / (1 - pow(self->beta_1, (double)t));
}

static bool adamax_update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *m = cn_mix(u->slot[0], u->gradient, self->beta_1);
    cn_tensor *norm = cn_maximum(cn_times(u->slot[1], self->beta_2), cn_absolute(u->gradient));
    cn_tensor *move = cn_div(cn_mul(m, cn_step_scalar(u, CN_STEP_RATE)), cn_plus(norm, self->epsilon));
    return cn_finish_rule(self, u, cn_sub(cn_decayed(u), move), (cn_tensor *[CN_MAX_SLOTS]){m, norm});
}

static const cn_optimizer_class adamax = {
    .name = "Adamax", .options = options, .slots = adamax_slots, .rate = adamax_rate, .update = adamax_update};
CN_OPTIMIZER_FUNCTIONS(adamax, adamax)

/* Nadam and Lamb keep what Adam keeps. */

static int moments(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self, (void)variable;
    slot[0].name = "momentum";
    slot[1].name = "velocity";
    return 2;
}

enum { OF_MEAN = CN_STEP_COEFFICIENTS, OF_GRADIENT, OF_SQUARE };

static void nadam_coefficients(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient)
{
    /* 0.96^t is lost beside 1 in float64 from here on. */
    enum { STEADY = 1024 };
    double product = 1, power = 1, u = 0;
    (void)learning_rate;
    for (int64_t i = 0; i < t && i < STEADY; i++) {
        power *= 0.96;
        u = self->beta_1 * (1 - 0.5 * power);
        product *= u;
    }
    if (t > STEADY)
        product *= pow(self->beta_1, (double)(t - STEADY));
    double next = self->beta_1 * (1 - 0.5 * power * 0.96);
    coefficient[0] = next / (1 - product * next);
    coefficient[1] = (1 - u) / (1 - product);
    coefficient[2] = 1 / (1 - pow(self->beta_2, (double)t));
}

static bool nadam_update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *m = cn_mix(u->slot[0], u->gradient, self->beta_1);
    cn_tensor *v = cn_mix(u->slot[1], cn_square(u->gradient), self->beta_2);
    cn_tensor *mean =
        cn_add(cn_mul(m, cn_step_scalar(u, OF_MEAN)), cn_mul(u->gradient, cn_step_scalar(u, OF_GRADIENT)));
    cn_tensor *root = cn_sqrt(cn_mul(v, cn_step_scalar(u, OF_SQUARE)));
    cn_tensor *move = cn_div(cn_mul(mean, cn_step_scalar(u, CN_STEP_RATE)), cn_plus(root, self->epsilon));
    return cn_finish_rule(self, u, cn_sub(cn_decayed(u), move), (cn_tensor *[CN_MAX_SLOTS]){m, v});
}

static const cn_optimizer_class nadam = {
    .name = "Nadam", .options = options, .slots = moments, .coefficients = nadam_coefficients, .update = nadam_update};
CN_OPTIMIZER_FUNCTIONS(nadam, nadam)

static void lamb_coefficients(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient)
{
    (void)learning_rate;
    coefficient[0] = 1 / (1 - pow(self->beta_1, (double)t));
    coefficient[2] = 1 / (1 - pow(self->beta_2, (double)t));
}

static bool lamb_update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *w = cn_decayed(u);
    cn_tensor *m = cn_mix(u->slot[0], u->gradient, self->beta_1);
    cn_tensor *v = cn_mix(u->slot[1], cn_square(u->gradient), self->beta_2);
    cn_tensor *root = cn_sqrt(cn_mul(v, cn_step_scalar(u, OF_SQUARE)));
    cn_tensor *move = cn_div(cn_mul(m, cn_step_scalar(u, OF_MEAN)), cn_plus(root, self->epsilon));
    cn_tensor *of_w = cn_sqrt(cn_sum(cn_square(w))), *of_move = cn_sqrt(cn_sum(cn_square(move)));
    cn_tensor *both = cn_greater(cn_mul(cn_sign(of_w), cn_sign(of_move)), cn_zeros_like(of_w));
    cn_tensor *trust = cn_where(both, cn_div(of_w, of_move), cn_ones_like(of_w));
    move = cn_mul(move, cn_mul(trust, cn_step_scalar(u, CN_STEP_RATE)));
    return cn_finish_rule(self, u, cn_sub(w, move), (cn_tensor *[CN_MAX_SLOTS]){m, v});
}

static const cn_optimizer_class lamb = {
    .name = "Lamb", .options = options, .slots = moments, .coefficients = lamb_coefficients, .update = lamb_update};
CN_OPTIMIZER_FUNCTIONS(lamb, lamb)
