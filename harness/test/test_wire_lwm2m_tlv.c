/* LwM2M's TLV format, section 6.4.3 of 1.0. */
#include "wire/lwm2m_tlv.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { CAPACITY = 64 };

/* --- types ----------------------------------------------------------------------------------- */

static const struct {
    uint16_t object, resource;
    enum lwm2m_type type;
    bool multiple;
} definitions[] = {
    {1, 0, LWM2M_TYPE_INTEGER, false},  {1, 1, LWM2M_TYPE_INTEGER, false},
    {1, 6, LWM2M_TYPE_BOOLEAN, false},  {1, 7, LWM2M_TYPE_STRING, false},
    {2, 0, LWM2M_TYPE_INTEGER, false},  {2, 1, LWM2M_TYPE_INTEGER, false},
    {2, 2, LWM2M_TYPE_INTEGER, true},   {2, 3, LWM2M_TYPE_INTEGER, false},
    {3, 0, LWM2M_TYPE_STRING, false},   {3, 1, LWM2M_TYPE_STRING, false},
    {3, 2, LWM2M_TYPE_STRING, false},   {3, 3, LWM2M_TYPE_STRING, false},
    {3, 6, LWM2M_TYPE_INTEGER, true},   {3, 7, LWM2M_TYPE_INTEGER, true},
    {3, 8, LWM2M_TYPE_INTEGER, true},   {3, 9, LWM2M_TYPE_INTEGER, false},
    {3, 10, LWM2M_TYPE_INTEGER, false}, {3, 11, LWM2M_TYPE_INTEGER, true},
    {3, 13, LWM2M_TYPE_TIME, false},    {3, 14, LWM2M_TYPE_STRING, false},
    {3, 16, LWM2M_TYPE_STRING, false},  {65, 0, LWM2M_TYPE_LINK, true},
    {65, 1, LWM2M_TYPE_STRING, false},  {65, 2, LWM2M_TYPE_INTEGER, false},
    {66, 0, LWM2M_TYPE_FLOAT, false},   {66, 1, LWM2M_TYPE_UNSIGNED, true},
    {66, 2, LWM2M_TYPE_OPAQUE, false},  {66, 300, LWM2M_TYPE_LINK, false},
    {66, 301, LWM2M_TYPE_OPAQUE, true}, {66, 302, LWM2M_TYPE_FLOAT, true},
};

static enum lwm2m_type type_of(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    for (size_t i = 0; i < sizeof definitions / sizeof definitions[0]; i++)
        if (definitions[i].object == path->id[0] && definitions[i].resource == path->id[2])
            return definitions[i].type;
    return LWM2M_TYPE_NONE;
}

static bool is_multiple(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    for (size_t i = 0; i < sizeof definitions / sizeof definitions[0]; i++)
        if (definitions[i].object == path->id[0] && definitions[i].resource == path->id[2])
            return definitions[i].multiple;
    return false;
}

static const struct lwm2m_typing typing = {.type_of = type_of, .is_multiple = is_multiple};

/* --- golden payloads: examples of section 6.4.3 ---------------------------------------------- */

/* clang-format off */
/* GET /3/0 */
static const uint8_t golden_device[] = {
    0xc8, 0x00, 0x14, 'O', 'p', 'e', 'n', ' ', 'M', 'o', 'b', 'i', 'l', 'e', ' ',
                      'A', 'l', 'l', 'i', 'a', 'n', 'c', 'e',
    0xc8, 0x01, 0x16, 'L', 'i', 'g', 'h', 't', 'w', 'e', 'i', 'g', 'h', 't', ' ',
                      'M', '2', 'M', ' ', 'C', 'l', 'i', 'e', 'n', 't',
    0xc8, 0x02, 0x09, '3', '4', '5', '0', '0', '0', '1', '2', '3',
    0xc3, 0x03, '1', '.', '0',
    0x86, 0x06, 0x41, 0x00, 0x01, 0x41, 0x01, 0x05,             /* power sources 1 and 5 */
    0x88, 0x07, 0x08, 0x42, 0x00, 0x0e, 0xd8, 0x42, 0x01, 0x13, 0x88,   /* 3800, 5000 mV */
    0x87, 0x08, 0x41, 0x00, 0x7d, 0x42, 0x01, 0x03, 0x84,       /* 125, 900 mA */
    0xc1, 0x09, 0x64,                                           /* battery at 100 % */
    0xc1, 0x0a, 0x0f,                                           /* 15 kB free */
    0x83, 0x0b, 0x41, 0x00, 0x00,                               /* error code 0 */
    0xc4, 0x0d, 0x51, 0x82, 0x42, 0x8f,                         /* 2013-05-02 10:40:15 */
    0xc6, 0x0e, '+', '0', '2', ':', '0', '0',
    0xc1, 0x10, 'U',
};
/* GET /2: two instances; one resource instance with an identifier of 16 bits */
static const uint8_t golden_access[] = {
    0x08, 0x00, 0x0e,
        0xc1, 0x00, 0x01, 0xc1, 0x01, 0x00,
        0x83, 0x02, 0x41, 0x7f, 0x07, 0xc1, 0x03, 0x7f,
    0x08, 0x02, 0x12,
        0xc1, 0x00, 0x03, 0xc1, 0x01, 0x00,
        0x87, 0x02, 0x41, 0x7f, 0x07, 0x61, 0x01, 0x36, 0x01, 0xc1, 0x03, 0x7f,
};
/* GET /1: a single instance */
static const uint8_t golden_server[] = {
    0x08, 0x00, 0x0f,
        0xc1, 0x00, 0x01, 0xc4, 0x01, 0x00, 0x01, 0x51, 0x80, 0xc1, 0x06, 0x01, 0xc1, 0x07, 'U',
};
/* GET /65/0: links to objects */
static const uint8_t golden_links[] = {
    0x88, 0x00, 0x0c, 0x44, 0x00, 0x00, 0x42, 0x00, 0x00, 0x44, 0x01, 0x00, 0x42, 0x00, 0x01,
    0xc8, 0x01, 0x0d, '8', '6', '1', '3', '8', '0', '0', '7', '5', '5', '5', '0', '0',
    0xc4, 0x02, 0x12, 0x34, 0x56, 0x78,
};
/* clang-format on */

/* --- reading --------------------------------------------------------------------------------- */

struct read {
    struct lwm2m_path base;
    uint8_t *octets;
    struct lwm2m_entry entries[CAPACITY];
    int count;
    struct error error;
};

static struct lwm2m_path path_of(const char *text)
{
    struct lwm2m_path path;
    assert_true(lwm2m_path_read(text, strlen(text), &path));
    return path;
}

/* read_end() frees the octets, into which values point. */
static void read_begin(struct read *read, const char *base, const uint8_t *octets, size_t length)
{
    read->base = path_of(base);
    read->octets = exact_copy(octets, length);
    read->error.text[0] = '\0';
    read->count = lwm2m_tlv_read(&read->base, read->octets, length, &typing, read->entries,
                                 CAPACITY, &read->error);
    assert_true((read->count < 0) == (read->error.text[0] != '\0'));
}

static void read_end(struct read *read)
{
    free(read->octets);
}

static const struct lwm2m_value *value_at(const struct read *read, int index, const char *path)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    assert_true(index < read->count);
    assert_string_equal(lwm2m_path_text(&read->entries[index].path, text), path);
    return &read->entries[index].value;
}

static void assert_integer(const struct read *read, int index, const char *path, int64_t number)
{
    assert_true(value_at(read, index, path)->as.integer == number);
}

static void assert_data(const struct read *read, int index, const char *path, const char *text)
{
    const struct lwm2m_value *value = value_at(read, index, path);
    assert_int_equal(value->as.data.length, strlen(text));
    assert_memory_equal(value->as.data.octets, text, strlen(text));
}

/* What was read is written as the same octets. */
static void assert_written_again(const struct read *read, const uint8_t *octets, size_t length)
{
    uint8_t written[512];
    struct error error = {{0}};
    assert_int_equal(lwm2m_tlv_write(&read->base, read->entries, (size_t)read->count, written,
                                     sizeof written, &error),
                     length);
    assert_memory_equal(written, octets, length);
    for (size_t size = 0; size < length; size++) {
        uint8_t *room = exact_copy(octets, size);
        assert_int_equal(
            lwm2m_tlv_write(&read->base, read->entries, (size_t)read->count, room, size, NULL), -1);
        free(room);
    }
}

/* What stands at a path: a text, or a number; of a link the object's in its upper 16 bits. */
struct row {
    const char *path;
    enum lwm2m_type type;
    int64_t number;
    const char *text;
};

static int64_t number_of(const struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_BOOLEAN:
        return value->as.boolean;
    case LWM2M_TYPE_LINK:
        return (int64_t)value->as.link.object << 16 | value->as.link.instance;
    default:
        return value->as.integer;
    }
}

static void assert_rows(const struct read *read, const struct row *rows, size_t count)
{
    assert_int_equal(read->count, count);
    for (int i = 0; i < read->count; i++) {
        const struct lwm2m_value *value = value_at(read, i, rows[i].path);
        assert_int_equal(value->type, rows[i].type);
        if (rows[i].text)
            assert_data(read, i, rows[i].path, rows[i].text);
        else
            assert_true(number_of(value) == rows[i].number);
    }
}

/* The rows are what octets say at base, and are written as octets again. */
static void assert_both_ways(const char *base, const uint8_t *octets, size_t length,
                             const struct row *rows, size_t count)
{
    struct read read;
    read_begin(&read, base, octets, length);
    assert_rows(&read, rows, count);
    assert_written_again(&read, octets, length);
    read_end(&read);
}

#define BOTH_WAYS(base, octets, rows)                                                              \
    assert_both_ways(base, octets, sizeof(octets), rows, sizeof(rows) / sizeof *(rows))

static void an_instance_is_read_with_its_multiple_resources(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"/3/0/0", LWM2M_TYPE_STRING, 0, "Open Mobile Alliance"},
        {"/3/0/1", LWM2M_TYPE_STRING, 0, "Lightweight M2M Client"},
        {"/3/0/2", LWM2M_TYPE_STRING, 0, "345000123"},
        {"/3/0/3", LWM2M_TYPE_STRING, 0, "1.0"},
        {"/3/0/6/0", LWM2M_TYPE_INTEGER, 1, NULL},
        {"/3/0/6/1", LWM2M_TYPE_INTEGER, 5, NULL},
        {"/3/0/7/0", LWM2M_TYPE_INTEGER, 3800, NULL},
        {"/3/0/7/1", LWM2M_TYPE_INTEGER, 5000, NULL},
        {"/3/0/8/0", LWM2M_TYPE_INTEGER, 125, NULL},
        {"/3/0/8/1", LWM2M_TYPE_INTEGER, 900, NULL},
        {"/3/0/9", LWM2M_TYPE_INTEGER, 100, NULL},
        {"/3/0/10", LWM2M_TYPE_INTEGER, 15, NULL},
        {"/3/0/11/0", LWM2M_TYPE_INTEGER, 0, NULL},
        {"/3/0/13", LWM2M_TYPE_TIME, 1367491215, NULL},
        {"/3/0/14", LWM2M_TYPE_STRING, 0, "+02:00"},
        {"/3/0/16", LWM2M_TYPE_STRING, 0, "U"},
    };
    BOTH_WAYS("/3/0", golden_device, rows);
}

static const struct row server_rows[] = {
    {"/1/0/0", LWM2M_TYPE_INTEGER, 1, NULL},
    {"/1/0/1", LWM2M_TYPE_INTEGER, 86400, NULL},
    {"/1/0/6", LWM2M_TYPE_BOOLEAN, true, NULL},
    {"/1/0/7", LWM2M_TYPE_STRING, 0, "U"},
};

static void an_object_is_read_with_its_instances(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"/2/0/0", LWM2M_TYPE_INTEGER, 1, NULL},     {"/2/0/1", LWM2M_TYPE_INTEGER, 0, NULL},
        {"/2/0/2/127", LWM2M_TYPE_INTEGER, 7, NULL}, {"/2/0/3", LWM2M_TYPE_INTEGER, 127, NULL},
        {"/2/2/0", LWM2M_TYPE_INTEGER, 3, NULL},     {"/2/2/1", LWM2M_TYPE_INTEGER, 0, NULL},
        {"/2/2/2/127", LWM2M_TYPE_INTEGER, 7, NULL}, {"/2/2/2/310", LWM2M_TYPE_INTEGER, 1, NULL},
        {"/2/2/3", LWM2M_TYPE_INTEGER, 127, NULL},
    };
    BOTH_WAYS("/2", golden_access, rows);
    BOTH_WAYS("/1", golden_server, server_rows);
}

static void object_links_are_read(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"/65/0/0/0", LWM2M_TYPE_LINK, 66 << 16 | 0, NULL},
        {"/65/0/0/1", LWM2M_TYPE_LINK, 66 << 16 | 1, NULL},
        {"/65/0/1", LWM2M_TYPE_STRING, 0, "8613800755500"},
        {"/65/0/2", LWM2M_TYPE_INTEGER, 0x12345678, NULL},
    };
    BOTH_WAYS("/65/0", golden_links, rows);
}

static void a_resource_comes_with_its_identifier(void **state)
{
    (void)state;
    static const uint8_t battery[] = {0xc1, 0x09, 0x64};
    static const struct row level[] = {{"/3/0/9", LWM2M_TYPE_INTEGER, 100, NULL}};
    BOTH_WAYS("/3/0/9", battery, level);

    static const uint8_t voltages[] = {0x84, 0x07, 0x42, 0x01, 0x13, 0x88};
    static const struct row voltage[] = {{"/3/0/7/1", LWM2M_TYPE_INTEGER, 5000, NULL}};
    BOTH_WAYS("/3/0/7", voltages, voltage);

    /* One instance of a resource comes alone, or inside the resource. */
    struct read read;
    assert_both_ways("/3/0/7/1", voltages + 2, sizeof voltages - 2, voltage, 1);
    read_begin(&read, "/3/0/7/1", voltages, sizeof voltages);
    assert_rows(&read, voltage, 1);
    assert_written_again(&read, voltages + 2, sizeof voltages - 2);
    read_end(&read);
}

static void an_instance_may_stand_around_its_own_resources(void **state)
{
    (void)state;
    struct read read;
    read_begin(&read, "/1/0", golden_server, sizeof golden_server);
    assert_rows(&read, server_rows, sizeof server_rows / sizeof *server_rows);
    read_end(&read);
    read_begin(&read, "/1/1", golden_server, sizeof golden_server);
    assert_int_equal(read.count, LWM2M_MALFORMED);
    read_end(&read);
}

static void an_instance_to_be_created_may_lack_its_identifier(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"/1/65535/0", LWM2M_TYPE_INTEGER, 1, NULL},
        {"/1/65535/1", LWM2M_TYPE_INTEGER, 86400, NULL},
        {"/1/65535/6", LWM2M_TYPE_BOOLEAN, true, NULL},
        {"/1/65535/7", LWM2M_TYPE_STRING, 0, "U"},
    };
    assert_both_ways("/1", golden_server + 3, sizeof golden_server - 3, rows,
                     sizeof rows / sizeof *rows);
}

static void what_is_empty_is_there(void **state)
{
    (void)state;
    static const uint8_t instance[] = {0x00, 0x05};
    static const struct row instance_row[] = {{"/1/5", LWM2M_TYPE_NONE, 0, NULL}};
    BOTH_WAYS("/1", instance, instance_row);

    static const uint8_t multiple[] = {0x80, 0x07, 0xc0, 0x0e};
    static const struct row multiple_rows[] = {
        {"/3/0/7", LWM2M_TYPE_NONE, 0, NULL},
        {"/3/0/14", LWM2M_TYPE_STRING, 0, ""}, /* an empty string is a value */
    };
    BOTH_WAYS("/3/0", multiple, multiple_rows);

    struct read read;
    read_begin(&read, "/3/0", multiple, 0);
    assert_int_equal(read.count, 0);
    read_end(&read);
    read_begin(&read, "/1/5", instance, sizeof instance);
    assert_int_equal(read.count, 0);
    read_end(&read);
}

static void a_resource_that_is_not_known_is_opaque(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {0xc1, 0x63, 0x05, 0x83, 0x64, 0x41, 0x02, 0x06};
    static const struct row rows[] = {
        {"/3/0/99", LWM2M_TYPE_OPAQUE, 0, "\x05"},
        {"/3/0/100/2", LWM2M_TYPE_OPAQUE, 0, "\x06"},
    };
    BOTH_WAYS("/3/0", unknown, rows);

    struct lwm2m_entry entries[CAPACITY];
    struct lwm2m_path base = path_of("/3/0");
    assert_int_equal(
        lwm2m_tlv_read(&base, golden_device, sizeof golden_device, NULL, entries, CAPACITY, NULL),
        16);
    assert_int_equal(entries[10].value.type, LWM2M_TYPE_OPAQUE);
}

/* --- refusing -------------------------------------------------------------------------------- */

/* A payload cut between two of its elements is one that holds less; cut anywhere else it is none. */
static void a_payload_cut_inside_an_element_is_refused(void **state)
{
    (void)state;
    static const size_t whole[] = {0, 23, 48, 60, 65, 73, 84, 93, 96, 99, 104, 110, 118, 121};
    size_t next = 0;
    assert_int_equal(sizeof golden_device, 121);
    for (size_t length = 0; length <= sizeof golden_device; length++) {
        struct read read;
        read_begin(&read, "/3/0", golden_device, length);
        if (length == whole[next]) {
            assert_true(read.count >= 0);
            next++;
        } else {
            assert_int_equal(read.count, LWM2M_MALFORMED);
        }
        read_end(&read);
    }
    for (size_t length = 1; length < sizeof golden_access; length++) {
        struct read read;
        read_begin(&read, "/2", golden_access, length);
        assert_int_equal(read.count, length == 17 ? 4 : LWM2M_MALFORMED);
        read_end(&read);
    }
}

static void an_element_in_a_wrong_place_is_refused_and_named_by_its_octet(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        uint8_t octets[8];
        size_t length;
        const char *why;
    } wrong[] = {
        {"/3/0", {0x41, 0x00, 0x01}, 3, "octet 0: a resource instance can't stand in /3/0"},
        {"/3", {0x41, 0x00, 0x01}, 3, "octet 0: a resource instance can't stand in /3"},
        {"/3", {0x03, 0x00, 0x41, 0x00, 0x01}, 5, "octet 2: a resource instance can't stand"},
        {"/3", {0x02, 0x00, 0x00, 0x00}, 4, "octet 2: an object instance can't stand in another"},
        {"/3/0", {0x02, 0x00, 0x00, 0x00}, 4, "octet 2: an object instance can't stand in another"},
        {"/3/0", {0x83, 0x06, 0xc1, 0x00, 0x01}, 5, "octet 2: a resource can't stand in /3/0/6"},
        {"/3/0", {0x82, 0x06, 0x80, 0x00}, 4, "octet 2: a multiple resource can't stand"},
        {"/3/0", {0x82, 0x06, 0x00, 0x00}, 4, "octet 2: an object instance can't stand"},
        {"/3/0/9", {0xc1, 0x0a, 0x01}, 3, "octet 0: a resource 10 isn't within /3/0/9"},
        {"/3/0/9", {0xc1, 0x09, 0x01, 0xc1, 0x0a, 0x01}, 6, "octet 3: a resource 10"},
        {"/3/0/7/1", {0x41, 0x00, 0x01}, 3, "octet 0: a resource instance 0 isn't within"},
        {"/3/0/7/1", {0x83, 0x07, 0x41, 0x00, 0x01}, 5, "octet 2: a resource instance 0 isn't"},
        {"/3/0/7/1", {0xc1, 0x07, 0x01}, 3, "a resource 7 isn't within /3/0/7/1"},
        {"/3/0", {0xc1, 0x07, 0x01}, 3, "octet 0: /3/0/7 is a multiple resource"},
        {"/3/0", {0x83, 0x09, 0x41, 0x00, 0x01}, 5, "octet 0: /3/0/9 is no multiple resource"},
        {"/3/0", {0xe1, 0xff, 0xff, 0x01}, 4, "octet 0: identifier 65535 is reserved"},
        {"/3", {0x20, 0xff, 0xff}, 3, "octet 0: identifier 65535 is reserved"},
        {"/3/0", {0x84, 0x07, 0x61, 0xff, 0xff, 0x01}, 6, "octet 2: identifier 65535"},
        {"/3/0", {0xc3, 0x09, 0x00, 0x00, 0x01}, 5, "3 octets are no value of /3/0/9"},
        {"/3/0", {0xc0, 0x09}, 2, "0 octets are no value of /3/0/9, which is of type integer"},
        {"/1/0",
         {0xc1, 0x06, 0x02},
         3,
         "1 octets are no value of /1/0/6, which is of type boolean"},
        {"/3/0", {0xc1, 0x0e, 0xff}, 3, "no value of /3/0/14, which is of type string"},
        {"/3/0", {0xd8}, 1, "octet 0: cut: 1 octets where its header takes 5"},
        {"/3/0",
         {0xd8, 0x09, 0xff, 0xff, 0xff, 0x00},
         6,
         "cut: 1 octets where its value says it "
         "has 16777215"},
        {"/", {0x00, 0x00}, 2, "at the root"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct read read;
        read_begin(&read, wrong[i].base, wrong[i].octets, wrong[i].length);
        assert_int_equal(read.count, LWM2M_MALFORMED);
        if (!strstr(read.error.text, wrong[i].why))
            fail_msg("'%s' lacks '%s'", read.error.text, wrong[i].why);
        read_end(&read);
    }
}

static void more_than_fits_is_told_from_what_is_malformed(void **state)
{
    (void)state;
    struct lwm2m_entry entries[16];
    struct lwm2m_path base = path_of("/3/0");
    for (size_t capacity = 0; capacity < 16; capacity++)
        assert_int_equal(lwm2m_tlv_read(&base, golden_device, sizeof golden_device, &typing,
                                        entries, capacity, NULL),
                         LWM2M_TOO_MUCH);
    assert_int_equal(
        lwm2m_tlv_read(&base, golden_device, sizeof golden_device, &typing, entries, 16, NULL), 16);
}

static void identifiers_and_lengths_may_be_longer_than_they_must(void **state)
{
    (void)state;
    static const uint8_t wide[] = {0xfb, 0x00, 0x09, 0x00, 0x00, 0x01, 0x64};
    struct read read;
    read_begin(&read, "/3/0", wide, sizeof wide);
    assert_int_equal(read.count, 1);
    assert_integer(&read, 0, "/3/0/9", 100);
    static const uint8_t shortest[] = {0xc1, 0x09, 0x64};
    assert_written_again(&read, shortest, sizeof shortest);
    read_end(&read);
}

/* --- writing --------------------------------------------------------------------------------- */

static void a_length_takes_as_few_octets_as_it_can(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        size_t header;
        uint8_t octets[5];
    } lengths[] = {
        {0, 2, {0xc0, 0x02}},
        {7, 2, {0xc7, 0x02}},
        {8, 3, {0xc8, 0x02, 0x08}},
        {255, 3, {0xc8, 0x02, 0xff}},
        {256, 4, {0xd0, 0x02, 0x01, 0x00}},
        {65535, 4, {0xd0, 0x02, 0xff, 0xff}},
        {65536, 5, {0xd8, 0x02, 0x01, 0x00, 0x00}},
        {0xffffff, 5, {0xd8, 0x02, 0xff, 0xff, 0xff}},
    };
    const size_t size = (1U << 24) + 8;
    uint8_t *data = calloc(1, size);
    uint8_t *written = calloc(1, size);
    assert_true(data && written);
    struct lwm2m_path base = path_of("/66/0");
    struct lwm2m_entry entry = {.path = path_of("/66/0/2")};
    entry.value.type = LWM2M_TYPE_OPAQUE;
    entry.value.as.data.octets = data;
    struct lwm2m_entry again;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        entry.value.as.data.length = lengths[i].length;
        assert_int_equal(lwm2m_tlv_write(&base, &entry, 1, written, size, NULL),
                         lengths[i].header + lengths[i].length);
        assert_memory_equal(written, lengths[i].octets, lengths[i].header);
        assert_int_equal(lwm2m_tlv_read(&base, written, lengths[i].header + lengths[i].length,
                                        &typing, &again, 1, NULL),
                         1);
        assert_int_equal(again.value.as.data.length, lengths[i].length);
        assert_ptr_equal(again.value.as.data.octets, written + lengths[i].header);
    }
    entry.value.as.data.length = 0x1000000; /* 24 bits are all that a length has */
    assert_int_equal(lwm2m_tlv_write(&base, &entry, 1, written, size, NULL), -1);
    free(written);
    free(data);
}

static void a_nested_length_counts_what_is_nested(void **state)
{
    (void)state;
    static uint8_t data[300];
    static uint8_t written[1000];
    struct lwm2m_path base = path_of("/66");
    struct lwm2m_entry entries[2] = {{.path = path_of("/66/400/301/0")},
                                     {.path = path_of("/66/400/301/1")}};
    for (size_t i = 0; i < 2; i++) {
        entries[i].value.type = LWM2M_TYPE_OPAQUE;
        entries[i].value.as.data.octets = data;
        entries[i].value.as.data.length = sizeof data;
    }
    static const uint8_t header[] = {0x30, 0x01, 0x90, 0x02, 0x65, /* instance 400: 613 octets */
                                     0xb0, 0x01, 0x2d, 0x02, 0x60, /* resource 301: 608 */
                                     0x50, 0x00, 0x01, 0x2c};      /* its instance 0: 300 */
    assert_int_equal(lwm2m_tlv_write(&base, entries, 2, written, sizeof written, NULL), 618);
    assert_memory_equal(written, header, sizeof header);
}

static void only_values_within_the_base_are_written(void **state)
{
    (void)state;
    uint8_t written[64];
    struct lwm2m_path base = path_of("/3/0");
    struct lwm2m_path root = path_of("/");
    struct lwm2m_entry entry = {.path = path_of("/3/1/9"), .value = {.type = LWM2M_TYPE_INTEGER}};
    struct error error = {{0}};
    assert_int_equal(lwm2m_tlv_write(&base, &entry, 1, written, sizeof written, &error), -1);
    assert_string_equal(error.text, "/3/1/9 isn't within /3/0, which TLV is to be written of");
    assert_int_equal(lwm2m_tlv_write(&root, &entry, 1, written, sizeof written, NULL), -1);
    entry.path = path_of("/3/0");
    assert_int_equal(lwm2m_tlv_write(&base, &entry, 1, written, sizeof written, NULL), -1);
    entry.path = path_of("/3/0/7/0");
    entry.value.type = LWM2M_TYPE_NONE;
    assert_int_equal(lwm2m_tlv_write(&base, &entry, 1, written, sizeof written, NULL), -1);
}

/* --- both ways ------------------------------------------------------------------------------- */

static uint32_t next_number(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static struct lwm2m_value make_value(enum lwm2m_type type, uint32_t *chance)
{
    static const uint8_t data[] = "abcdefghijklmnopqrstuvwxyz";
    static const double reals[] = {0.0, -1.5, 0.1, 1e300, 3.0e38, -0.0};
    struct lwm2m_value value = {.type = type};
    uint32_t number = next_number(chance);
    if (type == LWM2M_TYPE_FLOAT) {
        value.as.real = reals[number % 6];
    } else if (type == LWM2M_TYPE_BOOLEAN) {
        value.as.boolean = number & 1;
    } else if (type == LWM2M_TYPE_LINK) {
        value.as.link.object = (uint16_t)number;
        value.as.link.instance = (uint16_t)next_number(chance);
    } else if (type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_OPAQUE) {
        value.as.data.octets = data;
        value.as.data.length = number % sizeof data;
    } else {
        value.as.integer = (int64_t)number << number % 39;
        if (type != LWM2M_TYPE_UNSIGNED && next_number(chance) & 1)
            value.as.integer = -value.as.integer - 1;
    }
    return value;
}

/* Entries of up to three instances of an object, in order. */
static size_t make_entries(uint16_t object, struct lwm2m_entry *entries, uint32_t *chance)
{
    size_t count = 0;
    uint16_t instance = 0;
    for (uint32_t left = 1 + next_number(chance) % 3; left > 0; left--) {
        instance = (uint16_t)(instance + next_number(chance) % 300 + 1);
        for (size_t i = 0; i < sizeof definitions / sizeof definitions[0]; i++) {
            if (definitions[i].object != object || next_number(chance) & 1)
                continue;
            struct lwm2m_path path = {3, {object, instance, definitions[i].resource, 0}};
            uint16_t instances = definitions[i].multiple ? next_number(chance) % 3 : 1;
            if (definitions[i].multiple && instances == 0)
                entries[count++] = (struct lwm2m_entry){.path = path};
            for (uint16_t k = 0; k < instances; k++) {
                uint16_t id = (uint16_t)(k * 255 + next_number(chance) % 255);
                entries[count].path = definitions[i].multiple ? lwm2m_path_child(&path, id) : path;
                entries[count++].value = make_value(definitions[i].type, chance);
            }
        }
    }
    return count;
}

static void assert_same_value(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
    uint8_t rooms[2][8];
    size_t lengths[2];
    assert_int_equal(a->type, b->type);
    const uint8_t *octets = lwm2m_value_octets(a, rooms[0], &lengths[0]);
    const uint8_t *others = lwm2m_value_octets(b, rooms[1], &lengths[1]);
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(octets, others, lengths[0]);
    if (a->type == LWM2M_TYPE_FLOAT)
        assert_memory_equal(&a->as.real, &b->as.real, sizeof a->as.real);
    if (a->type == LWM2M_TYPE_INTEGER)
        assert_true(a->as.integer == b->as.integer);
}

static void what_is_written_reads_as_the_same(void **state)
{
    (void)state;
    static const uint16_t objects[] = {1, 2, 3, 65, 66};
    uint32_t chance = 1;
    size_t total = 0;
    for (int round = 0; round < 2000; round++) {
        struct lwm2m_entry entries[CAPACITY];
        struct lwm2m_entry again[CAPACITY];
        uint8_t written[2048];
        struct lwm2m_path base = {1, {objects[round % 5], 0, 0, 0}};
        size_t count = make_entries(base.id[0], entries, &chance);
        total += count;
        int length = lwm2m_tlv_write(&base, entries, count, written, sizeof written, NULL);
        assert_true(length >= 0);
        uint8_t *copy = exact_copy(written, (size_t)length);
        assert_int_equal(
            lwm2m_tlv_read(&base, copy, (size_t)length, &typing, again, CAPACITY, NULL), count);
        for (size_t i = 0; i < count; i++) {
            assert_true(lwm2m_path_equal(&entries[i].path, &again[i].path));
            assert_same_value(&entries[i].value, &again[i].value);
        }
        free(copy);
    }
    assert_true(total > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_is_read_with_its_multiple_resources),
        cmocka_unit_test(an_object_is_read_with_its_instances),
        cmocka_unit_test(object_links_are_read),
        cmocka_unit_test(a_resource_comes_with_its_identifier),
        cmocka_unit_test(an_instance_may_stand_around_its_own_resources),
        cmocka_unit_test(an_instance_to_be_created_may_lack_its_identifier),
        cmocka_unit_test(what_is_empty_is_there),
        cmocka_unit_test(a_resource_that_is_not_known_is_opaque),
        cmocka_unit_test(a_payload_cut_inside_an_element_is_refused),
        cmocka_unit_test(an_element_in_a_wrong_place_is_refused_and_named_by_its_octet),
        cmocka_unit_test(more_than_fits_is_told_from_what_is_malformed),
        cmocka_unit_test(identifiers_and_lengths_may_be_longer_than_they_must),
        cmocka_unit_test(a_length_takes_as_few_octets_as_it_can),
        cmocka_unit_test(a_nested_length_counts_what_is_nested),
        cmocka_unit_test(only_values_within_the_base_are_written),
        cmocka_unit_test(what_is_written_reads_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
