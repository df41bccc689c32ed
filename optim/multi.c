#include "optim/multi.h"
#include "optim/choice.h"
#include <regex.h>
#include <string.h>

cn_optimizer cn_multi_optimizer_with(cn_optimizer default_optimizer, const cn_optimizer_of *others)
{
    default_optimizer.others = others;
    return default_optimizer;
}

int cn_optimizer_count(const cn_optimizer *optimizer)
{
    int count = 1;
    while (optimizer->others && optimizer->others[count - 1].variables)
        count++;
    return count;
}

cn_optimizer cn_optimizer_at(const cn_optimizer *optimizer, int index)
{
    cn_optimizer at = index == 0 ? *optimizer : optimizer->others[index - 1].optimizer;
    at.others = NULL;
    return at;
}

/* 1 or 0, or -1 with the error set. Of the matches that begin first the longest is found: the whole, if it is one. */
static int matches_whole(const char *text, const char *name)
{
    regex_t expression;
    regmatch_t match;
    if (regcomp(&expression, text, REG_EXTENDED)) {
        cn_fail(CN_ARGUMENT, "updater: \"%s\" is not a regular expression", text);
        return -1;
    }
    bool whole = !regexec(&expression, name, 1, &match, 0) && match.rm_so == 0 && name[match.rm_eo] == '\0';
    regfree(&expression);
    return whole;
}

int cn_choose_optimizer(const cn_optimizer *optimizer, const char *name)
{
    int chosen = 0;
    for (int i = 1; i < cn_optimizer_count(optimizer); i++)
        if (!strcmp(optimizer->others[i - 1].variables, name))
            return i;
    for (int i = 1; i < cn_optimizer_count(optimizer); i++) {
        int whole = matches_whole(optimizer->others[i - 1].variables, name);
        if (whole < 0)
            return -1;
        if (whole && chosen) {
            cn_fail(CN_ARGUMENT, "updater: two optimizers are for %s: \"%s\" and \"%s\"", name,
                    optimizer->others[chosen - 1].variables, optimizer->others[i - 1].variables);
            return -1;
        }
        chosen = whole ? i : chosen;
    }
    return chosen;
}
