#include "formats/compile_config.h"
#include "formats/config_training.h"
#include "formats/config_writing.h"
#include "layers/session.h"
#include "losses/metric_arguments.h"
#include "models/structure.h"
#include "optim/fields.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *refuse(const char *kind, const char *name)
{
    cn_fail(CN_UNSUPPORTED, "compile: the %s %s is no built-in one and cannot be saved with a model; its weights can",
            kind, name);
    return NULL;
}

/* A number that stands for None where it is 0. */
static json_t *number_or_none(double number)
{
    return number == 0 ? json_null() : json_real(number);
}

/* Optimizers */

static json_t *write_schedule(const cn_schedule *s)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = {{"decay_rate", offsetof(cn_schedule, decay_rate)},
                   {"end_learning_rate", offsetof(cn_schedule, end_learning_rate)},
                   {"power", offsetof(cn_schedule, power)},
                   {"alpha", offsetof(cn_schedule, alpha)},
                   {"t_mul", offsetof(cn_schedule, t_mul)},
                   {"m_mul", offsetof(cn_schedule, m_mul)}};
    static const struct {
        const char *class, *has;
    } classes[] = {{"ExponentialDecay", "decay_rate staircase"},         {"InverseTimeDecay", "decay_rate staircase"},
                   {"PolynomialDecay", "end_learning_rate power cycle"}, {"CosineDecay", "alpha warmup"},
                   {"CosineDecayRestarts", "alpha t_mul m_mul"},         {"PiecewiseConstantDecay", ""}};
    const char *has = NULL;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(s->name, classes[i].class) == 0)
            has = classes[i].has;
    if (!has)
        return refuse("schedule", s->name);
    json_t *config = json_object();
    if (strcmp(s->name, "PiecewiseConstantDecay") == 0) {
        json_t *boundaries = json_array(), *values = json_array();
        for (int i = 0; i < s->count; i++)
            json_array_append_new(boundaries, json_real(s->boundaries[i]));
        for (int i = 0; i <= s->count; i++)
            json_array_append_new(values, json_real(s->values[i]));
        cn_config_set(config, "boundaries", boundaries);
        cn_config_set(config, "values", values);
    } else {
        bool restarts = strcmp(s->name, "CosineDecayRestarts") == 0;
        cn_config_set(config, "initial_learning_rate", json_real(s->initial_learning_rate));
        cn_config_set(config, restarts ? "first_decay_steps" : "decay_steps", json_real(s->decay_steps));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strstr(has, numbers[i].name)) {
            const void *at = (const char *)s + numbers[i].offset;
            cn_config_set(config, numbers[i].name, json_real(*(const double *)at));
        }
    if (strstr(has, "staircase"))
        cn_config_set(config, "staircase", json_boolean(s->staircase));
    if (strstr(has, "cycle"))
        cn_config_set(config, "cycle", json_boolean(s->cycle));
    if (strstr(has, "warmup")) {
        cn_config_set(config, "warmup_target", s->warmup_steps > 0 ? json_real(s->warmup_target) : json_null());
        cn_config_set(config, "warmup_steps", json_integer(s->warmup_steps));
    }
    return cn_config_object("keras.optimizers.schedules", s->name, NULL, config);
}

static void write_words(json_t *config, const char *key, const char *const *words)
{
    json_t *list = json_array();
    for (int i = 0; i < CN_MAX_EXCLUDED && words[i]; i++)
        json_array_append_new(list, json_string(words[i]));
    if (json_array_size(list) > 0)
        json_object_set(config, key, list);
    json_decref(list);
}

static json_t *write_optimizer(const cn_optimizer *o, double learning_rate)
{
    cn_optimizer known;
    json_t *named = json_string(o->type->name);
    bool built_in = cn_optimizer_from_config(named, &known) && known.type == o->type;
    json_decref(named);
    cn_error_clear();
    if (!built_in || o->others)
        return refuse("optimizer", o->others ? "MultiOptimizer" : o->type->name);
    char name[CN_NAME_TEXT];
    cn_snake_case(o->type->name, name, sizeof name);
    json_t *rate = o->schedule.name ? write_schedule(&o->schedule) : json_real(learning_rate);
    if (!rate)
        return NULL;
    json_t *config = json_pack("{s:s, s:o}", "name", name, "learning_rate", rate);
    for (const cn_optimizer_field *field = cn_optimizer_fields; field->name; field++) {
        const void *at = (const char *)o + field->offset;
        if (!cn_optimizer_has(o->type, field))
            continue;
        json_t *value = field->type == CN_OPTIMIZER_FLAG    ? json_boolean(*(const bool *)at)
                        : field->type == CN_OPTIMIZER_COUNT ? number_or_none(*(const int *)at)
                        : field->of_rule                    ? json_real(*(const double *)at)
                                                            : number_or_none(*(const double *)at);
        if (field->type == CN_OPTIMIZER_COUNT && *(const int *)at != 0) {
            json_decref(value);
            value = json_integer(*(const int *)at);
        }
        cn_config_set(config, field->name, value);
    }
    write_words(config, "exclude_from_weight_decay", o->exclude_from_weight_decay);
    write_words(config, "exclude_layers", o->exclude_layers);
    json_t *object = cn_config_object("keras.optimizers", o->type->name, NULL, config);
    if (!object || o->dynamic_growth_steps == 0)
        return object;
    return cn_config_object("keras.optimizers", "LossScaleOptimizer", NULL,
                            json_pack("{s:o, s:f, s:i}", "inner_optimizer", object, "initial_scale", o->initial_scale,
                                      "dynamic_growth_steps", o->dynamic_growth_steps));
}

/* Losses and metrics: an object if it has arguments of its own, else a name. */

static json_t *write_loss(const cn_loss *loss)
{
    static const char *const reductions[] = {[CN_SUM_OVER_BATCH_SIZE] = "sum_over_batch_size",
                                             [CN_MEAN_WITH_SAMPLE_WEIGHT] = "mean_with_sample_weight",
                                             [CN_SUM] = "sum",
                                             [CN_NO_REDUCTION] = "none"};
    if (!loss->name)
        return json_null();
    cn_loss usual = cn_loss_named(loss->name);
    if (cn_failed() || usual.values != loss->values) {
        cn_error_clear();
        return refuse("loss", loss->name);
    }
    json_t *config = json_pack("{s:s, s:s}", "name", loss->name, "reduction", reductions[loss->reduction]);
#define NUMBER(key)             \
    if (loss->key != usual.key) \
    cn_config_set(config, #key, json_real(loss->key))
#define INTEGER(key)            \
    if (loss->key != usual.key) \
    cn_config_set(config, #key, json_integer(loss->key))
#define FLAG(key)               \
    if (loss->key != usual.key) \
    cn_config_set(config, #key, json_boolean(loss->key))
    FLAG(from_logits);
    NUMBER(label_smoothing);
    INTEGER(axis);
    INTEGER(ignore_class);
    NUMBER(delta);
    NUMBER(alpha);
    NUMBER(beta);
    NUMBER(gamma);
    NUMBER(q);
    NUMBER(margin);
    FLAG(apply_class_balancing);
    FLAG(remove_diagonal);
#undef NUMBER
#undef INTEGER
#undef FLAG
    if (loss->axes.count > 0) {
        json_t *axes = json_array();
        for (int i = 0; i < loss->axes.count; i++)
            json_array_append_new(axes, json_integer(loss->axes.axis[i]));
        cn_config_set(config, "axis", axes);
    }
    char class[CN_NAME_TEXT];
    cn_camel_case(loss->name, class, sizeof class);
    if (strcmp(loss->name, "kl_divergence") == 0)
        strcpy(class, "KLDivergence");
    if (strcmp(loss->name, "ctc") == 0)
        strcpy(class, "CTC");
    return cn_config_object("keras.losses", class, NULL, config);
}

static json_t *write_argument(const cn_metric_argument *argument, const void *at)
{
    const cn_numbers *numbers = at;
    json_t *list;
    switch (argument->type) {
    case CN_METRIC_NUMBER:
        return json_real(*(const double *)at);
    case CN_METRIC_INTEGER:
        return json_integer(*(const int64_t *)at);
    case CN_METRIC_AXIS:
        return json_integer(*(const int *)at);
    case CN_METRIC_FLAG:
        return json_boolean(*(const bool *)at);
    case CN_METRIC_LIST:
        list = json_array();
        for (int i = 0; i < numbers->count; i++)
            json_array_append_new(list, json_real(numbers->value[i]));
        return list;
    case CN_METRIC_CHOICE:
        for (const cn_metric_choice *choice = argument->choices;; choice++)
            if (choice->value == *(const int *)at || !choice->name)
                return choice->name ? json_string(choice->name) : json_null();
    }
    return json_null();
}

static json_t *write_metric_of_loss(const cn_metric *metric)
{
    cn_metric named = cn_metric_named(metric->name);
    bool is_short =
        strcmp(metric->name, metric->loss.name) != 0 && named.loss.values == metric->loss.values; /* "mse" */
    cn_error_clear();
    json_t *object = is_short ? json_string(metric->name) : write_loss(&metric->loss);
    if (is_short || !object)
        return object;
    json_t *arguments = json_object_get(object, "config");
    json_object_del(arguments, "reduction");
    cn_config_set(arguments, "name", json_string(metric->name));
    json_object_set_new(object, "module", json_string("keras.metrics"));
    if (strcmp(metric->loss.name, "log_cosh") == 0)
        json_object_set_new(object, "class_name", json_string("LogCoshError"));
    return object;
}

static json_t *write_metric(const cn_metric *metric)
{
    const cn_metric_class *of = cn_metric_class_named(metric->built_in);
    if (metric->loss.name)
        return write_metric_of_loss(metric);
    if (!of) {
        cn_metric named = cn_metric_named(metric->name);
        bool same = !cn_failed() && named.resolve == metric->resolve && named.values == metric->values &&
                    named.function == metric->function && !metric->function;
        cn_error_clear();
        return same ? json_string(metric->name) : refuse("metric", metric->name);
    }
    cn_metric usual = of->with(*of->defaults);
    cn_error_clear(); /* of a metric that wants arguments */
    if (usual.update != metric->update || usual.resolve != metric->resolve)
        return refuse("metric", metric->name);
    json_t *config = json_pack("{s:s}", "name", metric->name);
    static const size_t bytes[] = {[CN_METRIC_NUMBER] = sizeof(double),
                                   [CN_METRIC_INTEGER] = sizeof(int64_t),
                                   [CN_METRIC_AXIS] = sizeof(int),
                                   [CN_METRIC_FLAG] = sizeof(bool),
                                   [CN_METRIC_LIST] = 0,
                                   [CN_METRIC_CHOICE] = sizeof(int)};
    for (const cn_metric_argument *argument = cn_metric_arguments; argument->name; argument++) {
        const void *at = (const char *)metric + argument->offset, *was = (const char *)&usual + argument->offset;
        bool given = argument->type == CN_METRIC_LIST ? ((const cn_numbers *)at)->count > 0
                                                      : memcmp(at, was, bytes[argument->type]) != 0;
        if (given)
            cn_config_set(config, argument->name, write_argument(argument, at));
    }
    return cn_config_object("keras.metrics", of->class_name, NULL, config);
}

static void append_metrics(json_t *list, const cn_metric *metrics, int most)
{
    for (int i = 0; i < most && metrics[i].name && !cn_failed(); i++)
        json_array_append_new(list, write_metric(&metrics[i]));
}

/* A list, or of several outputs one for each. */
static json_t *write_metrics(const cn_metric *of_every, const cn_metric (*of_one)[CN_MAX_OUTPUT_METRICS], int outputs)
{
    json_t *lists = json_array(), *list = NULL;
    for (int i = 0; i < outputs; i++) {
        list = json_array();
        append_metrics(list, of_every, CN_MAX_METRICS);
        if (of_one)
            append_metrics(list, of_one[i], CN_MAX_OUTPUT_METRICS);
        json_array_append_new(lists, list);
    }
    if (outputs != 1)
        return lists;
    json_incref(list);
    json_decref(lists);
    return list;
}

/* Compiling */

static bool has_losses(const cn_compile_args *args)
{
    for (int i = 0; i < CN_MAX_OUTPUTS; i++)
        if (args->losses[i].name)
            return true;
    return false;
}

static json_t *write_loss_weights(const cn_compile_args *args, int outputs)
{
    bool given = false;
    for (int i = 0; i < outputs; i++)
        given = given || args->loss_weights[i] != 0;
    if (!given)
        return json_null();
    json_t *list = json_array();
    for (int i = 0; i < outputs; i++)
        json_array_append_new(list, json_real(args->loss_weights[i]));
    return list;
}

json_t *cn_compile_config(const cn_model *model)
{
    const cn_compile_args *args = &model->arguments;
    int outputs = model->topology.output_count;
    if (!model->compiled)
        return json_object();
    if (args->train_step)
        return refuse("train_step", "of its own");
    double rate = model->updater && !args->optimizer.schedule.name ? cn_learning_rate(model->updater)
                                                                   : args->optimizer.learning_rate;
    json_t *optimizer = write_optimizer(&args->optimizer, rate), *loss = NULL, *metrics, *weighted;
    if (!optimizer)
        return NULL;
    if (has_losses(args)) {
        loss = json_array();
        for (int i = 0; i < outputs && !cn_failed(); i++)
            json_array_append_new(loss, write_loss(&args->losses[i]));
    } else {
        loss = write_loss(&args->loss);
    }
    metrics = write_metrics(args->metrics, args->output_metrics, outputs);
    weighted = write_metrics(args->weighted_metrics, NULL, outputs);
    if (cn_failed() || !loss) {
        json_decref(optimizer);
        json_decref(loss);
        json_decref(metrics);
        json_decref(weighted);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:i, s:b}", "optimizer", optimizer, "loss", loss, "loss_weights",
                     write_loss_weights(args, outputs), "metrics", metrics, "weighted_metrics", weighted, "run_eagerly",
                     0, "steps_per_execution", 1, "jit_compile", 0);
}

/* Reading */

static bool is_empty(json_t *value)
{
    return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

/* A sequential model without an input has its output only when it is built. */
static int outputs_of(const cn_model *model)
{
    int count = model->topology.output_count;
    return count == 0 ? 1 : count < CN_MAX_OUTPUTS ? count : CN_MAX_OUTPUTS;
}

static int output_named(const cn_model *model, const char *name)
{
    for (int i = 0; i < model->topology.output_count; i++)
        if (strcmp(model->topology.output[i]->name, name) == 0)
            return i;
    cn_fail(CN_FORMAT, "%s: is compiled for an output %.80s that it has not", cn_model_name(model), name);
    return -1;
}

/* What a list or an object by the names of outputs, `what`, has for one output; NULL for nothing or with the error set.
 */
static json_t *of_output(const cn_model *model, const char *what, json_t *all, int output)
{
    const char *name;
    json_t *value, *found = NULL;
    if (!json_is_object(all) && json_array_size(all) != (size_t)outputs_of(model))
        cn_fail(CN_FORMAT, "%s: its %s are no list of %d, one for each output", cn_model_name(model), what,
                outputs_of(model));
    else if (json_is_array(all))
        found = json_array_get(all, (size_t)output);
    json_object_foreach(all, name, value) if (output_named(model, name) == output) found = value;
    return json_is_null(found) ? NULL : found;
}

static bool is_object_of_class(json_t *value)
{
    return json_object_get(value, "class_name") != NULL;
}

static bool read_losses(const cn_model *model, json_t *loss, cn_compile_args *args)
{
    if (is_empty(loss))
        return true;
    if (json_is_string(loss) || is_object_of_class(loss))
        return cn_loss_from_config(loss, &args->loss);
    for (int i = 0; i < outputs_of(model); i++) {
        json_t *one = of_output(model, "losses", loss, i);
        if (cn_failed() || (one && !cn_loss_from_config(one, &args->losses[i])))
            return false;
    }
    return true;
}

static bool read_loss_weights(const cn_model *model, json_t *weights, cn_compile_args *args)
{
    for (int i = 0; i < outputs_of(model) && !is_empty(weights); i++) {
        json_t *one = json_is_number(weights) ? weights : of_output(model, "loss_weights", weights, i);
        args->loss_weights[i] = one ? json_number_value(one) : 1;
        if (cn_failed() || (one && !json_is_number(one)))
            return cn_fail(CN_FORMAT, "%s: its loss_weights are no numbers", cn_model_name(model));
    }
    return true;
}

/* Keras writes the type of every metric, but only those over unions can have another one here. */
static bool read_metric(json_t *config, cn_metric *metric)
{
    const char *class = json_string_value(json_object_get(config, "class_name"));
    json_t *arguments = json_object_get(config, "config");
    if (class && !strstr(class, "IoU") && json_is_object(arguments))
        json_object_del(arguments, "dtype");
    return cn_metric_from_config(config, metric);
}

/* Metrics as a list, or one without it. */

static size_t metric_count(json_t *list)
{
    return json_is_array(list) ? json_array_size(list) : list != NULL;
}

static json_t *metric_at(json_t *list, size_t index)
{
    return json_is_array(list) ? json_array_get(list, index) : list;
}

static bool read_list(const cn_model *model, json_t *list, size_t from, size_t to, cn_metric *metrics, size_t most)
{
    if (to - from > most)
        return cn_fail(CN_UNSUPPORTED, "%s: has more than %zu metrics of %s", cn_model_name(model), most,
                       most == CN_MAX_OUTPUT_METRICS ? "one output alone" : "an output");
    for (size_t i = from; i < to; i++)
        if (!read_metric(metric_at(list, i), &metrics[i - from]))
            return false;
    return true;
}

/* How many metrics all lists begin with. */
static size_t count_common(json_t *const *lists, int count)
{
    for (size_t n = 0;; n++)
        for (int i = 0; i < count; i++)
            if (n >= metric_count(lists[i]) || !json_equal(metric_at(lists[i], n), metric_at(lists[0], n)))
                return n;
}

/* One list for every output, or one for each; `of_one` is NULL where no output can have its own. */
static bool read_metrics(const cn_model *model, const char *what, json_t *metrics, cn_metric *of_every,
                         cn_metric (*of_one)[CN_MAX_OUTPUT_METRICS])
{
    json_t *lists[CN_MAX_OUTPUTS] = {metrics};
    bool nested = json_is_object(metrics) && !is_object_of_class(metrics);
    int outputs = outputs_of(model);
    if (is_empty(metrics))
        return true;
    for (size_t i = 0; i < json_array_size(metrics); i++)
        nested = nested || json_is_array(json_array_get(metrics, i)) || json_is_null(json_array_get(metrics, i));
    for (int i = 0; nested && i < outputs; i++)
        lists[i] = of_output(model, what, metrics, i);
    if (cn_failed())
        return false;
    size_t common = count_common(lists, nested ? outputs : 1);
    if (!read_list(model, lists[0], 0, common, of_every, CN_MAX_METRICS - 1))
        return false;
    for (int i = 0; nested && i < outputs; i++) {
        size_t count = metric_count(lists[i]);
        if (!of_one && count > common)
            return cn_fail(CN_UNSUPPORTED, "%s: its outputs have different %s", cn_model_name(model), what);
        if (of_one && !read_list(model, lists[i], common, count, of_one[i], CN_MAX_OUTPUT_METRICS))
            return false;
    }
    return true;
}

bool cn_compile_from_config(cn_model *model, json_t *config)
{
    cn_compile_args args = {.first_ = 0};
    json_t *optimizer = json_object_get(config, "optimizer");
    if (!optimizer)
        optimizer = json_object_get(config, "optimizer_config");
    if (is_empty(optimizer))
        return true;
    return cn_optimizer_from_config(optimizer, &args.optimizer) &&
           read_losses(model, json_object_get(config, "loss"), &args) &&
           read_loss_weights(model, json_object_get(config, "loss_weights"), &args) &&
           read_metrics(model, "metrics", json_object_get(config, "metrics"), args.metrics, args.output_metrics) &&
           read_metrics(model, "weighted_metrics", json_object_get(config, "weighted_metrics"), args.weighted_metrics,
                        NULL) &&
           cn_compile_with(model, args);
}
