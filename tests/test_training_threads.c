/* Several threads: many predict with one model, and each trains a model of its own. */
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { SAMPLES = 37, FEATURES = 12, STEPS = 5, OUTPUTS = 3, MOST_THREADS = 4, ROUNDS = 20 };

enum { VALUES = SAMPLES * OUTPUTS };

static float xs[SAMPLES * STEPS * FEATURES];
static int32_t ys[SAMPLES];

static void setup(void)
{
    for (int i = 0; i < SAMPLES * STEPS * FEATURES; i++)
        xs[i] = (float)sin(i);
    for (int i = 0; i < SAMPLES; i++)
        ys[i] = i % OUTPUTS;
}

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(training_threads, .init = setup, .fini = teardown);

#define X cn_array(xs, SAMPLES, STEPS, FEATURES)

static cn_model *new_model(void)
{
    return cn_sequential(cn_lstm(16), cn_dense(24, cn_relu), cn_dropout(0.3), cn_dense(OUTPUTS, cn_softmax));
}

/* Runs body(context + i * size) in `count` threads at once. */
static void in_threads(int count, void *(*body)(void *), void *contexts, size_t size)
{
    pthread_t thread[MOST_THREADS];
    for (int i = 0; i < count; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, body, (char *)contexts + (size_t)i * size), 0);
    for (int i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
}

typedef struct prediction {
    cn_model *model;
    int64_t batch_size;
    float p[VALUES], worst; /* the largest difference between rounds */
    char message[256];
} prediction;

static void *predict(void *context)
{
    prediction *task = context;
    float again[VALUES];
    cn_predict(task->model, {X}, {cn_array(task->p, SAMPLES, OUTPUTS)}, .batch_size = task->batch_size);
    for (int round = 0; round < ROUNDS; round++) {
        cn_predict(task->model, {X}, {cn_array(again, SAMPLES, OUTPUTS)}, .batch_size = task->batch_size);
        for (int i = 0; i < VALUES; i++)
            task->worst = fmaxf(task->worst, fabsf(again[i] - task->p[i]));
    }
    strcpy(task->message, cn_error_message());
    return NULL;
}

/* The model has never been called: whoever comes first builds it. */
static void expect_predictions(int threads, bool same_batches)
{
    static const int64_t sizes[MOST_THREADS] = {8, 5, 37, 16};
    prediction task[MOST_THREADS] = {{.model = NULL}}, alone = {.batch_size = 37};
    cn_model *model = new_model();
    for (int i = 0; i < threads; i++)
        task[i] = (prediction){.model = model, .batch_size = same_batches ? 8 : sizes[i]};
    in_threads(threads, predict, task, sizeof *task);
    alone.model = model;
    predict(&alone);
    for (int i = 0; i < threads; i++) {
        cr_assert_str_eq(task[i].message, "");
        cr_expect_eq(task[i].worst, 0);
        for (int j = 0; j < VALUES; j++)
            cr_assert(fabsf(task[i].p[j] - alone.p[j]) <= 1e-6f, "thread %d, value %d: %g, not %g", i, j,
                      (double)task[i].p[j], (double)alone.p[j]);
    }
    cn_model_free(model);
    cn_clear_session();
}

Test(training_threads, two_predict_with_one_model)
{
    expect_predictions(2, true);
    expect_predictions(2, false);
}

Test(training_threads, four_predict_with_one_model)
{
    expect_predictions(4, true);
    expect_predictions(4, false);
}

Test(training_threads, more_batch_sizes_than_plans_are_kept)
{
    /* Each batch size is a plan or two; the model keeps 16. */
    float all[VALUES], p[VALUES];
    cn_model *model = new_model();
    cr_assert(cn_predict(model, {X}, {cn_array(all, SAMPLES, OUTPUTS)}, .batch_size = SAMPLES), "%s",
              cn_error_message());
    for (int64_t size = 1; size <= SAMPLES; size++) {
        cr_assert(cn_predict(model, {X}, {cn_array(p, SAMPLES, OUTPUTS)}, .batch_size = size), "%s",
                  cn_error_message());
        for (int i = 0; i < VALUES; i++)
            cr_assert(fabsf(p[i] - all[i]) <= 1e-6f);
    }
    cn_model_free(model);
}

/* Training */

enum { KERNEL = FEATURES * 16 * 4 };

typedef struct training {
    uint64_t seed;
    float kernel[KERNEL];
    double loss;
    char message[256];
} training;

static void *train(void *context)
{
    training *task = context;
    cn_set_seed(task->seed);
    cn_model *model = new_model();
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_sparse_categorical_crossentropy(), .metrics = {cn_accuracy()});
    cn_history *history = cn_fit(model, {X}, {cn_array(ys, SAMPLES)}, .batch_size = 8, .epochs = 4, .verbose = 0,
                                 .validation_split = 0.2);
    const double *losses = cn_history_of(history, "loss");
    task->loss = losses ? losses[3] : NAN;
    cn_values(cn_weight(model, 0), cn_array(task->kernel, KERNEL));
    strcpy(task->message, cn_error_message());
    cn_model_free(model);
    return NULL;
}

Test(training_threads, two_train_a_model_each)
{
    training together[2] = {{.seed = 1}, {.seed = 2}}, alone[2] = {{.seed = 1}, {.seed = 2}};
    in_threads(2, train, together, sizeof *together);
    for (int i = 0; i < 2; i++) {
        in_threads(1, train, &alone[i], sizeof *alone);
        cr_assert_str_eq(together[i].message, "");
        cr_expect_eq(together[i].loss, alone[i].loss);
        cr_expect_arr_eq(together[i].kernel, alone[i].kernel, sizeof alone[i].kernel);
    }
    cr_expect_neq(alone[0].loss, alone[1].loss);
}
