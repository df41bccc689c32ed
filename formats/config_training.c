#include "formats/config_training.h"
#include "formats/config.h"
#include "losses/metric_arguments.h"
#include "optim/adafactor.h"
#include "optim/adagrad.h"
#include "optim/adam.h"
#include "optim/adamax.h"
#include "optim/fields.h"
#include "optim/ftrl.h"
#include "optim/lion.h"
#include "optim/loss_scale.h"
#include "optim/multi.h"
#include "optim/muon.h"
#include "optim/rmsprop.h"
#include "optim/schedule_free.h"
#include "optim/sgd.h"
#include <string.h>
#include <strings.h>

/* What is missing or null stays as it is; a value of another type sets the error. */

static void read_number(const char *class, json_t *arguments, const char *key, double *number)
{
    json_t *value = json_object_get(arguments, key);
    if (json_is_number(value))
        *number = json_number_value(value);
    else if (value && !json_is_null(value))
        cn_config_refuse(class, key, value, "a number");
}

static void read_flag(const char *class, json_t *arguments, const char *key, bool *flag)
{
    json_t *value = json_object_get(arguments, key);
    if (json_is_boolean(value))
        *flag = json_is_true(value);
    else if (value && !json_is_null(value))
        cn_config_refuse(class, key, value, "true or false");
}

static void read_integer(const char *class, json_t *arguments, const char *key, int64_t *integer)
{
    json_t *value = json_object_get(arguments, key);
    if (json_is_integer(value))
        *integer = json_integer_value(value);
    else if (value && !json_is_null(value))
        cn_config_refuse(class, key, value, "an integer");
}

/* Refuses an argument that is none of `known` and that the class, if `has` is given, has not. */
static bool check_keys(const char *class, json_t *arguments, const char *const *known,
                       bool (*has)(const void *of, const char *key), const void *of)
{
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        if (!json_is_null(value) && !cn_config_is_among(known, key) && !(has && has(of, key)))
            return cn_config_refuse_key(class, key);
    }
    return true;
}

/* Losses */

static bool read_reduction(json_t *value, cn_reduction *reduction)
{
    static const struct {
        const char *name;
        cn_reduction reduction;
    } names[] = {{"sum_over_batch_size", CN_SUM_OVER_BATCH_SIZE},
                 {"mean", CN_SUM_OVER_BATCH_SIZE},
                 {"mean_with_sample_weight", CN_MEAN_WITH_SAMPLE_WEIGHT},
                 {"sum", CN_SUM},
                 {"none", CN_NO_REDUCTION}};
    const char *text = json_is_null(value) ? "none" : json_string_value(value);
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i].name)) {
            *reduction = names[i].reduction;
            return true;
        }
    return cn_fail(CN_FORMAT, "loss: there is no reduction %s", text ? text : "of that type");
}

bool cn_loss_from_config(json_t *config, cn_loss *loss)
{
    static const char *const known[] = {"name",
                                        "dtype",
                                        "fn",
                                        "reduction",
                                        "from_logits",
                                        "label_smoothing",
                                        "axis",
                                        "delta",
                                        "alpha",
                                        "ignore_class",
                                        "beta",
                                        "gamma",
                                        "margin",
                                        "q",
                                        "remove_diagonal",
                                        "apply_class_balancing",
                                        NULL};
    json_t *arguments, *reduction;
    const char *name = cn_config_split("loss", config, &arguments);
    if (!name)
        return false;
    *loss = cn_loss_named(name);
    if (!loss->name || !check_keys(name, arguments, known, NULL, NULL))
        return false;
    json_t *axis = json_object_get(arguments, "axis");
    read_flag(name, arguments, "from_logits", &loss->from_logits);
    read_number(name, arguments, "label_smoothing", &loss->label_smoothing);
    read_integer(name, arguments, "ignore_class", &loss->ignore_class);
    read_number(name, arguments, "delta", &loss->delta);
    read_number(name, arguments, "alpha", &loss->alpha);
    read_number(name, arguments, "beta", &loss->beta);
    read_number(name, arguments, "gamma", &loss->gamma);
    read_number(name, arguments, "q", &loss->q);
    read_number(name, arguments, "margin", &loss->margin);
    read_flag(name, arguments, "apply_class_balancing", &loss->apply_class_balancing);
    read_flag(name, arguments, "remove_diagonal", &loss->remove_diagonal);
    if (json_is_array(axis) && !cn_config_read_axes(name, axis, &loss->axes))
        return false;
    int64_t one = loss->axis;
    if (!json_is_array(axis))
        read_integer(name, arguments, "axis", &one);
    loss->axis = (int)one;
    reduction = json_object_get(arguments, "reduction");
    return !cn_failed() && (!reduction || read_reduction(reduction, &loss->reduction));
}

/* Metrics */

static bool read_numbers(json_t *value, const char *key, cn_numbers *numbers)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > CN_MAX_NUMBERS)
        return cn_fail(CN_FORMAT, "metric: %s has more than %d numbers", key, CN_MAX_NUMBERS);
    numbers->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_number(one))
            return cn_config_refuse("metric", key, value, "numbers");
        numbers->value[i] = json_number_value(one);
    }
    return true;
}

static bool read_choice(json_t *value, const cn_metric_argument *argument, void *at)
{
    const char *text = json_string_value(value);
    const cn_metric_choice *choice = argument->choices;
    while (choice->name && !(text && !strcmp(choice->name, text)))
        choice++;
    if (choice->value < 0 || (text && !choice->name))
        return cn_fail(CN_FORMAT, "metric: there is no %s %s", argument->name, text ? text : "null");
    memcpy(at, &choice->value, sizeof choice->value);
    return true;
}

static bool read_metric_argument(const char *class, json_t *arguments, const cn_metric_argument *argument, void *at)
{
    json_t *value = json_object_get(arguments, argument->name);
    int64_t axis = CN_NONE;
    switch (argument->type) {
    case CN_METRIC_NUMBER:
        read_number(class, arguments, argument->name, at);
        break;
    case CN_METRIC_INTEGER:
        read_integer(class, arguments, argument->name, at);
        break;
    case CN_METRIC_AXIS:
        read_integer(class, arguments, argument->name, &axis);
        if (axis != CN_NONE)
            *(int *)at = (int)axis;
        break;
    case CN_METRIC_FLAG:
        read_flag(class, arguments, argument->name, at);
        break;
    case CN_METRIC_LIST:
        return !value || json_is_null(value) || read_numbers(value, argument->name, at);
    case CN_METRIC_CHOICE:
        return !value || read_choice(value, argument, at);
    }
    return !cn_failed();
}

/* The metric of a loss, with the arguments of that. */
static bool read_arguments_of_loss(json_t *arguments, cn_metric *metric)
{
    cn_loss loss;
    const char *name = metric->name; /* "mse" */
    json_t *of_loss = json_pack("{sssO*}", "class_name", metric->loss.name, "config", arguments);
    bool done = of_loss && cn_loss_from_config(of_loss, &loss);
    json_decref(of_loss);
    if (!done)
        return false;
    *metric = cn_metric_of(loss);
    metric->name = name;
    return true;
}

static bool is_metric_argument(const void *of, const char *key)
{
    (void)of;
    const cn_metric_argument *argument = cn_metric_arguments;
    while (argument->name && strcmp(argument->name, key) != 0)
        argument++;
    return argument->name != NULL;
}

bool cn_metric_from_config(json_t *config, cn_metric *metric)
{
    static const char *const known[] = {"name", "dtype", "fn", NULL};
    json_t *arguments;
    const char *name = cn_config_split("metric", config, &arguments);
    if (!name)
        return false;
    const cn_metric_class *of_name = cn_metric_class_named(name);
    if (of_name) {
        cn_metric args = *of_name->defaults;
        if (!check_keys(name, arguments, known, is_metric_argument, NULL))
            return false;
        for (const cn_metric_argument *argument = cn_metric_arguments; argument->name; argument++)
            if (!read_metric_argument(name, arguments, argument, (char *)&args + argument->offset))
                return false;
        *metric = of_name->with(args);
    } else {
        *metric = cn_metric_named(name);
        if (metric->name && metric->loss.name && !read_arguments_of_loss(arguments, metric))
            return false;
    }
    const char *called = json_string_value(json_object_get(arguments, "name"));
    if (called && *called && metric->name)
        metric->name = called;
    return !cn_failed();
}

/* Optimizers */

static bool read_list(json_t *arguments, const char *key, int limit, double *list, int *count)
{
    json_t *values = json_object_get(arguments, key);
    *count = (int)json_array_size(values);
    if (!json_is_array(values) || json_array_size(values) > (size_t)limit)
        return cn_fail(CN_FORMAT, "schedule: %s is not a list of at most %d numbers", key, limit);
    for (int i = 0; i < *count; i++) {
        json_t *value = json_array_get(values, (size_t)i);
        if (!json_is_number(value))
            return cn_config_refuse("schedule", key, values, "a list of numbers");
        list[i] = json_number_value(value);
    }
    return true;
}

bool cn_schedule_from_config(json_t *config, cn_schedule *schedule)
{
    static const struct {
        const char *name;
        cn_schedule (*with)(cn_schedule args);
    } classes[] = {{"ExponentialDecay", cn_exponential_decay_with},
                   {"InverseTimeDecay", cn_inverse_time_decay_with},
                   {"PiecewiseConstantDecay", cn_piecewise_constant_decay_with},
                   {"PolynomialDecay", cn_polynomial_decay_with},
                   {"CosineDecay", cn_cosine_decay_with},
                   {"CosineDecayRestarts", cn_cosine_decay_restarts_with}};
    static const char *const known[] = {"name",
                                        "initial_learning_rate",
                                        "decay_steps",
                                        "decay_rate",
                                        "power",
                                        "first_decay_steps",
                                        "end_learning_rate",
                                        "alpha",
                                        "warmup_steps",
                                        "warmup_target",
                                        "staircase",
                                        "cycle",
                                        "boundaries",
                                        "values",
                                        "t_mul",
                                        "m_mul",
                                        NULL};
    json_t *arguments;
    const char *name = cn_config_split("schedule", config, &arguments);
    cn_schedule s = {.end_learning_rate = 1e-4, .power = 1, .t_mul = 2, .m_mul = 1};
    if (!name || !check_keys(name, arguments, known, NULL, NULL))
        return false;
    read_number(name, arguments, "initial_learning_rate", &s.initial_learning_rate);
    read_number(name, arguments, "decay_steps", &s.decay_steps);
    read_number(name, arguments, "first_decay_steps", &s.decay_steps);
    read_number(name, arguments, "decay_rate", &s.decay_rate);
    read_number(name, arguments, "end_learning_rate", &s.end_learning_rate);
    read_number(name, arguments, "power", &s.power);
    read_number(name, arguments, "alpha", &s.alpha);
    read_number(name, arguments, "warmup_target", &s.warmup_target);
    read_number(name, arguments, "t_mul", &s.t_mul);
    read_number(name, arguments, "m_mul", &s.m_mul);
    read_integer(name, arguments, "warmup_steps", &s.warmup_steps);
    read_flag(name, arguments, "staircase", &s.staircase);
    read_flag(name, arguments, "cycle", &s.cycle);
    if (cn_failed())
        return false;
    /* Without a target Keras does not warm up. */
    if (!json_is_number(json_object_get(arguments, "warmup_target")))
        s.warmup_steps = 0;
    int values = 1;
    if (!strcmp(name, "PiecewiseConstantDecay") &&
        (!read_list(arguments, "boundaries", CN_MAX_BOUNDARIES, s.boundaries, &s.count) ||
         !read_list(arguments, "values", CN_MAX_BOUNDARIES + 1, s.values, &values)))
        return false;
    if (values != s.count + 1)
        return cn_fail(CN_FORMAT, "schedule: %d boundaries need one value more, not %d", s.count, values);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(name, classes[i].name)) {
            *schedule = classes[i].with(s);
            return cn_check_schedule(schedule);
        }
    return cn_fail(CN_FORMAT, "schedule: there is none named \"%s\"", name);
}

static bool read_words(json_t *arguments, const char *key, const char **words)
{
    json_t *list = json_object_get(arguments, key);
    if (json_array_size(list) > CN_MAX_EXCLUDED)
        return cn_fail(CN_FORMAT, "optimizer: %s has more than %d words", key, CN_MAX_EXCLUDED);
    if (list && !json_is_null(list) && !json_is_array(list))
        return cn_config_refuse("optimizer", key, list, "a list of words");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!(words[i] = json_string_value(json_array_get(list, i))))
            return cn_config_refuse("optimizer", key, list, "a list of words");
    return true;
}

static bool is_field(const void *of, const char *key)
{
    for (const cn_optimizer_field *field = cn_optimizer_fields; field->name; field++)
        if (strcmp(field->name, key) == 0)
            return cn_optimizer_has(of, field);
    return false;
}

static bool read_fields(const char *class, json_t *arguments, cn_optimizer *o)
{
    /* Those of Keras 1 and 2 have been read as others, or change nothing. */
    static const char *const known[] = {"name",
                                        "learning_rate",
                                        "exclude_from_weight_decay",
                                        "exclude_layers",
                                        "jit_compile",
                                        "is_legacy_optimizer",
                                        "lr",
                                        "decay",
                                        "schedule_decay",
                                        NULL};
    if (!check_keys(class, arguments, known, is_field, o->type))
        return false;
    for (const cn_optimizer_field *field = cn_optimizer_fields; field->name; field++) {
        void *at = (char *)o + field->offset;
        json_t *value = json_object_get(arguments, field->name);
        if (!value || !cn_optimizer_has(o->type, field))
            continue;
        int64_t count = 0;
        if (field->type == CN_OPTIMIZER_FLAG) {
            *(bool *)at = false;
            read_flag(class, arguments, field->name, at);
        } else if (field->type == CN_OPTIMIZER_COUNT) {
            read_integer(class, arguments, field->name, &count);
            if (count < 0 || count > INT32_MAX)
                return cn_config_refuse(class, field->name, value, "a number of steps");
            *(int *)at = (int)count;
        } else {
            *(double *)at = 0;
            read_number(class, arguments, field->name, at);
        }
    }
    return !cn_failed() && read_words(arguments, "exclude_from_weight_decay", o->exclude_from_weight_decay) &&
           read_words(arguments, "exclude_layers", o->exclude_layers);
}

static bool read_loss_scale(json_t *arguments, cn_optimizer *optimizer)
{
    cn_loss_scale_args args = {CN_LOSS_SCALE_DEFAULTS};
    int64_t steps = args.dynamic_growth_steps;
    json_t *inner = json_object_get(arguments, "inner_optimizer");
    if (!inner)
        return cn_fail(CN_FORMAT, "LossScaleOptimizer: there is no inner_optimizer");
    if (!cn_optimizer_from_config(inner, &args.inner_optimizer))
        return false;
    read_number("LossScaleOptimizer", arguments, "initial_scale", &args.initial_scale);
    read_integer("LossScaleOptimizer", arguments, "dynamic_growth_steps", &steps);
    if (cn_failed())
        return false;
    args.dynamic_growth_steps = steps > 0 && steps <= INT32_MAX ? (int)steps : 0;
    *optimizer = cn_loss_scale_optimizer_with(args);
    return !cn_failed();
}

static bool read_multi(json_t *arguments, cn_optimizer *optimizer)
{
    enum { MAX_OTHERS = 16 };
    static _Thread_local cn_optimizer_of others[MAX_OTHERS + 1];
    json_t *map = json_object_get(arguments, "optimizer_map"), *value;
    const char *variables;
    int count = 0;
    if (json_object_size(map) > MAX_OTHERS)
        return cn_fail(CN_FORMAT, "MultiOptimizer: more than %d optimizers", MAX_OTHERS);
    if (!cn_optimizer_from_config(json_object_get(arguments, "default_optimizer"), optimizer))
        return false;
    json_object_foreach(map, variables, value)
    {
        others[count].variables = variables;
        if (!cn_optimizer_from_config(value, &others[count++].optimizer))
            return false;
    }
    others[count].variables = NULL;
    *optimizer = cn_multi_optimizer_with(*optimizer, others);
    return true;
}

bool cn_optimizer_from_config(json_t *config, cn_optimizer *optimizer)
{
    static const struct {
        const char *name;
        cn_optimizer (*defaults)(void);
    } classes[] = {
        {"Adadelta", cn_adadelta_defaults}, {"Adafactor", cn_adafactor_defaults},
        {"Adagrad", cn_adagrad_defaults},   {"Adam", cn_adam_defaults},
        {"AdamW", cn_adamw_defaults},       {"Adamax", cn_adamax_defaults},
        {"Ftrl", cn_ftrl_defaults},         {"Lamb", cn_lamb_defaults},
        {"Lion", cn_lion_defaults},         {"Muon", cn_muon_defaults},
        {"Nadam", cn_nadam_defaults},       {"RMSprop", cn_rmsprop_defaults},
        {"SGD", cn_sgd_defaults},           {"ScheduleFreeAdamW", cn_schedule_free_adamw_defaults},
    };
    json_t *arguments;
    const char *name = cn_config_split("optimizer", config, &arguments);
    if (name && !strcasecmp(name, "LossScaleOptimizer"))
        return read_loss_scale(arguments, optimizer);
    if (name && !strcasecmp(name, "MultiOptimizer"))
        return read_multi(arguments, optimizer);
    for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++) {
        if (strcasecmp(name, classes[i].name))
            continue;
        *optimizer = classes[i].defaults();
        json_t *rate = json_object_get(arguments, "learning_rate");
        if (json_is_object(rate) && !cn_schedule_from_config(rate, &optimizer->schedule))
            return false;
        if (!json_is_object(rate))
            read_number(name, arguments, "learning_rate", &optimizer->learning_rate);
        return read_fields(name, arguments, optimizer);
    }
    return cn_fail(CN_FORMAT, "optimizer: there is none named \"%s\"", name ? name : "");
}
