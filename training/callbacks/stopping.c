/* Callbacks that stop training: EarlyStopping, TerminateOnNaN. */
#include "training/callbacks/monitor.h"
#include "training/fitting.h"
#include "training/weights_copy.h"
#include <math.h>

typedef struct early_stopping {
    cn_early_stopping_args args;
    cn_monitor monitor;
    int64_t wait, stopped_epoch, best_epoch;
    cn_weights_copy best_weights;
} early_stopping;

static bool begin_stopping(void *context, cn_model *model)
{
    early_stopping *s = context;
    s->monitor = (cn_monitor){
        .callback = "EarlyStopping", .name = s->args.monitor, .mode = s->args.mode, .min_delta = s->args.min_delta};
    return cn_begin_monitor(&s->monitor, model);
}

static bool remember(early_stopping *s, const cn_model *model, int epoch)
{
    s->best_epoch = epoch;
    return !s->args.restore_best_weights || cn_copy_weights(model, &s->best_weights);
}

static bool consider_stopping(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    early_stopping *s = context;
    double value;
    if (!cn_monitor_value(&s->monitor, model, logs, &value))
        return false;
    if (!cn_logs_have(logs, s->monitor.name))
        return cn_warn_of_missing(&s->monitor, model, "Early stopping conditioned on metric", logs);
    if (epoch < s->args.start_from_epoch)
        return true;
    /* If none is ever better, the first is the best. */
    if (s->args.restore_best_weights && !s->best_weights.weight && !remember(s, model, epoch))
        return false;
    s->wait++;
    if (cn_is_best(&s->monitor, value)) {
        s->monitor.seen = true;
        s->monitor.best = value;
        if (s->args.baseline == CN_NONE || cn_is_better(&s->monitor, value, s->args.baseline))
            s->wait = 0;
        return remember(s, model, epoch);
    }
    if (s->wait >= s->args.patience && epoch > 0) {
        s->stopped_epoch = epoch;
        cn_stop_training(model);
    }
    return true;
}

static bool end_stopping(void *context, cn_model *model, const cn_logs *logs)
{
    early_stopping *s = context;
    (void)logs;
    cn_text message = {0};
    if (s->stopped_epoch > 0 && s->args.verbose > 0) {
        cn_text_format(&message, "Epoch %d: early stopping", (int)s->stopped_epoch + 1);
        if (!cn_tell(model, &message))
            return false;
    }
    if (!s->best_weights.weight)
        return true;
    cn_restore_weights(&s->best_weights);
    if (s->args.verbose == 0)
        return true;
    cn_text_format(&message, "Restoring model weights from the end of the best epoch: %d.", (int)s->best_epoch + 1);
    return cn_tell(model, &message);
}

static bool keep_stopping(void *context, cn_model *model, cn_keeper *keeper)
{
    early_stopping *s = context;
    return cn_keep_monitor(keeper, &s->monitor) && cn_keep_count(keeper, "wait", &s->wait) &&
           cn_keep_count(keeper, "stopped_epoch", &s->stopped_epoch) &&
           cn_keep_count(keeper, "best_epoch", &s->best_epoch) &&
           cn_keep_weights(keeper, "best_weights", model, &s->best_weights);
}

static void close_stopping(void *context)
{
    cn_free_weights(&((early_stopping *)context)->best_weights);
}

cn_early_stopping_args cn_early_stopping_defaults(void)
{
    return (cn_early_stopping_args){CN_EARLY_STOPPING_DEFAULTS};
}

cn_callback cn_early_stopping_with(cn_early_stopping_args args)
{
    static const cn_callback row = {.name = "EarlyStopping",
                                    .state_size = sizeof(early_stopping),
                                    .on_train_begin = begin_stopping,
                                    .on_epoch_end = consider_stopping,
                                    .on_train_end = end_stopping,
                                    .keep = keep_stopping,
                                    .close = close_stopping};
    if (cn_check_monitor(row.name, args.monitor, args.mode) && (args.patience < 0 || args.start_from_epoch < 0))
        cn_fail(CN_ARGUMENT, "EarlyStopping: patience is %d and start_from_epoch %d; they cannot be negative",
                args.patience, args.start_from_epoch);
    return cn_callback_like(&row, &args, sizeof args);
}

static bool check_loss(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    const cn_terminate_on_nan_args *args = context;
    if (!cn_logs_have(logs, "loss") || isfinite(cn_logs_value(logs, "loss")))
        return true;
    if (args->raise_error)
        return cn_fail(CN_VALUE, "TerminateOnNaN: the loss is NaN or infinite at batch %lld", (long long)batch);
    cn_text message = {0};
    cn_text_format(&message, "Batch %lld: Invalid loss, terminating training", (long long)batch);
    cn_stop_training(model);
    return cn_tell(model, &message);
}

cn_callback cn_terminate_on_nan_with(cn_terminate_on_nan_args args)
{
    static const cn_callback row = {
        .name = "TerminateOnNaN", .state_size = sizeof args, .on_train_batch_end = check_loss};
    return cn_callback_like(&row, &args, sizeof args);
}
