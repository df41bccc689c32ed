/* Private: the arguments of optimizers by Keras' names, for reading and writing configs. */
#ifndef CN_OPTIM_FIELDS_H
#define CN_OPTIM_FIELDS_H
#include "optim/optimizer.h"

typedef enum cn_optimizer_field_type {
    CN_OPTIMIZER_NUMBER, /* double */
    CN_OPTIMIZER_FLAG,   /* bool */
    CN_OPTIMIZER_COUNT   /* int, 0 for None */
} cn_optimizer_field_type;

typedef struct cn_optimizer_field {
    const char *name;
    cn_optimizer_field_type type;
    size_t offset;
    bool of_rule; /* only where the class names it among its options */
} cn_optimizer_field;

/* Ends with a name of NULL. learning_rate and exclude_from_weight_decay are not among them. */
extern const cn_optimizer_field cn_optimizer_fields[];
/* Whether optimizers of a class have an argument. */
bool cn_optimizer_has(const cn_optimizer_class *type, const cn_optimizer_field *field);
#endif
