#include "optim/optimizer.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"
#include "core/ops/update.h"
#include "optim/choice.h"
#include "optim/fields.h"
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* The variables that a updater keeps for each of those it trains: averages, accumulated gradients, and the slots of
 * the rule. */
enum { AVERAGE, ACCUMULATOR, FIRST_SLOT, KINDS = FIRST_SLOT + CN_MAX_SLOTS };

typedef struct kind {
    cn_tensor **variable; /* NULL: not kept */
    void *block;
    int run;
} kind;

/* The variables of one optimizer; those of others follow. */
struct cn_updater {
    cn_optimizer optimizer;
    cn_updater *next;
    int count, slot_count;
    cn_tensor **variable;
    int *position; /* of each among all variables, and their gradients */
    bool *decays;
    cn_tensor *step_counter, *dynamic_scale; /* NULL without loss scaling */
    cn_tensor *iteration, *learning_rate;
    kind kinds[KINDS];
    cn_tensor **all; /* everything above in Keras' order */
    int all_count;
};

#define FIELD(name, type, of_rule)                                        \
    {                                                                     \
#name, CN_OPTIMIZER_##type, offsetof(cn_optimizer, name), of_rule \
    }
const cn_optimizer_field cn_optimizer_fields[] = {
    FIELD(momentum, NUMBER, true),
    FIELD(rho, NUMBER, true),
    FIELD(beta, NUMBER, true),
    FIELD(beta_1, NUMBER, true),
    FIELD(beta_2, NUMBER, true),
    FIELD(beta_2_decay, NUMBER, true),
    FIELD(epsilon, NUMBER, true),
    FIELD(epsilon_1, NUMBER, true),
    FIELD(epsilon_2, NUMBER, true),
    FIELD(clip_threshold, NUMBER, true),
    FIELD(nesterov, FLAG, true),
    FIELD(amsgrad, FLAG, true),
    FIELD(centered, FLAG, true),
    FIELD(relative_step, FLAG, true),
    FIELD(exclude_embeddings, FLAG, true),
    FIELD(initial_accumulator_value, NUMBER, true),
    FIELD(learning_rate_power, NUMBER, true),
    FIELD(l1_regularization_strength, NUMBER, true),
    FIELD(l2_regularization_strength, NUMBER, true),
    FIELD(l2_shrinkage_regularization_strength, NUMBER, true),
    FIELD(adam_beta_1, NUMBER, true),
    FIELD(adam_beta_2, NUMBER, true),
    FIELD(adam_lr_ratio, NUMBER, true),
    FIELD(adam_weight_decay, NUMBER, true),
    FIELD(muon_a, NUMBER, true),
    FIELD(muon_b, NUMBER, true),
    FIELD(muon_c, NUMBER, true),
    FIELD(rms_rate, NUMBER, true),
    FIELD(warmup_steps, COUNT, true),
    FIELD(ns_steps, COUNT, true),
    FIELD(weight_decay, NUMBER, false),
    FIELD(clipnorm, NUMBER, false),
    FIELD(clipvalue, NUMBER, false),
    FIELD(global_clipnorm, NUMBER, false),
    FIELD(use_ema, FLAG, false),
    FIELD(ema_momentum, NUMBER, false),
    FIELD(ema_overwrite_frequency, COUNT, false),
    FIELD(loss_scale_factor, NUMBER, false),
    FIELD(gradient_accumulation_steps, COUNT, false),
    {NULL, CN_OPTIMIZER_NUMBER, 0, false},
};

bool cn_optimizer_has(const cn_optimizer_class *type, const cn_optimizer_field *field)
{
    if (!field->of_rule)
        return true;
    for (const char *const *option = type->options; option && *option; option++)
        if (!strcmp(*option, field->name))
            return true;
    return false;
}

_Static_assert(CN_STEP_SCALARS == CN_STEP_COEFFICIENTS + CN_MAX_COEFFICIENTS, "a step has room for coefficients");

/* Making one */

static bool is_given(const cn_optimizer *optimizer, const cn_optimizer_field *field)
{
    const void *at = (const char *)optimizer + field->offset;
    return field->type == CN_OPTIMIZER_NUMBER ? *(const double *)at != 0
           : field->type == CN_OPTIMIZER_FLAG ? *(const bool *)at
                                              : *(const int *)at != 0;
}

static bool check_optimizer(const cn_optimizer *o)
{
    if (!o->type || !o->type->name || !o->type->update)
        return cn_fail(CN_ARGUMENT, "updater: no optimizer is given");
    const char *name = o->type->name;
    for (const cn_optimizer_field *field = cn_optimizer_fields; field->name; field++)
        if (!cn_optimizer_has(o->type, field) && is_given(o, field))
            return cn_fail(CN_ARGUMENT, "%s: has no argument %s", name, field->name);
    const cn_optimizer_field layers = {"exclude_layers", CN_OPTIMIZER_FLAG, offsetof(cn_optimizer, exclude_layers),
                                       true};
    if (o->exclude_layers[0] && !cn_optimizer_has(o->type, &layers))
        return cn_fail(CN_ARGUMENT, "%s: has no argument %s", name, layers.name);
    if ((o->clipnorm != 0) + (o->clipvalue != 0) + (o->global_clipnorm != 0) > 1)
        return cn_fail(CN_ARGUMENT, "%s: at most one of clipnorm, clipvalue and global_clipnorm can be given", name);
    if (!(o->clipnorm >= 0 && o->clipvalue >= 0 && o->global_clipnorm >= 0))
        return cn_fail(CN_ARGUMENT, "%s: a bound for clipping is negative", name);
    if (o->use_ema && !(o->ema_momentum >= 0 && o->ema_momentum <= 1))
        return cn_fail(CN_ARGUMENT, "%s: ema_momentum is %g; it must be from 0 to 1", name, o->ema_momentum);
    if (o->ema_overwrite_frequency < 0)
        return cn_fail(CN_ARGUMENT, "%s: ema_overwrite_frequency is %d; it must be 1 or more", name,
                       o->ema_overwrite_frequency);
    if (o->gradient_accumulation_steps < 0 || o->gradient_accumulation_steps == 1)
        return cn_fail(CN_ARGUMENT, "%s: gradient_accumulation_steps is %d; it must be 2 or more", name,
                       o->gradient_accumulation_steps);
    return !o->schedule.name || cn_check_schedule(&o->schedule);
}

static bool check_variables(cn_tensor *const *variables, int count)
{
    if (count < 1 || !variables)
        return cn_fail(CN_ARGUMENT, "updater: there is no variable to train");
    for (int i = 0; i < count; i++) {
        if (!variables[i] || !variables[i]->variable || variables[i]->tape)
            return cn_fail(CN_ARGUMENT, "updater: tensor %d is not a variable", i);
        if (variables[i]->dtype == CN_I32)
            return cn_fail(CN_TYPE, "updater: %s is of integers", cn_name_of(variables[i]));
    }
    return true;
}

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Which variables weight decay is for. */
static bool find_decays(cn_updater *u)
{
    for (int i = 0; i < u->count; i++)
        u->decays[i] = u->optimizer.weight_decay != 0 || u->optimizer.adam_weight_decay != 0;
    for (int e = 0; e < CN_MAX_EXCLUDED && u->optimizer.exclude_from_weight_decay[e]; e++) {
        const char *text = u->optimizer.exclude_from_weight_decay[e];
        regex_t expression;
        if (regcomp(&expression, text, REG_EXTENDED | REG_NOSUB))
            return cn_fail(CN_ARGUMENT, "updater: \"%s\" is not a regular expression", text);
        for (int i = 0; i < u->count; i++)
            if (!regexec(&expression, last_part(cn_name_of(u->variable[i])), 0, NULL, 0))
                u->decays[i] = false;
        regfree(&expression);
    }
    return true;
}

static size_t aligned_bytes(cn_shape shape, cn_dtype dtype)
{
    size_t bytes = (size_t)cn_shape_size(shape) * cn_dtype_size(dtype);
    return (bytes + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
}

static bool add_slot(kind *k, int index, const cn_tensor *of, const cn_slot *slot, size_t offset)
{
    char full[256];
    snprintf(full, sizeof full, "%s_%s", cn_name_of(of), slot->name);
    const cn_variable_args args = {.shape = slot->shape, .dtype = of->dtype, .name = full};
    cn_tensor *variable = cn_variable_within(args, (unsigned char *)k->block + offset, k->block);
    k->variable[index] = variable;
    if (!variable)
        return false;
    for (int64_t i = 0; slot->initial != 0 && i < cn_shape_size(slot->shape); i++)
        if (of->dtype == CN_F32)
            ((float *)variable->variable->storage)[i] = (float)slot->initial;
        else
            ((double *)variable->variable->storage)[i] = slot->initial;
    return true;
}

/* A variable for each of the trained ones that has the slot (a name), in one block; where all are of their variables'
 * shapes, the block is laid out as theirs is. */
static bool add_kind(cn_updater *u, int index, const cn_slot *slot)
{
    kind *k = &u->kinds[index];
    size_t bytes = 0, offset = 0;
    for (int i = 0; i < u->count; i++)
        if (slot[i].name) {
            bytes += aligned_bytes(slot[i].shape, u->variable[i]->dtype);
            k->run = slot[i].run;
        }
    k->variable = cn_allocate((size_t)u->count, sizeof *k->variable);
    k->block = cn_allocate(bytes, 1);
    for (int i = 0; k->variable && k->block && i < u->count; i++) {
        if (!slot[i].name)
            continue;
        if (!add_slot(k, i, u->variable[i], &slot[i], offset))
            return false;
        offset += aligned_bytes(slot[i].shape, u->variable[i]->dtype);
    }
    return k->variable && k->block;
}

/* All kinds of variables, `slot` having room for KINDS of each trained variable. */
static bool fill_kinds(cn_updater *u, cn_slot *slot)
{
    const cn_optimizer *o = &u->optimizer;
    for (int i = 0; i < u->count; i++) {
        cn_slot of_rule[CN_MAX_SLOTS] = {{0}};
        for (int s = 0; s < CN_MAX_SLOTS; s++)
            of_rule[s].shape = u->variable[i]->shape;
        int count = o->type->slots ? o->type->slots(o, u->variable[i], of_rule) : 0;
        slot[AVERAGE * u->count + i] = (cn_slot){.name = o->use_ema ? "average" : NULL, .shape = u->variable[i]->shape};
        slot[ACCUMULATOR * u->count + i] = (cn_slot){
            .name = o->gradient_accumulation_steps ? "gradient_accumulator" : NULL, .shape = u->variable[i]->shape};
        for (int s = 0; s < count; s++)
            slot[(FIRST_SLOT + s) * u->count + i] = of_rule[s];
        u->slot_count = count > u->slot_count ? count : u->slot_count;
    }
    if (cn_failed() || (o->use_ema && !add_kind(u, AVERAGE, &slot[AVERAGE * u->count])) ||
        (o->gradient_accumulation_steps && !add_kind(u, ACCUMULATOR, &slot[ACCUMULATOR * u->count])))
        return false;
    for (int k = FIRST_SLOT; k < FIRST_SLOT + u->slot_count; k++)
        if (!add_kind(u, k, &slot[k * u->count]))
            return false;
    return true;
}

static bool add_kinds(cn_updater *u)
{
    cn_slot *slot = cn_allocate((size_t)(KINDS * u->count), sizeof *slot);
    bool fine = slot && fill_kinds(u, slot);
    cn_release(slot);
    return fine;
}

static bool list_variables(cn_updater *u)
{
    if (!(u->all = cn_allocate((size_t)(4 + KINDS * u->count), sizeof *u->all)))
        return false;
    if (u->step_counter) {
        u->all[u->all_count++] = u->step_counter;
        u->all[u->all_count++] = u->dynamic_scale;
    }
    u->all[u->all_count++] = u->iteration;
    if (u->learning_rate)
        u->all[u->all_count++] = u->learning_rate;
    for (int first = 0; first < KINDS;) {
        int end = first + 1;
        while (end < KINDS && first >= FIRST_SLOT && u->kinds[end].run == u->kinds[first].run)
            end++;
        for (int i = 0; i < u->count; i++)
            for (int k = first; k < end; k++)
                if (u->kinds[k].variable && u->kinds[k].variable[i])
                    u->all[u->all_count++] = u->kinds[k].variable[i];
        first = end;
    }
    return true;
}

static cn_tensor *new_number(const char *name, double value)
{
    cn_tensor *variable = cn_variable_new(CN_SHAPE(), .dtype = CN_F64, .name = name);
    if (variable)
        *(double *)variable->variable->storage = value;
    return variable;
}

/* The variables at u->position. */
static bool fill_updater(cn_updater *u, cn_tensor *const *variables)
{
    u->decays = cn_allocate((size_t)u->count, sizeof *u->decays);
    u->variable = cn_allocate((size_t)u->count, sizeof *u->variable);
    if (!u->decays || !u->variable)
        return false;
    for (int i = 0; i < u->count; i++)
        u->variable[i] = variables[u->position[i]];
    u->iteration = cn_variable_new(CN_SHAPE(), .dtype = CN_I32, .name = "iteration");
    if (!u->optimizer.schedule.name)
        u->learning_rate = new_number("learning_rate", u->optimizer.learning_rate);
    if (u->optimizer.dynamic_growth_steps) {
        u->step_counter = cn_variable_new(CN_SHAPE(), .dtype = CN_I32, .name = "step_counter");
        u->dynamic_scale = new_number("dynamic_scale", u->optimizer.initial_scale);
    }
    if (cn_failed() || !find_decays(u))
        return false;
    if (!add_kinds(u))
        return false;
    memset(u->optimizer.exclude_from_weight_decay, 0, sizeof u->optimizer.exclude_from_weight_decay);
    memset(u->optimizer.exclude_layers, 0, sizeof u->optimizer.exclude_layers);
    return list_variables(u);
}

/* For those of `count` variables whose optimizer, by `choice`, is that of the index; NULL without an error if there are
 * none. */
static cn_updater *updater_of(const cn_optimizer *optimizer, int index, cn_tensor *const *variables, const int *choice,
                              int count)
{
    cn_updater *u = cn_allocate(1, sizeof *u);
    if (!u || !(u->position = cn_allocate((size_t)count, sizeof *u->position))) {
        cn_updater_free(u);
        return NULL;
    }
    u->optimizer = cn_optimizer_at(optimizer, index);
    for (int i = 0; i < count; i++)
        if (choice[i] == index)
            u->position[u->count++] = i;
    if (u->count > 0 && fill_updater(u, variables))
        return u;
    cn_updater_free(u);
    return NULL;
}

/* Several have no scale of the loss in common. */
static bool check_optimizers(const cn_optimizer *o)
{
    int count = cn_optimizer_count(o);
    for (int i = 0; i < count; i++) {
        cn_optimizer at = cn_optimizer_at(o, i);
        if (!check_optimizer(&at))
            return false;
        if (count > 1 && (at.dynamic_growth_steps || at.loss_scale_factor != 0))
            return cn_fail(CN_UNSUPPORTED, "MultiOptimizer: one of several optimizers cannot scale the loss");
        if (i > 0 && o->others[i - 1].optimizer.others)
            return cn_fail(CN_UNSUPPORTED, "MultiOptimizer: one of several optimizers cannot be several");
    }
    return true;
}

cn_updater *cn_updater_new(cn_optimizer optimizer, cn_tensor *const *variables, int count)
{
    if (cn_failed() || !check_optimizers(&optimizer) || !check_variables(variables, count))
        return NULL;
    int *choice = cn_allocate((size_t)count, sizeof *choice);
    cn_updater *first = NULL, **last = &first;
    for (int i = 0; choice && i < count; i++)
        choice[i] = cn_choose_optimizer(&optimizer, cn_name_of(variables[i]));
    for (int k = 0; choice && !cn_failed() && k < cn_optimizer_count(&optimizer); k++)
        if ((*last = updater_of(&optimizer, k, variables, choice, count)))
            last = &(*last)->next;
    cn_release(choice);
    if (!cn_failed())
        return first;
    cn_updater_free(first);
    return NULL;
}

void cn_updater_free(cn_updater *u)
{
    while (u) {
        cn_updater *next = u->next;
        for (int k = 0; k < KINDS; k++) {
            for (int i = 0; u->kinds[k].variable && i < u->count; i++)
                cn_variable_free(u->kinds[k].variable[i]);
            cn_release(u->kinds[k].variable);
            cn_release(u->kinds[k].block);
        }
        cn_variable_free(u->iteration);
        cn_variable_free(u->learning_rate);
        cn_variable_free(u->step_counter);
        cn_variable_free(u->dynamic_scale);
        cn_release(u->all);
        cn_release(u->decays);
        cn_release(u->variable);
        cn_release(u->position);
        cn_release(u);
        u = next;
    }
}

/* The scalars of a step: all that depends on the iteration and the learning rate, worked out within the tape, so that
 * a plan can run any number of times. */

static double learning_rate_at(const cn_optimizer *o, int64_t iteration, double learning_rate)
{
    return o->schedule.name ? o->schedule.value(&o->schedule, (double)iteration) : learning_rate;
}

static bool run_scalars(void *const *pointer, const void *prepared)
{
    const cn_optimizer *o = prepared;
    double *step = memset(pointer[0], 0, CN_STEP_SCALARS * sizeof *step);
    int64_t iteration = *(const int32_t *)pointer[1];
    int64_t each = o->gradient_accumulation_steps ? o->gradient_accumulation_steps : 1, applied = iteration / each;
    double rate = learning_rate_at(o, iteration, o->schedule.name ? 0 : *(const double *)pointer[2]);
    bool finite = !o->dynamic_growth_steps || *(const int32_t *)pointer[o->schedule.name ? 2 : 3];
    int frequency = o->ema_overwrite_frequency;
    step[CN_STEP_APPLIES] = finite && (iteration + 1) % each == 0;
    step[CN_STEP_DECAY] = o->weight_decay * rate;
    step[CN_STEP_RATE] = o->type->rate ? o->type->rate(o, applied + 1, rate) : rate;
    if (o->type->coefficients)
        o->type->coefficients(o, applied + 1, rate, step + CN_STEP_COEFFICIENTS);
    step[CN_STEP_EMA_MOMENTUM] = !finite ? 1 : applied == 0 ? 0 : o->ema_momentum;
    step[CN_STEP_EMA_OVERWRITES] = finite && frequency > 0 && (applied + 1) % frequency == 0;
    return true;
}

static bool scalars_infer(const cn_entry *entry, cn_type *output)
{
    (void)entry;
    *output = (cn_type){CN_F64, CN_SHAPE(CN_STEP_SCALARS)};
    return true;
}

static bool prepare_scalars(const cn_entry *entry, cn_preparation *preparation)
{
    cn_optimizer *o = cn_prepared(preparation, sizeof *o);
    if (!o)
        return false;
    *o = *(const cn_optimizer *)entry->attributes;
    preparation->kernel = run_scalars;
    return true;
}

static const cn_operation scalars_of_step = {.name = "optimizer_step",
                                             .attributes = sizeof(cn_optimizer),
                                             .flags = CN_LEAF,
                                             .infer = scalars_infer,
                                             .prepare = prepare_scalars};

/* Applying gradients. Each stage is recorded for all variables before the next, so that updates stand in a row. */

static bool divide_by_loss_scale(const cn_updater *u, cn_tensor **g)
{
    for (int i = 0; u->optimizer.loss_scale_factor != 0 && i < u->count; i++)
        if (g[i] && !(g[i] = cn_div(g[i], cn_scalar(g[i], u->optimizer.loss_scale_factor))))
            return false;
    return true;
}

static cn_tensor *integer(cn_tape *tape, int value)
{
    return cn_constant_as(tape, cn_array_with(&value, CN_ARRAY_I32, false, (cn_shape){0}), CN_I32);
}

/* Whether all gradients are finite: an I32 of shape (). */
static cn_tensor *all_finite(const cn_updater *u, cn_tape *tape, cn_tensor *const *g)
{
    cn_tensor *finite = integer(tape, 1);
    for (int i = 0; i < u->count; i++)
        if (g[i])
            finite = cn_logical_and(finite, cn_all(cn_isfinite(g[i])));
    return finite;
}

/* Divides the gradients by the scale, and sets the scale of the next step. Where they are not finite they become 0, so
 * that none is accumulated. */
static bool unscale(const cn_updater *u, cn_tape *tape, cn_tensor *finite, cn_tensor **g)
{
    cn_tensor *scale = cn_read(tape, u->dynamic_scale), *count = cn_read(tape, u->step_counter);
    for (int i = 0; i < u->count; i++)
        if (g[i])
            g[i] = cn_where(finite, cn_div(g[i], cn_cast(scale, g[i]->dtype)), cn_scalar(g[i], 0));
    cn_tensor *next = cn_add(count, integer(tape, 1));
    cn_tensor *grows = cn_equal(next, integer(tape, u->optimizer.dynamic_growth_steps));
    cn_tensor *kept = cn_mul(next, cn_logical_and(finite, cn_logical_not(grows)));
    cn_tensor *grown = cn_where(grows, cn_mul(scale, cn_scalar(scale, 2)), scale);
    cn_tensor *next_scale = cn_where(finite, grown, cn_div(scale, cn_scalar(scale, 2)));
    return cn_assign(u->step_counter, kept) && cn_assign(u->dynamic_scale, next_scale);
}

static bool accumulate(const cn_updater *u, cn_tensor *step, cn_tensor **g)
{
    cn_tensor **sum = u->kinds[ACCUMULATOR].variable;
    const double each[CN_UPDATE_CONSTANTS] = {u->optimizer.gradient_accumulation_steps};
    for (int i = 0; sum && i < u->count; i++) {
        cn_tensor *in[] = {sum[i], g[i]}, *out[2];
        if (!g[i])
            continue;
        if (!cn_record_update(CN_UPDATE_accumulate, each, in, step, out) || !cn_assign(sum[i], out[0]))
            return false;
        g[i] = out[1];
    }
    return true;
}

static cn_tensor *square_sum(cn_tensor *g)
{
    return cn_sum(cn_square(g));
}

/* g * bound / max(norm, bound) */
static cn_tensor *clip_norm(cn_tensor *g, cn_tensor *squares, double bound)
{
    cn_tensor *least = cn_scalar(g, bound);
    return cn_mul(g, cn_div(least, cn_maximum(cn_sqrt(squares), least)));
}

static bool clip(const cn_updater *u, cn_tensor **g)
{
    const cn_optimizer *o = &u->optimizer;
    cn_tensor *squares = NULL;
    for (int i = 0; o->global_clipnorm != 0 && i < u->count; i++)
        if (g[i])
            squares = squares ? cn_add(squares, square_sum(g[i])) : square_sum(g[i]);
    for (int i = 0; i < u->count; i++) {
        if (!g[i])
            continue;
        if (o->clipvalue != 0)
            g[i] = cn_clip(g[i], -o->clipvalue, o->clipvalue);
        else if (o->clipnorm != 0)
            g[i] = clip_norm(g[i], square_sum(g[i]), o->clipnorm);
        else if (o->global_clipnorm != 0)
            g[i] = clip_norm(g[i], squares, o->global_clipnorm);
        if (!g[i])
            return false;
    }
    return true;
}

static bool apply_rule(const cn_updater *u, cn_tape *tape, cn_tensor *step, cn_tensor *const *g)
{
    cn_update *updates = cn_arena_record(&tape->records, (size_t)u->count * sizeof *updates);
    if (!updates)
        return false;
    for (int i = 0; i < u->count; i++) {
        if (!g[i])
            continue;
        updates[i] =
            (cn_update){.w = cn_read(tape, u->variable[i]), .gradient = g[i], .decays = u->decays[i], .scalars = step};
        for (int s = 0; s < u->slot_count; s++)
            if (u->kinds[FIRST_SLOT + s].variable[i])
                updates[i].slot[s] = cn_read(tape, u->kinds[FIRST_SLOT + s].variable[i]);
    }
    for (int i = 0; i < u->count; i++)
        if (g[i] && !u->optimizer.type->update(&u->optimizer, &updates[i]))
            return false;
    for (int i = 0; i < u->count; i++) {
        if (g[i] && !cn_assign(u->variable[i], updates[i].new_w))
            return false;
        for (int s = 0; g[i] && s < u->slot_count; s++)
            if (updates[i].slot[s] && !cn_assign(u->kinds[FIRST_SLOT + s].variable[i], updates[i].new_slot[s]))
                return false;
    }
    return true;
}

static bool average(const cn_updater *u, cn_tensor *step)
{
    cn_tensor **averages = u->kinds[AVERAGE].variable;
    const double none[CN_UPDATE_CONSTANTS] = {0};
    for (int i = 0; averages && i < u->count; i++) {
        cn_tensor *in[] = {averages[i], u->variable[i]}, *out[2];
        if (!cn_record_update(CN_UPDATE_moving_average, none, in, step, out) || !cn_assign(averages[i], out[0]) ||
            (u->optimizer.ema_overwrite_frequency && !cn_assign(u->variable[i], out[1])))
            return false;
    }
    return true;
}

static cn_tape *tape_of_gradients(const cn_updater *u, cn_tensor *const *gradients)
{
    cn_tape *tape = NULL;
    for (; u; u = u->next)
        for (int i = 0; i < u->count; i++) {
            const cn_tensor *gradient = gradients[u->position[i]];
            if (!gradient)
                continue;
            if (!gradient->tape || (tape && gradient->tape != tape)) {
                cn_fail(CN_TAPE, "apply_gradients: the gradient of %s is not on the tape of the others",
                        cn_name_of(u->variable[i]));
                return NULL;
            }
            tape = gradient->tape;
        }
    if (!tape)
        cn_fail(CN_GRADIENT, "apply_gradients: there is no gradient for any variable");
    return tape;
}

/* One optimizer's. g[i] belongs to variable i. */
static bool apply(const cn_updater *u, cn_tape *tape, cn_tensor **g)
{
    cn_tensor *in[3] = {u->iteration}, *step, *made = u->dynamic_scale ? all_finite(u, tape, g) : integer(tape, 1);
    int count = 1;
    if (u->learning_rate)
        in[count++] = u->learning_rate;
    if (u->dynamic_scale)
        in[count++] = made;
    if (u->dynamic_scale && !unscale(u, tape, made, g))
        return false;
    return cn_record_on(tape, &scalars_of_step, &u->optimizer, in, count, &step, 1) && divide_by_loss_scale(u, g) &&
           accumulate(u, step, g) && clip(u, g) && apply_rule(u, tape, step, g) && average(u, step) &&
           cn_assign(u->iteration, cn_add(u->iteration, made));
}

bool cn_apply_gradients(cn_updater *updater, cn_tensor *const *gradients)
{
    if (cn_failed())
        return false;
    if (!updater || !gradients)
        return cn_fail(CN_ARGUMENT, "apply_gradients: needs an updater and gradients");
    cn_tape *tape = tape_of_gradients(updater, gradients);
    for (const cn_updater *u = updater; u; u = u->next) {
        cn_tensor **g = tape ? cn_arena_record(&tape->records, (size_t)u->count * sizeof *g) : NULL;
        bool any = false;
        for (int i = 0; g && i < u->count; i++)
            any = (g[i] = gradients[u->position[i]]) || any;
        if (!g || (any && !apply(u, tape, g)))
            return false;
    }
    return true;
}

cn_tensor *cn_scale_loss(cn_updater *u, cn_tensor *loss)
{
    if (cn_failed() || !u || !loss)
        return loss;
    if (u->dynamic_scale)
        return cn_mul(loss, cn_cast(cn_read(loss->tape, u->dynamic_scale), loss->dtype));
    double factor = u->optimizer.loss_scale_factor;
    return factor != 0 ? cn_mul(loss, cn_scalar(loss, factor)) : loss;
}

bool cn_finish_updates(cn_updater *updater)
{
    if (cn_failed())
        return false;
    if (!updater)
        return cn_fail(CN_ARGUMENT, "finish_updates: needs an updater");
    for (const cn_updater *u = updater; u; u = u->next) {
        cn_tensor **averages = u->kinds[AVERAGE].variable;
        for (int i = 0; averages && i < u->count; i++) {
            cn_view values = cn_array_with(averages[i]->variable->storage, cn_array_type_of(averages[i]->dtype), false,
                                           averages[i]->shape);
            if (!cn_variable_set(u->variable[i], values))
                return false;
        }
    }
    return true;
}

/* Asking */

bool cn_has_averages(const cn_updater *u)
{
    while (u && !u->kinds[AVERAGE].variable)
        u = u->next;
    return u != NULL;
}

int64_t cn_iterations(const cn_updater *u)
{
    return u ? *(const int32_t *)u->iteration->variable->storage : 0;
}

double cn_learning_rate(const cn_updater *u)
{
    if (!u)
        return (double)NAN;
    return learning_rate_at(&u->optimizer, cn_iterations(u),
                            u->learning_rate ? *(const double *)u->learning_rate->variable->storage : 0);
}

bool cn_set_learning_rate(cn_updater *u, double learning_rate)
{
    if (cn_failed())
        return false;
    if (!u)
        return cn_fail(CN_ARGUMENT, "set_learning_rate: needs an updater");
    if (!u->learning_rate)
        return cn_fail(CN_STATE, "set_learning_rate: the schedule %s gives the learning rate",
                       u->optimizer.schedule.name);
    return cn_variable_set(u->learning_rate, cn_array_with(&learning_rate, CN_ARRAY_F64, false, CN_SHAPE()));
}

int cn_updater_variable_count(const cn_updater *u)
{
    int count = 0;
    for (; u; u = u->next)
        count += u->all_count;
    return count;
}

cn_tensor *cn_updater_variable(const cn_updater *u, int index)
{
    while (u && index >= u->all_count) {
        index -= u->all_count;
        u = u->next;
    }
    return u && index >= 0 ? u->all[index] : NULL;
}
