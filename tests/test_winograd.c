/* Winograd's convolutions held against float64, which takes the plain sums. */
#include "core/kernels/kernels.h"
#include "core/parallel.h"
#include "core/winograd.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each test runs in a process of its own, so that the environment decides on the kernels. */
typedef struct isa {
    char name[16];
} isa;

static isa isas[] = {{"baseline"}, {"avx2"}, {"avx512"}};

#define EACH_ISA(test)                                                     \
    ParameterizedTestParameters(winograd, test)                            \
    {                                                                      \
        return cr_make_param_array(isa, isas, sizeof isas / sizeof *isas); \
    }                                                                      \
    ParameterizedTest(isa *kernels, winograd, test)

static bool use(const isa *kernels)
{
    setenv("CORNET_ISA", kernels->name, 1);
    return cn_kernels_named(kernels->name) != NULL;
}

static cn_convolution convolution_of(int64_t batch, int64_t depth, int64_t height, int64_t width, int64_t channels,
                                     int64_t filters, int64_t before)
{
    cn_convolution c = {.dtype = CN_F32,
                        .batch = batch,
                        .groups = 1,
                        .channels = channels,
                        .filters = filters,
                        .in = {depth, height, width},
                        .out = {depth, height - 2 + 2 * before, width - 2 + 2 * before},
                        .kernel = {1, 3, 3},
                        .stride = {1, 1, 1},
                        .dilation = {1, 1, 1},
                        .before = {0, before, before}};
    return c;
}

/* Tiles that end beyond the result's rows and columns, rows of tiles in several segments, several blocks and pieces, a
 * panel that is not full, the most channels, the fewest tiles. */
enum { SHAPES = 9 };
static cn_convolution shape(int i)
{
    const cn_convolution shapes[SHAPES] = {
        convolution_of(4, 1, 11, 13, 32, 64, 0),  convolution_of(2, 1, 17, 22, 16, 48, 1),
        convolution_of(16, 1, 8, 8, 64, 64, 1),   convolution_of(1, 1, 6, 803, 16, 16, 1),
        convolution_of(2, 3, 9, 10, 48, 16, 1),   convolution_of(1, 1, 16, 15, 256, 32, 1),
        convolution_of(1, 1, 18, 18, 32, 256, 0), convolution_of(20, 1, 14, 14, 32, 80, 2),
        convolution_of(1, 1, 5, 7, 32, 16, 1)};
    return shapes[i];
}

static const cn_convolution_pass passes[] = {CN_CONVOLVE, CN_CONVOLVE_INPUT, CN_CONVOLVE_KERNEL};

static int64_t elements(const cn_convolution *c, int which)
{
    const int64_t *size = which == 0 ? c->in : which == 1 ? c->kernel : c->out;
    int64_t count = size[0] * size[1] * size[2] * (which == 0 ? c->channels : c->filters);
    return count * (which == 1 ? c->channels : c->batch);
}

/* x, the kernel, y */
static const int operands[][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}};

static void *numbers(cn_dtype dtype, int64_t count, unsigned seed)
{
    float *single = malloc((size_t)count * sizeof *single);
    double *both = malloc((size_t)count * sizeof *both);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        both[i] = (double)(single[i] = (float)(seed >> 8) / (1 << 23) - 1);
    }
    free(dtype == CN_F64 ? (void *)single : (void *)both);
    return dtype == CN_F64 ? (void *)both : (void *)single;
}

/* The result, to be freed. */
static void *run(cn_convolution c, cn_convolution_pass pass, cn_dtype dtype, cn_gemm_finish *finish, void *context)
{
    const int *operand = operands[pass];
    c.dtype = dtype;
    void *a = numbers(dtype, elements(&c, operand[0]), 1), *b = numbers(dtype, elements(&c, operand[1]), 2);
    void *result = malloc((size_t)elements(&c, operand[2]) * cn_dtype_size(dtype));
    void *workspace = aligned_alloc(64, (cn_convolution_workspace(&c, pass) / 64 + 1) * 64);
    void *packed = aligned_alloc(64, (cn_convolution_packed(&c, pass) / 64 + 1) * 64);
    if (pass != CN_CONVOLVE_KERNEL)
        cn_convolution_pack(&c, pass, b, packed);
    cn_convolution_run(&c, pass, a, pass == CN_CONVOLVE_KERNEL ? b : packed, result, workspace, finish, context);
    free(packed);
    free(workspace);
    free(b);
    free(a);
    return result;
}

EACH_ISA(is_close_to_the_sum_in_float64)
{
    if (!use(kernels))
        return;
    for (int i = 0; i < SHAPES; i++)
        for (int p = 0; p < 3; p++) {
            cn_convolution c = shape(i);
            cr_assert(cn_is_winograd(&c, passes[p]), "shape %d, pass %d does not enter it", i, p);
            float *result = run(c, passes[p], CN_F32, NULL, NULL);
            double *expected = run(c, passes[p], CN_F64, NULL, NULL), largest = 0, error = 0;
            for (int64_t e = 0; e < elements(&c, operands[p][2]); e++) {
                cr_assert(isfinite(result[e]), "shape %d, pass %d, element %d", i, p, (int)e);
                largest = fmax(largest, fabs(expected[e]));
                error = fmax(error, fabs((double)result[e] - expected[e]));
            }
            cr_expect_lt(error, 1e-5 * largest, "shape %d, pass %d: %g of %g", i, p, error, largest);
            free(expected);
            free(result);
        }
}

EACH_ISA(bits_do_not_depend_on_the_number_of_threads)
{
    if (!use(kernels))
        return;
    for (int i = 0; i < SHAPES; i++)
        for (int p = 0; p < 3; p++) {
            cn_convolution c = shape(i);
            cn_set_threads(1);
            float *one = run(c, passes[p], CN_F32, NULL, NULL);
            cn_set_threads(3);
            float *three = run(c, passes[p], CN_F32, NULL, NULL);
            cr_expect_eq(memcmp(one, three, (size_t)elements(&c, operands[p][2]) * sizeof *one), 0, "shape %d, pass %d",
                         i, p);
            free(three);
            free(one);
        }
}

/* Negates each element that it is shown: twice would undo it. */
static void negate(void *context, void *c, int64_t ldc, int64_t batch, int64_t row, int64_t rows, int64_t column,
                   int64_t columns)
{
    int64_t *seen = context;
    (void)batch, (void)row, (void)column;
#pragma omp atomic
    *seen += rows * columns;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            ((float *)c)[i * ldc + j] *= -1;
}

Test(winograd, finishes_every_element_once)
{
    for (int i = 0; i < SHAPES; i++) {
        cn_convolution c = shape(i);
        int64_t seen = 0;
        float *plain = run(c, CN_CONVOLVE, CN_F32, NULL, NULL), *finished = run(c, CN_CONVOLVE, CN_F32, negate, &seen);
        cr_expect_eq(seen, elements(&c, 2), "shape %d", i);
        for (int64_t e = 0; e < elements(&c, 2); e++)
            cr_assert_eq(finished[e], -plain[e], "shape %d, element %d", i, (int)e);
        free(finished);
        free(plain);
    }
}

Test(winograd, is_for_3x3_in_float32_in_steps_of_one_with_channels_by_sixteens)
{
    cn_convolution c = shape(0), other;
    cr_expect(cn_is_winograd(&c, CN_CONVOLVE));
    other = c, other.dtype = CN_F64;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.stride[2] = 2;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.dilation[1] = 2;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.kernel[2] = 5;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.groups = 2;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.filters = 24;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
    other = c, other.batch = 0;
    cr_expect_not(cn_is_winograd(&other, CN_CONVOLVE));
}
