/* Private: layers and their arguments from Keras' configs, by the table of fields of each class.
 *
 * An object is written as its name ("he_normal") or as {"class_name": ..., "config": {...}}; other keys beside these
 * two (module, registered_name, build_config) do not count. Arguments that are missing have their defaults, and so have
 * those that are null unless None is one of their values; an argument that a class does not have is an error, as in
 * Keras, if it is not null. */
#ifndef CN_FORMATS_CONFIG_H
#define CN_FORMATS_CONFIG_H
#include <jansson.h>
#include "layers/layer.h"

/* The name of a class or function, and its arguments, which may be NULL; `what` is for messages. NULL with the error
 * set if the config is not of either form. */
const char *cn_config_split(const char *what, json_t *config, json_t **arguments);

/* False, with an error: `key` of `class` has this value where it wants another. */
bool cn_config_refuse(const char *class, const char *key, json_t *value, const char *wanted);

/* The same: `class` has no argument of that name. */
bool cn_config_refuse_key(const char *class, const char *key);
/* Whether a word is in a list that ends with NULL. */
bool cn_config_is_among(const char *const *list, const char *word);

/* An axis or a list of axes. */
bool cn_config_read_axes(const char *class, json_t *value, cn_axes *axes);

/* null leaves the value as it is. `what` is for messages: the key that has this config. */
bool cn_initializer_from_config(const char *what, json_t *config, cn_initializer *initializer);
bool cn_regularizer_from_config(const char *what, json_t *config, cn_regularizer *regularizer);
bool cn_constraint_from_config(const char *what, json_t *config, cn_constraint *constraint);

/* A layer from {"class_name": ..., "config": {...}}; NULL with the error set. Its element type is that of the config,
 * by default the thread's. Of what Keras 2 writes into a first layer, batch_input_shape is left to the caller. */
cn_layer *cn_layer_from_config(json_t *config);
#endif
