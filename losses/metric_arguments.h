/* Private: what the constructors of the built-in metrics have in common, and their arguments by Keras' names. */
#ifndef CN_LOSSES_METRIC_ARGUMENTS_H
#define CN_LOSSES_METRIC_ARGUMENTS_H
#include "losses/metric.h"

/* The arguments of a metric that gets Keras' name unless it is given one. `has` lists the arguments that it has, by
 * Keras' names with a space between them; the error is set if another one is given. */
cn_metric cn_built_in_metric(cn_metric args, const char *name, const char *has);
/* That all numbers lie between `least` and `most`; else the error is set, naming the metric and the argument. */
bool cn_check_numbers(const cn_metric *metric, const char *argument, const double *value, int count, double least,
                      double most);

/* A mean whose value of a sample is `values`; for update functions of metrics that are means in other ways, too: mask,
 * int32, and weight may be NULL. */
bool cn_add_to_mean(const cn_metric *self, cn_tensor *const *state, cn_tensor *values, cn_tensor *mask,
                    cn_tensor *weight, cn_tensor **next);

typedef enum cn_metric_argument_type {
    CN_METRIC_NUMBER,  /* double */
    CN_METRIC_INTEGER, /* int64_t */
    CN_METRIC_AXIS,    /* int */
    CN_METRIC_FLAG,    /* bool */
    CN_METRIC_LIST,    /* cn_numbers; a number alone is a list of one */
    CN_METRIC_CHOICE   /* an enum, by one of `choices` */
} cn_metric_argument_type;

typedef struct cn_metric_choice {
    const char *name; /* NULL: Keras' None, and the end of the list */
    int value;        /* of None -1 if there is none */
} cn_metric_choice;

typedef struct cn_metric_argument {
    const char *name;
    cn_metric_argument_type type;
    size_t offset;
    const cn_metric_choice *choices;
} cn_metric_argument;

/* Ends with a name of NULL. */
extern const cn_metric_argument cn_metric_arguments[];

/* A built-in metric that is not the mean of a loss. */
typedef struct cn_metric_class {
    const char *class_name, *function_name;
    cn_metric (*with)(cn_metric args);
    const cn_metric *defaults;
} cn_metric_class;

/* NULL, without an error, if there is none of that name. */
const cn_metric_class *cn_metric_class_named(const char *name);
#endif
