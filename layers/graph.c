#include "layers/graph.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes */

static void destroy(cn_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->operation == &cn_read_operation)
            cn_variable_free(node->input[i]);
        else if (node->input[i])
            cn_node_release(node->input[i]->node);
    }
    if (node->layer)
        cn_layer_release(node->layer);
    else
        cn_release(node->name);
    cn_release(node->attributes);
    cn_release(node->input);
    cn_release(node->output);
    cn_release(node->probe);
    cn_release(node);
}

void cn_node_release(cn_node *node)
{
    if (node && __atomic_sub_fetch(&node->references, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(node);
}

static void release_held(void *node)
{
    cn_node_release(node);
}

void cn_node_take(cn_node *node)
{
    __atomic_add_fetch(&node->references, 1, __ATOMIC_RELAXED);
    cn_session_drop(node, &node->session);
}

static cn_node *new_node(cn_tensor *const *inputs, int count, bool variables)
{
    cn_node *node = cn_allocate(1, sizeof *node);
    if (!node)
        return NULL;
    node->references = 1;
    node->input = cn_allocate((size_t)count, sizeof *node->input);
    if (!node->input) {
        cn_release(node);
        return NULL;
    }
    node->input_count = count;
    for (int i = 0; i < count; i++) {
        node->input[i] = inputs[i];
        if (variables)
            cn_variable_retain(inputs[i]);
        else if (inputs[i])
            __atomic_add_fetch(&inputs[i]->node->references, 1, __ATOMIC_RELAXED);
    }
    return node;
}

/* Makes a node's outputs; an open dimension is one in which the probes differ. */
static bool set_outputs(cn_node *node, const cn_dtype *dtype, cn_shape (*probe)[2], int count)
{
    node->output = cn_allocate((size_t)count, sizeof *node->output);
    node->probe = cn_allocate((size_t)count, sizeof *node->probe);
    if (!node->output || !node->probe)
        return false;
    node->output_count = count;
    memcpy(node->probe, probe, (size_t)count * sizeof *probe);
    for (int i = 0; i < count; i++) {
        cn_shape shape = probe[i][0];
        for (int d = 0; d < shape.rank; d++)
            if (shape.dim[d] != probe[i][1].dim[d])
                shape.dim[d] = -1;
        cn_tensor *output = &node->output[i];
        *output = (cn_tensor){.tape = cn_symbolic_tape(),
                              .dtype = dtype[i],
                              .shape = shape,
                              .node = node,
                              .name = node->name,
                              .output = i,
                              .weak = node->operation == &cn_scalar_operation};
        cn_set_dense(output);
    }
    return true;
}

static bool finish(cn_node *node)
{
    return cn_session_hold(node, &node->session, release_held);
}

/* Probing */

/* The inputs proper of a layer's node. */
static int layer_inputs(const cn_node *node)
{
    return node->input_count - node->mask_count - node->state_count - node->attention_mask_count;
}

static bool run_layer(const cn_node *node, cn_tensor *const *inputs, cn_tensors *outputs)
{
    cn_call_args args = {.training = node->mode,
                         .use_causal_mask = node->use_causal_mask,
                         .return_attention_scores = node->return_attention_scores,
                         .reverse = node->reverse};
    int states = node->state_count, masks = node->mask_count, count = layer_inputs(node);
    memcpy(args.inputs, inputs, (size_t)count * sizeof *inputs);
    memcpy(args.mask, inputs + count, (size_t)masks * sizeof *inputs);
    memcpy(args.states, inputs + count + masks, (size_t)states * sizeof *inputs);
    if (node->attention_mask_count)
        args.attention_mask = inputs[count + masks + states];
    *outputs = cn_call_layer_many(node->layer, args);
    return outputs->count > 0;
}

bool cn_graph_run_node(const cn_node *node, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs)
{
    if (cn_failed())
        return false;
    if (node->layer) {
        cn_tensors made;
        if (!run_layer(node, inputs, &made))
            return false;
        if (made.count != node->output_count)
            return cn_fail(CN_STATE, "%s: gave %d outputs before, %d now", node->name, node->output_count, made.count);
        memcpy(outputs, made.item, (size_t)made.count * sizeof *outputs);
        return true;
    }
    if (node->operation == &cn_read_operation)
        return (outputs[0] = cn_read(tape, node->input[0])) != NULL;
    return cn_record_on(tape, node->operation, node->attributes, inputs, node->input_count, outputs,
                        node->output_count);
}

/* The probe's inputs: as feeds of a tape that carries shapes only. */
static bool feed_probe(const cn_node *node, int which, cn_tape *tape, cn_tensor **inputs)
{
    for (int i = 0; i < node->input_count; i++) {
        const cn_tensor *input = node->input[i];
        if (!input || node->operation == &cn_read_operation)
            continue;
        tape->feed_count = 0; /* it is never run, so the feeds are not counted */
        inputs[i] = cn_feed(tape, input->node->probe[input->output][which], .dtype = input->dtype);
        if (!inputs[i])
            return false;
        inputs[i]->weak = input->weak;
    }
    return true;
}

/* Records the node on a probe tape and notes the types of its outputs. */
static bool probe_once(const cn_node *node, int which, cn_tensor **inputs, cn_tensor **outputs, int *count,
                       cn_dtype *dtype, cn_shape (*probe)[2])
{
    cn_tape *tape = cn_shapes_tape(false);
    bool done = tape && feed_probe(node, which, tape, inputs);
    if (done && node->layer) {
        cn_tensors made;
        done = run_layer(node, inputs, &made);
        memcpy(outputs, made.item, sizeof made.item);
        if (done && which == 1 && *count != made.count)
            done = cn_fail(CN_SHAPES, "%s: the number of its outputs depends on the sizes of its inputs", node->name);
        *count = made.count;
    } else if (done) {
        done = cn_graph_run_node(node, tape, inputs, outputs);
    }
    for (int i = 0; i < *count && done; i++) {
        if (which == 1 && probe[i][0].rank != outputs[i]->shape.rank)
            done = cn_fail(CN_SHAPES, "%s: the rank of its output depends on the sizes of its inputs", node->name);
        probe[i][which] = outputs[i]->shape;
        dtype[i] = outputs[i]->dtype;
    }
    cn_tape_free(tape);
    return done;
}

/* Multiples of a probed batch are what several axes have become one. */
static bool is_probe_size(const cn_node *node, int which, int64_t size)
{
    for (int i = 0; i < node->input_count; i++) {
        const cn_tensor *input = node->input[i];
        if (!input || !input->node)
            continue;
        const cn_shape *shape = input->node->probe[input->output];
        for (int d = 0; d < input->shape.rank; d++)
            if (input->shape.dim[d] < 0 && size > 0 &&
                (d == 0 ? size % shape[which].dim[d] == 0 : size == shape[which].dim[d]))
                return true;
    }
    return false;
}

/* Writes None in the place of probed sizes in the error message. */
static void hide_probe_sizes(const cn_node *node, int which)
{
    char text[1024];
    size_t used = 0;
    cn_code code = cn_error_code();
    const char *c = cn_error_message();
    while (*c && used + 24 < sizeof text) {
        char *end = (char *)(uintptr_t)c;
        bool begins = isdigit((unsigned char)*c) &&
                      (used == 0 || !(isalnum((unsigned char)text[used - 1]) || strchr("_.", text[used - 1])));
        long long number = begins ? strtoll(c, &end, 10) : 0;
        if (begins && is_probe_size(node, which, number))
            used += (size_t)sprintf(text + used, "None");
        else if (begins)
            used += (size_t)sprintf(text + used, "%.*s", (int)(end - c < 20 ? end - c : 20), c);
        else
            text[used++] = *c++;
        c = begins ? end : c;
    }
    text[used] = '\0';
    cn_error_clear();
    cn_fail(code, "%s", text);
}

/* The shapes that a class gives itself. */
static bool ask_shapes(const cn_node *node, int which, int *count, cn_dtype *dtype, cn_shape (*probe)[2])
{
    cn_shape in[CN_MAX_TENSORS], out[CN_MAX_TENSORS];
    int inputs = layer_inputs(node);
    for (int i = 0; i < inputs; i++)
        in[i] = node->input[i]->node->probe[node->input[i]->output][which];
    if (!node->layer->type->output_shape(node->layer, in, inputs, out, count))
        return cn_fail(CN_SHAPES, "%s: has no output for these inputs", node->name);
    for (int i = 0; i < *count; i++) {
        probe[i][which] = out[i];
        dtype[i] = node->layer->dtype;
    }
    return true;
}

static bool find_outputs(cn_node *node, int count)
{
    int room = count > CN_MAX_TENSORS ? count : CN_MAX_TENSORS;
    cn_tensor **inputs = cn_allocate((size_t)node->input_count, sizeof *inputs);
    cn_tensor **outputs = cn_allocate((size_t)room, sizeof *outputs);
    cn_dtype *dtype = cn_allocate((size_t)room, sizeof *dtype);
    cn_shape(*probe)[2] = cn_allocate((size_t)room, sizeof *probe);
    bool done = inputs && outputs && dtype && probe;
    node->output_count = count;
    for (int which = 0; which < 2 && done; which++) {
        done = node->layer && node->layer->type->output_shape
                   ? ask_shapes(node, which, &count, dtype, probe)
                   : probe_once(node, which, inputs, outputs, &count, dtype, probe);
        if (!done)
            hide_probe_sizes(node, which);
    }
    done = done && set_outputs(node, dtype, probe, count);
    cn_release(inputs);
    cn_release(outputs);
    cn_release(dtype);
    cn_release(probe);
    return done;
}

/* Calls of layers */

static int gather(cn_tensor *const *from, int count, cn_tensor **to)
{
    memcpy(to, from, (size_t)count * sizeof *to);
    return count;
}

static int last_given(cn_tensor *const *tensors)
{
    int count = CN_MAX_TENSORS;
    while (count > 0 && !tensors[count - 1])
        count--;
    return count;
}

static bool add_call(cn_layer *layer, const cn_call_args *args, cn_tensors *outputs)
{
    cn_tensor *all[3 * CN_MAX_TENSORS + 1];
    cn_shape shapes[CN_MAX_TENSORS];
    int inputs = 0, masks = last_given(args->mask), states = last_given(args->states);
    int attention_masks = args->attention_mask != NULL;
    while (inputs < CN_MAX_TENSORS && args->inputs[inputs])
        inputs++;
    int count = gather(args->inputs, inputs, all);
    count += gather(args->mask, masks, all + count);
    count += gather(args->states, states, all + count);
    count += gather(&args->attention_mask, attention_masks, all + count);
    for (int i = 0; i < count; i++)
        if (all[i] && !all[i]->tape && !(all[i] = cn_read(cn_symbolic_tape(), all[i])))
            return false;
    for (int i = 0; i < inputs; i++)
        shapes[i] = all[i]->shape;
    if (!cn_layer_prepare(layer, shapes, inputs))
        return false;
    cn_node *node = new_node(all, count, false);
    if (node) {
        __atomic_add_fetch(&layer->references, 1, __ATOMIC_RELAXED);
        node->layer = layer;
        node->name = layer->name;
        node->index = layer->node_count;
        node->mode = args->training;
        node->mask_count = masks;
        node->state_count = states;
        node->attention_mask_count = attention_masks;
        node->use_causal_mask = args->use_causal_mask;
        node->return_attention_scores = args->return_attention_scores;
        node->reverse = args->reverse;
    }
    if (!node || !find_outputs(node, 0) || !finish(node)) {
        cn_node_release(node);
        return false;
    }
    layer->node_count++;
    if (node->output_count > CN_MAX_TENSORS)
        return cn_fail(CN_ARGUMENT, "%s: has more than %d outputs", layer->name, CN_MAX_TENSORS);
    outputs->count = node->output_count;
    for (int i = 0; i < node->output_count; i++)
        outputs->item[i] = &node->output[i];
    return true;
}

bool cn_graph_call(cn_layer *layer, const cn_call_args *args, cn_tensors *outputs)
{
    cn_layer *mark = cn_building_begin();
    return cn_building_end(mark, add_call(layer, args, outputs));
}

/* Operations */

static bool record_node(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                        int count, cn_tensor **outputs, int output_count)
{
    (void)tape;
    bool reads = operation == &cn_read_operation;
    cn_node *node = new_node(inputs, count, reads);
    if (!node)
        return false;
    node->operation = operation;
    bool done = true;
    if (attributes && operation->attributes > 0) {
        node->attributes = cn_allocate(1, operation->attributes);
        done = node->attributes != NULL;
        if (done)
            memcpy(node->attributes, attributes, operation->attributes);
    }
    bool leaf = reads || operation == &cn_scalar_operation;
    done = done && find_outputs(node, output_count);
    if (done)
        done = (node->name = leaf ? cn_copy_string("") : cn_automatic_name(operation->name, false)) && finish(node);
    if (!done) {
        cn_node_release(node);
        return false;
    }
    for (int i = 0; i < output_count; i++) {
        node->output[i].name = node->name;
        outputs[i] = &node->output[i];
    }
    return true;
}

cn_tape *cn_symbolic_tape(void)
{
    static cn_tape tape = {.kind = CN_SYMBOLIC, .record = record_node};
    return &tape;
}

/* Inputs */

/* What open dimensions are probed with: sizes that divide well and differ clearly, the same for an axis of every input,
 * so that inputs which are to meet in one operation do. */
static cn_shape probe_shape(cn_shape shape, int which)
{
    static const int64_t batch[2] = {5040, 7560}, other[2] = {480, 672};
    for (int d = 0; d < shape.rank; d++)
        if (shape.dim[d] < 0)
            shape.dim[d] = d == 0 ? batch[which] : other[which] << (d - 1);
    return shape;
}

cn_tensor *cn_graph_input(cn_layer *layer)
{
    if (cn_failed())
        return NULL;
    const cn_input_args *args = cn_input_layer_args(layer);
    if (!args) {
        cn_fail(CN_ARGUMENT, "%s: is not an input layer", cn_layer_name(layer));
        return NULL;
    }
    cn_shape shape = {.rank = args->shape.rank + 1, .dim = {args->batch_size > 0 ? args->batch_size : -1}};
    memcpy(shape.dim + 1, args->shape.dim, (size_t)args->shape.rank * sizeof *shape.dim);
    cn_node *node = new_node(NULL, 0, false);
    if (!node)
        return NULL;
    __atomic_add_fetch(&layer->references, 1, __ATOMIC_RELAXED);
    node->layer = layer;
    node->name = layer->name;
    node->index = layer->node_count;
    cn_shape probe[1][2] = {{probe_shape(shape, 0), probe_shape(shape, 1)}};
    if (!set_outputs(node, &args->dtype, probe, 1) || !finish(node)) {
        cn_node_release(node);
        return NULL;
    }
    layer->node_count++;
    return &node->output[0];
}

cn_tensor *cn_input_with(cn_input_args args)
{
    cn_layer *layer = cn_input_layer_with(args);
    return layer ? cn_graph_input(layer) : NULL;
}

/* Walking */

typedef struct walk {
    cn_node **node;
    int count, capacity, mark;
} graph_walk;

static bool visit(graph_walk *walk, cn_node *node)
{
    if (node->mark == walk->mark)
        return true;
    node->mark = walk->mark;
    for (int i = 0; i < node->input_count && node->operation != &cn_read_operation; i++)
        if (node->input[i] && !visit(walk, node->input[i]->node))
            return false;
    if (!cn_grow((void **)&walk->node, walk->count, &walk->capacity, sizeof *walk->node))
        return false;
    walk->node[walk->count++] = node;
    return true;
}

bool cn_graph_walk(cn_tensor *const *outputs, int output_count, cn_tensor *const *inputs, int input_count,
                   cn_node ***nodes, int *count)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int walks; /* the marks of one walk must not meet those of another */
    graph_walk walk = {0};
    if (cn_failed())
        return false;
    for (int i = 0; i < output_count; i++)
        if (!cn_node_of(outputs[i]))
            return cn_fail(CN_ARGUMENT, "graph: output %d is not a symbolic tensor", i);
    for (int i = 0; i < input_count; i++)
        if (!cn_node_of(inputs[i]))
            return cn_fail(CN_ARGUMENT, "graph: input %d is not a symbolic tensor", i);
    pthread_mutex_lock(&lock);
    walk.mark = ++walks;
    bool done = true;
    for (int i = 0; i < input_count; i++)
        inputs[i]->node->mark = walk.mark;
    for (int i = 0; i < output_count && done; i++)
        done = visit(&walk, outputs[i]->node);
    pthread_mutex_unlock(&lock);
    if (!done) {
        cn_release(walk.node);
        return false;
    }
    *nodes = walk.node;
    *count = walk.count;
    return true;
}
