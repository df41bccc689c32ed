#include "core/kernels/kernels.h"
#include "core/kernels/vector_math.h"
#include "core/pieces.h"
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { F32, F64, I32, LONGEST = 131, POINTS = 200000 };

typedef struct operation {
    const char *name;
    int loop, inputs;
} operation;
static const operation operations[] = {
#define OPERATION(name, inputs) {#name, CN_LOOP_##name, inputs},
    CN_ELEMENTWISE(OPERATION)};
static const char *const isas[] = {"baseline", "avx2", "avx512"};
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define EACH_ISA(kernels)                             \
    for (size_t isa_ = 0; isa_ < COUNT(isas); isa_++) \
        for (const cn_kernels *kernels = cn_kernels_named(isas[isa_]); kernels; kernels = NULL)

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)(next_random() >> 11) * 0x1p-53;
}

/* Every exponent and sign with random fractions, the ordinary range, and the edges; no denormals. */
static void fill_floats(float *x, int n)
{
    static const float edges[] = {0.0f,    -0.0f,    INFINITY, -INFINITY,   NAN,       FLT_MAX,    -FLT_MAX,
                                  FLT_MIN, -FLT_MIN, 1.0f,     -1.0f,       88.72283f, 88.722839f, 88.73f,
                                  -87.33f, -87.34f,  -103.97f, 1e-7f,       -1e-7f,    9.01f,      -17.0f,
                                  3.95f,   0.9999f,  1.0001f,  0.70710677f, 1.4142f};
    for (int i = 0; i < n; i++) {
        if (i < (int)COUNT(edges)) {
            x[i] = edges[i];
        } else if (i % 2 == 0) {
            const uint32_t bits = (uint32_t)i << 23 >> 1 ^ (uint32_t)next_random();
            memcpy(&x[i], &bits, sizeof bits);
        } else {
            x[i] = (float)(i % 4 == 1 ? uniform(-4, 4) : uniform(-100, 100));
        }
        if (fpclassify(x[i]) == FP_SUBNORMAL)
            x[i] = 0;
    }
}

/* The distance in units in the last place of the right value; what underflows may be 0. */
static double ulps(double got, double right, int digits, double least)
{
    if (isnan(right) || isnan(got))
        return isnan(right) && isnan(got) ? 0 : INFINITY;
    if (isinf(right) || fabs(right) > (digits == 24 ? (double)FLT_MAX : DBL_MAX))
        return got == right || (isinf(got) && signbit(got) == signbit(right)) ? 0 : INFINITY;
    if (fabs(right) < least)
        return fabs(got) <= least ? 0 : INFINITY;
    return fabs(got - right) / ldexp(1, ilogb(right) + 1 - digits);
}

static double right_sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double right_softplus(double x)
{
    return isnan(x) ? x : fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* Floats against double's libm; doubles against libm too, which is good to 1 ulp, so its error adds. */
#define WITHIN(function, right, bound)                                                                           \
    Test(elementwise_kernels, function##_is_within_##bound##_ulp)                                                \
    {                                                                                                            \
        static float x[POINTS], y[POINTS];                                                                       \
        static double wide[POINTS], wide_y[POINTS];                                                              \
        const int64_t stride[] = {1, 1};                                                                         \
        fill_floats(x, POINTS);                                                                                  \
        for (int i = 0; i < POINTS; i++)                                                                         \
            wide[i] = i % 2 == 0 || i < 30 ? x[i] : uniform(0.999, 1.001) * x[i];                                \
        EACH_ISA(kernels)                                                                                        \
        {                                                                                                        \
            kernels->elementwise->loop[CN_LOOP_##function][F32](POINTS, (void *[]){y, x}, stride, NULL);         \
            kernels->elementwise->loop[CN_LOOP_##function][F64](POINTS, (void *[]){wide_y, wide}, stride, NULL); \
            for (int i = 0; i < POINTS; i++) {                                                                   \
                const double error = ulps(y[i], right(x[i]), 24, FLT_MIN * 1.0001);                              \
                cr_assert_leq(error, bound, "%s: " #function "(%a) = %a", kernels->name, x[i], y[i]);            \
                const double wide_error = ulps(wide_y[i], right(wide[i]), 53, DBL_MIN * 1.0001);                 \
                cr_assert_leq(wide_error, bound + 1.5, "%s: " #function "(%a) = %a", kernels->name, wide[i],     \
                              wide_y[i]);                                                                        \
            }                                                                                                    \
        }                                                                                                        \
    }

WITHIN(exp, exp, 2)
WITHIN(expm1, expm1, 2)
WITHIN(log, log, 2)
WITHIN(log1p, log1p, 2)
WITHIN(erf, erf, 2)
WITHIN(softplus, right_softplus, 2)
WITHIN(sigmoid, right_sigmoid, 3)
WITHIN(tanh, tanh, 3)

/* Its factor of x is good to the last places of a half; where nothing of it is left it is 0. */
Test(elementwise_kernels, gelu_is_right_to_a_part_of_its_argument)
{
    static float x[POINTS], y[POINTS];
    const int64_t stride[] = {1, 1};
    fill_floats(x, POINTS);
    EACH_ISA(kernels)
    {
        kernels->elementwise->loop[CN_LOOP_gelu][F32](POINTS, (void *[]){y, x}, stride, NULL);
        for (int i = 0; i < POINTS; i++) {
            const double right = 0.5 * x[i] * erfc(-x[i] * sqrt(0.5));
            if (!isfinite(x[i]))
                cr_assert(x[i] > 0 ? y[i] == x[i] : isnan(y[i]), "%s: gelu(%a) = %a", kernels->name, (double)x[i],
                          (double)y[i]);
            else if (x[i] < -6)
                cr_assert_eq(y[i], 0, "%s: gelu(%a) = %a", kernels->name, (double)x[i], (double)y[i]);
            else
                cr_assert_leq(fabs(y[i] - right), 0x1p-22 * fabs((double)x[i]) + (double)FLT_MIN, "%s: gelu(%a) = %a",
                              kernels->name, (double)x[i], (double)y[i]);
        }
    }
}

/* Every STEP-th of all floats by their bits, with the denormals, which count as 0, infinities and NaN among them. What
 * is flushed on the way to a result may take less than the least normal number from it. */
Test(elementwise_kernels, transcendental_functions_are_right_over_all_floats)
{
    enum { STEP = 1021, BLOCK = 1 << 16 };
    static const struct {
        const char *name;
        int loop;
        double (*right)(double);
        double bound;
    } functions[] = {{"exp", CN_LOOP_exp, exp, 2},
                     {"erf", CN_LOOP_erf, erf, 2},
                     {"sigmoid", CN_LOOP_sigmoid, right_sigmoid, 3},
                     {"tanh", CN_LOOP_tanh, tanh, 5}};
    static float x[BLOCK], y[BLOCK];
    static double right[BLOCK];
    const int64_t stride[] = {1, 1};
    for (size_t f = 0; f < COUNT(functions); f++)
        for (uint64_t first = 0; first <= UINT32_MAX; first += (uint64_t)STEP * BLOCK) {
            int count = 0;
            for (uint64_t next = first; count < BLOCK && next <= UINT32_MAX; next += STEP, count++) {
                const uint32_t bits = (uint32_t)next;
                memcpy(&x[count], &bits, sizeof bits);
                right[count] = functions[f].right(fabsf(x[count]) < FLT_MIN ? 0 : (double)x[count]);
            }
            EACH_ISA(kernels)
            {
                const unsigned mode = cn_float_mode_flush();
                kernels->elementwise->loop[functions[f].loop][F32](count, (void *[]){y, x}, stride, NULL);
                cn_float_mode_restore(mode);
                for (int i = 0; i < count; i++)
                    if (!(fabs((double)y[i] - right[i]) < (double)FLT_MIN) &&
                        !(ulps((double)y[i], right[i], 24, (double)FLT_MIN) <= functions[f].bound))
                        cr_assert_fail("%s: %s(%a) = %a", kernels->name, functions[f].name, (double)x[i], (double)y[i]);
            }
        }
}

Test(elementwise_kernels, erfinv_inverts_erf)
{
    const int64_t stride[] = {1, 1};
    EACH_ISA(kernels)
    {
        for (double x = -5; x <= 5; x += 0.01) {
            double y = erf(x), back;
            kernels->elementwise->loop[CN_LOOP_erfinv][F64](1, (void *[]){&back, &y}, stride, NULL);
            /* What y's own rounding leaves of x. */
            const double slope = 2 / sqrt(3.14159265358979) * exp(-x * x);
            cr_assert_leq(fabs(back - x), 1e-15 * fabs(x) + 2e-16 / slope, "%s: %g gives %g", kernels->name, x, back);
        }
    }
}

typedef union row {
    float f32[4 * LONGEST];
    double f64[4 * LONGEST];
    int32_t i32[4 * LONGEST];
} row;

static size_t size_of(int type)
{
    return type == F64 ? 8 : 4;
}

/* Casts and tests give a type of their own. */
static int output_type(const operation *op, int type)
{
    static const struct {
        const char *prefix;
        int type;
    } others[] = {{"cast_to_f32", F32}, {"cast_to_f64", F64}, {"cast_to_i32", I32}, {"equal", I32}, {"not_equal", I32},
                  {"less", I32},        {"greater", I32},     {"isfinite", I32},    {"isnan", I32}, {"isinf", I32}};
    for (size_t i = 0; i < COUNT(others); i++)
        if (strncmp(op->name, others[i].prefix, strlen(others[i].prefix)) == 0)
            return others[i].type;
    return type;
}

static int input_type(const operation *op, int input, int type)
{
    return op->loop == CN_LOOP_where && input == 0 ? I32 : type;
}

static void fill(row *values, int type, int count)
{
    static const float some[] = {0, -0.0f, 1, -1, 0.5f, -0.5f, 6, -6, 3, -3, INFINITY, -INFINITY, NAN, 100, -100};
    for (int i = 0; i < count; i++) {
        const bool edge = next_random() % 4 == 0;
        const float x = edge ? some[next_random() % COUNT(some)] : (float)uniform(-5, 5);
        if (type == F32)
            values->f32[i] = x;
        else if (type == F64)
            values->f64[i] = x;
        else
            values->i32[i] = edge ? (int32_t)next_random() : (int32_t)(next_random() % 9) - 4;
    }
}

static double element(const row *values, int type, int64_t index)
{
    return type == F32 ? (double)values->f32[index] : type == F64 ? values->f64[index] : values->i32[index];
}

/* The same bits, or both NaN: which NaN an operation of two gives is the compiler's choice. */
static bool same(const row *a, int64_t i, const row *b, int64_t j, int type)
{
    const double x = element(a, type, i), y = element(b, type, j);
    return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
}

static const double scalars[] = {0.5, 2, 0.25};
typedef void visit(const cn_kernels *kernels, const operation *op, int type, cn_loop *loop);

static void visit_all(visit *one)
{
    EACH_ISA(kernels)
    for (size_t i = 0; i < COUNT(operations); i++)
        for (int type = 0; type < CN_ELEMENTWISE_TYPES; type++) {
            cn_loop *loop = kernels->elementwise->loop[operations[i].loop][type];
            if (loop)
                one(kernels, &operations[i], type, loop);
        }
}

/* Each element alone, as a row of one, is what its place in any row must give. */
static void check_places(const cn_kernels *kernels, const operation *op, int type, cn_loop *loop)
{
    static row input[3], out, alone;
    const int out_type = output_type(op, type);
    for (int k = 0; k < op->inputs; k++)
        fill(&input[k], input_type(op, k, type), 3 * LONGEST);
    for (int form = 0; form < 27; form++) {
        static const int64_t steps[] = {1, 0, 3};
        const int64_t stride[] = {1, steps[form % 3], steps[form / 3 % 3], steps[form / 9]};
        for (int n = 0; n <= LONGEST; n += n < 40 ? 1 : 13) {
            void *pointer[4] = {&out};
            for (int k = 0; k < op->inputs; k++)
                pointer[k + 1] = &input[k];
            memset(&out, 0x5a, sizeof out);
            loop(n, pointer, stride, scalars);
            for (size_t byte = (size_t)n * size_of(out_type); byte < sizeof out; byte++)
                cr_assert_eq(((unsigned char *)&out)[byte], 0x5a, "%s writes past its row", op->name);
            for (int i = 0; i < n; i += n < 40 ? 1 : 7) {
                pointer[0] = &alone;
                for (int k = 0; k < op->inputs; k++)
                    pointer[k + 1] = (char *)&input[k] + i * stride[k + 1] * (int64_t)size_of(input_type(op, k, type));
                loop(1, pointer, stride, scalars);
                cr_assert(same(&out, i, &alone, 0, out_type), "%s %s type %d, element %d of %d, strides %d %d: %a, %a",
                          kernels->name, op->name, type, i, n, (int)stride[1], (int)stride[2],
                          element(&out, out_type, i), element(&alone, out_type, 0));
            }
        }
        if ((form == 2 && op->inputs == 1) || (form == 8 && op->inputs == 2))
            return;
    }
}

Test(elementwise_kernels, an_element_has_the_same_bits_anywhere_in_a_row)
{
    visit_all(check_places);
}

static void check_in_place(const cn_kernels *kernels, const operation *op, int type, cn_loop *loop)
{
    static row input[3], out, copy;
    const int out_type = output_type(op, type);
    const int64_t stride[] = {1, 1, 1, 1};
    for (int k = 0; k < op->inputs; k++)
        fill(&input[k], input_type(op, k, type), LONGEST);
    void *pointer[4] = {&out, &input[0], &input[1], &input[2]};
    loop(LONGEST, pointer, stride, scalars);
    for (int k = 0; k < op->inputs; k++)
        if (size_of(input_type(op, k, type)) == size_of(out_type)) {
            copy = input[k];
            pointer[0] = pointer[k + 1] = &copy;
            loop(LONGEST, pointer, stride, scalars);
            for (int i = 0; i < LONGEST; i++)
                cr_assert(same(&out, i, &copy, i, out_type), "%s %s type %d", kernels->name, op->name, type);
            pointer[k + 1] = &input[k];
        }
}

Test(elementwise_kernels, in_place_gives_what_out_of_place_gives)
{
    visit_all(check_in_place);
}

static void check_against_baseline(const cn_kernels *kernels, const operation *op, int type, cn_loop *loop)
{
    static row input[3], out, base;
    const int out_type = output_type(op, type);
    const int64_t stride[] = {1, 1, 1, 1};
    for (int k = 0; k < op->inputs; k++)
        fill(&input[k], input_type(op, k, type), LONGEST);
    loop(LONGEST, (void *[]){&out, &input[0], &input[1], &input[2]}, stride, scalars);
    cn_kernels_named("baseline")
        ->elementwise->loop[op->loop][type](LONGEST, (void *[]){&base, &input[0], &input[1], &input[2]}, stride,
                                            scalars);
    const double tolerance = type == F64 ? 1e-14 : 4e-6;
    for (int i = 0; i < LONGEST; i++) {
        const double a = element(&out, out_type, i), b = element(&base, out_type, i);
        cr_assert(same(&out, i, &base, i, out_type) || fabs(a - b) <= tolerance * fmax(1, fabs(b)),
                  "%s %s type %d: %a, %a", kernels->name, op->name, type, a, b);
    }
}

Test(elementwise_kernels, instruction_sets_agree)
{
    visit_all(check_against_baseline);
}

/* Derivatives against central differences in F64, away from kinks. */
Test(elementwise_kernels, gradients_are_derivatives)
{
    static const struct {
        int function, gradient;
        bool by_output;
    } pairs[] = {
#define PAIR(name) {CN_LOOP_##name, CN_LOOP_##name##_grad, false}
#define PAIR_BY_OUTPUT(name)                        \
    {                                               \
        CN_LOOP_##name, CN_LOOP_##name##_grad, true \
    }
        PAIR_BY_OUTPUT(relu),
        PAIR_BY_OUTPUT(tanh),
        PAIR_BY_OUTPUT(sigmoid),
        PAIR(general_relu),
        PAIR(relu6),
        PAIR(leaky_relu),
        PAIR(elu),
        PAIR(celu),
        PAIR(selu),
        PAIR(gelu),
        PAIR(gelu_approximate),
        PAIR(silu),
        PAIR(mish),
        PAIR(log_sigmoid),
        PAIR(hard_sigmoid),
        PAIR(hard_silu),
        PAIR(hard_tanh),
        PAIR(tanh_shrink),
        PAIR(softplus),
        PAIR(squareplus),
        PAIR(sparse_plus),
        PAIR(sparse_sigmoid),
        PAIR(softsign),
        PAIR(soft_shrink),
        PAIR(hard_shrink),
        PAIR(threshold),
        PAIR(clip)};
    const int64_t stride[] = {1, 1, 1};
    EACH_ISA(kernels)
    for (size_t k = 0; k < COUNT(pairs); k++)
        for (double x = -8.035; x < 8; x += 0.11) {
            const double h = 1e-5;
            double points[] = {x - h, x, x + h}, y[3], dy = 1.5, dx;
            kernels->elementwise->loop[pairs[k].function][F64](3, (void *[]){y, points}, stride, scalars);
            void *pointer[] = {&dx, pairs[k].by_output ? &y[1] : &points[1], &dy};
            kernels->elementwise->loop[pairs[k].gradient][F64](1, pointer, stride, scalars);
            cr_assert_float_eq(dx, dy * (y[2] - y[0]) / (2 * h), 1e-8, "%s: pair %zu at %g: %g", kernels->name, k, x,
                               dx);
        }
}

Test(elementwise_kernels, activations_have_the_values_of_the_keras_manual)
{
    static const float x[] = {-3, -1, -0.5f, 0, 0.5f, 1, 3};
    static const struct {
        int loop;
        double scalar[3];
        float y[7];
    } rows[] = {
        {CN_LOOP_leaky_relu, {0.2}, {-0.6f, -0.2f, -0.1f, 0, 0.5f, 1, 3}},
        {CN_LOOP_elu, {1}, {-0.950213f, -0.632121f, -0.393469f, 0, 0.5f, 1, 3}},
        {CN_LOOP_celu, {1}, {-0.950213f, -0.632121f, -0.393469f, 0, 0.5f, 1, 3}},
        {CN_LOOP_selu, {0}, {-1.67057f, -1.11133f, -0.691758f, 0, 0.525351f, 1.0507f, 3.1521f}},
        {CN_LOOP_gelu, {0}, {-0.00404969f, -0.158655f, -0.154269f, 0, 0.345731f, 0.841345f, 2.99595f}},
        {CN_LOOP_gelu_approximate, {0}, {-0.00363734f, -0.158808f, -0.154286f, 0, 0.345714f, 0.841192f, 2.99636f}},
        {CN_LOOP_silu, {0}, {-0.142278f, -0.268941f, -0.18877f, 0, 0.31123f, 0.731059f, 2.85772f}},
        {CN_LOOP_mish, {0}, {-0.145647f, -0.303401f, -0.220744f, 0, 0.375245f, 0.865098f, 2.98654f}},
        {CN_LOOP_hard_sigmoid, {0}, {0, 0.333333f, 0.416667f, 0.5f, 0.583333f, 0.666667f, 1}},
        {CN_LOOP_log_sigmoid, {0}, {-3.04859f, -1.31326f, -0.974077f, -0.693147f, -0.474077f, -0.313262f, -0.0485874f}},
        {CN_LOOP_sparse_sigmoid, {0}, {0, 0, 0.25f, 0.5f, 0.75f, 1, 1}},
        {CN_LOOP_tanh_shrink, {0}, {-2.00495f, -0.238406f, -0.0378828f, 0, 0.0378828f, 0.238406f, 2.00495f}},
        {CN_LOOP_softplus, {0}, {0.0485874f, 0.313262f, 0.474077f, 0.693147f, 0.974077f, 1.31326f, 3.04859f}},
        {CN_LOOP_squareplus, {4}, {0.302776f, 0.618034f, 0.780776f, 1, 1.28078f, 1.61803f, 3.30278f}},
        {CN_LOOP_sparse_plus, {0}, {0, 0, 0.0625f, 0.25f, 0.5625f, 1, 3}},
        {CN_LOOP_hard_silu, {0}, {0, -0.333333f, -0.208333f, 0, 0.291667f, 0.666667f, 3}},
        {CN_LOOP_general_relu, {0.1, 2, 0.6}, {-0.36f, -0.16f, -0.11f, -0.06f, -0.01f, 1, 2}},
    };
    const int64_t stride[] = {1, 1};
    EACH_ISA(kernels)
    for (size_t k = 0; k < COUNT(rows); k++) {
        float y[7];
        kernels->elementwise->loop[rows[k].loop][F32](7, (void *[]){y, (void *)x}, stride, rows[k].scalar);
        for (int i = 0; i < 7; i++)
            cr_assert_float_eq(y[i], rows[k].y[i], 1e-5, "row %zu at %g: %g", k, x[i], y[i]);
    }
}

static int32_t integer(int loop, int32_t a, int32_t b)
{
    const int64_t stride[] = {1, 1, 1};
    int32_t y;
    cn_kernels_now()->elementwise->loop[loop][I32](1, (void *[]){&y, &a, &b}, stride, NULL);
    return y;
}

Test(elementwise_kernels, integer_division_is_that_of_python)
{
    for (int32_t a = -9; a <= 9; a++)
        for (int32_t b = -4; b <= 4; b++) {
            const int32_t quotient = b ? (int32_t)floor((double)a / b) : 0;
            cr_assert_eq(integer(CN_LOOP_floor_divide, a, b), quotient);
            cr_assert_eq(integer(CN_LOOP_mod, a, b), b ? a - quotient * b : 0);
        }
    cr_assert_eq(integer(CN_LOOP_floor_divide, INT32_MIN, -1), INT32_MIN);
    cr_assert_eq(integer(CN_LOOP_mod, INT32_MIN, -1), 0);
    cr_assert_eq(integer(CN_LOOP_power, -3, 5), -243);
    cr_assert_eq(integer(CN_LOOP_power, 7, 0), 1);
    cr_assert_eq(integer(CN_LOOP_power, -1, -3), -1);
    cr_assert_eq(integer(CN_LOOP_power, 2, -1), 0);
}

Test(elementwise_kernels, casts_to_integers_truncate_and_saturate)
{
    static const float from[] = {2.9f, -2.9f, 3e9f, -3e9f, NAN, INFINITY, -INFINITY, -0x1p31f};
    static const int32_t to[] = {2, -2, INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MIN, INT32_MIN};
    double wide[COUNT(from)];
    for (size_t i = 0; i < COUNT(from); i++)
        wide[i] = from[i];
    const int64_t stride[] = {1, 1};
    EACH_ISA(kernels)
    {
        int32_t y[COUNT(from)];
        kernels->elementwise->loop[CN_LOOP_cast_to_i32][F32](COUNT(from), (void *[]){y, (void *)from}, stride, NULL);
        cr_assert_arr_eq(y, to, sizeof to);
        kernels->elementwise->loop[CN_LOOP_cast_to_i32][F64](COUNT(from), (void *[]){y, wide}, stride, NULL);
        cr_assert_arr_eq(y, to, sizeof to);
    }
}

Test(elementwise_kernels, nan_passes_through_maximum_minimum_relu_clip_and_sign)
{
    static const int loops[] = {CN_LOOP_maximum, CN_LOOP_minimum,      CN_LOOP_relu, CN_LOOP_relu6,
                                CN_LOOP_clip,    CN_LOOP_general_relu, CN_LOOP_sign};
    float nan = NAN, one = 1, y;
    const int64_t stride[] = {1, 1, 1};
    EACH_ISA(kernels)
    for (size_t k = 0; k < COUNT(loops); k++) {
        kernels->elementwise->loop[loops[k]][F32](1, (void *[]){&y, &nan, &one}, stride, scalars);
        cr_assert(isnan(y));
        if (k < 2) {
            kernels->elementwise->loop[loops[k]][F32](1, (void *[]){&y, &one, &nan}, stride, scalars);
            cr_assert(isnan(y));
        }
    }
}
