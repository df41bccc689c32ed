/* Private: which of several optimizers a variable goes to. */
#ifndef CN_OPTIM_CHOICE_H
#define CN_OPTIM_CHOICE_H
#include "optim/multi.h"

/* The number of optimizers: the default one and the others. */
int cn_optimizer_count(const cn_optimizer *optimizer);
/* Optimizer 0, the default one, or 1, 2, ... */
cn_optimizer cn_optimizer_at(const cn_optimizer *optimizer, int index);
/* The index of the optimizer for a variable of that name; -1 with the error set. */
int cn_choose_optimizer(const cn_optimizer *optimizer, const char *name);
#endif
