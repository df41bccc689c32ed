/* Metrics: values; what they sum up lives in a meter. Definitions, defaults and names are Keras'
 * (keras.io/api/metrics). Each takes .name, the key in logs; by default it is Keras' name. */
#ifndef CN_LOSSES_METRIC_H
#define CN_LOSSES_METRIC_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A list among arguments: .thresholds = CN_NUMBERS(0.25, 0.5, 0.8). A longer one than CN_MAX_NUMBERS is refused. */
enum { CN_MAX_NUMBERS = 32 };
typedef struct cn_numbers {
    int count;
    double value[CN_MAX_NUMBERS];
} cn_numbers;
#define CN_NUMBERS(...) ((cn_numbers){(int)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), {__VA_ARGS__}})

/* Of the results of classes or columns. */
typedef enum cn_average {
    CN_NO_AVERAGE,      /* each by itself: the result is a vector */
    CN_MICRO,           /* of scores: of all counts together */
    CN_MACRO,           /* the mean over classes */
    CN_WEIGHTED,        /* the mean over classes, weighted by how often each is true */
    CN_UNIFORM_AVERAGE, /* of R²: the mean over columns */
    CN_VARIANCE_WEIGHTED_AVERAGE
} cn_average;

typedef enum cn_auc_curve { CN_ROC, CN_PR, CN_PRGAIN } cn_auc_curve;
typedef enum cn_summation_method { CN_INTERPOLATION, CN_MINORING, CN_MAJORING } cn_summation_method;

/* Whether higher or lower results are better, for callbacks that monitor a metric. */
typedef enum cn_direction { CN_NO_DIRECTION, CN_UP, CN_DOWN } cn_direction;

enum { CN_MAX_METRIC_STATES = 8 };

typedef struct cn_metric cn_metric;
struct cn_metric {
    char first_;
    /* The arguments of the built-in metrics, by Keras' names; one that a metric does not have is refused. */
    double threshold;
    int64_t k;
    bool from_sorted_ids;
    cn_numbers thresholds;
    int64_t top_k, class_id, num_thresholds;
    double bound; /* specificity, sensitivity, recall or precision */
    cn_auc_curve curve;
    cn_summation_method summation_method;
    bool multi_label, from_logits;
    int64_t num_labels;
    cn_numbers label_weights;
    cn_average average, class_aggregation;
    double beta;
    int64_t num_regressors, num_classes;
    cn_numbers target_class_ids;
    int64_t ignore_class;
    bool sparse_y_true, sparse_y_pred;
    int axis;
    cn_dtype dtype;   /* of weights */
    double option[4]; /* free for metrics of the user's own */

    const char *name;     /* the key in logs and history; NULL: no metric */
    const char *built_in; /* of a metric of Keras', its own name, whatever `name` is; else NULL */
    /* float64 states, zero at first: how many, at most CN_MAX_METRIC_STATES, and the shape of each. */
    int state_count;
    cn_shape (*state_shape)(const cn_metric *self, int index);
    /* Records the new states of a batch: state[i] becomes next[i]. sample_weight may be NULL. */
    bool (*update)(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                   cn_tensor *sample_weight, cn_tensor **next);
    /* From the states' values, writes the result: one number, or `length` if that is not 0. */
    void (*result)(const cn_metric *self, const double *const *state, double *value);
    int64_t length;
    /* Gives the metric for the shapes of the first update: another one, as "accuracy" does, or the same with what it
     * needs to know of them in `columns` and `length`. May be NULL. */
    cn_metric (*resolve)(const cn_metric *self, cn_shape y_true, cn_shape y_pred);
    int64_t columns;
    cn_direction direction;
    bool alone; /* it measures one tensor, given as y_true; y_pred is NULL */
    /* Of a metric that is a mean over samples: one value a sample, or one an element. */
    cn_tensor *(*values)(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred);
    cn_loss loss;                                                 /* of cn_metric_of */
    cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred); /* of cn_metric_from */
    bool integer_labels;                                          /* y_true holds class numbers */
};
#define CN_METRIC_DEFAULTS                                                                                          \
    .threshold = 0.5, .k = 5, .top_k = CN_NONE, .class_id = CN_NONE, .num_thresholds = 200, .beta = 1,              \
    .class_aggregation = CN_UNIFORM_AVERAGE, .ignore_class = CN_NONE, .sparse_y_true = true, .sparse_y_pred = true, \
    .axis = -1, .dtype = CN_I32

/* The mean of any loss, as a metric under the loss's name; its reduction does not matter. Without weights what
 * .ignore_class leaves out counts as 0, as in Keras; with weights it does not count. */
CN_API cn_metric cn_metric_of(cn_loss loss);
/* A metric of the user's own: the mean of one value a sample. Keras' MeanMetricWrapper. */
CN_API cn_metric cn_metric_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred));
/* A mean over samples of `self->values`: fills in states, update and result. The mean is weighted by the sample weights
 * and by the mask that rides on y_pred, if there are any. */
CN_API cn_metric cn_mean_metric(cn_metric self);
/* The weighted mean and the weighted sum of all values given: cn_meter_update(meter, values, NULL, weights). */
#define cn_metric_mean(...) cn_metric_mean_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_metric_mean_with(cn_metric args);
#define cn_metric_sum(...) cn_metric_sum_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_metric_sum_with(cn_metric args);

/* A built-in metric with its default arguments by Keras' name, of the class or of the function, or short ("acc",
 * "mse"), under that name as Keras has it in logs. An error for any other name. */
CN_API cn_metric cn_metric_named(const char *name);

/* A metric's sums, for a loop of one's own: cn_meter_update on a tape, cn_meter_result when it has run. A metric that
 * goes by the shapes is chosen at the first update. An update that fails leaves the sums as they were. */
typedef struct cn_meter cn_meter;
CN_API cn_meter *cn_meter_new(cn_metric metric);
CN_API bool cn_meter_update(cn_meter *meter, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight);
/* The result; of one that is a vector, the mean of its numbers, as Keras' progress bar shows it. NaN with the error set
 * if there has been no update that could say what is measured. */
CN_API double cn_meter_result(cn_meter *meter);
/* All numbers of the result, and how many, until the next result of this meter; NULL with the error set likewise. */
CN_API const double *cn_meter_results(cn_meter *meter, int64_t *count);
/* The sums themselves, for saving; NULL for an index out of range, and before the first update. */
CN_API cn_tensor *cn_meter_state(const cn_meter *meter, int index);
CN_API void cn_meter_reset(cn_meter *meter);
CN_API void cn_meter_free(cn_meter *meter);

#ifdef __cplusplus
}
#endif
#endif
