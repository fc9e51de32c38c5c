/* The order of RFC 6724 among the addresses of a PCP server. */
#include "engine/pcp_destinations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pcp_select_address way(const char *server, const char *source)
{
    struct pcp_select_address address = {0};
    assert_true(address_parse(server, &address.server));
    assert_true(address_parse(source, &address.source));
    return address;
}

/* The second of two is to be tried first. */
static void assert_second_first(const struct pcp_select_address *first,
                                const struct pcp_select_address *second)
{
    const struct pcp_select_address addresses[] = {*first, *second};
    const struct pcp_select_address swapped[] = {*second, *first};
    uint8_t order[2];
    pcp_destinations_order(addresses, 2, order);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
    pcp_destinations_order(swapped, 2, order);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
}

static void matching_scopes_go_first(void **state)
{
    (void)state;
    struct pcp_select_address one = way("fe80::1", "2001:db8:1::10");
    struct pcp_select_address other = way("2001:db8:1::1", "2001:db8:1::10");
    assert_second_first(&one, &other);
    one = way("169.254.1.1", "192.168.1.10");
    other = way("192.168.1.1", "192.168.1.10");
    assert_second_first(&one, &other);
}

static void matching_labels_go_before_precedence(void **state)
{
    (void)state;
    struct pcp_select_address one = way("fd00::1", "2001:db8:1::10");
    struct pcp_select_address other = way("2001:db8:1::1", "2001:db8:1::10");
    assert_second_first(&one, &other);
    one = way("2001:db8:1::1", "2002:c000:201::10");
    other = way("2002:c000:201::1", "2002:c000:201::10");
    assert_second_first(&one, &other);
}

static void higher_precedence_goes_before_smaller_scope(void **state)
{
    (void)state;
    struct pcp_select_address one = way("192.168.1.1", "192.168.1.10");
    struct pcp_select_address other = way("2001:db8:1::1", "2001:db8:1::10");
    assert_second_first(&one, &other);
    one = way("fd00::1", "fd00::10");
    assert_second_first(&one, &other);
    one = way("2001:db8:1::1", "2001:db8:1::10");
    other = way("fe80::1", "fe80::10");
    assert_second_first(&one, &other);
}

static void what_is_alike_stays_as_it_is(void **state)
{
    (void)state;
    const struct pcp_select_address addresses[] = {
        way("192.168.1.2", "192.168.1.10"), way("169.254.1.1", "192.168.1.10"),
        way("192.0.0.9", "192.168.1.10"), way("192.168.1.1", "192.168.1.10")};
    const uint8_t expected[] = {0, 2, 3, 1};
    uint8_t order[4];
    pcp_destinations_order(addresses, 4, order);
    assert_memory_equal(order, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_scopes_go_first),
        cmocka_unit_test(matching_labels_go_before_precedence),
        cmocka_unit_test(higher_precedence_goes_before_smaller_scope),
        cmocka_unit_test(what_is_alike_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
