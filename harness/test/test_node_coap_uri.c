/* CoAP URIs as settings, registrations and lookups name them, RFC 7252 section 6. */
#include "node/common/coap_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct example {
    const char *text;
    const char *address;
    bool is_secure;
    uint16_t port;
};

static void assert_reads(const struct example *example)
{
    struct coap_uri uri;
    struct address address;
    assert_true(coap_uri_parse(example->text, &uri));
    assert_true(address_parse(example->address, &address));
    assert_true(address_equal(&uri.place.address, &address));
    assert_int_equal(uri.is_secure, example->is_secure);
    assert_int_equal(uri.port, example->port);
    assert_int_equal(uri.place.interface, 0);
}

static void a_uri_names_an_address_and_a_port(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"coap://192.0.2.1:40000", "192.0.2.1", false, 40000},
        {"coap://192.0.2.1:40000/status?x=y", "192.0.2.1", false, 40000},
        {"coap://[2001:db8::1]:1", "2001:db8::1", false, 1},
        {"coaps://[2001:db8::1]:65535/", "2001:db8::1", true, 65535},
        {"coap://192.0.2.1:05683", "192.0.2.1", false, 5683},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_reads(&examples[i]);
}

static void without_a_port_it_is_that_of_its_scheme(void **state)
{
    (void)state;
    assert_reads(&(struct example){"coap://192.0.2.1", "192.0.2.1", false, 5683});
    assert_reads(&(struct example){"coap://[2001:db8::1]/rd", "2001:db8::1", false, 5683});
    assert_reads(&(struct example){"coaps://192.0.2.1", "192.0.2.1", true, 5684});
}

static void a_link_local_address_names_an_interface(void **state)
{
    (void)state;
    struct coap_uri uri;
    assert_true(coap_uri_parse("coap://[fe80::1%lo]:1", &uri));
    assert_int_not_equal(uri.place.interface, 0);
}

static void what_is_no_such_uri_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "coap",
        "coap:",
        "coap://",
        "coap:///status",
        "http://192.0.2.1",
        "COAP//192.0.2.1",
        "coap://lamp.example",
        "coap://192.0.2",
        "coap://3221225985",
        "coap://192.0.2.1:",
        "coap://192.0.2.1:0",
        "coap://192.0.2.1:65536",
        "coap://192.0.2.1:-1",
        "coap://192.0.2.1: 1",
        "coap://192.0.2.1:1x",
        "coap://192.0.2.1:99999999999999999999",
        "coap://192.0.2.1 ",
        "coap://192.0.2.1@192.0.2.2",
        "coap://2001:db8::1",
        "coap://[2001:db8::1",
        "coap://[2001:db8::1]5683",
        "coap://[192.0.2.1]",
        "coap://[fe80::1]",
        "coap://[fe80::1%none]",
        "coap://[]",
        "coap://[11111111111111111111111111111111111111111111111111111111111111111111111111111111]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct coap_uri uri;
        if (coap_uri_parse(bad[i], &uri))
            fail_msg("'%s' was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_names_an_address_and_a_port),
        cmocka_unit_test(without_a_port_it_is_that_of_its_scheme),
        cmocka_unit_test(a_link_local_address_names_an_interface),
        cmocka_unit_test(what_is_no_such_uri_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
