#include "core/arena.h"
#include "layers/graph.h"
#include "models/structure.h"
#include "training/event_file.h"
#include "training/fitting.h"
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct tensorboard {
    cn_tensorboard_args args;
    cn_event_file *train, *validation; /* made when there is something to write */
    double epoch_began, batch_began;
    int64_t steps; /* of the epoch, those that this run has made */
} tensorboard;

static cn_event_file *train_file(tensorboard *t)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/train", t->args.log_dir);
    return t->train ? t->train : (t->train = cn_event_file_new(path));
}

static cn_event_file *validation_file(tensorboard *t)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/validation", t->args.log_dir);
    return t->validation ? t->validation : (t->validation = cn_event_file_new(path));
}

/* The tag of a value: "epoch_" "loss" "". */
typedef struct tag {
    char text[512];
} tag;

static tag tag_of(const char *before, const char *name, const char *behind)
{
    tag made;
    snprintf(made.text, sizeof made.text, "%s%.400s%s", before, name, behind);
    return made;
}

static bool write_value(cn_event_file *file, tag of, double value, int64_t step)
{
    return file && cn_write_scalar(file, of.text, value, step);
}

static bool is_validation(const char *name)
{
    return strncmp(name, "val_", 4) == 0;
}

static bool begin_train(void *context, cn_model *model)
{
    tensorboard *t = context;
    (void)model;
    t->epoch_began = cn_now(); /* of one that goes on in its middle */
    return true;
}

static bool begin_epoch(void *context, cn_model *model, int epoch)
{
    tensorboard *t = context;
    (void)model;
    (void)epoch;
    t->epoch_began = cn_now();
    t->steps = 0;
    return true;
}

static bool begin_batch(void *context, cn_model *model, int64_t batch)
{
    tensorboard *t = context;
    (void)model;
    (void)batch;
    t->batch_began = cn_now();
    t->steps++;
    return true;
}

static bool end_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    tensorboard *t = context;
    (void)batch;
    if (model->step % t->args.update_freq != 0)
        return true;
    if (t->args.write_steps_per_second && !write_value(train_file(t), tag_of("batch_", "steps_per_second", ""),
                                                       1 / (cn_now() - t->batch_began), model->step))
        return false;
    for (int i = 0; i < logs->count; i++)
        if (!write_value(train_file(t), tag_of("batch_", logs->item[i].name, ""), logs->item[i].value, model->step))
            return false;
    return true;
}

static bool write_histograms(tensorboard *t, const cn_model *model, int epoch)
{
    cn_weight_view *views = NULL;
    int count = 0;
    cn_event_file *file = train_file(t);
    bool done = file && cn_layer_weights(&model->base, &views, &count);
    for (int i = 0; done && i < count; i++) {
        const cn_tensor *weight = views[i].weight->variable;
        done = cn_write_histogram(file, tag_of("", cn_name_of(weight), "/histogram").text, weight, epoch);
    }
    cn_release(views);
    return done;
}

static bool end_epoch(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    tensorboard *t = context;
    for (int i = 0; i < logs->count; i++) {
        const char *name = logs->item[i].name;
        bool validation = is_validation(name);
        if (!write_value(validation ? validation_file(t) : train_file(t),
                         tag_of("epoch_", validation ? name + 4 : name, ""), logs->item[i].value, epoch))
            return false;
    }
    if (!cn_logs_have(logs, "learning_rate") && model->updater &&
        !write_value(train_file(t), tag_of("epoch_", "learning_rate", ""), cn_learning_rate(model->updater), epoch))
        return false;
    if (t->args.write_steps_per_second && !write_value(train_file(t), tag_of("epoch_", "steps_per_second", ""),
                                                       (double)t->steps / (cn_now() - t->epoch_began), epoch))
        return false;
    if (t->args.histogram_freq > 0 && epoch % t->args.histogram_freq == 0 && !write_histograms(t, model, epoch))
        return false;
    return cn_flush_events(t->train) && cn_flush_events(t->validation);
}

static bool end_test(void *context, cn_model *model, const cn_logs *logs)
{
    tensorboard *t = context;
    for (int i = 0; i < logs->count; i++)
        if (!write_value(validation_file(t), tag_of("evaluation_", logs->item[i].name, "_vs_iterations"),
                         logs->item[i].value, cn_iterations(model->updater)))
            return false;
    return cn_flush_events(t->validation);
}

static bool end_train(void *context, cn_model *model, const cn_logs *logs)
{
    const tensorboard *t = context;
    (void)model;
    (void)logs;
    return cn_flush_events(t->train) && cn_flush_events(t->validation);
}

static void close_files(void *context)
{
    const tensorboard *t = context;
    cn_event_file_close(t->train);
    cn_event_file_close(t->validation);
}

cn_tensorboard_args cn_tensorboard_defaults(void)
{
    return (cn_tensorboard_args){CN_TENSORBOARD_DEFAULTS};
}

cn_callback cn_tensorboard_with(cn_tensorboard_args args)
{
    cn_callback row = {.name = "TensorBoard",
                       .state_size = sizeof(tensorboard),
                       .on_train_begin = begin_train,
                       .on_epoch_begin = begin_epoch,
                       .on_epoch_end = end_epoch,
                       .on_train_batch_begin = begin_batch,
                       .on_test_end = end_test,
                       .on_train_end = end_train,
                       .close = close_files};
    if (args.update_freq != CN_EACH_EPOCH)
        row.on_train_batch_end = end_batch;
    if (!args.log_dir || !*args.log_dir || strlen(args.log_dir) > PATH_MAX - 80)
        cn_fail(CN_ARGUMENT, "TensorBoard: log_dir is not given, or too long");
    if (args.histogram_freq < 0 || args.update_freq < 0)
        cn_fail(CN_ARGUMENT, "TensorBoard: histogram_freq is %d and update_freq %lld; they cannot be negative",
                args.histogram_freq, (long long)args.update_freq);
    return cn_callback_like(&row, &args, sizeof args);
}
