/* ONNX Runtime as a peer, through its C interface: one workload of workloads.md, timed on demand (see README.md).
 *
 *   onnxruntime_peer LIBONNXRUNTIME DIR --workload NAME --mode predict|predict1 --threads N --serve
 *
 * DIR is what `torch_peer.py --export DIR` wrote; the answer is checked against PyTorch's before anything is timed. The
 * library is the one inside the npm package onnxruntime-node, which ships no header: the few functions needed are taken
 * from its function table, whose order the interface fixes. The last step's output tensor is reused, as a careful user
 * would.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *(*Fn)();
enum {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_OPTIONS = 10,
    SET_OPT_LEVEL = 23,
    SET_INTRA = 24,
    CREATE_TENSOR = 49,
    GET_DATA = 51,
    GET_COUNT = 64,
    GET_SHAPE = 65,
    CPU_MEMORY = 69
};
typedef struct {
    const Fn *(*get_api)(uint32_t);
    const char *(*version)(void);
} ApiBase;
static const Fn *api;
static double times[2000000];

static void check(void *status)
{
    if (status) {
        fprintf(stderr, "%s\n", ((const char *(*)(void *))api[GET_ERROR_MESSAGE])(status));
        exit(1);
    }
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}
/* VmHWM, not ru_maxrss: the latter survives exec, and so counts the program that started this one. */
static double rss_mb(void)
{
    long kib = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (double)kib / 1024;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static FILE *open_part(const char *dir, const char *workload, const char *mode, const char *extension)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s%s", dir, workload, mode, extension);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

static void *slurp(FILE *f, size_t *bytes)
{
    fseek(f, 0, SEEK_END);
    *bytes = (size_t)ftell(f);
    rewind(f);
    void *p = malloc(*bytes);
    if (!p || fread(p, 1, *bytes, f) != *bytes)
        exit(1);
    fclose(f);
    return p;
}

int main(int argc, char **argv)
{
    if (argc != 10) {
        fprintf(stderr, "usage: see the head of the source\n");
        return 2;
    }
    const char *dir = argv[2], *workload = argv[4], *mode = argv[6];
    int threads = atoi(argv[8]);
    void *lib = dlopen(argv[1], RTLD_NOW);
    if (!lib) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const ApiBase *base = ((const ApiBase *(*)(void))dlsym(lib, "OrtGetApiBase"))();
    api = base->get_api(11);
    void *env, *options, *session, *memory, *x, *y = NULL, *info;
    check(api[CREATE_ENV](2, "bench", &env));
    check(api[CREATE_OPTIONS](&options));
    check(api[SET_INTRA](options, threads));
    check(api[SET_OPT_LEVEL](options, 99));
    char path[4096], type[16];
    snprintf(path, sizeof path, "%s/%s.%s.onnx", dir, workload, mode);
    check(api[CREATE_SESSION](env, path, options, &session));
    check(api[CPU_MEMORY](0, 0, &memory));
    int64_t dims[8];
    size_t rank = 0, x_bytes, y_bytes, count;
    FILE *shape = open_part(dir, workload, mode, ".shape");
    if (fscanf(shape, "%15s", type) != 1)
        return 1;
    for (long d; rank < 8 && fscanf(shape, "%ld", &d) == 1;)
        dims[rank++] = d;
    fclose(shape);
    void *data = slurp(open_part(dir, workload, mode, ".x"), &x_bytes);
    float *want = slurp(open_part(dir, workload, mode, ".y"), &y_bytes), *got;
    check(api[CREATE_TENSOR](memory, data, x_bytes, dims, rank, strcmp(type, "int64") ? 1 : 7, &x));
    const char *in = "x", *out = "y";
    const void *inputs[] = {x};
    check(api[RUN](session, NULL, &in, inputs, (size_t)1, &out, (size_t)1, &y));
    check(api[GET_SHAPE](y, &info));
    check(api[GET_COUNT](info, &count));
    check(api[GET_DATA](y, &got));
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = fmax(worst, fabs((double)got[i] - want[i]));
    if (count * 4 != y_bytes || !(worst < 1e-3)) {
        fprintf(stderr, "the output differs by %g\n", worst);
        return 1;
    }
    printf("{\"ready\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"peer\": \"onnxruntime %s\"}\n", workload, mode,
           threads, base->version());
    fflush(stdout);
    for (double seconds; scanf("%lf", &seconds) == 1;) {
        int n = 0;
        for (double begin = now_us(); n < 3 || (now_us() - begin < seconds * 1e6 && n < 2000000);) {
            double t = now_us();
            check(api[RUN](session, NULL, &in, inputs, (size_t)1, &out, (size_t)1, &y));
            times[n++] = now_us() - t;
        }
        qsort(times, (size_t)n, sizeof *times, by_value);
        printf("{\"median_us\": %.3f, \"min_us\": %.3f, \"p90_us\": %.3f, \"steps\": %d, \"rss_mb\": %.1f}\n",
               times[n / 2], times[0], times[(int)(n * 0.9)], n, rss_mb());
        fflush(stdout);
    }
    return 0;
}
