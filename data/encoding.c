#include "data/encoding.h"
#include <math.h>
#include <string.h>

/* 1 sign, 5 exponent and 10 fraction bits. */
static double half_value(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double value = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                   : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                  : ldexp(fraction, -24);
    return bits >> 15 ? -value : value;
}

static double single_value(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static double double_value(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A double holds every value of these types but large 64-bit integers, and those are rounded. */
static double value_of(cn_encoding encoding, const unsigned char *at)
{
    uint64_t bits = 0;
    for (int i = 0; i < encoding.bytes; i++)
        bits = bits << 8 | at[encoding.big_endian ? i : encoding.bytes - 1 - i];
    switch (encoding.kind) {
    case CN_ENCODED_BOOL:
        return bits != 0;
    case CN_ENCODED_INT:
        return (double)((int64_t)(bits << (64 - 8 * encoding.bytes)) >> (64 - 8 * encoding.bytes));
    case CN_ENCODED_UINT:
        return (double)bits;
    case CN_ENCODED_FLOAT:
        return encoding.bytes == 2   ? half_value(bits)
               : encoding.bytes == 4 ? single_value((uint32_t)bits)
                                     : double_value(bits);
    case CN_ENCODED_BFLOAT:
        return single_value((uint32_t)bits << 16);
    }
    return 0;
}

bool cn_encoding_is(cn_encoding encoding, cn_dtype dtype)
{
    cn_encoding_kind kind = dtype == CN_I32 ? CN_ENCODED_INT : CN_ENCODED_FLOAT;
    return encoding.kind == kind && (size_t)encoding.bytes == cn_dtype_size(dtype) &&
           encoding.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

bool cn_decode(const char *name, cn_encoding encoding, const void *from, int64_t count, cn_dtype dtype, void *to)
{
    const unsigned char *at = from;
    if (cn_encoding_is(encoding, dtype)) {
        if (count > 0)
            memcpy(to, from, (size_t)count * cn_dtype_size(dtype));
        return true;
    }
    if (dtype == CN_I32 && (encoding.kind == CN_ENCODED_FLOAT || encoding.kind == CN_ENCODED_BFLOAT))
        return cn_fail(CN_TYPE, "%s: floats cannot be read as int32", name);
    for (int64_t i = 0; i < count; i++, at += encoding.bytes) {
        double value = value_of(encoding, at);
        if (dtype == CN_F32)
            ((float *)to)[i] = (float)value;
        else if (dtype == CN_F64)
            ((double *)to)[i] = value;
        else if (value < INT32_MIN || value > INT32_MAX)
            return cn_fail(CN_VALUE, "%s: %.0f does not fit into int32", name, value);
        else
            ((int32_t *)to)[i] = (int32_t)value;
    }
    return true;
}
