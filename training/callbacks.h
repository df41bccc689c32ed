/* Keras' callbacks (keras.io/api/callbacks), in its order of arguments, with its defaults and messages, which go where
 * fit's progress goes. Each is a value for .callbacks of cn_fit:
 *
 *     cn_fit(model, {x}, {y}, .epochs = 100, .validation_split = 0.1,
 *            .callbacks = {cn_early_stopping(.patience = 5), cn_backup_and_restore("backup")});
 *
 * Texts among the arguments must last until the fit is over. */
#ifndef CN_TRAINING_CALLBACKS_H
#define CN_TRAINING_CALLBACKS_H
#include "callback.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which of two values is better. Automatic: what the metric says; losses and errors are better when they are lower.
 * It is an error if the metric does not say. */
typedef enum cn_monitor_mode { CN_MODE_AUTO, CN_MODE_MIN, CN_MODE_MAX } cn_monitor_mode;

/* How often something is done: after each epoch, each batch, or each N batches. */
enum { CN_EACH_EPOCH = 0, CN_EACH_BATCH = 1 };

/* Stops when the monitored value has not become better by more than min_delta for `patience` epochs, not counting those
 * before start_from_epoch. With a baseline (CN_NONE: none) the epochs count until it is beaten. */
typedef struct cn_early_stopping_args {
    char first_;
    const char *monitor;
    double min_delta;
    int patience;
    int verbose; /* 1: says so */
    cn_monitor_mode mode;
    double baseline;
    bool restore_best_weights; /* those of the best epoch at the end of training, else those of the last */
    int start_from_epoch;
} cn_early_stopping_args;
#define CN_EARLY_STOPPING_DEFAULTS .monitor = "val_loss", .baseline = CN_NONE
#define cn_early_stopping(...) \
    cn_early_stopping_with((cn_early_stopping_args){CN_EARLY_STOPPING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_early_stopping_with(cn_early_stopping_args args);
CN_API cn_early_stopping_args cn_early_stopping_defaults(void);

/* Stops after a batch whose loss is NaN or infinite; with raise_error that is an error. */
typedef struct cn_terminate_on_nan_args {
    char first_;
    bool raise_error;
} cn_terminate_on_nan_args;
#define cn_terminate_on_nan(...) cn_terminate_on_nan_with((cn_terminate_on_nan_args){.first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_terminate_on_nan_with(cn_terminate_on_nan_args args);

/* Saves the model, or its weights alone, by the ending of the path (cn_save, cn_save_weights). In the path, {epoch}
 * (from 1), {batch} and the names of logs stand for their values, formatted as by Python: "{epoch:02d}-{val_loss:.2f}".
 * Directories that are missing are made. */
typedef struct cn_model_checkpoint_args {
    char first_;
    const char *filepath;
    const char *monitor;
    int verbose;
    bool save_best_only; /* only if the monitored value is the best so far */
    bool save_weights_only;
    cn_monitor_mode mode;
    int64_t save_freq;              /* CN_EACH_EPOCH, or after so many batches, on through the epochs */
    double initial_value_threshold; /* better than this, too; CN_NONE: any value will do */
} cn_model_checkpoint_args;
#define CN_MODEL_CHECKPOINT_DEFAULTS .monitor = "val_loss", .initial_value_threshold = CN_NONE
#define cn_model_checkpoint(...) \
    cn_model_checkpoint_with((cn_model_checkpoint_args){CN_MODEL_CHECKPOINT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_model_checkpoint_with(cn_model_checkpoint_args args);
CN_API cn_model_checkpoint_args cn_model_checkpoint_defaults(void);

/* Lets a fit that was killed go on: a program that is started again, and comes to this fit with the same model and
 * arguments, goes on from the last backup and ends, bit for bit, where it would have ended. A backup is one file in
 * backup_dir, latest.safetensors: weights, the optimizer's state, what recurrent layers and other callbacks remember,
 * the place in the data and the seed of the thread. It replaces the one before as a whole, after each epoch or each
 * save_freq batches. An epoch that goes on in its middle has its on_epoch_begin behind it. What lies outside of fit
 * must be as it was: data sets are made again, with the same seeds. A directory is for one fit. */
typedef struct cn_backup_and_restore_args {
    char first_;
    const char *backup_dir;
    int64_t save_freq;
    bool double_checkpoint; /* keep the backup before, too, as latest.safetensors.bkp, for when the last is damaged */
    bool delete_checkpoint; /* when the fit has ended well */
} cn_backup_and_restore_args;
#define CN_BACKUP_AND_RESTORE_DEFAULTS .delete_checkpoint = true
#define cn_backup_and_restore(...) \
    cn_backup_and_restore_with((cn_backup_and_restore_args){CN_BACKUP_AND_RESTORE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_backup_and_restore_with(cn_backup_and_restore_args args);
CN_API cn_backup_and_restore_args cn_backup_and_restore_defaults(void);

/* Multiplies the learning rate by `factor`, down to min_lr, when the monitored value has not become better by more than
 * min_delta for `patience` epochs; `cooldown` epochs after that do not count. Logs learning_rate. */
typedef struct cn_reduce_lr_on_plateau_args {
    char first_;
    const char *monitor;
    double factor;
    int patience;
    int verbose;
    cn_monitor_mode mode;
    double min_delta;
    int cooldown;
    double min_lr;
} cn_reduce_lr_on_plateau_args;
#define CN_REDUCE_LR_ON_PLATEAU_DEFAULTS .monitor = "val_loss", .factor = 0.1, .patience = 10, .min_delta = 1e-4
#define cn_reduce_lr_on_plateau(...) \
    cn_reduce_lr_on_plateau_with(    \
        (cn_reduce_lr_on_plateau_args){CN_REDUCE_LR_ON_PLATEAU_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_reduce_lr_on_plateau_with(cn_reduce_lr_on_plateau_args args);
CN_API cn_reduce_lr_on_plateau_args cn_reduce_lr_on_plateau_defaults(void);

/* Sets the learning rate of each epoch (from 0) to what `schedule` makes of the one before. Logs learning_rate. */
typedef struct cn_learning_rate_scheduler_args {
    char first_;
    double (*schedule)(void *context, int epoch, double learning_rate);
    int verbose;
    void *context;
} cn_learning_rate_scheduler_args;
#define cn_learning_rate_scheduler(...) \
    cn_learning_rate_scheduler_with((cn_learning_rate_scheduler_args){.first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_learning_rate_scheduler_with(cn_learning_rate_scheduler_args args);

/* Writes the logs of each epoch as a line of a table: the epoch, then the names in alphabetical order. */
typedef struct cn_csv_logger_args {
    char first_;
    const char *filename;
    char separator;
    bool append; /* to what is there, whose header stays; for a fit that goes on (cn_backup_and_restore), too */
} cn_csv_logger_args;
#define CN_CSV_LOGGER_DEFAULTS .separator = ','
#define cn_csv_logger(...) cn_csv_logger_with((cn_csv_logger_args){CN_CSV_LOGGER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_csv_logger_with(cn_csv_logger_args args);
CN_API cn_csv_logger_args cn_csv_logger_defaults(void);

/* Writes TensorBoard's event files, to LOG_DIR/train and LOG_DIR/validation: the logs of each epoch, of batches if
 * update_freq says so, of evaluations, and the learning rate; histograms of all weights every histogram_freq epochs (0:
 * never). Keras' graphs, images, profiles and embeddings are not written: write_graph, write_images, profile_batch,
 * embeddings_freq and embeddings_metadata are no arguments. */
typedef struct cn_tensorboard_args {
    char first_;
    const char *log_dir;
    int histogram_freq;
    bool write_steps_per_second;
    int64_t update_freq; /* CN_EACH_EPOCH, CN_EACH_BATCH, or each so many batches */
} cn_tensorboard_args;
#define CN_TENSORBOARD_DEFAULTS .log_dir = "logs"
#define cn_tensorboard(...) \
    cn_tensorboard_with((cn_tensorboard_args){CN_TENSORBOARD_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_tensorboard_with(cn_tensorboard_args args);
CN_API cn_tensorboard_args cn_tensorboard_defaults(void);

/* With an optimizer that has .use_ema: evaluates and predicts with the averages of the weights, not the weights. With
 * swap_on_epoch they are there already when an epoch ends, for checkpoints that are written then. */
typedef struct cn_swap_ema_weights_args {
    char first_;
    bool swap_on_epoch;
} cn_swap_ema_weights_args;
#define cn_swap_ema_weights(...) cn_swap_ema_weights_with((cn_swap_ema_weights_args){.first_ = 0, __VA_ARGS__})
CN_API cn_callback cn_swap_ema_weights_with(cn_swap_ema_weights_args args);

#ifdef __cplusplus
}
#endif
#endif
