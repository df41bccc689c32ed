#include "training/training.h"
#include "data/arrays.h"
#include "training/batch.h"
#include "training/history.h"
#include "training/progress_text.h"
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double cn_logs_value(const cn_logs *logs, const char *name)
{
    for (int i = 0; logs && i < logs->count; i++)
        if (strcmp(logs->item[i].name, name) == 0)
            return logs->item[i].value;
    return NAN;
}

void cn_stop_training(cn_model *model)
{
    if (model)
        model->stop = true;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static cn_progress new_progress(FILE *file, int verbose)
{
    if (!file)
        file = stdout;
    return (cn_progress){
        .verbose = verbose, .terminal = verbose && isatty(fileno(file)), .write = cn_write_to_file, .context = file};
}

static int64_t batches(int64_t samples, int64_t size)
{
    return (samples + size - 1) / size;
}

/* Callbacks. A list ends with the first that has no function. */

static bool is_callback(const cn_callback *c)
{
    return c->on_train_begin || c->on_train_end || c->on_epoch_begin || c->on_epoch_end || c->on_train_batch_begin ||
           c->on_train_batch_end || c->on_test_begin || c->on_test_end || c->on_predict_begin || c->on_predict_end;
}

/* Calls one hook of every callback; `done` turns false, with the error set, if one of them fails. */
#define CALL_BACK(done, callbacks, hook, ...)                                                    \
    for (int i_ = 0; (done) && i_ < CN_MAX_CALLBACKS && is_callback(&(callbacks)[i_]); i_++)     \
        if ((callbacks)[i_].hook && !(callbacks)[i_].hook((callbacks)[i_].context, __VA_ARGS__)) \
    (done) = cn_fail(CN_STATE, "a callback's " #hook " failed")

/* One pass over all samples in order. */
static bool test_all(cn_model *model, const cn_arrays *arrays, int64_t batch_size, cn_epoch *epoch,
                     cn_progress *progress)
{
    int64_t steps = batches(arrays->samples, batch_size);
    cn_begin_epoch(model, epoch);
    for (int64_t i = 0; i < steps; i++) {
        int64_t first = i * batch_size;
        int64_t count = arrays->samples - first < batch_size ? arrays->samples - first : batch_size;
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        if (!cn_run_step(model, CN_TEST_STEP, arrays, NULL, first, count, losses, NULL))
            return false;
        cn_count_batch(epoch, losses, count);
        if (progress && progress->verbose == 1) {
            cn_logs logs = {0};
            if (!cn_log_epoch(model, epoch, false, &logs))
                return false;
            cn_progress_update(progress, i + 1, logs.item, logs.count, now());
        }
    }
    return true;
}

/* fit */

typedef struct fitting {
    cn_model *model;
    const cn_fit_args *args;
    cn_arrays train, validation;
    int64_t *order; /* of the samples in this pass, NULL: as they are */
    int64_t next;   /* the first sample of the next batch */
    cn_progress progress;
    cn_epoch epoch;
    cn_logs logs; /* of the last epoch */
} fitting;

static void skip_samples(cn_view *view, int64_t count)
{
    if (!view->data)
        return;
    view->data =
        (const unsigned char *)view->data + (size_t)(count * cn_sample_size(view)) * cn_array_type_size(view->type);
    view->shape.dim[0] -= count;
}

static void keep_samples(cn_view *view, int64_t count)
{
    if (view->data)
        view->shape.dim[0] = count;
}

/* The last samples validate: floor(n * (1 - split)) train. */
static bool split_samples(fitting *f)
{
    double split = f->args->validation_split;
    if (split == 0)
        return true;
    if (!(split > 0 && split < 1))
        return cn_fail(CN_ARGUMENT, "fit: validation_split is %g; it must lie between 0 and 1", split);
    int64_t count = (int64_t)floor((double)f->train.samples * (1 - split));
    if (count < 1 || count >= f->train.samples)
        return cn_fail(CN_ARGUMENT, "fit: validation_split %g of %lld samples leaves an empty part", split,
                       (long long)f->train.samples);
    f->validation = f->train;
    f->validation.class_weight = NULL;
    f->validation.samples -= count;
    f->train.samples = count;
    for (int i = 0; i < CN_MAX_OUTPUTS; i++) {
        skip_samples(&f->validation.x[i], count);
        skip_samples(&f->validation.y[i], count);
        skip_samples(&f->validation.weight[i], count);
        keep_samples(&f->train.x[i], count);
        keep_samples(&f->train.y[i], count);
        keep_samples(&f->train.weight[i], count);
    }
    return true;
}

static bool take_arrays(fitting *f)
{
    const cn_fit_args *args = f->args;
    if (!cn_failed() && args->batch_size < 1)
        return cn_fail(CN_ARGUMENT, "fit: batch_size is %lld", (long long)args->batch_size);
    if (!cn_failed() && (args->steps_per_epoch < 0 || args->initial_epoch < 0))
        return cn_fail(CN_ARGUMENT, "fit: steps_per_epoch and initial_epoch cannot be negative");
    if (!cn_failed() && (args->verbose < 0 || args->verbose > 2))
        return cn_fail(CN_ARGUMENT, "fit: verbose is %d; it is 0, 1 or 2", args->verbose);
    if (!cn_failed() && args->validation_y[0].data && !args->validation_x[0].data)
        return cn_fail(CN_ARGUMENT, "fit: validation_y needs validation_x");
    if (!cn_failed() && args->validation_freq < 1)
        return cn_fail(CN_ARGUMENT, "fit: validation_freq is %d", args->validation_freq);
    memcpy(f->train.x, args->x, sizeof args->x);
    memcpy(f->train.y, args->y, sizeof args->y);
    memcpy(f->train.weight, args->sample_weight, sizeof args->sample_weight);
    f->train.class_weight = args->class_weight;
    if (!cn_check_arrays(f->model, "fit", &f->train, true))
        return false;
    if (!args->validation_x[0].data)
        return split_samples(f);
    memcpy(f->validation.x, args->validation_x, sizeof args->validation_x);
    memcpy(f->validation.y, args->validation_y, sizeof args->validation_y);
    memcpy(f->validation.weight, args->validation_sample_weight, sizeof args->validation_sample_weight);
    return cn_check_arrays(f->model, "fit: validation", &f->validation, true);
}

/* The samples of the next batch: first and count, in f->order. A pass that ends begins anew in another order. */
static int64_t next_batch(fitting *f, int64_t *first)
{
    if (f->next >= f->train.samples)
        f->next = 0;
    if (f->next == 0 && f->order)
        cn_shuffle(f->order, f->train.samples, cn_default_seed(), (uint64_t)f->model->step);
    *first = f->next;
    int64_t left = f->train.samples - f->next;
    int64_t count = left < f->args->batch_size ? left : f->args->batch_size;
    f->next += count;
    return count;
}

static bool train_epoch(fitting *f, int64_t steps)
{
    bool wants_batches = f->progress.verbose == 1;
    for (int i = 0; i < CN_MAX_CALLBACKS && is_callback(&f->args->callbacks[i]); i++)
        wants_batches = wants_batches || f->args->callbacks[i].on_train_batch_end;
    bool done = true;
    cn_begin_epoch(f->model, &f->epoch);
    for (int64_t i = 0; done && i < steps; i++) {
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        int64_t first, count = next_batch(f, &first);
        CALL_BACK(done, f->args->callbacks, on_train_batch_begin, f->model, i);
        done = done && cn_run_step(f->model, CN_TRAIN_STEP, &f->train, f->order ? f->order + first : NULL, first, count,
                                   losses, NULL);
        if (!done)
            break;
        cn_count_batch(&f->epoch, losses, count);
        if (wants_batches) {
            cn_logs logs = {0};
            done = cn_log_epoch(f->model, &f->epoch, false, &logs);
            CALL_BACK(done, f->args->callbacks, on_train_batch_end, f->model, i, &logs);
            /* The last update is drawn when the epoch's validation is known. */
            if (done && i + 1 < steps)
                cn_progress_update(&f->progress, i + 1, logs.item, logs.count, now());
        }
        if (f->model->stop)
            break;
    }
    return done;
}

static bool validate(fitting *f, cn_logs *logs)
{
    bool done = true;
    cn_epoch epoch;
    CALL_BACK(done, f->args->callbacks, on_test_begin, f->model);
    done = done && test_all(f->model, &f->validation, f->args->batch_size, &epoch, NULL) &&
           cn_log_epoch(f->model, &epoch, true, logs);
    CALL_BACK(done, f->args->callbacks, on_test_end, f->model, logs);
    return done;
}

static bool fit_epoch(fitting *f, cn_history *history, int epoch)
{
    int64_t steps =
        f->args->steps_per_epoch > 0 ? f->args->steps_per_epoch : batches(f->train.samples, f->args->batch_size);
    bool done = true;
    cn_logs *logs = &f->logs;
    logs->count = 0;
    if (f->args->steps_per_epoch == 0)
        f->next = 0;
    CALL_BACK(done, f->args->callbacks, on_epoch_begin, f->model, epoch);
    cn_progress_begin(&f->progress, epoch, f->args->epochs, steps, now());
    done = done && train_epoch(f, steps) && cn_log_epoch(f->model, &f->epoch, false, logs);
    if (done && f->validation.samples > 0 && (epoch + 1) % f->args->validation_freq == 0)
        done = validate(f, logs);
    CALL_BACK(done, f->args->callbacks, on_epoch_end, f->model, epoch, logs);
    done = done && cn_history_append(history, logs);
    if (done)
        cn_progress_end(&f->progress, steps, logs->item, logs->count, now());
    return done;
}

static bool fit_all(fitting *f, cn_history *history)
{
    bool done = true;
    f->model->stop = false;
    CALL_BACK(done, f->args->callbacks, on_train_begin, f->model);
    for (int epoch = f->args->initial_epoch; done && epoch < f->args->epochs; epoch++) {
        done = fit_epoch(f, history, epoch);
        if (f->model->stop)
            break;
    }
    done = done && (!f->model->updater || cn_finish_updates(f->model->updater));
    CALL_BACK(done, f->args->callbacks, on_train_end, f->model, &f->logs);
    return done;
}

cn_fit_args cn_fit_defaults(void)
{
    return (cn_fit_args){CN_FIT_DEFAULTS};
}

cn_history *cn_fit_with(cn_model *model, cn_fit_args args)
{
    fitting f = {.model = model, .args = &args, .progress = new_progress(args.file, args.verbose)};
    cn_history *history = NULL;
    if (!take_arrays(&f))
        return NULL;
    bool done = !args.shuffle || (f.order = cn_allocate((size_t)f.train.samples, sizeof *f.order));
    done = done && (history = cn_history_begin(model, args.initial_epoch)) && fit_all(&f, history);
    cn_release(f.order);
    return done ? history : NULL;
}

/* evaluate, predict, and single batches */

cn_evaluate_args cn_evaluate_defaults(void)
{
    return (cn_evaluate_args){CN_EVALUATE_DEFAULTS};
}

double cn_evaluate_with(cn_model *model, cn_evaluate_args args)
{
    cn_arrays arrays = {0};
    memcpy(arrays.x, args.x, sizeof args.x);
    memcpy(arrays.y, args.y, sizeof args.y);
    memcpy(arrays.weight, args.sample_weight, sizeof args.sample_weight);
    bool done = cn_check_arrays(model, "evaluate", &arrays, true);
    if (done && args.batch_size < 1)
        done = cn_fail(CN_ARGUMENT, "evaluate: batch_size is %lld", (long long)args.batch_size);
    if (!done)
        return NAN;
    cn_epoch epoch;
    cn_logs own, *logs = args.logs ? args.logs : &own;
    cn_progress progress = new_progress(args.file, args.verbose);
    int64_t steps = batches(arrays.samples, args.batch_size);
    logs->count = 0;
    CALL_BACK(done, args.callbacks, on_test_begin, model);
    cn_progress_begin(&progress, 0, 1, steps, now());
    done = done && test_all(model, &arrays, args.batch_size, &epoch, &progress) &&
           cn_log_epoch(model, &epoch, false, logs);
    if (done)
        cn_progress_end(&progress, steps, logs->item, logs->count, now());
    CALL_BACK(done, args.callbacks, on_test_end, model, logs);
    return done ? logs->item[0].value : NAN;
}

cn_predict_args cn_predict_defaults(void)
{
    return (cn_predict_args){CN_PREDICT_DEFAULTS};
}

bool cn_predict_with(cn_model *model, cn_predict_args args)
{
    cn_arrays arrays = {0};
    memcpy(arrays.x, args.x, sizeof args.x);
    bool done = cn_check_arrays(model, "predict", &arrays, false);
    if (done && args.batch_size < 1)
        done = cn_fail(CN_ARGUMENT, "predict: batch_size is %lld", (long long)args.batch_size);
    for (int i = 0; done && i < model->topology.output_count; i++)
        if (!args.y[i].data || !args.y[i].writable)
            done = cn_fail(CN_ARGUMENT, "predict: output %d of %s needs an array that is not const", i,
                           cn_model_name(model));
    if (!done)
        return false;
    cn_progress progress = new_progress(args.file, args.verbose);
    int64_t steps = batches(arrays.samples, args.batch_size);
    CALL_BACK(done, args.callbacks, on_predict_begin, model);
    cn_progress_begin(&progress, 0, 1, steps, now());
    for (int64_t i = 0; done && i < steps; i++) {
        int64_t first = i * args.batch_size;
        int64_t count = arrays.samples - first < args.batch_size ? arrays.samples - first : args.batch_size;
        done = cn_run_step(model, CN_PREDICT_STEP, &arrays, NULL, first, count, NULL, args.y);
        if (progress.verbose == 1 && i + 1 < steps)
            cn_progress_update(&progress, i + 1, NULL, 0, now());
    }
    if (done)
        cn_progress_end(&progress, steps, NULL, 0, now());
    CALL_BACK(done, args.callbacks, on_predict_end, model);
    return done;
}

static double step_on_batch(cn_model *model, cn_step_kind kind, const char *who, const cn_batch_args *args)
{
    cn_arrays arrays = {.class_weight = args->class_weight};
    memcpy(arrays.x, args->x, sizeof args->x);
    memcpy(arrays.y, args->y, sizeof args->y);
    memcpy(arrays.weight, args->sample_weight, sizeof args->sample_weight);
    double losses[1 + CN_MAX_OUTPUTS] = {0};
    cn_epoch epoch;
    if (!cn_check_arrays(model, who, &arrays, true))
        return NAN;
    cn_begin_epoch(model, &epoch);
    if (!cn_run_step(model, kind, &arrays, NULL, 0, arrays.samples, losses, NULL))
        return NAN;
    if (args->logs) {
        args->logs->count = 0;
        cn_count_batch(&epoch, losses, arrays.samples);
        if (!cn_log_epoch(model, &epoch, false, args->logs))
            return NAN;
    }
    return losses[0];
}

double cn_train_on_batch_with(cn_model *model, cn_batch_args args)
{
    return step_on_batch(model, CN_TRAIN_STEP, "train_on_batch", &args);
}

double cn_test_on_batch_with(cn_model *model, cn_batch_args args)
{
    return step_on_batch(model, CN_TEST_STEP, "test_on_batch", &args);
}
