#include "layers/initializer.h"
#include "core/arena.h"
#include "core/random_numbers.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

bool cn_names_class(const char *given, const char *class_name)
{
    if (!given)
        return false;
    while (*given || *class_name) {
        if (*given == '_') {
            given++;
            continue;
        }
        if (tolower((unsigned char)*given) != tolower((unsigned char)*class_name))
            return false;
        given++;
        class_name++;
    }
    return true;
}

/* Random numbers */

typedef struct random_draw {
    uint64_t key, block;
    double spare;
    bool has_spare;
} random_draw;

static random_draw draw_by(uint64_t seed, uint64_t stream)
{
    return (random_draw){.key = cn_philox_key(seed, stream)};
}

static void two_uniforms(random_draw *draw, double u[2])
{
    uint32_t word[4];
    cn_philox_block(draw->key, 0, 0, draw->block++, word);
    u[0] = cn_uniform_f64(word[0], word[1]);
    u[1] = cn_uniform_f64(word[2], word[3]);
}

static double draw_uniform(random_draw *draw)
{
    double u[2];
    if ((draw->has_spare = !draw->has_spare)) {
        two_uniforms(draw, u);
        draw->spare = u[1];
        return u[0];
    }
    return draw->spare;
}

/* Box and Muller's transform. */
static double draw_normal(random_draw *draw)
{
    double u[2];
    if (!(draw->has_spare = !draw->has_spare))
        return draw->spare;
    two_uniforms(draw, u);
    double radius = sqrt(-2 * log(1 - u[0])), angle = 6.283185307179586 * u[1];
    draw->spare = radius * sin(angle);
    return radius * cos(angle);
}

static double draw_truncated(random_draw *draw)
{
    double z;
    do
        z = draw_normal(draw);
    while (fabs(z) > 2);
    return z;
}

/* What fills */

static bool fill_constant(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    (void)seed, (void)stream;
    for (int64_t i = 0, size = cn_shape_size(shape); i < size; i++)
        values[i] = self->option[0];
    return true;
}

static bool fill_identity(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    (void)seed, (void)stream;
    char text[CN_SHAPE_TEXT];
    if (shape.rank != 2)
        return cn_fail(CN_SHAPES, "initializer Identity: needs a matrix, got shape %s",
                       cn_shape_text(shape, text, sizeof text));
    for (int64_t i = 0; i < shape.dim[0]; i++)
        for (int64_t j = 0; j < shape.dim[1]; j++)
            values[i * shape.dim[1] + j] = i == j ? self->option[0] : 0;
    return true;
}

static bool fill_normal(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    random_draw draw = draw_by(seed, stream);
    for (int64_t i = 0, size = cn_shape_size(shape); i < size; i++)
        values[i] = self->option[0] + self->option[1] * draw_normal(&draw);
    return true;
}

static bool fill_truncated(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    random_draw draw = draw_by(seed, stream);
    for (int64_t i = 0, size = cn_shape_size(shape); i < size; i++)
        values[i] = self->option[0] + self->option[1] * draw_truncated(&draw);
    return true;
}

static bool fill_uniform(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    random_draw draw = draw_by(seed, stream);
    for (int64_t i = 0, size = cn_shape_size(shape); i < size; i++)
        values[i] = self->option[0] + (self->option[1] - self->option[0]) * draw_uniform(&draw);
    return true;
}

/* The inputs and outputs of a unit: the last two axes, times the receptive field that the others are. */
static void fans_of(const cn_shape *shape, double *in, double *out)
{
    double field = 1;
    for (int d = 0; d < shape->rank - 2; d++)
        field *= (double)shape->dim[d];
    *in = shape->rank == 0 ? 1 : (double)shape->dim[shape->rank > 1 ? shape->rank - 2 : 0] * field;
    *out = shape->rank == 0 ? 1 : (double)shape->dim[shape->rank - 1] * field;
}

static bool fill_scaling(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    double in, out;
    fans_of(&shape, &in, &out);
    double fan = self->option[1] == CN_FAN_IN ? in : self->option[1] == CN_FAN_OUT ? out : (in + out) / 2;
    double variance = self->option[0] / fmax(1, fan);
    cn_initializer by = {.option = {0, sqrt(variance)}};
    if (self->option[2] == CN_UNIFORM) {
        by.option[1] = sqrt(3 * variance);
        by.option[0] = -by.option[1];
        return fill_uniform(&by, shape, seed, stream, values);
    }
    if (self->option[2] == CN_UNTRUNCATED_NORMAL)
        return fill_normal(&by, shape, seed, stream, values);
    by.option[1] /= 0.8796256610342398; /* the standard deviation of a normal distribution truncated at 2 */
    return fill_truncated(&by, shape, seed, stream, values);
}

/* Orthonormalizes the columns of a (rows x columns, rows >= columns; each column lies in one piece) by Householder
 * reflections: a = QR with Q's signs such that R has a positive diagonal. q gets the first `columns` columns of Q;
 * `scratch` has room for `columns`. */
static void orthonormalize(double *a, double *q, double *scratch, int64_t rows, int64_t columns)
{
    for (int64_t k = 0; k < columns; k++) {
        double norm = 0;
        for (int64_t i = k; i < rows; i++)
            norm += a[k * rows + i] * a[k * rows + i];
        norm = sqrt(norm);
        double diagonal = a[k * rows + k];
        scratch[k] = diagonal > 0 ? -norm : norm; /* R's diagonal */
        a[k * rows + k] = diagonal - scratch[k];
        double square = 2 * norm * (norm + fabs(diagonal)); /* of the reflection's vector, which takes column k */
        for (int64_t j = k + 1; j < columns && square > 0; j++) {
            double dot = 0;
            for (int64_t i = k; i < rows; i++)
                dot += a[k * rows + i] * a[j * rows + i];
            for (int64_t i = k; i < rows; i++)
                a[j * rows + i] -= 2 * dot / square * a[k * rows + i];
        }
    }
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < rows; i++)
            q[j * rows + i] = i == j ? (scratch[j] < 0 ? -1 : 1) : 0;
    for (int64_t k = columns - 1; k >= 0; k--) {
        double square = 0;
        for (int64_t i = k; i < rows; i++)
            square += a[k * rows + i] * a[k * rows + i];
        for (int64_t j = 0; j < columns && square > 0; j++) {
            double dot = 0;
            for (int64_t i = k; i < rows; i++)
                dot += a[k * rows + i] * q[j * rows + i];
            for (int64_t i = k; i < rows; i++)
                q[j * rows + i] -= 2 * dot / square * a[k * rows + i];
        }
    }
}

static bool fill_orthogonal(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values)
{
    char text[CN_SHAPE_TEXT];
    if (shape.rank < 2)
        return cn_fail(CN_SHAPES, "initializer Orthogonal: needs rank 2 or more, got shape %s",
                       cn_shape_text(shape, text, sizeof text));
    int64_t columns = shape.dim[shape.rank - 1], size = cn_shape_size(shape);
    int64_t rows = columns > 0 ? size / columns : 0;
    int64_t most = rows > columns ? rows : columns, least = rows > columns ? columns : rows;
    double *a = cn_allocate((size_t)(2 * size + least), sizeof *a);
    if (!a)
        return false;
    double *q = a + size, *scratch = q + size;
    random_draw draw = draw_by(seed, stream);
    for (int64_t i = 0; i < size; i++)
        a[i] = draw_normal(&draw);
    orthonormalize(a, q, scratch, most, least);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            values[i * columns + j] = self->option[0] * (rows < columns ? q[i * most + j] : q[j * most + i]);
    cn_release(a);
    return true;
}

/* The classes */

static const char *const modes[] = {"fan_in", "fan_out", "fan_avg", NULL};
/* By cn_distribution; Keras takes "normal" too, for a truncated one. */
static const char *const distributions[] = {"truncated_normal", "untruncated_normal", "uniform", "normal", NULL};

typedef struct initializer_class {
    cn_initializer value;
    const char *alias;
    cn_option options[CN_MAX_OPTIONS];
} initializer_class;

enum {
    ZEROS,
    ONES,
    CONSTANT,
    IDENTITY,
    RANDOM_NORMAL,
    RANDOM_UNIFORM,
    TRUNCATED_NORMAL,
    VARIANCE_SCALING,
    GLOROT_UNIFORM,
    GLOROT_NORMAL,
    HE_UNIFORM,
    HE_NORMAL,
    LECUN_UNIFORM,
    LECUN_NORMAL,
    ORTHOGONAL
};

static const initializer_class classes[] = {
    [ZEROS] = {{"Zeros", fill_constant, {0}, -1}, "zero", {{0}}},
    [ONES] = {{"Ones", fill_constant, {1}, -1}, "one", {{0}}},
    [CONSTANT] = {{"Constant", fill_constant, {0}, -1}, NULL, {{"value", NULL}}},
    [IDENTITY] = {{"Identity", fill_identity, {1}, -1}, "eye", {{"gain", NULL}}},
    [RANDOM_NORMAL] = {{"RandomNormal", fill_normal, {0, 0.05}, -1}, "normal", {{"mean", NULL}, {"stddev", NULL}}},
    [RANDOM_UNIFORM] = {{"RandomUniform", fill_uniform, {-0.05, 0.05}, -1},
                        "uniform",
                        {{"minval", NULL}, {"maxval", NULL}}},
    [TRUNCATED_NORMAL] = {{"TruncatedNormal", fill_truncated, {0, 0.05}, -1}, NULL, {{"mean", NULL}, {"stddev", NULL}}},
    [VARIANCE_SCALING] = {{"VarianceScaling", fill_scaling, {1, CN_FAN_IN, CN_TRUNCATED_NORMAL}, -1},
                          NULL,
                          {{"scale", NULL}, {"mode", modes}, {"distribution", distributions}}},
    [GLOROT_UNIFORM] = {{"GlorotUniform", fill_scaling, {1, CN_FAN_AVG, CN_UNIFORM}, -1}, "xavier_uniform", {{0}}},
    [GLOROT_NORMAL] = {{"GlorotNormal", fill_scaling, {1, CN_FAN_AVG, CN_TRUNCATED_NORMAL}, -1},
                       "xavier_normal",
                       {{0}}},
    [HE_UNIFORM] = {{"HeUniform", fill_scaling, {2, CN_FAN_IN, CN_UNIFORM}, -1}, NULL, {{0}}},
    [HE_NORMAL] = {{"HeNormal", fill_scaling, {2, CN_FAN_IN, CN_TRUNCATED_NORMAL}, -1}, NULL, {{0}}},
    [LECUN_UNIFORM] = {{"LecunUniform", fill_scaling, {1, CN_FAN_IN, CN_UNIFORM}, -1}, NULL, {{0}}},
    [LECUN_NORMAL] = {{"LecunNormal", fill_scaling, {1, CN_FAN_IN, CN_TRUNCATED_NORMAL}, -1}, NULL, {{0}}},
    [ORTHOGONAL] = {{"Orthogonal", fill_orthogonal, {1}, -1}, "OrthogonalInitializer", {{"gain", NULL}}},
};

bool cn_initializer_named(const char *name, cn_initializer *initializer, const cn_option **options)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const initializer_class *class = &classes[i];
        if (!cn_names_class(name, class->value.name) && !(class->alias && cn_names_class(name, class->alias)))
            continue;
        *initializer = class->value;
        if (options)
            *options = class->options;
        return true;
    }
    return false;
}

static cn_initializer value(int class, int64_t seed, double a, double b, double c)
{
    cn_initializer made = classes[class].value;
    made.seed = seed;
    made.option[0] = a;
    made.option[1] = b;
    made.option[2] = c;
    return made;
}

cn_initializer cn_init_zeros(void)
{
    return classes[ZEROS].value;
}

cn_initializer cn_init_ones(void)
{
    return classes[ONES].value;
}

cn_initializer cn_init_constant(double constant)
{
    return value(CONSTANT, -1, constant, 0, 0);
}

cn_initializer cn_init_identity_with(cn_init_gain_args args)
{
    return value(IDENTITY, args.seed, args.gain, 0, 0);
}

cn_initializer cn_init_random_normal_with(cn_init_normal_args args)
{
    return value(RANDOM_NORMAL, args.seed, args.mean, args.stddev, 0);
}

cn_initializer cn_init_truncated_normal_with(cn_init_normal_args args)
{
    return value(TRUNCATED_NORMAL, args.seed, args.mean, args.stddev, 0);
}

cn_initializer cn_init_random_uniform_with(cn_init_uniform_args args)
{
    return value(RANDOM_UNIFORM, args.seed, args.minval, args.maxval, 0);
}

cn_initializer cn_init_variance_scaling_with(cn_init_scaling_args args)
{
    if (!(args.scale > 0))
        cn_fail(CN_ARGUMENT, "initializer VarianceScaling: scale is %g; it must be above 0", args.scale);
    return value(VARIANCE_SCALING, args.seed, args.scale, args.mode, args.distribution);
}

cn_initializer cn_init_orthogonal_with(cn_init_gain_args args)
{
    return value(ORTHOGONAL, args.seed, args.gain, 0, 0);
}

#define SEEDED(name, class)                               \
    cn_initializer cn_init_##name(cn_init_seed_args args) \
    {                                                     \
        cn_initializer made = classes[class].value;       \
        made.seed = args.seed;                            \
        return made;                                      \
    }
SEEDED(glorot_uniform_with, GLOROT_UNIFORM)
SEEDED(glorot_normal_with, GLOROT_NORMAL)
SEEDED(he_uniform_with, HE_UNIFORM)
SEEDED(he_normal_with, HE_NORMAL)
SEEDED(lecun_uniform_with, LECUN_UNIFORM)
SEEDED(lecun_normal_with, LECUN_NORMAL)

cn_initializer cn_init_from(const char *name, cn_initializer_fill *fill)
{
    if (!name || !fill)
        cn_fail(CN_ARGUMENT, "init_from: needs a name and a function");
    return (cn_initializer){.name = name, .fill = fill, .seed = -1};
}
