#include "optim/adam.h"
#include "core/ops/update.h"
#include <math.h>

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)variable;
    slot[0].name = "momentum";
    slot[1].name = "velocity";
    slot[2].name = "velocity_hat";
    slot[2].run = 1;
    return self->amsgrad ? 3 : 2;
}

static double rate(const cn_optimizer *self, int64_t t, double learning_rate)
{
    return learning_rate * sqrt(1 - pow(self->beta_2, (double)t)) / (1 - pow(self->beta_1, (double)t));
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    const double constant[CN_UPDATE_CONSTANTS] = {u->decays, 1 - self->beta_1, 1 - self->beta_2, self->epsilon};
    cn_tensor *in[] = {u->w, u->slot[0], u->slot[1], self->amsgrad ? u->slot[2] : u->gradient, u->gradient}, *out[4];
    if (!cn_record_update(self->amsgrad ? CN_UPDATE_adam_amsgrad : CN_UPDATE_adam, constant, in, u->scalars, out))
        return false;
    u->new_w = out[0];
    for (int i = 0; i < (self->amsgrad ? 3 : 2); i++)
        u->new_slot[i] = out[i + 1];
    return true;
}

static const char *const options[] = {"beta_1", "beta_2", "epsilon", "amsgrad", NULL};
static const cn_optimizer_class adam = {
    .name = "Adam", .options = options, .slots = slots, .rate = rate, .update = update};
static const cn_optimizer_class adamw = {
    .name = "AdamW", .options = options, .slots = slots, .rate = rate, .update = update};

cn_optimizer cn_adam_with(cn_optimizer args)
{
    args.type = &adam;
    return args;
}

cn_optimizer cn_adamw_with(cn_optimizer args)
{
    args.type = &adamw;
    return args;
}

cn_optimizer cn_adam_defaults(void)
{
    return cn_adam();
}

cn_optimizer cn_adamw_defaults(void)
{
    return cn_adamw();
}
