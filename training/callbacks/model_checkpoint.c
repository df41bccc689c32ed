#include "data/file.h"
#include "formats/endings.h"
#include "formats/saving.h"
#include "training/callbacks/file_path.h"
#include "training/callbacks/monitor.h"
#include "training/fitting.h"

typedef struct model_checkpoint {
    cn_model_checkpoint_args args;
    cn_monitor monitor;
    int64_t batches; /* since it was last saved */
    int epoch;
} model_checkpoint;

static bool begin_checkpoints(void *context, cn_model *model)
{
    model_checkpoint *c = context;
    c->monitor = (cn_monitor){.callback = "ModelCheckpoint",
                              .name = c->args.monitor,
                              .mode = c->args.mode,
                              .seen = c->args.initial_value_threshold != CN_NONE,
                              .best = c->args.initial_value_threshold};
    return !c->args.save_best_only || cn_begin_monitor(&c->monitor, model);
}

static bool write_model(const model_checkpoint *c, cn_model *model, const char *path)
{
    return cn_make_directories(path) &&
           (c->args.save_weights_only ? cn_save_weights(model, path) : cn_save(model, path));
}

/* As Keras has it: none is better than the infinite. */
static void add_best(cn_text *message, const cn_monitor *monitor)
{
    if (monitor->seen)
        cn_text_number(message, 'f', 5, monitor->best);
    else
        cn_text_add(message, monitor->mode == CN_MODE_MAX ? "-inf" : "inf");
}

/* Whether there is a value that is the best; says so, or why not. */
static bool consider_value(model_checkpoint *c, const cn_model *model, const cn_logs *logs, const char *path,
                           bool *saves)
{
    double value;
    cn_text message = {0};
    *saves = false;
    if (!cn_monitor_value(&c->monitor, model, logs, &value))
        return false;
    if (!cn_logs_have(logs, c->monitor.name)) {
        cn_text_format(&message, "WARNING: Can save best model only with %s available, skipping.", c->monitor.name);
        return cn_warn(model, &message);
    }
    *saves = cn_is_best(&c->monitor, value);
    if (c->args.verbose > 0) {
        cn_text_format(&message, "\nEpoch %d: %s %s from ", c->epoch + 1, c->monitor.name,
                       *saves ? "improved" : "did not improve");
        add_best(&message, &c->monitor);
        if (*saves) {
            cn_text_add(&message, " to ");
            cn_text_number(&message, 'f', 5, value);
            cn_text_format(&message, ", saving model to %s", path);
        }
        if (!cn_tell(model, &message))
            return false;
    }
    if (*saves) {
        c->monitor.seen = true;
        c->monitor.best = value;
    }
    return true;
}

static bool say_saving(const model_checkpoint *c, const cn_model *model, const char *path)
{
    cn_text message = {0};
    if (c->args.verbose == 0)
        return true;
    cn_text_format(&message, "\nEpoch %d: saving model to %s", c->epoch + 1, path);
    return cn_tell(model, &message);
}

/* `batch` is below 0 at the end of an epoch. */
static bool save_model(model_checkpoint *c, cn_model *model, int64_t batch, const cn_logs *logs)
{
    cn_text path = {0};
    bool saves = true;
    bool done = cn_format_path(&path, c->args.filepath, c->epoch + 1, batch < 0 ? batch : batch + 1, logs) &&
                (c->args.save_best_only ? consider_value(c, model, logs, path.data, &saves)
                                        : say_saving(c, model, path.data)) &&
                (!saves || write_model(c, model, path.data));
    cn_text_free(&path);
    return done;
}

static bool begin_epoch(void *context, cn_model *model, int epoch)
{
    (void)model;
    ((model_checkpoint *)context)->epoch = epoch;
    return true;
}

static bool end_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    model_checkpoint *c = context;
    if (c->args.save_freq == CN_EACH_EPOCH || ++c->batches < c->args.save_freq)
        return true;
    c->batches = 0;
    return save_model(c, model, batch, logs);
}

static bool end_epoch(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    model_checkpoint *c = context;
    c->epoch = epoch;
    return c->args.save_freq != CN_EACH_EPOCH || save_model(c, model, -1, logs);
}

static bool keep_checkpoint(void *context, cn_model *model, cn_keeper *keeper)
{
    model_checkpoint *c = context;
    int64_t epoch = c->epoch;
    (void)model;
    if (!cn_keep_monitor(keeper, &c->monitor) || !cn_keep_count(keeper, "batches", &c->batches) ||
        !cn_keep_count(keeper, "epoch", &epoch))
        return false;
    c->epoch = (int)epoch;
    return true;
}

cn_model_checkpoint_args cn_model_checkpoint_defaults(void)
{
    return (cn_model_checkpoint_args){CN_MODEL_CHECKPOINT_DEFAULTS};
}

cn_callback cn_model_checkpoint_with(cn_model_checkpoint_args args)
{
    static const cn_callback by_epoch = {.name = "ModelCheckpoint",
                                         .state_size = sizeof(model_checkpoint),
                                         .on_train_begin = begin_checkpoints,
                                         .on_epoch_begin = begin_epoch,
                                         .on_epoch_end = end_epoch,
                                         .keep = keep_checkpoint};
    cn_callback row = by_epoch;
    if (args.save_freq != CN_EACH_EPOCH)
        row.on_train_batch_end = end_batch;
    if (!args.filepath || !*args.filepath)
        cn_fail(CN_ARGUMENT, "ModelCheckpoint: the filepath is not given");
    else if (cn_check_monitor(row.name, args.monitor, args.mode))
        cn_check_ending(row.name, args.filepath, args.save_weights_only);
    if (args.save_freq < 0)
        cn_fail(CN_ARGUMENT, "ModelCheckpoint: save_freq is %lld; it is CN_EACH_EPOCH or a number of batches",
                (long long)args.save_freq);
    return cn_callback_like(&row, &args, sizeof args);
}
