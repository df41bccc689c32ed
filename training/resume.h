/* Private: a checkpoint of a fit, from which it goes on: besides the model, its optimizer, the number of steps and the
 * seed (formats/checkpoint.h), the place in the data, the sums of the epoch so far, and what callbacks remember. */
#ifndef CN_TRAINING_RESUME_H
#define CN_TRAINING_RESUME_H
#include "training/fitting.h"

/* In a hook at the end of an epoch or a training batch. The file replaces the one that is there as a whole. */
bool cn_save_fit(cn_fitting *fitting, const char *path);
/* In on_train_begin, after the other callbacks'. If the file is damaged, or of a fit with another model, optimizer or
 * other callbacks, the error is set, and weights and optimizer are as they were. */
bool cn_resume_fit(cn_fitting *fitting, const char *path);
#endif
