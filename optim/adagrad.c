#include "optim/adagrad.h"
#include "optim/rule.h"

static int adagrad_slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)variable;
    slot[0].name = "accumulator";
    slot[0].initial = self->initial_accumulator_value;
    return 1;
}

static bool adagrad_update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *sum = cn_add(u->slot[0], cn_square(u->gradient));
    cn_tensor *move = cn_mul(u->gradient, cn_step_scalar(u, CN_STEP_RATE));
    move = cn_div(move, cn_sqrt(cn_plus(sum, self->epsilon)));
    return cn_finish_rule(self, u, cn_sub(cn_decayed(u), move), (cn_tensor *[CN_MAX_SLOTS]){sum});
}

static const cn_optimizer_class adagrad = {.name = "Adagrad",
                                           .options =
                                               (const char *const[]){"initial_accumulator_value", "epsilon", NULL},
                                           .slots = adagrad_slots,
                                           .update = adagrad_update};
CN_OPTIMIZER_FUNCTIONS(adagrad, adagrad)

static int adadelta_slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self, (void)variable;
    slot[0].name = "accumulated_grad";
    slot[1].name = "accumulated_delta_var";
    slot[1].run = 1;
    return 2;
}

static bool adadelta_update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *squares = cn_mix(u->slot[0], cn_square(u->gradient), self->rho);
    cn_tensor *root = cn_sqrt(cn_plus(u->slot[1], self->epsilon));
    cn_tensor *move = cn_div(cn_mul(u->gradient, root), cn_sqrt(cn_plus(squares, self->epsilon)));
    cn_tensor *moves = cn_mix(u->slot[1], cn_square(move), self->rho);
    cn_tensor *w = cn_sub(cn_decayed(u), cn_mul(move, cn_step_scalar(u, CN_STEP_RATE)));
    return cn_finish_rule(self, u, w, (cn_tensor *[CN_MAX_SLOTS]){squares, moves});
}

static const cn_optimizer_class adadelta = {.name = "Adadelta",
                                            .options = (const char *const[]){"rho", "epsilon", NULL},
                                            .slots = adadelta_slots,
                                            .update = adadelta_update};
CN_OPTIMIZER_FUNCTIONS(adadelta, adadelta)
