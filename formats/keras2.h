/* Private: what the configs of Keras 1 and 2 mean in the words of Keras 3. */
#ifndef CN_FORMATS_KERAS2_H
#define CN_FORMATS_KERAS2_H
#include <jansson.h>
#include "core/error.h"

/* Registers the activations that only Keras 2 has, so that files that name them can be read. */
bool cn_register_keras2_activations(void);
/* Changes a config of Keras 1 or 2 in place: hard_sigmoid is clip(x / 5 + 1 / 2, 0, 1) there, and a GRU resets before
 * the product unless it says otherwise. */
void cn_upgrade_keras2_config(json_t *config);
/* The same of a training_config or a compile_config: a rate that decays with each step is a schedule of its own now. */
void cn_upgrade_keras2_training(json_t *config);
#endif
