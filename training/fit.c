#include "training/training.h"
#include "data/arrays.h"
#include "training/fitting.h"
#include "training/history.h"
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double cn_now(void)
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

static bool check_verbose(const char *who, int verbose)
{
    return (verbose >= 0 && verbose <= 2) || cn_fail(CN_ARGUMENT, "%s: verbose is %d; it is 0, 1 or 2", who, verbose);
}

/* What an epoch of data sets ends with. */
static bool had_batches(const cn_batches *batches, int64_t done)
{
    return done > 0 || cn_fail(CN_ARGUMENT, "%s: the data set gives no batch", batches->who);
}

/* One pass in order, or `most` steps of it unless that is 0. */
static bool test_all(cn_batches *batches, int64_t most, const cn_callbacks *callbacks, cn_epoch *epoch,
                     cn_progress *progress, int64_t *taken)
{
    bool done = true;
    cn_batch batch;
    *taken = 0;
    cn_begin_epoch(batches->model, epoch);
    cn_batches_rewind(batches);
    while (done && (most == 0 || *taken < most) && cn_next_batch(batches, &batch)) {
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        CN_CALL_BACK(done, callbacks, on_test_batch_begin, batches->model, *taken);
        done = done && cn_run_step(batches->model, CN_TEST_STEP, &batches->arrays, batch.order, batch.first,
                                   batch.count, losses, NULL);
        if (!done)
            break;
        cn_count_batch(epoch, losses, batch.count);
        ++*taken;
        if (callbacks->log_test_batches || (progress && progress->verbose == 1)) {
            cn_logs logs = {0};
            done = cn_log_epoch(batches->model, epoch, false, &logs);
            CN_CALL_BACK(done, callbacks, on_test_batch_end, batches->model, *taken - 1, &logs);
            if (done && progress && progress->verbose == 1)
                cn_progress_update(progress, *taken, logs.item, logs.count, cn_now());
        }
    }
    return done && !cn_failed() && had_batches(batches, *taken);
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

/* Cuts arrays after `count` samples. */
static void split_arrays(cn_view *first, cn_view *rest, int64_t count)
{
    for (int i = 0; i < CN_MAX_OUTPUTS; i++) {
        if (!first[i].data)
            continue;
        rest[i] = cn_samples(first[i], count, first[i].shape.dim[0] - count);
        first[i] = cn_samples(first[i], 0, count);
    }
}

/* The last samples validate: floor(n * (1 - split)) train. */
static bool split_samples(cn_fitting *f)
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
    split_arrays(f->train.arrays.x, f->validation.arrays.x, count);
    split_arrays(f->train.arrays.y, f->validation.arrays.y, count);
    split_arrays(f->train.arrays.weight, f->validation.arrays.weight, count);
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
    if ((args->data && args->batch_size) || (args->validation_data && args->validation_batch_size))
        return cn_fail(CN_ARGUMENT, "fit: batch sizes are for arrays; use cn_dataset_batch");
    if (args->data && args->validation_split != 0)
        return cn_fail(CN_ARGUMENT, "fit: validation_split is for arrays; split the data set");
    if (args->validation_data && (has_arrays(args->validation_x) || has_arrays(args->validation_y) ||
                                  has_arrays(args->validation_sample_weight)))
        return cn_fail(CN_ARGUMENT, "fit: validation_data and validation arrays are both given");
    return true;
}

static bool check_arguments(const cn_fit_args *args)
{
    if (args->batch_size < 0)
        return cn_fail(CN_ARGUMENT, "fit: batch_size is %lld", (long long)args->batch_size);
    if (args->validation_batch_size < 0)
        return cn_fail(CN_ARGUMENT, "fit: validation_batch_size is %lld", (long long)args->validation_batch_size);
    if (args->epochs < 0)
        return cn_fail(CN_ARGUMENT, "fit: epochs is %d", args->epochs);
    if (args->steps_per_epoch < 0 || args->initial_epoch < 0)
        return cn_fail(CN_ARGUMENT, "fit: steps_per_epoch and initial_epoch cannot be negative");
    if (args->validation_freq < 1)
        return cn_fail(CN_ARGUMENT, "fit: validation_freq is %d", args->validation_freq);
    if (has_arrays(args->validation_y) && !has_arrays(args->validation_x))
        return cn_fail(CN_ARGUMENT, "fit: validation_y needs validation_x");
    if (has_arrays(args->validation_sample_weight) && !has_arrays(args->validation_x) && !args->validation_data)
        return cn_fail(CN_ARGUMENT, "fit: validation_sample_weight needs validation_x; validation_split takes those "
                                    "that validate from sample_weight");
    return check_verbose("fit", args->verbose) && check_data(args);
}

static bool take_arrays(cn_fitting *f)
{
    const cn_fit_args *args = f->args;
    if (cn_failed())
        return false;
    if (!f->model)
        return cn_fail(CN_ARGUMENT, "fit: the model is NULL");
    if (f->model->fitting)
        return cn_fail(CN_STATE, "fit: %s is being trained; callbacks may use train_on_batch", cn_model_name(f->model));
    if (!check_arguments(args))
        return false;
    f->train.arrays.class_weight = args->class_weight;
    f->train.data = args->data;
    f->validation.data = args->validation_data;
    cn_arrays_take(&f->train.arrays, args->x, args->y, args->sample_weight);
    if (!args->data && !cn_check_arrays(f->model, "fit", &f->train.arrays, true))
        return false;
    if (args->validation_data)
        return true;
    if (!args->validation_x[0].data)
        return split_samples(f);
    cn_arrays_take(&f->validation.arrays, args->validation_x, args->validation_y, args->validation_sample_weight);
    return cn_check_arrays(f->model, "fit: validation", &f->validation.arrays, true);
}

/* Batches of arrays go on from pass to pass; a data set that ends within an epoch ends the epoch. */
static bool next_training_batch(cn_fitting *f, cn_batch *batch)
{
    return cn_next_batch(&f->train, batch) || (!f->train.data && cn_next_batch(&f->train, batch));
}

/* `taken` becomes the number of steps, fewer than steps_per_epoch if the data end. */
static bool train_epoch(cn_fitting *f, int64_t *taken)
{
    bool whole_pass = f->train.data && f->args->steps_per_epoch == 0;
    bool wants_logs = f->progress.verbose == 1 || f->callbacks.log_train_batches;
    bool done = true, stopped = f->batch > 0 && f->model->stop;
    cn_batch batch;
    int64_t i = f->batch;
    if (i == 0)
        cn_begin_epoch(f->model, &f->sums);
    while (!stopped && (whole_pass || i < f->steps) && next_training_batch(f, &batch)) {
        double losses[1 + CN_MAX_OUTPUTS] = {0};
        CN_CALL_BACK(done, &f->callbacks, on_train_batch_begin, f->model, i);
        done = done && cn_run_step(f->model, CN_TRAIN_STEP, &f->train.arrays, batch.order, batch.first, batch.count,
                                   losses, NULL);
        if (!done)
            break;
        cn_count_batch(&f->sums, losses, batch.count);
        f->batch = ++i;
        if (wants_logs) {
            cn_logs logs = {0};
            done = cn_log_epoch(f->model, &f->sums, false, &logs);
            CN_CALL_BACK(done, &f->callbacks, on_train_batch_end, f->model, i - 1, &logs);
            /* The last update is drawn when the epoch's validation is known. */
            if (done && i != f->steps)
                cn_progress_update(&f->progress, i, logs.item, logs.count, cn_now());
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

static bool validate(cn_fitting *f, cn_logs *logs)
{
    bool done = true;
    cn_epoch epoch;
    int64_t taken;
    cn_logs test = {0}; /* the same without "val_", as the hooks of tests have it from evaluate */
    CN_CALL_BACK(done, &f->callbacks, on_test_begin, f->model);
    done = done && test_all(&f->validation, f->args->validation_steps, &f->callbacks, &epoch, NULL, &taken) &&
           cn_log_epoch(f->model, &epoch, true, logs) && cn_log_epoch(f->model, &epoch, false, &test);
    CN_CALL_BACK(done, &f->callbacks, on_test_end, f->model, &test);
    return done;
}

static bool fit_epoch(cn_fitting *f, cn_history *history)
{
    bool done = true;
    int epoch = f->epoch;
    int64_t taken = 0;
    cn_logs *logs = &f->logs;
    logs->count = 0;
    if (f->batch == 0) {
        if (f->args->steps_per_epoch == 0)
            cn_batches_rewind(&f->train);
        CN_CALL_BACK(done, &f->callbacks, on_epoch_begin, f->model, epoch);
    }
    cn_progress_begin(&f->progress, epoch, f->args->epochs, f->steps, cn_now());
    done = done && train_epoch(f, &taken);
    if (done && f->args->steps_per_epoch > taken && !f->model->stop)
        warn_of_end(&f->progress);
    /* The length of the data set is known by now. */
    if (done && f->args->steps_per_epoch == 0 && !f->model->stop)
        f->steps = taken;
    done = done && cn_log_epoch(f->model, &f->sums, false, logs);
    if (done && cn_batches_given(&f->validation) && (epoch + 1) % f->args->validation_freq == 0)
        done = validate(f, logs);
    f->epoch++;
    f->batch = 0;
    CN_CALL_BACK(done, &f->callbacks, on_epoch_end, f->model, epoch, logs);
    done = done && cn_history_append(history, logs);
    if (done)
        cn_progress_end(&f->progress, taken, logs->item, logs->count, cn_now());
    return done;
}

/* The history, or NULL with the error set. */
static cn_history *fit_all(cn_fitting *f)
{
    cn_model *model = f->model;
    bool done = true;
    model->stop = false;
    CN_CALL_BACK(done, &f->callbacks, on_train_begin, model);
    cn_history *history = done ? cn_history_begin(model, f->epoch) : NULL;
    done = history != NULL;
    /* What was told to stop before it was resumed has an epoch to end, but nothing more to train. */
    bool ended = f->resumed && model->stop && f->batch == 0;
    while (done && !ended && f->epoch < f->args->epochs) {
        done = fit_epoch(f, history);
        ended = model->stop;
    }
    done = done && (!model->updater || cn_finish_updates(model->updater));
    CN_CALL_BACK(done, &f->callbacks, on_train_end, model, &f->logs);
    return done ? history : NULL;
}

cn_fit_args cn_fit_defaults(void)
{
    return (cn_fit_args){CN_FIT_DEFAULTS};
}

/* Known when the arrays are: as many as give the steps that are asked for, or Keras' 32. */
static void choose_batch_sizes(cn_fitting *f)
{
    const cn_fit_args *args = f->args;
    int64_t steps = args->data ? 0 : args->steps_per_epoch, samples = f->train.arrays.samples;
    f->train.batch_size = args->batch_size ? args->batch_size : steps ? 1 + (samples - 1) / steps : 32;
    f->validation.batch_size = args->validation_batch_size ? args->validation_batch_size
                               : args->batch_size          ? args->batch_size
                                                           : 32;
}

cn_history *cn_fit_with(cn_model *model, cn_fit_args args)
{
    cn_fitting f = {
        .model = model, .args = &args, .progress = new_progress(args.file, args.verbose), .epoch = args.initial_epoch};
    f.train = (cn_batches){.model = model, .who = "fit", .targets = true};
    f.validation = (cn_batches){.model = model, .who = "fit: validation", .targets = true};
    int64_t unused;
    if (!take_arrays(&f))
        return NULL;
    choose_batch_sizes(&f);
    if (!count_steps(&f.train, "steps_per_epoch", args.steps_per_epoch, &f.steps) ||
        (cn_batches_given(&f.validation) &&
         !count_steps(&f.validation, "validation_steps", args.validation_steps, &unused)))
        return NULL;
    if (args.steps_per_epoch > 0)
        f.steps = args.steps_per_epoch;
    bool shuffles = args.shuffle && !args.data;
    bool done = !shuffles || (f.train.order = cn_allocate((size_t)f.train.arrays.samples, sizeof *f.train.order));
    model->fitting = &f;
    cn_history *history =
        done && cn_callbacks_begin(&f.callbacks, args.callbacks, CN_MAX_CALLBACKS) ? fit_all(&f) : NULL;
    cn_callbacks_end(&f.callbacks);
    model->fitting = NULL;
    cn_batches_end(&f.train);
    cn_batches_end(&f.validation);
    return history;
}

/* evaluate, predict, and single batches */

cn_evaluate_args cn_evaluate_defaults(void)
{
    return (cn_evaluate_args){CN_EVALUATE_DEFAULTS};
}

/* A pass through a data set or through arrays, which are checked. */
static bool take_pass(cn_batches *batches, int verbose, int64_t asked, int64_t *steps)
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
    return check_verbose(batches->who, verbose) && count_steps(batches, "steps", asked, steps);
}

double cn_evaluate_with(cn_model *model, cn_evaluate_args args)
{
    cn_batches batches = {
        .model = model, .who = "evaluate", .targets = true, .batch_size = args.batch_size, .data = args.data};
    cn_arrays_take(&batches.arrays, args.x, args.y, args.sample_weight);
    int64_t steps, taken = 0;
    if (!take_pass(&batches, args.verbose, args.steps, &steps))
        return NAN;
    cn_callbacks callbacks;
    bool done = cn_callbacks_begin(&callbacks, args.callbacks, CN_MAX_CALLBACKS);
    cn_epoch epoch;
    cn_logs own, *logs = args.logs ? args.logs : &own;
    cn_progress progress = new_progress(args.file, args.verbose);
    logs->count = 0;
    CN_CALL_BACK(done, &callbacks, on_test_begin, model);
    cn_progress_begin(&progress, 0, 1, steps, cn_now());
    done = done && test_all(&batches, args.steps, &callbacks, &epoch, &progress, &taken) &&
           cn_log_epoch(model, &epoch, false, logs);
    CN_CALL_BACK(done, &callbacks, on_test_end, model, logs);
    if (done)
        cn_progress_end(&progress, taken, logs->item, logs->count, cn_now());
    cn_callbacks_end(&callbacks);
    cn_batches_end(&batches);
    return done ? logs->item[0].value : NAN;
}

cn_predict_args cn_predict_defaults(void)
{
    return (cn_predict_args){CN_PREDICT_DEFAULTS};
}

/* The outputs of a model are known once it is built; cn_check_arrays refuses too many of them. */
static int output_count(const cn_batches *batches)
{
    int count = batches->model->topology.output_count;
    return count < CN_MAX_OUTPUTS ? count : CN_MAX_OUTPUTS;
}

static bool check_outputs(const cn_batches *batches, const cn_view *y)
{
    for (int i = 0; i < output_count(batches); i++)
        if (!y[i].data || !y[i].writable)
            return cn_fail(CN_ARGUMENT, "predict: output %d of %s needs an array that is not const", i,
                           cn_model_name(batches->model));
    return true;
}

/* Of a data set, which has that many samples. */
static bool check_room(const cn_batches *batches, const cn_view *y, int64_t samples)
{
    for (int i = 0; i < output_count(batches); i++) {
        int64_t room = y[i].shape.rank < 1 ? 0 : y[i].shape.dim[0];
        if (room != samples)
            return cn_fail(CN_SHAPES,
                           "predict: the array of output %d has room for %lld samples, the data set has %lld", i,
                           (long long)room, (long long)samples);
    }
    return true;
}

/* The predictions of a batch of a data set lie behind those of the batches before it. */
static bool predict_batch(cn_batches *batches, const cn_batch *batch, const cn_view *y, int64_t done)
{
    cn_view part[CN_MAX_OUTPUTS];
    for (int i = 0; i < output_count(batches); i++) {
        part[i] = y[i];
        if (!batches->data)
            continue;
        if (y[i].shape.rank < 1 || y[i].shape.dim[0] - done < batch->count)
            return cn_fail(CN_SHAPES, "predict: the data set has more samples than the array of output %d", i);
        part[i] = cn_samples(y[i], done, batch->count);
    }
    return cn_run_step(batches->model, CN_PREDICT_STEP, &batches->arrays, NULL, batch->first, batch->count, NULL, part);
}

static bool predict_all(cn_batches *batches, int64_t most, const cn_view *y, const cn_callbacks *callbacks,
                        cn_progress *progress, int64_t *taken)
{
    bool done = true;
    cn_batch batch;
    int64_t samples = 0;
    while (done && (most == 0 || *taken < most) && cn_next_batch(batches, &batch)) {
        /* Again, since a sequential model may have been built by this batch. */
        if (!check_outputs(batches, y))
            return false;
        CN_CALL_BACK(done, callbacks, on_predict_batch_begin, batches->model, *taken);
        if (!done || !predict_batch(batches, &batch, y, samples))
            return false;
        samples += batch.count;
        ++*taken;
        CN_CALL_BACK(done, callbacks, on_predict_batch_end, batches->model, *taken - 1);
        if (done && progress->verbose == 1 && *taken != progress->steps)
            cn_progress_update(progress, *taken, NULL, 0, cn_now());
    }
    return !cn_failed() && had_batches(batches, *taken) && (!batches->data || check_room(batches, y, samples));
}

bool cn_predict_with(cn_model *model, cn_predict_args args)
{
    cn_batches batches;
    memset(&batches, 0, offsetof(cn_batches, arrays));
    batches.model = model;
    batches.who = "predict";
    batches.batch_size = args.batch_size;
    batches.data = args.data;
    batches.arrays.class_weight = NULL;
    batches.arrays.samples = 0;
    cn_arrays_take(&batches.arrays, args.x, NULL, NULL);
    int64_t steps, taken = 0, known = args.data && args.steps == 0 ? cn_dataset_samples(args.data) : -1;
    if (!take_pass(&batches, args.verbose, args.steps, &steps) || !check_outputs(&batches, args.y) ||
        (known >= 0 && !check_room(&batches, args.y, known)))
        return false;
    cn_callbacks callbacks;
    bool done = cn_callbacks_begin(&callbacks, args.callbacks, cn_callbacks_count(args.callbacks));
    cn_progress progress = new_progress(args.file, args.verbose);
    CN_CALL_BACK(done, &callbacks, on_predict_begin, model);
    if (args.verbose)
        cn_progress_begin(&progress, 0, 1, steps, cn_now());
    done = done && predict_all(&batches, args.steps, args.y, &callbacks, &progress, &taken);
    CN_CALL_BACK(done, &callbacks, on_predict_end, model);
    if (done && args.verbose)
        cn_progress_end(&progress, taken, NULL, 0, cn_now());
    cn_callbacks_end(&callbacks);
    cn_batches_end(&batches);
    return done;
}

static double step_on_batch(cn_model *model, cn_step_kind kind, const char *who, const cn_batch_args *args)
{
    cn_arrays arrays; /* large, and set by what follows and by the check */
    arrays.class_weight = args->class_weight;
    cn_arrays_take(&arrays, args->x, args->y, args->sample_weight);
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
