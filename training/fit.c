#include "training/training.h"
#include "data/arrays.h"
#include "training/batches.h"
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

/* What an epoch of data sets ends with. */
static bool had_batches(const cn_batches *batches, int64_t done)
{
    return done > 0 || cn_fail(CN_ARGUMENT, "%s: the data set gives no batch", batches->who);
}

/* One pass in order, or `most` steps of it unless that is 0. */
static bool test_all(cn_batches *batches, int64_t most, cn_epoch *epoch, cn_progress *progress, int64_t *done)
{
    cn_batch batch;
    *done = 0;
    cn_begin_epoch(batches->model, epoch);
    cn_batches_rewind(batches);
    while ((most == 0 || *done < most) && cn_next_batch(batches, &batch)) {
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        if (!cn_run_step(batches->model, CN_TEST_STEP, &batches->arrays, batch.order, batch.first, batch.count, losses,
                         NULL))
            return false;
        cn_count_batch(epoch, losses, batch.count);
        ++*done;
        if (progress && progress->verbose == 1) {
            cn_logs logs = {0};
            if (!cn_log_epoch(batches->model, epoch, false, &logs))
                return false;
            cn_progress_update(progress, *done, logs.item, logs.count, now());
        }
    }
    return !cn_failed() && had_batches(batches, *done);
}

/* The number of steps: what is asked for, or a pass, whose end must come. */
static bool count_steps(const cn_batches *batches, const char *option, int64_t asked, int64_t *steps)
{
    *steps = cn_batches_steps(batches);
    if (asked < 0)
        return cn_fail(CN_ARGUMENT, "%s: %s is %lld", batches->who, option, (long long)asked);
    if (asked == 0 && *steps == INT64_MAX)
        return cn_fail(CN_ARGUMENT, "%s: the data set has no end; give %s", batches->who, option);
    if (asked > 0 && (*steps == 0 || asked < *steps || batches->data))
        *steps = asked;
    return true;
}

/* fit */

typedef struct fitting {
    cn_model *model;
    const cn_fit_args *args;
    cn_batches train, validation;
    int64_t steps; /* of an epoch; 0: not known yet */
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
    int64_t count = (int64_t)floor((double)f->train.arrays.samples * (1 - split));
    if (count < 1 || count >= f->train.arrays.samples)
        return cn_fail(CN_ARGUMENT, "fit: validation_split %g of %lld samples leaves an empty part", split,
                       (long long)f->train.arrays.samples);
    f->validation.arrays = f->train.arrays;
    f->validation.arrays.class_weight = NULL;
    f->validation.arrays.samples -= count;
    f->train.arrays.samples = count;
    for (int i = 0; i < CN_MAX_OUTPUTS; i++) {
        skip_samples(&f->validation.arrays.x[i], count);
        skip_samples(&f->validation.arrays.y[i], count);
        skip_samples(&f->validation.arrays.weight[i], count);
        keep_samples(&f->train.arrays.x[i], count);
        keep_samples(&f->train.arrays.y[i], count);
        keep_samples(&f->train.arrays.weight[i], count);
    }
    return true;
}

static bool has_arrays(const cn_view *views)
{
    return views[0].data != NULL;
}

/* What goes with arrays has no meaning for a data set. */
static bool check_data(const cn_fit_args *args)
{
    if (args->data && (has_arrays(args->x) || has_arrays(args->y) || has_arrays(args->sample_weight)))
        return cn_fail(CN_ARGUMENT, "fit: inputs, targets and sample weights are the data set's");
    if (args->data && args->validation_split != 0)
        return cn_fail(CN_ARGUMENT, "fit: validation_split is for arrays; split the data set");
    if (args->validation_data && (has_arrays(args->validation_x) || has_arrays(args->validation_y) ||
                                  has_arrays(args->validation_sample_weight)))
        return cn_fail(CN_ARGUMENT, "fit: validation_data and validation arrays are both given");
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
    if (!cn_failed() && !f->model)
        return cn_fail(CN_ARGUMENT, "fit: the model is NULL");
    if (cn_failed() || !check_data(args))
        return false;
    f->train.arrays.class_weight = args->class_weight;
    f->train.data = args->data;
    f->validation.data = args->validation_data;
    memcpy(f->train.arrays.x, args->x, sizeof args->x);
    memcpy(f->train.arrays.y, args->y, sizeof args->y);
    memcpy(f->train.arrays.weight, args->sample_weight, sizeof args->sample_weight);
    if (!args->data && !cn_check_arrays(f->model, "fit", &f->train.arrays, true))
        return false;
    if (args->validation_data)
        return true;
    if (!args->validation_x[0].data)
        return split_samples(f);
    memcpy(f->validation.arrays.x, args->validation_x, sizeof args->validation_x);
    memcpy(f->validation.arrays.y, args->validation_y, sizeof args->validation_y);
    memcpy(f->validation.arrays.weight, args->validation_sample_weight, sizeof args->validation_sample_weight);
    return cn_check_arrays(f->model, "fit: validation", &f->validation.arrays, true);
}

/* Batches of arrays go on from pass to pass; a data set that ends within an epoch ends the epoch. */
static bool next_training_batch(fitting *f, cn_batch *batch)
{
    return cn_next_batch(&f->train, batch) || (!f->train.data && cn_next_batch(&f->train, batch));
}

/* `taken` becomes the number of steps, fewer than steps_per_epoch if the data end. */
static bool train_epoch(fitting *f, int64_t *taken)
{
    bool whole_pass = f->train.data && f->args->steps_per_epoch == 0;
    bool wants_batches = f->progress.verbose == 1;
    for (int i = 0; i < CN_MAX_CALLBACKS && is_callback(&f->args->callbacks[i]); i++)
        wants_batches = wants_batches || f->args->callbacks[i].on_train_batch_end;
    bool done = true;
    cn_batch batch;
    int64_t i = 0;
    cn_begin_epoch(f->model, &f->epoch);
    while ((whole_pass || i < f->steps) && next_training_batch(f, &batch)) {
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        CALL_BACK(done, f->args->callbacks, on_train_batch_begin, f->model, i);
        done = done && cn_run_step(f->model, CN_TRAIN_STEP, &f->train.arrays, batch.order, batch.first, batch.count,
                                   losses, NULL);
        if (!done)
            break;
        cn_count_batch(&f->epoch, losses, batch.count);
        i++;
        if (wants_batches) {
            cn_logs logs = {0};
            done = cn_log_epoch(f->model, &f->epoch, false, &logs);
            CALL_BACK(done, f->args->callbacks, on_train_batch_end, f->model, i - 1, &logs);
            /* The last update is drawn when the epoch's validation is known. */
            if (done && i != f->steps)
                cn_progress_update(&f->progress, i, logs.item, logs.count, now());
        }
        if (!done || f->model->stop)
            break;
    }
    *taken = i;
    return done && !cn_failed() && had_batches(&f->train, i);
}

/* As Keras does, the warning goes where the progress goes. */
static void warn_of_end(const cn_progress *progress)
{
    static const char warning[] =
        "\nWARNING: Your input ran out of data; interrupting epoch. Make sure that your dataset or generator can "
        "generate "
        "at least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your "
        "dataset.\n";
    if (progress->verbose)
        progress->write(progress->context, warning, sizeof warning - 1);
}

static bool validate(fitting *f, cn_logs *logs)
{
    bool done = true;
    cn_epoch epoch;
    int64_t taken;
    CALL_BACK(done, f->args->callbacks, on_test_begin, f->model);
    done = done && test_all(&f->validation, f->args->validation_steps, &epoch, NULL, &taken) &&
           cn_log_epoch(f->model, &epoch, true, logs);
    CALL_BACK(done, f->args->callbacks, on_test_end, f->model, logs);
    return done;
}

static bool fit_epoch(fitting *f, cn_history *history, int epoch)
{
    bool done = true;
    int64_t taken = 0;
    cn_logs *logs = &f->logs;
    logs->count = 0;
    if (f->args->steps_per_epoch == 0)
        cn_batches_rewind(&f->train);
    CALL_BACK(done, f->args->callbacks, on_epoch_begin, f->model, epoch);
    cn_progress_begin(&f->progress, epoch, f->args->epochs, f->steps, now());
    done = done && train_epoch(f, &taken);
    if (done && f->args->steps_per_epoch > taken && !f->model->stop)
        warn_of_end(&f->progress);
    /* The length of the data set is known by now. */
    if (done && f->args->steps_per_epoch == 0 && !f->model->stop)
        f->steps = taken;
    done = done && cn_log_epoch(f->model, &f->epoch, false, logs);
    if (done && cn_batches_given(&f->validation) && (epoch + 1) % f->args->validation_freq == 0)
        done = validate(f, logs);
    CALL_BACK(done, f->args->callbacks, on_epoch_end, f->model, epoch, logs);
    done = done && cn_history_append(history, logs);
    if (done)
        cn_progress_end(&f->progress, taken, logs->item, logs->count, now());
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
    f.train = (cn_batches){.model = model, .who = "fit", .targets = true, .batch_size = args.batch_size};
    f.validation = f.train;
    f.validation.who = "fit: validation";
    int64_t unused;
    if (!take_arrays(&f) || !count_steps(&f.train, "steps_per_epoch", args.steps_per_epoch, &f.steps) ||
        (cn_batches_given(&f.validation) &&
         !count_steps(&f.validation, "validation_steps", args.validation_steps, &unused)))
        return NULL;
    if (args.steps_per_epoch > 0)
        f.steps = args.steps_per_epoch;
    bool shuffles = args.shuffle && !args.data;
    bool done = !shuffles || (f.train.order = cn_allocate((size_t)f.train.arrays.samples, sizeof *f.train.order));
    cn_history *history = done ? cn_history_begin(model, args.initial_epoch) : NULL;
    done = history && fit_all(&f, history);
    cn_batches_end(&f.train);
    cn_batches_end(&f.validation);
    return done ? history : NULL;
}

/* evaluate, predict, and single batches */

cn_evaluate_args cn_evaluate_defaults(void)
{
    return (cn_evaluate_args){CN_EVALUATE_DEFAULTS};
}

/* A pass through a data set or through arrays, which are checked. */
static bool take_pass(cn_batches *batches, const char *option, int64_t asked, int64_t *steps)
{
    if (cn_failed())
        return false;
    if (!batches->model)
        return cn_fail(CN_ARGUMENT, "%s: the model is NULL", batches->who);
    if (batches->data && (has_arrays(batches->arrays.x) || has_arrays(batches->arrays.weight)))
        return cn_fail(CN_ARGUMENT, "%s: a data set and arrays are both given", batches->who);
    if (!batches->data && !cn_check_arrays(batches->model, batches->who, &batches->arrays, batches->targets))
        return false;
    if (batches->batch_size < 1)
        return cn_fail(CN_ARGUMENT, "%s: batch_size is %lld", batches->who, (long long)batches->batch_size);
    return count_steps(batches, option, asked, steps);
}

double cn_evaluate_with(cn_model *model, cn_evaluate_args args)
{
    cn_batches batches = {
        .model = model, .who = "evaluate", .targets = true, .batch_size = args.batch_size, .data = args.data};
    memcpy(batches.arrays.x, args.x, sizeof args.x);
    memcpy(batches.arrays.y, args.y, sizeof args.y);
    memcpy(batches.arrays.weight, args.sample_weight, sizeof args.sample_weight);
    int64_t steps, taken = 0;
    if (!take_pass(&batches, "steps", args.steps, &steps))
        return NAN;
    bool done = true;
    cn_epoch epoch;
    cn_logs own, *logs = args.logs ? args.logs : &own;
    cn_progress progress = new_progress(args.file, args.verbose);
    logs->count = 0;
    CALL_BACK(done, args.callbacks, on_test_begin, model);
    cn_progress_begin(&progress, 0, 1, steps, now());
    done =
        done && test_all(&batches, args.steps, &epoch, &progress, &taken) && cn_log_epoch(model, &epoch, false, logs);
    if (done)
        cn_progress_end(&progress, taken, logs->item, logs->count, now());
    CALL_BACK(done, args.callbacks, on_test_end, model, logs);
    cn_batches_end(&batches);
    return done ? logs->item[0].value : NAN;
}

cn_predict_args cn_predict_defaults(void)
{
    return (cn_predict_args){CN_PREDICT_DEFAULTS};
}

/* The predictions of a batch lie behind those of the batches before it. */
static bool predict_batch(cn_batches *batches, const cn_batch *batch, const cn_view *y, int64_t done)
{
    cn_view part[CN_MAX_OUTPUTS];
    for (int i = 0; i < batches->model->topology.output_count; i++) {
        part[i] = y[i];
        if (batches->data) {
            if (y[i].shape.rank < 1 || y[i].shape.dim[0] - done < batch->count)
                return cn_fail(CN_SHAPES, "predict: the data set has more samples than the array of output %d", i);
            skip_samples(&part[i], done);
            keep_samples(&part[i], batch->count);
        }
    }
    return cn_run_step(batches->model, CN_PREDICT_STEP, &batches->arrays, NULL, batch->first, batch->count, NULL, part);
}

static bool predict_all(cn_batches *batches, int64_t most, const cn_view *y, cn_progress *progress, int64_t *taken)
{
    cn_batch batch;
    int64_t samples = 0;
    while ((most == 0 || *taken < most) && cn_next_batch(batches, &batch)) {
        for (int i = 0; i < batches->model->topology.output_count; i++)
            if (!y[i].data || !y[i].writable)
                return cn_fail(CN_ARGUMENT, "predict: output %d of %s needs an array that is not const", i,
                               cn_model_name(batches->model));
        if (!predict_batch(batches, &batch, y, samples))
            return false;
        samples += batch.count;
        ++*taken;
        if (progress->verbose == 1 && *taken != progress->steps)
            cn_progress_update(progress, *taken, NULL, 0, now());
    }
    if (cn_failed() || !had_batches(batches, *taken))
        return false;
    return !batches->data || samples == y[0].shape.dim[0] ||
           cn_fail(CN_SHAPES, "predict: the array of output 0 has room for %lld samples, the data set has %lld",
                   (long long)y[0].shape.dim[0], (long long)samples);
}

bool cn_predict_with(cn_model *model, cn_predict_args args)
{
    cn_batches batches = {.model = model, .who = "predict", .batch_size = args.batch_size, .data = args.data};
    memcpy(batches.arrays.x, args.x, sizeof args.x);
    int64_t steps, taken = 0;
    if (!take_pass(&batches, "steps", args.steps, &steps))
        return false;
    bool done = true;
    cn_progress progress = new_progress(args.file, args.verbose);
    CALL_BACK(done, args.callbacks, on_predict_begin, model);
    if (args.verbose)
        cn_progress_begin(&progress, 0, 1, steps, now());
    done = done && predict_all(&batches, args.steps, args.y, &progress, &taken);
    if (done && args.verbose)
        cn_progress_end(&progress, taken, NULL, 0, now());
    CALL_BACK(done, args.callbacks, on_predict_end, model);
    cn_batches_end(&batches);
    return done;
}

static double step_on_batch(cn_model *model, cn_step_kind kind, const char *who, const cn_batch_args *args)
{
    cn_arrays arrays; /* large, and set by what follows and by the check */
    arrays.class_weight = args->class_weight;
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
