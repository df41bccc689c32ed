#include "models/topology.h"
#include <stdlib.h>
#include <string.h>

static bool is_leaf(const cn_node *node)
{
    return node->operation == &cn_scalar_operation || node->operation == &cn_read_operation;
}

/* Keras' order of layers (keras.src.ops.function.map_graph): numbers in the order of a walk from the outputs, depths
 * from the outputs up, sorted by depth and then by number. */
typedef struct ordering {
    cn_topology *topology;
    cn_node **leaving; /* nodes in the order in which the walk leaves them */
    int *depth;        /* of each */
    int count, capacity, numbers, part_capacity;
} ordering;

static cn_part *part_of(const ordering *o, const cn_node *node)
{
    for (int i = o->topology->part_count - 1; i >= 0; i--) {
        cn_part *part = &o->topology->part[i];
        if (node->layer ? part->layer == node->layer : part->node == node)
            return part;
    }
    return NULL;
}

static bool add_part(ordering *o, cn_node *node, int number)
{
    if (!cn_grow((void **)&o->topology->part, o->topology->part_count, &o->part_capacity, sizeof(cn_part)))
        return false;
    o->topology->part[o->topology->part_count++] = (cn_part){node->layer, node, 0, number};
    return true;
}

static bool is_input(const cn_topology *t, const cn_node *node)
{
    for (int i = 0; i < t->input_count; i++)
        if (cn_node_of(t->input[i]) == node)
            return true;
    return false;
}

enum { UNSEEN = -1, ENTERED = -2 };

typedef struct visit {
    cn_node *node;
    int next; /* input */
} visit;

typedef struct visits {
    visit *item; /* a stack of its own, since models may be thousands of layers deep */
    int count, capacity;
} visits;

static bool enter(ordering *o, visits *stack, cn_node *node)
{
    if (!cn_grow((void **)&stack->item, stack->count, &stack->capacity, sizeof(visit)) ||
        (!part_of(o, node) && !add_part(o, node, o->numbers++)))
        return false;
    node->mark = ENTERED;
    stack->item[stack->count++] = (visit){node, 0};
    return true;
}

/* Gives every node that `from` needs its place in `leaving`, which becomes its mark. */
static bool walk(ordering *o, cn_node *from)
{
    visits stack = {0};
    bool done = from->mark != UNSEEN || enter(o, &stack, from);
    while (done && stack.count > 0) {
        visit *top = &stack.item[stack.count - 1];
        cn_node *node = top->node, *next = NULL;
        int inputs = is_input(o->topology, node) ? 0 : node->input_count;
        while (top->next < inputs && !next) {
            cn_node *producer = cn_node_of(node->input[top->next++]);
            if (producer && !is_leaf(producer) && producer->mark == UNSEEN)
                next = producer;
        }
        if (next) {
            done = enter(o, &stack, next);
        } else if ((done = cn_grow((void **)&o->leaving, o->count, &o->capacity, sizeof *o->leaving))) {
            node->mark = o->count;
            o->leaving[o->count++] = node;
            stack.count--;
        }
    }
    cn_release(stack.item);
    return done;
}

static int by_depth(const void *a, const void *b)
{
    const cn_part *x = a, *y = b;
    return x->depth != y->depth ? y->depth - x->depth : x->number - y->number;
}

static bool find_depths(ordering *o)
{
    if (!(o->depth = cn_allocate((size_t)o->count + 1, sizeof *o->depth)))
        return false;
    for (int i = o->count - 1; i >= 0; i--) {
        cn_node *node = o->leaving[i];
        cn_part *part = part_of(o, node);
        if (part->depth > o->depth[i])
            o->depth[i] = part->depth;
        part->depth = o->depth[i];
        for (int j = 0; j < node->input_count && !is_input(o->topology, node); j++) {
            cn_node *producer = cn_node_of(node->input[j]);
            if (producer && !is_leaf(producer) && o->depth[producer->mark] < o->depth[i] + 1)
                o->depth[producer->mark] = o->depth[i] + 1;
        }
    }
    return true;
}

static bool is_chain(const ordering *o)
{
    bool *taken = cn_allocate((size_t)o->count + 1, 1);
    bool chain = taken != NULL;
    for (int i = 0; chain && i < o->count; i++) {
        const cn_node *node = o->leaving[i];
        int inputs = 0;
        for (int j = 0; j < node->input_count && !is_input(o->topology, node); j++) {
            const cn_node *producer = cn_node_of(node->input[j]);
            inputs += producer && !is_leaf(producer);
        }
        chain = !taken[o->depth[i]] && inputs <= 1;
        taken[o->depth[i]] = true;
        for (int j = 0; chain && node->layer && j < i; j++)
            chain = o->leaving[j]->layer != node->layer;
    }
    cn_release(taken);
    return chain;
}

static bool check_names(const cn_topology *t, const char *model)
{
    for (int i = 0; i < t->part_count; i++)
        for (int j = 0; j < i; j++)
            if (t->part[i].layer && t->part[j].layer &&
                strcmp(cn_layer_name(t->part[i].layer), cn_layer_name(t->part[j].layer)) == 0)
                return cn_fail(CN_ARGUMENT, "%s: two layers are named %s", model, cn_layer_name(t->part[i].layer));
    return true;
}

/* Every input's layer is a part, used or not. */
static bool add_unused_inputs(ordering *o)
{
    for (int i = 0; i < o->topology->input_count; i++)
        if (!part_of(o, cn_node_of(o->topology->input[i])) && !add_part(o, cn_node_of(o->topology->input[i]), -1))
            return false;
    return true;
}

static bool order_parts(cn_topology *t, const char *model)
{
    ordering o = {.topology = t};
    bool done = true;
    for (int i = 0; done && i < t->output_count; i++)
        done = walk(&o, cn_node_of(t->output[i]));
    done = done && find_depths(&o) && add_unused_inputs(&o) && check_names(t, model);
    t->chain = done && is_chain(&o);
    if (done)
        qsort(t->part, (size_t)t->part_count, sizeof *t->part, by_depth);
    cn_release(o.leaving);
    cn_release(o.depth);
    return done && !cn_failed();
}

/* Values: the inputs first, then the outputs of the nodes; `mark` is a node's first. */
static bool number_values(cn_topology *t, const char *model)
{
    int sources = 0;
    t->value_count = t->input_count;
    for (int i = 0; i < t->node_count; i++) {
        t->node[i]->mark = t->value_count;
        t->value_count += t->node[i]->output_count;
        sources += t->node[i]->input_count;
    }
    if (!(t->source = cn_allocate((size_t)sources + 1, sizeof *t->source)))
        return false;
    for (int i = 0; i < t->input_count; i++)
        cn_node_of(t->input[i])->mark = i - t->input[i]->output;
    int *source = t->source;
    for (int i = 0; i < t->node_count; i++) {
        const cn_node *node = t->node[i];
        if (node->layer && node->layer->type->name && strcmp(node->layer->type->name, "InputLayer") == 0)
            return cn_fail(CN_ARGUMENT,
                           "%s: the graph is disconnected: its outputs need %s, which is not among its inputs", model,
                           cn_layer_name(node->layer));
        for (int j = 0; j < node->input_count; j++) {
            const cn_node *producer = cn_node_of(node->input[j]);
            *source++ = producer ? producer->mark + node->input[j]->output : -1;
        }
    }
    for (int i = 0; i < t->output_count; i++)
        t->output_value[i] = cn_node_of(t->output[i])->mark + t->output[i]->output;
    return true;
}

static bool connect(cn_topology *t, const char *model, cn_tensor *const *inputs, cn_tensor *const *outputs)
{
    for (int i = 0; i < CN_MAX_TENSORS && inputs[i]; i++)
        t->input[t->input_count++] = inputs[i];
    for (int i = 0; i < CN_MAX_TENSORS && outputs[i]; i++)
        t->output[t->output_count++] = outputs[i];
    if (cn_failed())
        return false;
    if (t->input_count == 0 || t->output_count == 0)
        return cn_fail(CN_ARGUMENT, "%s: needs inputs and outputs", model);
    for (int i = 0; i < t->input_count + t->output_count; i++)
        if (!cn_node_of(i < t->input_count ? t->input[i] : t->output[i - t->input_count]))
            return cn_fail(CN_ARGUMENT, "%s: %s %d is not a symbolic tensor", model,
                           i < t->input_count ? "input" : "output", i < t->input_count ? i : i - t->input_count);
    if (!cn_graph_walk(t->output, t->output_count, t->input, t->input_count, &t->node, &t->node_count))
        return false;
    int kept = 0;
    for (int i = 0; i < t->node_count; i++)
        if (!is_input(t, t->node[i]))
            t->node[kept++] = t->node[i];
    t->node_count = kept;
    for (int i = 0; i < t->node_count; i++)
        t->node[i]->mark = UNSEEN;
    for (int i = 0; i < t->input_count; i++)
        cn_node_of(t->input[i])->mark = UNSEEN;
    return order_parts(t, model) && number_values(t, model);
}

static void free_arrays(cn_topology *t)
{
    cn_release(t->node);
    cn_release(t->part);
    cn_release(t->source);
    *t = (cn_topology){0};
}

bool cn_topology_connect(cn_topology *t, const char *model, cn_tensor *const *inputs, cn_tensor *const *outputs)
{
    *t = (cn_topology){0};
    if (!connect(t, model, inputs, outputs)) {
        free_arrays(t);
        return false;
    }
    /* The nodes hold those they need. */
    for (int i = 0; i < t->input_count; i++)
        cn_node_take(cn_node_of(t->input[i]));
    for (int i = 0; i < t->output_count; i++)
        cn_node_take(cn_node_of(t->output[i]));
    return true;
}

void cn_topology_free(cn_topology *t)
{
    for (int i = 0; i < t->output_count; i++)
        cn_node_release(cn_node_of(t->output[i]));
    for (int i = 0; i < t->input_count; i++)
        cn_node_release(cn_node_of(t->input[i]));
    free_arrays(t);
}

bool cn_topology_run(const cn_topology *t, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs)
{
    int most = 1;
    for (int i = 0; i < t->node_count; i++)
        if (t->node[i]->input_count > most)
            most = t->node[i]->input_count;
    cn_tensor **value = cn_allocate((size_t)(t->value_count + most), sizeof *value);
    if (!value)
        return false;
    cn_tensor **given = value + t->value_count;
    memcpy(value, inputs, (size_t)t->input_count * sizeof *value);
    const int *source = t->source;
    bool done = true;
    int next = t->input_count;
    for (int i = 0; done && i < t->node_count; i++) {
        const cn_node *node = t->node[i];
        for (int j = 0; j < node->input_count; j++, source++)
            given[j] = *source >= 0 ? value[*source] : node->operation ? node->input[j] : NULL;
        done = cn_graph_run_node(node, tape, given, value + next);
        next += node->output_count;
    }
    for (int i = 0; done && i < t->output_count; i++)
        outputs[i] = value[t->output_value[i]];
    cn_release(value);
    return done;
}
