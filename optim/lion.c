#include "optim/lion.h"
#include "optim/rule.h"

static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    (void)self, (void)variable;
    slot[0].name = "momentum";
    return 1;
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    cn_tensor *direction = cn_sign(cn_mix(u->slot[0], u->gradient, self->beta_1));
    cn_tensor *w = cn_sub(cn_decayed(u), cn_mul(direction, cn_step_scalar(u, CN_STEP_RATE)));
    return cn_finish_rule(self, u, w, (cn_tensor *[CN_MAX_SLOTS]){cn_mix(u->slot[0], u->gradient, self->beta_2)});
}

static const cn_optimizer_class lion = {
    .name = "Lion", .options = (const char *const[]){"beta_1", "beta_2", NULL}, .slots = slots, .update = update};
CN_OPTIMIZER_FUNCTIONS(lion, lion)
