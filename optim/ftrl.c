#include "optim/ftrl.h"
#include "optim/rule.h"

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)variable;
    slot[0].name = "accumulator";
    slot[0].initial = self->initial_accumulator_value;
    slot[1].name = "linear";
    return 2;
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *w = cn_decayed(u), *rate = cn_step_scalar(u, CN_STEP_RATE);
    cn_tensor *power = cn_scalar(w, -self->learning_rate_power);
    cn_tensor *shrunk = cn_add(u->gradient, cn_times(w, 2 * self->l2_shrinkage_regularization_strength));
    cn_tensor *sum = cn_add(u->slot[0], cn_square(u->gradient)), *raised = cn_power(sum, power);
    cn_tensor *grown = cn_div(cn_sub(raised, cn_power(u->slot[0], power)), rate);
    cn_tensor *z = cn_add(u->slot[1], cn_sub(shrunk, cn_mul(grown, w)));
    cn_tensor *q = cn_plus(cn_div(cn_plus(raised, self->beta), rate), 2 * self->l2_regularization_strength);
    double l1 = self->l1_regularization_strength;
    return cn_finish_rule(self, u, cn_div(cn_sub(cn_clip(z, -l1, l1), z), q), (cn_tensor *[CN_MAX_SLOTS]){sum, z});
}

static const cn_optimizer_class ftrl = {
    .name = "Ftrl",
    .options =
        (const char *const[]){"learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
                              "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta", NULL},
    .slots = slots,
    .update = update};
CN_OPTIMIZER_FUNCTIONS(ftrl, ftrl)
