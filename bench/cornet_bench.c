/* Times steps of a workload: see README.md, which has the protocol.
 *
 *   cornet_bench --workload NAME [--mode train|predict|predict1] [--threads N] [--seconds S | --serve] */
#include <cornet/cornet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Models */

static cn_model *seed_lstm(void)
{
    cn_tensor *in = cn_input(3, 2);
    cn_tensor *out = cn_call(cn_dense(2, cn_softmax), cn_call(cn_lstm(8), in));
    cn_model *model = cn_model_new({in}, {out});
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

static cn_model *seed_attention(void)
{
    cn_tensor *in = cn_input(10, 3);
    cn_tensor *q = cn_call(cn_dense(5), in), *k = cn_call(cn_dense(5), in), *v = cn_call(cn_dense(5), in);
    cn_tensor *energy = cn_einsum("bij,bkj->bik", q, k);
    cn_tensor *attention = cn_softmax(cn_mul(energy, cn_scalar(energy, 1 / sqrt(5))));
    cn_model *model = cn_model_new({in}, {cn_einsum("bij,bjk->bik", attention, v)});
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error());
    return model;
}

static cn_model *mlp_64(void)
{
    cn_model *model = cn_sequential(cn_input_layer(64), cn_dense(200, cn_relu), cn_dense(10, cn_softmax));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

static cn_model *mlp_784(void)
{
    cn_model *model =
        cn_sequential(cn_input_layer(784), cn_dense(512, cn_relu), cn_dense(512, cn_relu), cn_dense(10, cn_softmax));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

static cn_model *dense_2048(void)
{
    cn_model *model =
        cn_sequential(cn_input_layer(2048), cn_dense(2048, cn_relu), cn_dense(2048, cn_relu), cn_dense(10, cn_softmax));
    cn_compile(model, .optimizer = cn_sgd(0.01, .momentum = 0.9), .loss = cn_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    return model;
}

typedef struct workload {
    const char *name;
    int64_t batch;
    cn_shape input, output; /* of a sample */
    bool classes;           /* targets are one-hot along the last axis; else any numbers */
    cn_model *(*build)(void);
} workload;

static const workload workloads[] = {
    {"seed-lstm", 4, {2, {3, 2}}, {1, {2}}, true, seed_lstm},
    {"seed-attention", 2, {2, {10, 3}}, {2, {10, 5}}, false, seed_attention},
    {"mlp-64", 32, {1, {64}}, {1, {10}}, true, mlp_64},
    {"mlp-784", 128, {1, {784}}, {1, {10}}, true, mlp_784},
    {"dense-2048", 512, {1, {2048}}, {1, {10}}, true, dense_2048},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/* Data */

/* In [-1, 1), the same in every run. */
static double next_number(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-52 - 1;
}

static cn_view samples(int64_t count, cn_shape sample, bool one_hot)
{
    cn_shape shape = {.rank = sample.rank + 1, .dim = {count}};
    memcpy(shape.dim + 1, sample.dim, (size_t)sample.rank * sizeof *sample.dim);
    int64_t size = cn_shape_size(shape), last = shape.dim[shape.rank - 1];
    float *values = calloc((size_t)size, sizeof *values);
    for (int64_t i = 0; values && i < size; i += one_hot ? last : 1) {
        if (one_hot)
            values[i + (int64_t)((next_number() + 1) / 2 * (double)last)] = 1;
        else
            values[i] = (float)next_number();
    }
    return cn_array_with(values, CN_ARRAY_F32, true, shape);
}

/* Timing */

typedef struct bench {
    const workload *work;
    const char *mode;
    bool train;
    int threads;
    cn_model *model;
    cn_view x, y;
} bench;

static void step(const bench *b)
{
    if (b->train)
        cn_train_on_batch(b->model, {b->x}, {b->y});
    else
        cn_predict(b->model, {b->x}, {b->y}, .batch_size = b->x.shape.dim[0]);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* VmHWM, not ru_maxrss: the latter survives exec, and so counts the program that started this one. */
static double peak_mib(void)
{
    long kib = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (status)
        fclose(status);
    return (double)kib / 1024;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs steps for about so long, three at least, and writes their times as the members of a JSON object. */
static void time_steps(const bench *b, double seconds)
{
    enum { MOST = 4000000 };
    static double times[MOST];
    int n = 0;
    for (double begin = now_us(); !cn_failed() && n < MOST && (n < 3 || now_us() - begin < seconds * 1e6);) {
        double t = now_us();
        step(b);
        times[n++] = now_us() - t;
    }
    qsort(times, (size_t)n, sizeof *times, by_value);
    printf("\"median_us\": %.3f, \"min_us\": %.3f, \"p90_us\": %.3f, \"steps\": %d, \"rss_mb\": %.1f", times[n / 2],
           times[0], times[n * 9 / 10], n, peak_mib());
}

static void print_about(const bench *b)
{
    printf("\"ready\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"batch\": %" PRId64 ", \"parameters\": %" PRId64,
           b->work->name, b->mode, b->threads, b->x.shape.dim[0], cn_count_params(b->model));
}

static bool run(bench *b, double seconds, bool serve)
{
    int64_t batch = strcmp(b->mode, "predict1") == 0 ? 1 : b->work->batch;
    b->train = strcmp(b->mode, "train") == 0;
    b->x = samples(batch, b->work->input, false);
    b->y = samples(batch, b->work->output, b->work->classes);
    cn_set_threads(b->threads);
    b->model = b->work->build();
    for (double begin = now_us(); !cn_failed() && now_us() - begin < 2e5;) /* warms up */
        step(b);
    if (cn_failed())
        return false;
    printf("{");
    print_about(b);
    if (!serve) {
        printf(", ");
        time_steps(b, seconds);
    }
    printf("}\n");
    fflush(stdout);
    char line[64];
    while (serve && !cn_failed() && fgets(line, sizeof line, stdin)) {
        printf("{");
        time_steps(b, strtod(line, NULL));
        printf("}\n");
        fflush(stdout);
    }
    return !cn_failed();
}

static int usage(void)
{
    fprintf(stderr, "usage: cornet_bench --workload NAME [--mode train|predict|predict1] [--threads N] "
                    "[--seconds S | --serve]\nworkloads:");
    for (int i = 0; i < WORKLOADS; i++)
        fprintf(stderr, " %s", workloads[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    bench b = {.mode = "train", .threads = 2};
    double seconds = 1;
    bool serve = false;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = argv[i + 1]; /* argv ends with a NULL */
        if (strcmp(option, "--serve") == 0) {
            serve = true;
            continue;
        }
        if (!value)
            return usage();
        i++;
        if (strcmp(option, "--workload") == 0) {
            for (int w = 0; w < WORKLOADS; w++)
                b.work = strcmp(workloads[w].name, value) == 0 ? &workloads[w] : b.work;
        } else if (strcmp(option, "--mode") == 0) {
            b.mode = value;
        } else if (strcmp(option, "--threads") == 0) {
            b.threads = atoi(value);
        } else if (strcmp(option, "--seconds") == 0) {
            seconds = strtod(value, NULL);
        } else {
            return usage();
        }
    }
    if (!b.work || b.threads < 1 ||
        (strcmp(b.mode, "train") && strcmp(b.mode, "predict") && strcmp(b.mode, "predict1")))
        return usage();
    bool done = run(&b, seconds, serve);
    if (!done)
        fprintf(stderr, "%s: %s\n", b.work->name, cn_error_message());
    cn_model_free(b.model);
    free((void *)(uintptr_t)b.x.data);
    free((void *)(uintptr_t)b.y.data);
    return done ? 0 : 1;
}
