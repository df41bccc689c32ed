/* The layer protocol: what a layer is, how it is called, and how to write one.
 *
 * A layer is an object with weights, made from a row of type cn_layer_class; a row of the user's own stands on equal
 * terms with the built-in ones. Calling a layer on a real tensor computes; on a symbolic one (cn_input) it grows a
 * graph that becomes a model. The first call builds the layer: its weights get their shapes from the input's. */
#ifndef CN_LAYERS_LAYER_H
#define CN_LAYERS_LAYER_H
#include "initializer.h"
#include "regularizer.h"
#include "../core/operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_layer cn_layer;
typedef struct cn_model cn_model;
typedef struct cn_layer_class cn_layer_class;

/* Whether a call behaves as in training (dropout, batch statistics); by default as the tape says. */
typedef enum cn_mode { CN_INHERIT, CN_TRAINING, CN_INFERENCE } cn_mode;

/* Calling */

/* cn_call(layer, x): a layer or a model with one input and one output. */
#define cn_call(layer, x) _Generic((layer), cn_layer * : cn_call_layer, cn_model * : cn_call_model)((layer), (x))
CN_API cn_tensor *cn_call_layer(cn_layer *layer, cn_tensor *x);
CN_API cn_tensor *cn_call_model(cn_model *model, cn_tensor *x);

typedef struct cn_call_args {
    char first_;
    cn_tensor *inputs[CN_MAX_TENSORS];
    cn_tensor *mask[CN_MAX_TENSORS];   /* of each input, I32 with 1 for what counts; by default the input's own */
    cn_tensor *states[CN_MAX_TENSORS]; /* initial states of recurrent layers */
    cn_mode training;
    /* Of attention layers; others refuse them. */
    cn_tensor *attention_mask;    /* (batch, queries, keys), not 0 where a query may see a key */
    bool use_causal_mask;         /* query i sees keys 0 to i */
    bool return_attention_scores; /* as a second output */
    bool reverse;                 /* of a ReversibleEmbedding alone: from vectors to a logit for each id */
} cn_call_args;
/* cn_call_many(layer, {a, b}, .mask = {m}, .states = {h, c}): several inputs, outputs or states. An empty list (count
 * 0) with the error set on failure. */
#define cn_call_many(layer, ...)              \
    _Generic((layer), cn_layer *              \
             : cn_call_layer_many, cn_model * \
             : cn_call_model_many)((layer), (cn_call_args){.first_ = 0, __VA_ARGS__})
CN_API cn_tensors cn_call_layer_many(cn_layer *layer, cn_call_args args);
CN_API cn_tensors cn_call_model_many(cn_model *model, cn_call_args args);

/* A symbolic tensor of a model's input. The dimensions are those of a sample, without the batch; -1 leaves one open. */
#define cn_input(...) cn_input_with((cn_input_args){.dtype = cn_default_dtype(), .shape = CN_SHAPE(__VA_ARGS__)})
/* The same as the first layer of a sequential model. */
#define cn_input_layer(...) \
    cn_input_layer_with((cn_input_args){.dtype = cn_default_dtype(), .shape = CN_SHAPE(__VA_ARGS__)})
typedef struct cn_input_args {
    cn_shape shape;
    cn_dtype dtype CN_DEFAULT(cn_default_dtype()); /* to give integers to an Embedding without a detour, CN_I32 */
    int64_t batch_size;                            /* 0: open */
    const char *name;                              /* by default input_1, input_2, ... */
} cn_input_args;
CN_API cn_tensor *cn_input_with(cn_input_args args);
CN_API cn_layer *cn_input_layer_with(cn_input_args args);

/* The mask that rides on a tensor (I32, 1 for what counts), or NULL. */
CN_API cn_tensor *cn_mask_of(const cn_tensor *tensor);

/* Owning. What is made before a model exists is held by the thread until a model takes it; layers and graph nodes are
 * counted, so that models may share them and be freed in any order. */

/* Frees a layer that no model has taken and no symbolic tensor uses. NULL is fine. */
CN_API void cn_layer_free(cn_layer *layer);
/* Lets go of what no model took, and begins the automatic names (dense, dense_1, ...) anew. */
CN_API void cn_clear_session(void);

/* Asking. These take a layer or a model, as cn_call does. */

#ifndef __cplusplus
#define cn_layer_name(of) (cn_layer_name)(CN_LAYER_OF_(of))
#define cn_weight_count(of) (cn_weight_count)(CN_LAYER_OF_(of))
#define cn_weight(of, index) (cn_weight)(CN_LAYER_OF_(of), (index))
#define cn_count_params(of) (cn_count_params)(CN_LAYER_OF_(of))
#define cn_set_trainable(of, trainable) (cn_set_trainable)(CN_LAYER_OF_(of), (trainable))
#define cn_is_trainable(of) (cn_is_trainable)(CN_LAYER_OF_(of))
#define cn_reset_states(of) (cn_reset_states)(CN_LAYER_OF_(of))
#define cn_build(of, input) (cn_build)(CN_LAYER_OF_(of), (input))
#define CN_LAYER_OF_(of) \
    _Generic((of), cn_model * : cn_model_layer, const cn_model * : cn_model_layer, default : cn_layer_itself_)(of)
static inline cn_layer *cn_layer_itself_(const cn_layer *layer)
{
    return (cn_layer *)(uintptr_t)layer;
}
#endif
/* The model as a layer. */
CN_API cn_layer *cn_model_layer(const cn_model *model);

CN_API const char *(cn_layer_name)(const cn_layer *layer);
/* Renames a layer before it is called: names are unique within a model. Returns the layer. */
CN_API cn_layer *cn_named(cn_layer *layer, const char *name);
/* The weights as Keras' get_weights() lists them: own trainable, own others, then those of the sublayers; of a model
 * those of its layers. An index out of range is an error. */
CN_API int(cn_weight_count)(const cn_layer *layer);
CN_API cn_tensor *(cn_weight)(const cn_layer *layer, int index);
/* Number of elements of all weights. */
CN_API int64_t(cn_count_params)(const cn_layer *layer);
/* Sets all weights from arrays, one a weight, or reads them: cn_set_weights(layer, cn_array(kernel, 2, 3),
 * cn_array(bias, 3)). An error, and nothing changed, unless number and shapes fit. */
#define cn_set_weights(of, ...)                                     \
    cn_set_weights_from(CN_LAYER_OF_(of), (cn_view[]){__VA_ARGS__}, \
                        (int)(sizeof((cn_view[]){__VA_ARGS__}) / sizeof(cn_view)))
#define cn_get_weights(of, ...)                                     \
    cn_get_weights_into(CN_LAYER_OF_(of), (cn_view[]){__VA_ARGS__}, \
                        (int)(sizeof((cn_view[]){__VA_ARGS__}) / sizeof(cn_view)))
CN_API bool cn_set_weights_from(cn_layer *layer, const cn_view *values, int count);
CN_API bool cn_get_weights_into(cn_layer *layer, const cn_view *values, int count);
/* Frozen weights are not trained, nor those of sublayers. Compile the model again after a change. */
CN_API void(cn_set_trainable)(cn_layer *layer, bool trainable);
CN_API bool(cn_is_trainable)(const cn_layer *layer);
/* Forgets what the calls so far left for the next one: the states of recurrent layers with .stateful. */
CN_API void(cn_reset_states)(cn_layer *layer);
/* Builds for an input shape that includes the batch (-1: open), as the first call would. */
CN_API bool(cn_build)(cn_layer *layer, cn_shape input);

/* Writing a layer */

/* One argument of a layer's constructor: the table of them drives reading and writing of configs, and copying. Two in
 * one place are two names for it, of which the first is written. */
typedef enum cn_field_type {
    CN_FIELD_END_,
    CN_FIELD_TYPE_INT,         /* int64_t */
    CN_FIELD_TYPE_OPTIONAL,    /* int64_t, CN_NONE for None */
    CN_FIELD_TYPE_BOOL,        /* bool */
    CN_FIELD_TYPE_FLOAT,       /* double */
    CN_FIELD_TYPE_INTS,        /* cn_shape: a number or a list of numbers */
    CN_FIELD_TYPE_SIZES,       /* int64_t [CN_SPACE]: a positive number or a list of them (core/ops/window.h) */
    CN_FIELD_TYPE_RANGE,       /* double [2]: the ends of a range, rising, or a positive number {x, 0} until init */
    CN_FIELD_TYPE_NUMBERS,     /* cn_view of numbers; data NULL for None. init copies them */
    CN_FIELD_TYPE_STRING,      /* char [CN_NAME_BYTES] */
    CN_FIELD_TYPE_CHOICE,      /* int; `choices` names its values */
    CN_FIELD_TYPE_ACTIVATION,  /* cn_activation *, NULL for linear */
    CN_FIELD_TYPE_INITIALIZER, /* cn_initializer */
    CN_FIELD_TYPE_REGULARIZER, /* cn_regularizer */
    CN_FIELD_TYPE_CONSTRAINT,  /* cn_constraint */
    CN_FIELD_TYPE_LAYER,       /* cn_layer *, held by this one */
    CN_FIELD_TYPE_LAYERS,      /* cn_layer *[CN_MAX_LAYERS], held by this one; ends with NULL */
    CN_FIELD_TYPE_POINTER      /* to data or a function of the user's: copied, but no config can have one */
} cn_field_type;

typedef struct cn_field {
    const char *name; /* Keras' name of the argument */
    cn_field_type type;
    uint32_t offset;
    const char *const *choices; /* NULL-terminated */
} cn_field;
#define CN_FIELD_INT(structure, field)                              \
    {                                                               \
#field, CN_FIELD_TYPE_INT, offsetof(structure, field), NULL \
    }
#define CN_FIELD_OPTIONAL(structure, field)                              \
    {                                                                    \
#field, CN_FIELD_TYPE_OPTIONAL, offsetof(structure, field), NULL \
    }
#define CN_FIELD_BOOL(structure, field)                              \
    {                                                                \
#field, CN_FIELD_TYPE_BOOL, offsetof(structure, field), NULL \
    }
#define CN_FIELD_FLOAT(structure, field)                              \
    {                                                                 \
#field, CN_FIELD_TYPE_FLOAT, offsetof(structure, field), NULL \
    }
#define CN_FIELD_INTS(structure, field)                              \
    {                                                                \
#field, CN_FIELD_TYPE_INTS, offsetof(structure, field), NULL \
    }
#define CN_FIELD_STRING(structure, field)                              \
    {                                                                  \
#field, CN_FIELD_TYPE_STRING, offsetof(structure, field), NULL \
    }
#define CN_FIELD_CHOICE(structure, field, names)                          \
    {                                                                     \
#field, CN_FIELD_TYPE_CHOICE, offsetof(structure, field), (names) \
    }
#define CN_FIELD_ACTIVATION(structure, field)                              \
    {                                                                      \
#field, CN_FIELD_TYPE_ACTIVATION, offsetof(structure, field), NULL \
    }
#define CN_FIELD_INITIALIZER(structure, field)                              \
    {                                                                       \
#field, CN_FIELD_TYPE_INITIALIZER, offsetof(structure, field), NULL \
    }
#define CN_FIELD_REGULARIZER(structure, field)                              \
    {                                                                       \
#field, CN_FIELD_TYPE_REGULARIZER, offsetof(structure, field), NULL \
    }
#define CN_FIELD_CONSTRAINT(structure, field)                              \
    {                                                                      \
#field, CN_FIELD_TYPE_CONSTRAINT, offsetof(structure, field), NULL \
    }
#define CN_FIELD_LAYER(structure, field)                              \
    {                                                                 \
#field, CN_FIELD_TYPE_LAYER, offsetof(structure, field), NULL \
    }
#define CN_FIELD_POINTER(structure, field)                              \
    {                                                                   \
#field, CN_FIELD_TYPE_POINTER, offsetof(structure, field), NULL \
    }

#define CN_FIELD_LAYERS(structure, field)                              \
    {                                                                  \
#field, CN_FIELD_TYPE_LAYERS, offsetof(structure, field), NULL \
    }

enum { CN_NAME_BYTES = 64, CN_MAX_FIELDS = 32, CN_MAX_LAYERS = 16 };

/* What happens to the masks of the inputs. */
typedef enum cn_mask_rule {
    CN_MASK_DROPS,  /* the output has none */
    CN_MASK_PASSES, /* every output has that of input 0 */
    CN_MASK_MAKES   /* `call_many` sets the masks of its outputs itself, by cn_set_mask */
} cn_mask_rule;

/* One call, as call_many sees it. */
typedef struct cn_layer_call {
    cn_tensors inputs, states;
    cn_tensor *mask[CN_MAX_TENSORS]; /* of each input, or NULL */
    cn_tensor *attention_mask;       /* or NULL */
    bool training, use_causal_mask, return_attention_scores, reverse;
    cn_tape *tape;
} cn_layer_call;

/* Batches of data, one after the other: `next` returns 1 and a batch, which lasts until the next call, 0 at the end, or
 * -1 with the error set. */
typedef struct cn_batch_source {
    int (*next)(void *context, cn_view *batch);
    void *context;
} cn_batch_source;

struct cn_layer_class {
    const char *name;                                   /* Keras' class name: "Dense" */
    const char *alias;                                  /* another name of Keras' for it, or NULL */
    size_t size;                                        /* of the layer's struct, whose first member is a cn_layer */
    bool (*init)(cn_layer *layer);                      /* checks the arguments, makes sublayers; may be NULL */
    bool (*build)(cn_layer *layer, const cn_shape *in); /* makes the weights; in[] has a shape an input, open dims -1 */
    cn_tensor *(*call)(cn_layer *layer, cn_tensor *x);  /* one in, one out; or else */
    bool (*call_many)(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs);
    /* May be NULL: the shapes are then found by recording the call on tapes that carry shapes only. */
    bool (*output_shape)(cn_layer *layer, const cn_shape *in, int count, cn_shape *out, int *out_count);
    /* Of a recurrent cell: the shapes of its states for one sample, known after init. It is called with one input and
     * these states (zeros if none are given) and gives its output, then the new states. NULL for other layers. */
    bool (*states)(cn_layer *cell, cn_shape *states, int *count);
    cn_tensor *(*kept_state)(cn_layer *layer, int index); /* the variables that a call leaves for the next one, zero at
                                                             first; NULL past the last. May be NULL */
    /* Learns from data before training, in place of what it knew, which stays if this fails; may be NULL. */
    bool (*adapt)(cn_layer *layer, const cn_batch_source *source);
    void (*free)(cn_layer *layer); /* what the struct owns besides weights and sublayers; may be NULL */
    cn_mask_rule mask;
    /* In its calls; to others they are an error. takes_scores: return_attention_scores. */
    bool takes_states, takes_attention_mask, takes_causal_mask, takes_scores, takes_reverse;
    bool mixes_samples; /* the output of a sample depends on the others of its batch */
    int inputs;         /* so many; 0: any number, of a class with `call` one */
    int rank, min_rank; /* of the input, with the batch; 0: any. Checked before build, as Keras' input_spec */
    int fixed_axis;     /* of input 0: has the size it was built for in every call (-1: the last); 0: none */
    const char *base;   /* the automatic name's stem, by default the snake case of the class name */
    const void *values; /* a struct with every argument's default, which a config that is read overrides; may be NULL */
    cn_field fields[CN_MAX_FIELDS];
};

/* The base of every layer's struct; use the functions above. */
struct cn_layer {
    const cn_layer_class *type;
    char *name;
    struct cn_weight_record *weight;
    struct cn_layer **sublayer;
    int weight_count, weight_capacity, sublayer_count, sublayer_capacity;
    int references;
    int input_count; /* built for so many inputs; in build, how many there are */
    int node_count;  /* calls on symbolic tensors so far */
    cn_dtype dtype;  /* of weights made from now on */
    int fixed_axis;  /* its class', unless init says otherwise */
    bool built, trainable, named;
    bool ready; /* built, and nothing may undo that any more */
    cn_regularizer activity_regularizer;
    cn_shape input_shape;       /* that it was built for */
    struct cn_session *session; /* the thread's, while that holds it */
    /* While what is being built may be undone: the layer built before it, and what this one had then. */
    struct cn_layer *built_before;
    int weights_before, sublayers_before;
};

/* A layer made from a class row and a struct of arguments: `#define my_dense(...)
 * cn_layer_like(&my_dense_class, &(my_dense){.base = {0}, __VA_ARGS__})`. Of the base, `name` and
 * `activity_regularizer` are taken over. */
CN_API cn_layer *cn_layer_like(const cn_layer_class *type, const void *values);
/* Makes a class known by its name, for reading it from files. */
CN_API bool cn_register_layer(const cn_layer_class *type);
CN_API const cn_layer_class *cn_layer_class_named(const char *name);

typedef struct cn_weight_args {
    cn_shape shape;
    cn_initializer initializer; /* glorot_uniform by default, zeros for integers */
    cn_shape fans; /* what the initializer takes for the shape, with as many elements; by default the shape */
    cn_regularizer regularizer;
    cn_constraint constraint;
    bool trainable;
    cn_dtype dtype; /* the layer's by default */
} cn_weight_args;
/* In build: a weight of the layer's: cn_add_weight(layer, "bias", CN_SHAPE(3), .initializer = cn_init_zeros()). The
 * handle is good as long as the layer. */
#define cn_add_weight(layer, name, ...) \
    cn_add_weight_with((layer), (name), \
                       (cn_weight_args){.dtype = (layer)->dtype, .trainable = true, .shape = __VA_ARGS__})
CN_API cn_tensor *cn_add_weight_with(cn_layer *layer, const char *name, cn_weight_args args);
/* In init or build: a layer inside this one, whose weights are this one's too. Returns the sublayer. */
CN_API cn_layer *cn_add_sublayer(cn_layer *layer, cn_layer *sublayer);
/* In call: a scalar that is added to the loss of the model. */
CN_API bool cn_add_loss(cn_layer *layer, cn_tensor *loss);
/* In call_many of a class with CN_MASK_MAKES: the mask of an output, which may be NULL. */
CN_API void cn_set_mask(cn_tensor *output, cn_tensor *mask);

#ifdef __cplusplus
}
#endif
#endif
