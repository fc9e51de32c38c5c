/* When a device notifies: pmin, pmax, gt, lt, st of section 5.1.2. */
#include "engine/lwm2m/lwm2m_observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- a device with a thermometer (3303), and a Device object of two power sources ------------- */

enum { VALUE = 5700, UNITS = 5701, BATTERY = 9, VOLTAGES = 7 };

static struct lwm2m_instance device[1];
static struct lwm2m_instance thermometers[2];
static struct lwm2m_object objects[2];
static struct lwm2m_model model;
static struct lwm2m_observations observations;

static struct lwm2m_path path(const char *text)
{
    struct lwm2m_path read;
    assert_true(lwm2m_path_read(text, strlen(text), &read));
    return read;
}

static void changed(void *context, const struct lwm2m_path *at)
{
    (void)context;
    lwm2m_observe_changed(&observations, &model, at);
}

static void put_voltage(uint16_t source, int64_t millivolts)
{
    struct lwm2m_path at = {.depth = 4, .id = {3, 0, VOLTAGES, source}};
    struct lwm2m_value value = {.type = LWM2M_TYPE_INTEGER, .as.integer = millivolts};
    assert_true(lwm2m_model_put(&model, &at, &value));
}

static void warm(double celsius)
{
    assert_true(lwm2m_model_put_real(&model, 3303, 0, VALUE, celsius));
}

static int set_up(void **state)
{
    (void)state;
    memset(device, 0, sizeof device);
    memset(thermometers, 0, sizeof thermometers);
    memset(&observations, 0, sizeof observations);
    objects[0] = (struct lwm2m_object){
        .definition = &lwm2m_object_device, .instances = device, .capacity = 1};
    objects[1] = (struct lwm2m_object){
        .definition = &lwm2m_object_temperature, .instances = thermometers, .capacity = 2};
    model = (struct lwm2m_model){.objects = objects, .count = 2, .changed = changed};
    lwm2m_model_add(&objects[0], 0);
    lwm2m_model_add(&objects[1], 0);
    lwm2m_model_add(&objects[1], 1);
    lwm2m_model_put_integer(&model, 3, 0, BATTERY, 90);
    put_voltage(0, 3300);
    put_voltage(1, 5000);
    warm(20);
    lwm2m_model_put_text(&model, 3303, 0, UNITS, "Cel");
    return 0;
}

#define WRITE(at, ...)                                                                             \
    lwm2m_observe_write(&observations, &model, &(struct lwm2m_path[]){path(at)}[0],                \
                        (const char *const[]){__VA_ARGS__, NULL})

static void observe(const char *at, uint64_t now)
{
    struct lwm2m_path observed = path(at);
    assert_true(lwm2m_observe_begin(&observations, &model, &observed, now));
}

/* What is due, or "". */
static const char *due(uint64_t now)
{
    static char text[LWM2M_PATH_TEXT_SIZE];
    struct lwm2m_path out;
    if (!lwm2m_observe_due(&observations, &model, now, &out))
        return "";
    return lwm2m_path_text(&out, text);
}

#define assert_due(now, text) assert_string_equal(due(now), text)

/* --- changes --------------------------------------------------------------------------------- */

static void an_observed_resource_is_told_of_each_change_once(void **state)
{
    (void)state;
    observe("/3303/0/5700", 0);
    assert_due(1, "");
    assert_int_equal(lwm2m_observe_wait(&observations, 1), UINT64_MAX);
    warm(21);
    assert_int_equal(lwm2m_observe_wait(&observations, 5), 0);
    assert_due(5, "/3303/0/5700");
    assert_due(6, "");
    warm(21);
    assert_due(7, "");
}

static void an_observed_instance_or_object_is_told_of_what_changes_inside(void **state)
{
    (void)state;
    observe("/3303/0", 0);
    observe("/3303", 0);
    observe("/3303/1", 0);
    warm(30);
    assert_due(1, "/3303/0");
    assert_due(1, "/3303");
    assert_due(1, "");
}

static void an_observed_resource_instance_is_told_of_its_own_changes(void **state)
{
    (void)state;
    observe("/3/0/7/1", 0);
    put_voltage(0, 3200);
    assert_due(1, "");
    put_voltage(1, 4900);
    assert_due(1, "/3/0/7/1");
    observe("/3/0/7", 2);
    put_voltage(0, 3100);
    assert_due(3, "/3/0/7");
}

static void what_comes_or_goes_above_an_observed_path_is_told(void **state)
{
    (void)state;
    observe("/3303/0/5700", 0);
    struct lwm2m_path instance = path("/3303/0");
    lwm2m_observe_changed(&observations, &model, &instance);
    assert_due(1, "/3303/0/5700");
}

static void observing_again_begins_anew_and_takes_no_more_room(void **state)
{
    (void)state;
    observe("/3303/0/5700", 0);
    warm(25);
    for (int i = 0; i < 2 * LWM2M_OBSERVATIONS; i++)
        observe("/3303/0/5700", 10);
    assert_due(11, "");
}

static void what_is_no_longer_observed_is_not_told(void **state)
{
    (void)state;
    struct lwm2m_path at = path("/3303/0/5700");
    observe("/3303/0/5700", 0);
    warm(25);
    lwm2m_observe_end(&observations, &at);
    assert_due(1, "");
    lwm2m_observe_end(&observations, &at);
}

static void a_deleted_instance_takes_its_observations_and_attributes_along(void **state)
{
    (void)state;
    struct lwm2m_path at = path("/3303/0");
    observe("/3303/0/5700", 0);
    observe("/3303/0", 0);
    observe("/3303", 0);
    assert_int_equal(WRITE("/3303/0/5700", "pmin=9"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303", "pmax=60"), LWM2M_CHANGED);
    lwm2m_observe_forget(&observations, &at);
    warm(25);
    assert_due(1, "/3303");
    assert_due(1, "");
    at = path("/3303/0/5700");
    assert_int_equal(lwm2m_observe_attributes(&observations, &at).given, LWM2M_PMAX);
}

static void when_there_is_no_room_an_observation_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        struct lwm2m_path at = {.depth = 3, .id = {3, 0, (uint16_t)i}};
        assert_true(lwm2m_observe_begin(&observations, &model, &at, 0));
    }
    struct lwm2m_path one_more = path("/3303/0");
    assert_false(lwm2m_observe_begin(&observations, &model, &one_more, 0));
}

/* --- periods --------------------------------------------------------------------------------- */

static void the_minimum_period_holds_back_and_what_was_held_back_is_told_when_it_ends(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "pmin=10"), LWM2M_CHANGED);
    observe("/3303/0/5700", 1000);
    warm(21);
    assert_due(10999, "");
    assert_int_equal(lwm2m_observe_wait(&observations, 2000), 9000);
    warm(22);
    assert_due(11000, "/3303/0/5700");
    warm(23);
    assert_due(20999, "");
    assert_due(21000, "/3303/0/5700");
}

static void a_change_that_went_back_within_the_minimum_period_is_still_told(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "pmin=10", "gt=25"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    warm(30);
    warm(20);
    assert_due(9999, "");
    assert_due(10000, "/3303/0/5700");
    assert_due(30000, "");
}

static void the_maximum_period_repeats_what_has_not_changed(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0", "pmax=60"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    assert_int_equal(lwm2m_observe_wait(&observations, 0), 60000);
    assert_due(59999, "");
    assert_due(60000, "/3303/0/5700");
    warm(21);
    assert_due(70000, "/3303/0/5700");
    assert_due(129999, "");
    assert_due(130000, "/3303/0/5700");
}

static void the_server_objects_periods_hold_where_no_attribute_does(void **state)
{
    (void)state;
    observations.default_pmin = 5;
    observations.default_pmax = 50;
    observe("/3303/0/5700", 0);
    warm(21);
    assert_due(4999, "");
    assert_due(5000, "/3303/0/5700");
    assert_due(55000, "/3303/0/5700");
    assert_int_equal(WRITE("/3303", "pmin=0", "pmax=0"), LWM2M_CHANGED);
    warm(22);
    assert_due(55001, "/3303/0/5700");
    assert_int_equal(lwm2m_observe_wait(&observations, 55001), UINT64_MAX);
}

static void a_year_of_maximum_period_does_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303", "pmax=4294967295"), LWM2M_CHANGED);
    observe("/3303/0/5700", 1);
    assert_int_equal(lwm2m_observe_wait(&observations, 1), 4294967295000);
}

/* --- thresholds ------------------------------------------------------------------------------ */

static void greater_than_tells_of_crossings_in_both_directions(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "gt=25.5"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    warm(25.5);
    assert_due(1, "");
    warm(25.6);
    assert_due(2, "/3303/0/5700");
    warm(40);
    assert_due(3, "");
    warm(25.5);
    assert_due(4, "/3303/0/5700");
    warm(25);
    assert_due(5, "");
}

static void less_than_tells_of_crossings_in_both_directions(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "lt=-5"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    warm(-5);
    assert_due(1, "");
    warm(-6);
    assert_due(2, "/3303/0/5700");
    warm(-60);
    assert_due(3, "");
    warm(-5);
    assert_due(4, "/3303/0/5700");
    warm(0);
    assert_due(5, "");
}

static void a_step_counts_from_the_value_that_was_told_last(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "st=2"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    warm(21);
    assert_due(1, "");
    warm(22);
    assert_due(2, "/3303/0/5700");
    warm(20.5);
    assert_due(3, "");
    warm(20);
    assert_due(4, "/3303/0/5700");
}

static void one_of_several_conditions_suffices(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "lt=0", "gt=50", "st=10"), LWM2M_CHANGED);
    observe("/3303/0/5700", 0);
    warm(29);
    assert_due(1, "");
    warm(30);
    assert_due(2, "/3303/0/5700");
}

static void integers_have_thresholds_too(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3/0/9", "lt=20"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3/0/7/1", "st=500"), LWM2M_CHANGED);
    observe("/3/0/9", 0);
    observe("/3/0/7/1", 0);
    lwm2m_model_put_integer(&model, 3, 0, BATTERY, 50);
    put_voltage(1, 4600);
    assert_due(1, "");
    lwm2m_model_put_integer(&model, 3, 0, BATTERY, 19);
    put_voltage(1, 4500);
    assert_due(2, "/3/0/9");
    assert_due(2, "/3/0/7/1");
}

static void a_value_that_comes_or_goes_is_told_whatever_the_thresholds(void **state)
{
    (void)state;
    struct lwm2m_path at = path("/3303/1/5700");
    assert_int_equal(WRITE("/3303/1/5700", "gt=100"), LWM2M_CHANGED);
    observe("/3303/1/5700", 0);
    assert_true(lwm2m_model_put_real(&model, 3303, 1, VALUE, 1));
    assert_due(1, "/3303/1/5700");
    assert_true(lwm2m_model_put_real(&model, 3303, 1, VALUE, 2));
    assert_due(2, "");
    lwm2m_model_drop(&model, &at);
    lwm2m_observe_changed(&observations, &model, &at);
    assert_due(3, "/3303/1/5700");
}

/* --- writing attributes ---------------------------------------------------------------------- */

static void the_deepest_attribute_wins_each_for_itself(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303", "pmin=1", "pmax=100"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/0", "pmin=2"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/0/5700", "st=3"), LWM2M_CHANGED);
    struct lwm2m_path at = path("/3303/0/5700");
    struct lwm2m_attributes held = lwm2m_observe_attributes(&observations, &at);
    assert_int_equal(held.given, LWM2M_PMIN | LWM2M_PMAX | LWM2M_ST);
    assert_int_equal(held.pmin, 2);
    assert_int_equal(held.pmax, 100);
    at = path("/3303/1");
    held = lwm2m_observe_attributes(&observations, &at);
    assert_int_equal(held.pmin, 1);
}

static void an_attribute_without_a_value_is_taken_away(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "pmin=5", "gt=3"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/0/5700", "gt"), LWM2M_CHANGED);
    struct lwm2m_path at = path("/3303/0/5700");
    assert_int_equal(lwm2m_observe_attributes(&observations, &at).given, LWM2M_PMIN);
    for (int i = 0; i < 2 * LWM2M_ATTRIBUTE_SETS; i++) {
        assert_int_equal(WRITE("/3303/1/5700", "pmin=5"), LWM2M_CHANGED);
        assert_int_equal(WRITE("/3303/1/5700", "pmin"), LWM2M_CHANGED);
    }
}

static void a_bad_query_writes_none_of_the_others(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "pmin=-1", "pmin=",   "pmin=4294967296", "pmin=1.5", "gt=warm", "st=-1",
        "epmin=1", "",        "pmi=1",           "lt=nan",   "=5",      "pminn=5",
        "pmax=x",  "ver=1.1", "gt=1e999"};
    struct lwm2m_path at = path("/3303/0/5700");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(WRITE("/3303/0/5700", "pmax=99", bad[i]), LWM2M_BAD_REQUEST);
    assert_int_equal(lwm2m_observe_attributes(&observations, &at).given, 0);
}

static void thresholds_belong_to_single_numbers(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5701", "gt=1"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303/0", "st=1"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303", "lt=1"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3/0/7", "lt=1"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303/0/5700/0", "lt=1"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/", "pmin=1"), LWM2M_BAD_REQUEST);
}

static void attributes_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    assert_int_equal(WRITE("/3303/0/5700", "pmin=10", "pmax=9"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303/0/5700", "pmin=10", "pmax=10"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/0/5700", "lt=5", "gt=5"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303/0/5700", "lt=1", "gt=5", "st=2"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303/0/5700", "lt=1", "gt=5", "st=1.9"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/0/5700", "st=2"), LWM2M_BAD_REQUEST);
    assert_int_equal(WRITE("/3303", "pmax=20"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/1", "pmin=21"), LWM2M_BAD_REQUEST);
}

static void more_attributes_than_fit_are_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    const char *const queries[] = {"pmin=3", NULL};
    for (int i = 0; i < LWM2M_ATTRIBUTE_SETS; i++) {
        struct lwm2m_path at = {.depth = 2, .id = {3303, (uint16_t)i}};
        assert_int_equal(lwm2m_observe_write(&observations, &model, &at, queries), LWM2M_CHANGED);
    }
    assert_int_equal(WRITE("/3", "pmin=3"), LWM2M_INTERNAL_ERROR);
    assert_int_equal(WRITE("/3", "pmin"), LWM2M_CHANGED);
    assert_int_equal(WRITE("/3303/7", "pmin=4"), LWM2M_CHANGED);
    struct lwm2m_path at = path("/3303/7");
    assert_int_equal(lwm2m_observe_attributes(&observations, &at).pmin, 4);
}

int main(void)
{
#define DEVICE_TEST(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(an_observed_resource_is_told_of_each_change_once),
        DEVICE_TEST(an_observed_instance_or_object_is_told_of_what_changes_inside),
        DEVICE_TEST(an_observed_resource_instance_is_told_of_its_own_changes),
        DEVICE_TEST(what_comes_or_goes_above_an_observed_path_is_told),
        DEVICE_TEST(observing_again_begins_anew_and_takes_no_more_room),
        DEVICE_TEST(what_is_no_longer_observed_is_not_told),
        DEVICE_TEST(a_deleted_instance_takes_its_observations_and_attributes_along),
        DEVICE_TEST(when_there_is_no_room_an_observation_is_refused),
        DEVICE_TEST(the_minimum_period_holds_back_and_what_was_held_back_is_told_when_it_ends),
        DEVICE_TEST(a_change_that_went_back_within_the_minimum_period_is_still_told),
        DEVICE_TEST(the_maximum_period_repeats_what_has_not_changed),
        DEVICE_TEST(the_server_objects_periods_hold_where_no_attribute_does),
        DEVICE_TEST(a_year_of_maximum_period_does_not_overflow),
        DEVICE_TEST(greater_than_tells_of_crossings_in_both_directions),
        DEVICE_TEST(less_than_tells_of_crossings_in_both_directions),
        DEVICE_TEST(a_step_counts_from_the_value_that_was_told_last),
        DEVICE_TEST(one_of_several_conditions_suffices),
        DEVICE_TEST(integers_have_thresholds_too),
        DEVICE_TEST(a_value_that_comes_or_goes_is_told_whatever_the_thresholds),
        DEVICE_TEST(the_deepest_attribute_wins_each_for_itself),
        DEVICE_TEST(an_attribute_without_a_value_is_taken_away),
        DEVICE_TEST(a_bad_query_writes_none_of_the_others),
        DEVICE_TEST(thresholds_belong_to_single_numbers),
        DEVICE_TEST(attributes_that_contradict_each_other_are_refused),
        DEVICE_TEST(more_attributes_than_fit_are_refused_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
