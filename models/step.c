#include "models/step.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"
#include <string.h>

/* Steps for more sets of shapes than this push out the one that was not used for longest. */
enum { MOST_STEPS = 16 };

static bool check_step(const char *who, cn_model *model, const cn_step *step)
{
    if (cn_failed())
        return false;
    if (!model || !step || !step->tape)
        return cn_fail(CN_ARGUMENT, "%s: needs a model, and a step with a tape", who);
    return true;
}

/* The same for what compile gives. */
static bool check_compiled(const char *who, cn_model *model, const cn_step *step)
{
    if (!check_step(who, model, step))
        return false;
    if (!model->arguments.optimizer.type)
        return cn_fail(CN_STATE, "%s: %s is not compiled; call cn_compile first", who, cn_model_name(model));
    if (step->y_pred.count == 0)
        return cn_fail(CN_STATE, "%s: there are no predictions; call cn_step_forward first", who);
    return cn_model_finish_compile(model);
}

bool cn_step_forward(cn_model *model, cn_step *step)
{
    if (!check_step("step_forward", model, step))
        return false;
    cn_call_args call = {.training = CN_INHERIT};
    memcpy(call.inputs, step->x.item, sizeof step->x.item);
    step->y_pred = cn_call_model_many(model, call);
    return step->y_pred.count > 0 && !cn_failed();
}

static const cn_loss *loss_of_output(const cn_model *model, int output)
{
    const cn_compile_args *arguments = &model->arguments;
    return arguments->loss.name ? &arguments->loss : &arguments->losses[output];
}

static double loss_weight(const cn_model *model, int output)
{
    bool given = false;
    for (int i = 0; i < CN_MAX_OUTPUTS; i++)
        given = given || model->arguments.loss_weights[i] != 0;
    return given ? model->arguments.loss_weights[output] : 1;
}

/* total + weight * term, where total may be NULL. */
static cn_tensor *add_weighted(cn_tensor *total, cn_tensor *term, double weight)
{
    if (term && weight != 1)
        term = cn_mul(term, cn_scalar(term, weight));
    return term && total ? cn_add(total, term) : term;
}

/* Penalties of weights and what layers added in their calls. */
static bool add_penalties(cn_model *model, cn_step *step)
{
    for (int i = 0; i < step->tape->loss_count; i++)
        if (!(step->loss = add_weighted(step->loss, step->tape->loss[i], 1)))
            return false;
    for (int i = 0; i < model->variable_count; i++) {
        const cn_weight_record *weight = model->weight[i];
        if (!weight->regularizer.name)
            continue;
        cn_tensor *read = cn_read(step->tape, model->variable[i]);
        cn_tensor *penalty = read ? weight->regularizer.penalty(&weight->regularizer, read) : NULL;
        if (!penalty || !(step->loss = add_weighted(step->loss, penalty, 1)))
            return false;
    }
    return true;
}

bool cn_step_loss(cn_model *model, cn_step *step)
{
    if (!check_compiled("step_loss", model, step))
        return false;
    step->loss = NULL;
    memset(step->output_loss, 0, sizeof step->output_loss);
    for (int i = 0; i < step->y_pred.count; i++) {
        const cn_loss *loss = loss_of_output(model, i);
        if (!loss->name || !step->y_true.item[i])
            continue;
        step->output_loss[i] =
            cn_loss_of(*loss, step->y_true.item[i], step->y_pred.item[i], step->sample_weight.item[i]);
        if (!step->output_loss[i] ||
            !(step->loss = add_weighted(step->loss, step->output_loss[i], loss_weight(model, i))))
            return false;
    }
    if (!add_penalties(model, step))
        return false;
    return step->loss ? true : cn_fail(CN_STATE, "%s: there is no loss to train by", cn_model_name(model));
}

static bool record_constraints(cn_model *model, cn_tape *tape)
{
    for (int i = 0; i < model->variable_count; i++) {
        const cn_weight_record *weight = model->weight[i];
        if (!weight->constraint.name)
            continue;
        cn_tensor *read = cn_read(tape, model->variable[i]);
        cn_tensor *allowed = read ? weight->constraint.project(&weight->constraint, read) : NULL;
        if (!allowed || !cn_assign(model->variable[i], allowed))
            return false;
    }
    return true;
}

bool cn_step_update(cn_model *model, cn_step *step)
{
    if (!check_compiled("step_update", model, step))
        return false;
    if (!step->loss)
        return cn_fail(CN_STATE, "step_update: there is no loss; call cn_step_loss first");
    int count = model->variable_count;
    if (count == 0)
        return true;
    cn_tensor **gradient = cn_allocate((size_t)count, sizeof *gradient);
    if (!gradient)
        return false;
    cn_tensor *loss = cn_scale_loss(model->updater, step->loss);
    bool done = cn_vjp(&loss, NULL, 1, model->variable, count, gradient) &&
                cn_apply_gradients(model->updater, gradient) && record_constraints(model, step->tape);
    cn_release(gradient);
    return done;
}

bool cn_step_metrics(cn_model *model, cn_step *step)
{
    if (!check_compiled("step_metrics", model, step))
        return false;
    for (int i = 0; i < model->tracked_count; i++) {
        const cn_tracked *tracked = &model->tracked[i];
        if (!step->y_true.item[tracked->output])
            continue;
        cn_tensor *weight = tracked->weighted ? step->sample_weight.item[tracked->output] : NULL;
        if (!cn_meter_update(tracked->meter, step->y_true.item[tracked->output], step->y_pred.item[tracked->output],
                             weight))
            return false;
    }
    return true;
}

/* Recording */

/* What a target is fed as: class numbers stay integers. */
static cn_dtype target_dtype(const cn_model *model, int output, cn_dtype prediction)
{
    const cn_loss *loss = loss_of_output(model, output);
    return loss->name && loss->integer_labels ? CN_I32 : prediction;
}

static cn_tensor *new_feed(cn_tape *tape, cn_shape shape, cn_dtype dtype, int *index)
{
    *index = tape->feed_count;
    return cn_feed_with(tape, (cn_feed_args){shape, dtype});
}

static bool feed_inputs(cn_model *model, cn_recorded_step *recorded, cn_step *step)
{
    const cn_step_shapes *shapes = &recorded->shapes;
    for (int i = 0; i < shapes->inputs; i++) {
        recorded->x_dtype[i] = cn_dtype_of(model->topology.input[i]);
        step->x.item[i] = new_feed(step->tape, shapes->x[i], recorded->x_dtype[i], &recorded->x[i]);
        if (!step->x.item[i])
            return false;
        step->x.count++;
    }
    return true;
}

static bool feed_targets(cn_model *model, cn_recorded_step *recorded, cn_step *step)
{
    const cn_step_shapes *shapes = &recorded->shapes;
    int outputs = model->topology.output_count;
    for (int i = 0; i < outputs; i++) {
        recorded->y[i] = recorded->weight[i] = -1;
        cn_dtype prediction = cn_dtype_of(model->topology.output[i]);
        if (i >= shapes->outputs || shapes->y[i].rank < 0)
            continue;
        recorded->y_dtype[i] = target_dtype(model, i, prediction);
        recorded->weight_dtype[i] = prediction;
        if (!(step->y_true.item[i] = new_feed(step->tape, shapes->y[i], recorded->y_dtype[i], &recorded->y[i])))
            return false;
        if (shapes->weight[i].rank >= 0 &&
            !(step->sample_weight.item[i] =
                  new_feed(step->tape, shapes->weight[i], recorded->weight_dtype[i], &recorded->weight[i])))
            return false;
    }
    step->y_true.count = step->sample_weight.count = outputs;
    return true;
}

static bool record_prediction(cn_model *model, cn_recorded_step *recorded, cn_step *step, cn_plan_args *planned)
{
    if (!cn_step_forward(model, step))
        return false;
    recorded->output_count = step->y_pred.count;
    for (int i = 0; i < step->y_pred.count; i++) {
        recorded->output[i] = (cn_type){cn_dtype_of(step->y_pred.item[i]), cn_shape_of(step->y_pred.item[i])};
        planned->outputs[i] = step->y_pred.item[i];
    }
    return true;
}

static bool record_training(cn_model *model, cn_step *step)
{
    if (!model->arguments.train_step)
        return cn_step_forward(model, step) && cn_step_loss(model, step) && cn_step_update(model, step) &&
               cn_step_metrics(model, step);
    if (!model->arguments.train_step(model, step) || cn_failed())
        return cn_fail(CN_STATE, "%s: its train_step failed", cn_model_name(model));
    if (!step->loss)
        return cn_fail(CN_STATE, "%s: its train_step has set no loss", cn_model_name(model));
    return model->tracked_count == 0 || cn_step_metrics(model, step);
}

static bool record_testing(cn_model *model, cn_step *step)
{
    return cn_step_forward(model, step) && cn_step_loss(model, step) && cn_step_metrics(model, step);
}

static bool record_step(cn_model *model, cn_recorded_step *recorded, cn_tape *tape)
{
    cn_step step = {.tape = tape};
    cn_plan_args planned = {0};
    cn_step_kind kind = recorded->shapes.kind;
    if (!feed_inputs(model, recorded, &step))
        return false;
    if (kind == CN_PREDICT_STEP) {
        if (!record_prediction(model, recorded, &step, &planned))
            return false;
    } else {
        if (!feed_targets(model, recorded, &step) ||
            !(kind == CN_TRAIN_STEP ? record_training(model, &step) : record_testing(model, &step)))
            return false;
        int count = 0, outputs = model->topology.output_count;
        planned.outputs[count++] = step.loss;
        recorded->output_count = outputs;
        for (int i = 0; i < outputs; i++) {
            bool several = outputs > 1 && step.output_loss[i];
            recorded->output_loss[i] = several ? count : -1;
            if (several)
                planned.outputs[count++] = step.output_loss[i];
        }
        for (int i = 0; i < count; i++)
            recorded->loss_dtype[i] = cn_dtype_of(planned.outputs[i]);
    }
    recorded->plan = cn_plan_with(tape, planned);
    return recorded->plan != NULL;
}

static bool same_shapes(const cn_step_shapes *a, const cn_step_shapes *b)
{
    bool same = a->kind == b->kind && a->inputs == b->inputs && a->outputs == b->outputs;
    for (int i = 0; same && i < a->inputs; i++)
        same = cn_shape_equal(a->x[i], b->x[i]);
    for (int i = 0; same && i < a->outputs; i++)
        same = cn_shape_equal(a->y[i], b->y[i]) && cn_shape_equal(a->weight[i], b->weight[i]);
    return same;
}

static void free_step(cn_recorded_step *step)
{
    cn_plan_free(step->plan);
    cn_release(step);
}

static void drop_least_recent(cn_model *model)
{
    int count = 0;
    cn_recorded_step **oldest = NULL;
    for (cn_recorded_step **at = &model->steps; *at; at = &(*at)->next) {
        count++;
        if ((*at)->users == 0 && (!oldest || (*at)->last_call < (*oldest)->last_call))
            oldest = at;
    }
    if (count > MOST_STEPS && oldest) {
        cn_recorded_step *dropped = *oldest;
        *oldest = dropped->next;
        free_step(dropped);
    }
}

static cn_recorded_step *new_step(cn_model *model, const cn_step_shapes *shapes)
{
    cn_recorded_step *recorded = cn_allocate(1, sizeof *recorded);
    cn_tape *tape = recorded ? cn_tape_new(.deferred = true, .training = shapes->kind == CN_TRAIN_STEP) : NULL;
    if (recorded)
        recorded->shapes = *shapes;
    bool done = tape && record_step(model, recorded, tape);
    cn_tape_free(tape);
    if (!done) {
        if (recorded)
            free_step(recorded);
        return NULL;
    }
    recorded->next = model->steps;
    model->steps = recorded;
    return recorded;
}

cn_recorded_step *cn_model_step(cn_model *model, const cn_step_shapes *shapes)
{
    cn_recorded_step *step = atomic_exchange(&model->at_hand, NULL);
    if (step && same_shapes(&step->shapes, shapes))
        return step;
    pthread_mutex_lock(&model->lock);
    if (step) {
        step->users--;
        step->last_call = ++model->call;
    }
    for (step = model->steps; step && !same_shapes(&step->shapes, shapes); step = step->next) {
    }
    bool made = !step && (step = new_step(model, shapes));
    if (step) {
        step->users++;
        step->last_call = ++model->call;
    }
    if (made)
        drop_least_recent(model);
    pthread_mutex_unlock(&model->lock);
    return step;
}

void cn_model_let_go(cn_model *model, cn_recorded_step *step)
{
    step = atomic_exchange(&model->at_hand, step);
    if (step)
        atomic_fetch_sub(&step->users, 1);
}

void cn_model_forget_steps(cn_model *model)
{
    for (cn_recorded_step *step = model->steps, *next; step; step = next) {
        next = step->next;
        free_step(step);
    }
    model->steps = NULL;
    model->at_hand = NULL;
}
