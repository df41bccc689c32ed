/* Private: the updates of optimizers as operations. Each takes the values before, output i standing for input i, and in
 * the end `step`: CN_STEP_SCALARS float64 numbers (core/kernels/optimizer.h), recorded too, so that a plan can run any
 * number of times. Where step says that nothing is applied, outputs are the inputs. All but step have one shape and one
 * float type. No gradient goes through an update. Neighbours in memory are run as one. */
#ifndef CN_CORE_OPS_UPDATE_H
#define CN_CORE_OPS_UPDATE_H
#include "core/kernels/optimizer.h"
#include "core/operation.h"

enum { CN_UPDATE_CONSTANTS = 4, CN_MAX_UPDATE_INPUTS = 6 };

/* By index, CN_UPDATE_(name):
 *   sgd             w, g; constants: decays (1, or 0 for a variable without weight decay)
 *   sgd_momentum    w, m, g; decays, momentum, nesterov (1 or 0)
 *   adam            w, m, v, g; decays, 1 - beta_1, 1 - beta_2, epsilon
 *   adam_amsgrad    w, m, v, v_hat, g; the same
 *   rmsprop         w, v, g; decays, rho, epsilon
 *   accumulate      sum, g -> the next sum (0 once it is applied), mean; number of gradients
 *   moving_average  average, w -> average, w (the average, where it overwrites)
 * `inputs` are given without step. */
bool cn_record_update(int update, const double constant[CN_UPDATE_CONSTANTS], cn_tensor *const *inputs, cn_tensor *step,
                      cn_tensor **outputs);
#endif
