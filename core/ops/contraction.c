/* Sums over labelled axes: einsum, tensordot, dot and batch_dot are equations between labels, and an equation is
 * carried out by transposes and reshapes, which are views mostly, and one product for each pair of operands. */
#include "core/ops/arithmetic.h"
#include "core/ops/axis.h"
#include "core/ops/creation.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include <string.h>

/* A tensor whose axes have labels, small numbers. */
typedef struct labelled {
    cn_tensor *x;
    unsigned char label[CN_MAX_RANK];
} labelled;

typedef uint64_t label_set;

static label_set set_of(unsigned char label)
{
    return (label_set)1 << label;
}

static label_set labels_of(const labelled *a)
{
    label_set set = 0;
    for (int d = 0; d < a->x->shape.rank; d++)
        set |= set_of(a->label[d]);
    return set;
}

static int axis_with(const labelled *a, unsigned char label)
{
    int d = 0;
    while (a->label[d] != label)
        d++;
    return d;
}

/* Appends those labels of `a` that are in `set`, in the order of its axes. */
static void append_labels(const labelled *a, label_set set, unsigned char *labels, int *count)
{
    for (int d = 0; d < a->x->shape.rank; d++)
        if (set & set_of(a->label[d]))
            labels[(*count)++] = a->label[d];
}

static cn_tensor *reshaped(cn_tensor *x, cn_shape shape)
{
    return x && cn_shape_equal(x->shape, shape) ? x : cn_reshape(x, shape);
}

/* Sums over the axes whose labels are not in `kept`. */
static bool sum_others(labelled *a, label_set kept)
{
    cn_reduce_args args = {.x = a->x, .axis = CN_NONE};
    int left = 0;
    for (int d = 0; d < a->x->shape.rank; d++)
        if (kept & set_of(a->label[d]))
            a->label[left++] = a->label[d];
        else
            args.axes.axis[args.axes.count++] = d;
    return args.axes.count == 0 || (a->x = cn_sum_with(args));
}

/* The tensor with its axes in the order of `labels`, which are all of them. */
static cn_tensor *in_order(const labelled *a, const unsigned char *labels)
{
    cn_transpose_args args = {.x = a->x, .axes = {.count = a->x->shape.rank}};
    bool moved = false;
    for (int d = 0; d < a->x->shape.rank; d++) {
        args.axes.axis[d] = axis_with(a, labels[d]);
        moved = moved || args.axes.axis[d] != d;
    }
    return moved ? cn_transpose_with(args) : a->x;
}

/* The sizes of labels that stand in `a`. */
static void append_sizes(const labelled *a, const unsigned char *labels, int count, cn_shape *shape)
{
    for (int i = 0; i < count; i++)
        shape->dim[shape->rank++] = a->x->shape.dim[axis_with(a, labels[i])];
}

static int64_t size_of(const labelled *a, const unsigned char *labels, int count)
{
    int64_t size = 1;
    for (int i = 0; i < count; i++)
        size *= a->x->shape.dim[axis_with(a, labels[i])];
    return size;
}

/* The labels of a pair of operands: of both and of the result, of the left one alone, of both but not of the result
 * (summed over), of the right one alone. */
typedef struct pairing {
    unsigned char batch[CN_MAX_RANK], left[CN_MAX_RANK], inner[CN_MAX_RANK], right[CN_MAX_RANK];
    int batches, lefts, inners, rights;
} pairing;

/* Without a sum: both operands with all axes of the result, of size 1 where they have none. */
static cn_tensor *multiply_broadcast(const labelled *a, const labelled *b, const pairing *p)
{
    unsigned char order[2 * CN_MAX_RANK];
    memcpy(order, p->batch, (size_t)p->batches);
    memcpy(order + p->batches, p->left, (size_t)p->lefts);
    cn_tensor *left = in_order(a, order);
    memcpy(order + p->batches, p->right, (size_t)p->rights);
    cn_tensor *right = in_order(b, order);
    cn_shape with_right = {0}, with_left = {0};
    append_sizes(a, p->batch, p->batches, &with_right);
    with_left = with_right;
    append_sizes(a, p->left, p->lefts, &with_right);
    for (int i = 0; i < p->rights; i++)
        with_right.dim[with_right.rank++] = 1;
    for (int i = 0; i < p->lefts; i++)
        with_left.dim[with_left.rank++] = 1;
    append_sizes(b, p->right, p->rights, &with_left);
    return cn_mul(reshaped(left, with_right), reshaped(right, with_left));
}

/* (batch, left, inner) x (batch, inner, right), each group but the first being one axis. */
static cn_tensor *multiply_matrices(const labelled *a, const labelled *b, const pairing *p)
{
    unsigned char order[CN_MAX_RANK];
    memcpy(order, p->batch, (size_t)p->batches);
    memcpy(order + p->batches, p->left, (size_t)p->lefts);
    memcpy(order + p->batches + p->lefts, p->inner, (size_t)p->inners);
    cn_tensor *left = in_order(a, order);
    memcpy(order + p->batches, p->inner, (size_t)p->inners);
    memcpy(order + p->batches + p->inners, p->right, (size_t)p->rights);
    cn_tensor *right = in_order(b, order);
    int64_t rows = size_of(a, p->left, p->lefts), inner = size_of(a, p->inner, p->inners);
    int64_t columns = size_of(b, p->right, p->rights);
    cn_shape batch = {0};
    append_sizes(a, p->batch, p->batches, &batch);
    if (batch.rank > CN_MAX_RANK - 2)
        batch = CN_SHAPE(size_of(a, p->batch, p->batches));
    cn_shape left_shape = batch, right_shape = batch, shape = {0};
    left_shape.dim[left_shape.rank++] = rows;
    left_shape.dim[left_shape.rank++] = inner;
    right_shape.dim[right_shape.rank++] = inner;
    right_shape.dim[right_shape.rank++] = columns;
    append_sizes(a, p->batch, p->batches, &shape);
    append_sizes(a, p->left, p->lefts, &shape);
    append_sizes(b, p->right, p->rights, &shape);
    return reshaped(cn_matmul(reshaped(left, left_shape), reshaped(right, right_shape)), shape);
}

/* Multiplies two operands and sums over all labels that are not in `kept`. */
static bool contract(const cn_entry *entry, labelled a, labelled b, label_set kept, labelled *result)
{
    if (!sum_others(&a, kept | labels_of(&b)) || !sum_others(&b, kept | labels_of(&a)))
        return false;
    label_set in_a = labels_of(&a), in_b = labels_of(&b);
    pairing p = {.batches = 0};
    append_labels(&a, in_b & kept, p.batch, &p.batches);
    append_labels(&a, ~in_b, p.left, &p.lefts);
    append_labels(&a, in_b & ~kept, p.inner, &p.inners);
    append_labels(&b, ~in_a, p.right, &p.rights);
    if (p.batches + p.lefts + p.rights > CN_MAX_RANK)
        return cn_entry_fail(entry, CN_SHAPES, "the result has more than %d axes", CN_MAX_RANK);
    int count = 0;
    append_labels(&a, in_b & kept, result->label, &count);
    append_labels(&a, ~in_b, result->label, &count);
    append_labels(&b, ~in_a, result->label, &count);
    result->x = p.inners ? multiply_matrices(&a, &b, &p) : multiply_broadcast(&a, &b, &p);
    return result->x != NULL;
}

/* Tensordot, dot and batch_dot: pairs of axes get one label, the batch is a pair that is kept */

/* Sums over axes_a[i] of a paired with axes_b[i] of b; the first `batches` pairs are kept instead. */
static bool contract_pairs(const cn_entry *entry, const int *axes_a, const int *axes_b, int pairs, int batches,
                           cn_tensor **output)
{
    labelled a = {.x = entry->input[0]}, b = {.x = entry->input[1]}, result = {0};
    label_set kept = 0;
    for (int d = 0; d < a.x->shape.rank; d++)
        kept |= set_of(a.label[d] = (unsigned char)d);
    for (int d = 0; d < b.x->shape.rank; d++)
        kept |= set_of(b.label[d] = (unsigned char)(CN_MAX_RANK + d));
    for (int i = 0; i < pairs; i++) {
        int in_a, in_b;
        if (!cn_axis_of(entry, axes_a[i], a.x->shape.rank, &in_a) ||
            !cn_axis_of(entry, axes_b[i], b.x->shape.rank, &in_b))
            return false;
        if (a.x->shape.dim[in_a] != b.x->shape.dim[in_b])
            return cn_entry_fail(entry, CN_SHAPES, "axes %d and %d have different sizes", axes_a[i], axes_b[i]);
        if (b.label[in_b] < CN_MAX_RANK || (labels_of(&b) & set_of(a.label[in_a])))
            return cn_entry_fail(entry, CN_ARGUMENT, "an axis is given twice");
        kept &= i < batches ? kept : ~set_of(a.label[in_a]);
        b.label[in_b] = a.label[in_a];
    }
    if (!contract(entry, a, b, kept, &result))
        return false;
    *output = result.x;
    return true;
}

typedef struct tensordot_attributes {
    int axes;
    cn_axes axes_a, axes_b;
} tensordot_attributes;

static bool tensordot_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const tensordot_attributes *given = entry->attributes;
    cn_axes a = given->axes_a, b = given->axes_b;
    if (a.count != b.count)
        return cn_entry_fail(entry, CN_ARGUMENT, "%d axes are paired with %d", a.count, b.count);
    if (a.count == 0) {
        int rank = entry->input[0]->shape.rank;
        if (given->axes < 0 || given->axes > rank || given->axes > entry->input[1]->shape.rank)
            return cn_entry_fail(entry, CN_ARGUMENT, "cannot sum over %d axes", given->axes);
        for (; a.count < given->axes; a.count++) {
            a.axis[a.count] = rank - given->axes + a.count;
            b.axis[a.count] = a.count;
        }
    }
    return contract_pairs(entry, a.axis, b.axis, a.count, 0, output);
}

static const cn_operation tensordot = {
    .name = "tensordot", .attributes = sizeof(tensordot_attributes), .expand = tensordot_expand};

cn_tensor *cn_tensordot_with(cn_tensordot_args args)
{
    tensordot_attributes attributes = {args.axes, args.axes_a, args.axes_b};
    return cn_record(&tensordot, &attributes, (cn_tensor *[]){args.a, args.b}, 2);
}

static bool dot_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    int rank_a = entry->input[0]->shape.rank, rank_b = entry->input[1]->shape.rank;
    if (rank_a == 0 || rank_b == 0)
        return (*output = cn_mul(entry->input[0], entry->input[1])) != NULL;
    return contract_pairs(entry, &(int){-1}, &(int){rank_b == 1 ? 0 : rank_b - 2}, 1, 0, output);
}

static const cn_operation dot = {.name = "dot", .expand = dot_expand};

cn_tensor *cn_dot(cn_tensor *a, cn_tensor *b)
{
    return cn_record(&dot, NULL, (cn_tensor *[]){a, b}, 2);
}

typedef struct batch_dot_attributes {
    int axes, axes_y;
} batch_dot_attributes;

static bool batch_dot_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const batch_dot_attributes *given = entry->attributes;
    int rank_x = entry->input[0]->shape.rank, rank_y = entry->input[1]->shape.rank;
    if (rank_x < 2 || rank_y < 2)
        return cn_entry_fail(entry, CN_SHAPES, "needs two batches, of vectors at least");
    int axes_x[] = {0, given->axes}, axes_y[] = {0, given->axes_y == CN_NONE ? given->axes : given->axes_y};
    if (given->axes == CN_NONE)
        axes_x[1] = -1;
    if (axes_y[1] == CN_NONE)
        axes_y[1] = rank_y == 2 ? 1 : rank_y - 2;
    if (axes_x[1] == 0 || axes_x[1] == -rank_x || axes_y[1] == 0 || axes_y[1] == -rank_y)
        return cn_entry_fail(entry, CN_ARGUMENT, "axis 0 is the batch");
    if (!contract_pairs(entry, axes_x, axes_y, 2, 1, output))
        return false;
    if ((*output)->shape.rank == 1)
        *output = cn_expand_dims(*output, 1);
    return *output != NULL;
}

static const cn_operation batch_dot = {
    .name = "batch_dot", .attributes = sizeof(batch_dot_attributes), .expand = batch_dot_expand};

cn_tensor *cn_batch_dot_with(cn_batch_dot_args args)
{
    batch_dot_attributes attributes = {args.axes, args.axes_y};
    return cn_record(&batch_dot, &attributes, (cn_tensor *[]){args.x, args.y}, 2);
}

static bool outer_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    return (*output = cn_mul(cn_reshape(entry->input[0], CN_SHAPE(cn_shape_size(entry->input[0]->shape), 1)),
                             cn_ravel(entry->input[1]))) != NULL;
}

static const cn_operation outer = {.name = "outer", .expand = outer_expand};

cn_tensor *cn_outer(cn_tensor *a, cn_tensor *b)
{
    return cn_record(&outer, NULL, (cn_tensor *[]){a, b}, 2);
}

/* Einsum */

/* Labels: the letters in the order of ASCII, then the dimensions that "..." stands for, the last of them last. */
enum { LETTERS = 52, LABELS = LETTERS + CN_MAX_RANK };

/* The labels of one operand, or of the output, of an equation. `ellipsis` is the place of "..." among the letters. */
typedef struct term {
    unsigned char letter[CN_EINSUM_EQUATION];
    int letters, ellipsis;
} term;

typedef struct equation {
    const cn_entry *entry;
    const char *text;
    int64_t size[LABELS]; /* 0: not known; of a dimension of "..." never 1 */
    int occurs[LABELS];
    int ellipsis; /* the largest number of dimensions that "..." stands for */
    bool has_ellipsis;
} equation;

static int label_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static char letter_of(int label)
{
    return (char)(label < 26 ? 'A' + label : 'a' + label - 26);
}

/* Reads up to a comma, an arrow or the end. */
static bool read_term(const equation *e, const char **at, term *t)
{
    *t = (term){.ellipsis = -1};
    for (; **at && **at != ',' && **at != '-'; ++*at) {
        if (**at == ' ')
            continue;
        int label = label_of(**at);
        if (label >= 0) {
            t->letter[t->letters++] = (unsigned char)label;
        } else if (!strncmp(*at, "...", 3) && t->ellipsis < 0) {
            t->ellipsis = t->letters;
            *at += 2;
        } else {
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: unexpected '%c'", e->text, **at);
        }
    }
    return true;
}

/* Gives the axes of an operand their labels, and takes notice of their sizes. */
static bool label_axes(equation *e, const term *t, labelled *a)
{
    int rank = a->x->shape.rank, more = rank - t->letters;
    if (more < 0 || (more > 0 && t->ellipsis < 0))
        return cn_entry_fail(e->entry, CN_SHAPES, "%s: %d labels for %d axes", e->text, t->letters, rank);
    e->has_ellipsis = e->has_ellipsis || t->ellipsis >= 0;
    e->ellipsis = t->ellipsis >= 0 && more > e->ellipsis ? more : e->ellipsis;
    for (int d = 0, l = 0; d < rank; d++) {
        bool dots = t->ellipsis >= 0 && d >= t->ellipsis && d < t->ellipsis + more;
        int label = dots ? LABELS - more + d - t->ellipsis : t->letter[l++];
        int64_t size = a->x->shape.dim[d];
        a->label[d] = (unsigned char)label;
        if (dots && size == 1)
            continue;
        if (e->occurs[label]++ && e->size[label] != size) {
            if (dots)
                return cn_entry_fail(e->entry, CN_SHAPES, "%s: the dimensions of ... cannot be broadcast", e->text);
            return cn_entry_fail(e->entry, CN_SHAPES, "%s: %c has the sizes %lld and %lld", e->text, letter_of(label),
                                 (long long)e->size[label], (long long)size);
        }
        e->size[label] = size;
    }
    return true;
}

/* Takes the diagonal of axes with one label, and away what "..." repeats. */
static bool simplify(labelled *a)
{
    for (int i = 0; i < a->x->shape.rank; i++)
        for (int j = i + 1; j < a->x->shape.rank; j++)
            if (a->label[i] == a->label[j]) {
                unsigned char label = a->label[i];
                int rank = a->x->shape.rank, left = 0;
                for (int d = 0; d < rank; d++)
                    if (d != i && d != j)
                        a->label[left++] = a->label[d];
                a->label[left] = label;
                if (!(a->x = cn_diagonal(a->x, i, j)))
                    return false;
                i = -1;
                break;
            }
    cn_shape shape = {0};
    for (int d = 0; d < a->x->shape.rank; d++)
        if (a->label[d] < LETTERS || a->x->shape.dim[d] != 1) {
            a->label[shape.rank] = a->label[d];
            shape.dim[shape.rank++] = a->x->shape.dim[d];
        }
    return (a->x = reshaped(a->x, shape)) != NULL;
}

/* The labels of the output: those after the arrow, or those that occur once. */
static bool output_labels(const equation *e, const char *at, unsigned char *labels, int *count)
{
    term t = {.ellipsis = -1};
    *count = 0;
    if (*at == '-') {
        at += 2;
        if (at[-1] != '>' || !read_term(e, &at, &t) || *at)
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: what follows the operands is not ->output", e->text);
        if (e->ellipsis && t.ellipsis < 0)
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: the output lacks ...", e->text);
        if (t.ellipsis >= 0 && !e->has_ellipsis)
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: only the output has ...", e->text);
    } else {
        t.ellipsis = e->has_ellipsis ? 0 : -1;
        for (int label = 0; label < LETTERS; label++)
            if (e->occurs[label] == 1)
                t.letter[t.letters++] = (unsigned char)label;
    }
    label_set seen = 0;
    if (t.letters + e->ellipsis > CN_MAX_RANK)
        return cn_entry_fail(e->entry, CN_SHAPES, "%s: the output has more than %d axes", e->text, CN_MAX_RANK);
    for (int i = 0; i <= t.letters; i++) {
        for (int d = 0; i == t.ellipsis && d < e->ellipsis; d++)
            labels[(*count)++] = (unsigned char)(LABELS - e->ellipsis + d);
        if (i == t.letters)
            break;
        if (!e->occurs[t.letter[i]])
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: no operand has %c", e->text, letter_of(t.letter[i]));
        if (seen & set_of(t.letter[i]))
            return cn_entry_fail(e->entry, CN_ARGUMENT, "%s: the output has %c twice", e->text, letter_of(t.letter[i]));
        seen |= set_of(t.letter[i]);
        labels[(*count)++] = t.letter[i];
    }
    return true;
}

/* Puts the axes into the order of the output, with axes of size 1 for dimensions of "..." that have no other size. */
static cn_tensor *finish(const labelled *a, const unsigned char *labels, int count)
{
    label_set present = labels_of(a);
    unsigned char order[CN_MAX_RANK];
    cn_shape shape = {.rank = count};
    int used = 0;
    for (int i = 0; i < count; i++) {
        bool has = present & set_of(labels[i]);
        shape.dim[i] = has ? a->x->shape.dim[axis_with(a, labels[i])] : 1;
        if (has)
            order[used++] = labels[i];
    }
    return reshaped(in_order(a, order), shape);
}

/* An operand without axes has a term without a letter. */
enum { MOST_OPERANDS = CN_EINSUM_EQUATION };

static bool einsum_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    equation e = {.entry = entry, .text = entry->attributes};
    const char *at = e.text;
    labelled operand[MOST_OPERANDS] = {{0}};
    int count = 0, axes;
    for (bool more = true; more; count++) {
        term t;
        if (!read_term(&e, &at, &t))
            return false;
        if (count == entry->input_count)
            return cn_entry_fail(entry, CN_ARGUMENT, "%s: has more terms than operands", e.text);
        operand[count].x = entry->input[count];
        if (!label_axes(&e, &t, &operand[count]))
            return false;
        more = *at == ',';
        at += more;
    }
    if (count < entry->input_count)
        return cn_entry_fail(entry, CN_ARGUMENT, "%s: has fewer terms than operands", e.text);
    unsigned char labels[CN_MAX_RANK];
    if (!output_labels(&e, at, labels, &axes))
        return false;
    label_set wanted = 0;
    for (int i = 0; i < axes; i++)
        wanted |= set_of(labels[i]);
    for (int i = 0; i < count; i++)
        if (!simplify(&operand[i]))
            return false;
    labelled sum = operand[0];
    for (int i = 1; i < count; i++) {
        label_set kept = wanted;
        for (int j = i + 1; j < count; j++)
            kept |= labels_of(&operand[j]);
        if (!contract(entry, sum, operand[i], kept, &sum))
            return false;
    }
    return sum_others(&sum, wanted) && (*output = finish(&sum, labels, axes));
}

static const cn_operation einsum = {.name = "einsum", .attributes = CN_EINSUM_EQUATION, .expand = einsum_expand};

cn_tensor *cn_einsum_with(const char *text, cn_tensor *const *operands, int count)
{
    char attributes[CN_EINSUM_EQUATION] = "";
    if (cn_failed())
        return NULL;
    if (!text || strlen(text) >= sizeof attributes) {
        cn_fail(CN_ARGUMENT, "einsum: the equation must have fewer than %d characters", CN_EINSUM_EQUATION);
        return NULL;
    }
    if (!operands || count < 1) {
        cn_fail(CN_ARGUMENT, "einsum: there are no operands");
        return NULL;
    }
    memcpy(attributes, text, strlen(text));
    return cn_record(&einsum, attributes, operands, count);
}

extern const cn_operation *const cn_contraction_operations[];
const cn_operation *const cn_contraction_operations[] = {&tensordot, &dot, &batch_dot, &outer, &einsum, NULL};
