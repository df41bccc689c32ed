/* Private: Keras' configs of layers and their arguments, written from the same tables that formats/config.h reads by.
 * Each function returns an object that the caller lets go of; NULL with the error set (CN_UNSUPPORTED for what a config
 * cannot have: functions and values of the user's own without a name). */
#ifndef CN_FORMATS_CONFIG_WRITING_H
#define CN_FORMATS_CONFIG_WRITING_H
#include <jansson.h>
#include "layers/layer.h"

/* {"module", "class_name", "config", "registered_name"}, of which the first and the last may be null. The config
 * becomes the object's. */
json_t *cn_config_object(const char *module, const char *class_name, const char *registered, json_t *config);
/* Sets a key to a value, which becomes the config's; false with the error set if it is none: JSON has neither NaN nor
 * infinity. */
bool cn_config_set(json_t *config, const char *key, json_t *value);
/* null for infinity, NaN and CN_NONE. */
json_t *cn_config_number(double number);
/* A list; null for an open dimension. */
json_t *cn_config_shape(cn_shape shape);

json_t *cn_layer_config(cn_layer *layer);
#endif
