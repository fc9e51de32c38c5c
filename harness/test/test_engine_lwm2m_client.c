/* The life of a device: bootstrap, registration, updates, queue mode, leave-taking. Days pass in microseconds. */
#include "engine/lwm2m/lwm2m_client.h"
#include "engine/lwm2m/lwm2m_snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- a device -------------------------------------------------------------------------------- */

enum { DAY = 86400, INSTANCES = 3, OBJECTS = 4 };

#define SECOND ((uint64_t)1000)

static struct lwm2m_instance instances[OBJECTS][INSTANCES];
static struct lwm2m_object objects[OBJECTS];
static struct lwm2m_model model;
static struct lwm2m_server serve;
static struct lwm2m_instance snapshot[OBJECTS * INSTANCES];
static struct lwm2m_client client;
static uint64_t now;
static struct lwm2m_outgoing out;
static char owner_saw[256];

static void note(const char *what, const struct lwm2m_instance *instance)
{
    size_t used = strlen(owner_saw);
    snprintf(owner_saw + used, sizeof owner_saw - used, "%s %d;", what, instance->id);
}

static void removed(void *context, struct lwm2m_instance *instance)
{
    (void)context;
    note("removed", instance);
}

static void written(void *context, struct lwm2m_instance *instance,
                    const struct lwm2m_entry *entries, size_t count, bool created)
{
    (void)context;
    (void)entries;
    assert_int_equal(count, 0);
    note(created ? "created" : "written", instance);
}

static int set_up(void **state)
{
    static const struct lwm2m_object_definition *const definitions[OBJECTS] = {
        &lwm2m_object_security, &lwm2m_object_server, &lwm2m_object_device,
        &lwm2m_object_pcp_context};
    (void)state;
    memset(instances, 0, sizeof instances);
    memset(&client, 0, sizeof client);
    owner_saw[0] = 0;
    for (int i = 0; i < OBJECTS; i++)
        objects[i] = (struct lwm2m_object){
            .definition = definitions[i], .instances = instances[i], .capacity = INSTANCES};
    objects[3].removed = removed;
    objects[3].written = written;
    model = (struct lwm2m_model){.objects = objects, .count = OBJECTS};
    serve = (struct lwm2m_server){.model = &model, .default_format = LWM2M_FORMAT_TLV};
    lwm2m_model_add(&objects[2], 0);
    client.model = &model;
    client.serve = &serve;
    client.snapshot = snapshot;
    client.bootstrap_timeout = 60000;
    snprintf(client.endpoint, sizeof client.endpoint, "urn:dev:one");
    now = 5000;
    return 0;
}

static void put_octets(uint16_t instance, uint16_t resource, const char *text)
{
    struct lwm2m_path at = {.depth = 3, .id = {0, instance, resource}};
    struct lwm2m_value value = {.type = LWM2M_TYPE_OPAQUE,
                                .as.data = {(const uint8_t *)text, strlen(text)}};
    assert_true(lwm2m_model_put(&model, &at, &value));
}

/* An instance of object 0: a bootstrap server's, or that of short_id. */
static void put_security(uint16_t instance, const char *uri, int mode, int short_id)
{
    assert_non_null(lwm2m_model_add(&objects[0], instance));
    assert_true(lwm2m_model_put_text(&model, 0, instance, LWM2M_SECURITY_URI, uri));
    lwm2m_model_put_boolean(&model, 0, instance, LWM2M_SECURITY_BOOTSTRAP, short_id == 0);
    lwm2m_model_put_integer(&model, 0, instance, LWM2M_SECURITY_MODE, mode);
    if (short_id)
        lwm2m_model_put_integer(&model, 0, instance, LWM2M_SECURITY_SHORT_ID, short_id);
}

static void put_server(uint16_t instance, int short_id, int64_t lifetime, const char *binding)
{
    assert_non_null(lwm2m_model_add(&objects[1], instance));
    lwm2m_model_put_integer(&model, 1, instance, LWM2M_SERVER_SHORT_ID, short_id);
    lwm2m_model_put_integer(&model, 1, instance, LWM2M_SERVER_LIFETIME, lifetime);
    assert_true(lwm2m_model_put_text(&model, 1, instance, LWM2M_SERVER_BINDING, binding));
}

static void provision(int64_t lifetime, const char *binding)
{
    put_security(1, "coap://11.0.0.2:5683", 3, 101);
    put_server(0, 101, lifetime, binding);
}

/* --- what it sends --------------------------------------------------------------------------- */

/* "POST rd?ep=urn:dev:one&lt=86400", or "" for nothing. */
static const char *next(void)
{
    static char text[512];
    static const char *const methods[] = {[LWM2M_POST] = "POST", [LWM2M_DELETE] = "DELETE"};
    if (!lwm2m_client_next(&client, now, &out))
        return "";
    size_t used = (size_t)snprintf(text, sizeof text, "%s %s", methods[out.method], out.path);
    for (int i = 0; out.queries[i]; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%c%s", i ? '&' : '?',
                                 out.queries[i]);
    return text;
}

#define assert_next(text) assert_string_equal(next(), text)
#define assert_silent()   assert_string_equal(next(), "")

static void answer(uint8_t code)
{
    lwm2m_client_answered(&client, now, code, "");
}

/* Waits for as long as the client wants to, which is so many seconds. */
static void assert_waits(uint64_t seconds)
{
    uint64_t wait = lwm2m_client_wait(&client, now);
    assert_int_equal(wait, seconds * SECOND);
    if (wait) {
        now += wait - 1;
        assert_silent();
        now++;
    }
}

static void start_registered(int64_t lifetime, const char *binding)
{
    provision(lifetime, binding);
    lwm2m_client_start(&client, now);
    assert_string_not_equal(next(), "");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/7");
    assert_int_equal(client.state, LWM2M_REGISTERED);
}

/* --- bootstrap ------------------------------------------------------------------------------- */

static void begin_bootstrap(void)
{
    put_security(0, "coap://11.0.0.1:5783", 3, 0);
    lwm2m_client_start(&client, now);
    assert_next("POST bs?ep=urn:dev:one");
    assert_true(lwm2m_client_is_bootstrapping(&client));
    assert_string_equal(out.to->uri, "coap://11.0.0.1:5783");
}

static void without_a_server_account_the_bootstrap_server_is_asked(void **state)
{
    (void)state;
    begin_bootstrap();
    assert_silent();
    answer(LWM2M_CHANGED);
    assert_silent();
    provision(300, "U");
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_CHANGED);
    assert_false(lwm2m_client_is_bootstrapping(&client));
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
    assert_string_equal(out.to->uri, "coap://11.0.0.2:5683");
}

static void a_device_of_1_1_tells_the_format_it_likes_if_it_likes_one(void **state)
{
    (void)state;
    put_security(0, "coap://11.0.0.1", 3, 0);
    client.is_1_1 = true;
    client.bootstrap_format = LWM2M_FORMAT_SENML_CBOR;
    lwm2m_client_start(&client, now);
    assert_next("POST bs?ep=urn:dev:one&pct=112");
}

static void with_a_server_account_no_bootstrap_is_asked_for(void **state)
{
    (void)state;
    put_security(0, "coap://11.0.0.1", 3, 0);
    provision(300, "U");
    lwm2m_client_start(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
}

static void without_any_account_nothing_is_sent(void **state)
{
    (void)state;
    lwm2m_client_start(&client, now);
    assert_silent();
    assert_int_equal(client.state, LWM2M_IDLE);
    assert_string_equal(client.why, "no account");
    assert_int_equal(lwm2m_client_wait(&client, now), UINT64_MAX);
}

static void
a_finish_without_a_consistent_account_is_not_acceptable_and_the_bootstrap_goes_on(void **state)
{
    (void)state;
    begin_bootstrap();
    answer(LWM2M_CHANGED);
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_NOT_ACCEPTABLE);
    put_security(1, "coap://11.0.0.2", 3, 101);
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_NOT_ACCEPTABLE);
    put_server(0, 102, 300, "U"); /* of another */
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_NOT_ACCEPTABLE);
    assert_true(lwm2m_client_is_bootstrapping(&client));
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_SHORT_ID, 101);
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_CHANGED);
}

static void a_finish_out_of_the_blue_is_not_allowed(void **state)
{
    (void)state;
    start_registered(300, "U");
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_NOT_ALLOWED);
    assert_int_equal(client.state, LWM2M_REGISTERED);
}

static void a_finish_may_overtake_the_answer_to_the_request(void **state)
{
    (void)state;
    begin_bootstrap();
    provision(300, "U");
    assert_int_equal(lwm2m_client_bootstrap_finish(&client, now), LWM2M_CHANGED);
    answer(LWM2M_CHANGED);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
}

static void a_half_finished_bootstrap_is_undone_and_another_follows(void **state)
{
    (void)state;
    begin_bootstrap();
    answer(LWM2M_CHANGED);
    provision(300, "U");
    lwm2m_model_put_text(&model, 0, 0, LWM2M_SECURITY_URI, "coap://elsewhere.example");
    assert_waits(60);
    assert_silent();
    assert_int_equal(client.state, LWM2M_PAUSING);
    assert_string_equal(client.why, "not finished in time");
    assert_null(lwm2m_model_instance(&objects[0], 1));
    assert_null(lwm2m_model_instance(&objects[1], 0));
    char uri[LWM2M_URI_SIZE];
    assert_string_equal(
        lwm2m_model_text(lwm2m_model_instance(&objects[0], 0), LWM2M_SECURITY_URI, uri, sizeof uri),
        "coap://11.0.0.1:5783");
    assert_waits(10);
    assert_next("POST bs?ep=urn:dev:one");
}

static void bootstraps_that_fail_are_asked_for_at_growing_pauses_for_ever(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600};
    begin_bootstrap();
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        if (i % 2)
            lwm2m_client_failed(&client, now);
        else
            answer(LWM2M_BAD_REQUEST);
        assert_waits(pauses[i]);
        assert_next("POST bs?ep=urn:dev:one");
    }
    for (int i = 0; i < 1000; i++) {
        lwm2m_client_failed(&client, now);
        assert_waits(3600);
        assert_next("POST bs?ep=urn:dev:one");
    }
}

static void undoing_leaves_alone_what_the_bootstrap_server_did_not_touch(void **state)
{
    (void)state;
    lwm2m_model_add(&objects[3], 0);
    lwm2m_model_add(&objects[3], 1);
    lwm2m_model_put_integer(&model, 26887, 0, PCP_CONTEXT_LIFETIME, 7200);
    lwm2m_model_put_integer(&model, 26887, 1, PCP_CONTEXT_LIFETIME, 7200);
    lwm2m_model_put_text(&model, 26887, 1, PCP_CONTEXT_SERVER, "192.0.2.1");
    begin_bootstrap();
    answer(LWM2M_CHANGED);
    lwm2m_model_put_integer(&model, 26887, 0, PCP_CONTEXT_REQUESTS, 5); /* by itself */
    lwm2m_model_put_text(&model, 26887, 1, PCP_CONTEXT_SERVER, "192.0.2.9");
    lwm2m_model_add(&objects[3], 7);
    assert_waits(60);
    assert_silent();
    assert_string_equal(owner_saw, "removed 1;removed 7;created 1;");
    assert_int_equal(
        lwm2m_model_integer(lwm2m_model_instance(&objects[3], 0), PCP_CONTEXT_REQUESTS, 0), 5);
    char server[32];
    assert_string_equal(lwm2m_model_text(lwm2m_model_instance(&objects[3], 1), PCP_CONTEXT_SERVER,
                                         server, sizeof server),
                        "192.0.2.1");
    assert_null(lwm2m_model_instance(&objects[3], 7));
}

static void an_instance_that_was_deleted_and_made_anew_elsewhere_is_put_back_as_it_was(void **state)
{
    (void)state;
    lwm2m_model_add(&objects[3], 0);
    lwm2m_model_add(&objects[3], 1);
    lwm2m_model_put_text(&model, 26887, 0, PCP_CONTEXT_SERVER, "192.0.2.1");
    begin_bootstrap();
    answer(LWM2M_CHANGED);
    lwm2m_model_remove(&objects[3], lwm2m_model_instance(&objects[3], 0));
    lwm2m_model_remove(&objects[3], lwm2m_model_instance(&objects[3], 1));
    lwm2m_model_add(&objects[3], 1);
    lwm2m_model_add(&objects[3], 0);
    assert_waits(60);
    assert_silent();
    char server[32];
    assert_string_equal(lwm2m_model_text(lwm2m_model_instance(&objects[3], 0), PCP_CONTEXT_SERVER,
                                         server, sizeof server),
                        "192.0.2.1");
    assert_non_null(lwm2m_model_instance(&objects[3], 1));
}

static void the_hold_off_time_comes_before_the_first_bootstrap(void **state)
{
    (void)state;
    put_security(0, "coap://11.0.0.1", 3, 0);
    lwm2m_model_put_integer(&model, 0, 0, LWM2M_SECURITY_HOLD_OFF, 15);
    lwm2m_client_start(&client, now);
    assert_waits(15);
    assert_next("POST bs?ep=urn:dev:one");
}

static void a_triggered_bootstrap_that_fails_leads_back_to_the_server_that_was_there(void **state)
{
    (void)state;
    put_security(0, "coap://11.0.0.1", 3, 0);
    start_registered(300, "U");
    assert_int_equal(lwm2m_client_execute(&client, NULL, LWM2M_SERVER_BOOTSTRAP_TRIGGER, "", 0),
                     LWM2M_CHANGED);
    assert_next("POST bs?ep=urn:dev:one");
    answer(LWM2M_CHANGED);
    lwm2m_model_remove(&objects[1], lwm2m_model_instance(&objects[1], 0));
    assert_waits(60);
    assert_silent();
    assert_waits(10);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
}

static void a_server_of_1_1_tells_how_patient_to_be(void **state)
{
    (void)state;
    objects[1].definition = &lwm2m_object_server_1_1;
    client.is_1_1 = true;
    put_security(0, "coap://11.0.0.1", 3, 0);
    provision(300, "U");
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_RETRY_COUNT, 2);
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_RETRY_TIMER, 7);
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_SEQUENCE_DELAY, 100);
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_SEQUENCE_COUNT, 2);
    lwm2m_model_put_boolean(&model, 1, 0, LWM2M_SERVER_BOOTSTRAP_ON_FAILURE, false);
    lwm2m_client_start(&client, now);
    static const uint64_t pauses[] = {7, 100, 7, 100, 7};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U");
        lwm2m_client_failed(&client, now);
        assert_waits(pauses[i]);
    }
    lwm2m_model_put_boolean(&model, 1, 0, LWM2M_SERVER_BOOTSTRAP_ON_FAILURE, true);
    static const uint64_t later[] = {100, 7};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U");
        lwm2m_client_failed(&client, now);
        assert_waits(later[i]);
    }
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U");
    lwm2m_client_failed(&client, now);
    assert_next("POST bs?ep=urn:dev:one");
}

static void no_bootstrap_is_triggered_where_nobody_could_be_asked(void **state)
{
    (void)state;
    start_registered(300, "U");
    assert_int_equal(lwm2m_client_execute(&client, NULL, LWM2M_SERVER_BOOTSTRAP_TRIGGER, "", 0),
                     LWM2M_NOT_ALLOWED);
    assert_silent();
}

/* --- accounts -------------------------------------------------------------------------------- */

static void an_account_must_fit_its_security_mode(void **state)
{
    (void)state;
    struct lwm2m_account account;
    put_server(0, 101, 300, "U");
    put_security(1, "coaps://11.0.0.2:5684", 3, 101);
    assert_false(lwm2m_account_find(&model, false, &account));
    lwm2m_model_put_integer(&model, 0, 1, LWM2M_SECURITY_MODE, 0);
    assert_false(lwm2m_account_find(&model, false, &account));
    put_octets(1, LWM2M_SECURITY_IDENTITY, "me");
    assert_false(lwm2m_account_find(&model, false, &account));
    put_octets(1, LWM2M_SECURITY_KEY, "secret");
    assert_true(lwm2m_account_find(&model, false, &account));
    assert_true(account.is_secure);
    assert_int_equal(account.key_length, 6);
    assert_memory_equal(account.key, "secret", 6);
    assert_memory_equal(account.identity, "me", 2);
    char long_key[LWM2M_CREDENTIAL_SIZE + 2];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = 0;
    put_octets(1, LWM2M_SECURITY_KEY, long_key);
    assert_false(lwm2m_account_find(&model, false, &account));
    put_octets(1, LWM2M_SECURITY_KEY, "secret");
    lwm2m_model_put_text(&model, 0, 1, LWM2M_SECURITY_URI, "coap://11.0.0.2");
    assert_false(lwm2m_account_find(&model, false, &account));
    lwm2m_model_put_integer(&model, 0, 1, LWM2M_SECURITY_MODE, 2);
    assert_false(lwm2m_account_find(&model, false, &account));
    lwm2m_model_put_integer(&model, 0, 1, LWM2M_SECURITY_MODE, 3);
    assert_true(lwm2m_account_find(&model, false, &account));
}

static void the_first_account_that_can_be_used_is(void **state)
{
    (void)state;
    struct lwm2m_account account;
    put_security(0, "coap://", 3, 100);
    put_security(1, "coap+tcp://11.0.0.2", 3, 101);
    put_security(2, "coap://11.0.0.2", 3, 102);
    put_server(0, 100, 300, "U");
    put_server(1, 101, 300, "U");
    put_server(2, 102, 300, "U");
    assert_true(lwm2m_account_find(&model, false, &account));
    assert_int_equal(account.security, 2);
    assert_int_equal(account.server, 2);
    assert_false(lwm2m_account_find(&model, true, &account));
}

/* --- registration ---------------------------------------------------------------------------- */

static void a_registration_carries_the_links_and_keeps_its_location(void **state)
{
    (void)state;
    provision(DAY, "U");
    lwm2m_client_start(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=86400&lwm2m=1.0&b=U");
    assert_int_equal(out.content_format, LWM2M_FORMAT_LINK);
    assert_non_null(memmem(out.payload, out.length, "</3/0>", 6));
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/a1b2");
    assert_string_equal(client.location, "rd/a1b2");
    assert_silent();
}

static void queue_mode_is_UQ_in_1_0_and_a_Q_of_its_own_in_1_1(void **state)
{
    (void)state;
    provision(300, "UQ");
    lwm2m_client_start(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=UQ");
    client.is_1_1 = true;
    client.queue_mode = true;
    lwm2m_client_register_anew(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U&Q");
    client.queue_mode = false;
    lwm2m_client_register_anew(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U");
}

/* Table 6.2.1.2-1: five attempts, 60 s doubled between; then a day. */
static void failed_registrations_are_tried_again_at_doubled_pauses_and_then_daily(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {60, 120, 240, 480, DAY, 60, 120, 240, 480, DAY};
    provision(300, "U");
    lwm2m_client_start(&client, now);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
        if (i % 2)
            lwm2m_client_failed(&client, now);
        else
            answer(LWM2M_UNAUTHORIZED);
        assert_string_equal(client.why, i % 2 ? "unanswered" : "refused");
        assert_waits(pauses[i]);
    }
}

static void a_device_whose_server_stays_away_asks_for_a_bootstrap(void **state)
{
    (void)state;
    put_security(0, "coap://11.0.0.1", 3, 0);
    provision(300, "U");
    lwm2m_client_start(&client, now);
    for (int attempt = 0; attempt < 5; attempt++) {
        assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
        lwm2m_client_failed(&client, now);
        now += lwm2m_client_wait(&client, now);
    }
    assert_next("POST bs?ep=urn:dev:one");
    lwm2m_client_failed(&client, now);
    assert_waits(10);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
}

static void a_registration_without_a_usable_location_has_failed(void **state)
{
    (void)state;
    char location[3 * LWM2M_LOCATION_SIZE];
    memset(location, 'x', sizeof location - 1);
    location[sizeof location - 1] = 0;
    provision(300, "U");
    lwm2m_client_start(&client, now);
    assert_string_not_equal(next(), "");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, location);
    assert_int_equal(client.state, LWM2M_PAUSING);
    assert_waits(60);
    assert_string_not_equal(next(), "");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "");
    assert_int_equal(client.state, LWM2M_PAUSING);
    assert_waits(120);
    assert_string_not_equal(next(), "");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/\n\xff");
    assert_int_equal(client.state, LWM2M_PAUSING);
    location[LWM2M_LOCATION_SIZE - 1] = 0; /* the longest that fits */
    assert_waits(240);
    assert_string_not_equal(next(), "");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, location);
    assert_int_equal(client.state, LWM2M_REGISTERED);
    lwm2m_client_update(&client, false);
    assert_string_not_equal(next(), "");
    assert_int_equal(strlen(out.path), LWM2M_LOCATION_SIZE - 1);
}

static void only_created_answers_a_registration(void **state)
{
    (void)state;
    provision(300, "U");
    lwm2m_client_start(&client, now);
    for (int code = 0; code < 256; code++) {
        if (code == LWM2M_CREATED)
            continue;
        now += lwm2m_client_wait(&client, now);
        assert_string_not_equal(next(), "");
        lwm2m_client_answered(&client, now, (uint8_t)code, "rd/7");
        assert_int_equal(client.state, LWM2M_PAUSING);
        assert_int_equal(client.refusal, code);
    }
}

static void a_fresh_address_is_registered_at_once_even_in_a_pause(void **state)
{
    (void)state;
    provision(300, "U");
    lwm2m_client_start(&client, now);
    assert_string_not_equal(next(), "");
    lwm2m_client_failed(&client, now);
    assert_silent();
    lwm2m_client_register_anew(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/7");
    lwm2m_client_register_anew(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
}

/* --- updates --------------------------------------------------------------------------------- */

static void an_update_comes_so_early_that_lost_messages_do_no_harm(void **state)
{
    (void)state;
    start_registered(DAY, "U");
    for (int day = 0; day < 365; day++) {
        assert_waits(DAY - 93);
        assert_next("POST rd/7");
        assert_int_equal(out.length, 0);
        assert_int_equal(out.content_format, LWM2M_FORMAT_NONE);
        answer(LWM2M_CHANGED);
    }
}

static void a_short_lifetime_is_renewed_in_its_middle(void **state)
{
    (void)state;
    start_registered(60, "U");
    assert_waits(30);
    assert_next("POST rd/7");
    now += 10 * SECOND; /* the lifetime counts from when the server got it, not from its answer */
    answer(LWM2M_CHANGED);
    assert_waits(20);
    assert_next("POST rd/7");
}

static void a_lifetime_or_binding_that_was_written_is_told_by_an_update(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_LIFETIME, 600);
    assert_waits(0);
    assert_next("POST rd/7?lt=600");
    answer(LWM2M_CHANGED);
    lwm2m_model_put_text(&model, 1, 0, LWM2M_SERVER_BINDING, "UQ");
    assert_next("POST rd/7?b=UQ");
    answer(LWM2M_CHANGED);
    assert_true(client.is_queueing);
    assert_waits(600 - 93);
    assert_next("POST rd/7");
}

static void what_is_written_while_an_update_is_out_is_told_by_the_next(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_client_update(&client, false);
    assert_next("POST rd/7");
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_LIFETIME, 600);
    lwm2m_client_update(&client, true);
    assert_silent();
    answer(LWM2M_CHANGED);
    assert_next("POST rd/7?lt=600");
    assert_true(out.length > 0);
    answer(LWM2M_CHANGED);
    assert_waits(600 - 93);
}

static void a_nonsensical_lifetime_counts_as_the_default(void **state)
{
    (void)state;
    static const int64_t bad[] = {0, -5, INT64_MAX, INT64_MIN, 4294967296};
    provision(300, "U");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_LIFETIME, bad[i]);
        lwm2m_client_start(&client, now);
        assert_next("POST rd?ep=urn:dev:one&lt=86400&lwm2m=1.0&b=U");
    }
}

static void queue_mode_of_1_1_is_changed_by_registering_anew(void **state)
{
    (void)state;
    client.is_1_1 = true;
    start_registered(300, "U");
    client.queue_mode = true;
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.1&b=U&Q");
}

static void instances_that_came_or_went_are_told_by_links(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_client_update(&client, true);
    assert_next("POST rd/7");
    assert_int_equal(out.content_format, LWM2M_FORMAT_LINK);
    assert_true(out.length > 0);
    answer(LWM2M_CHANGED);
    assert_waits(300 - 93);
    assert_next("POST rd/7");
    assert_int_equal(out.length, 0);
}

static void a_server_that_lost_the_registration_gets_a_new_one(void **state)
{
    (void)state;
    static const uint8_t codes[] = {LWM2M_NOT_FOUND, LWM2M_BAD_REQUEST, LWM2M_INTERNAL_ERROR, 0,
                                    0xff};
    start_registered(300, "U");
    for (size_t i = 0; i < sizeof codes; i++) {
        lwm2m_client_update(&client, false);
        assert_next("POST rd/7");
        answer(codes[i]);
        assert_int_equal(client.state, LWM2M_REGISTERING);
        assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
        lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/7");
        assert_silent();
    }
}

static void a_server_that_went_away_is_registered_with_when_it_comes_back(void **state)
{
    (void)state;
    start_registered(300, "U");
    assert_waits(300 - 93);
    assert_next("POST rd/7");
    lwm2m_client_failed(&client, now);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
    lwm2m_client_failed(&client, now);
    assert_waits(60);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
    lwm2m_client_answered(&client, now, LWM2M_CREATED, "rd/8");
    assert_waits(300 - 93);
    assert_next("POST rd/8");
}

static void answers_to_nothing_are_ignored(void **state)
{
    (void)state;
    start_registered(300, "U");
    for (int code = 0; code < 256; code++)
        lwm2m_client_answered(&client, now, (uint8_t)code, "rd/evil");
    lwm2m_client_failed(&client, now);
    assert_int_equal(client.state, LWM2M_REGISTERED);
    assert_string_equal(client.location, "rd/7");
}

/* --- the triggers of object 1 ---------------------------------------------------------------- */

static void the_update_trigger_is_obeyed(void **state)
{
    (void)state;
    start_registered(300, "U");
    assert_int_equal(lwm2m_client_execute(&client, NULL, LWM2M_SERVER_UPDATE_TRIGGER, "", 0),
                     LWM2M_CHANGED);
    assert_next("POST rd/7");
    assert_int_equal(lwm2m_client_execute(&client, NULL, 99, "", 0), LWM2M_NOT_ALLOWED);
}

static void a_disabled_device_leaves_hears_nothing_and_comes_back(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_DISABLE_TIMEOUT, 1800);
    assert_int_equal(lwm2m_client_execute(&client, NULL, LWM2M_SERVER_DISABLE, "", 0),
                     LWM2M_CHANGED);
    assert_next("DELETE rd/7");
    answer(LWM2M_DELETED);
    assert_false(lwm2m_client_is_awake(&client, now));
    lwm2m_client_register_anew(&client, now);
    lwm2m_client_update(&client, true);
    assert_waits(1800);
    assert_next("POST rd?ep=urn:dev:one&lt=300&lwm2m=1.0&b=U");
    assert_true(lwm2m_client_is_awake(&client, now));
}

/* --- queue mode, Send, leave-taking ---------------------------------------------------------- */

static void a_device_in_queue_mode_is_awake_for_93_seconds_after_a_message(void **state)
{
    (void)state;
    start_registered(DAY, "UQ");
    now += 92999;
    assert_true(lwm2m_client_is_awake(&client, now));
    now++;
    assert_false(lwm2m_client_is_awake(&client, now));
    lwm2m_client_update(&client, false);
    assert_next("POST rd/7");
    now += 200 * SECOND;
    assert_true(lwm2m_client_is_awake(&client, now)); /* its answer may still come */
    answer(LWM2M_CHANGED);
    now += 50 * SECOND;
    lwm2m_client_heard(&client, now);
    now += 92999;
    assert_true(lwm2m_client_is_awake(&client, now));
    now++;
    assert_false(lwm2m_client_is_awake(&client, now));
}

static void without_queue_mode_a_device_is_always_awake(void **state)
{
    (void)state;
    start_registered(DAY, "U");
    assert_true(lwm2m_client_is_awake(&client, now + DAY * SECOND));
}

static void only_a_device_of_1_1_sends_and_only_what_it_has(void **state)
{
    (void)state;
    struct lwm2m_path battery = {.depth = 3, .id = {3, 0, 9}};
    struct lwm2m_path missing = {.depth = 3, .id = {9, 0, 9}};
    start_registered(300, "U");
    lwm2m_model_put_integer(&model, 3, 0, 9, 77);
    assert_false(lwm2m_client_send(&client, &battery));
    client.is_1_1 = true;
    assert_false(lwm2m_client_send(&client, &missing));
    assert_true(lwm2m_client_send(&client, &battery));
    assert_false(lwm2m_client_send(&client, &battery));
    assert_waits(0);
    assert_next("POST dp");
    assert_int_equal(out.content_format, LWM2M_FORMAT_SENML_CBOR);
    assert_true(out.length > 0);
    answer(LWM2M_CHANGED);
    assert_silent();
    assert_true(lwm2m_client_send(&client, &battery));
}

static void a_server_that_knows_nothing_of_what_is_sent_is_updated(void **state)
{
    (void)state;
    struct lwm2m_path battery = {.depth = 3, .id = {3, 0, 9}};
    client.is_1_1 = true;
    start_registered(300, "U");
    lwm2m_model_put_integer(&model, 3, 0, 9, 77);
    assert_true(lwm2m_client_send(&client, &battery));
    assert_next("POST dp");
    answer(LWM2M_NOT_FOUND);
    assert_next("POST rd/7");
}

static void a_device_that_leaves_takes_its_registration_back(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_client_update(&client, false);
    assert_next("POST rd/7");
    lwm2m_client_leave(&client, now); /* whatever is out */
    assert_next("DELETE rd/7");
    answer(LWM2M_DELETED);
    assert_int_equal(client.state, LWM2M_GONE);
    assert_silent();
    assert_int_equal(lwm2m_client_wait(&client, now), UINT64_MAX);
}

static void a_device_leaves_even_if_nobody_answers(void **state)
{
    (void)state;
    start_registered(300, "U");
    lwm2m_client_leave(&client, now);
    assert_next("DELETE rd/7");
    lwm2m_client_failed(&client, now);
    assert_int_equal(client.state, LWM2M_GONE);
}

static void a_device_that_leaves_in_the_middle_of_a_bootstrap_undoes_it(void **state)
{
    (void)state;
    begin_bootstrap();
    answer(LWM2M_CHANGED);
    provision(300, "U");
    lwm2m_client_leave(&client, now);
    assert_int_equal(client.state, LWM2M_GONE);
    assert_null(lwm2m_model_instance(&objects[1], 0));
    assert_silent();
}

/* Whatever comes in whatever order, there is always something planned or out, and what is sent is well formed. */
static void no_sequence_of_events_gets_a_device_stuck(void **state)
{
    (void)state;
    static const uint8_t codes[] = {
        LWM2M_CREATED, LWM2M_CHANGED, LWM2M_NOT_FOUND, 0, LWM2M_DELETED, LWM2M_UNAUTHORIZED,
        0x5f,          0xa3};
    uint64_t chance = 12345;
    put_security(0, "coap://11.0.0.1", 3, 0);
    provision(300, "U");
    lwm2m_client_start(&client, now);
    for (int step = 0; step < 200000; step++) {
        chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
        unsigned int event = (unsigned int)(chance >> 40) % 12;
        uint8_t code = codes[(chance >> 50) % sizeof codes];
        if (event < 4)
            lwm2m_client_answered(&client, now, code, chance >> 63 ? "rd/1" : "");
        else if (event == 4)
            lwm2m_client_failed(&client, now);
        else if (event == 5)
            lwm2m_client_register_anew(&client, now);
        else if (event == 6)
            lwm2m_client_execute(&client, NULL, (uint16_t)(chance >> 33) % 11, "", 0);
        else if (event == 7)
            lwm2m_client_bootstrap_finish(&client, now);
        else if (event == 8)
            lwm2m_model_put_integer(&model, 1, 0, LWM2M_SERVER_LIFETIME, (int64_t)(chance >> 44));
        else
            next();
        uint64_t wait = lwm2m_client_wait(&client, now);
        assert_true(wait != UINT64_MAX || client.asked != LWM2M_ASKED_NOTHING);
        if (wait != UINT64_MAX)
            now += wait;
        assert_true(client.state != LWM2M_IDLE && client.state != LWM2M_GONE);
    }
}

int main(void)
{
#define DEVICE_TEST(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(without_a_server_account_the_bootstrap_server_is_asked),
        DEVICE_TEST(a_device_of_1_1_tells_the_format_it_likes_if_it_likes_one),
        DEVICE_TEST(with_a_server_account_no_bootstrap_is_asked_for),
        DEVICE_TEST(without_any_account_nothing_is_sent),
        DEVICE_TEST(
            a_finish_without_a_consistent_account_is_not_acceptable_and_the_bootstrap_goes_on),
        DEVICE_TEST(a_finish_out_of_the_blue_is_not_allowed),
        DEVICE_TEST(a_finish_may_overtake_the_answer_to_the_request),
        DEVICE_TEST(a_half_finished_bootstrap_is_undone_and_another_follows),
        DEVICE_TEST(bootstraps_that_fail_are_asked_for_at_growing_pauses_for_ever),
        DEVICE_TEST(undoing_leaves_alone_what_the_bootstrap_server_did_not_touch),
        DEVICE_TEST(an_instance_that_was_deleted_and_made_anew_elsewhere_is_put_back_as_it_was),
        DEVICE_TEST(the_hold_off_time_comes_before_the_first_bootstrap),
        DEVICE_TEST(a_triggered_bootstrap_that_fails_leads_back_to_the_server_that_was_there),
        DEVICE_TEST(a_server_of_1_1_tells_how_patient_to_be),
        DEVICE_TEST(no_bootstrap_is_triggered_where_nobody_could_be_asked),
        DEVICE_TEST(an_account_must_fit_its_security_mode),
        DEVICE_TEST(the_first_account_that_can_be_used_is),
        DEVICE_TEST(a_registration_carries_the_links_and_keeps_its_location),
        DEVICE_TEST(queue_mode_is_UQ_in_1_0_and_a_Q_of_its_own_in_1_1),
        DEVICE_TEST(failed_registrations_are_tried_again_at_doubled_pauses_and_then_daily),
        DEVICE_TEST(a_device_whose_server_stays_away_asks_for_a_bootstrap),
        DEVICE_TEST(a_registration_without_a_usable_location_has_failed),
        DEVICE_TEST(only_created_answers_a_registration),
        DEVICE_TEST(a_fresh_address_is_registered_at_once_even_in_a_pause),
        DEVICE_TEST(an_update_comes_so_early_that_lost_messages_do_no_harm),
        DEVICE_TEST(a_short_lifetime_is_renewed_in_its_middle),
        DEVICE_TEST(a_lifetime_or_binding_that_was_written_is_told_by_an_update),
        DEVICE_TEST(what_is_written_while_an_update_is_out_is_told_by_the_next),
        DEVICE_TEST(a_nonsensical_lifetime_counts_as_the_default),
        DEVICE_TEST(queue_mode_of_1_1_is_changed_by_registering_anew),
        DEVICE_TEST(instances_that_came_or_went_are_told_by_links),
        DEVICE_TEST(a_server_that_lost_the_registration_gets_a_new_one),
        DEVICE_TEST(a_server_that_went_away_is_registered_with_when_it_comes_back),
        DEVICE_TEST(answers_to_nothing_are_ignored),
        DEVICE_TEST(the_update_trigger_is_obeyed),
        DEVICE_TEST(a_disabled_device_leaves_hears_nothing_and_comes_back),
        DEVICE_TEST(a_device_in_queue_mode_is_awake_for_93_seconds_after_a_message),
        DEVICE_TEST(without_queue_mode_a_device_is_always_awake),
        DEVICE_TEST(only_a_device_of_1_1_sends_and_only_what_it_has),
        DEVICE_TEST(a_server_that_knows_nothing_of_what_is_sent_is_updated),
        DEVICE_TEST(a_device_that_leaves_takes_its_registration_back),
        DEVICE_TEST(a_device_leaves_even_if_nobody_answers),
        DEVICE_TEST(a_device_that_leaves_in_the_middle_of_a_bootstrap_undoes_it),
        DEVICE_TEST(no_sequence_of_events_gets_a_device_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
