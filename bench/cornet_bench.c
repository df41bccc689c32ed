/* Times steps of a workload: see README.md, which has the protocol.
 *
 *   cornet_bench --workload NAME [--mode train|predict|predict1] [--threads N] [--seconds S | --serve] */
#include "workloads.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    b->x = workload_inputs(b->work, batch);
    b->y = b->train ? workload_targets(b->work, batch) : workload_predictions(b->work, batch);
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
    for (int i = 0; workloads[i].name; i++)
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
            for (int w = 0; workloads[w].name; w++)
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
