/* Private: the graph that grows as layers and operations are called on symbolic tensors, and who holds its parts.
 *
 * A symbolic tensor is on the tape cn_symbolic_tape(), which records nodes instead of entries. A node is one call of a
 * layer or of an operation. Nodes and layers are counted: a node holds its layer and the nodes of its inputs, a layer
 * its sublayers, the thread's session all that is made, until a model takes it. */
#ifndef CN_LAYERS_GRAPH_H
#define CN_LAYERS_GRAPH_H
#include "core/engine.h"
#include "layers/layer.h"
#include "layers/session.h"

typedef struct cn_node {
    cn_layer *layer;               /* or else */
    const cn_operation *operation; /* with its attributes; cn_scalar_operation and cn_read_operation are leaves */
    void *attributes;
    char *name; /* of the layer; of an operation, a name of its own, as if it were a layer: "multiply_1". Leaves: "" */
    int index;  /* the number of this call among those of its layer */
    int mark;   /* for walks */
    cn_mode mode; /* .training of the call */
    bool use_causal_mask, return_attention_scores, reverse;
    int references;
    struct cn_session *session;
    /* Symbolic tensors; of cn_read_operation the variable. A layer's inputs come first, then the masks and the states
     * that its call named, then the attention mask; a NULL is a mask that was not given. */
    cn_tensor **input;
    int input_count, mask_count, state_count, attention_mask_count; /* input_count: all of them */
    cn_tensor *output;                                              /* an array, owned */
    int output_count;
    cn_shape (*probe)[2]; /* of each output: its shape for two choices of the open dimensions */
} cn_node;

cn_tape *cn_symbolic_tape(void);
/* NULL for what is not symbolic. */
static inline cn_node *cn_node_of(const cn_tensor *tensor)
{
    return tensor ? tensor->node : NULL;
}

/* What an input layer was made from; NULL for other layers. */
const cn_input_args *cn_input_layer_args(const cn_layer *layer);
/* A symbolic tensor of an input layer, as cn_input_layer makes it: another one at each call. */
cn_tensor *cn_graph_input(cn_layer *layer);

/* All nodes that the outputs need, each after those of its inputs; nodes of `inputs` are not passed (their own inputs
 * are not looked at). The caller releases *nodes by cn_release. */
bool cn_graph_walk(cn_tensor *const *outputs, int output_count, cn_tensor *const *inputs, int input_count,
                   cn_node ***nodes, int *count);

/* Records a node on a real tape: inputs[i] stands for node->input[i] (that of cn_read_operation is not looked at), and
 * outputs gets node->output_count tensors. */
bool cn_graph_run_node(const cn_node *node, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs);

/* Who holds what. Taking adds a reference and ends the session's; releasing gives a reference back. */
void cn_layer_take(cn_layer *layer);
void cn_layer_release(cn_layer *layer);
void cn_node_take(cn_node *node);
void cn_node_release(cn_node *node);

/* Weights. */

typedef struct cn_weight_record {
    cn_tensor *variable;
    cn_regularizer regularizer;
    cn_constraint constraint;
    bool trainable; /* as it was made; a frozen layer's are not trained whatever this says */
} cn_weight_record;

/* One weight as a model sees it. */
typedef struct cn_weight_view {
    cn_weight_record *weight;
    bool trainable; /* is trained: neither itself nor a layer around it is frozen */
} cn_weight_view;
/* All weights of a layer (or model) in get_weights order, each once. The caller releases *views by cn_release. */
/* Runs the class' build, whose weights get the names of all layers that are being built, and this one's. */
bool cn_build_within(cn_layer *layer, const cn_shape *in);
/* A number for a name within what `outer` is the number of: whose random numbers a layer draws. */
uint64_t cn_name_stream(uint64_t outer, const char *name);
bool cn_layer_weights(const cn_layer *layer, cn_weight_view **views, int *count);

/* How many bytes of weights this thread may still make, INT64_MAX at first: for models that a file describes, whose
 * weights it must have. Returns what it was. */
int64_t cn_limit_weights(int64_t bytes);

/* The call of a layer on symbolic tensors: makes a node. */
bool cn_graph_call(cn_layer *layer, const cn_call_args *args, cn_tensors *outputs);
/* Builds a layer that is not built yet; open dimensions are -1. False with the error set if the inputs are not what its
 * class wants. */
bool cn_layer_prepare(cn_layer *layer, const cn_shape *inputs, int count);
/* Refuses a recurrent state that has not this shape and the element type of x. */
bool cn_check_state(const cn_layer *layer, const cn_tensor *x, int index, const cn_tensor *state, cn_shape wanted);

/* Another tensor in the same memory, so that it may have another mask. */
cn_tensor *cn_layer_own_tensor(cn_tensor *x);

/* Layers are built under one lock, whatever the thread, and what a call that failed had built is unbuilt: until the
 * outermost end every layer built is on a list. Between the two calls, which nest, no model's lock may be waited for.
 *
 *     cn_layer *mark = cn_building_begin();
 *     return cn_building_end(mark, build some layers); */
cn_layer *cn_building_begin(void);
bool cn_building_end(cn_layer *mark, bool done);
/* Says that a layer is built, which had so many weights and sublayers before. Between the two. */
void cn_layer_set_built(cn_layer *layer, int weights, int sublayers);
#endif
