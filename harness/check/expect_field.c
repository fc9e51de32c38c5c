#include "check/expect_field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

const struct field_word field_transports[] = {
    {"all", 0},
    {"icmp", PROTOCOL_ICMP},
    {"tcp", PROTOCOL_TCP},
    {"udp", PROTOCOL_UDP},
    {"sctp", 132},
    {NULL, 0},
};

/* --- fields that every packet has --------------------------------------------------------- */

static bool read_source(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->event->packet.source;
    return index == 0 && s->event->packet.ip_version != 0;
}

static bool read_destination(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->event->packet.destination;
    return index == 0 && s->event->packet.ip_version != 0;
}

static bool has_ports(const struct packet *packet)
{
    return packet->protocol == PROTOCOL_UDP || packet->protocol == PROTOCOL_TCP;
}

static bool read_source_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.source_port;
    return index == 0 && has_ports(&s->event->packet);
}

static bool read_destination_port(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.destination_port;
    return index == 0 && has_ports(&s->event->packet);
}

static bool read_hop_limit(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.hop_limit;
    return index == 0;
}

static bool read_length(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.payload_length;
    return index == 0;
}

const struct field field_common[] = {
    {"source", FIELD_ADDRESS, NULL, read_source},
    {"destination", FIELD_ADDRESS, NULL, read_destination},
    {"source-port", FIELD_NUMBER, NULL, read_source_port},
    {"destination-port", FIELD_NUMBER, NULL, read_destination_port},
    {"hop-limit", FIELD_NUMBER, NULL, read_hop_limit},
    {"length", FIELD_NUMBER, NULL, read_length},
    {NULL, FIELD_NUMBER, NULL, NULL},
};

/* --- UDP ------------------------------------------------------------------------------------ */

static bool decode_udp(const struct event *event, struct sighting *sighting)
{
    (void)sighting;
    return event->packet.protocol == PROTOCOL_UDP && event->packet.payload;
}

static bool read_payload(const struct sighting *s, size_t index, struct field_value *value)
{
    const struct packet *packet = &s->event->packet;
    size_t length = packet->payload_length;
    if (length > FIELD_TEXT_SIZE - 1)
        length = FIELD_TEXT_SIZE - 1;
    memcpy(value->text, packet->payload, length);
    value->text[length] = '\0';
    return index == 0;
}

static const struct field field_udp[] = {
    {"payload", FIELD_TEXT, NULL, read_payload},
    {NULL, FIELD_NUMBER, NULL, NULL},
};

/* --- TCP ------------------------------------------------------------------------------------ */

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

static bool decode_tcp(const struct event *event, struct sighting *sighting)
{
    (void)sighting;
    return event->packet.protocol == PROTOCOL_TCP && has_ports(&event->packet);
}

/* What opens, refuses and ends a connection; the other flags tell nothing of these. */
static const struct field_word segments[] = {
    {"SYN", SYN},       {"SYN-ACK", SYN | ACK}, {"RST", RST}, {"RST-ACK", RST | ACK},
    {"FIN", FIN | ACK}, {"ACK", ACK},           {NULL, 0},
};

static bool read_segment(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.tcp_flags & (FIN | SYN | RST | ACK);
    return index == 0;
}

static const struct field field_tcp[] = {
    {"segment", FIELD_NUMBER, segments, read_segment},
    {NULL, FIELD_NUMBER, NULL, NULL},
};

/* --- ICMP ----------------------------------------------------------------------------------- */

static bool decode_icmp(const struct event *event, struct sighting *sighting)
{
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_ICMP && packet->protocol != PROTOCOL_ICMPV6)
        return false;
    if (!packet_parse_quoted(packet, &sighting->as.quoted))
        sighting->as.quoted = (struct packet){.fault = PACKET_OTHER};
    return true;
}

/* The same errors in either family (RFC 792, RFC 4443), so that a scenario can be read without a
 * table of numbers. */
enum icmp_meaning {
    MEANS_UNREACHABLE = 1,
    MEANS_TIME_EXCEEDED,
    MEANS_TOO_BIG,
    MEANS_ECHO,
    MEANS_REPLY
};

static const struct field_word icmp_meanings[] = {
    {"unreachable", MEANS_UNREACHABLE}, {"time-exceeded", MEANS_TIME_EXCEEDED},
    {"too-big", MEANS_TOO_BIG},         {"echo", MEANS_ECHO},
    {"echo-reply", MEANS_REPLY},        {NULL, 0},
};

static bool read_icmp_error(const struct sighting *s, size_t index, struct field_value *value)
{
    static const struct {
        uint8_t protocol;
        uint8_t type;
        int code; /* -1: any */
        enum icmp_meaning meaning;
    } table[] = {
        {PROTOCOL_ICMP, 3, 4, MEANS_TOO_BIG},         {PROTOCOL_ICMP, 3, -1, MEANS_UNREACHABLE},
        {PROTOCOL_ICMP, 11, -1, MEANS_TIME_EXCEEDED}, {PROTOCOL_ICMP, 8, -1, MEANS_ECHO},
        {PROTOCOL_ICMP, 0, -1, MEANS_REPLY},          {PROTOCOL_ICMPV6, 1, -1, MEANS_UNREACHABLE},
        {PROTOCOL_ICMPV6, 2, -1, MEANS_TOO_BIG},      {PROTOCOL_ICMPV6, 3, -1, MEANS_TIME_EXCEEDED},
        {PROTOCOL_ICMPV6, 128, -1, MEANS_ECHO},       {PROTOCOL_ICMPV6, 129, -1, MEANS_REPLY},
    };
    const struct packet *packet = &s->event->packet;
    if (index > 0)
        return false;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].protocol == packet->protocol && table[i].type == packet->icmp_type &&
            (table[i].code < 0 || table[i].code == packet->icmp_code)) {
            value->number = table[i].meaning;
            return true;
        }
    }
    return false;
}

static bool read_icmp_type(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.icmp_type;
    return index == 0;
}

static bool read_icmp_code(const struct sighting *s, size_t index, struct field_value *value)
{
    value->number = s->event->packet.icmp_code;
    return index == 0;
}

static bool read_quoted_source(const struct sighting *s, size_t index, struct field_value *value)
{
    value->address = s->as.quoted.source;
    return index == 0 && s->as.quoted.ip_version != 0;
}

static bool read_quoted_destination(const struct sighting *s, size_t index,
                                    struct field_value *value)
{
    value->address = s->as.quoted.destination;
    return index == 0 && s->as.quoted.ip_version != 0;
}

static bool read_quoted_source_port(const struct sighting *s, size_t index,
                                    struct field_value *value)
{
    value->number = s->as.quoted.source_port;
    return index == 0 && has_ports(&s->as.quoted);
}

static bool read_quoted_destination_port(const struct sighting *s, size_t index,
                                         struct field_value *value)
{
    value->number = s->as.quoted.destination_port;
    return index == 0 && has_ports(&s->as.quoted);
}

static const struct field field_icmp[] = {
    {"error", FIELD_NUMBER, icmp_meanings, read_icmp_error},
    {"type", FIELD_NUMBER, NULL, read_icmp_type},
    {"code", FIELD_NUMBER, NULL, read_icmp_code},
    {"quoted-source", FIELD_ADDRESS, NULL, read_quoted_source},
    {"quoted-destination", FIELD_ADDRESS, NULL, read_quoted_destination},
    {"quoted-source-port", FIELD_NUMBER, NULL, read_quoted_source_port},
    {"quoted-destination-port", FIELD_NUMBER, NULL, read_quoted_destination_port},
    {NULL, FIELD_NUMBER, NULL, NULL},
};

/* --- by name -------------------------------------------------------------------------------- */

static const struct see sees[] = {
    {"pcp", field_pcp, NULL, decode_pcp},           {"natpmp", field_natpmp, NULL, decode_natpmp},
    {"coap", field_coap, field_lwm2m, decode_coap}, {"dtls", field_dtls, NULL, decode_dtls},
    {"udp", field_udp, NULL, decode_udp},           {"tcp", field_tcp, NULL, decode_tcp},
    {"icmp", field_icmp, NULL, decode_icmp},
};

const struct see *see_find(const char *word)
{
    for (size_t i = 0; i < sizeof sees / sizeof *sees; i++)
        if (strcmp(sees[i].word, word) == 0)
            return &sees[i];
    return NULL;
}

static const struct field *find_among(const struct field *fields, const char *name, size_t length)
{
    for (; fields && fields->name; fields++)
        if (strlen(fields->name) == length && memcmp(fields->name, name, length) == 0)
            return fields;
    return NULL;
}

bool field_find(const struct see *see, const char *name, struct field_use *out)
{
    const char *colon = strchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) + 1 : strlen(name);
    const struct field *const tables[3] = {see->fields, see->more, field_common};
    *out = (struct field_use){.field = NULL};
    for (size_t i = 0; i < 3 && !out->field; i++)
        out->field = find_among(tables[i], name, length);
    if (!out->field || !colon)
        return out->field;
    return lwm2m_path_read(colon + 1, strlen(colon + 1), &out->path) && out->path.depth >= 3;
}

bool field_read(const struct field_use *use, const struct sighting *sighting, size_t index,
                struct field_value *value)
{
    if (use->path.depth == 0)
        return use->field->read(sighting, index, value);
    struct sighting asked = *sighting;
    asked.wanted = use->path;
    return use->field->read(&asked, index, value);
}

/* A whole unsigned decimal number. */
static bool parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && !errno && !*end;
}

bool field_parse(const struct field *field, const char *text, struct field_value *value)
{
    value->kind = field->kind;
    switch (field->kind) {
    case FIELD_ADDRESS:
        return address_parse(text, &value->address);
    case FIELD_TEXT:
        return snprintf(value->text, sizeof value->text, "%s", text) < (int)sizeof value->text;
    case FIELD_NUMBER:
        for (const struct field_word *word = field->words; word && word->word; word++) {
            if (strcmp(word->word, text) == 0) {
                value->number = word->number;
                return true;
            }
        }
        return parse_number(text, &value->number);
    }
    return false;
}

const char *field_format(const struct field *field, const struct field_value *value,
                         char text[FIELD_TEXT_SIZE])
{
    char address[ADDRESS_TEXT_SIZE];
    switch (field->kind) {
    case FIELD_ADDRESS:
        (void)snprintf(text, FIELD_TEXT_SIZE, "%s", address_format(&value->address, address));
        break;
    case FIELD_TEXT:
        (void)snprintf(text, FIELD_TEXT_SIZE, "%s", value->text);
        break;
    case FIELD_NUMBER:
        (void)snprintf(text, FIELD_TEXT_SIZE, "%llu", (unsigned long long)value->number);
        for (const struct field_word *word = field->words; word && word->word; word++)
            if (word->number == value->number)
                (void)snprintf(text, FIELD_TEXT_SIZE, "%s", word->word);
        break;
    }
    return text;
}
