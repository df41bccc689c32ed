#include "core/gradcheck.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"
#include "core/random_numbers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The tensors that are differentiated lie one after another in arrays of all their elements. */
typedef struct checker {
    const cn_gradient_check_args *args;
    cn_gradient_report *report;
    int count; /* of tensors: inputs, then variables */
    int64_t total;
    cn_shape *shape;
    int64_t *offset;
    cn_tensor **target;   /* room for the tensors on a tape, and for their gradients */
    double *point, *kept; /* where the function is evaluated; the values of the variables before */
    double *direction;    /* what gradients are multiplied with before they are differentiated again */
    bool is_kink, second_order_tape;
} checker;

/* What one evaluation gives: the loss and the sum of direction * gradient. */
enum { LOSS, SLOPE, VALUES };

static double uniform(const checker *c, uint32_t call, uint32_t step, int64_t i)
{
    uint32_t word[4];
    cn_philox(c->args->seed, 0, call, step, (uint64_t)i, word);
    return cn_uniform_f64(word[0], word[1]);
}

enum { DRAW_POINT, DRAW_DIRECTION, DRAW_WEIGHTS };

static void draw_point(checker *c, int draw)
{
    for (int t = 0; t < c->count; t++)
        for (int64_t i = c->offset[t]; i < c->offset[t + 1]; i++) {
            double u = uniform(c, DRAW_POINT, (uint32_t)draw, i);
            if (t >= c->args->input_count) {
                c->point[i] = draw ? c->kept[i] + 0.2 * (u - 0.5) : c->kept[i];
                continue;
            }
            const cn_interval *given = &c->args->intervals[t];
            bool is_given = given->low != 0 || given->high != 0;
            double low = is_given ? given->low : -1, high = is_given ? given->high : 1;
            c->point[i] = low + (high - low) * u;
        }
}

static cn_view values_at(const checker *c, double *values, int t)
{
    return cn_array_with(values + c->offset[t], CN_ARRAY_F64, true, c->shape[t]);
}

static cn_tensor *weighted_sum(const checker *c, cn_tensor *y)
{
    if (!y)
        return NULL;
    if (!y->tape || y->dtype != CN_F64) {
        cn_fail(CN_TYPE, "gradient_check: the function must give a float64 tensor on its tape");
        return NULL;
    }
    int64_t count = cn_shape_size(y->shape);
    double *weight = cn_allocate((size_t)count + 1, sizeof *weight);
    if (!weight)
        return NULL;
    for (int64_t i = 0; i < count; i++)
        weight[i] = 0.5 + uniform(c, DRAW_WEIGHTS, 0, i);
    cn_tensor *weights = cn_constant_as(y->tape, cn_array_with(weight, CN_ARRAY_F64, false, y->shape), CN_F64);
    cn_release(weight);
    return cn_sum(cn_mul(y, weights));
}

/* The sum of direction * gradient over all tensors. */
static cn_tensor *slope_along(checker *c, cn_tape *tape, cn_tensor *const *gradient)
{
    cn_tensor *sum = NULL;
    for (int t = 0; t < c->count; t++) {
        cn_tensor *direction = cn_constant_as(tape, values_at(c, c->direction, t), CN_F64);
        cn_tensor *part = cn_sum(cn_mul(gradient[t], direction));
        sum = sum ? cn_add(sum, part) : part;
    }
    return sum;
}

static bool copy_out(const checker *c, cn_tensor *const *gradient, double *out)
{
    for (int t = 0; t < c->count; t++)
        if (!cn_values(gradient[t], values_at(c, out, t)))
            return false;
    return true;
}

static bool evaluate_on(checker *c, cn_tape *tape, double values[VALUES], double *first, double *second)
{
    cn_tensor **target = c->target, **gradient = target + c->count, **again = gradient + c->count;
    int inputs = c->args->input_count;
    for (int t = 0; t < c->count; t++) {
        cn_view view = values_at(c, c->point, t);
        target[t] = t < inputs ? cn_constant_as(tape, view, CN_F64) : c->args->variables[t - inputs];
        if (!target[t] || (t >= inputs && !cn_variable_set(target[t], view)))
            return false;
    }
    cn_tensor *loss = weighted_sum(c, c->args->function(tape, target, c->args->context));
    if (!loss)
        return cn_fail(CN_ARGUMENT, "gradient_check: the function gave NULL");
    values[LOSS] = cn_item(loss);
    if (first || c->second_order_tape) {
        if (!cn_gradients(loss, target, c->count, gradient) || (first && !copy_out(c, gradient, first)))
            return false;
    }
    if (c->second_order_tape) {
        cn_tensor *slope = slope_along(c, tape, gradient);
        values[SLOPE] = cn_item(slope);
        if (second && (!cn_gradients(slope, target, c->count, again) || !copy_out(c, again, second)))
            return false;
    }
    return !cn_failed();
}

/* The loss and, on a tape for it, the slope at the point; with arrays for them also their gradients. */
static bool evaluate(checker *c, double values[VALUES], double *first, double *second)
{
    cn_tape *tape = cn_tape_new(.second_order = c->second_order_tape, .training = c->args->training);
    if (!tape)
        return false;
    tape->step_value = 0;
    bool done = evaluate_on(c, tape, values, first, second);
    cn_tape_free(tape);
    return done;
}

/* Derivatives of the values by element i: by four points around it, and whether it shows there that a kink is near:
 * differences of a smooth function agree to the third order of the step. */
static bool differences(checker *c, int64_t i, double step, const double at[VALUES], double numeric[VALUES],
                        bool is_kink[VALUES])
{
    static const int places[] = {-2, -1, 1, 2};
    double around[4][VALUES] = {{0}}, x = c->point[i];
    bool done = true;
    for (int p = 0; p < 4 && done; p++) {
        c->point[i] = x + places[p] * step;
        done = evaluate(c, around[p], NULL, NULL);
    }
    c->point[i] = x;
    for (int v = 0; v < VALUES && done; v++) {
        double near = (around[2][v] - around[1][v]) / (2 * step), far = (around[3][v] - around[0][v]) / (4 * step);
        double near_bend = around[2][v] - 2 * at[v] + around[1][v], far_bend = around[3][v] - 2 * at[v] + around[0][v];
        numeric[v] = (4 * near - far) / 3;
        is_kink[v] = fabs(near - far) + fabs(far_bend - 4 * near_bend) / step > 1e-5 * fmax(fabs(near), fabs(far));
    }
    return done;
}

/* Takes notice of a pair of derivatives; true if they agree. */
static bool judge(checker *c, int order, int tensor, int64_t element, double analytic, double numeric, double error)
{
    cn_gradient_report *r = c->report;
    double tolerance = order == 1 ? c->args->tolerance : c->args->second_tolerance;
    double *largest = order == 1 ? &r->first_error : &r->second_error;
    double worst = r->error / (r->order == 2 ? c->args->second_tolerance : c->args->tolerance);
    if (!(error <= *largest))
        *largest = error;
    if (r->order == 0 || !(error / tolerance <= worst)) {
        r->order = order;
        r->tensor = tensor;
        r->element = element;
        r->analytic = analytic;
        r->numeric = numeric;
        r->error = error;
    }
    return error <= tolerance;
}

static double mean_size(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += fabs(values[i]);
    return count ? sum / (double)count : 0;
}

/* Compares the derivatives by one element with differences of two widths. */
static bool check_element(checker *c, int t, int64_t i, const double at[VALUES], double *const analytic[VALUES],
                          bool *agrees)
{
    int orders = c->second_order_tape ? 2 : 1;
    double best[VALUES] = {INFINITY, INFINITY}, best_numeric[VALUES] = {0};
    bool is_kink[VALUES] = {false}, is_good = false;
    for (int width = 0; width < 2 && !is_good; width++) {
        double numeric[VALUES] = {0};
        if (!differences(c, i, width ? c->args->step / 8 : c->args->step, at, numeric, is_kink))
            return false;
        is_good = true;
        for (int v = 0; v < orders; v++) {
            double floor =
                fmax(mean_size(analytic[v] + c->offset[t], c->offset[t + 1] - c->offset[t]), 1e-3 * (1 + fabs(at[v])));
            double scale = fmax(fmax(fabs(numeric[v]), fabs(analytic[v][i])), floor);
            double error = fabs(analytic[v][i] - numeric[v]) / scale;
            if (width == 0 || error < best[v]) {
                best[v] = error;
                best_numeric[v] = numeric[v];
            }
            is_good = is_good && best[v] <= (v == LOSS ? c->args->tolerance : c->args->second_tolerance);
        }
    }
    for (int v = 0; v < orders; v++)
        if (!judge(c, v + 1, t, i - c->offset[t], analytic[v][i], best_numeric[v], best[v])) {
            *agrees = false;
            c->is_kink = c->is_kink || is_kink[v];
        }
    return true;
}

/* Compares all derivatives at the point, as far as there is no kink. */
static bool check_point(checker *c, double *first, double *second, bool *agrees)
{
    double at[VALUES] = {0}, *analytic[VALUES] = {first, second};
    if (!evaluate(c, at, first, c->second_order_tape ? second : NULL))
        return false;
    for (int t = 0; t < c->count; t++)
        for (int64_t i = c->offset[t]; i < c->offset[t + 1] && !c->is_kink; i++)
            if (!check_element(c, t, i, at, analytic, agrees))
                return false;
    return true;
}

static bool check(checker *c, double *first, double *second)
{
    cn_gradient_report *r = c->report;
    for (int64_t i = 0; i < c->total; i++)
        c->direction[i] = 0.5 + uniform(c, DRAW_DIRECTION, 0, i);
    bool agrees = false;
    c->is_kink = true;
    for (int draw = 0; draw < c->args->draws && c->is_kink; draw++) {
        *r = (cn_gradient_report){.draws = draw + 1};
        c->is_kink = false;
        agrees = true;
        draw_point(c, draw);
        for (int order = 1; order <= c->args->order && !c->is_kink; order++) {
            c->second_order_tape = order == 2;
            if (!check_point(c, first, second, &agrees))
                return false;
        }
    }
    r->passed = agrees;
    return true;
}

static void place_in_text(const checker *c, char *text, size_t size)
{
    const cn_gradient_report *r = c->report;
    int inputs = c->args->input_count;
    cn_shape place = c->shape[r->tensor];
    int64_t rest = r->element;
    for (int d = place.rank - 1; d >= 0; d--) {
        int64_t dim = place.dim[d];
        place.dim[d] = rest % dim;
        rest /= dim;
    }
    char indices[CN_SHAPE_TEXT];
    cn_shape_text(place, indices, sizeof indices);
    if (r->tensor < inputs)
        snprintf(text, size, "input %d%s", r->tensor, indices);
    else
        snprintf(text, size, "%.60s%s", cn_name_of(c->args->variables[r->tensor - inputs]), indices);
}

static void write_text(const checker *c)
{
    cn_gradient_report *r = c->report;
    char place[CN_SHAPE_TEXT + 64] = "nothing";
    if (r->order)
        place_in_text(c, place, sizeof place);
    snprintf(r->text, sizeof r->text,
             "gradient_check: %s derivative by %s is %.9g, by differences %.9g: error %.2g, %s %g%s",
             r->order == 2 ? "second" : "first", place, r->analytic, r->numeric, r->error,
             r->passed ? "within" : "above", r->order == 2 ? c->args->second_tolerance : c->args->tolerance,
             c->is_kink ? "; a kink was near each point that was tried" : "");
}

static bool check_arguments(const cn_gradient_check_args *args)
{
    char text[CN_SHAPE_TEXT];
    if (!args->function || args->input_count < 0 || args->input_count > CN_MAX_CHECKED_INPUTS ||
        args->variable_count < 0 || args->input_count + args->variable_count == 0 || args->draws < 1 ||
        args->order < 1 || args->order > 2 || !(args->step > 0))
        return cn_fail(CN_ARGUMENT, "gradient_check: needs a function, something to differentiate by, order 1 or 2, a "
                                    "step above 0 and a draw at least");
    for (int i = 0; i < args->input_count; i++)
        if (cn_shape_size(args->inputs[i]) < 0)
            return cn_fail(CN_SHAPES, "gradient_check: %s is not a shape",
                           cn_shape_text(args->inputs[i], text, sizeof text));
    for (int i = 0; i < args->variable_count; i++)
        if (!args->variables[i] || args->variables[i]->tape || args->variables[i]->dtype != CN_F64)
            return cn_fail(CN_TYPE, "gradient_check: variable %d is not a float64 variable", i);
    return true;
}

/* Lays out all elements and runs the check; variables get their values back. */
static bool check_all(checker *c)
{
    int inputs = c->args->input_count;
    for (int t = 0; t < c->count; t++) {
        c->shape[t] = t < inputs ? c->args->inputs[t] : c->args->variables[t - inputs]->shape;
        c->offset[t + 1] = c->offset[t] + cn_shape_size(c->shape[t]);
    }
    c->total = c->offset[c->count];
    enum { ARRAYS = 5 };
    double *values = cn_allocate((size_t)c->total + 1, ARRAYS * sizeof *values);
    if (!values)
        return false;
    c->point = values;
    c->kept = values + c->total;
    c->direction = values + 2 * c->total;
    bool done = true;
    for (int t = inputs; t < c->count && done; t++)
        done = cn_values(c->args->variables[t - inputs], values_at(c, c->kept, t));
    if (done) {
        done = check(c, values + 3 * c->total, values + 4 * c->total);
        /* Also after an error, when cn_variable_set does nothing. */
        for (int t = inputs; t < c->count; t++) {
            cn_variable *variable = c->args->variables[t - inputs]->variable;
            memcpy(variable->storage, c->kept + c->offset[t],
                   (size_t)(c->offset[t + 1] - c->offset[t]) * sizeof *values);
            variable->version++;
        }
    }
    cn_release(values);
    return done;
}

bool cn_gradient_check_with(cn_gradient_report *report, cn_gradient_check_args args)
{
    cn_gradient_report own;
    checker c = {.args = &args, .report = report ? report : &own, .count = args.input_count + args.variable_count};
    *c.report = (cn_gradient_report){.passed = false};
    if (cn_failed() || !check_arguments(&args))
        return false;
    cn_dtype dtype = cn_default_dtype();
    cn_set_default_dtype(CN_F64);
    size_t count = (size_t)c.count;
    c.shape = cn_allocate(count, sizeof *c.shape);
    c.offset = cn_allocate(count + 1, sizeof *c.offset);
    c.target = cn_allocate(3 * count, sizeof *c.target);
    bool done = c.shape && c.offset && c.target && check_all(&c);
    if (done)
        write_text(&c);
    else
        snprintf(c.report->text, sizeof c.report->text, "%s", cn_error_message());
    cn_release(c.shape);
    cn_release(c.offset);
    cn_release(c.target);
    cn_set_default_dtype(dtype);
    return done && (c.report->passed || cn_fail(CN_GRADIENT, "%s", c.report->text));
}
