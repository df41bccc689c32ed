#include "training/event_file.h"
#include "core/arena.h"
#include "core/engine.h"
#include "data/file.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct cn_event_file {
    FILE *file;
    char path[PATH_MAX];
};

static bool fail_file(const cn_event_file *f)
{
    return cn_fail(CN_FILE, "%s: %s", f->path, strerror(errno));
}

/* Messages of Protocol Buffers. A message inside another is written by itself first. */

enum { MOST_BYTES = 2048 };
typedef struct message {
    size_t size;
    bool overflows;
    unsigned char bytes[MOST_BYTES];
} message;

typedef enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 } wire_type;

static void add_bytes(message *m, const void *bytes, size_t count)
{
    m->overflows = m->overflows || count > sizeof m->bytes - m->size;
    if (m->overflows)
        return;
    memcpy(m->bytes + m->size, bytes, count);
    m->size += count;
}

static void add_little_endian(message *m, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        add_bytes(m, &(unsigned char){(unsigned char)(value >> 8 * i)}, 1);
}

static void add_varint(message *m, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        add_little_endian(m, value | 128, 1);
    add_little_endian(m, value, 1);
}

static void add_key(message *m, int field, wire_type type)
{
    add_varint(m, (uint64_t)field << 3 | type);
}

/* Zeros are left out, as they are the default. */
static void add_integer(message *m, int field, int64_t value)
{
    if (value == 0)
        return;
    add_key(m, field, VARINT);
    add_varint(m, (uint64_t)value);
}

static void add_raw_double(message *m, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_little_endian(m, bits, 8);
}

static void add_double(message *m, int field, double value)
{
    add_key(m, field, FIXED64);
    add_raw_double(m, value);
}

static void add_float(message *m, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_key(m, field, FIXED32);
    add_little_endian(m, bits, 4);
}

static void add_field(message *m, int field, const void *bytes, size_t count)
{
    add_key(m, field, BYTES);
    add_varint(m, count);
    add_bytes(m, bytes, count);
}

static void add_message(message *m, int field, const message *inner)
{
    m->overflows = m->overflows || inner->overflows;
    add_field(m, field, inner->bytes, inner->size);
}

static void add_doubles(message *m, int field, const double *values, int count)
{
    add_key(m, field, BYTES);
    add_varint(m, 8 * (uint64_t)count);
    for (int i = 0; i < count; i++)
        add_raw_double(m, values[i]);
}

/* Records: length, checksum of the length, data, checksum of the data. */

/* CRC-32C (Castagnoli), with the rotation and offset by which TFRecord masks it. */
static uint32_t masked_checksum(const unsigned char *bytes, size_t count)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static bool write_record(cn_event_file *f, const message *data)
{
    message head = {0}, tail = {0};
    add_little_endian(&head, data->size, 8);
    add_little_endian(&head, masked_checksum(head.bytes, 8), 4);
    add_little_endian(&tail, masked_checksum(data->bytes, data->size), 4);
    return (fwrite(head.bytes, 1, head.size, f->file) == head.size &&
            fwrite(data->bytes, 1, data->size, f->file) == data->size &&
            fwrite(tail.bytes, 1, tail.size, f->file) == tail.size) ||
           fail_file(f);
}

/* Events */

static message new_event(int64_t step)
{
    message event = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    add_double(&event, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    add_integer(&event, 2, step);
    return event;
}

/* A summary with one value, which has its tag already. */
static bool write_summary(cn_event_file *f, int64_t step, const message *value)
{
    message summary = {0}, event = new_event(step);
    add_message(&summary, 1, value);
    add_message(&event, 5, &summary);
    return event.overflows ? cn_fail(CN_ARGUMENT, "TensorBoard: a name is too long") : write_record(f, &event);
}

bool cn_write_scalar(cn_event_file *f, const char *tag, double value, int64_t step)
{
    message v = {0};
    if (cn_failed())
        return false;
    add_field(&v, 1, tag, strlen(tag));
    add_float(&v, 2, (float)value);
    return write_summary(f, step, &v);
}

static double element(const cn_tensor *tensor, int64_t i)
{
    const void *data = tensor->variable->storage;
    return tensor->dtype == CN_F32   ? (double)((const float *)data)[i]
           : tensor->dtype == CN_F64 ? ((const double *)data)[i]
                                     : ((const int32_t *)data)[i];
}

bool cn_write_histogram(cn_event_file *f, const char *tag, const cn_tensor *tensor, int64_t step)
{
    enum { BUCKETS = 30 };
    double least = INFINITY, most = -INFINITY, count = 0, sum = 0, squares = 0, limit[BUCKETS], bucket[BUCKETS] = {0};
    int64_t size = cn_shape_size(tensor->shape);
    if (cn_failed())
        return false;
    for (int64_t i = 0; i < size; i++) {
        double x = element(tensor, i);
        if (!isfinite(x))
            continue;
        least = fmin(least, x);
        most = fmax(most, x);
        count++;
        sum += x;
        squares += x * x;
    }
    if (count == 0)
        least = most = 0;
    double width = (most - least) / BUCKETS;
    for (int b = 0; b < BUCKETS; b++)
        limit[b] = b < BUCKETS - 1 ? least + (b + 1) * width : most;
    for (int64_t i = 0; i < size; i++) {
        double x = element(tensor, i);
        if (isfinite(x))
            bucket[width > 0 ? (int)fmin((x - least) / width, BUCKETS - 1) : BUCKETS - 1]++;
    }
    message histogram = {0}, value = {0};
    add_double(&histogram, 1, least);
    add_double(&histogram, 2, most);
    add_double(&histogram, 3, count);
    add_double(&histogram, 4, sum);
    add_double(&histogram, 5, squares);
    add_doubles(&histogram, 6, limit, BUCKETS);
    add_doubles(&histogram, 7, bucket, BUCKETS);
    add_field(&value, 1, tag, strlen(tag));
    add_message(&value, 5, &histogram);
    return write_summary(f, step, &value);
}

/* Files */

static bool open_new(cn_event_file *f, const char *directory)
{
    char host[HOST_NAME_MAX + 1] = "localhost";
    gethostname(host, sizeof host - 1);
    for (int number = 0; !f->file && number < 1000; number++) {
        if ((size_t)snprintf(f->path, sizeof f->path, "%s/events.out.tfevents.%010lld.%s.%ld.%d", directory,
                             (long long)time(NULL), host, (long)getpid(), number) >= sizeof f->path)
            return cn_fail(CN_FILE, "%.80s...: the path is too long", directory);
        if (number == 0 && !cn_make_directories(f->path))
            return false;
        if (!(f->file = fopen(f->path, "wbx")) && errno != EEXIST)
            break;
    }
    return f->file || fail_file(f);
}

cn_event_file *cn_event_file_new(const char *directory)
{
    static const char version[] = "brain.Event:2";
    cn_event_file *f = cn_failed() ? NULL : cn_allocate(1, sizeof *f);
    if (!f)
        return NULL;
    message event = new_event(0);
    add_field(&event, 3, version, strlen(version));
    if (open_new(f, directory) && write_record(f, &event))
        return f;
    cn_event_file_close(f);
    return NULL;
}

bool cn_flush_events(cn_event_file *f)
{
    return !f || fflush(f->file) == 0 || fail_file(f);
}

void cn_event_file_close(cn_event_file *f)
{
    if (f && f->file)
        fclose(f->file);
    cn_release(f);
}
