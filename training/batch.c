#include "training/batch.h"
#include "data/arrays.h"
#include "core/plan.h"
#include <math.h>
#include <string.h>

static bool check_samples(cn_model *model, const char *who, const char *what, int index, const cn_view *view,
                          int64_t *samples)
{
    char text[CN_SHAPE_TEXT];
    if (cn_shape_size(view->shape) < 0 || view->shape.rank < 1)
        return cn_fail(CN_SHAPES, "%s: %s %d of %s has shape %s; the first axis must be the samples", who, what, index,
                       cn_model_name(model), cn_shape_text(view->shape, text, sizeof text));
    if (*samples >= 0 && view->shape.dim[0] != *samples)
        return cn_fail(CN_SHAPES, "%s: %s %d of %s has %lld samples, the arrays before it %lld", who, what, index,
                       cn_model_name(model), (long long)view->shape.dim[0], (long long)*samples);
    *samples = view->shape.dim[0];
    return true;
}

static int count_views(const cn_view *views)
{
    int count = 0;
    while (count < CN_MAX_OUTPUTS && views[count].data)
        count++;
    return count;
}

static void take_views(cn_view *to, const cn_view *from, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = from[i];
    if (count < CN_MAX_OUTPUTS)
        to[count].data = NULL;
}

void cn_arrays_take(cn_arrays *arrays, const cn_view *x, const cn_view *y, const cn_view *weight)
{
    const int outputs = y ? count_views(y) : 0;
    /* An output may have no weight, and those behind it have one. */
    int weights = weight ? CN_MAX_OUTPUTS : 0;
    while (weights > 0 && !weight[weights - 1].data)
        weights--;
    take_views(arrays->x, x, count_views(x));
    take_views(arrays->y, y, outputs);
    take_views(arrays->weight, weight, weights);
    for (int i = weights + 1; i < outputs; i++)
        arrays->weight[i].data = NULL;
    arrays->weights = weights;
}

static bool check_input(cn_model *model, const char *who, int index, cn_view *view)
{
    cn_shape wanted = cn_shape_of(model->topology.input[index]), shown = view->shape;
    cn_shape *given = &view->shape;
    char expected[CN_SHAPE_TEXT], text[CN_SHAPE_TEXT];
    /* Keras adds or drops a last axis of size 1. */
    if (given->rank == wanted.rank - 1 && wanted.dim[wanted.rank - 1] == 1)
        given->dim[given->rank++] = 1;
    else if (given->rank == wanted.rank + 1 && given->dim[given->rank - 1] == 1)
        given->rank--;
    bool fits = given->rank == wanted.rank;
    for (int d = 1; fits && d < wanted.rank; d++)
        fits = wanted.dim[d] < 0 || wanted.dim[d] == given->dim[d];
    return fits ? true
                : cn_fail(CN_SHAPES, "%s: input %d of %s has shape %s, the model wants %s", who, index,
                          cn_model_name(model), cn_shape_text(shown, text, sizeof text),
                          cn_shape_text(wanted, expected, sizeof expected));
}

static int loss_count(const cn_model *model)
{
    int outputs = model->topology.output_count, count = 0;
    for (int i = 0; i < outputs; i++)
        count += model->arguments.loss.name || model->arguments.losses[i].name;
    return count;
}

/* That the targets tell the class of each sample. */
static bool check_classes(const char *who, const cn_arrays *arrays)
{
    const cn_shape *y = &arrays->y[0].shape;
    char text[CN_SHAPE_TEXT];
    if (arrays->weight[0].data || arrays->outputs > 1)
        return cn_fail(CN_ARGUMENT, "%s: class_weight goes with one output and no sample_weight", who);
    return y->rank <= 2 ||
           cn_fail(CN_SHAPES, "%s: class_weight goes with targets (samples,) or (samples, classes), not %s", who,
                   cn_shape_text(*y, text, sizeof text));
}

bool cn_check_arrays(cn_model *model, const char *who, cn_arrays *arrays, bool targets)
{
    if (cn_failed())
        return false;
    if (!model)
        return cn_fail(CN_ARGUMENT, "%s: the model is NULL", who);
    arrays->inputs = count_views(arrays->x);
    arrays->outputs = count_views(arrays->y);
    arrays->samples = -1;
    if (arrays->inputs == 0)
        return cn_fail(CN_ARGUMENT, "%s: %s is given no input", who, cn_model_name(model));
    if (!check_samples(model, who, "input", 0, &arrays->x[0], &arrays->samples))
        return false;
    if (arrays->samples < 1)
        return cn_fail(CN_ARGUMENT, "%s: there are no samples", who);
    cn_shape input = arrays->x[0].shape;
    input.dim[0] = -1;
    if (!cn_model_build(model, input))
        return false;
    if (model->topology.output_count > CN_MAX_OUTPUTS)
        return cn_fail(CN_UNSUPPORTED, "%s: %s has %d outputs; %d is the most", who, cn_model_name(model),
                       model->topology.output_count, CN_MAX_OUTPUTS);
    if (arrays->inputs != model->topology.input_count)
        return cn_fail(CN_ARGUMENT, "%s: %s has %d inputs, %d are given", who, cn_model_name(model),
                       model->topology.input_count, arrays->inputs);
    for (int i = 0; i < arrays->inputs; i++)
        if (!check_samples(model, who, "input", i, &arrays->x[i], &arrays->samples) ||
            !check_input(model, who, i, &arrays->x[i]))
            return false;
    if (!targets)
        return true;
    if (!model->arguments.optimizer.type)
        return cn_fail(CN_STATE, "%s: %s is not compiled; call cn_compile first", who, cn_model_name(model));
    if (!cn_model_finish_compile(model))
        return false;
    int outputs = model->topology.output_count;
    if (arrays->weights > outputs)
        return cn_fail(CN_ARGUMENT, "%s: %s has %d outputs, there is a sample weight %d", who, cn_model_name(model),
                       outputs, arrays->weights - 1);
    if (arrays->outputs > outputs || (arrays->outputs < outputs && loss_count(model) > arrays->outputs))
        return cn_fail(CN_ARGUMENT, "%s: %s has %d outputs, %d targets are given", who, cn_model_name(model), outputs,
                       arrays->outputs);
    for (int i = 0; i < arrays->outputs; i++) {
        if (!check_samples(model, who, "target", i, &arrays->y[i], &arrays->samples))
            return false;
        /* One weight for all outputs, or one each. */
        if (!arrays->weight[i].data && i > 0)
            arrays->weight[i] = arrays->weight[0];
        if (arrays->weight[i].data &&
            !check_samples(model, who, "sample weight", i, &arrays->weight[i], &arrays->samples))
            return false;
    }
    return !arrays->class_weight || check_classes(who, arrays);
}

static cn_shape batch_shape(const cn_view *view, int64_t count)
{
    cn_shape shape = view->shape;
    shape.dim[0] = count;
    return shape;
}

static double value_at(const void *values, cn_dtype dtype, int64_t index)
{
    return dtype == CN_I32   ? ((const int32_t *)values)[index]
           : dtype == CN_F64 ? ((const double *)values)[index]
                             : ((const float *)values)[index];
}

/* The weight of each sample's class: the label, or the place of the largest value of a one-hot row. */
static void weigh_classes(const cn_class_weight *classes, const void *y, cn_dtype y_dtype, int64_t width, void *weights,
                          cn_dtype dtype, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t label = 0;
        if (width == 1)
            label = llround(value_at(y, y_dtype, i));
        for (int64_t j = 1; width > 1 && j < width; j++)
            if (value_at(y, y_dtype, i * width + j) > value_at(y, y_dtype, i * width + label))
                label = j;
        double weight = 1;
        for (const cn_class_weight *c = classes; !(c->weight < 0); c++)
            if (c->label == label)
                weight = c->weight;
        if (dtype == CN_F64)
            ((double *)weights)[i] = weight;
        else
            ((float *)weights)[i] = (float)weight;
    }
}

static bool fill_feeds(const cn_recorded_step *step, cn_frame *frame, const cn_arrays *arrays, const int64_t *order,
                       int64_t first, int64_t count)
{
    for (int i = 0; i < arrays->inputs; i++)
        if (!cn_gather(&arrays->x[i], order, first, count, cn_frame_feed(frame, step->x[i]), step->x_dtype[i]))
            return false;
    for (int i = 0; i < step->shapes.outputs; i++) {
        if (step->y[i] < 0)
            continue;
        void *y = cn_frame_feed(frame, step->y[i]);
        if (!cn_gather(&arrays->y[i], order, first, count, y, step->y_dtype[i]))
            return false;
        if (step->weight[i] < 0)
            continue;
        void *weight = cn_frame_feed(frame, step->weight[i]);
        if (arrays->class_weight)
            weigh_classes(arrays->class_weight, y, step->y_dtype[i], cn_sample_size(&arrays->y[i]), weight,
                          step->weight_dtype[i], count);
        else if (!cn_gather(&arrays->weight[i], order, first, count, weight, step->weight_dtype[i]))
            return false;
    }
    return true;
}

static bool take_predictions(const cn_recorded_step *step, cn_frame *frame, int64_t samples, int64_t first,
                             int64_t count, const cn_view *predictions)
{
    for (int i = 0; i < step->output_count; i++) {
        const cn_view *out = &predictions[i];
        int64_t size = count ? cn_shape_size(step->output[i].shape) / count : 0;
        cn_shape whole = step->output[i].shape;
        if (whole.rank > 0)
            whole.dim[0] = samples;
        if (!cn_check_view("predict", out, whole))
            return false;
        unsigned char *to =
            (unsigned char *)(uintptr_t)out->data + (size_t)(first * size) * cn_array_type_size(out->type);
        if (!cn_convert(to, out->type, cn_frame_output(frame, i), cn_array_type_of(step->output[i].dtype),
                        size * count))
            return false;
    }
    return true;
}

static bool run_recorded(cn_model *model, const cn_recorded_step *step, const cn_arrays *arrays, const int64_t *order,
                         int64_t first, int64_t count, double *losses, const cn_view *predictions)
{
    cn_frame *frame = cn_plan_frame(step->plan);
    if (!frame)
        return false;
    bool done = fill_feeds(step, frame, arrays, order, first, count) && cn_frame_run(frame, model->step);
    if (done && step->shapes.kind == CN_PREDICT_STEP) {
        done = take_predictions(step, frame, arrays->samples, first, count, predictions);
    } else if (done) {
        losses[0] = value_at(cn_frame_output(frame, 0), step->loss_dtype[0], 0);
        for (int i = 0; i < step->output_count; i++) {
            int at = step->output_loss[i];
            losses[1 + i] = at >= 0 ? value_at(cn_frame_output(frame, at), step->loss_dtype[at], 0) : NAN;
        }
    }
    cn_frame_give_back(frame);
    return done;
}

static cn_recorded_step *step_for(cn_model *model, cn_step_kind kind, const cn_arrays *arrays, int64_t count)
{
    cn_step_shapes shapes; /* large, so that only what is in use is set */
    shapes.kind = kind;
    shapes.inputs = arrays->inputs;
    shapes.outputs = kind == CN_PREDICT_STEP ? 0 : arrays->outputs;
    for (int i = 0; i < arrays->inputs; i++)
        shapes.x[i] = batch_shape(&arrays->x[i], count);
    for (int i = 0; i < shapes.outputs; i++) {
        shapes.y[i] = batch_shape(&arrays->y[i], count);
        shapes.weight[i] = arrays->weight[i].data ? batch_shape(&arrays->weight[i], count) : (cn_shape){.rank = -1};
        if (arrays->class_weight)
            shapes.weight[i] = CN_SHAPE(count);
    }
    return cn_model_step(model, &shapes);
}

bool cn_prepare_step(cn_model *model, cn_step_kind kind, const cn_arrays *arrays, int64_t count)
{
    cn_recorded_step *step = step_for(model, kind, arrays, count);
    if (step)
        cn_model_let_go(model, step);
    return step != NULL;
}

bool cn_run_step(cn_model *model, cn_step_kind kind, const cn_arrays *arrays, const int64_t *order, int64_t first,
                 int64_t count, double *losses, const cn_view *predictions)
{
    cn_recorded_step *step = step_for(model, kind, arrays, count);
    if (!step)
        return false;
    bool done = run_recorded(model, step, arrays, order, first, count, losses, predictions);
    cn_model_let_go(model, step);
    if (done && kind == CN_TRAIN_STEP)
        model->step++;
    return done;
}

void cn_begin_epoch(cn_model *model, cn_epoch *epoch)
{
    *epoch = (cn_epoch){0};
    for (int i = 0; i < model->tracked_count; i++)
        cn_meter_reset(model->tracked[i].meter);
}

void cn_count_batch(cn_epoch *epoch, const double *losses, int64_t samples)
{
    for (int i = 0; i < 1 + CN_MAX_OUTPUTS; i++)
        epoch->loss[i] += losses[i] * (double)samples;
    epoch->samples += samples;
}

bool cn_log_epoch(cn_model *model, const cn_epoch *epoch, bool validation, cn_logs *logs)
{
    char *const *names = model->log_name[validation];
    int at = 0, outputs = model->topology.output_count;
    double samples = epoch->samples ? (double)epoch->samples : 1;
    if (!cn_logs_set(logs, names[at++], epoch->loss[0] / samples))
        return false;
    for (int i = 0; outputs > 1 && i < outputs; i++) {
        bool has_loss = model->arguments.loss.name || model->arguments.losses[i].name;
        if (has_loss && !cn_logs_set(logs, names[at++], epoch->loss[1 + i] / samples))
            return false;
    }
    for (int i = 0; i < model->tracked_count; i++)
        if (!cn_logs_set(logs, names[at++], cn_meter_result(model->tracked[i].meter)))
            return false;
    return true;
}
