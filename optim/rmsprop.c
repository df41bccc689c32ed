#include "optim/rmsprop.h"
#include "core/ops/update.h"
#include "optim/rule.h"

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)variable;
    int count = 0;
    slot[count++].name = "velocity";
    if (self->momentum != 0) {
        slot[count].run = count;
        slot[count++].name = "momentum";
    }
    if (self->centered) {
        slot[count].run = count;
        slot[count++].name = "average_gradient";
    }
    return count;
}

static bool update_plain(const cn_optimizer *self, cn_update *u)
{
    const double constant[CN_UPDATE_CONSTANTS] = {u->decays, self->rho, self->epsilon};
    cn_tensor *in[] = {u->w, u->slot[0], u->gradient}, *out[2];
    if (!cn_record_update(CN_UPDATE_rmsprop, constant, in, u->scalars, out))
        return false;
    u->new_w = out[0];
    u->new_slot[0] = out[1];
    return true;
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    if (self->momentum == 0 && !self->centered)
        return update_plain(self, u);
    cn_tensor *slot[CN_MAX_SLOTS] = {cn_mix(u->slot[0], cn_square(u->gradient), self->rho)}, *variance = slot[0];
    int average = self->momentum != 0 ? 2 : 1;
    if (self->centered) {
        slot[average] = cn_mix(u->slot[average], u->gradient, self->rho);
        variance = cn_sub(variance, cn_square(slot[average]));
    }
    cn_tensor *move = cn_mul(u->gradient, cn_step_scalar(u, CN_STEP_RATE));
    move = cn_div(move, cn_sqrt(cn_plus(variance, self->epsilon)));
    if (self->momentum != 0)
        move = slot[1] = cn_add(cn_times(u->slot[1], self->momentum), move);
    return cn_finish_rule(self, u, cn_sub(cn_decayed(u), move), slot);
}

static const cn_optimizer_class rmsprop = {.name = "RMSprop",
                                           .options =
                                               (const char *const[]){"rho", "momentum", "epsilon", "centered", NULL},
                                           .slots = slots,
                                           .update = update};
CN_OPTIMIZER_FUNCTIONS(rmsprop, rmsprop)
