#include "core/array_text.h"
#include "core/arena.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* numpy.get_printoptions() */
enum { PRECISION = 8, THRESHOLD = 1000, EDGE_ITEMS = 3, LINE_WIDTH = 75 };

/* Digits d0 d1 ... of the number d0.d1... * 10^exponent. */
typedef struct decimal {
    bool negative;
    int count, exponent;
    char digits[24];
} decimal;

enum { MOST_DIGITS = 17 }; /* that a double needs */

static decimal rounded_to(double magnitude, int count)
{
    char text[48];
    snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
    decimal d = {.count = 0};
    const char *rest = text;
    for (; *rest != 'e'; rest++) /* the character after the first digit depends on the locale */
        if (*rest >= '0' && *rest <= '9')
            d.digits[d.count++] = *rest;
    d.exponent = (int)strtol(rest + 1, NULL, 10);
    return d;
}

static bool reads_back(const decimal *d, double magnitude, cn_dtype dtype)
{
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", d->count, d->digits, d->exponent - d->count + 1);
    return dtype == CN_F32 ? strtof(text, NULL) == (float)magnitude : strtod(text, NULL) == magnitude;
}

/* The next larger number of as many digits. */
static decimal next_larger(decimal d)
{
    int i = d.count - 1;
    while (i >= 0 && d.digits[i] == '9')
        d.digits[i--] = '0';
    if (i >= 0) {
        d.digits[i]++;
    } else {
        d.digits[0] = '1';
        d.exponent++;
    }
    return d;
}

/* The shortest digits that name no other number of the type; of several, those nearest to the value. */
static decimal shortest(double magnitude, cn_dtype dtype)
{
    /* Above a power of two numbers are twice as far apart as below it: there the nearest digits may name the lower
     * neighbour while the next larger ones name the value. */
    int binary_exponent;
    bool power_of_two = frexp(magnitude, &binary_exponent) == 0.5;
    for (int count = 1;; count++) {
        decimal d = rounded_to(magnitude, count);
        if (count == MOST_DIGITS || reads_back(&d, magnitude, dtype))
            return d;
        decimal above = next_larger(d);
        if (power_of_two && reads_back(&above, magnitude, dtype))
            return above;
    }
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* An element's digits: the shortest ones, but at least `least` and those before the decimal point of a positional
 * number (beyond the shortest come the digits of the exact value), and at most PRECISION after the point. */
static decimal decimal_of(double value, cn_dtype dtype, bool scientific, int least)
{
    double magnitude = fabs(value);
    decimal d = shortest(magnitude, dtype);
    int before_point = scientific ? 1 : d.exponent + 1, most = before_point + PRECISION;
    least = larger(least, before_point);
    if (d.count > most || d.count < least)
        d = rounded_to(magnitude, d.count > most ? most : least);
    while (d.count > 1 && d.digits[d.count - 1] == '0')
        d.count--;
    d.negative = signbit(value);
    return d;
}

static int characters_before_point(const decimal *d)
{
    return d->negative + larger(d->exponent, 0) + 1;
}

static int digits_after_point(const decimal *d)
{
    return larger(d->count - 1 - d->exponent, 0);
}

static int digits_of_exponent(const decimal *d)
{
    return abs(d->exponent) < 100 ? 2 : 3;
}

/* Adds the digits from 10^high down to 10^low. */
static void add_digits(cn_text *text, const decimal *d, int high, int low)
{
    for (int power = high; power >= low; power--) {
        int i = d->exponent - power;
        cn_text_fill(text, i >= 0 && i < d->count ? d->digits[i] : '0', 1);
    }
}

static void add_positional(cn_text *text, const decimal *d)
{
    cn_text_add(text, d->negative ? "-" : "");
    add_digits(text, d, larger(d->exponent, 0), 0);
    cn_text_add(text, ".");
    add_digits(text, d, -1, -digits_after_point(d));
}

static void add_scientific(cn_text *text, const decimal *d, const char *point, int digits, int exponent_digits)
{
    cn_text_add(text, d->negative ? "-" : "");
    add_digits(text, d, d->exponent, d->exponent);
    cn_text_add(text, point);
    add_digits(text, d, d->exponent - 1, d->exponent - digits);
    cn_text_format(text, "e%c%0*d", d->exponent < 0 ? '-' : '+', exponent_digits, abs(d->exponent));
}

static const char *not_finite(double value)
{
    return isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

/* str() of a NumPy scalar, which differs from an array's element. */
static void add_scalar(cn_text *text, double value, cn_dtype dtype)
{
    double magnitude = fabs(value);
    if (dtype == CN_I32) {
        cn_text_format(text, "%d", (int)value);
    } else if (!isfinite(value)) {
        cn_text_add(text, not_finite(value));
    } else {
        decimal d = shortest(magnitude, dtype);
        d.negative = signbit(value);
        if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
            add_positional(text, &d);
            if (digits_after_point(&d) == 0)
                cn_text_add(text, "0");
        } else {
            add_scientific(text, &d, d.count > 1 ? "." : "", d.count - 1, digits_of_exponent(&d));
        }
    }
}

/* The elements that are printed, in order, and the columns they share. */
typedef struct elements {
    cn_dtype dtype;
    bool summarized; /* of axes longer than 2 EDGE_ITEMS only the ends are printed */
    double *value;
    int64_t count;
    bool scientific;
    int left, right; /* characters before and after the decimal point; integers have only the left ones */
    int exponent_digits;
} elements;

static double element(const void *data, cn_dtype dtype, int64_t i)
{
    return dtype == CN_F32   ? ((const float *)data)[i]
           : dtype == CN_F64 ? ((const double *)data)[i]
                             : ((const int32_t *)data)[i];
}

static bool cut_short(const elements *e, int64_t length)
{
    return e->summarized && length > 2 * EDGE_ITEMS;
}

static void collect(elements *e, const void *data, const cn_shape *shape, const int64_t *strides, int axis,
                    int64_t offset)
{
    if (axis == shape->rank) {
        e->value[e->count++] = element(data, e->dtype, offset);
        return;
    }
    int64_t length = shape->dim[axis];
    for (int64_t i = 0; i < length; i++) {
        if (i == EDGE_ITEMS && cut_short(e, length))
            i = length - EDGE_ITEMS;
        collect(e, data, shape, strides, axis + 1, offset + i * strides[axis]);
    }
}

static void measure_integers(elements *e)
{
    for (int64_t i = 0; i < e->count; i++)
        e->left = larger(e->left, snprintf(NULL, 0, "%d", (int)e->value[i]));
}

static bool wants_exponents(const elements *e)
{
    double smallest = INFINITY, largest = 0;
    for (int64_t i = 0; i < e->count; i++) {
        double magnitude = fabs(e->value[i]);
        if (isfinite(magnitude) && magnitude != 0) {
            smallest = fmin(smallest, magnitude);
            largest = fmax(largest, magnitude);
        }
    }
    if (largest == 0)
        return false;
    double ratio = e->dtype == CN_F32 ? (float)largest / (float)smallest : largest / smallest;
    return largest >= 1e8 || smallest < 1e-4 || ratio > 1000;
}

static void measure_floats(elements *e)
{
    e->scientific = wants_exponents(e);
    bool any_not_finite = false, any_negative_infinity = false;
    for (int64_t i = 0; i < e->count; i++) {
        double value = e->value[i];
        if (!isfinite(value)) {
            any_not_finite = true;
            any_negative_infinity |= isinf(value) && value < 0;
            continue;
        }
        decimal d = decimal_of(value, e->dtype, e->scientific, 1);
        e->left = larger(e->left, e->scientific ? d.negative + 1 : characters_before_point(&d));
        e->right = larger(e->right, e->scientific ? d.count - 1 : digits_after_point(&d));
        e->exponent_digits = larger(e->exponent_digits, digits_of_exponent(&d));
    }
    if (e->scientific)
        e->right += 2 + e->exponent_digits; /* e+00 */
    if (any_not_finite)
        e->left = larger(e->left, 3 + any_negative_infinity - (e->right + 1));
}

static int width(const elements *e)
{
    return e->dtype == CN_I32 ? e->left : e->left + 1 + e->right;
}

static void add_element(cn_text *text, const elements *e, double value)
{
    if (e->dtype == CN_I32) {
        cn_text_format(text, "%*d", e->left, (int)value);
    } else if (!isfinite(value)) {
        cn_text_format(text, "%*s", width(e), not_finite(value));
    } else {
        int digits = e->scientific ? e->right - 2 - e->exponent_digits : 0; /* after the point */
        decimal d = decimal_of(value, e->dtype, e->scientific, digits + 1);
        if (e->scientific) {
            cn_text_fill(text, ' ', e->left - d.negative - 1);
            add_scientific(text, &d, ".", digits, e->exponent_digits);
        } else {
            cn_text_fill(text, ' ', e->left - characters_before_point(&d));
            add_positional(text, &d);
            cn_text_fill(text, ' ', e->right - digits_after_point(&d));
        }
    }
}

typedef struct page {
    cn_text *text;
    const elements *elements;
    const cn_shape *shape;
    const char *comma; /* "," for repr */
    int64_t next;      /* element */
    int line_width;
} page;

static void break_line(page *p, int lines, int indent)
{
    cn_text_fill(p->text, '\n', lines);
    cn_text_fill(p->text, ' ', indent);
}

/* Adds one row of elements: the text of the line stands at column `indent`, and `column` counts from there. */
static void add_row(page *p, int64_t length, int indent, int line_width)
{
    const elements *e = p->elements;
    bool cut = cut_short(e, length);
    int column = indent;
    for (int64_t i = 0; i < length; i++) {
        bool gap = cut && i == EDGE_ITEMS;
        int wanted = gap ? 3 : width(e);
        /* A line that holds nothing yet is not broken: that would not help. */
        if (column > indent && column + wanted > line_width) {
            while (p->text->size && p->text->data[p->text->size - 1] == ' ')
                p->text->data[--p->text->size] = '\0';
            break_line(p, 1, indent);
            column = indent;
        }
        if (gap) {
            cn_text_add(p->text, "...");
            i = length - EDGE_ITEMS - 1;
        } else {
            add_element(p->text, e, e->value[p->next++]);
        }
        column += wanted;
        if (i < length - 1) {
            cn_text_add(p->text, p->comma);
            cn_text_add(p->text, " ");
            column += (int)strlen(p->comma) + 1;
        }
    }
}

/* Adds the part of the array below `axis`; its bracket stands in column indent - 1. */
static void add_axis(page *p, int axis, int indent, int line_width)
{
    int axes_left = p->shape->rank - axis;
    int64_t length = p->shape->dim[axis];
    cn_text_add(p->text, "[");
    if (axes_left == 1) {
        add_row(p, length, indent, line_width - 1);
    } else {
        bool cut = cut_short(p->elements, length);
        for (int64_t i = 0; i < length; i++) {
            if (i > 0) {
                cn_text_add(p->text, p->comma);
                break_line(p, axes_left - 1, indent);
            }
            if (cut && i == EDGE_ITEMS) {
                cn_text_add(p->text, "...");
                i = length - EDGE_ITEMS - 1;
            } else {
                add_axis(p, axis + 1, indent + 1, line_width - 1);
            }
        }
    }
    cn_text_add(p->text, "]");
}

/* Adds the elements with their brackets; everything stands `prefix` columns to the right. */
static bool add_elements(cn_text *text, const void *data, cn_dtype dtype, cn_shape shape, const int64_t *strides,
                         bool repr, int prefix)
{
    elements e = {.dtype = dtype, .summarized = cn_shape_size(shape) > THRESHOLD};
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++)
        count *= cut_short(&e, shape.dim[i]) ? 2 * EDGE_ITEMS : shape.dim[i];
    e.value = cn_allocate((size_t)count, sizeof *e.value);
    if (!e.value)
        return false;
    collect(&e, data, &shape, strides, 0, 0);
    (dtype == CN_I32 ? measure_integers : measure_floats)(&e);
    if (shape.rank == 0) {
        add_element(text, &e, e.value[0]);
    } else {
        page p = {.text = text, .elements = &e, .shape = &shape, .comma = repr ? "," : ""};
        /* repr leaves room for what follows the last bracket. */
        add_axis(&p, 0, prefix + 1, repr ? LINE_WIDTH - 1 : LINE_WIDTH);
    }
    cn_release(e.value);
    return true;
}

bool cn_array_text(cn_text *text, const void *data, cn_dtype dtype, cn_shape shape, const int64_t *strides,
                   const char *repr)
{
    static const char prefix[] = "array(";
    char shape_text[CN_SHAPE_TEXT];
    int64_t size = cn_shape_size(shape);
    if (size < 0)
        return cn_fail(CN_SHAPES, "print: an array cannot have the shape %s",
                       cn_shape_text(shape, shape_text, sizeof shape_text));
    if (shape.rank == 0 && !repr) {
        add_scalar(text, element(data, dtype, 0), dtype);
        return !text->failed;
    }
    cn_text_add(text, repr ? prefix : "");
    size_t line = text->size - (repr ? strlen(prefix) : 0);
    if (size > 0) {
        if (!add_elements(text, data, dtype, shape, strides, repr != NULL, repr ? (int)strlen(prefix) : 0))
            return false;
    } else {
        cn_text_add(text, "[]");
        if (repr && shape.rank > 1)
            cn_text_format(text, ", shape=%s", cn_shape_text(shape, shape_text, sizeof shape_text));
    }
    bool usual = repr && size > 0 && (strcmp(repr, "float64") == 0 || strcmp(repr, "int64") == 0);
    if (usual) {
        cn_text_add(text, ")");
    } else if (repr && !text->failed) {
        cn_text_add(text, ",");
        char type[24];
        int type_length = snprintf(type, sizeof type, "dtype=%s)", repr);
        for (size_t i = line; i < text->size; i++)
            if (text->data[i] == '\n')
                line = i + 1;
        bool fits = (int64_t)(text->size - line) + 1 + type_length <= LINE_WIDTH;
        cn_text_add(text, fits ? " " : "\n      ");
        cn_text_add(text, type);
    }
    return !text->failed;
}
