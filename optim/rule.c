#include "optim/rule.h"
#include "core/engine.h"
#include "core/ops/shaping.h"

cn_tensor *cn_step_scalar(const cn_update *u, int index)
{
    cn_tensor *number = cn_reshape(cn_slice(u->scalars, CN_SHAPE(index), CN_SHAPE(1)), CN_SHAPE());
    return cn_cast(number, u->w->dtype);
}

cn_tensor *cn_decayed(const cn_update *u)
{
    return u->decays ? cn_sub(u->w, cn_mul(u->w, cn_step_scalar(u, CN_STEP_DECAY))) : u->w;
}

cn_tensor *cn_times(cn_tensor *x, double factor)
{
    return cn_mul(x, cn_scalar(x, factor));
}

cn_tensor *cn_mix(cn_tensor *a, cn_tensor *b, double weight)
{
    return cn_add(cn_times(a, weight), cn_times(b, 1 - weight));
}

cn_tensor *cn_plus(cn_tensor *x, double number)
{
    return cn_add(x, cn_scalar(x, number));
}

bool cn_finish_rule(const cn_optimizer *self, cn_update *u, cn_tensor *w, cn_tensor *const slot[CN_MAX_SLOTS])
{
    u->new_w = w;
    for (int s = 0; s < CN_MAX_SLOTS; s++)
        u->new_slot[s] = slot[s];
    if (self->gradient_accumulation_steps || self->dynamic_growth_steps) {
        cn_tensor *applies = cn_step_scalar(u, CN_STEP_APPLIES);
        u->new_w = cn_where(applies, w, u->w);
        for (int s = 0; s < CN_MAX_SLOTS; s++)
            if (u->slot[s])
                u->new_slot[s] = cn_where(applies, slot[s], u->slot[s]);
    }
    return !cn_failed();
}
