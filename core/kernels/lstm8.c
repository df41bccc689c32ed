#include "core/kernels/lstm8.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"

extern const cn_lstm8_kernels CN_ISA_NAME(cn_lstm8);

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

enum { UNITS = 8, GATES = 4 };

/* A vector holds the units of one row after those of another, or those of one row. EACH gives the places of a shuffle
 * in both halves; the second operand's are counted from LANES. */
#if defined(__AVX512F__)
enum { LANES = 16 };
typedef __m512 vector;
#define MULTIPLY_ADD _mm512_fmadd_ps
#define EACH(a, b, c, d, e, f, g, h) a, b, c, d, e, f, g, h, a + 8, b + 8, c + 8, d + 8, e + 8, f + 8, g + 8, h + 8
#else
enum { LANES = 8 };
typedef __m256 vector;
#define MULTIPLY_ADD _mm256_fmadd_ps
#define EACH(a, b, c, d, e, f, g, h) a, b, c, d, e, f, g, h
#endif
enum { ROWS = LANES / UNITS };
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, EACH(__VA_ARGS__))
#define UNIT(x, k) SHUFFLE(x, x, k, k, k, k, k, k, k, k)

#define FUNCTION static inline __attribute__((always_inline))

/* The units at `x` and those `apart` elements behind; and the same units for both rows. */
FUNCTION vector load(const float *x, int64_t apart)
{
#if defined(__AVX512F__)
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(x)), _mm256_loadu_ps(x + apart), 1);
#else
    (void)apart;
    return _mm256_loadu_ps(x);
#endif
}

FUNCTION vector load_weights(const float *x)
{
#if defined(__AVX512F__)
    return _mm512_broadcast_f32x8(_mm256_loadu_ps(x));
#else
    return _mm256_loadu_ps(x);
#endif
}

FUNCTION void store(float *x, int64_t apart, vector v)
{
#if defined(__AVX512F__)
    _mm256_storeu_ps(x, _mm512_castps512_ps256(v));
    _mm256_storeu_ps(x + apart, _mm512_extractf32x8_ps(v, 1));
#else
    (void)apart;
    _mm256_storeu_ps(x, v);
#endif
}

#define BY_LANE(name, function)                                                              \
    FUNCTION vector name(vector v)                                                           \
    {                                                                                        \
        float x[LANES];                                                                      \
        memcpy(x, &v, sizeof x);                                                             \
        CN_INDEPENDENT for (int lane = 0; lane < LANES; lane++) x[lane] = function(x[lane]); \
        memcpy(&v, x, sizeof x);                                                             \
        return v;                                                                            \
    }
BY_LANE(sigmoids, cn_sigmoid_f32)
BY_LANE(tanhs, cn_tanh_f32)

/* Rows r and r + 1 are taken together; the last one twice where their number is odd. */
FUNCTION int64_t second_row(int64_t row, int64_t end)
{
    return row + ROWS <= end ? 1 : 0;
}

/* Gate by gate: sum += h[k] recurrent[k], in two sums so that fewer additions wait for each other. */
#define ADD_UNIT(sum, k)                                                                       \
    do {                                                                                       \
        const vector state = UNIT(h, k);                                                       \
        CN_UNROLLED for (int g = 0; g < GATES; g++) sum[g] =                                   \
            MULTIPLY_ADD(state, load_weights(s->recurrent + (k * GATES + g) * UNITS), sum[g]); \
    } while (0)

static void forward(const cn_lstm8 *s, int64_t row, int64_t rows)
{
    const float *z = s->z, *h_before = s->h, *c_before = s->c;
    float *gates = s->gates, *y = s->y;
    vector h = {0}, c = {0};
    for (int64_t t = 0; t < s->time; t++) {
        float *h_after = s->h + (t + 1) * s->h_step, *c_after = s->c + (t + 1) * s->c_step;
        for (int64_t r = row; r < row + rows; r += ROWS) {
            const int64_t second = second_row(r, row + rows), apart = second * UNITS;
            /* The states of one vector's rows need not come back from memory. */
            if (t == 0 || rows > ROWS) {
                h = load(h_before + r * UNITS, apart);
                c = load(c_before + r * UNITS, apart);
            }
            vector even[GATES], odd[GATES];
            CN_UNROLLED for (int g = 0; g < GATES; g++)
            {
                even[g] = load(z + r * s->z_row + g * UNITS, second * s->z_row);
                odd[g] = (vector){0};
            }
            ADD_UNIT(even, 0);
            ADD_UNIT(odd, 1);
            ADD_UNIT(even, 2);
            ADD_UNIT(odd, 3);
            ADD_UNIT(even, 4);
            ADD_UNIT(odd, 5);
            ADD_UNIT(even, 6);
            ADD_UNIT(odd, 7);
            const vector i = sigmoids(even[0] + odd[0]), f = sigmoids(even[1] + odd[1]);
            const vector g = tanhs(even[2] + odd[2]), o = sigmoids(even[3] + odd[3]);
            c = f * c + i * g;
            const vector activated = tanhs(c);
            h = o * activated;
            store(c_after + r * UNITS, apart, c);
            store(h_after + r * UNITS, apart, h);
            if (gates) {
                float *kept = gates + r * GATES * UNITS;
                const int64_t kept_apart = apart * GATES;
                store(kept, kept_apart, i);
                store(kept + UNITS, kept_apart, f);
                store(kept + 2 * UNITS, kept_apart, g);
                store(kept + 3 * UNITS, kept_apart, o);
            }
            if (y)
                store(y + r * s->y_row, second * s->y_row, h);
        }
        h_before = h_after;
        c_before = c_after;
        z += s->z_step;
        gates = gates ? gates + s->gates_step : NULL;
        y = y ? y + UNITS : NULL;
    }
}

/* Sums of neighbours, of x and then of y, in each quarter of a row's pair of quarters. */
FUNCTION vector add_neighbours(vector x, vector y)
{
    return SHUFFLE(x, y, 0, 2, LANES, LANES + 2, 4, 6, LANES + 4, LANES + 6) +
           SHUFFLE(x, y, 1, 3, LANES + 1, LANES + 3, 5, 7, LANES + 5, LANES + 7);
}

/* d[g] . recurrent[j][g], summed over the gates, unit by unit */
FUNCTION vector products(const float *recurrent, const vector *d, int j)
{
    const float *row = recurrent + j * GATES * UNITS;
    const vector low = MULTIPLY_ADD(d[1], load_weights(row + UNITS), d[0] * load_weights(row));
    const vector high = MULTIPLY_ADD(d[3], load_weights(row + 3 * UNITS), d[2] * load_weights(row + 2 * UNITS));
    return low + high;
}

FUNCTION vector four_sums(const float *recurrent, const vector *d, int j)
{
    return add_neighbours(add_neighbours(products(recurrent, d, j), products(recurrent, d, j + 1)),
                          add_neighbours(products(recurrent, d, j + 2), products(recurrent, d, j + 3)));
}

static void backward(const cn_lstm8_back *s, int64_t row, int64_t rows)
{
    const float *gates = s->gates, *c_before = s->c_before, *dy = s->dy;
    float *inner = s->inner, *dz = s->dz;
    for (int64_t t = 0; t < s->time; t++) {
        for (int64_t r = row; r < row + rows; r += ROWS) {
            const int64_t second = second_row(r, row + rows), apart = second * UNITS;
            const float *kept = gates + r * GATES * UNITS;
            const int64_t kept_apart = apart * GATES;
            const vector i = load(kept, kept_apart), f = load(kept + UNITS, kept_apart);
            const vector g = load(kept + 2 * UNITS, kept_apart), o = load(kept + 3 * UNITS, kept_apart);
            const vector activated = tanhs(load(c_before + s->c_step + r * UNITS, apart));
            vector dh = load(s->dh + r * UNITS, apart);
            if (dy)
                dh += load(dy + r * s->dy_row, second * s->dy_row);
            const vector dc = load(s->dc + r * UNITS, apart) + dh * o * (1 - activated * activated);
            const vector d[GATES] = {dc * g * (i * (1 - i)), dc * load(c_before + r * UNITS, apart) * (f * (1 - f)),
                                     dc * i * (1 - g * g), dh * activated * (o * (1 - o))};
            store(s->dc + r * UNITS, apart, dc * f);
            CN_UNROLLED for (int q = 0; q < GATES; q++) store(inner + (r * GATES + q) * UNITS, apart * GATES, d[q]);
            if (dz)
                CN_UNROLLED for (int q = 0; q < GATES; q++)
                    store(dz + r * s->dz_row + q * UNITS, second * s->dz_row, d[q]);
            const vector low = four_sums(s->recurrent, d, 0), high = four_sums(s->recurrent, d, 4);
            store(s->dh + r * UNITS, apart,
                  SHUFFLE(low, high, 0, 1, 2, 3, LANES, LANES + 1, LANES + 2, LANES + 3) +
                      SHUFFLE(low, high, 4, 5, 6, 7, LANES + 4, LANES + 5, LANES + 6, LANES + 7));
        }
        gates -= s->gates_step;
        c_before -= s->c_step;
        inner -= s->inner_step;
        dy = dy ? dy - UNITS : NULL;
        dz = dz ? dz - s->dz_step : NULL;
    }
}

const cn_lstm8_kernels CN_ISA_NAME(cn_lstm8) = {forward, backward};
#else
const cn_lstm8_kernels CN_ISA_NAME(cn_lstm8) = {0};
#endif
