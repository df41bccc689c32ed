#include "optim/adafactor.h"
#include "core/engine.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "optim/rule.h"
#include <math.h>

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self;
    int rank = variable->shape.rank, velocity = rank < 2 ? 0 : 2;
    slot[velocity].name = "velocity";
    if (rank < 2)
        return 1;
    slot[0].name = "row";
    slot[0].shape.rank = rank - 1;
    slot[1].name = "column";
    slot[1].shape.rank = rank - 1;
    slot[1].shape.dim[rank - 2] = variable->shape.dim[rank - 1];
    return 3;
}

static double rate(const cn_optimizer *self, int64_t t, double learning_rate)
{
    (void)self;
    return fmin(learning_rate, 1 / sqrt((double)t));
}

enum { KEPT = CN_STEP_COEFFICIENTS, ADDED };

static void coefficients(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient)
{
    (void)learning_rate;
    coefficient[1] = pow((double)t, self->beta_2_decay);
    coefficient[0] = 1 - coefficient[1];
}

static cn_tensor *average(const cn_update *u, cn_tensor *before, cn_tensor *now)
{
    return cn_add(cn_mul(before, cn_step_scalar(u, KEPT)), cn_mul(now, cn_step_scalar(u, ADDED)));
}

static cn_tensor *root_mean_square(cn_tensor *x)
{
    return cn_sqrt(cn_mean(cn_square(x)));
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *w = cn_decayed(u), *squares = cn_plus(cn_square(u->gradient), self->epsilon_1);
    cn_tensor *slot[CN_MAX_SLOTS] = {NULL}, *velocity;
    if (u->slot[1]) {
        slot[0] = average(u, u->slot[0], cn_mean(squares, .axis = -1));
        slot[1] = average(u, u->slot[1], cn_mean(squares, .axis = -2));
        cn_tensor *row = cn_div(slot[0], cn_mean(slot[0], .axis = -1, .keepdims = true));
        velocity = slot[2] = cn_mul(cn_expand_dims(row, -1), cn_expand_dims(slot[1], -2));
    } else {
        velocity = slot[0] = average(u, u->slot[0], squares);
    }
    cn_tensor *move = cn_div(u->gradient, cn_sqrt(velocity)), *one = cn_scalar(w, 1);
    cn_tensor *size = cn_maximum(one, cn_times(root_mean_square(move), 1 / self->clip_threshold));
    cn_tensor *scale = cn_maximum(root_mean_square(w), cn_scalar(w, self->epsilon_2));
    move = cn_mul(move, cn_div(cn_mul(scale, cn_step_scalar(u, CN_STEP_RATE)), size));
    return cn_finish_rule(self, u, cn_sub(w, move), slot);
}

static const cn_optimizer_class adafactor = {
    .name = "Adafactor",
    .options = (const char *const[]){"beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step", NULL},
    .slots = slots,
    .rate = rate,
    .coefficients = coefficients,
    .update = update};
CN_OPTIMIZER_FUNCTIONS(adafactor, adafactor)
