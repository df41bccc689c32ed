#include "layers/regularizer.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include <math.h>

/* Regularizers */

static cn_tensor *scaled(cn_tensor *x, double by)
{
    return x && by != 1 ? cn_mul(x, cn_scalar(x, by)) : x;
}

static cn_tensor *penalty_l1(const cn_regularizer *self, cn_tensor *x)
{
    return scaled(cn_sum(cn_absolute(x)), self->option[0]);
}

static cn_tensor *penalty_l2(const cn_regularizer *self, cn_tensor *x)
{
    return scaled(cn_sum(cn_square(x)), self->option[0]);
}

static cn_tensor *penalty_l1_l2(const cn_regularizer *self, cn_tensor *x)
{
    return cn_add(scaled(cn_sum(cn_absolute(x)), self->option[0]), scaled(cn_sum(cn_square(x)), self->option[1]));
}

static cn_tensor *penalty_orthogonal(const cn_regularizer *self, cn_tensor *x)
{
    bool columns = self->option[1] == 1;
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    if (shape.rank != 2) {
        cn_fail(CN_SHAPES, "regularizer OrthogonalRegularizer: needs a matrix, got shape %s",
                cn_shape_text(shape, text, sizeof text));
        return NULL;
    }
    double n = (double)shape.dim[columns];
    cn_tensor *unit = cn_normalize(x, .axis = columns ? 0 : 1);
    cn_tensor *turned = cn_transpose(unit);
    cn_tensor *cosines = columns ? cn_matmul(turned, unit) : cn_matmul(unit, turned);
    cn_tensor *others =
        cn_sub(cn_ones_like(cosines), cn_eye(cn_tape_of(x), shape.dim[columns], .dtype = cn_dtype_of(x)));
    return scaled(cn_sum(cn_absolute(cn_mul(cosines, others))), self->option[0] * 0.5 / fmax(1, n * (n - 1) / 2));
}

static const char *const orthogonal_modes[] = {"rows", "columns", NULL};

typedef struct regularizer_class {
    cn_regularizer value;
    const char *alias;
    cn_option options[CN_MAX_OPTIONS];
} regularizer_class;
enum { L1, L2, L1_L2, ORTHOGONAL };
static const regularizer_class regularizers[] = {
    [L1] = {{"L1", penalty_l1, {0.01}}, NULL, {{"l1", NULL}}},
    [L2] = {{"L2", penalty_l2, {0.01}}, NULL, {{"l2", NULL}}},
    [L1_L2] = {{"L1L2", penalty_l1_l2, {0}}, NULL, {{"l1", NULL}, {"l2", NULL}}},
    [ORTHOGONAL] = {{"OrthogonalRegularizer", penalty_orthogonal, {0.01}},
                    "orthogonal",
                    {{"factor", NULL}, {"mode", orthogonal_modes}}},
};

static cn_regularizer regularizer(int class, double a, double b)
{
    cn_regularizer value = regularizers[class].value;
    value.option[0] = a;
    value.option[1] = b;
    if (!(a >= 0 && b >= 0 && isfinite(a + b)))
        cn_fail(CN_ARGUMENT, "regularizer %s: %g is not a factor from 0 up", value.name, a >= 0 && isfinite(a) ? b : a);
    return value;
}

cn_regularizer cn_l1(double l1)
{
    return regularizer(L1, l1, 0);
}

cn_regularizer cn_l2(double l2)
{
    return regularizer(L2, l2, 0);
}

cn_regularizer cn_l1_l2(double l1, double l2)
{
    return regularizer(L1_L2, l1, l2);
}

cn_regularizer cn_orthogonal_rows(double factor)
{
    return regularizer(ORTHOGONAL, factor, 0);
}

cn_regularizer cn_orthogonal_columns(double factor)
{
    return regularizer(ORTHOGONAL, factor, 1);
}

cn_regularizer cn_regularizer_from(const char *name, cn_tensor *(*penalty)(const cn_regularizer *self, cn_tensor *x))
{
    if (!name || !penalty)
        cn_fail(CN_ARGUMENT, "regularizer_from: needs a name and a function");
    return (cn_regularizer){.name = name, .penalty = penalty};
}

bool cn_regularizer_named(const char *name, cn_regularizer *found, const cn_option **options)
{
    for (size_t i = 0; i < sizeof regularizers / sizeof *regularizers; i++) {
        const regularizer_class *class = &regularizers[i];
        if (!cn_names_class(name, class->value.name) && !(class->alias && cn_names_class(name, class->alias)))
            continue;
        *found = class->value;
        if (options)
            *options = class->options;
        return true;
    }
    return false;
}

/* Constraints */

static const double epsilon = 1e-7;

static cn_tensor *norms(const cn_constraint *self, cn_tensor *w)
{
    cn_axes axes = self->axis.count > 0 ? self->axis : CN_AXES(0);
    return cn_sqrt(cn_sum(cn_square(w), .axes = axes, .keepdims = true));
}

/* w with norms n becoming `wanted`. */
static cn_tensor *with_norms(cn_tensor *w, cn_tensor *n, cn_tensor *wanted)
{
    return cn_mul(w, cn_div(wanted, cn_add(n, cn_scalar(n, epsilon))));
}

static cn_tensor *project_max_norm(const cn_constraint *self, cn_tensor *w)
{
    cn_tensor *n = norms(self, w);
    return with_norms(w, n, cn_clip(n, 0, self->option[0]));
}

static cn_tensor *project_unit_norm(const cn_constraint *self, cn_tensor *w)
{
    cn_tensor *n = norms(self, w);
    return n ? cn_div(w, cn_add(n, cn_scalar(n, epsilon))) : NULL;
}

static cn_tensor *project_min_max_norm(const cn_constraint *self, cn_tensor *w)
{
    cn_tensor *n = norms(self, w);
    double rate = self->option[2];
    cn_tensor *clipped = cn_clip(n, self->option[0], self->option[1]);
    return with_norms(w, n, rate == 1 ? clipped : cn_add(scaled(clipped, rate), scaled(n, 1 - rate)));
}

static cn_tensor *project_non_neg(const cn_constraint *self, cn_tensor *w)
{
    (void)self;
    return cn_clip(w, 0, INFINITY);
}

typedef struct constraint_class {
    cn_constraint value;
    cn_option options[CN_MAX_OPTIONS];
} constraint_class;
enum { MAX_NORM, UNIT_NORM, MIN_MAX_NORM, NON_NEG };
static const constraint_class constraints[] = {
    [MAX_NORM] = {{"MaxNorm", project_max_norm, {2}, {0}}, {{"max_value", NULL}}},
    [UNIT_NORM] = {{"UnitNorm", project_unit_norm, {0}, {0}}, {{0}}},
    [MIN_MAX_NORM] = {{"MinMaxNorm", project_min_max_norm, {0, 1, 1}, {0}},
                      {{"min_value", NULL}, {"max_value", NULL}, {"rate", NULL}}},
    [NON_NEG] = {{"NonNeg", project_non_neg, {0}, {0}}, {{0}}},
};

static cn_constraint constraint(int class, cn_axes axis, double a, double b, double c)
{
    cn_constraint value = constraints[class].value;
    value.axis = axis;
    value.option[0] = a;
    value.option[1] = b;
    value.option[2] = c;
    return value;
}

cn_constraint cn_max_norm_with(cn_norm_constraint_args args)
{
    return constraint(MAX_NORM, args.axis, args.max_value, 0, 0);
}

cn_constraint cn_unit_norm_with(cn_norm_constraint_args args)
{
    return constraint(UNIT_NORM, args.axis, 0, 0, 0);
}

cn_constraint cn_min_max_norm_with(cn_norm_constraint_args args)
{
    return constraint(MIN_MAX_NORM, args.axis, args.min_value, args.max_value, args.rate);
}

cn_constraint cn_non_neg(void)
{
    return constraints[NON_NEG].value;
}

cn_constraint cn_constraint_from(const char *name, cn_tensor *(*project)(const cn_constraint *self, cn_tensor *w))
{
    if (!name || !project)
        cn_fail(CN_ARGUMENT, "constraint_from: needs a name and a function");
    return (cn_constraint){.name = name, .project = project};
}

bool cn_constraint_named(const char *name, cn_constraint *found, const cn_option **options)
{
    for (size_t i = 0; i < sizeof constraints / sizeof *constraints; i++) {
        if (!cn_names_class(name, constraints[i].value.name))
            continue;
        *found = constraints[i].value;
        if (options)
            *options = constraints[i].options;
        return true;
    }
    return false;
}
