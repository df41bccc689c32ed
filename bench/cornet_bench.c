/* Times steps of a workload: see README.md, which has the protocol.
 *
 *   cornet_bench --workload NAME [--mode train|predict|predict1] [--threads N] [--batch N] [--size N] [--seconds S |
 * --serve | --ops] cornet_bench --machine [--threads N] */
#include "machine.h"
#include "workloads.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Timing */

typedef struct bench {
    workload sized; /* with another batch or size */
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

/* Where the time goes */

typedef struct kernel_time {
    cn_kernel_run run; /* the seconds of all runs */
    int runs;
} kernel_time;

typedef struct step_profile {
    kernel_time *kernel; /* by index in the plan */
    int count;
    double flops; /* of a step */
    int64_t planned_bytes;
} step_profile;

static void add_run(void *context, const cn_kernel_run *run)
{
    step_profile *profile = context;
    if (run->index >= profile->count) {
        cn_plan_facts facts = cn_plan_describe(run->plan);
        profile->kernel = calloc((size_t)facts.kernels, sizeof *profile->kernel);
        profile->count = profile->kernel ? facts.kernels : 0;
        profile->planned_bytes = facts.block_bytes;
    }
    if (run->index >= profile->count)
        return;
    kernel_time *kernel = &profile->kernel[run->index];
    double seconds = kernel->run.seconds + run->seconds;
    if (!kernel->runs++)
        profile->flops += run->flops;
    kernel->run = *run;
    kernel->run.seconds = seconds;
}

/* The steps of a workload run one plan. */
static void profile_steps(step_profile *profile, const bench *b, int steps)
{
    cn_set_profiler(add_run, profile);
    for (int i = 0; i < steps && !cn_failed(); i++)
        step(b);
    cn_set_profiler(NULL, NULL);
}

static int longest_first(const void *a, const void *b)
{
    double x = ((const kernel_time *)a)->run.seconds, y = ((const kernel_time *)b)->run.seconds;
    return (x < y) - (x > y);
}

static void print_share(double amount, double limit)
{
    if (amount > 0)
        printf(" %7.2f %5.1f%%", amount / 1e9, 100 * amount / limit);
    else
        printf(" %7s %6s", "-", "-");
}

static void print_operations(const bench *b, double seconds)
{
    machine limits = measure_machine(b->threads);
    step_profile profile = {.kernel = NULL};
    double begin = now_us();
    profile_steps(&profile, b, 1);
    int more = (int)(seconds * 1e6 / (now_us() - begin + 1));
    profile_steps(&profile, b, more < 2 ? 2 : more);
    double total = 0;
    int count = 0; /* without those that need not run again while no variable changes */
    for (int i = 0; i < profile.count; i++)
        if (profile.kernel[i].runs)
            profile.kernel[count++] = profile.kernel[i];
    profile.count = count;
    for (int i = 0; i < profile.count; i++)
        total += profile.kernel[i].run.seconds / profile.kernel[i].runs;
    qsort(profile.kernel, (size_t)profile.count, sizeof *profile.kernel, longest_first);
    printf("%s, %s, batch %" PRId64 ", %d threads: %.1f us in %d kernels, %.3f GFLOP, %.2f MiB planned\n",
           b->work->name, b->mode, b->x.shape.dim[0], b->threads, total * 1e6, profile.count, profile.flops / 1e9,
           (double)profile.planned_bytes / (1 << 20));
    printf("machine: %.0f GFLOP/s, %.1f GB/s\n", limits.flops / 1e9, limits.bytes / 1e9);
    printf("%10s %6s %7s %6s %7s %6s  %s\n", "us", "step", "GFLOP/s", "peak", "GB/s", "memory", "operation");
    for (int i = 0; i < profile.count; i++) {
        const cn_kernel_run *run = &profile.kernel[i].run;
        double time = run->seconds / profile.kernel[i].runs;
        printf("%10.2f %5.1f%%", time * 1e6, 100 * time / total);
        print_share(run->flops / time, limits.flops);
        print_share(run->bytes / time, limits.bytes);
        printf("  %s", run->operation);
        if (run->fused)
            printf(" + %d", run->fused);
        printf(" (");
        for (int d = 0; d < run->shape.rank; d++)
            printf("%s%" PRId64, d ? ", " : "", run->shape.dim[d]);
        printf(")\n");
    }
    free(profile.kernel);
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
    step_profile profile = {.kernel = NULL};
    profile_steps(&profile, b, 1);
    printf("\"ready\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"batch\": %" PRId64 ", \"parameters\": %" PRId64
           ", \"planned_mb\": %.3f, \"gflop\": %.6f",
           b->work->name, b->mode, b->threads, b->x.shape.dim[0], cn_count_params(b->model),
           (double)profile.planned_bytes / (1 << 20), profile.flops / 1e9);
    free(profile.kernel);
}

typedef enum report { TIMES, SERVE, OPERATIONS, MACHINE } report;

static bool run(bench *b, double seconds, report wanted)
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
    if (wanted == OPERATIONS) {
        print_operations(b, seconds);
        return !cn_failed();
    }
    printf("{");
    print_about(b);
    if (wanted == TIMES) {
        printf(", ");
        time_steps(b, seconds);
    }
    printf("}\n");
    fflush(stdout);
    char line[64];
    while (wanted == SERVE && !cn_failed() && fgets(line, sizeof line, stdin)) {
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
                    "[--seconds S | --serve | --ops]\n       cornet_bench --machine [--threads N]\nworkloads:");
    for (int i = 0; workloads[i].name; i++)
        fprintf(stderr, " %s", workloads[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    bench b = {.mode = "train", .threads = 2};
    double seconds = 1;
    report wanted = TIMES;
    int64_t batch = 0;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = argv[i + 1]; /* argv ends with a NULL */
        if (strcmp(option, "--serve") == 0) {
            wanted = SERVE;
            continue;
        }
        if (strcmp(option, "--ops") == 0) {
            wanted = OPERATIONS;
            continue;
        }
        if (strcmp(option, "--machine") == 0) {
            wanted = MACHINE;
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
        } else if (strcmp(option, "--batch") == 0) {
            batch = atoll(value);
        } else if (strcmp(option, "--size") == 0) {
            workload_size = atoll(value);
        } else if (strcmp(option, "--seconds") == 0) {
            seconds = strtod(value, NULL);
        } else {
            return usage();
        }
    }
    if (wanted == MACHINE && b.threads > 0) {
        for (int threads = 1; threads <= b.threads; threads += b.threads > 1 ? b.threads - 1 : 1) {
            machine limits = measure_machine(threads);
            printf("{\"threads\": %d, \"isa\": \"%s\", \"gflops\": %.1f, \"gbytes\": %.1f}\n", threads, limits.isa,
                   limits.flops / 1e9, limits.bytes / 1e9);
        }
        return 0;
    }
    if (!b.work || b.threads < 1 ||
        (strcmp(b.mode, "train") && strcmp(b.mode, "predict") && strcmp(b.mode, "predict1")))
        return usage();
    b.sized = *b.work;
    b.sized.batch = batch > 0 ? batch : b.sized.batch;
    for (int d = 0; d < b.sized.input.rank; d++)
        if (b.sized.input.dim[d] == 0)
            b.sized.input.dim[d] = workload_size;
    b.work = &b.sized;
    bool done = run(&b, seconds, wanted);
    if (!done)
        fprintf(stderr, "%s: %s\n", b.work->name, cn_error_message());
    cn_model_free(b.model);
    free((void *)(uintptr_t)b.x.data);
    free((void *)(uintptr_t)b.y.data);
    return done ? 0 : 1;
}
