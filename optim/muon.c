#include "optim/muon.h"
#include "core/engine.h"
#include "core/ops/product.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/ops/update.h"
#include "optim/rule.h"
#include <math.h>
#include <regex.h>

static bool found(const char *text, int flags, const char *path)
{
    regex_t expression;
    if (regcomp(&expression, text, REG_EXTENDED | REG_NOSUB | flags))
        return cn_fail(CN_ARGUMENT, "Muon: \"%s\" is not a regular expression", text);
    bool matches = !regexec(&expression, path, 0, NULL, 0);
    regfree(&expression);
    return matches;
}

static bool is_for_adam(const cn_optimizer *self, const cn_tensor *variable)
{
    const char *path = cn_name_of(variable);
    if (variable->shape.rank != 2 || (self->exclude_embeddings && found("embedding", REG_ICASE, path)))
        return true;
    for (int i = 0; i < CN_MAX_EXCLUDED && self->exclude_layers[i]; i++)
        if (found(self->exclude_layers[i], 0, path))
            return true;
    return false;
}

/* Only variables for Adam have a second slot. */
static int slots(const cn_optimizer *self, const cn_tensor *variable, cn_slot *slot)
{
    slot[0].name = "momentum";
    slot[1].name = "velocity";
    return is_for_adam(self, variable) ? 2 : 1;
}

/* Of Adam, which is a fused update; Muon's own is a coefficient. */
static double rate(const cn_optimizer *self, int64_t t, double learning_rate)
{
    return learning_rate * self->adam_lr_ratio * sqrt(1 - pow(self->adam_beta_2, (double)t)) /
           (1 - pow(self->adam_beta_1, (double)t));
}

enum { MUON_RATE = CN_STEP_COEFFICIENTS, ADAM_DECAY };

static void coefficients(const cn_optimizer *self, int64_t t, double learning_rate, double *coefficient)
{
    (void)t;
    coefficient[0] = learning_rate;
    coefficient[1] = learning_rate * self->adam_weight_decay;
}

static bool update_adam(const cn_optimizer *self, cn_update *u)
{
    const double constant[CN_UPDATE_CONSTANTS] = {0, 1 - self->adam_beta_1, 1 - self->adam_beta_2, self->epsilon};
    cn_tensor *w = u->decays ? cn_sub(u->w, cn_mul(u->w, cn_step_scalar(u, ADAM_DECAY))) : u->w;
    cn_tensor *in[] = {w, u->slot[0], u->slot[1], u->gradient}, *out[3];
    return w && cn_record_update(CN_UPDATE_adam, constant, in, u->scalars, out) &&
           cn_finish_rule(self, u, out[0], (cn_tensor *[CN_MAX_SLOTS]){out[1], out[2]});
}

/* Newton and Schulz's iteration: a matrix near G whose singular values are near 1. */
static cn_tensor *orthogonal(const cn_optimizer *self, cn_tensor *g)
{
    bool tall = g && g->shape.dim[0] > g->shape.dim[1];
    cn_tensor *x = cn_div(g, cn_plus(cn_sqrt(cn_sum(cn_square(g))), 1e-7));
    x = tall ? cn_transpose(x) : x;
    for (int i = 0; i < self->ns_steps; i++) {
        cn_tensor *a = cn_matmul(x, cn_transpose(x));
        cn_tensor *b = cn_add(cn_times(a, self->muon_b), cn_times(cn_matmul(a, a), self->muon_c));
        x = cn_add(cn_times(x, self->muon_a), cn_matmul(b, x));
    }
    return tall ? cn_transpose(x) : x;
}

static bool update(const cn_optimizer *self, cn_update *u)
{
    if (u->slot[1])
        return update_adam(self, u);
    cn_tensor *m = cn_add(cn_times(u->slot[0], self->momentum), u->gradient);
    cn_tensor *g = self->nesterov ? cn_add(u->gradient, cn_times(m, self->momentum)) : m;
    double largest = (double)(u->w->shape.dim[0] > u->w->shape.dim[1] ? u->w->shape.dim[0] : u->w->shape.dim[1]);
    cn_tensor *move = cn_times(orthogonal(self, g), self->rms_rate != 0 ? sqrt(largest) * self->rms_rate : 1);
    cn_tensor *w = cn_sub(cn_decayed(u), cn_mul(move, cn_step_scalar(u, MUON_RATE)));
    return cn_finish_rule(self, u, w, (cn_tensor *[CN_MAX_SLOTS]){m});
}

static const cn_optimizer_class muon = {
    .name = "Muon",
    .options = (const char *const[]){"momentum", "nesterov", "ns_steps", "muon_a", "muon_b", "muon_c", "rms_rate",
                                     "adam_weight_decay", "adam_beta_1", "adam_beta_2", "adam_lr_ratio", "epsilon",
                                     "exclude_embeddings", "exclude_layers", NULL},
    .slots = slots,
    .rate = rate,
    .coefficients = coefficients,
    .update = update};
CN_OPTIMIZER_FUNCTIONS(muon, muon)
