#include "wire/cbor_real.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Of a half: a sign, five bits of exponent, ten of fraction; of a single eight and 23. */
enum {
    HALF_FRACTION = 10,
    HALF_EXPONENT = 0x1f,
    HALF_BIAS = 15,
    SINGLE_FRACTION = 23,
    SINGLE_EXPONENT = 0xff,
    SINGLE_BIAS = 127,
};

/* The unit of a half's least numbers, which have no leading one. */
#define HALF_LEAST 0x1p-24

static double double_from_half(uint32_t bits)
{
    uint32_t exponent = bits >> HALF_FRACTION & HALF_EXPONENT;
    uint32_t fraction = bits & ((1U << HALF_FRACTION) - 1);
    uint32_t sign = bits >> 15;
    if (!exponent)
        return (sign ? -HALF_LEAST : HALF_LEAST) * fraction;
    uint32_t single_exponent =
        exponent == HALF_EXPONENT ? SINGLE_EXPONENT : exponent - HALF_BIAS + SINGLE_BIAS;
    uint32_t single_bits = sign << 31 | single_exponent << SINGLE_FRACTION |
                           fraction << (SINGLE_FRACTION - HALF_FRACTION);
    float single;
    memcpy(&single, &single_bits, sizeof single);
    return single;
}

/* The half that could mean single, if any does. */
static uint32_t nearest_half(float single)
{
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    uint32_t sign = bits >> 31 << 15;
    uint32_t exponent = bits >> SINGLE_FRACTION & SINGLE_EXPONENT;
    if (exponent > SINGLE_BIAS - HALF_BIAS && exponent < SINGLE_BIAS + HALF_BIAS + 1)
        return sign | (exponent - SINGLE_BIAS + HALF_BIAS) << HALF_FRACTION |
               (bits >> (SINGLE_FRACTION - HALF_FRACTION) & ((1U << HALF_FRACTION) - 1));
    double units = fabs((double)single) / HALF_LEAST;
    return units < 1U << HALF_FRACTION ? sign | (uint32_t)units : 0;
}

double cbor_real_from_bits(size_t size, uint64_t bits)
{
    double real;
    float single;
    uint32_t low = (uint32_t)bits;
    switch (size) {
    case 2:
        return double_from_half(low);
    case 4:
        memcpy(&single, &low, sizeof single);
        return single;
    default:
        memcpy(&real, &bits, sizeof real);
        return real;
    }
}

size_t cbor_real_to_bits(double real, uint64_t *bits)
{
    float single = fabs(real) <= FLT_MAX ? (float)real : 0;
    if ((double)single != real) {
        memcpy(bits, &real, sizeof real);
        return 8;
    }
    uint32_t half = nearest_half(single);
    if (double_from_half(half) == real) {
        *bits = half;
        return 2;
    }
    uint32_t single_bits;
    memcpy(&single_bits, &single, sizeof single_bits);
    *bits = single_bits;
    return 4;
}
