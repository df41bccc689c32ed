/* Private: what fit has seen. */
#ifndef CN_TRAINING_HISTORY_H
#define CN_TRAINING_HISTORY_H
#include "training/training.h"

/* A new history, which the model owns instead of the one before. */
cn_history *cn_history_begin(cn_model *model, int first_epoch);
bool cn_history_append(cn_history *history, const cn_logs *logs);
#endif
