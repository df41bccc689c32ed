/* Training that is killed and goes on: it ends, bit for bit, where the unbroken run ends. Every run is a process of its
 * own, which leaves in a file what it came to. */
#include "read_file.h"
#include "own_directory.h"
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(resume, .init = enter_directory, .fini = leave_directory);

enum { SAMPLES = 50, FEATURES = 6, CLASSES = 3 };
static float xs[SAMPLES][FEATURES];
static int32_t ys[SAMPLES];

static void make_data(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < FEATURES; j++)
            xs[i][j] = sinf((float)(i * i + 3 * i * j + j));
        ys[i] = (int32_t)(i * i % CLASSES);
    }
}

static cn_model *new_model(cn_optimizer optimizer)
{
    cn_model *model = cn_sequential(cn_input_layer(FEATURES), cn_dense(8, cn_relu, .name = "hidden"),
                                    cn_batch_normalization(.name = "normal"), cn_dropout(0.3, .name = "drop"),
                                    cn_dense(CLASSES, cn_softmax, .name = "out"));
    cn_compile(model, .optimizer = optimizer, .loss = cn_sparse_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

/* A callback that kills its process: after so many steps, or at the end of training. */
typedef struct killer {
    int64_t step;
    int64_t steps;
    bool at_end;
} killer;

static bool kill_after(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    killer *k = context;
    (void)batch;
    (void)logs;
    if (cn_iterations(cn_model_updater(model)) == k->step)
        raise(SIGKILL);
    k->steps++;
    return true;
}

static bool kill_at_end(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    (void)logs;
    if (((killer *)context)->at_end)
        raise(SIGKILL);
    return true;
}

static cn_callback kill_by(killer *k)
{
    return (cn_callback){.context = k, .on_train_batch_end = kill_after, .on_train_end = kill_at_end};
}

/* A training: fits with the callbacks, of which the first NULL one is free for the killer. */
typedef cn_model *training(killer *k, cn_callback backup, cn_history **history);

static void write_numbers(FILE *file, const cn_tensor *variable)
{
    cn_shape shape = cn_shape_of(variable);
    size_t count = (size_t)cn_shape_size(shape);
    double *values = calloc(count + 1, sizeof *values);
    if (!cn_values((cn_tensor *)(uintptr_t)variable, cn_array_with(values, CN_ARRAY_F64, true, shape)))
        _exit(3);
    fwrite(values, sizeof *values, count, file);
    free(values);
}

/* Weights, the optimizer's variables, and what was logged for the last epoch. */
static void write_result(const char *path, cn_model *model, const cn_history *history)
{
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < cn_weight_count(model); i++)
        write_numbers(file, cn_weight(model, i));
    for (int i = 0; i < cn_updater_variable_count(cn_model_updater(model)); i++)
        write_numbers(file, cn_updater_variable(cn_model_updater(model), i));
    for (int i = 0; history && cn_history_epochs(history) > 0 && i < cn_history_names(history); i++) {
        const char *name = cn_history_name(history, i);
        fwrite(&cn_history_of(history, name)[cn_history_epochs(history) - 1], sizeof(double), 1, file);
    }
    if (fclose(file) != 0)
        _exit(4);
}

/* Runs in a new process; true if it came to the end, which it tells in `path`. */
static bool run(training *train, killer k, cn_callback backup, const char *path)
{
    pid_t process = fork();
    if (process == 0) {
        cn_history *history = NULL;
        make_data();
        cn_model *model = train(&k, backup, &history);
        if (cn_failed()) {
            fprintf(stderr, "%s\n", cn_error_message());
            _exit(2);
        }
        if (path)
            write_result(path, model, history);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(process, &status, 0), process);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return false;
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the process failed");
    return true;
}

static void expect_same(const char *path, const char *as, int64_t killed_after)
{
    struct stat a, b;
    cr_assert(stat(path, &a) == 0 && stat(as, &b) == 0);
    cr_assert(a.st_size == b.st_size, "after %lld steps: %lld bytes, not %lld", (long long)killed_after,
              (long long)a.st_size, (long long)b.st_size);
    char *is = read_file(path), *wanted = read_file(as);
    cr_assert(memcmp(is, wanted, (size_t)a.st_size) == 0, "after %lld steps the resumed run ends elsewhere",
              (long long)killed_after);
    free(is);
    free(wanted);
}

static bool do_nothing(void *context, cn_model *model)
{
    (void)context;
    (void)model;
    return true;
}

static cn_callback none(void)
{
    return (cn_callback){.on_train_begin = do_nothing};
}

/* Killed after each of so many steps, a new run goes on to the same end. */
static void expect_resumed(training *train, int64_t save_freq, int64_t from, int64_t to, int64_t by)
{
    cr_assert(run(train, (killer){0}, none(), "unbroken"));
    for (int64_t step = from; step <= to; step += by) {
        cn_callback backup = cn_backup_and_restore("backup", save_freq);
        cr_assert_not(run(train, (killer){.step = step}, backup, NULL), "it was not killed at step %lld",
                      (long long)step);
        cr_assert(run(train, (killer){0}, backup, "resumed"));
        expect_same("resumed", "unbroken", step);
        cr_assert(access("backup", F_OK) != 0, "the backup is gone at the end");
    }
}

/* 7 batches an epoch. */
static cn_model *train_arrays(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_adam(0.01));
    *history = cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 8,
                      .epochs = 4, .verbose = 0, .validation_split = 0.1, .callbacks = {kill_by(k), backup});
    return model;
}

Test(resume, goes_on_from_the_last_epoch)
{
    expect_resumed(train_arrays, CN_EACH_EPOCH, 1, 23, 5);
}

Test(resume, goes_on_within_an_epoch)
{
    expect_resumed(train_arrays, CN_EACH_BATCH, 1, 24, 3);
    expect_resumed(train_arrays, 4, 2, 23, 7);
}

/* Passes and epochs begin and end at different batches. */
static cn_model *train_steps(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_rmsprop(0.01, .momentum = 0.5));
    *history = cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 8,
                      .epochs = 5, .steps_per_epoch = 5, .verbose = 0, .callbacks = {kill_by(k), backup});
    return model;
}

Test(resume, goes_on_within_a_pass)
{
    expect_resumed(train_steps, CN_EACH_EPOCH, 3, 24, 7);
    expect_resumed(train_steps, 2, 6, 22, 4);
}

static bool turn_over(void *context, cn_iterator *iterator, cn_element *element)
{
    (void)context;
    cn_view made = cn_element_array(iterator, CN_ARRAY_F32, element->x[0].shape);
    float *to = (float *)(uintptr_t)made.data;
    const float *from = element->x[0].data;
    for (int64_t i = 0; to && i < FEATURES; i++)
        to[i] = -from[i];
    element->x[0] = made;
    return to != NULL;
}

/* Of a model that has no input before the first batch. */
static cn_model *train_data(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = cn_sequential(cn_dense(8, cn_relu, .name = "hidden"), cn_dropout(0.3, .name = "drop"),
                                    cn_dense(CLASSES, cn_softmax, .name = "out"));
    cn_compile(model, .optimizer = cn_adam(0.01), .loss = cn_sparse_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    cn_dataset *data = cn_dataset_arrays({cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)});
    data = cn_dataset_shuffle(cn_dataset_map(data, turn_over, NULL), 20);
    data = cn_dataset_prefetch(cn_dataset_batch(data, 8), 3);
    *history = cn_fit_data(model, data, .epochs = 3, .verbose = 0, .callbacks = {kill_by(k), backup});
    cn_dataset_free(data);
    return model;
}

Test(resume, goes_on_within_a_data_set_that_is_prefetched)
{
    expect_resumed(train_data, CN_EACH_EPOCH, 4, 20, 8);
    expect_resumed(train_data, 3, 3, 20, 4);
}

/* Stops early, after the learning rate has been lowered on plateaus. */
static cn_model *train_stopped(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_sgd(0.5, .momentum = 0.9));
    *history = cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 16,
                      .epochs = 40, .verbose = 0, .validation_split = 0.4,
                      .callbacks = {backup, kill_by(k), cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 2),
                                    cn_early_stopping(.patience = 5, .restore_best_weights = true)});
    if (*history && (cn_history_epochs(*history) == 40 || cn_learning_rate(cn_model_updater(model)) == 0.5))
        cn_fail(CN_STATE, "nothing was stopped or lowered");
    return model;
}

Test(resume, an_early_stopped_run_stops_where_it_would_have)
{
    expect_resumed(train_stopped, CN_EACH_EPOCH, 2, 12, 2);
    expect_resumed(train_stopped, CN_EACH_BATCH, 3, 11, 4);
}

Test(resume, a_run_that_was_told_to_stop_does_not_train_on)
{
    for (int64_t save_freq = 0; save_freq < 2; save_freq++) {
        cn_callback backup = cn_backup_and_restore("backup", save_freq);
        cr_assert(run(train_stopped, (killer){0}, none(), "unbroken"));
        cr_assert_not(run(train_stopped, (killer){.at_end = true}, backup, NULL));
        cr_assert(run(train_stopped, (killer){0}, backup, "resumed"));
        /* An epoch that was not trained again is not logged again. */
        struct stat is, whole;
        cr_assert(stat("resumed", &is) == 0 && stat("unbroken", &whole) == 0);
        char *a = read_file("resumed"), *b = read_file("unbroken");
        cr_expect(is.st_size <= whole.st_size && memcmp(a, b, (size_t)is.st_size) == 0);
        free(a);
        free(b);
    }
}

static double by_last_rate(void *context, int epoch, double rate)
{
    (void)context;
    return epoch == 0 ? rate : rate * 0.7;
}

static cn_model *train_scheduled(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_adam(0.05));
    *history =
        cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 16, .epochs = 4,
               .verbose = 0, .callbacks = {cn_learning_rate_scheduler(by_last_rate), backup, kill_by(k)});
    return model;
}

Test(resume, a_scheduled_run_keeps_its_learning_rate)
{
    expect_resumed(train_scheduled, CN_EACH_EPOCH, 3, 15, 4);
    expect_resumed(train_scheduled, CN_EACH_BATCH, 2, 15, 3);
}

static cn_model *train_averaged(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_adam(0.05, .use_ema = true, .ema_momentum = 0.9, .gradient_accumulation_steps = 3));
    *history = cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 16,
                      .epochs = 4, .verbose = 0, .validation_split = 0.2,
                      .callbacks = {cn_swap_ema_weights(.swap_on_epoch = true), backup, kill_by(k)});
    return model;
}

Test(resume, averages_and_the_weights_behind_them_are_kept)
{
    expect_resumed(train_averaged, CN_EACH_EPOCH, 4, 11, 3);
    expect_resumed(train_averaged, CN_EACH_BATCH, 1, 11, 4);
}

/* Each batch goes on from the states that the one before left, through the epochs. */
static cn_model *train_stateful(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model =
        cn_sequential(cn_input_layer(3, 2), cn_lstm(4, .stateful = true, .return_sequences = true, .name = "first"),
                      cn_bidirectional(cn_gru(3, .stateful = true, .name = "gru"), .name = "second"),
                      cn_dense(CLASSES, cn_softmax, .name = "out"));
    cn_compile(model, .optimizer = cn_adam(0.05), .loss = cn_sparse_categorical_crossentropy());
    *history = cn_fit(model, {cn_array(xs[0], 48, 3, 2)}, {cn_array(ys, 48)}, .batch_size = 16, .epochs = 4,
                      .shuffle = false, .verbose = 0, .callbacks = {kill_by(k), backup});
    return model;
}

Test(resume, stateful_layers_keep_their_states)
{
    expect_resumed(train_stateful, CN_EACH_EPOCH, 4, 10, 3);
    expect_resumed(train_stateful, CN_EACH_BATCH, 2, 11, 3);
}

/* A callback of the user's with a memory of its own: every third batch it has seen, it lowers the learning rate. */
typedef struct counter {
    int64_t seen;
} counter;

static bool count_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    counter *c = context;
    cn_updater *updater = cn_model_updater(model);
    (void)batch;
    (void)logs;
    return ++c->seen % 3 != 0 || cn_set_learning_rate(updater, cn_learning_rate(updater) * 0.9);
}

static bool keep_count(void *context, cn_model *model, cn_keeper *keeper)
{
    (void)model;
    return cn_keep_count(keeper, "seen", &((counter *)context)->seen);
}

static cn_model *train_counted(killer *k, cn_callback backup, cn_history **history)
{
    static counter seen;
    cn_model *model = new_model(cn_adam(0.05));
    *history = cn_fit(
        model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 16, .epochs = 3,
        .verbose = 0,
        .callbacks = {{.context = &seen, .on_train_batch_end = count_batch, .keep = keep_count}, kill_by(k), backup});
    return model;
}

Test(resume, callbacks_of_the_users_keep_what_they_remember)
{
    expect_resumed(train_counted, CN_EACH_BATCH, 1, 11, 2);
}

/* The seed is set by the first process alone. */
static cn_model *train_seeded(killer *k, cn_callback backup, cn_history **history)
{
    if (k->step || !backup.state_size)
        cn_set_seed(0x123456789abcdef0);
    return train_arrays(k, backup, history);
}

Test(resume, the_seed_is_restored)
{
    expect_resumed(train_seeded, CN_EACH_EPOCH, 10, 20, 10);
    expect_resumed(train_seeded, CN_EACH_BATCH, 10, 20, 10);
}

/* Slow enough to be killed at any moment, also while it saves. */
static bool wait_a_little(void *context, cn_model *model, int64_t batch)
{
    (void)context;
    (void)model;
    (void)batch;
    usleep(500);
    return true;
}

static cn_model *train_slowly(killer *k, cn_callback backup, cn_history **history)
{
    cn_model *model = new_model(cn_adam(0.01));
    *history =
        cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = 4, .epochs = 4,
               .verbose = 0, .callbacks = {{.on_train_batch_begin = wait_a_little}, kill_by(k), backup});
    return model;
}

Test(resume, goes_on_when_it_was_killed_at_random_moments)
{
    cn_callback backup = cn_backup_and_restore("backup", CN_EACH_BATCH, .double_checkpoint = true);
    cr_assert(run(train_slowly, (killer){0}, none(), "unbroken"));
    uint32_t random = 1;
    for (int i = 0; i < 12; i++) {
        pid_t process = fork();
        if (process == 0) {
            cn_history *history;
            make_data();
            train_slowly(&(killer){0}, backup, &history);
            _exit(cn_failed() ? 2 : 0);
        }
        random = random * 1664525 + 1013904223;
        usleep(15000 + (random >> 16) % 30000);
        kill(process, SIGKILL);
        int status;
        cr_assert_eq(waitpid(process, &status, 0), process);
        if (WIFEXITED(status)) {
            cr_assert_eq(WEXITSTATUS(status), 0);
            break;
        }
    }
    cr_assert(run(train_slowly, (killer){0}, backup, "resumed"));
    expect_same("resumed", "unbroken", 0);
}

/* What a backup is, and what is refused. */

static cn_model *train_here(cn_callback backup, cn_callback other)
{
    make_data();
    cn_clear_session(); /* the names, by which layers draw, are those of a new process */
    cn_model *model = new_model(cn_adam(0.01));
    cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .epochs = 2, .verbose = 0,
           .callbacks = {backup, other});
    return model;
}

static float first_weight(cn_model *model)
{
    float values[FEATURES * 8] = {NAN};
    cr_assert(cn_values(cn_weight(model, 0), cn_array(values, FEATURES, 8)), "%s", cn_error_message());
    return values[0];
}

static void expect_refused(cn_code code, const char *message)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), message), "%s", cn_error_message());
    cn_error_clear();
}

static float untrained(void)
{
    cn_model *model = new_model(cn_adam(0.01));
    float weight = first_weight(model);
    cn_model_free(model);
    return weight;
}

static void cut(const char *path, off_t bytes)
{
    cr_assert_eq(truncate(path, bytes), 0);
}

static cn_callback kept(bool twice)
{
    return cn_backup_and_restore("backup/here", .delete_checkpoint = false, .double_checkpoint = twice);
}

Test(resume, a_backup_may_outlive_the_fit)
{
    cn_model *model = train_here(kept(false), none());
    float trained = first_weight(model);
    cr_assert(!cn_failed() && access("backup/here/latest.safetensors", F_OK) == 0);
    cn_model_free(model);
    /* There is nothing more to train. */
    cn_model *again = train_here(kept(false), none());
    cr_expect_eq(first_weight(again), trained);
    cr_expect_eq(cn_iterations(cn_model_updater(again)), 4);
    cn_model_free(again);
}

Test(resume, a_backup_is_read_as_weights_too)
{
    cn_model *model = train_here(kept(false), none());
    float trained = first_weight(model);
    cn_model_free(model);
    cn_model *other = new_model(cn_sgd());
    cr_assert(cn_load_weights(other, "backup/here/latest.safetensors"), "%s", cn_error_message());
    cr_expect_eq(first_weight(other), trained);
    cn_model_free(other);
}

Test(resume, a_damaged_backup_is_refused)
{
    cn_model_free(train_here(kept(false), none()));
    cut("backup/here/latest.safetensors", 1000);
    cn_model *model = train_here(kept(false), none());
    expect_refused(CN_FORMAT, "backup/here/latest.safetensors");
    cr_expect_eq(first_weight(model), untrained());
    cn_model_free(model);
}

Test(resume, the_backup_before_is_taken_if_the_last_is_damaged)
{
    cn_model *model = train_here(kept(true), none());
    float trained = first_weight(model);
    cn_model_free(model);
    cr_assert_eq(access("backup/here/latest.safetensors.bkp", F_OK), 0);
    cut("backup/here/latest.safetensors", 1000);
    model = train_here(kept(true), none());
    cr_assert(!cn_failed(), "%s", cn_error_message());
    cr_expect_eq(first_weight(model), trained);
    cn_model_free(model);
}

static bool stop_with_an_error(void *context, cn_model *model)
{
    (void)context;
    (void)model;
    return cn_fail(CN_VALUE, "enough");
}

Test(resume, a_damaged_backup_does_not_take_the_place_of_the_one_before)
{
    cn_model_free(train_here(kept(true), none()));
    cut("backup/here/latest.safetensors", 1000);
    cn_callback stop = {.on_train_begin = stop_with_an_error, .last = true};
    cn_model_free(train_here(kept(true), stop));
    expect_refused(CN_VALUE, "enough");
    cr_expect(access("backup/here/latest.safetensors", F_OK) != 0);
    cn_model_free(train_here(kept(true), none()));
    cr_expect_not(cn_failed(), "%s", cn_error_message());
}

Test(resume, a_backup_of_another_training_is_refused)
{
    cn_model_free(train_here(kept(false), cn_early_stopping("loss")));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    cn_model *model = train_here(kept(false), none());
    expect_refused(CN_FORMAT, "backup/here/latest.safetensors: is of another training: it keeps");
    cr_expect_eq(first_weight(model), untrained());
    cn_model_free(model);
    model = train_here(kept(false), cn_reduce_lr_on_plateau("loss"));
    expect_refused(CN_FORMAT, "is of another training: it has no training/callbacks/0/ReduceLROnPlateau/");
    cn_model_free(model);
    cn_model *other = cn_sequential(cn_input_layer(FEATURES), cn_dense(CLASSES, cn_softmax));
    cn_compile(other, .optimizer = cn_adam(), .loss = cn_sparse_categorical_crossentropy());
    cn_fit(other, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .verbose = 0,
           .callbacks = {kept(false), cn_early_stopping("loss")});
    expect_refused(CN_FORMAT, "backup/here/latest.safetensors");
    cn_model_free(other);
}

Test(resume, a_file_that_is_no_checkpoint_is_refused)
{
    cn_model *model = new_model(cn_adam());
    cr_assert(mkdir("backup", 0777) == 0 && mkdir("backup/here", 0777) == 0);
    cr_assert(cn_save_weights(model, "backup/here/latest.safetensors"), "%s", cn_error_message());
    cn_model_free(model);
    model = train_here(kept(false), none());
    expect_refused(CN_FORMAT, "backup/here/latest.safetensors: is no checkpoint");
    cn_model_free(model);
}

Test(resume, a_directory_that_cannot_be_made_is_refused)
{
    FILE *file = fopen("backup", "w");
    fclose(file);
    cn_model *model = train_here(kept(false), none());
    expect_refused(CN_FILE, "backup");
    cr_expect_eq(first_weight(model), untrained());
    cn_model_free(model);
}

Test(resume, a_file_in_place_of_the_directory_is_refused_before_training)
{
    cr_assert_eq(mkdir("backup", 0777), 0);
    FILE *file = fopen("backup/here", "w");
    fclose(file);
    cn_model *model = train_here(kept(false), none());
    expect_refused(CN_FILE, "backup/here: Not a directory");
    cr_expect_eq(first_weight(model), untrained());
    cn_model_free(model);
}
