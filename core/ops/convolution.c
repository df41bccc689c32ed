/* Keras' convolutions are written with three operations, each the gradients of the other two: a convolution whose
 * geometry is worked out, and what gives its input and its kernel back. */
#include "core/ops/convolution.h"
#include "core/chain.h"
#include "core/convolution.h"
#include "core/ops/shaping.h"
#include "core/ops/sizes.h"
#include <string.h>

/* The three operations */

/* Attributes of all three, so that each records the others with its own: `space` axes are in use, the last ones. */
typedef struct geometry {
    int space;
    cn_convolution convolution;
} geometry;

enum { X, KERNEL, Y };

static cn_shape shape_of(const geometry *g, int which)
{
    const cn_convolution *c = &g->convolution;
    const int64_t *size = which == X ? c->in : which == KERNEL ? c->kernel : c->out;
    cn_shape shape = {.rank = 0};
    if (which != KERNEL)
        shape.dim[shape.rank++] = c->batch;
    for (int d = CN_SPACE - g->space; d < CN_SPACE; d++)
        shape.dim[shape.rank++] = size[d];
    if (which == KERNEL)
        shape.dim[shape.rank++] = c->channels / c->groups;
    shape.dim[shape.rank++] = which == X ? c->channels : c->filters;
    return shape;
}

static bool infer(const cn_entry *entry, int a, int b, int result, cn_type *output)
{
    const geometry *g = entry->attributes;
    if (!cn_shape_equal(entry->input[0]->shape, shape_of(g, a)) ||
        !cn_shape_equal(entry->input[1]->shape, shape_of(g, b)))
        return cn_entry_fail(entry, CN_SHAPES, "its inputs are not those of its convolution");
    *output = (cn_type){g->convolution.dtype, shape_of(g, result)};
    return true;
}

static bool convolution_infer(const cn_entry *entry, cn_type *output)
{
    return infer(entry, X, KERNEL, Y, output);
}

static bool input_infer(const cn_entry *entry, cn_type *output)
{
    return infer(entry, Y, KERNEL, X, output);
}

static bool kernel_infer(const cn_entry *entry, cn_type *output)
{
    return infer(entry, X, Y, KERNEL, output);
}

typedef struct prepared_convolution {
    cn_epilogue epilogue;
    cn_convolution_pass pass;
    bool has_workspace, packs;
    cn_convolution convolution;
} prepared_convolution;

typedef struct finished_rows {
    const cn_chain *chain;
    void *const *pointer;
} finished_rows;

static void finish_block(void *context, void *c, int64_t ldc, int64_t batch, int64_t row, int64_t rows, int64_t column,
                         int64_t columns)
{
    const finished_rows *finished = context;
    (void)c, (void)ldc, (void)batch;
    cn_run_chain_block(finished->chain, finished->pointer, row, rows, column, columns);
}

static bool run_convolution(void *const *pointer, const void *prepared)
{
    const prepared_convolution *p = prepared;
    finished_rows finished = {.chain = NULL};
    if (p->epilogue.chain) {
        finished.chain = (const cn_chain *)(const void *)((const char *)prepared + p->epilogue.chain);
        finished.pointer = pointer + p->epilogue.pointer;
    }
    const void *b = p->packs ? pointer[3 + p->has_workspace] : pointer[2];
    cn_convolution_run(&p->convolution, p->pass, pointer[1], b, pointer[0], p->has_workspace ? pointer[3] : NULL,
                       finished.chain ? finish_block : NULL, &finished);
    return true;
}

static bool pack_kernel(void *const *pointer, const void *prepared)
{
    const prepared_convolution *p = prepared;
    cn_convolution_pack(&p->convolution, p->pass, pointer[1], pointer[0]);
    return true;
}

static bool prepare(const cn_entry *entry, cn_preparation *preparation, cn_convolution_pass pass)
{
    prepared_convolution *p = cn_prepared(preparation, sizeof *p);
    if (!p)
        return false;
    p->convolution = ((const geometry *)entry->attributes)->convolution;
    p->pass = pass;
    preparation->flops = cn_convolution_flops(&p->convolution);
    preparation->workspace = cn_convolution_workspace(&p->convolution, pass);
    p->has_workspace = preparation->workspace > 0;
    preparation->packed = cn_convolution_packed(&p->convolution, pass);
    preparation->packs = 1;
    p->packs = preparation->packed > 0;
    preparation->pack = p->packs ? pack_kernel : NULL;
    preparation->kernel = run_convolution;
    return true;
}

static bool convolution_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare(entry, preparation, CN_CONVOLVE);
}

static bool input_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare(entry, preparation, CN_CONVOLVE_INPUT);
}

static bool kernel_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare(entry, preparation, CN_CONVOLVE_KERNEL);
}

static bool convolution_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);
static bool input_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);
static bool kernel_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);

static const cn_operation convolution = {.name = "convolution",
                                         .attributes = sizeof(geometry),
                                         .flags = CN_PRODUCT,
                                         .infer = convolution_infer,
                                         .prepare = convolution_prepare,
                                         .vjp = convolution_vjp};
static const cn_operation convolution_input = {.name = "convolution_input",
                                               .attributes = sizeof(geometry),
                                               .infer = input_infer,
                                               .prepare = input_prepare,
                                               .vjp = input_vjp};
static const cn_operation convolution_kernel = {.name = "convolution_kernel",
                                                .attributes = sizeof(geometry),
                                                .infer = kernel_infer,
                                                .prepare = kernel_prepare,
                                                .vjp = kernel_vjp};

static cn_tensor *record(const cn_operation *operation, const geometry *g, cn_tensor *a, cn_tensor *b)
{
    return cn_record(operation, g, (cn_tensor *[]){a, b}, 2);
}

static bool convolution_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    if (e->needed[0])
        dx[0] = record(&convolution_input, e->attributes, dy[0], e->input[1]);
    if (e->needed[1])
        dx[1] = record(&convolution_kernel, e->attributes, e->input[0], dy[0]);
    return !cn_failed();
}

static bool input_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    if (e->needed[0])
        dx[0] = record(&convolution, e->attributes, dy[0], e->input[1]);
    if (e->needed[1])
        dx[1] = record(&convolution_kernel, e->attributes, dy[0], e->input[0]);
    return !cn_failed();
}

static bool kernel_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    if (e->needed[0])
        dx[0] = record(&convolution_input, e->attributes, e->input[1], dy[0]);
    if (e->needed[1])
        dx[1] = record(&convolution, e->attributes, e->input[0], dy[0]);
    return !cn_failed();
}

/* Keras' operations */

/* Sizes given for the axes in use, at the end of sizes for CN_SPACE axes. */
static bool spread_sizes(const cn_entry *entry, const char *what, const int64_t *given, int space, int64_t *sizes)
{
    if (!cn_sizes_fit(given, space))
        return cn_entry_fail(entry, CN_ARGUMENT, "%s must be a positive number or one for each of %d axes", what,
                             space);
    for (int d = 0; d < CN_SPACE; d++)
        sizes[d] = d < CN_SPACE - space ? 1 : cn_size_along(given, d - CN_SPACE + space);
    return true;
}

/* What the operations have in common: `x_axis` sizes of space are those of x. */
static bool begin(const cn_entry *entry, const cn_conv_args *args, const cn_tensor *x, geometry *g)
{
    const cn_tensor *kernel = entry->input[1];
    cn_convolution *c = &g->convolution;
    *g = (geometry){.space = x->shape.rank - 2};
    if (x->dtype == CN_I32 || kernel->dtype != x->dtype)
        return cn_entry_fail(entry, CN_TYPE, "needs operands of one float type, not %s with %s; cn_cast converts",
                             cn_dtype_name(x->dtype), cn_dtype_name(kernel->dtype));
    if (g->space < 1 || g->space > CN_SPACE || kernel->shape.rank != g->space + 2)
        return cn_entry_fail(entry, CN_SHAPES, "needs operands of one rank from 3 to 5");
    c->dtype = x->dtype;
    c->batch = x->shape.dim[0];
    for (int d = 0; d < CN_SPACE; d++) {
        int axis = d - CN_SPACE + g->space;
        c->in[d] = axis < 0 ? 1 : x->shape.dim[1 + axis];
        c->kernel[d] = axis < 0 ? 1 : kernel->shape.dim[axis];
        if (c->kernel[d] < 1 || c->kernel[d] > INT32_MAX)
            return cn_entry_fail(entry, CN_SHAPES, "a kernel of size %lld", (long long)c->kernel[d]);
    }
    return spread_sizes(entry, "strides", args->strides, g->space, c->stride) &&
           spread_sizes(entry, "dilation_rate", args->dilation_rate, g->space, c->dilation);
}

static int64_t extent(const cn_convolution *c, int d)
{
    return (c->kernel[d] - 1) * c->dilation[d] + 1;
}

static bool exceeds_one(const int64_t *numbers)
{
    return numbers[0] > 1 || numbers[1] > 1 || numbers[2] > 1;
}

/* The sizes of y, by cn_padding's rules. */
static bool place_windows(const cn_entry *entry, cn_padding padding, geometry *g)
{
    cn_convolution *c = &g->convolution;
    if (exceeds_one(c->stride) && exceeds_one(c->dilation))
        return cn_entry_fail(entry, CN_ARGUMENT, "strides above 1 together with a dilation_rate above 1");
    if (padding == CN_CAUSAL && g->space != 1)
        return cn_entry_fail(entry, CN_ARGUMENT, "causal padding is for one axis");
    for (int d = 0; d < CN_SPACE; d++) {
        int64_t n = c->in[d], stride = c->stride[d], seen = extent(c, d);
        if (padding == CN_VALID) {
            c->out[d] = n < seen ? 0 : (n - seen) / stride + 1;
        } else {
            c->out[d] = n / stride + (n % stride != 0);
            int64_t zeros = (c->out[d] - 1) * stride + seen - n;
            c->before[d] = padding == CN_SAME ? (zeros > 0 ? zeros / 2 : 0) : d == CN_SPACE - 1 ? seen - 1 : 0;
        }
        if (c->out[d] < 1)
            return cn_entry_fail(entry, CN_SHAPES, "a window of extent %lld does not fit into %lld places",
                                 (long long)seen, (long long)n);
    }
    return true;
}

/* x with its channels last, and the result in x's order. */
static cn_tensor *channels_last(cn_data_format format, cn_tensor *x)
{
    return format == CN_CHANNELS_FIRST && x->shape.rank > 2 ? cn_dense_copy(cn_moveaxis(x, 1, -1)) : x;
}

static cn_tensor *as_given(cn_data_format format, cn_tensor *y)
{
    return format == CN_CHANNELS_FIRST && y ? cn_moveaxis(y, -1, 1) : y;
}

/* Records the convolution, x and the kernel as it wants them. Where each channel is seen alone, x has it as many times
 * as it has filters: each copy is then convolved with one. */
static cn_tensor *convolve(const cn_entry *entry, cn_padding padding, geometry *g, cn_tensor *x, cn_tensor *kernel)
{
    cn_convolution *c = &g->convolution;
    if (!place_windows(entry, padding, g))
        return NULL;
    if (c->groups > 1 && c->groups == c->channels && c->filters > c->channels) {
        x = cn_repeat(x, c->filters / c->channels, .axis = -1);
        c->groups = c->channels = c->filters;
    }
    return record(&convolution, g, x, kernel);
}

static bool conv_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **y)
{
    const cn_conv_args *args = entry->attributes;
    cn_tensor *x = channels_last(args->data_format, entry->input[0]), *kernel = entry->input[1];
    geometry g;
    (void)tape;
    if (!x || !begin(entry, args, x, &g))
        return false;
    cn_convolution *c = &g.convolution;
    int64_t seen = kernel->shape.dim[g.space];
    c->channels = x->shape.dim[g.space + 1];
    c->filters = kernel->shape.dim[g.space + 1];
    if (seen < 1 || c->channels < 1 || c->channels % seen != 0)
        return cn_entry_fail(entry, CN_SHAPES, "a kernel for %lld channels cannot see %lld", (long long)seen,
                             (long long)c->channels);
    c->groups = c->channels / seen;
    if (c->filters < 1 || c->filters % c->groups != 0)
        return cn_entry_fail(entry, CN_SHAPES, "%lld filters cannot be shared among %lld groups", (long long)c->filters,
                             (long long)c->groups);
    *y = as_given(args->data_format, convolve(entry, args->padding, &g, x, kernel));
    return *y != NULL;
}

static bool depthwise_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **y)
{
    const cn_conv_args *args = entry->attributes;
    cn_tensor *x = channels_last(args->data_format, entry->input[0]);
    geometry g;
    (void)tape;
    if (!x || !begin(entry, args, x, &g))
        return false;
    cn_convolution *c = &g.convolution;
    cn_shape shape = entry->input[1]->shape;
    int64_t channels = shape.dim[g.space], each = shape.dim[g.space + 1];
    c->groups = c->channels = x->shape.dim[g.space + 1];
    if (c->channels < 1 || channels != c->channels || each < 1)
        return cn_entry_fail(entry, CN_SHAPES, "a kernel for %lld channels cannot see %lld", (long long)channels,
                             (long long)c->channels);
    shape.dim[g.space] = 1;
    shape.dim[g.space + 1] = c->filters = channels * each;
    *y = as_given(args->data_format, convolve(entry, args->padding, &g, x, cn_reshape(entry->input[1], shape)));
    return *y != NULL;
}

static bool separable_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **y)
{
    const cn_conv_args *args = entry->attributes;
    cn_conv_args depthwise = *args, pointwise = {CN_CONV_DEFAULTS, .data_format = args->data_format};
    (void)tape;
    depthwise.x = entry->input[0];
    depthwise.kernel = entry->input[1];
    pointwise.x = cn_depthwise_conv_with(depthwise);
    pointwise.kernel = entry->input[2];
    *y = cn_conv_with(pointwise);
    return *y != NULL;
}

typedef struct transpose_attributes {
    cn_conv_args args;
    cn_shape output_padding;
} transpose_attributes;

/* The sizes of what a convolution would have given x for. */
static bool place_scattered(const cn_entry *entry, const transpose_attributes *given, geometry *g)
{
    cn_convolution *c = &g->convolution;
    const cn_shape *added = &given->output_padding;
    bool same = given->args.padding == CN_SAME;
    if (given->args.padding == CN_CAUSAL)
        return cn_entry_fail(entry, CN_ARGUMENT, "padding must be valid or same");
    if (added->rank != 0 && added->rank != 1 && added->rank != g->space)
        return cn_entry_fail(entry, CN_ARGUMENT, "output_padding has %d numbers for %d axes", added->rank, g->space);
    memcpy(c->out, c->in, sizeof c->out);
    for (int d = 0; d < CN_SPACE; d++) {
        int axis = d - CN_SPACE + g->space;
        int64_t stride = c->stride[d], seen = extent(c, d), more = stride > seen ? stride - seen : 0;
        int64_t size = seen, spread; /* of what one place of x becomes, with what is added */
        if (c->out[d] < 1)
            return cn_entry_fail(entry, CN_SHAPES, "an axis of size 0");
        if (axis < 0 || added->rank == 0) {
            size = same ? stride : seen + more;
            c->before[d] = same && seen > stride ? (seen - stride) / 2 : 0;
        } else {
            int64_t padding = added->dim[added->rank == 1 ? 0 : axis];
            if (padding < 0 || padding >= stride)
                return cn_entry_fail(entry, CN_ARGUMENT, "output_padding %lld is not from 0 to below the stride %lld",
                                     (long long)padding, (long long)stride);
            size = same ? seen % 2 + padding : seen + padding;
            int64_t total = seen + seen % 2 - 2 + padding, left = (total + 1) / 2;
            c->before[d] = same ? seen - 1 - (left < seen - 1 ? left : seen - 1) : 0;
        }
        if (__builtin_mul_overflow(c->out[d] - 1, stride, &spread) || __builtin_add_overflow(spread, size, &c->in[d]) ||
            c->in[d] < 1)
            return cn_entry_fail(entry, CN_SHAPES,
                                 "gives no output of a size that can be had: (%lld - 1) * %lld + %lld",
                                 (long long)c->out[d], (long long)stride, (long long)size);
    }
    return true;
}

static bool transpose_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **y)
{
    const transpose_attributes *given = entry->attributes;
    const cn_conv_args *args = &given->args;
    cn_tensor *x = channels_last(args->data_format, entry->input[0]), *kernel = entry->input[1];
    geometry g;
    (void)tape;
    if (!x || !begin(entry, args, x, &g))
        return false;
    cn_convolution *c = &g.convolution;
    c->groups = 1;
    c->filters = x->shape.dim[g.space + 1];
    c->channels = kernel->shape.dim[g.space];
    if (c->channels < 1 || c->filters < 1 || kernel->shape.dim[g.space + 1] != c->filters)
        return cn_entry_fail(entry, CN_SHAPES, "a kernel for %lld channels cannot see %lld",
                             (long long)kernel->shape.dim[g.space + 1], (long long)c->filters);
    *y = place_scattered(entry, given, &g) ? as_given(args->data_format, record(&convolution_input, &g, x, kernel))
                                           : NULL;
    return *y != NULL;
}

static const cn_operation conv = {.name = "conv", .attributes = sizeof(cn_conv_args), .expand = conv_expand};
static const cn_operation depthwise_conv = {
    .name = "depthwise_conv", .attributes = sizeof(cn_conv_args), .expand = depthwise_expand};
static const cn_operation separable_conv = {
    .name = "separable_conv", .attributes = sizeof(cn_conv_args), .expand = separable_expand};
static const cn_operation conv_transpose = {
    .name = "conv_transpose", .attributes = sizeof(transpose_attributes), .expand = transpose_expand};

/* Attributes are kept without the tensors, which may go away. */
static cn_tensor *record_with(const cn_operation *operation, cn_conv_args args)
{
    cn_tensor *operand[] = {args.x, args.kernel};
    args.x = args.kernel = NULL;
    return cn_record(operation, &args, operand, 2);
}

cn_tensor *cn_conv_with(cn_conv_args args)
{
    return record_with(&conv, args);
}

cn_tensor *cn_depthwise_conv_with(cn_conv_args args)
{
    return record_with(&depthwise_conv, args);
}

cn_tensor *cn_separable_conv_with(cn_separable_conv_args args)
{
    cn_conv_args attributes = {.padding = args.padding, .data_format = args.data_format};
    memcpy(attributes.strides, args.strides, sizeof args.strides);
    memcpy(attributes.dilation_rate, args.dilation_rate, sizeof args.dilation_rate);
    return cn_record(&separable_conv, &attributes,
                     (cn_tensor *[]){args.x, args.depthwise_kernel, args.pointwise_kernel}, 3);
}

cn_tensor *cn_conv_transpose_with(cn_conv_transpose_args args)
{
    transpose_attributes attributes = {.args = {.padding = args.padding, .data_format = args.data_format},
                                       .output_padding = args.output_padding};
    memcpy(attributes.args.strides, args.strides, sizeof args.strides);
    memcpy(attributes.args.dilation_rate, args.dilation_rate, sizeof args.dilation_rate);
    return cn_record(&conv_transpose, &attributes, (cn_tensor *[]){args.x, args.kernel}, 2);
}

extern const cn_operation *const cn_convolution_operations[];
const cn_operation *const cn_convolution_operations[] = {
    &conv,        &depthwise_conv,    &separable_conv,     &conv_transpose,
    &convolution, &convolution_input, &convolution_kernel, NULL};
