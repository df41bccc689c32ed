/* TensorBoard's event files, read again by a parser of their own. */
#include "training/event_file.h"
#include "own_directory.h"
#include <dirent.h>
#include <math.h>
#include <string.h>

TestSuite(tensorboard, .init = enter_directory, .fini = leave_directory);

/* Reading: messages are pieces of bytes. */

typedef struct piece {
    const unsigned char *at, *end;
} piece;

static uint64_t little_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* By a table, unlike the library. */
static uint32_t checksum(const unsigned char *bytes, size_t count)
{
    static uint32_t table[256];
    for (uint32_t i = 0; i < 256 && !table[255]; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82F63B78u : table[i] >> 1;
    }
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < count; i++)
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static uint64_t varint(piece *p)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        cr_assert(p->at < p->end && shift < 64);
        value |= (uint64_t)(*p->at & 127) << shift;
        if (*p->at++ < 128)
            return value;
    }
}

/* The next field: its number; a number in `value`, or bytes in `inner`. 0 at the end. */
static int next_field(piece *p, uint64_t *value, piece *inner)
{
    if (p->at == p->end)
        return 0;
    uint64_t key = varint(p), size = key & 7;
    if (size == 0) {
        *value = varint(p);
    } else {
        uint64_t bytes = size == 1 ? 8 : size == 5 ? 4 : varint(p);
        cr_assert(size == 1 || size == 2 || size == 5);
        cr_assert(bytes <= (uint64_t)(p->end - p->at));
        *inner = (piece){p->at, p->at + bytes};
        *value = size == 2 ? 0 : little_endian(p->at, (int)bytes);
        p->at += bytes;
    }
    return (int)(key >> 3);
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

/* What the files of a directory say. */
typedef struct event {
    char tag[128];
    int64_t step;
    float value;
    double least, most, count, sum, squares, limit[30], bucket[30];
    int limits, buckets;
} event;

static event events[256];
static int event_count;
static bool has_version;

static void read_histogram(event *e, piece p)
{
    uint64_t value;
    piece inner;
    for (int field; (field = next_field(&p, &value, &inner));) {
        double *const numbers[] = {NULL, &e->least, &e->most, &e->count, &e->sum, &e->squares};
        double *const lists[] = {e->limit, e->bucket};
        int *const counts[] = {&e->limits, &e->buckets};
        cr_assert(field >= 1 && field <= 7);
        if (field <= 5)
            *numbers[field] = double_of(value);
        for (; field > 5 && inner.at < inner.end; inner.at += 8) {
            cr_assert(*counts[field - 6] < 30);
            lists[field - 6][(*counts[field - 6])++] = double_of(little_endian(inner.at, 8));
        }
    }
}

static void read_summary(piece summary, int64_t step)
{
    uint64_t number;
    piece value, inner;
    while (next_field(&summary, &number, &value) == 1) {
        event *e = &events[event_count++];
        *e = (event){.step = step};
        for (int field; (field = next_field(&value, &number, &inner));) {
            if (field == 1)
                snprintf(e->tag, sizeof e->tag, "%.*s", (int)(inner.end - inner.at), (const char *)inner.at);
            else if (field == 2)
                e->value = float_of(number);
            else if (field == 5)
                read_histogram(e, inner);
        }
    }
}

static void read_event(piece p)
{
    uint64_t value;
    int64_t step = 0;
    piece inner;
    for (int field; (field = next_field(&p, &value, &inner));) {
        if (field == 1)
            cr_expect(double_of(value) > 1.6e9, "the time");
        else if (field == 2)
            step = (int64_t)value;
        else if (field == 3)
            has_version = inner.end - inner.at == 13 && memcmp(inner.at, "brain.Event:2", 13) == 0;
        else if (field == 5)
            read_summary(inner, step);
    }
}

static void read_records(const unsigned char *at, const unsigned char *end)
{
    while (at < end) {
        cr_assert(end - at >= 16);
        uint64_t size = little_endian(at, 8);
        cr_assert_eq(little_endian(at + 8, 4), masked(checksum(at, 8)));
        cr_assert(size <= (uint64_t)(end - at) - 16);
        cr_assert_eq(little_endian(at + 12 + size, 4), masked(checksum(at + 12, size)));
        read_event((piece){at + 12, at + 12 + size});
        at += 16 + size;
    }
}

static void read_directory(const char *path)
{
    static unsigned char bytes[1 << 18];
    char name[512];
    int files = 0;
    event_count = 0;
    has_version = false;
    DIR *opened = opendir(path);
    cr_assert(opened, "%s", path);
    for (struct dirent *entry; (entry = readdir(opened));) {
        if (entry->d_name[0] == '.')
            continue;
        long long seconds;
        cr_expect_eq(sscanf(entry->d_name, "events.out.tfevents.%10lld.", &seconds), 1, "%s", entry->d_name);
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = fopen(name, "rb");
        cr_assert(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        read_records(bytes, bytes + size);
        files++;
    }
    closedir(opened);
    cr_assert(files > 0 && has_version);
}

static const event *find(const char *tag, int64_t step)
{
    for (int i = 0; i < event_count; i++)
        if (strcmp(events[i].tag, tag) == 0 && events[i].step == step)
            return &events[i];
    cr_assert_fail("no %s at step %lld", tag, (long long)step);
    return NULL;
}

static int count(const char *tag)
{
    int found = 0;
    for (int i = 0; i < event_count; i++)
        found += strcmp(events[i].tag, tag) == 0;
    return found;
}

/* y = w x with w = 1; a step of 0.25 halves w. */
static const float xs[4] = {1, 1, 1, 1}, ys[4] = {0, 0, 0, 0};

static void fit(cn_callback tensorboard)
{
    cn_model *model = cn_sequential(cn_input_layer(1),
                                    cn_dense(1, .use_bias = false, .kernel_initializer = cn_init_ones(), .name = "w"));
    cn_compile(model, .optimizer = cn_sgd(0.25), .loss = cn_mean_squared_error());
    cr_assert(cn_fit(model, {cn_array(xs, 4, 1)}, {cn_array(ys, 4, 1)}, .batch_size = 2, .epochs = 3, .verbose = 0,
                     .validation_x = {cn_array(xs, 1, 1)}, .validation_y = {cn_array(ys, 1, 1)},
                     .callbacks = {tensorboard}),
              "%s", cn_error_message());
    cn_model_free(model);
}

Test(tensorboard, the_checksum_of_this_test_is_crc32c)
{
    cr_expect_eq(checksum((const unsigned char *)"123456789", 9), 0xE3069283u);
}

Test(tensorboard, golden_records_are_read)
{
    const char *const hex = "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a"
                            "1a00000000000000129bd82d09000000000000004010032a0d0a0b0a046c6f7373150000003fbac36b94";
    unsigned char bytes[128];
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    /* The times of these are 1 and 2 seconds after 1970. */
    cr_assert_eq(little_endian(bytes + 8, 4), masked(checksum(bytes, 8)));
    cr_assert_eq(little_endian(bytes + 36, 4), masked(checksum(bytes + 12, 24)));
    read_summary((piece){bytes + 40 + 12 + 13, bytes + 40 + 12 + 26}, 3);
    cr_expect_str_eq(events[0].tag, "loss");
    cr_expect_eq(events[0].value, 0.5f);
}

Test(tensorboard, epochs_are_written_for_training_and_validation)
{
    fit(cn_tensorboard("logs"));
    read_directory("logs/train");
    /* Two batches an epoch: the losses 1 and 1/4, then 1/16 and 1/64, ... */
    cr_expect_eq(find("epoch_loss", 0)->value, 0.625f);
    cr_expect_eq(find("epoch_loss", 1)->value, 0.625f / 16);
    cr_expect_eq(find("epoch_learning_rate", 2)->value, 0.25f);
    cr_expect_eq(event_count, 6);
    read_directory("logs/validation");
    cr_expect_eq(find("epoch_loss", 0)->value, 0.0625f);
    cr_expect_eq(find("epoch_loss", 2)->value, 1.0f / 4096);
    cr_expect_eq(find("evaluation_loss_vs_iterations", 2)->value, 0.0625f);
    cr_expect_eq(find("evaluation_loss_vs_iterations", 6)->value, 1.0f / 4096);
    cr_expect_eq(event_count, 6);
}

Test(tensorboard, batches_are_written_if_asked_for)
{
    fit(cn_tensorboard("logs", .update_freq = CN_EACH_BATCH));
    read_directory("logs/train");
    cr_expect_eq(count("batch_loss"), 6);
    cr_expect_eq(find("batch_loss", 1)->value, 1);
    cr_expect_eq(find("batch_loss", 2)->value, 0.625f, "the mean so far");
    fit(cn_tensorboard("others", .update_freq = 4));
    read_directory("others/train");
    cr_expect_eq(count("batch_loss"), 1);
    cr_expect_eq(find("batch_loss", 4)->value, 0.625f / 16);
}

Test(tensorboard, steps_per_second_are_written_if_asked_for)
{
    fit(cn_tensorboard("logs", .write_steps_per_second = true, .update_freq = CN_EACH_BATCH));
    read_directory("logs/train");
    cr_expect_eq(count("epoch_steps_per_second"), 3);
    cr_expect_eq(count("batch_steps_per_second"), 6);
    cr_expect(find("epoch_steps_per_second", 1)->value > 0);
}

Test(tensorboard, histograms_of_weights_are_written_every_so_many_epochs)
{
    fit(cn_tensorboard("logs", .histogram_freq = 2));
    read_directory("logs/train");
    cr_expect_eq(count("w/kernel/histogram"), 2);
    const event *one = find("w/kernel/histogram", 2);
    cr_expect(one->least == 1.0 / 64 && one->most == 1.0 / 64 && one->count == 1 && one->sum == 1.0 / 64);
    cr_expect_eq(one->bucket[29], 1, "a single value is in the last interval");
}

Test(tensorboard, a_histogram_counts_values_in_thirty_intervals)
{
    float values[63];
    for (int i = 0; i < 61; i++)
        values[i] = (float)i; /* from 0 to 60: two to each interval, 60 too to the last */
    values[61] = NAN;
    values[62] = INFINITY;
    cn_tensor *variable = cn_variable_new(CN_SHAPE(63), .name = "v");
    cr_assert(cn_variable_set(variable, cn_array(values, 63)));
    cn_event_file *file = cn_event_file_new("here/there");
    cr_assert(file && cn_write_histogram(file, "v", variable, 5) && cn_flush_events(file), "%s", cn_error_message());
    cn_event_file_close(file);
    cn_variable_free(variable);
    read_directory("here/there");
    const event *e = find("v", 5);
    cr_expect(e->least == 0 && e->most == 60 && e->count == 61 && e->sum == 1830 && e->squares == 73810);
    cr_assert(e->limits == 30 && e->buckets == 30);
    for (int i = 0; i < 30; i++) {
        cr_expect_float_eq(e->limit[i], 2.0 * (i + 1), 1e-12);
        cr_expect_eq(e->bucket[i], i < 29 ? 2 : 3);
    }
}

Test(tensorboard, evaluations_of_their_own_are_written)
{
    cn_model *model = cn_sequential(cn_input_layer(1),
                                    cn_dense(1, .use_bias = false, .kernel_initializer = cn_init_ones(), .name = "w"));
    cn_compile(model, .optimizer = cn_sgd(0.25), .loss = cn_mean_squared_error());
    cn_evaluate(model, {cn_array(xs, 4, 1)}, {cn_array(ys, 4, 1)}, .callbacks = {cn_tensorboard()});
    cr_assert(!cn_failed(), "%s", cn_error_message());
    read_directory("logs/validation");
    cr_expect_eq(find("evaluation_loss_vs_iterations", 0)->value, 1);
    cn_model_free(model);
}

Test(tensorboard, a_second_run_leaves_the_first_files)
{
    fit(cn_tensorboard());
    fit(cn_tensorboard());
    read_directory("logs/train");
    cr_expect_eq(count("epoch_loss"), 6);
}

Test(tensorboard, a_directory_that_cannot_be_made_ends_training)
{
    FILE *file = fopen("logs", "w");
    fclose(file);
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1));
    cn_compile(model, .optimizer = cn_sgd(0.25), .loss = cn_mean_squared_error());
    cr_expect_null(
        cn_fit(model, {cn_array(xs, 4, 1)}, {cn_array(ys, 4, 1)}, .verbose = 0, .callbacks = {cn_tensorboard()}));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect(strstr(cn_error_message(), "logs"), "%s", cn_error_message());
    cn_model_free(model);
}
