/* Captures of any length are read through a window of bounded size, from files and from pipes. */
#include "check/event.h"
#include "check_support.h"

#include <sys/wait.h>

enum { PACKETS = 30000 }; /* over 4 MB: several windows */

static const char *const interfaces[] = {"a:eth0", "b:eth0", NULL};
static const struct udp_spec spec = {"192.0.2.1", "192.0.2.2", 1000, 2000, 0};

static void make_capture(struct capture_file *capture)
{
    uint8_t payload[200] = {0};
    capture_open(capture, interfaces);
    for (int i = 0; i < PACKETS; i++) {
        payload[0] = (uint8_t)i;
        capture_udp(capture, AT_MS(i), (uint32_t)i % 2, DIRECTION_OUT, &spec, payload,
                    (size_t)(i % 200 + 1));
    }
    capture_close(capture);
}

static uint64_t read_all(struct event_source *source, struct error *error, int *last)
{
    struct event event;
    uint64_t count = 0;
    while ((*last = event_next(source, &event, error)) > 0) {
        assert_int_equal(event.frame, count + 1);
        assert_int_equal(event.time, AT_MS((int)count));
        assert_int_equal(event.packet.payload_length, count % 200 + 1);
        assert_int_equal(event.packet.payload[0], (uint8_t)count);
        assert_string_equal(event_interface_name(source, event.interface), interfaces[count % 2]);
        count++;
    }
    return count;
}

static void a_file_of_many_windows_is_read_whole(void **state)
{
    (void)state;
    struct capture_file capture;
    struct error error = {{0}};
    int last = 1;
    make_capture(&capture);
    struct event_source *source = event_open(capture.path, &error);
    assert_non_null(source);
    assert_int_equal(read_all(source, &error, &last), PACKETS);
    assert_int_equal(last, 0);
    event_close(source);
    (void)unlink(capture.path);
}

static void a_file_that_breaks_off_gives_what_it_has_and_says_where(void **state)
{
    (void)state;
    struct capture_file capture;
    struct error error = {{0}};
    int last = 1;
    make_capture(&capture);
    assert_int_equal(truncate(capture.path, 1500000), 0);
    struct event_source *source = event_open(capture.path, &error);
    assert_non_null(source);
    uint64_t count = read_all(source, &error, &last);
    assert_in_range(count, 5000, PACKETS - 1);
    assert_int_equal(last, -1);
    assert_non_null(strstr(error.text, capture.path));
    assert_non_null(strstr(error.text, "cut off"));
    event_close(source);
    (void)unlink(capture.path);
}

static void what_is_no_capture_is_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *says;
    } table[] = {{"/dev/null", "empty"},
                 {"/dev/zero", "expected"},
                 {"/nowhere/x", "/nowhere/x"},
                 {"/tmp", "directory"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct error error = {{0}};
        assert_null(event_open(table[i].path, &error));
        if (!strstr(error.text, table[i].says) || strchr(error.text, '\n'))
            fail_msg("'%s' does not say '%s' in a line", error.text, table[i].says);
    }
}

static void a_pipe_is_read_like_a_file(void **state)
{
    (void)state;
    struct capture_file capture;
    make_capture(&capture);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[1]);
        (void)dup2(ends[0], STDIN_FILENO);
        struct error error = {{0}};
        struct event event;
        struct event_source *source = event_open("-", &error);
        int count = 0;
        while (source && event_next(source, &event, &error) > 0)
            count++;
        event_close(source);
        _exit(count == PACKETS ? 0 : 1);
    }
    (void)close(ends[0]);
    FILE *file = fopen(capture.path, "rb");
    assert_non_null(file);
    uint8_t octets[777]; /* no size that anything in the file has */
    size_t length;
    while ((length = fread(octets, 1, sizeof octets, file)) > 0)
        assert_int_equal(write(ends[1], octets, length), length);
    (void)fclose(file);
    (void)close(ends[1]);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)unlink(capture.path);
}

static void packets_that_are_read_several_at_once_are_the_same_ones(void **state)
{
    (void)state;
    enum { SEVERAL = 7 };
    struct capture_file capture;
    struct error error = {{0}};
    struct event events[SEVERAL];
    make_capture(&capture);
    assert_int_equal(truncate(capture.path, 3000000), 0);
    struct event_source *one = event_open(capture.path, &error);
    struct event_source *several = event_open(capture.path, &error);
    assert_non_null(one);
    assert_non_null(several);
    int count;
    while ((count = event_next_several(several, events, SEVERAL, &error)) > 0) {
        assert_in_range(count, 1, SEVERAL);
        for (int i = 0; i < count; i++) {
            struct event event;
            assert_int_equal(event_next(one, &event, &error), 1);
            assert_int_equal(events[i].frame, event.frame);
            assert_int_equal(events[i].time, event.time);
            assert_int_equal(events[i].interface, event.interface);
            assert_int_equal(events[i].packet.payload_length, event.packet.payload_length);
            assert_memory_equal(events[i].packet.payload, event.packet.payload,
                                event.packet.payload_length);
        }
    }
    struct error same = {{0}};
    assert_int_equal(count, -1); /* cut off, which shows behind the last whole packet */
    assert_int_equal(event_next(one, events, &same), -1);
    assert_string_equal(error.text, same.text);
    event_close(one);
    event_close(several);
    (void)unlink(capture.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_many_windows_is_read_whole),
        cmocka_unit_test(packets_that_are_read_several_at_once_are_the_same_ones),
        cmocka_unit_test(a_file_that_breaks_off_gives_what_it_has_and_says_where),
        cmocka_unit_test(what_is_no_capture_is_refused_in_one_line),
        cmocka_unit_test(a_pipe_is_read_like_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
