/* Private: losses, metrics and optimizers from Keras' configs: a name ("mse"), or {"class_name": ..., "config": {...}}.
 * Arguments that are missing or null have their defaults. False with the error set for a name or an argument that is
 * not known. */
#ifndef CN_FORMATS_CONFIG_TRAINING_H
#define CN_FORMATS_CONFIG_TRAINING_H
#include <jansson.h>
#include "losses/metric.h"
#include "optim/optimizer.h"

bool cn_loss_from_config(json_t *config, cn_loss *loss);
/* Its name is a text of the config, if that has one. */
bool cn_metric_from_config(json_t *config, cn_metric *metric);
/* The name of a class in any letter case. The texts of the config, and for a MultiOptimizer what was read, are used
 * until the updater is made, or another MultiOptimizer is read in this thread. */
bool cn_optimizer_from_config(json_t *config, cn_optimizer *optimizer);
bool cn_schedule_from_config(json_t *config, cn_schedule *schedule);
#endif
