#include "layers/einsum_dense.h"
#include "core/ops/arithmetic.h"
#include "core/ops/product.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include <ctype.h>
#include <limits.h>
#include <string.h>

typedef struct einsum_dense {
    cn_layer base;
    cn_einsum_dense_args args;
    cn_tensor *kernel, *bias;
} einsum_dense;

/* The letters of an equation's terms, and where "..." stands in the input and the output. */
typedef struct terms {
    char input[CN_NAME_BYTES], kernel[CN_NAME_BYTES], output[CN_NAME_BYTES];
    enum { NO_DOTS, DOTS_FIRST, DOTS_LAST } dots;
} terms;

/* Reads a term up to `end`, with "..." at its begin or end if dots is not NULL. */
static bool read_term(const char **at, char end, char *letters, int *dots)
{
    int count = 0;
    bool first = dots && strncmp(*at, "...", 3) == 0;
    *at += first ? 3 : 0;
    for (; isalpha((unsigned char)**at); ++*at) {
        if (strchr(letters, **at))
            return false;
        letters[count++] = **at;
    }
    bool last = dots && !first && strncmp(*at, "...", 3) == 0;
    *at += last ? 3 : 0;
    if (dots)
        *dots = first ? DOTS_FIRST : last ? DOTS_LAST : NO_DOTS;
    return count > 0 && **at == end;
}

static bool read_equation(const einsum_dense *e, terms *to)
{
    const char *at = e->args.equation;
    int input = NO_DOTS, output = NO_DOTS;
    *to = (terms){.dots = NO_DOTS};
    bool valid = read_term(&at, ',', to->input, &input) && *at++ && read_term(&at, '-', to->kernel, NULL) &&
                 at[1] == '>' && (at += 2) && read_term(&at, '\0', to->output, &output) && input == output;
    to->dots = input;
    return valid || cn_fail(CN_ARGUMENT,
                            "%s: the equation \"%s\" is not of the form \"ab,bc->ac\", \"...x,xy->...y\" or "
                            "\"ab...,bc->ac...\"",
                            e->base.name, e->args.equation);
}

static bool einsum_dense_init(cn_layer *layer)
{
    const einsum_dense *e = (einsum_dense *)layer;
    terms t;
    if (!read_equation(e, &t))
        return false;
    for (const char *c = t.output; *c; c++)
        if (!strchr(t.input, *c) && !strchr(t.kernel, *c))
            return cn_fail(CN_ARGUMENT, "%s: no operand of \"%s\" has %c", layer->name, e->args.equation, *c);
    for (const char *c = t.kernel; *c; c++)
        if (!strchr(t.input, *c) && !strchr(t.output, *c))
            return cn_fail(CN_ARGUMENT, "%s: neither input nor output of \"%s\" has the kernel's %c", layer->name,
                           e->args.equation, *c);
    for (const char *c = e->args.bias_axes; *c; c++)
        if (!strchr(t.output, *c))
            return cn_fail(CN_ARGUMENT, "%s: bias_axes: the output of \"%s\" has no %c", layer->name, e->args.equation,
                           *c);
    return true;
}

/* The sizes of letters: 0 for one that is not there, -1 for one that is open. */
typedef struct letter_sizes {
    int64_t of[UCHAR_MAX + 1];
} letter_sizes;

static bool find_sizes(const einsum_dense *e, const terms *t, const cn_shape *in, letter_sizes *size)
{
    const cn_shape *given = &e->args.output_shape;
    int inputs = (int)strlen(t->input), outputs = (int)strlen(t->output), more = in->rank - inputs;
    char text[CN_SHAPE_TEXT];
    *size = (letter_sizes){{0}};
    if (more < 0 || (more > 0 && t->dots == NO_DOTS))
        return cn_fail(CN_SHAPES, "%s: the equation \"%s\" does not fit an input of shape %s", e->base.name,
                       e->args.equation, cn_shape_text(*in, text, sizeof text));
    for (int i = 0; i < inputs; i++)
        size->of[(unsigned char)t->input[i]] = in->dim[i + (t->dots == DOTS_FIRST ? more : 0)];
    /* The batch is the first letter of the output, unless "..." stands for it. */
    int batch = t->dots == DOTS_FIRST && more > 0 ? 0 : 1;
    if (given->rank != outputs - batch)
        return cn_fail(CN_SHAPES, "%s: output_shape %s must have %d dimensions for \"%s\"", e->base.name,
                       cn_shape_text(*given, text, sizeof text), outputs - batch, e->args.equation);
    for (int i = batch; i < outputs; i++) {
        int64_t *known = &size->of[(unsigned char)t->output[i]], wanted = given->dim[i - batch];
        if (*known > 0 && wanted > 0 && *known != wanted)
            return cn_fail(CN_SHAPES, "%s: %c of \"%s\" is %lld in the input and %lld in output_shape", e->base.name,
                           t->output[i], e->args.equation, (long long)*known, (long long)wanted);
        if (*known <= 0)
            *known = wanted;
    }
    return true;
}

static bool einsum_dense_build(cn_layer *layer, const cn_shape *in)
{
    einsum_dense *e = (einsum_dense *)layer;
    const cn_einsum_dense_args *args = &e->args;
    terms t;
    letter_sizes size;
    if (!read_equation(e, &t) || !find_sizes(e, &t, in, &size))
        return false;
    cn_shape kernel = {.rank = 0}, bias = {.rank = 0}, fans = CN_SHAPE(1, 1, 1);
    for (const char *c = t.kernel; *c; c++) {
        int64_t dim = size.of[(unsigned char)*c];
        bool summed = strchr(t.input, *c), kept = strchr(t.output, *c);
        if (dim <= 0 || kernel.rank == CN_MAX_RANK)
            return cn_fail(CN_SHAPES, "%s: the kernel's %c of \"%s\" must be known", layer->name, *c, args->equation);
        kernel.dim[kernel.rank++] = dim;
        fans.dim[summed && kept ? 0 : summed ? 1 : 2] *= dim;
    }
    size_t first = strcspn(t.output, args->bias_axes);
    for (const char *c = t.output + first; *c; c++) {
        int64_t dim = strchr(args->bias_axes, *c) ? size.of[(unsigned char)*c] : 1;
        if (dim <= 0 || bias.rank == CN_MAX_RANK)
            return cn_fail(CN_SHAPES, "%s: the bias axis %c of \"%s\" must be known", layer->name, *c, args->equation);
        bias.dim[bias.rank++] = dim;
    }
    for (int more = in->rank - (int)strlen(t.input); t.dots == DOTS_LAST && more > 0; more--)
        bias.dim[bias.rank++] = 1;
    e->kernel = cn_add_weight(layer, "kernel", kernel, .initializer = args->kernel_initializer, .fans = fans,
                              .regularizer = args->kernel_regularizer, .constraint = args->kernel_constraint);
    if (args->bias_axes[0])
        e->bias = cn_add_weight(layer, "bias", bias, .initializer = cn_or_else(args->bias_initializer, cn_init_zeros()),
                                .regularizer = args->bias_regularizer, .constraint = args->bias_constraint);
    return !cn_failed();
}

static cn_tensor *einsum_dense_call(cn_layer *layer, cn_tensor *x)
{
    const einsum_dense *e = (einsum_dense *)layer;
    cn_tensor *y = cn_einsum(e->args.equation, x, e->kernel);
    return cn_activate(e->args.activation, e->bias ? cn_add(y, e->bias) : y);
}

static const cn_layer_class einsum_dense_class = {
    .name = "EinsumDense",
    .size = sizeof(einsum_dense),
    .init = einsum_dense_init,
    .build = einsum_dense_build,
    .call = einsum_dense_call,
    .min_rank = 1,
    .fields = {CN_ARGUMENT_FIELD(einsum_dense, STRING, equation), CN_ARGUMENT_FIELD(einsum_dense, INTS, output_shape),
               CN_ARGUMENT_FIELD(einsum_dense, ACTIVATION, activation),
               CN_ARGUMENT_FIELD(einsum_dense, STRING, bias_axes),
               CN_ARGUMENT_FIELD(einsum_dense, INITIALIZER, kernel_initializer),
               CN_ARGUMENT_FIELD(einsum_dense, INITIALIZER, bias_initializer),
               CN_ARGUMENT_FIELD(einsum_dense, REGULARIZER, kernel_regularizer),
               CN_ARGUMENT_FIELD(einsum_dense, REGULARIZER, bias_regularizer),
               CN_ARGUMENT_FIELD(einsum_dense, CONSTRAINT, kernel_constraint),
               CN_ARGUMENT_FIELD(einsum_dense, CONSTRAINT, bias_constraint)}};

cn_layer *cn_einsum_dense_with(cn_einsum_dense_args args)
{
    return cn_layer_like(&einsum_dense_class, &(einsum_dense){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_einsum_dense_classes[] = {&einsum_dense_class, NULL};
