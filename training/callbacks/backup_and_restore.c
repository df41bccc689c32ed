#include "data/file.h"
#include "training/resume.h"
#include "models/structure.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct backup {
    cn_backup_and_restore_args args;
    char latest[PATH_MAX], before[PATH_MAX];
    int64_t batches; /* since it was last saved */
} backup;

static bool delete_file(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT || cn_fail(CN_FILE, "BackupAndRestore: %s: %s", path, strerror(errno));
}

static bool resume_or_begin(void *context, cn_model *model)
{
    backup *b = context;
    const char *directory = b->args.backup_dir;
    if ((size_t)snprintf(b->latest, sizeof b->latest, "%s/latest.safetensors", directory) >= sizeof b->latest ||
        (size_t)snprintf(b->before, sizeof b->before, "%s/latest.safetensors.bkp", directory) >= sizeof b->before)
        return cn_fail(CN_ARGUMENT, "BackupAndRestore: the path %.80s... is too long", directory);
    bool has_latest = access(b->latest, F_OK) == 0;
    bool has_before = b->args.double_checkpoint && access(b->before, F_OK) == 0;
    if (has_latest && (cn_resume_fit(model->fitting, b->latest) || !has_before))
        return !cn_failed();
    if (!has_before)
        return cn_make_directories(b->latest);
    if (cn_error_code() == CN_FILE || cn_error_code() == CN_FORMAT)
        cn_error_clear();
    /* The next backup is not to put the damaged file in the place of the good one. */
    return !cn_failed() && cn_resume_fit(model->fitting, b->before) && delete_file(b->latest);
}

static bool save_backup(backup *b, cn_model *model)
{
    b->batches = 0;
    if (b->args.double_checkpoint && rename(b->latest, b->before) != 0 && errno != ENOENT)
        return cn_fail(CN_FILE, "BackupAndRestore: %s: %s", b->before, strerror(errno));
    return cn_save_fit(model->fitting, b->latest);
}

static bool end_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    backup *b = context;
    (void)batch;
    (void)logs;
    return ++b->batches < b->args.save_freq || save_backup(b, model);
}

static bool end_epoch(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)epoch;
    (void)logs;
    return save_backup(context, model);
}

/* The directory goes too, unless it has other files. */
static bool delete_backups(void *context, cn_model *model, const cn_logs *logs)
{
    const backup *b = context;
    (void)model;
    (void)logs;
    if (!b->args.delete_checkpoint)
        return true;
    if (!delete_file(b->latest) || !delete_file(b->before))
        return false;
    rmdir(b->args.backup_dir);
    return true;
}

cn_backup_and_restore_args cn_backup_and_restore_defaults(void)
{
    return (cn_backup_and_restore_args){CN_BACKUP_AND_RESTORE_DEFAULTS};
}

cn_callback cn_backup_and_restore_with(cn_backup_and_restore_args args)
{
    cn_callback row = {.name = "BackupAndRestore",
                       .last = true,
                       .state_size = sizeof(backup),
                       .on_train_begin = resume_or_begin,
                       .on_train_end = delete_backups};
    if (args.save_freq == CN_EACH_EPOCH)
        row.on_epoch_end = end_epoch;
    else
        row.on_train_batch_end = end_batch;
    if (!args.backup_dir || !*args.backup_dir)
        cn_fail(CN_ARGUMENT, "BackupAndRestore: backup_dir is not given");
    if (args.save_freq < 0)
        cn_fail(CN_ARGUMENT, "BackupAndRestore: save_freq is %lld; it is CN_EACH_EPOCH or a number of batches",
                (long long)args.save_freq);
    return cn_callback_like(&row, &args, sizeof args);
}
