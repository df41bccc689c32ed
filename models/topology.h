/* Private: how the calls of a model hang together. */
#ifndef CN_MODELS_TOPOLOGY_H
#define CN_MODELS_TOPOLOGY_H
#include "layers/graph.h"

/* What a model consists of in Keras' eyes: a layer, or an operation that was called on symbolic tensors. */
typedef struct cn_part {
    cn_layer *layer; /* or NULL: an operation */
    cn_node *node;   /* the operation's, or one of the layer's in this model */
    int depth, number;
} cn_part;

typedef struct cn_topology {
    cn_tensor *input[CN_MAX_TENSORS], *output[CN_MAX_TENSORS]; /* symbolic */
    int input_count, output_count;
    cn_node **node; /* of this model, in an order of execution, without the inputs' */
    int node_count;
    cn_part *part; /* in Keras' order of layers, the inputs' layers included */
    int part_count;
    int *source; /* of every input of every node, in order: the number of the value it reads, or -1 */
    int output_value[CN_MAX_TENSORS]; /* the number of the value of every output */
    int value_count;
    bool chain; /* every depth has one call with at most one input, and no layer is called twice */
} cn_topology;

/* Finds out what lies between inputs and outputs, and takes the nodes. Sets the error if an output cannot be computed
 * from the inputs, or two layers have one name. */
bool cn_topology_connect(cn_topology *topology, const char *model, cn_tensor *const *inputs, cn_tensor *const *outputs);
void cn_topology_free(cn_topology *topology);
/* Records all calls on real tensors. */
bool cn_topology_run(const cn_topology *topology, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs);
#endif
