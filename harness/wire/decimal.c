/* The C library rounds right between binary and decimal, but writes the locale's decimal point. So it
 * is given, and asked for, digits and an exponent only; the point is ours.
 */
#include "wire/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS = 120,              /* significant ones that are read */
    EXPONENT_LIMIT = 20000000, /* over which all is zero or too large, whatever the digits */
    DOUBLE_DIGITS = 17,        /* which tell any double from its neighbours */
    PLAIN_LIMIT = 16           /* numbers of up to so many digits are written without an exponent */
};

bool decimal_read_integer(const char *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == length)
        return false;
    int64_t value = 0; /* below zero, where there is one number more */
    for (; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

/* --- reading a real -------------------------------------------------------------------------- */

struct reading {
    const char *text;
    size_t length;
    size_t at;
    char digits[DIGITS + 1]; /* the significant ones, then one that stands for the rest */
    size_t count;
    int64_t exponent; /* of ten, by which digits, as an integer, are to be multiplied */
};

static bool is_digit(const struct reading *reading)
{
    return reading->at < reading->length && reading->text[reading->at] >= '0' &&
           reading->text[reading->at] <= '9';
}

static bool take(struct reading *reading, char wanted)
{
    if (reading->at == reading->length || reading->text[reading->at] != wanted)
        return false;
    reading->at++;
    return true;
}

/* Takes one digit or more; those behind the point lower the exponent. */
static bool take_digits(struct reading *reading, bool behind_point)
{
    if (!is_digit(reading))
        return false;
    for (; is_digit(reading); reading->at++) {
        char digit = reading->text[reading->at];
        if (behind_point)
            reading->exponent--;
        if (reading->count == 0 && digit == '0')
            continue;
        if (reading->count < DIGITS) {
            reading->digits[reading->count++] = digit;
            continue;
        }
        if (reading->count == DIGITS)
            reading->digits[reading->count++] = '0';
        else
            reading->exponent++;
        if (digit != '0')
            reading->digits[DIGITS] = '1';
    }
    return true;
}

static bool take_exponent(struct reading *reading)
{
    if (!take(reading, 'e') && !take(reading, 'E'))
        return true;
    bool negative = take(reading, '-');
    if (!negative)
        (void)take(reading, '+');
    if (!is_digit(reading))
        return false;
    int64_t exponent = 0;
    for (; is_digit(reading); reading->at++)
        if (exponent < EXPONENT_LIMIT)
            exponent = exponent * 10 + (reading->text[reading->at] - '0');
    reading->exponent += negative ? -exponent : exponent;
    return true;
}

bool decimal_read_real(const char *text, size_t length, double *out)
{
    struct reading reading = {.text = text, .length = length};
    bool negative = take(&reading, '-');
    if (!take_digits(&reading, false) || (take(&reading, '.') && !take_digits(&reading, true)) ||
        !take_exponent(&reading) || reading.at != length)
        return false;
    if (reading.count == 0) {
        *out = negative ? -0.0 : 0.0;
        return true;
    }
    char plain[DIGITS + DECIMAL_TEXT_SIZE];
    (void)snprintf(plain, sizeof plain, "%s%.*se%lld", negative ? "-" : "", (int)reading.count,
                   reading.digits, (long long)reading.exponent);
    *out = strtod(plain, NULL);
    return isfinite(*out);
}

/* --- writing a real -------------------------------------------------------------------------- */

/* Digits without zeros at their end, and the exponent of the first: 1.5e3 is "15" and 3. */
struct digits {
    char text[DOUBLE_DIGITS + 1];
    int count;
    int exponent;
};

static void find_digits(double magnitude, int wanted, struct digits *out)
{
    char text[DECIMAL_TEXT_SIZE + 16]; /* a locale's point may take several octets */
    (void)snprintf(text, sizeof text, "%.*e", wanted - 1, magnitude);
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && out->count < DOUBLE_DIGITS)
            out->text[out->count++] = *at;
    while (out->count > 1 && out->text[out->count - 1] == '0')
        out->count--;
    out->text[out->count] = '\0';
    out->exponent = *at ? (int)strtol(at + 1, NULL, 10) : 0;
}

static int write_digits(const struct digits *digits, const char *sign, char *text)
{
    const char *all = digits->text;
    int exponent = digits->exponent;
    int size = DECIMAL_TEXT_SIZE;
    if (exponent < -5 || exponent >= PLAIN_LIMIT)
        return snprintf(text, (size_t)size, "%s%.1s%s%se%d", sign, all, all[1] ? "." : "", all + 1,
                        exponent);
    if (exponent < 0)
        return snprintf(text, (size_t)size, "%s0.%.*s%s", sign, -exponent - 1, "0000", all);
    int whole = exponent + 1;
    int zeros = whole > digits->count ? whole - digits->count : 0;
    const char *fraction = digits->count > whole ? all + whole : "0";
    return snprintf(text, (size_t)size, "%s%.*s%.*s.%s", sign, whole, all, zeros,
                    "0000000000000000", fraction);
}

size_t decimal_write_real(double value, char text[DECIMAL_TEXT_SIZE])
{
    text[0] = '\0';
    if (!isfinite(value))
        return 0;
    double magnitude = fabs(value);
    const char *sign = signbit(value) ? "-" : "";
    int length = 0;
    double again = -1;
    for (int wanted = DOUBLE_DIGITS - 2; wanted <= DOUBLE_DIGITS && again != magnitude; wanted++) {
        struct digits digits = {0};
        find_digits(magnitude, wanted, &digits);
        length = write_digits(&digits, sign, text);
        size_t unsigned_length = (size_t)length - strlen(sign);
        if (!decimal_read_real(text + strlen(sign), unsigned_length, &again))
            again = -1; /* rounded up, out of the range */
    }
    return (size_t)length;
}
