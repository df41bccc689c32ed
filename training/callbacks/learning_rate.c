/* Callbacks that change the learning rate: LearningRateScheduler, ReduceLROnPlateau. */
#include "core/array_text.h"
#include "training/callbacks/monitor.h"
#include "training/fitting.h"
#include <math.h>

/* As Keras says it: "\nEpoch 3: WHAT learning rate to 0.0001." */
static bool tell_rate(const cn_model *model, int epoch, const char *what, double rate)
{
    cn_text message = {0};
    cn_text_format(&message, "\nEpoch %d: %s learning rate to ", epoch + 1, what);
    if (!cn_array_text(&message, &rate, CN_F64, CN_SHAPE(), NULL, NULL)) {
        cn_text_free(&message);
        return false;
    }
    cn_text_add(&message, ".");
    return cn_tell(model, &message);
}

static bool log_rate(const cn_model *model, cn_logs *logs)
{
    return cn_logs_set(logs, "learning_rate", cn_learning_rate(cn_model_updater((cn_model *)(uintptr_t)model)));
}

/* LearningRateScheduler */

static bool set_rate(void *context, cn_model *model, int epoch)
{
    const cn_learning_rate_scheduler_args *args = context;
    cn_updater *updater = cn_model_updater(model);
    double rate = args->schedule(args->context, epoch, cn_learning_rate(updater));
    if (cn_failed())
        return false;
    if (!isfinite(rate))
        return cn_fail(CN_VALUE, "LearningRateScheduler: the schedule gives %g for epoch %d", rate, epoch);
    return cn_set_learning_rate(updater, rate) &&
           (args->verbose == 0 || tell_rate(model, epoch, "LearningRateScheduler setting", rate));
}

static bool log_set_rate(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)context;
    (void)epoch;
    return log_rate(model, logs);
}

cn_callback cn_learning_rate_scheduler_with(cn_learning_rate_scheduler_args args)
{
    static const cn_callback row = {.name = "LearningRateScheduler",
                                    .state_size = sizeof args,
                                    .on_epoch_begin = set_rate,
                                    .on_epoch_end = log_set_rate};
    if (!args.schedule)
        cn_fail(CN_ARGUMENT, "LearningRateScheduler: the schedule is NULL");
    return cn_callback_like(&row, &args, sizeof args);
}

/* ReduceLROnPlateau */

typedef struct plateau {
    cn_reduce_lr_on_plateau_args args;
    cn_monitor monitor;
    int64_t wait, cooldown;
} plateau;

static bool begin_plateau(void *context, cn_model *model)
{
    plateau *p = context;
    p->monitor = (cn_monitor){
        .callback = "ReduceLROnPlateau", .name = p->args.monitor, .mode = p->args.mode, .min_delta = p->args.min_delta};
    return cn_begin_monitor(&p->monitor, model);
}

static bool reduce(plateau *p, cn_model *model, int epoch)
{
    cn_updater *updater = cn_model_updater(model);
    double rate = cn_learning_rate(updater);
    if (!(rate > p->args.min_lr))
        return true;
    rate = fmax(rate * p->args.factor, p->args.min_lr);
    p->cooldown = p->args.cooldown;
    p->wait = 0;
    return cn_set_learning_rate(updater, rate) &&
           (p->args.verbose == 0 || tell_rate(model, epoch, "ReduceLROnPlateau reducing", rate));
}

static bool consider_plateau(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    plateau *p = context;
    double value;
    if (!cn_monitor_value(&p->monitor, model, logs, &value) || !log_rate(model, logs))
        return false;
    if (!cn_logs_have(logs, p->monitor.name))
        return cn_warn_of_missing(&p->monitor, model, "Learning rate reduction is conditioned on metric", logs);
    if (p->cooldown > 0) {
        p->cooldown--;
        p->wait = 0;
    }
    if (cn_is_best(&p->monitor, value)) {
        p->monitor.seen = true;
        p->monitor.best = value;
        p->wait = 0;
    } else if (p->cooldown == 0 && ++p->wait >= p->args.patience) {
        return reduce(p, model, epoch);
    }
    return true;
}

static bool keep_plateau(void *context, cn_model *model, cn_keeper *keeper)
{
    plateau *p = context;
    (void)model;
    return cn_keep_monitor(keeper, &p->monitor) && cn_keep_count(keeper, "wait", &p->wait) &&
           cn_keep_count(keeper, "cooldown", &p->cooldown);
}

cn_reduce_lr_on_plateau_args cn_reduce_lr_on_plateau_defaults(void)
{
    return (cn_reduce_lr_on_plateau_args){CN_REDUCE_LR_ON_PLATEAU_DEFAULTS};
}

cn_callback cn_reduce_lr_on_plateau_with(cn_reduce_lr_on_plateau_args args)
{
    static const cn_callback row = {.name = "ReduceLROnPlateau",
                                    .state_size = sizeof(plateau),
                                    .on_train_begin = begin_plateau,
                                    .on_epoch_end = consider_plateau,
                                    .keep = keep_plateau};
    if (cn_check_monitor(row.name, args.monitor, args.mode) && !(args.factor >= 0 && args.factor < 1))
        cn_fail(CN_ARGUMENT, "ReduceLROnPlateau: factor is %g; it must be below 1", args.factor);
    if (args.patience < 0 || args.cooldown < 0)
        cn_fail(CN_ARGUMENT, "ReduceLROnPlateau: patience is %d and cooldown %d; they cannot be negative",
                args.patience, args.cooldown);
    return cn_callback_like(&row, &args, sizeof args);
}
