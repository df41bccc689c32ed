#include "core/blas.h"
#include "core/gemm.h"
#include "core/kernels/kernels.h"
#include "core/parallel.h"
#include "core/small_gemm.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Each test runs in a process of its own, so that the environment decides on the kernels. */
typedef struct isa {
    char name[16];
} isa;

static isa isas[] = {{"baseline"}, {"avx2"}, {"avx512"}};

#define EACH_ISA(test)                                                     \
    ParameterizedTestParameters(gemm, test)                                \
    {                                                                      \
        return cr_make_param_array(isa, isas, sizeof isas / sizeof *isas); \
    }                                                                      \
    ParameterizedTest(isa *kernels, gemm, test)

static bool use(const isa *kernels)
{
    setenv("CORNET_ISA", kernels->name, 1);
    return cn_kernels_named(kernels->name) != NULL;
}

static int64_t extent(int64_t rows, int64_t row, int64_t columns, int64_t column)
{
    return rows && columns ? (rows - 1) * row + (columns - 1) * column + 1 : 0;
}

static double get(const void *p, cn_dtype dtype, int64_t i)
{
    return dtype == CN_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static void set(void *p, cn_dtype dtype, int64_t i, double value)
{
    if (dtype == CN_F64)
        ((double *)p)[i] = value;
    else
        ((float *)p)[i] = (float)value;
}

static void fill(void *p, cn_dtype dtype, int64_t n, unsigned seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        set(p, dtype, i, (double)(seed >> 8) / (1 << 23) - 1);
    }
}

/* The operands of a product in memory of exactly their size, C with its padding, what `finish` saw and how often. */
typedef struct operands {
    cn_gemm g;
    int64_t a_size, b_size, c_size, bytes;
    void *a, *b, *c, *before, *seen;
    int *times;
} operands;

static operands operands_of(cn_gemm g)
{
    operands o = {.g = g, .bytes = g.dtype == CN_F64 ? 8 : 4};
    if (g.batch > 0) {
        o.a_size = extent(g.m, g.a_row, g.k, g.a_column) + (g.batch - 1) * g.a_batch;
        o.b_size = extent(g.k, g.b_row, g.n, g.b_column) + (g.batch - 1) * g.b_batch;
        o.c_size = g.m * g.ldc + (g.batch - 1) * g.c_batch;
    }
    o.a = malloc((size_t)(o.a_size * o.bytes));
    o.b = malloc((size_t)(o.b_size * o.bytes));
    o.c = malloc((size_t)(o.c_size * o.bytes));
    o.before = malloc((size_t)(o.c_size * o.bytes));
    o.seen = malloc((size_t)(o.c_size * o.bytes));
    o.times = calloc((size_t)o.c_size + 1, sizeof(int));
    fill(o.a, g.dtype, o.a_size, 1);
    fill(o.b, g.dtype, o.b_size, 2);
    fill(o.before, g.dtype, o.c_size, 3);
    return o;
}

static void operands_free(operands *o)
{
    free(o->a);
    free(o->b);
    free(o->c);
    free(o->before);
    free(o->seen);
    free(o->times);
}

static void note(void *context, void *c, int64_t ldc, int64_t batch, int64_t row, int64_t rows, int64_t column,
                 int64_t columns)
{
    operands *o = context;
    int64_t start = batch * o->g.c_batch + row * o->g.ldc + column;
    cr_assert_eq((char *)c, (char *)o->c + start * o->bytes);
    cr_assert_eq(ldc, o->g.ldc);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            int64_t at = start + i * ldc + j;
            o->times[at]++;
            memcpy((char *)o->seen + at * o->bytes, (char *)o->c + at * o->bytes, (size_t)o->bytes);
        }
}

static void run(operands *o)
{
    if (o->c_size)
        memcpy(o->c, o->before, (size_t)(o->c_size * o->bytes));
    cn_gemm_run(&o->g, o->a, o->b, o->c, note, o);
}

/* The same with B packed before: the same bits as what C holds, but for one row, whose sums are taken otherwise. */
static bool run_prepacked(operands *o)
{
    const cn_gemm_path path = cn_gemm_path_of(&o->g);
    const size_t bytes = (size_t)(o->c_size * o->bytes);
    if (o->g.batch != 1 || o->g.k < 1 || (path != CN_GEMM_DIRECT && path != CN_GEMM_PACKED))
        return false;
    void *packed = aligned_alloc(64, cn_gemm_packed_bytes(&o->g) / 64 * 64 + 64), *other = malloc(bytes + 1);
    cn_gemm g = o->g;
    g.b_packed = true;
    memcpy(other, o->c, bytes);
    memcpy(o->c, o->before, bytes);
    memset(o->times, 0, (size_t)o->c_size * sizeof *o->times);
    cn_gemm_prepack(&o->g, o->b, packed);
    cn_gemm_run(&g, o->a, packed, o->c, note, o);
    cr_expect(g.m == 1 || memcmp(o->c, other, bytes) == 0, "other bits: type %d, (%d,%d,%d)", (int)g.dtype, (int)g.m,
              (int)g.n, (int)g.k);
    free(packed);
    free(other);
    return true;
}

/* The same by tiles chosen beforehand, if the product is small enough. */
static bool run_small(operands *o)
{
    cn_small_gemm small;
    if (!cn_small_gemm_prepare(&o->g, &small))
        return false;
    memcpy(o->c, o->before, (size_t)(o->c_size * o->bytes));
    memset(o->times, 0, (size_t)o->c_size * sizeof *o->times);
    cn_small_gemm_run(&o->g, &small, o->a, o->b, o->c);
    for (int64_t e = 0; e < o->g.batch; e++)
        note(o, (char *)o->c + e * o->g.c_batch * o->bytes, o->g.ldc, e, 0, o->g.m, 0, o->g.n);
    return true;
}

/* `lines` lines of k elements each, as doubles. */
static double *lines_of(const void *p, cn_dtype dtype, int64_t lines, int64_t line, int64_t k, int64_t step)
{
    double *out = malloc((size_t)(lines * k + 1) * sizeof(double));
    for (int64_t i = 0; i < lines; i++)
        for (int64_t l = 0; l < k; l++)
            out[i * k + l] = get(p, dtype, i * line + l * step);
    return out;
}

/* Against sums in float64: every element right, seen right and once by finish, and nothing written between rows. */
static void check_run(const operands *run)
{
    const operands o = *run;
    const cn_gemm g = o.g;
    double epsilon = (g.dtype == CN_F64 ? DBL_EPSILON : FLT_EPSILON) * (1 + sqrt((double)g.k));
    int64_t wrong = 0, outside = 0, seen = 0;
    for (int64_t e = 0; e < g.batch; e++) {
        double *a = lines_of((char *)o.a + e * g.a_batch * o.bytes, g.dtype, g.m, g.a_row, g.k, g.a_column);
        double *b = lines_of((char *)o.b + e * g.b_batch * o.bytes, g.dtype, g.n, g.b_column, g.k, g.b_row);
        for (int64_t i = 0; i < g.m; i++)
            for (int64_t j = 0; j < g.n; j++) {
                int64_t at = e * g.c_batch + i * g.ldc + j;
                double sum = g.accumulate ? get(o.before, g.dtype, at) : 0, size = fabs(sum);
                for (int64_t k = 0; k < g.k; k++) {
                    sum += a[i * g.k + k] * b[j * g.k + k];
                    size += fabs(a[i * g.k + k] * b[j * g.k + k]);
                }
                double c = get(o.c, g.dtype, at);
                wrong += !(fabs(c - sum) <= epsilon * size) || o.times[at] != 1 || get(o.seen, g.dtype, at) != c;
            }
        free(a);
        free(b);
    }
    for (int64_t at = 0; at < o.c_size; at++) {
        seen += o.times[at];
        outside += o.times[at] == 0 && get(o.c, g.dtype, at) != get(o.before, g.dtype, at);
    }
    cr_expect(wrong == 0 && outside == 0 && seen == g.batch * g.m * g.n,
              "%d wrong, %d outside: type %d, batch %d, (%d,%d) x (%d,%d), strides (%d,%d) (%d,%d), path %d",
              (int)wrong, (int)outside, (int)g.dtype, (int)g.batch, (int)g.m, (int)g.k, (int)g.k, (int)g.n,
              (int)g.a_row, (int)g.a_column, (int)g.b_row, (int)g.b_column, (int)cn_gemm_path_of(&g));
}

/* How many products were small. */
static int small_products;

static void check(cn_gemm g)
{
    operands o = operands_of(g);
    run(&o);
    check_run(&o);
    if (run_prepacked(&o))
        check_run(&o);
    if (run_small(&o)) {
        check_run(&o);
        small_products++;
    }
    operands_free(&o);
}

enum { NN, TN, NT, TT, FORMS };

/* Rows lie `gap` elements further apart than they need. */
static cn_gemm product(cn_dtype dtype, int form, int64_t m, int64_t n, int64_t k, int64_t gap)
{
    bool a_transposed = form & 1, b_transposed = form & 2;
    return (cn_gemm){.dtype = dtype,
                     .batch = 1,
                     .m = m,
                     .n = n,
                     .k = k,
                     .a_row = a_transposed ? 1 : k + gap,
                     .a_column = a_transposed ? m + gap : 1,
                     .b_row = b_transposed ? 1 : n + gap,
                     .b_column = b_transposed ? k + gap : 1,
                     .ldc = n + gap};
}

EACH_ISA(small_shapes_in_every_form)
{
    static const int64_t m[] = {0, 1, 2, 4, 7, 14, 15, 33}, k[] = {0, 1, 2, 9, 31};
    static const int64_t n[] = {0, 1, 2, 8, 10, 17, 31, 32, 47, 65, 129};
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int form = 0; form < FORMS; form++)
            for (size_t i = 0; i < sizeof m / sizeof *m; i++)
                for (size_t j = 0; j < sizeof n / sizeof *n; j++)
                    for (size_t l = 0; l < sizeof k / sizeof *k; l++)
                        check(product(dtype, form, m[i], n[j], k[l], 0));
    cr_expect_gt(small_products, 0);
}

EACH_ISA(shapes_around_the_edges_of_blocks)
{
    static const int64_t shape[][3] = {{1, 600, 700},   {28, 64, 191},  {29, 65, 193},   {32, 65, 256},
                                       {33, 31, 257},   {141, 97, 432}, {257, 33, 433},  {256, 64, 544},
                                       {257, 129, 545}, {512, 40, 600}, {513, 130, 257}, {1100, 33, 96}};
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int form = 0; form < FORMS; form++)
            for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
                check(product(dtype, form, shape[i][0], shape[i][1], shape[i][2], i % 2 ? 3 : 0));
}

EACH_ISA(any_strides)
{
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int64_t m = 1; m <= 61; m += 15) {
            cn_gemm g = {.dtype = dtype, .batch = 1, .m = m, .n = 37, .k = 19, .ldc = 40};
            g.a_row = 2 * 19 + 1, g.a_column = 2, g.b_row = 3 * 37, g.b_column = 3;
            check(g);
            g.a_row = 2, g.a_column = 2 * m + 3, g.b_row = 3, g.b_column = 3 * 19;
            check(g);
            g.a_row = 0, g.a_column = 1, g.b_row = 1, g.b_column = 0;
            check(g);
        }
}

EACH_ISA(accumulating_adds_to_what_is_there)
{
    static const int64_t shape[][3] = {{1, 10, 200},  {4, 33, 8},    {40, 70, 0},  {1, 1075, 9},
                                       {40, 70, 600}, {128, 10, 64}, {70, 300, 90}};
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int form = 0; form < FORMS; form++)
            for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
                cn_gemm g = product(dtype, form, shape[i][0], shape[i][1], shape[i][2], 1);
                g.accumulate = true;
                check(g);
            }
}

EACH_ISA(batches_and_repeated_operands)
{
    static const int64_t shape[][4] = {{2, 10, 10, 5}, {70, 20, 33, 40}, {3, 40, 50, 300}, {3, 70, 256, 1024}};
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int form = 0; form < FORMS; form++)
            for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
                cn_gemm g = product(dtype, form, shape[i][1], shape[i][2], shape[i][3], 0);
                g.batch = shape[i][0];
                g.a_batch = g.m * g.k, g.b_batch = g.k * g.n, g.c_batch = g.m * g.n;
                check(g);
                g.a_batch = 0;
                check(g);
                g.a_batch = g.m * g.k, g.b_batch = 0;
                check(g);
            }
}

/* One product for each way of computing, with the way that it is expected to go. */
typedef struct routed {
    cn_gemm_path avx512, avx2, baseline;
    int form;
    int64_t m, n, k;
} routed;

static const routed routes[] = {
    {CN_GEMM_DIRECT, CN_GEMM_DIRECT, CN_GEMM_DIRECT, NN, 4, 8, 2},
    {CN_GEMM_DIRECT, CN_GEMM_DIRECT, CN_GEMM_BLAS, NN, 256, 300, 120},
    {CN_GEMM_PACKED, CN_GEMM_PACKED, CN_GEMM_PACKED, NT, 4, 8, 32},
    {CN_GEMM_DIRECT, CN_GEMM_DIRECT, CN_GEMM_BLAS, NN, 128, 512, 784},
    {CN_GEMM_DIRECT, CN_GEMM_DIRECT, CN_GEMM_BLAS, TN, 300, 257, 1030},
    {CN_GEMM_PACKED, CN_GEMM_PACKED, CN_GEMM_BLAS, NT, 129, 257, 785},
    {CN_GEMM_PACKED, CN_GEMM_BLAS, CN_GEMM_BLAS, NT, 160, 1000, 1024},
    {CN_GEMM_DIRECT, CN_GEMM_BLAS, CN_GEMM_BLAS, TN, 640, 720, 512},
    {CN_GEMM_PACKED, CN_GEMM_BLAS, CN_GEMM_BLAS, TN, 1030, 300, 600},
    {CN_GEMM_PACKED, CN_GEMM_PACKED, CN_GEMM_BLAS, NN, 260, 1024, 520},
    {CN_GEMM_DIRECT, CN_GEMM_DIRECT, CN_GEMM_BLAS, NN, 260, 1024, 500},
    {CN_GEMM_PACKED, CN_GEMM_BLAS, CN_GEMM_BLAS, NN, 260, 1024, 1024},
    {CN_GEMM_WIDE_ROW, CN_GEMM_WIDE_ROW, CN_GEMM_WIDE_ROW, NN, 1, 1075, 9},
    {CN_GEMM_WIDE_ROW, CN_GEMM_WIDE_ROW, CN_GEMM_BLAS, NN, 1, 2090, 323},
};

EACH_ISA(every_way_of_computing_is_taken_and_right)
{
    if (!use(kernels))
        return;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const routed *r = &routes[i];
        cn_gemm_path expected = strcmp(kernels->name, "avx512") == 0 ? r->avx512
                                : strcmp(kernels->name, "avx2") == 0 ? r->avx2
                                                                     : r->baseline;
        cn_gemm g = product(CN_F32, r->form, r->m, r->n, r->k, 0);
        if (expected != CN_GEMM_BLAS || cn_blas_at_hand())
            cr_expect_eq(cn_gemm_path_of(&g), expected, "(%d,%d,%d) goes by %d", (int)r->m, (int)r->n, (int)r->k,
                         (int)cn_gemm_path_of(&g));
        check(g);
        g.dtype = CN_F64;
        check(g);
    }
}

static void expect_same_bits_with_any_threads(cn_gemm g)
{
    operands o = operands_of(g);
    size_t bytes = (size_t)(o.c_size * o.bytes);
    void *first = malloc(bytes);
    for (int threads = 1; threads <= 3; threads++) {
        cn_set_threads(threads);
        run(&o);
        if (threads == 1)
            memcpy(first, o.c, bytes);
        else
            cr_expect_arr_eq(o.c, first, bytes, "%d threads, (%d,%d,%d), path %d", threads, (int)g.m, (int)g.n,
                             (int)g.k, (int)cn_gemm_path_of(&g));
    }
    free(first);
    operands_free(&o);
}

EACH_ISA(any_number_of_threads_gives_the_same_bits)
{
    static const int64_t narrow[][3] = {{1, 512, 784}, {1000, 10, 512}, {2000, 32, 64}};
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++) {
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
            expect_same_bits_with_any_threads(product(dtype, routes[i].form, routes[i].m, routes[i].n, routes[i].k, 0));
        for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
            expect_same_bits_with_any_threads(product(dtype, NN, narrow[i][0], narrow[i][1], narrow[i][2], 0));
        cn_gemm g = product(dtype, NN, 32, 48, 40, 0);
        g.batch = 50, g.a_batch = g.m * g.k, g.b_batch = g.k * g.n, g.c_batch = g.m * g.n;
        expect_same_bits_with_any_threads(g);
    }
}

EACH_ISA(any_alignment_gives_the_same_bits)
{
    if (!use(kernels))
        return;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
            cn_gemm g = product(dtype, routes[i].form, routes[i].m, routes[i].n, routes[i].k, 0);
            operands o = operands_of(g);
            size_t a = (size_t)(o.a_size * o.bytes), b = (size_t)(o.b_size * o.bytes), c = (size_t)(o.c_size * o.bytes);
            char *room = aligned_alloc(4096, (a + b + c + 3 * 4096 + 4095) / 4096 * 4096);
            run(&o);
            for (size_t shift = (size_t)o.bytes; shift < 64; shift += 12 * (size_t)o.bytes / 4) {
                char *moved_a = room + shift, *moved_b = moved_a + a + 2 * shift, *moved_c = moved_b + b + 5 * shift;
                memcpy(moved_a, o.a, a);
                memcpy(moved_b, o.b, b);
                cn_gemm_run(&g, moved_a, moved_b, moved_c, NULL, NULL);
                cr_expect_arr_eq(moved_c, o.c, c, "%s: type %d, (%d,%d,%d), path %d, %d bytes on", kernels->name,
                                 (int)dtype, (int)g.m, (int)g.n, (int)g.k, (int)cn_gemm_path_of(&g), (int)shift);
            }
            free(room);
            operands_free(&o);
        }
}

static void *run_again_and_again(void *context)
{
    operands *o = context;
    size_t bytes = (size_t)(o->c_size * o->bytes);
    int64_t differing = 0;
    for (int i = 0; i < 50; i++) {
        cn_gemm_run(&o->g, o->a, o->b, o->c, NULL, NULL);
        differing += memcmp(o->c, o->before, bytes) != 0;
    }
    return (void *)(intptr_t)differing;
}

EACH_ISA(threads_of_the_user_multiply_at_once)
{
    if (!use(kernels))
        return;
    enum { THREADS = 3 };
    operands o[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        o[i] = operands_of(product(CN_F32, NN, 200 + i, 180, 300, 0));
        cn_gemm_run(&o[i].g, o[i].a, o[i].b, o[i].before, NULL, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, run_again_and_again, &o[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *differing;
        pthread_join(thread[i], &differing);
        cr_expect_null(differing);
        operands_free(&o[i]);
    }
}
