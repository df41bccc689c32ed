/* The group `hvp`: the cases of other groups on a tape of second order, with Hessian-vector products. */
#include "golden.h"
#include <string.h>

bool golden_run_second_order(golden_case *c)
{
    static const struct {
        const char *form;
        golden_group *run;
    } forms[] = {{"activations", golden_run_operation},
                 {"layers", golden_run_layer},
                 {"losses", golden_run_loss},
                 {"ops", golden_run_operation}};
    const char *form = golden_metadata(c, "form");
    for (size_t i = 0; form && i < sizeof forms / sizeof *forms; i++)
        if (strcmp(form, forms[i].form) == 0)
            return forms[i].run(c);
    return false;
}
