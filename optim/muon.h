/* Muon (Jordan et al., 2024). */
#ifndef CN_OPTIM_MUON_H
#define CN_OPTIM_MUON_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of variables of rank 2 whose path neither holds "embedding" (.exclude_embeddings) nor one of the POSIX regular
 * expressions .exclude_layers, whose texts must stay valid until the updater is made: m = momentum m + g, G = g +
 * momentum m (.nesterov; else m), X = G / (|G| + 1e-7), .ns_steps times A = X X', X = a X + (b A + c A²) X (with X
 * transposed while it has more rows than columns), w -= learning_rate X sqrt(max(rows, columns)) rms_rate (0: without
 * the last two factors). All others: Adam with learning_rate * adam_lr_ratio, .adam_beta_1, .adam_beta_2, .epsilon, and
 * .adam_weight_decay in the place of .weight_decay. cn_muon(0.05, .exclude_layers = {"out"}) */
#define CN_MUON_DEFAULTS                                                                                             \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .weight_decay = 0.004, .momentum = 0.95, .nesterov = true,        \
                           .ns_steps = 5, .muon_a = 3.4445, .muon_b = -4.775, .muon_c = 2.0315, .rms_rate = 0.2,     \
                           .adam_weight_decay = 0.004, .adam_beta_1 = 0.9, .adam_beta_2 = 0.999, .adam_lr_ratio = 1, \
                           .epsilon = 1e-7, .exclude_embeddings = true
#define cn_muon(...) cn_muon_with((cn_optimizer){CN_MUON_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_muon_with(cn_optimizer args);
CN_API cn_optimizer cn_muon_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
