/* RFC 6887, section 5: how addresses are written, and read. */
#include "check/stage_raw.h"

/* 2001::ffff:192.168.1.10 ends as the IPv4-mapped source address does. */
static void all_96_bits_make_an_address_ipv4(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.client.octet[0] = 0x20;
    wish.message.client.octet[1] = 0x01;
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_5_01, &answer, PCP_ADDRESS_MISMATCH);
}

static void zeros_are_the_unspecified_ipv6_address(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.external_address = address_any_ipv6();
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_success(stage, R6887_5_02, &answer);
    const struct address *external = &answer.pcp.data.map.external_address;
    stage_expect(stage, R6887_5_02, !address_is_any(external), "an external address", "%s",
                 address_format(external, text));
}

static void mapped_zeros_are_the_unspecified_ipv4_address(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.external_address = address_any_ipv4();
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_success(stage, R6887_5_03, &answer);
    const struct address *external = &answer.pcp.data.map.external_address;
    stage_expect(stage, R6887_5_03, !address_is_any(external), "an external address", "%s",
                 address_format(external, text));
}

static void an_external_ipv4_address_is_written_as_mapped(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    const struct address *external = &answer.pcp.data.map.external_address;
    stage_expect(stage, R6887_5_04, address_is_ipv4(external), "an address ::ffff:a.b.c.d",
                 "the external address is %s", address_format(external, text));
}

static const struct test_case cases[] = {
    {.id = "gateway.5.all-96-bits-make-an-address-ipv4",
     .sentence = "An address whose last 48 bits alone look IPv4-mapped is an IPv6 address.",
     .requirements = JUDGES(R6887_5_01),
     .run = all_96_bits_make_an_address_ipv4},
    {.id = "gateway.5.zeros-are-the-unspecified-ipv6-address",
     .sentence = "128 zero bits as suggested address leave the IPv6 address to the server.",
     .requirements = JUDGES(R6887_5_02),
     .run = zeros_are_the_unspecified_ipv6_address,
     .traits = CASE_IPV6},
    {.id = "gateway.5.mapped-zeros-are-the-unspecified-ipv4-address",
     .sentence = "::ffff:0.0.0.0 as suggested address leaves the IPv4 address to the server.",
     .requirements = JUDGES(R6887_5_03),
     .run = mapped_zeros_are_the_unspecified_ipv4_address},
    {.id = "gateway.5.an-external-ipv4-address-is-written-as-mapped",
     .sentence = "An external IPv4 address stands in the response as ::ffff:a.b.c.d.",
     .requirements = JUDGES(R6887_5_04),
     .run = an_external_ipv4_address_is_written_as_mapped},
};

static const struct defect defects[] = {
    {.name = "reads-mapped-addresses-by-their-tail",
     .text = "takes an address for IPv4 by its last 48 bits",
     .requirements = JUDGES(R6887_5_01)},
    {.name = "takes-unspecified-ipv6-for-ipv4",
     .text = "reads :: as the unspecified IPv4 address",
     .requirements = JUDGES(R6887_5_02)},
    {.name = "takes-unspecified-ipv4-for-ipv6",
     .text = "reads ::ffff:0.0.0.0 as the unspecified IPv6 address",
     .requirements = JUDGES(R6887_5_03)},
    {.name = "writes-compatible-addresses",
     .text = "writes the external IPv4 address as ::a.b.c.d",
     .requirements = JUDGES(R6887_5_04)},
};

CASE_FILE(gateway_05_addresses, CASE_GATEWAY, cases, defects);
