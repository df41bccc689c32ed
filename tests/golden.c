/* golden [--left-out LIST] DIR...: runs the golden cases DIR/(name).safetensors and DIR/(group)/(name).safetensors in
 * float64 and float32. A case whose group/name matches a line of LIST, a shell pattern, is skipped; any other case that
 * is not understood has failed. */
#include "golden.h"
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    golden_group *run;
} groups[] = {
    {"activations", golden_run_operation},
    {"constraints", golden_run_constraint},
    {"graphs", golden_run_training},
    {"hvp", golden_run_second_order},
    {"layers", golden_run_layer},
    {"losses", golden_run_loss},
    {"metrics", golden_run_metric},
    {"ops", golden_run_operation},
    {"optimizers", golden_run_optimizer},
    {"optimizers_last", golden_run_optimizer},
    {"regularizers", golden_run_regularizer},
    {"stateful", golden_run_layer},
    {"training", golden_run_training},
};

static golden_group *group_of(const char *name)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (!strcmp(groups[i].name, name))
            return groups[i].run;
    return NULL;
}

typedef struct left_out {
    char **pattern;
    size_t count;
} left_out;

static void free_list(left_out *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->pattern[i]);
    free(list->pattern);
}

/* One pattern a line; empty lines and those that begin with # do not count. */
static bool read_list(left_out *list, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    bool fine = true;
    while (fine && getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        char **longer = realloc(list->pattern, (list->count + 1) * sizeof *longer);
        fine = longer && (longer[list->count] = strdup(line));
        if (longer)
            list->pattern = longer;
        list->count += fine;
    }
    free(line);
    fclose(file);
    return fine;
}

static bool is_left_out(const left_out *list, const golden_case *c)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%s", c->group, c->name);
    for (size_t i = 0; i < list->count; i++)
        if (!fnmatch(list->pattern[i], name, 0))
            return true;
    return false;
}

/* Runs a case in one type and prints what came of it; true if it is right. */
static bool run_case(golden_case *c, golden_group *run, cn_dtype dtype)
{
    const char *tolerance = golden_metadata(c, dtype == CN_F64 ? "tol_f64" : "tol_f32");
    double allowed = tolerance ? strtod(tolerance, NULL) : 0;
    size_t count = cn_safetensors_count(c->file);
    memset(c->used, 0, count * sizeof *c->used);
    c->dtype = dtype;
    c->error = 0;
    c->worst = NULL;
    cn_set_default_dtype(dtype);
    c->tape = cn_tape_new(.second_order = strcmp(c->group, "hvp") == 0);
    bool understood = c->tape && run(c);
    cn_tape_free(c->tape);
    c->tape = NULL;

    const char *missing = NULL;
    for (size_t i = 0; i < count && !missing; i++) {
        const char *name = cn_safetensors_at(c->file, i)->name;
        bool of_f32 = strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_f32") == 0;
        if (!c->used[i] && !(of_f32 && dtype == CN_F64))
            missing = name;
    }
    bool right = false;
    printf("  %s ", cn_dtype_name(dtype));
    if (cn_failed())
        printf("error: %s", cn_error_message());
    else if (!understood)
        printf("not understood: %s", c->layer);
    else if (missing || !c->worst)
        printf("not compared: %s", missing ? missing : "anything");
    else {
        right = c->error <= allowed;
        printf("%.1e of %.0e in %s", c->error, allowed, c->worst);
    }
    cn_error_clear();
    return right;
}

typedef struct counts {
    int passed, failed, skipped;
} counts;

static void run_file(const char *path, const left_out *list, counts *n)
{
    golden_case *c = golden_open(path);
    if (!c) {
        printf("%s  FAILED\n", cn_error_message());
        cn_error_clear();
        n->failed++;
        return;
    }
    golden_group *run = group_of(c->group);
    printf("%s/%s:", c->group, c->name);
    if (is_left_out(list, c)) {
        printf("  skipped\n");
        n->skipped++;
    } else if (!run) {
        printf("  not understood: group %s  FAILED\n", c->group);
        n->failed++;
    } else {
        bool f64 = run_case(c, run, CN_F64), f32 = run_case(c, run, CN_F32);
        printf("%s\n", f64 && f32 ? "" : "  FAILED");
        if (f64 && f32)
            n->passed++;
        else
            n->failed++;
    }
    golden_close(c);
}

/* Adds the files of a directory, sorted by name. */
static bool find_cases(const char *directory, glob_t *found)
{
    static const char *const patterns[] = {"*.safetensors", "*/*.safetensors"};
    char *full = realpath(directory, NULL);
    if (!full) {
        perror(directory);
        return false;
    }
    size_t before = found->gl_pathc;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char pattern[4200];
        snprintf(pattern, sizeof pattern, "%s/%s", full, patterns[i]);
        glob(pattern, found->gl_pathv ? GLOB_APPEND : 0, NULL, found);
    }
    free(full);
    if (found->gl_pathc == before)
        fprintf(stderr, "%s: no cases\n", directory);
    return found->gl_pathc > before;
}

int main(int argc, char **argv)
{
    left_out list = {NULL, 0};
    glob_t found = {0};
    counts n = {0, 0, 0};
    int first = 1;
    bool fine = true;
    if (argc > 2 && !strcmp(argv[1], "--left-out")) {
        fine = read_list(&list, argv[2]);
        first = 3;
    }
    if (first >= argc) {
        fprintf(stderr, "usage: golden [--left-out LIST] DIR...\n");
        fine = false;
    }
    for (int i = first; i < argc && fine; i++)
        fine = find_cases(argv[i], &found);
    for (size_t i = 0; i < found.gl_pathc && fine; i++)
        run_file(found.gl_pathv[i], &list, &n);
    globfree(&found);
    free_list(&list);
    if (fine)
        printf("%d passed, %d failed, %d skipped\n", n.passed, n.failed, n.skipped);
    return fine && n.failed == 0 ? 0 : 1;
}
