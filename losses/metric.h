/* Metrics: values; what they sum up lives in a meter. */
#ifndef CN_LOSSES_METRIC_H
#define CN_LOSSES_METRIC_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CN_MAX_METRIC_STATES = 4 };

typedef struct cn_metric cn_metric;
struct cn_metric {
    char first_;
    double threshold; /* of binary_accuracy */
    int64_t k;        /* of the top-k accuracies */
    double option[4]; /* free for metrics of the user's own */
    const char *name; /* the key in logs and history; NULL: no metric */
    /* The shapes of the states, float64 and zero at first; returns how many there are. */
    int (*states)(const cn_metric *self, cn_shape *shape);
    /* Records the new states of a batch: state[i] becomes next[i]. sample_weight may be NULL. */
    bool (*update)(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                   cn_tensor *sample_weight, cn_tensor **next);
    /* The value, from the states' values. */
    double (*result)(const cn_metric *self, const double *const *state);
    /* Picks the metric for these shapes, as "accuracy" does; may be NULL. */
    cn_metric (*resolve)(const cn_metric *self, cn_shape y_true, cn_shape y_pred);
    /* Of a metric that is a mean over samples: one value a sample, floats. */
    cn_tensor *(*values)(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred);
    cn_loss loss;                                                 /* of cn_metric_of */
    cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred); /* of cn_metric_from */
    bool integer_labels;                                          /* y_true holds class numbers: it is fed as I32 */
};

/* The mean of any loss, as a metric under the loss's name. */
CN_API cn_metric cn_metric_of(cn_loss loss);
/* A metric of the user's own: the mean of one value a sample. */
CN_API cn_metric cn_metric_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred));
/* A mean over samples of `self->values`: fills in states, update and result. The mean is weighted by the sample weights
 * and by the mask that rides on y_pred, if there are any. */
CN_API cn_metric cn_mean_metric(cn_metric self);
/* A built-in metric by Keras' name, of the class or of the function, or short ("acc", "mse"), under that name as Keras
 * has it in logs. An error for any other name. */
CN_API cn_metric cn_metric_named(const char *name);

/* A metric's sums, for a loop of one's own: cn_meter_update on a tape, cn_meter_result when it has run. A metric that
 * goes by the shapes is chosen at the first update. */
typedef struct cn_meter cn_meter;
CN_API cn_meter *cn_meter_new(cn_metric metric);
CN_API bool cn_meter_update(cn_meter *meter, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight);
/* NaN with the error set if there has been no update that could say what is measured. */
CN_API double cn_meter_result(cn_meter *meter);
CN_API void cn_meter_reset(cn_meter *meter);
CN_API void cn_meter_free(cn_meter *meter);

#ifdef __cplusplus
}
#endif
#endif
