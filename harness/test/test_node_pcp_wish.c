#include "node/common/mapping_words.h"
#include "node/common/pcp_wish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A model of PCP-context with one instance, 0. */
static struct lwm2m_instance instances[1];
static struct lwm2m_object object = {
    .definition = &lwm2m_object_pcp_context, .instances = instances, .capacity = 1};
static struct lwm2m_model model = {.objects = &object, .count = 1};

static int set_up(void **state)
{
    (void)state;
    memset(instances, 0, sizeof instances);
    return lwm2m_model_add(&object, 0) ? 0 : -1;
}

static void number(uint16_t resource, int64_t value)
{
    assert_true(lwm2m_model_put_integer(&model, LWM2M_OBJECT_PCP_CONTEXT, 0, resource, value));
}

static void text(uint16_t resource, const char *value)
{
    assert_true(lwm2m_model_put_text(&model, LWM2M_OBJECT_PCP_CONTEXT, 0, resource, value));
}

static struct pcp_wish wish_of_instance(void)
{
    struct pcp_wish wish;
    struct error error = {0};
    int status = pcp_wish_read(&instances[0], &wish, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(status, 0);
    return wish;
}

static void assert_is_refused(const char *said)
{
    struct pcp_wish wish;
    struct error error = {0};
    assert_int_equal(pcp_wish_read(&instances[0], &wish, &error), -1);
    assert_non_null(strstr(error.text, said));
}

static struct address address(const char *from)
{
    struct address parsed;
    assert_true(address_parse(from, &parsed));
    return parsed;
}

/* --- what an instance means ------------------------------------------------------------------- */

static void an_instance_without_values_maps_the_port_of_lwm2m_and_is_not_enabled(void **state)
{
    (void)state;
    struct pcp_wish wish = wish_of_instance();
    assert_false(wish.enabled);
    assert_int_equal(wish.opcode, PCP_MAP);
    assert_int_equal(wish.protocol, PROTOCOL_UDP);
    assert_int_equal(wish.internal_port, 0);
    assert_int_equal(wish.lifetime, PCP_WISH_LIFETIME);
    assert_false(wish.is_foreign || wish.has_suggestion || wish.has_server);
    assert_int_equal(wish.filter_count, 0);
}

static void all_that_is_written_is_asked_for(void **state)
{
    (void)state;
    number(PCP_CONTEXT_LIFETIME, UINT32_MAX);
    number(PCP_CONTEXT_PROTOCOL, PROTOCOL_TCP);
    number(PCP_CONTEXT_INTERNAL_PORT, 80);
    number(PCP_CONTEXT_SUGGESTED_PORT, 8080);
    text(PCP_CONTEXT_SUGGESTED_ADDRESS, "11.0.0.1");
    text(PCP_CONTEXT_SERVER, "192.168.1.1");
    text(PCP_CONTEXT_THIRD_PARTY, "192.168.1.20");
    text(PCP_CONTEXT_FILTERS, "11.0.0.0/8,5683");
    struct pcp_wish wish = wish_of_instance();
    struct pcp_mapping mapping = {0};
    struct address source = address("192.168.1.10");
    pcp_wish_fill(&wish, 5683, &source, &mapping);
    assert_int_equal(mapping.lifetime, UINT32_MAX);
    assert_int_equal(mapping.data.map.protocol, PROTOCOL_TCP);
    assert_int_equal(mapping.data.map.internal_port, 80);
    assert_int_equal(mapping.data.map.external_port, 8080);
    struct address wanted = address("11.0.0.1");
    assert_true(address_equal(&mapping.data.map.external_address, &wanted));
    struct address host = address("192.168.1.20");
    assert_true(mapping.third_party && address_equal(&mapping.internal_address, &host));
    assert_true(wish.has_server);
    assert_int_equal(wish.filter_count, 1);
    assert_int_equal(wish.filters[0].prefix_length, 96 + 8);
    assert_int_equal(wish.filters[0].remote_port, 5683);
}

static void without_a_suggestion_the_zeros_of_the_family_are_suggested(void **state)
{
    (void)state;
    struct pcp_wish wish = wish_of_instance();
    struct pcp_mapping mapping = {0};
    struct address ipv4 = address("192.168.1.10");
    struct address ipv6 = address("2001:db8::10");
    struct address zeros4 = address_any_ipv4();
    struct address zeros6 = address_any_ipv6();
    pcp_wish_fill(&wish, 5683, &ipv4, &mapping);
    assert_int_equal(mapping.data.map.internal_port, 5683);
    assert_true(address_equal(&mapping.data.map.external_address, &zeros4));
    pcp_wish_fill(&wish, 5683, &ipv6, &mapping);
    assert_true(address_equal(&mapping.data.map.external_address, &zeros6));
}

static void an_empty_text_is_none(void **state)
{
    (void)state;
    text(PCP_CONTEXT_SERVER, "");
    text(PCP_CONTEXT_THIRD_PARTY, "");
    text(PCP_CONTEXT_FILTERS, "");
    struct pcp_wish wish = wish_of_instance();
    assert_false(wish.has_server || wish.is_foreign);
    assert_int_equal(wish.filter_count, 0);
}

/* --- what does not go together ---------------------------------------------------------------- */

static void a_peer_needs_somebody_to_talk_to(void **state)
{
    (void)state;
    number(PCP_CONTEXT_OPCODE, PCP_PEER);
    assert_is_refused("remote address and port");
    text(PCP_CONTEXT_REMOTE_ADDRESS, "11.0.0.2");
    assert_is_refused("remote address and port");
    number(PCP_CONTEXT_REMOTE_PORT, 5683);
    assert_int_equal(wish_of_instance().remote_port, 5683);
    text(PCP_CONTEXT_FILTERS, "11.0.0.0/8");
    assert_is_refused("PEER takes no filters");
}

static void the_port_of_lwm2m_is_one_of_udp_and_ours(void **state)
{
    (void)state;
    number(PCP_CONTEXT_PROTOCOL, PROTOCOL_TCP);
    assert_is_refused("only the protocol UDP");
    number(PCP_CONTEXT_PROTOCOL, PROTOCOL_UDP);
    text(PCP_CONTEXT_THIRD_PARTY, "192.168.1.20");
    assert_is_refused("another host's port must be told");
}

static void all_protocols_have_no_port(void **state)
{
    (void)state;
    number(PCP_CONTEXT_PROTOCOL, PROTOCOL_ALL);
    number(PCP_CONTEXT_INTERNAL_PORT, 80);
    assert_is_refused("all protocols have no port");
}

static void more_filters_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i <= PCP_WISH_FILTERS; i++) {
        const struct lwm2m_path path = {
            4, {LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_FILTERS, (uint16_t)i}};
        const struct lwm2m_value value = {
            .type = LWM2M_TYPE_STRING,
            .as.data = {.octets = (const uint8_t *)"11.0.0.0/8", .length = 10}};
        assert_true(lwm2m_model_put(&model, &path, &value));
    }
    assert_is_refused("at most 8 filters");
}

/* --- what may be written ---------------------------------------------------------------------- */

static enum lwm2m_code check(uint16_t resource, const char *octets, size_t length)
{
    const struct lwm2m_entry entry = {
        .path = {3, {LWM2M_OBJECT_PCP_CONTEXT, 0, resource}},
        .value = {.type = LWM2M_TYPE_STRING,
                  .as.data = {.octets = (const uint8_t *)octets, .length = length}},
    };
    return pcp_wish_check(NULL, &entry);
}

static void texts_that_mean_nothing_are_refused_when_they_are_written(void **state)
{
    (void)state;
    static const struct {
        uint16_t resource;
        const char *good;
        const char *bad;
    } texts[] = {
        {PCP_CONTEXT_SUGGESTED_ADDRESS, "11.0.0.1", "11.0.0.256"},
        {PCP_CONTEXT_SERVER, "2001:db8::1", "gateway"},
        {PCP_CONTEXT_THIRD_PARTY, "192.168.1.20", "192.168.1.20:80"},
        {PCP_CONTEXT_FILTERS, "2001:db8::/32,1", "11.0.0.0/33"},
        {PCP_CONTEXT_REMOTE_ADDRESS, "11.0.0.2", " 11.0.0.2"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(check(texts[i].resource, texts[i].good, strlen(texts[i].good)),
                         LWM2M_CHANGED);
        assert_int_equal(check(texts[i].resource, texts[i].bad, strlen(texts[i].bad)),
                         LWM2M_BAD_REQUEST);
        assert_int_equal(check(texts[i].resource, "", 0), LWM2M_CHANGED);
    }
    assert_int_equal(check(PCP_CONTEXT_SERVER, "11.0.0.1\0x", 10), LWM2M_BAD_REQUEST);
}

static void a_filter_is_a_prefix_with_or_without_a_port(void **state)
{
    (void)state;
    struct pcp_filter filter;
    assert_true(mapping_read_filter("11.0.0.0/8", &filter));
    assert_true(mapping_read_filter("11.0.0.2/32,65535", &filter));
    assert_true(mapping_read_filter("2001:db8::/128,1", &filter));
    static const char *const bad[] = {"",
                                      "11.0.0.0",
                                      "11.0.0.0/",
                                      "11.0.0.0/0",
                                      "11.0.0.0/33",
                                      "11.0.0.0/8,0",
                                      "11.0.0.0/8,65536",
                                      "11.0.0.0/8,",
                                      "11.0.0.0/8 ",
                                      "2001:db8::/129",
                                      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1,1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mapping_read_filter(bad[i], &filter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_instance_without_values_maps_the_port_of_lwm2m_and_is_not_enabled,
                               set_up),
        cmocka_unit_test_setup(all_that_is_written_is_asked_for, set_up),
        cmocka_unit_test_setup(without_a_suggestion_the_zeros_of_the_family_are_suggested, set_up),
        cmocka_unit_test_setup(an_empty_text_is_none, set_up),
        cmocka_unit_test_setup(a_peer_needs_somebody_to_talk_to, set_up),
        cmocka_unit_test_setup(the_port_of_lwm2m_is_one_of_udp_and_ours, set_up),
        cmocka_unit_test_setup(all_protocols_have_no_port, set_up),
        cmocka_unit_test_setup(more_filters_than_there_is_room_for_are_refused, set_up),
        cmocka_unit_test_setup(texts_that_mean_nothing_are_refused_when_they_are_written, set_up),
        cmocka_unit_test_setup(a_filter_is_a_prefix_with_or_without_a_port, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
