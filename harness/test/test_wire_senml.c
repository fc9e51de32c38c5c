/* SenML (RFC 8428) as LwM2M 1.1 uses it, sections 7.4.3 and 7.4.4 of its core specification. */
#include "test/senml_support.h"

#include <math.h>

/* The octets of a literal, and how many they are. */
#define OCTETS(text) text, sizeof(text) - 1

/* --- what the specification shows ----------------------------------------------------------- */

/* A read of /3/0, and of /3/0/7. */
static const char device_json[] =
    "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"Open Mobile Alliance\"},"
    "{\"n\":\"1\",\"vs\":\"Lightweight M2M Client\"},{\"n\":\"2\",\"vs\":\"345000123\"},"
    "{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},{\"n\":\"7/0\",\"v\":3800},"
    "{\"n\":\"7/1\",\"v\":5000},{\"n\":\"9\",\"v\":100},{\"n\":\"13\",\"v\":1367491215},"
    "{\"n\":\"14\",\"vs\":\"+02:00\"},{\"n\":\"16\",\"vs\":\"U\"}]";
/* clang-format off */
static const uint8_t device_cbor[] = {
    0x8b,                                                       /* an array of 11 */
    0xa3, 0x21, 0x65, '/', '3', '/', '0', '/',                  /* bn */
          0x00, 0x61, '0',                                      /* n */
          0x03, 0x74, 'O', 'p', 'e', 'n', ' ', 'M', 'o', 'b', 'i', 'l', 'e', ' ',
                      'A', 'l', 'l', 'i', 'a', 'n', 'c', 'e',   /* vs */
    0xa2, 0x00, 0x61, '1',
          0x03, 0x76, 'L', 'i', 'g', 'h', 't', 'w', 'e', 'i', 'g', 'h', 't', ' ',
                      'M', '2', 'M', ' ', 'C', 'l', 'i', 'e', 'n', 't',
    0xa2, 0x00, 0x61, '2', 0x03, 0x69, '3', '4', '5', '0', '0', '0', '1', '2', '3',
    0xa2, 0x00, 0x63, '6', '/', '0', 0x02, 0x01,                /* v */
    0xa2, 0x00, 0x63, '6', '/', '1', 0x02, 0x05,
    0xa2, 0x00, 0x63, '7', '/', '0', 0x02, 0x19, 0x0e, 0xd8,
    0xa2, 0x00, 0x63, '7', '/', '1', 0x02, 0x19, 0x13, 0x88,
    0xa2, 0x00, 0x61, '9', 0x02, 0x18, 0x64,
    0xa2, 0x00, 0x62, '1', '3', 0x02, 0x1a, 0x51, 0x82, 0x42, 0x8f,
    0xa2, 0x00, 0x62, '1', '4', 0x03, 0x66, '+', '0', '2', ':', '0', '0',
    0xa2, 0x00, 0x62, '1', '6', 0x03, 0x61, 'U',
};
/* clang-format on */
static const char device_meaning[] =
    "/3/0/0=string Open Mobile Alliance; /3/0/1=string Lightweight M2M Client; "
    "/3/0/2=string 345000123; /3/0/6/0=integer 1; /3/0/6/1=integer 5; /3/0/7/0=integer 3800; "
    "/3/0/7/1=integer 5000; /3/0/9=integer 100; /3/0/13=integer 1367491215; "
    "/3/0/14=string +02:00; /3/0/16=string U";

static const struct form {
    senml_reader *read;
    senml_writer *write;
} forms[] = {
    {senml_json_read, senml_json_write},
    {senml_cbor_read, senml_cbor_write},
};

static const struct golden {
    const void *octets;
    size_t length;
} device_packs[] = {
    {device_json, sizeof device_json - 1},
    {device_cbor, sizeof device_cbor},
};

static void a_device_object_is_read_from_json_and_from_cbor(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(forms); i++) {
        const struct golden *golden = &device_packs[i];
        assert_entries(forms[i].read, "/3/0", golden->octets, golden->length, NULL, device_meaning);
        assert_entries(forms[i].read, "/", golden->octets, golden->length, NULL, device_meaning);
    }
}

static void a_device_object_is_written_as_json_and_as_cbor(void **state)
{
    (void)state;
    struct senml_reading reading;
    read_pack(senml_json_read, "/3/0", device_json, sizeof device_json - 1, NULL, &reading);
    assert_int_equal(reading.count, 11);
    struct lwm2m_path base = path_of("/3/0");
    for (size_t i = 0; i < LENGTH(forms); i++) {
        uint8_t octets[sizeof device_json];
        int length = forms[i].write(&base, reading.entries, (size_t)reading.count, octets,
                                    sizeof octets, NULL);
        assert_int_equal(length, device_packs[i].length);
        assert_memory_equal(octets, device_packs[i].octets, device_packs[i].length);
    }
    free(reading.octets);
}

static void every_truncation_of_a_pack_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(forms); i++) {
        for (size_t length = 0; length < device_packs[i].length; length++)
            assert_refused(forms[i].read, "/", device_packs[i].octets, length, NULL,
                           LWM2M_MALFORMED);
    }
}

static void what_stands_behind_a_pack_is_refused(void **state)
{
    (void)state;
    assert_refused(senml_json_read, "/", "[]]", 3, NULL, LWM2M_MALFORMED);
    assert_refused(senml_json_read, "/", "[] []", 5, NULL, LWM2M_MALFORMED);
    assert_refused(senml_cbor_read, "/", "\x80\x80", 2, NULL, LWM2M_MALFORMED);
    assert_entries(senml_json_read, "/", " [ ]\r\n\t", 7, NULL, "");
    assert_entries(senml_cbor_read, "/", "\x80", 1, NULL, "");
}

/* --- records -------------------------------------------------------------------------------- */

struct example {
    const char *base, *json, *meaning;
};

static void assert_examples(const struct example *examples, size_t count,
                            const struct lwm2m_typing *typing)
{
    for (size_t i = 0; i < count; i++)
        assert_entries(senml_json_read, examples[i].base, examples[i].json,
                       strlen(examples[i].json), typing, examples[i].meaning);
}

static void assert_refusals(const char *const *texts, size_t count,
                            const struct lwm2m_typing *typing)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(senml_json_read, "/3", texts[i], strlen(texts[i]), typing, LWM2M_MALFORMED);
}

static void names_are_joined_with_the_base_name_of_this_record_or_one_before(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/", "[{\"n\":\"/3/0/0\",\"v\":1}]", "/3/0/0=integer 1"},
        {"/", "[{\"bn\":\"/3/0/0\",\"v\":1}]", "/3/0/0=integer 1"},
        {"/", "[{\"n\":\"0\",\"v\":1,\"bn\":\"/3/0/\"}]", "/3/0/0=integer 1"},
        {"/", "[{\"bn\":\"/3/0\",\"n\":\"/0\",\"v\":1},{\"n\":\"/1\",\"v\":2}]",
         "/3/0/0=integer 1; /3/0/1=integer 2"},
        {"/",
         "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"v\":1},{\"bn\":\"/1/0/\",\"n\":\"1\",\"v\":2},"
         "{\"n\":\"2\",\"v\":3},{\"bn\":\"\",\"n\":\"/5/0/3\",\"v\":4}]",
         "/3/0/0=integer 1; /1/0/1=integer 2; /1/0/2=integer 3; /5/0/3=integer 4"},
    };
    assert_examples(examples, LENGTH(examples), NULL);
}

static void a_base_value_is_added_to_the_values_behind_it(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/", "[{\"bv\":10,\"n\":\"/3/0/1\",\"v\":1},{\"n\":\"/3/0/2\",\"v\":-2}]",
         "/3/0/1=integer 11; /3/0/2=integer 8"},
        {"/", "[{\"bv\":0.5,\"n\":\"/3/0/1\",\"v\":1},{\"n\":\"/3/0/2\",\"vs\":\"x\"}]",
         "/3/0/1=float 1.5; /3/0/2=string x"},
        {"/", "[{\"bv\":1,\"n\":\"/3/0/1\",\"v\":1},{\"bv\":-1,\"n\":\"/3/0/2\",\"v\":1}]",
         "/3/0/1=integer 2; /3/0/2=integer 0"},
        {"/", "[{\"bv\":-1,\"n\":\"/3/0/1\",\"v\":-9223372036854775807}]",
         "/3/0/1=integer -9223372036854775808"},
    };
    assert_examples(examples, LENGTH(examples), NULL);
    static const char *const refused[] = {
        "[{\"bv\":1,\"n\":\"/3/0/1\",\"v\":9223372036854775807}]",
        "[{\"bv\":1e308,\"n\":\"/3/0/1\",\"v\":1e308}]",
    };
    assert_refusals(refused, LENGTH(refused), NULL);
}

static void times_units_sums_and_unknown_fields_are_passed_over(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/",
         "[{\"bver\":10,\"bt\":1.5e9,\"bu\":\"V\",\"bs\":1,\"n\":\"/3/0/0\",\"u\":\"A\",\"v\":1,"
         "\"s\":2,\"t\":-5,\"ut\":1}]",
         "/3/0/0=integer 1"},
        {"/", "[{\"n\":\"/3/0/0\",\"v\":1,\"x\":{\"a\":[1,null,{\"v\":false}],\"b\":\"\"}}]",
         "/3/0/0=integer 1"},
        {"/", "[{\"n\":\"/3/0/0\",\"v\":1,\"x\":null,\"x\":[[],{}]}]", "/3/0/0=integer 1"},
    };
    assert_examples(examples, LENGTH(examples), NULL);
    /* The same in CBOR: bver 10, bt 1.5, bu "V", label 99 with a tagged map, "x" with null. */
    static const uint8_t cbor[] = "\x81\xa7\x20\x0a\x22\xf9\x3e\x00\x23\x61V\x00\x66/3/0/0\x02\x01"
                                  "\x18\x63\xc1\xa1\x82\x01\x02\x40\x61x\xf6";
    assert_entries(senml_cbor_read, "/", cbor, sizeof cbor - 1, NULL, "/3/0/0=integer 1");
}

static void fields_that_must_be_understood_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[{\"bver\":11,\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"bver\":0,\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"bver\":10.5,\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"bver\":\"10\",\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1,\"extension_\":1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1,\"x\\u005f\":1}]",
    };
    assert_refusals(refused, LENGTH(refused), NULL);
    assert_refused(senml_cbor_read, "/", OCTETS("\x81\xa2\x00\x66/3/0/0\x62x_\x01"), NULL,
                   LWM2M_MALFORMED);
}

static void a_record_without_a_value_is_a_path(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/", "[{\"n\":\"/3/0/0\"},{\"n\":\"/1\"},{\"n\":\"/3303/0\"}]", "/3/0/0; /1; /3303/0"},
        {"/", "[{\"bn\":\"/\"}]", "/"},
    };
    assert_examples(examples, LENGTH(examples), &support_typing);
    assert_entries(senml_cbor_read, "/", OCTETS("\x82\xa1\x00\x66/3/0/0\xa1\x00\x62/1"),
                   &support_typing, "/3/0/0; /1");
}

static void names_that_are_no_paths_within_the_base_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[{}]",
        "[{\"v\":1}]",
        "[{\"n\":\"\",\"v\":1}]",
        "[{\"n\":\"/4/0/0\",\"v\":1}]",
        "[{\"n\":\"/33/0/0\",\"v\":1}]",
        "[{\"n\":\"/\",\"v\":1}]",
        "[{\"n\":\"temperature\",\"v\":1}]",
        "[{\"n\":\"/3/0/00\",\"v\":1}]",
        "[{\"n\":\"/3/0/65535\",\"v\":1}]",
        "[{\"n\":\"/3/0/0/0/0\",\"v\":1}]",
        "[{\"n\":\"/3/0/0/\",\"v\":1}]",
        "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"bn\":\"/3/0/0000000000000000000000\",\"n\":\"0\",\"v\":1}]",
        "[{\"bn\":\"/3/0/\",\"n\":\"/0\",\"v\":1}]",
        "[{\"n\":\"/3/0\",\"v\":1}]",
    };
    assert_refusals(refused, LENGTH(refused), NULL);
}

static void records_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[{\"n\":\"/3/0/0\",\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1,\"v\":1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1,\"\\u0076\":1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1,\"vs\":\"x\"}]",
        "[{\"n\":\"/3/0/0\",\"vb\":true,\"vd\":\"\"}]",
        "[{\"n\":\"/3/0/0\",\"vlo\":\"1:1\",\"v\":0}]",
        "[{\"n\":\"/3/0/0\",\"u\":\"a\",\"u\":\"a\"}]",
    };
    assert_refusals(refused, LENGTH(refused), NULL);
    /* v as a label and by name. */
    assert_refused(senml_cbor_read, "/", OCTETS("\x81\xa3\x00\x66/3/0/0\x02\x01\x61v\x01"), NULL,
                   LWM2M_MALFORMED);
}

static void fields_of_another_kind_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{}",
        "[1]",
        "[[]]",
        "[null]",
        "null",
        "\"\"",
        "[{\"n\":3}]",
        "[{\"n\":\"/3/0/0\",\"v\":\"1\"}]",
        "[{\"n\":\"/3/0/0\",\"v\":true}]",
        "[{\"n\":\"/3/0/0\",\"v\":null}]",
        "[{\"n\":\"/3/0/0\",\"vs\":1}]",
        "[{\"n\":\"/3/0/0\",\"vb\":1}]",
        "[{\"n\":\"/3/0/0\",\"vb\":\"true\"}]",
        "[{\"n\":\"/3/0/0\",\"vd\":[1]}]",
        "[{\"n\":\"/3/0/0\",\"vd\":\"AA==A\"}]",
        "[{\"n\":\"/3/0/0\",\"vd\":\"+/+/\"}]",
        "[{\"n\":\"/3/0/0\",\"vlo\":\"3\"}]",
        "[{\"n\":\"/3/0/0\",\"vlo\":\"3:65536\"}]",
        "[{\"n\":\"/3/0/0\",\"vlo\":\"3:-1\"}]",
        "[{\"n\":\"/3/0/0\",\"vlo\":3}]",
        "[{\"n\":\"/3/0/0\",\"t\":\"now\",\"v\":1}]",
        "[{\"n\":\"/3/0/0\",\"u\":1,\"v\":1}]",
        "[{\"bt\":{},\"n\":\"/3/0/0\",\"v\":1}]",
    };
    assert_refusals(refused, LENGTH(refused), NULL);
    static const struct golden cbor[] = {
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x02\x61\x31")}, /* v "1" */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x02\xf5")},     /* v true */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x03\x01")},     /* vs 1 */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x03\x41x")},    /* vs of octets */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x08\x61x")},    /* vd of text */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x04\x01")},     /* vb 1 */
        {OCTETS("\x81\xa2\x00\x66/3/0/0\x04\xf6")},     /* vb null */
        {OCTETS("\x81\xa1\x00\x46/3/0/0")},             /* n of octets */
        {OCTETS("\x81\xa1\xf5\x01")},                   /* a label true */
        {OCTETS("\x81\xa1\x40\x01")},                   /* a label of octets */
        {OCTETS("\x81\xa1\xf9\x3c\x80\x01")},           /* a label 1.125 */
        {OCTETS("\x81\x81\x01")},                       /* an array for a record */
        {OCTETS("\xa0")},                               /* a map for a pack */
    };
    for (size_t i = 0; i < LENGTH(cbor); i++)
        assert_refused(senml_cbor_read, "/", cbor[i].octets, cbor[i].length, NULL, LWM2M_MALFORMED);
}

/* --- types ---------------------------------------------------------------------------------- */

static void numbers_turn_to_the_type_of_their_resource(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/3", "[{\"n\":\"/3/0/1\",\"v\":1.0},{\"n\":\"/3/0/1\",\"v\":-3e2}]",
         "/3/0/1=integer 1; /3/0/1=integer -300"},
        {"/3", "[{\"n\":\"/3/0/2\",\"v\":7},{\"n\":\"/3/0/6\",\"v\":8.0}]",
         "/3/0/2=unsigned integer 7; /3/0/6=time 8"},
        {"/3", "[{\"n\":\"/3/0/3\",\"v\":1},{\"n\":\"/3/0/3\",\"v\":12345678901234567890}]",
         "/3/0/3=float 1; /3/0/3=float 1.2345678901234567e+19"},
        {"/3", "[{\"n\":\"/3/0/1\",\"v\":9223372036854775807}]",
         "/3/0/1=integer 9223372036854775807"},
        {"/3", "[{\"n\":\"/3/0/1\",\"v\":-9223372036854775808}]",
         "/3/0/1=integer -9223372036854775808"},
        {"/3", "[{\"n\":\"/3/0/1\",\"v\":9007199254740993}]", "/3/0/1=integer 9007199254740993"},
        {"/3", "[{\"n\":\"/3/0/1\",\"v\":-0}]", "/3/0/1=integer 0"},
        {"/3", "[{\"n\":\"/3/0/3\",\"v\":-0}]", "/3/0/3=float -0"},
        {"/3", "[{\"n\":\"/3/0/8\",\"vs\":\"</3>\"},{\"n\":\"/3/0/18/2\",\"vs\":\"</3>\"}]",
         "/3/0/8=link format </3>; /3/0/18/2=link format </3>"},
        {"/3", "[{\"n\":\"/3/0/5\",\"vd\":\"-_8\"},{\"n\":\"/3/0/7\",\"vlo\":\"65535:65535\"}]",
         "/3/0/5=opaque +/8=; /3/0/7=object link 65535:65535"},
        {"/3", "[{\"n\":\"/3/0/99\",\"v\":1},{\"n\":\"/3/0/99\",\"vs\":\"\"}]",
         "/3/0/99=integer 1; /3/0/99=string "},
    };
    assert_examples(examples, LENGTH(examples), &support_typing);
}

static void values_of_another_type_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[{\"n\":\"/3/0/1\",\"v\":1.5}]",
        "[{\"n\":\"/3/0/1\",\"v\":9223372036854775808}]",
        "[{\"n\":\"/3/0/1\",\"v\":-9223372036854775809}]",
        "[{\"n\":\"/3/0/1\",\"v\":1e300}]",
        "[{\"n\":\"/3/0/2\",\"v\":-1}]",
        "[{\"n\":\"/3/0/0\",\"v\":1}]",
        "[{\"n\":\"/3/0/1\",\"vs\":\"1\"}]",
        "[{\"n\":\"/3/0/3\",\"vs\":\"1\"}]",
        "[{\"n\":\"/3/0/4\",\"v\":1}]",
        "[{\"n\":\"/3/0/1\",\"vb\":true}]",
        "[{\"n\":\"/3/0/5\",\"vs\":\"\"}]",
        "[{\"n\":\"/3/0/0\",\"vd\":\"\"}]",
        "[{\"n\":\"/3/0/7\",\"vs\":\"1:1\"}]",
        "[{\"n\":\"/3/0/8\",\"vlo\":\"1:1\"}]",
    };
    assert_refusals(refused, LENGTH(refused), &support_typing);
}

static void single_and_multiple_resources_are_told_apart(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[{\"n\":\"/3/0/1/0\",\"v\":1}]",
        "[{\"n\":\"/3/0/11\",\"v\":1}]",
    };
    assert_refusals(refused, LENGTH(refused), &support_typing);
}

/* --- bounds --------------------------------------------------------------------------------- */

/* A pack of count records. Returns its length. */
static size_t records(int count, char text[SENML_TEXT])
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, SENML_TEXT - length, "%s{\"n\":\"/3/0/0\"}%s",
                                   i ? "," : "[", i == count - 1 ? "]" : "");
    return length;
}

static void more_records_than_fit_are_too_much(void **state)
{
    (void)state;
    char text[SENML_TEXT];
    struct senml_reading reading;
    read_pack(senml_json_read, "/", text, records(SENML_ENTRIES, text), NULL, &reading);
    assert_int_equal(reading.count, SENML_ENTRIES);
    free(reading.octets);
    assert_refused(senml_json_read, "/", text, records(SENML_ENTRIES + 1, text), NULL,
                   LWM2M_TOO_MUCH);
}

static void more_text_than_there_is_room_to_decode_is_too_much(void **state)
{
    (void)state;
    char text[SENML_TEXT];
    char digits[2 * SENML_ROOM + 1] = "";
    int length =
        snprintf(text, sizeof text, "[{\"n\":\"/3/0/0\",\"vs\":\"%0*d\\n\"}]", SENML_ROOM - 1, 0);
    struct senml_reading reading;
    read_pack(senml_json_read, "/", text, (size_t)length, NULL, &reading);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.entries[0].value.as.data.length, SENML_ROOM);
    free(reading.octets);
    length = snprintf(text, sizeof text, "[{\"n\":\"/3/0/0\",\"vs\":\"%0*d\\n\"}]", SENML_ROOM, 0);
    assert_refused(senml_json_read, "/", text, (size_t)length, NULL, LWM2M_TOO_MUCH);
    memset(digits, 'A', sizeof digits - 1);
    length = snprintf(text, sizeof text, "[{\"n\":\"/3/0/0\",\"vd\":\"%s\"}]", digits);
    assert_refused(senml_json_read, "/", text, (size_t)length, NULL, LWM2M_TOO_MUCH);
    /* What needn't be decoded needs no room. */
    length = snprintf(text, sizeof text, "[{\"n\":\"/3/0/0\",\"vs\":\"%s\"}]", digits);
    read_pack(senml_json_read, "/", text, (size_t)length, NULL, &reading);
    assert_int_equal(reading.count, 1);
    free(reading.octets);
}

static void writers_refuse_what_the_formats_cannot_say(void **state)
{
    (void)state;
    struct lwm2m_path base = path_of("/3/0");
    const double reals[] = {INFINITY, -INFINITY, NAN};
    uint8_t octets[128];
    for (size_t i = 0; i < LENGTH(forms); i++) {
        struct error error = {0};
        struct lwm2m_entry entry = {.path = path_of("/3/0/3"), .value = {.type = LWM2M_TYPE_FLOAT}};
        for (size_t k = 0; k < LENGTH(reals); k++) {
            entry.value.as.real = reals[k];
            assert_int_equal(forms[i].write(&base, &entry, 1, octets, sizeof octets, &error), -1);
            assert_string_not_equal(error.text, "");
        }
        entry.value.type = LWM2M_TYPE_STRING;
        entry.value.as.data.octets = (const uint8_t *)"\xff";
        entry.value.as.data.length = 1;
        assert_int_equal(forms[i].write(&base, &entry, 1, octets, sizeof octets, NULL), -1);
    }
}

/* --- round trips ---------------------------------------------------------------------------- */

static uint64_t generator;

static uint64_t any(uint64_t below)
{
    generator ^= generator << 13;
    generator ^= generator >> 7;
    generator ^= generator << 17;
    return generator % below;
}

static double any_double(void)
{
    static const double special[] = {
        0.0,    -0.0,    0.1,      1e22,      5e-324, 1.7976931348623157e308,
        65504., 0x1p-24, 0x1p-149, 3.4028e38, 1.5,    -1e-7,
        1e15,   1e16,    1e17,     123456.75};
    double real;
    if (any(3) == 0)
        return special[any(LENGTH(special))];
    do {
        uint64_t bits = any(UINT64_MAX);
        memcpy(&real, &bits, sizeof real);
    } while (!isfinite(real));
    return any(2) ? real : (double)(int64_t)any(1 << 24) / 256;
}

static int64_t any_integer(void)
{
    static const int64_t limits[] = {INT64_MIN, INT64_MAX, -1,         0,         23,  24,
                                     255,       256,       65535,      65536,     -24, -25,
                                     -256,      -257,      4294967295, 4294967296};
    return any(2) ? limits[any(LENGTH(limits))] : (int64_t)any(UINT64_MAX);
}

static struct lwm2m_value any_value(enum lwm2m_type type)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "\"\\/",
                                        "\x01\x1f\n\t",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\x7f",
                                        "Lightweight M2M"};
    struct lwm2m_value value = {.type = type};
    const char *text = texts[any(LENGTH(texts))];
    switch (type) {
    case LWM2M_TYPE_FLOAT:
        value.as.real = any_double();
        break;
    case LWM2M_TYPE_BOOLEAN:
        value.as.boolean = any(2);
        break;
    case LWM2M_TYPE_LINK:
        value.as.link.object = (uint16_t)any(65536);
        value.as.link.instance = (uint16_t)any(65536);
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_CORELINK:
        value.as.data.octets = (const uint8_t *)text;
        value.as.data.length = strlen(text);
        break;
    default:
        value.as.integer = type == LWM2M_TYPE_UNSIGNED ? (int64_t)any(INT64_MAX) : any_integer();
    }
    return value;
}

static int any_entries(const struct lwm2m_path *base, struct lwm2m_entry *entries)
{
    int count = 1 + (int)any(8);
    for (int i = 0; i < count; i++) {
        struct lwm2m_path path = *base;
        while (path.depth < 2)
            path = lwm2m_path_child(&path, (uint16_t)any(3));
        path = lwm2m_path_child(&path, (uint16_t)(any(2) * 10 + any(9)));
        if (path.id[2] >= 10)
            path = lwm2m_path_child(&path, (uint16_t)any(65535));
        entries[i].path = path;
        entries[i].value = any_value(support_type(NULL, &path));
    }
    if (any(4) == 0)
        entries[any((uint64_t)count)] = (struct lwm2m_entry){.path = *base};
    return count;
}

static void what_was_written_is_read_back_the_same(void **state)
{
    (void)state;
    static const char *const bases[] = {"/", "/3", "/3/0", "/65534/65534"};
    generator = 88172645463325252U;
    for (int round = 0; round < 3000; round++) {
        struct lwm2m_path base = path_of(bases[any(LENGTH(bases))]);
        struct lwm2m_entry entries[SENML_ENTRIES];
        int count = any_entries(&base, entries);
        for (size_t i = 0; i < LENGTH(forms); i++)
            assert_round_trip(forms[i].read, forms[i].write, &base, entries, count,
                              &support_typing);
    }
}

static void without_types_the_formats_tell_integers_from_floats(void **state)
{
    (void)state;
    struct lwm2m_path base = path_of("/3/0");
    const struct lwm2m_entry entries[] = {
        {.path = path_of("/3/0/1"), .value = {.type = LWM2M_TYPE_INTEGER, .as.integer = 1}},
        {.path = path_of("/3/0/2"), .value = {.type = LWM2M_TYPE_FLOAT, .as.real = 1}},
        {.path = path_of("/3/0/3"), .value = {.type = LWM2M_TYPE_FLOAT, .as.real = 1e21}},
        {.path = path_of("/3/0/4"), .value = {.type = LWM2M_TYPE_FLOAT, .as.real = -0.0}},
        {.path = path_of("/3/0/5"), .value = {.type = LWM2M_TYPE_INTEGER, .as.integer = INT64_MIN}},
    };
    for (size_t i = 0; i < LENGTH(forms); i++)
        assert_round_trip(forms[i].read, forms[i].write, &base, entries, LENGTH(entries), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_object_is_read_from_json_and_from_cbor),
        cmocka_unit_test(a_device_object_is_written_as_json_and_as_cbor),
        cmocka_unit_test(every_truncation_of_a_pack_is_refused),
        cmocka_unit_test(what_stands_behind_a_pack_is_refused),
        cmocka_unit_test(names_are_joined_with_the_base_name_of_this_record_or_one_before),
        cmocka_unit_test(a_base_value_is_added_to_the_values_behind_it),
        cmocka_unit_test(times_units_sums_and_unknown_fields_are_passed_over),
        cmocka_unit_test(fields_that_must_be_understood_are_refused),
        cmocka_unit_test(a_record_without_a_value_is_a_path),
        cmocka_unit_test(names_that_are_no_paths_within_the_base_are_refused),
        cmocka_unit_test(records_that_contradict_themselves_are_refused),
        cmocka_unit_test(fields_of_another_kind_are_refused),
        cmocka_unit_test(numbers_turn_to_the_type_of_their_resource),
        cmocka_unit_test(values_of_another_type_are_refused),
        cmocka_unit_test(single_and_multiple_resources_are_told_apart),
        cmocka_unit_test(more_records_than_fit_are_too_much),
        cmocka_unit_test(more_text_than_there_is_room_to_decode_is_too_much),
        cmocka_unit_test(writers_refuse_what_the_formats_cannot_say),
        cmocka_unit_test(what_was_written_is_read_back_the_same),
        cmocka_unit_test(without_types_the_formats_tell_integers_from_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
