#include "core/random.h"

static _Thread_local uint64_t default_seed;

void cn_set_seed(uint64_t seed)
{
    default_seed = seed;
}

uint64_t cn_default_seed(void)
{
    return default_seed;
}
