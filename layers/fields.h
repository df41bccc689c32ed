/* Private: what the tables of fields of layer classes are used for: finding an argument by its name, making a layer
 * from values, and copying one. */
#ifndef CN_LAYERS_FIELDS_H
#define CN_LAYERS_FIELDS_H
#include "layers/layer.h"

/* What every layer has besides its fields. */
typedef struct cn_layer_basics {
    const char *name; /* NULL: an automatic one */
    cn_dtype dtype;
    bool trainable;
    cn_regularizer activity_regularizer;
} cn_layer_basics;

/* NULL, without an error, if the class has no such field. */
const cn_field *cn_field_named(const cn_layer_class *type, const char *name);
/* How many layers a field has room for. */
int cn_field_layers(const cn_field *field);
/* Where a layer has the flag of that name; NULL, without an error, if its class has none. */
bool *cn_layer_flag(cn_layer *layer, const char *name);

/* A layer from a struct of its class whose fields are set; the base is set here. The struct stays the caller's, the
 * layers in its fields become the layer's. */
cn_layer *cn_layer_of_values(const cn_layer_class *type, void *values, const cn_layer_basics *basics);
/* Lets go of the layers in the fields of a struct that does not become a layer. */
void cn_free_field_layers(const cn_layer_class *type, const void *values);

/* An unbuilt layer of the same class with the same arguments, in which layers are copied likewise under their names.
 * What is in the layer's struct besides its fields is as its class' values have it. */
cn_layer *cn_layer_copy(const cn_layer *layer, const char *name);
#endif
