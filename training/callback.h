/* The callback protocol: what fit, evaluate and predict call as they go on, and how to write a callback. The ones that
 * are there are in callbacks.h. */
#ifndef CN_TRAINING_CALLBACK_H
#define CN_TRAINING_CALLBACK_H
#include "../models/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Named values of an epoch or a batch, in Keras' order: loss, the outputs' losses, metrics, then val_... The names last
 * until the model is compiled again or freed. */
enum { CN_MAX_LOGS = 128 };
typedef struct cn_logged {
    const char *name;
    double value;
} cn_logged;
typedef struct cn_logs {
    int count;
    cn_logged item[CN_MAX_LOGS];
} cn_logs;
/* NaN if there is no such name. */
CN_API double cn_logs_value(const cn_logs *logs, const char *name);
CN_API bool cn_logs_have(const cn_logs *logs, const char *name);
/* Adds a value or replaces that of the name, whose text must last until the fit is over. */
CN_API bool cn_logs_set(cn_logs *logs, const char *name, double value);

/* A place for what a callback remembers: see `keep` below. */
typedef struct cn_keeper cn_keeper;

/* A callback: functions, each of which may be NULL, and a context that they are given. Epochs and batches count from 0;
 * where fit validates, the hooks of tests are called too, with the names that evaluate gives: loss, not val_loss. A
 * function that returns false, with the error set, ends training with that error. */
enum { CN_CALLBACK_ARGUMENTS = 128 };
typedef struct cn_callback {
    void *context;
    bool (*on_train_begin)(void *context, cn_model *model);
    bool (*on_train_end)(void *context, cn_model *model, const cn_logs *logs);
    bool (*on_epoch_begin)(void *context, cn_model *model, int epoch);
    bool (*on_epoch_end)(void *context, cn_model *model, int epoch, cn_logs *logs);
    bool (*on_train_batch_begin)(void *context, cn_model *model, int64_t batch);
    bool (*on_train_batch_end)(void *context, cn_model *model, int64_t batch, const cn_logs *logs);
    bool (*on_test_begin)(void *context, cn_model *model);
    bool (*on_test_end)(void *context, cn_model *model, const cn_logs *logs);
    bool (*on_test_batch_begin)(void *context, cn_model *model, int64_t batch);
    bool (*on_test_batch_end)(void *context, cn_model *model, int64_t batch, const cn_logs *logs);
    bool (*on_predict_begin)(void *context, cn_model *model);
    bool (*on_predict_end)(void *context, cn_model *model);
    bool (*on_predict_batch_begin)(void *context, cn_model *model, int64_t batch);
    bool (*on_predict_batch_end)(void *context, cn_model *model, int64_t batch);
    /* Hands all that it remembers from one call to the next to cn_keep_number, ...: one function for both ways, since
     * these write to a checkpoint, or set what they are given from it (cn_backup_and_restore). */
    bool (*keep)(void *context, cn_model *model, cn_keeper *keeper);
    /* Called last, also after a failure, if anything was called at all: frees what the context owns. */
    void (*close)(void *context);
    const char *name; /* by which a checkpoint knows it; may be NULL */
    bool last;        /* is called after those that are not, at each hook */
    /* Of cn_callback_like. */
    size_t state_size, argument_size;
    uint64_t arguments[CN_CALLBACK_ARGUMENTS / sizeof(uint64_t)];
} cn_callback;

/* Keras' LambdaCallback: cn_lambda_callback(.on_epoch_end = print_it, .context = &mine). */
#define cn_lambda_callback(...) ((cn_callback){.context = NULL, __VA_ARGS__})

/* A callback whose context is made anew for each fit, evaluate or predict: row->state_size bytes, which begin with a
 * copy of these arguments and are zero behind them. So the callback is a value as its arguments are, and may be given
 * again. A class of callbacks is a static row and a function that calls this. */
CN_API cn_callback cn_callback_like(const cn_callback *row, const void *arguments, size_t argument_size);

/* In a callback: training stops after this batch, in on_epoch_end after this epoch, in what is called before a batch
 * after that one. The epoch is ended as others are, with validation. */
CN_API void cn_stop_training(cn_model *model);
/* In a callback of fit: its arguments, as Keras' `params`. All zero outside of fit. */
typedef struct cn_training_params {
    int verbose, epochs;
    int64_t steps; /* of an epoch; 0: not known yet */
} cn_training_params;
CN_API cn_training_params cn_training_params_of(const cn_model *model);

/* In `keep`, each under a name of its own. A checkpoint that has no such value, or one of another shape, is refused.
 * Counts are kept up to 2^53; arrays are of float, double or int32_t and last until `keep` is called again. */
CN_API bool cn_keep_number(cn_keeper *keeper, const char *name, double *value);
CN_API bool cn_keep_count(cn_keeper *keeper, const char *name, int64_t *value);
CN_API bool cn_keep_flag(cn_keeper *keeper, const char *name, bool *value);
CN_API bool cn_keep_array(cn_keeper *keeper, const char *name, cn_view values);

#ifdef __cplusplus
}
#endif
#endif
