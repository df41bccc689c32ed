#include "models/structure.h"
#include "models/step.h"
#include "optim/choice.h"
#include <stdio.h>
#include <string.h>

static void free_names(char **names)
{
    for (int i = 0; names && names[i]; i++)
        cn_release(names[i]);
    cn_release(names);
}

void cn_model_forget_compile(cn_model *model)
{
    cn_updater_free(model->updater);
    for (int i = 0; i < model->tracked_count; i++) {
        cn_meter_free(model->tracked[i].meter);
        cn_release(model->tracked[i].name);
    }
    cn_release(model->tracked);
    cn_release(model->variable);
    cn_release(model->weight);
    free_names(model->log_name[0]);
    free_names(model->log_name[1]);
    model->updater = NULL;
    model->tracked = NULL;
    model->variable = NULL;
    model->weight = NULL;
    model->log_name[0] = model->log_name[1] = NULL;
    model->tracked_count = model->variable_count = 0;
    model->compiled = false;
}

/* What is trained, in the order of get_weights. */
static bool find_variables(cn_model *model)
{
    cn_weight_view *views = NULL;
    int count = 0;
    if (!cn_layer_weights(&model->base, &views, &count))
        return false;
    model->variable = cn_allocate((size_t)count + 1, sizeof *model->variable);
    model->weight = cn_allocate((size_t)count + 1, sizeof *model->weight);
    bool done = model->variable && model->weight;
    for (int i = 0; done && i < count; i++) {
        if (!views[i].trainable)
            continue;
        model->weight[model->variable_count] = views[i].weight;
        model->variable[model->variable_count++] = views[i].weight->variable;
    }
    cn_release(views);
    return done;
}

static const char *maker_name(const cn_model *model, int output)
{
    const cn_node *node = cn_node_of(model->topology.output[output]);
    return node->layer ? cn_layer_name(node->layer) : node->name;
}

enum { OUTPUT_NAME_BYTES = CN_NAME_BYTES + 4 };

/* The name of an output is that of the layer that makes it; the second output of that layer is NAME_1, and so on. */
static const char *output_name(const cn_model *model, int output, char *text)
{
    const char *name = maker_name(model, output);
    int before = 0;
    for (int i = 0; i < output; i++)
        before += strcmp(maker_name(model, i), name) == 0;
    if (before == 0)
        return name;
    snprintf(text, OUTPUT_NAME_BYTES, "%s_%d", name, before);
    return text;
}

static bool is_tracked(const cn_model *model, const char *name)
{
    for (int i = 0; i < model->tracked_count; i++)
        if (strcmp(model->tracked[i].name, name) == 0)
            return true;
    return false;
}

/* The second metric of a name is NAME_1, and so on. */
static void make_unique(const cn_model *model, char *name, size_t size)
{
    size_t length = strlen(name);
    for (int i = 1; is_tracked(model, name); i++) {
        size_t end = length + 12 < size ? length : size - 12;
        snprintf(name + end, size - end, "_%d", i);
    }
}

static bool track(cn_model *model, const cn_metric *metric, int output, bool weighted)
{
    char name[2 * CN_NAME_BYTES], of_output[OUTPUT_NAME_BYTES];
    if (model->topology.output_count > 1)
        snprintf(name, sizeof name, "%s_%s", output_name(model, output, of_output), metric->name);
    else
        snprintf(name, sizeof name, "%s", metric->name);
    if (weighted && is_tracked(model, name)) {
        char plain[2 * CN_NAME_BYTES];
        memcpy(plain, name, sizeof plain);
        snprintf(name, sizeof name, "weighted_%.*s", (int)sizeof name - 10, plain);
    }
    make_unique(model, name, sizeof name);
    cn_tracked *tracked = cn_resize(model->tracked, (size_t)model->tracked_count, (size_t)model->tracked_count + 1,
                                    sizeof *model->tracked);
    if (!tracked)
        return false;
    model->tracked = tracked;
    tracked += model->tracked_count;
    *tracked = (cn_tracked){.meter = cn_meter_new(*metric),
                            .name = cn_copy_string(name),
                            .output = output,
                            .weighted = weighted,
                            .direction = metric->direction};
    model->tracked_count++;
    return tracked->meter && tracked->name;
}

static bool track_list(cn_model *model, const cn_metric *metrics, int most, int output, bool weighted)
{
    for (int i = 0; i < most && metrics[i].name; i++)
        if (!track(model, &metrics[i], output, weighted))
            return false;
    return true;
}

static bool track_metrics(cn_model *model)
{
    const cn_compile_args *arguments = &model->arguments;
    for (int i = 0; i < model->topology.output_count; i++)
        if (!track_list(model, arguments->metrics, CN_MAX_METRICS, i, false) ||
            !track_list(model, arguments->output_metrics[i], CN_MAX_OUTPUT_METRICS, i, false) ||
            !track_list(model, arguments->weighted_metrics, CN_MAX_METRICS, i, true))
            return false;
    return true;
}

static bool name_logs(cn_model *model)
{
    int outputs = model->topology.output_count;
    for (int validation = 0; validation < 2; validation++) {
        const char *prefix = validation ? "val_" : "";
        char text[3 * CN_NAME_BYTES], name[OUTPUT_NAME_BYTES];
        char **names = cn_allocate((size_t)(1 + outputs + model->tracked_count + 1), sizeof *names);
        int count = 0;
        if (!(model->log_name[validation] = names))
            return false;
        for (int i = -1; i < outputs + model->tracked_count; i++) {
            bool of_output = i >= 0 && i < outputs;
            if (of_output && (outputs == 1 || !(model->arguments.loss.name || model->arguments.losses[i].name)))
                continue;
            if (i < 0)
                snprintf(text, sizeof text, "%sloss", prefix);
            else if (of_output)
                snprintf(text, sizeof text, "%s%s_loss", prefix, output_name(model, i, name));
            else
                snprintf(text, sizeof text, "%s%s", prefix, model->tracked[i - outputs].name);
            if (!(names[count++] = cn_copy_string(text)))
                return false;
        }
    }
    return true;
}

static bool check_arguments(cn_model *model, const cn_compile_args *args)
{
    if (cn_failed())
        return false;
    if (!model)
        return cn_fail(CN_ARGUMENT, "compile: the model is NULL");
    if (model->fitting)
        return cn_fail(CN_STATE, "compile: %s is being trained", cn_model_name(model));
    if (!args->optimizer.type)
        return cn_fail(CN_ARGUMENT, "compile: %s is given no optimizer; .optimizer = cn_adam(), for example",
                       cn_model_name(model));
    for (int i = model->topology.output_count; model->topology.output_count && i < CN_MAX_OUTPUTS; i++) {
        const char *extra = args->losses[i].name              ? "losses"
                            : args->output_metrics[i][0].name ? "output_metrics"
                            : args->loss_weights[i] != 0      ? "loss_weights"
                                                              : NULL;
        if (extra)
            return cn_fail(CN_ARGUMENT, "compile: %s has %d outputs; %s has something for output %d",
                           cn_model_name(model), model->topology.output_count, extra, i);
    }
    return true;
}

/* What the arguments point to is the caller's, and wanted until the model is compiled anew: a sequential model may get
 * its weights later, and a file says how it is compiled. */

static bool keep_text(cn_arena *texts, const char **text)
{
    size_t bytes = *text ? strlen(*text) + 1 : 0;
    char *copy = bytes ? cn_arena_record(texts, bytes) : NULL;
    if (copy)
        *text = memcpy(copy, *text, bytes);
    return copy || !bytes;
}

static bool keep_words(cn_arena *texts, cn_optimizer *optimizer)
{
    for (int i = 0; i < CN_MAX_EXCLUDED; i++)
        if (!keep_text(texts, &optimizer->exclude_layers[i]) ||
            !keep_text(texts, &optimizer->exclude_from_weight_decay[i]))
            return false;
    return true;
}

static bool keep_optimizers(cn_arena *texts, cn_optimizer *optimizer)
{
    size_t count = (size_t)cn_optimizer_count(optimizer); /* one more than the others, which end with an empty one */
    if (!keep_words(texts, optimizer) || !optimizer->others)
        return !cn_failed();
    cn_optimizer_of *others = cn_arena_record(texts, count * sizeof *others);
    for (size_t i = 0; others && i + 1 < count; i++) {
        others[i] = optimizer->others[i];
        if (!keep_text(texts, &others[i].variables) || !keep_words(texts, &others[i].optimizer))
            return false;
    }
    optimizer->others = others;
    return others != NULL;
}

static bool keep_names(cn_arena *texts, cn_metric *metrics, int most)
{
    for (int i = 0; i < most && metrics[i].name; i++)
        if (!keep_text(texts, &metrics[i].name))
            return false;
    return true;
}

static bool keep_arguments(cn_arena *texts, cn_compile_args *args)
{
    for (int i = 0; i < CN_MAX_OUTPUTS; i++)
        if (!keep_names(texts, args->output_metrics[i], CN_MAX_OUTPUT_METRICS))
            return false;
    return keep_names(texts, args->metrics, CN_MAX_METRICS) &&
           keep_names(texts, args->weighted_metrics, CN_MAX_METRICS) && keep_optimizers(texts, &args->optimizer);
}

/* A sequential model without an input gets the rest when its weights exist. */
bool cn_model_finish_compile(cn_model *model)
{
    if (model->compiled)
        return true;
    if (model->topology.output_count > CN_MAX_OUTPUTS)
        return cn_fail(CN_UNSUPPORTED, "compile: %s has %d outputs; %d is the most", cn_model_name(model),
                       model->topology.output_count, CN_MAX_OUTPUTS);
    if (!find_variables(model) || !track_metrics(model) || !name_logs(model) ||
        (model->variable_count > 0 &&
         !(model->updater = cn_updater_new(model->arguments.optimizer, model->variable, model->variable_count)))) {
        cn_model_forget_compile(model);
        return false;
    }
    return model->compiled = true;
}

bool cn_compile_with(cn_model *model, cn_compile_args args)
{
    cn_arena texts = {0};
    if (!check_arguments(model, &args))
        return false;
    if (!keep_arguments(&texts, &args)) {
        cn_arena_free(&texts);
        return false;
    }
    cn_model_forget_steps(model);
    cn_model_forget_compile(model);
    cn_arena_free(&model->texts);
    model->texts = texts;
    model->arguments = args;
    return model->topology.output_count == 0 || cn_model_finish_compile(model);
}

const double *cn_metric_results(cn_model *model, const char *name, int64_t *count)
{
    for (int i = 0; !cn_failed() && model && name && i < model->tracked_count; i++)
        if (strcmp(model->tracked[i].name, name) == 0)
            return cn_meter_results(model->tracked[i].meter, count);
    cn_fail(CN_ARGUMENT, "metric_results: no metric is logged as %s", name ? name : "NULL");
    return NULL;
}

cn_updater *cn_model_updater(cn_model *model)
{
    return model ? model->updater : NULL;
}
