#include "losses/metric_arguments.h"
#include "core/error.h"
#include <stddef.h>
#include <string.h>

static const cn_metric_choice curves[] = {{"ROC", CN_ROC}, {"PR", CN_PR}, {"PRGAIN", CN_PRGAIN}, {NULL, -1}};
static const cn_metric_choice summation_methods[] = {
    {"interpolation", CN_INTERPOLATION}, {"minoring", CN_MINORING}, {"majoring", CN_MAJORING}, {NULL, -1}};
static const cn_metric_choice averages[] = {
    {"micro", CN_MICRO}, {"macro", CN_MACRO}, {"weighted", CN_WEIGHTED}, {NULL, CN_NO_AVERAGE}};
static const cn_metric_choice aggregations[] = {{"uniform_average", CN_UNIFORM_AVERAGE},
                                                {"variance_weighted_average", CN_VARIANCE_WEIGHTED_AVERAGE},
                                                {NULL, CN_NO_AVERAGE}};
static const cn_metric_choice dtypes[] = {{"float32", CN_F32}, {"float64", CN_F64}, {"int32", CN_I32}, {NULL, CN_I32}};

#define AT(field) offsetof(cn_metric, field)

const cn_metric_argument cn_metric_arguments[] = {
    {"threshold", CN_METRIC_NUMBER, AT(threshold), NULL},
    {"k", CN_METRIC_INTEGER, AT(k), NULL},
    {"from_sorted_ids", CN_METRIC_FLAG, AT(from_sorted_ids), NULL},
    {"thresholds", CN_METRIC_LIST, AT(thresholds), NULL},
    {"top_k", CN_METRIC_INTEGER, AT(top_k), NULL},
    {"class_id", CN_METRIC_INTEGER, AT(class_id), NULL},
    {"num_thresholds", CN_METRIC_INTEGER, AT(num_thresholds), NULL},
    {"specificity", CN_METRIC_NUMBER, AT(bound), NULL},
    {"sensitivity", CN_METRIC_NUMBER, AT(bound), NULL},
    {"recall", CN_METRIC_NUMBER, AT(bound), NULL},
    {"precision", CN_METRIC_NUMBER, AT(bound), NULL},
    {"curve", CN_METRIC_CHOICE, AT(curve), curves},
    {"summation_method", CN_METRIC_CHOICE, AT(summation_method), summation_methods},
    {"multi_label", CN_METRIC_FLAG, AT(multi_label), NULL},
    {"from_logits", CN_METRIC_FLAG, AT(from_logits), NULL},
    {"num_labels", CN_METRIC_INTEGER, AT(num_labels), NULL},
    {"label_weights", CN_METRIC_LIST, AT(label_weights), NULL},
    {"average", CN_METRIC_CHOICE, AT(average), averages},
    {"class_aggregation", CN_METRIC_CHOICE, AT(class_aggregation), aggregations},
    {"beta", CN_METRIC_NUMBER, AT(beta), NULL},
    {"num_regressors", CN_METRIC_INTEGER, AT(num_regressors), NULL},
    {"num_classes", CN_METRIC_INTEGER, AT(num_classes), NULL},
    {"target_class_ids", CN_METRIC_LIST, AT(target_class_ids), NULL},
    {"ignore_class", CN_METRIC_INTEGER, AT(ignore_class), NULL},
    {"sparse_y_true", CN_METRIC_FLAG, AT(sparse_y_true), NULL},
    {"sparse_y_pred", CN_METRIC_FLAG, AT(sparse_y_pred), NULL},
    {"axis", CN_METRIC_AXIS, AT(axis), NULL},
    {"dtype", CN_METRIC_CHOICE, AT(dtype), dtypes},
    {.name = NULL},
};

static size_t size_of(cn_metric_argument_type type)
{
    switch (type) {
    case CN_METRIC_NUMBER:
        return sizeof(double);
    case CN_METRIC_INTEGER:
        return sizeof(int64_t);
    case CN_METRIC_FLAG:
        return sizeof(bool);
    case CN_METRIC_LIST: /* its count */
    case CN_METRIC_AXIS:
    case CN_METRIC_CHOICE:
        break;
    }
    return sizeof(int);
}

static bool is_among(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* Arguments that share a place are one argument by several names, of which a metric has one. */
static bool has_argument(const char *has, const cn_metric_argument *argument)
{
    for (const cn_metric_argument *other = cn_metric_arguments; other->name; other++)
        if (other->offset == argument->offset && is_among(has, other->name))
            return true;
    return false;
}

/* Sums and counts have none; of the rest, an error alone is better when it is lower. */
static cn_direction direction_of(const char *name)
{
    static const char *const none[] = {"mean",           "sum", "true_positives", "true_negatives", "false_positives",
                                       "false_negatives"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(name, none[i]) == 0)
            return CN_NO_DIRECTION;
    return strcmp(name, "root_mean_squared_error") == 0 ? CN_DOWN : CN_UP;
}

cn_metric cn_built_in_metric(cn_metric args, const char *name, const char *has)
{
    const cn_metric defaults = {CN_METRIC_DEFAULTS};
    for (const cn_metric_argument *argument = cn_metric_arguments; argument->name; argument++)
        if (!has_argument(has, argument) && memcmp((const char *)&args + argument->offset,
                                                   (const char *)&defaults + argument->offset, size_of(argument->type)))
            cn_fail(CN_ARGUMENT, "%s: has no argument %s", name, argument->name);
    args.built_in = name;
    if (!args.name)
        args.name = name;
    if (args.direction == CN_NO_DIRECTION)
        args.direction = direction_of(name);
    return args;
}

bool cn_check_numbers(const cn_metric *metric, const char *argument, const double *value, int count, double least,
                      double most)
{
    if (count > CN_MAX_NUMBERS)
        return cn_fail(CN_ARGUMENT, "%s: %s has %d numbers; %d is the most", metric->name, argument, count,
                       CN_MAX_NUMBERS);
    for (int i = 0; i < count; i++)
        if (!(value[i] >= least && value[i] <= most))
            return cn_fail(CN_ARGUMENT, "%s: %s is %g; it must lie between %g and %g", metric->name, argument, value[i],
                           least, most);
    return true;
}
