#include "optim/sgd.h"
#include "core/ops/update.h"

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)variable;
    slot[0].name = "momentum";
    return self->momentum != 0;
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    const double constant[CN_UPDATE_CONSTANTS] = {u->decays, self->momentum, self->nesterov};
    cn_tensor *out[2];
    bool has_momentum = self->momentum != 0;
    if (!cn_record_update(has_momentum ? CN_UPDATE_sgd_momentum : CN_UPDATE_sgd, constant,
                          has_momentum ? (cn_tensor *[]){u->w, u->slot[0], u->gradient}
                                       : (cn_tensor *[]){u->w, u->gradient, NULL},
                          u->scalars, out))
        return false;
    u->new_w = out[0];
    if (has_momentum)
        u->new_slot[0] = out[1];
    return true;
}

static const cn_optimizer_class sgd = {
    .name = "SGD", .options = (const char *const[]){"momentum", "nesterov", NULL}, .slots = slots, .update = update};

cn_optimizer cn_sgd_with(cn_optimizer args)
{
    if (!(args.momentum >= 0 && args.momentum <= 1))
        cn_fail(CN_ARGUMENT, "SGD: momentum is %g; it must be from 0 to 1", args.momentum);
    args.type = &sgd;
    return args;
}

cn_optimizer cn_sgd_defaults(void)
{
    return cn_sgd();
}
