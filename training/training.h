/* Training: fit, evaluate, predict, and what surrounds them. What they print is Keras' (2.9 to 2.12), to standard
 * output or where the caller says; on anything but a terminal the progress bar is one line an epoch. */
#ifndef CN_TRAINING_TRAINING_H
#define CN_TRAINING_TRAINING_H
#include <stdio.h>
#include "../data/dataset.h"
#include "callbacks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What fit has seen: one value a name and epoch. It belongs to its model, until the next fit. */
typedef struct cn_history cn_history;
CN_API int cn_history_epochs(const cn_history *history);
CN_API int cn_history_names(const cn_history *history);
CN_API const char *cn_history_name(const cn_history *history, int index);
/* The values of a name, one an epoch, NaN where it was not logged (validation_freq); or NULL. */
CN_API const double *cn_history_of(const cn_history *history, const char *name);
/* Writes the training curves as an SVG picture. */
CN_API bool cn_history_plot(const cn_history *history, const char *path);

typedef struct cn_class_weight {
    int64_t label;
    double weight;
} cn_class_weight;

/* .class_weight = CN_CLASS_WEIGHTS({0, 1}, {1, 2.5}): samples with label 0 weigh 1, those with 1 weigh 2.5, all others
 * 1. For one output, without sample weights; the label of a one-hot row is the place of its one. */
#define CN_CLASS_WEIGHTS(...) ((const cn_class_weight[]){__VA_ARGS__, {.label = 0, .weight = -1}})

enum { CN_MAX_CALLBACKS = 16 };

/* One array an input, an output; with the samples along axis 0. In Keras' order, so that batch_size and epochs may be
 * given by position. */
typedef struct cn_fit_args {
    char first_;
    cn_view x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS];
    int64_t batch_size; /* 0: 32 or, with steps_per_epoch, what makes so many batches of the samples */
    int epochs;         /* the index of the last epoch plus 1 */
    int verbose;        /* 0: silent, 1: progress bar, 2: one line an epoch */
    cn_callback callbacks[CN_MAX_CALLBACKS]; /* those without any function are left out */
    double validation_split;
    cn_view validation_x[CN_MAX_OUTPUTS], validation_y[CN_MAX_OUTPUTS], validation_sample_weight[CN_MAX_OUTPUTS];
    bool shuffle;
    const cn_class_weight *class_weight;   /* CN_CLASS_WEIGHTS(...); ends with a weight below 0 */
    cn_view sample_weight[CN_MAX_OUTPUTS]; /* (samples,) or (samples, steps); one for all outputs, or one each */
    int initial_epoch;                     /* the count begins here */
    int64_t steps_per_epoch, validation_steps, validation_batch_size; /* 0: all; all; batch_size */
    int validation_freq;
    FILE *file;                         /* standard output by default */
    cn_dataset *data, *validation_data; /* in place of arrays; they stay the caller's */
} cn_fit_args;
/* cn_fit(model, {cn_array(X, 4, 3, 2)}, {cn_array(y, 4, 2)}, .epochs = 2). NULL with the error set on failure; a model
 * is trained by one fit at a time. */
#define CN_FIT_DEFAULTS .epochs = 1, .verbose = 1, .validation_freq = 1, .shuffle = true
#define cn_fit(model, ...) cn_fit_with((model), (cn_fit_args){CN_FIT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_history *cn_fit_with(cn_model *model, cn_fit_args args);
CN_API cn_fit_args cn_fit_defaults(void);
/* The same from a data set of batches (cn_dataset_batch): cn_fit_data(model, data, .epochs = 2, .validation_data = v).
 * An epoch is a pass, or steps_per_epoch batches; these go on where the epoch before ended, and if the data set ends
 * among them, so does the epoch, with Keras' warning. Not with validation_split, batch_size and sample_weight (the data
 * set has its own); shuffling is left to the data set. */
#define cn_fit_data(model, ...) cn_fit((model), .data = __VA_ARGS__)

/* cn_evaluate(model, {x}, {y}): the loss and the metrics, in `logs` if given. The loss alone is returned; NaN with the
 * error set on failure. Silent unless .verbose is given. */
typedef struct cn_evaluate_args {
    char first_;
    cn_view x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS];
    int64_t batch_size;
    int verbose;
    cn_view sample_weight[CN_MAX_OUTPUTS];
    int64_t steps; /* the most; 0: all */
    cn_callback callbacks[CN_MAX_CALLBACKS];
    cn_logs *logs;
    FILE *file;
    cn_dataset *data; /* in place of arrays */
} cn_evaluate_args;
#define CN_EVALUATE_DEFAULTS .batch_size = 32
#define cn_evaluate(model, ...) \
    cn_evaluate_with((model), (cn_evaluate_args){CN_EVALUATE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API double cn_evaluate_with(cn_model *model, cn_evaluate_args args);
CN_API cn_evaluate_args cn_evaluate_defaults(void);
/* cn_evaluate_data(model, data, .logs = &logs): the same from a data set of batches. */
#define cn_evaluate_data(model, ...) cn_evaluate((model), .data = __VA_ARGS__)

/* .callbacks = CN_CALLBACKS(a, b) of a prediction, which for one sample should not have to carry room for many. The
 * list ends with the first that has no function. */
#define CN_CALLBACKS(...) ((const cn_callback[]){__VA_ARGS__, {.context = NULL}})

/* cn_predict(model, {x}, {p}): writes one array an output. Silent unless .verbose is given. Many threads may predict
 * with one model. */
typedef struct cn_predict_args {
    char first_;
    cn_view x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS];
    int64_t batch_size;
    int verbose;
    const cn_callback *callbacks; /* CN_CALLBACKS(...) */
    FILE *file;
    cn_dataset *data; /* in place of x, whose targets are ignored */
    int64_t steps;    /* the most; 0: all */
} cn_predict_args;
#define CN_PREDICT_DEFAULTS .batch_size = 32
#define cn_predict(model, ...) \
    cn_predict_with((model), (cn_predict_args){CN_PREDICT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API bool cn_predict_with(cn_model *model, cn_predict_args args);
CN_API cn_predict_args cn_predict_defaults(void);
/* cn_predict_data(model, data, {p}): the same from a data set of batches. p must have room for exactly their samples
 * (cn_dataset_samples); where their number is not known beforehand, a wrong one is found out on the way. */
#define cn_predict_data(model, dataset, ...) \
    cn_predict_with((model), (cn_predict_args){CN_PREDICT_DEFAULTS, .data = (dataset), .y = __VA_ARGS__})

/* One step on one batch; the loss and the metrics of the batch alone, in `logs` if given. */
typedef struct cn_batch_args {
    char first_;
    cn_view x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS], sample_weight[CN_MAX_OUTPUTS];
    const cn_class_weight *class_weight;
    cn_logs *logs;
} cn_batch_args;
#define cn_train_on_batch(model, ...) cn_train_on_batch_with((model), (cn_batch_args){.first_ = 0, __VA_ARGS__})
CN_API double cn_train_on_batch_with(cn_model *model, cn_batch_args args);
#define cn_test_on_batch(model, ...) cn_test_on_batch_with((model), (cn_batch_args){.first_ = 0, __VA_ARGS__})
CN_API double cn_test_on_batch_with(cn_model *model, cn_batch_args args);

#ifdef __cplusplus
}
#endif
#endif
