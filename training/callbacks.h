/* Keras' callbacks (keras.io/api/callbacks), in its order of arguments, with its defaults and messages, which go where
 * fit's progress goes. Each is a value for .callbacks of cn_fit:
 *
 *     cn_fit(model, {x}, {y}, .epochs = 100, .validation_split = 0.1,
 *            .callbacks = {cn_early_stopping(.patience = 5), cn_csv_logger("log.csv"),
 * cn_backup_and_restore("backup")});
 *
 * Texts among the arguments must last until the fit is over. */
#ifndef CN_TRAINING_CALLBACKS_H
#define CN_TRAINING_CALLBACKS_H
#include "callback.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How often something is done: after each epoch, each batch, or each N batches. */
enum { CN_EACH_EPOCH = 0, CN_EACH_BATCH = 1 };

/* Lets a fit that was killed go on: a program that is started again, and comes to this fit with the same model and
 * arguments, goes on from the last backup and ends, bit for bit, where it would have ended. A backup is one file in
 * backup_dir, latest.safetensors: all weights, the optimizer's state, the place in the data, the seed of the thread,
 * and what the other callbacks remember. It replaces the one before as a whole, after each epoch or each save_freq
 * batches. An epoch that goes on in its middle has its on_epoch_begin behind it. What lies outside of fit must be as it
 * was: data sets are made again, with the same seeds. Recurrent layers that are stateful are refused. */
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

#ifdef __cplusplus
}
#endif
#endif
