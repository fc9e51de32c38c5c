/* The table of peers keeps what it was given, in bounded room. */
#include "check/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct entry {
    uint64_t key;
    uint64_t value;
};

static void count_eviction(void *entry, void *argument)
{
    const struct entry *gone = entry;
    uint64_t *sum = argument;
    *sum += gone->value;
}

static struct table *table_of(size_t limit, uint64_t *evicted)
{
    struct table_shape shape = {.key_size = sizeof(uint64_t),
                                .entry_size = sizeof(struct entry),
                                .limit = limit,
                                .evicted = count_eviction,
                                .argument = evicted};
    struct table *table = table_create(&shape);
    assert_non_null(table);
    return table;
}

static struct entry *add(struct table *table, uint64_t key, uint64_t value)
{
    bool made = false;
    struct entry *entry = table_get(table, &key, &made);
    assert_non_null(entry);
    assert_true(made);
    assert_int_equal(entry->value, 0);
    entry->value = value;
    return entry;
}

static void every_entry_is_found_while_the_table_grows(void **state)
{
    (void)state;
    uint64_t evicted = 0;
    struct table *table = table_of(50000, &evicted);
    struct entry *first = add(table, 0, 1);
    for (uint64_t key = 1; key < 50000; key++)
        (void)add(table, key, key + 1);
    for (uint64_t key = 0; key < 50000; key++) {
        const struct entry *entry = table_find(table, &key);
        assert_non_null(entry);
        assert_int_equal(entry->value, key + 1);
    }
    assert_ptr_equal(first, table_find(table, &(uint64_t){0}));
    assert_int_equal(evicted, 0);
    table_destroy(table);
}

static void removed_entries_are_gone_and_the_others_stay(void **state)
{
    (void)state;
    uint64_t evicted = 0;
    struct table *table = table_of(5000, &evicted);
    for (uint64_t key = 0; key < 5000; key++)
        (void)add(table, key, key);
    for (uint64_t key = 0; key < 5000; key += 2)
        table_remove(table, table_find(table, &key));
    assert_int_equal(table_count(table), 2500);
    for (uint64_t key = 0; key < 5000; key++)
        assert_int_equal(table_find(table, &key) != NULL, key % 2);
    for (uint64_t key = 0; key < 5000; key += 2)
        (void)add(table, key, key);
    assert_int_equal(evicted, 0);
    size_t cursor = 0;
    size_t seen = 0;
    while (table_next(table, &cursor))
        seen++;
    assert_int_equal(seen, 5000);
    table_destroy(table);
}

static void a_full_table_lets_go_of_what_is_not_looked_at(void **state)
{
    (void)state;
    uint64_t evicted = 0;
    struct table *table = table_of(100, &evicted);
    for (uint64_t key = 0; key < 1000; key++) {
        (void)add(table, key, 1);
        assert_non_null(table_find(table, &(uint64_t){0}));
    }
    assert_int_equal(table_count(table), 100);
    assert_int_equal(evicted, 900);
    assert_null(table_find(table, &(uint64_t){500}));
    assert_non_null(table_find(table, &(uint64_t){999}));
    table_destroy(table);
}

static void a_hash_taken_before_the_table_grew_finds_its_entry(void **state)
{
    (void)state;
    enum { KEYS = 3000 };
    static uint32_t hashes[KEYS];
    uint64_t evicted = 0;
    struct table *table = table_of(KEYS, &evicted);
    for (uint64_t key = 0; key < KEYS; key++)
        hashes[key] = table_key_hash(table, &key);
    for (uint64_t key = 0; key < KEYS; key += 2)
        (void)add(table, key, key);
    for (uint64_t key = 0; key < KEYS; key++) {
        table_fetch_slot(table, hashes[key]);
        table_fetch_entry(table, hashes[key]);
        assert_ptr_equal(table_find_hashed(table, &key, hashes[key]), table_find(table, &key));
        bool made = true;
        const struct entry *entry = table_get_hashed(table, &key, hashes[key], &made);
        assert_non_null(entry);
        assert_int_equal(made, key % 2);
        assert_int_equal(entry->key, key);
    }
    table_destroy(table);
}

static void every_bit_and_the_length_count_in_a_hash(void **state)
{
    (void)state;
    uint8_t octets[70] = {0};
    for (size_t length = 0; length < sizeof octets; length++) {
        uint64_t hash = table_hash(1, octets, length);
        assert_true(hash != table_hash(1, octets, length + 1));
        assert_true(hash != table_hash(2, octets, length));
        for (size_t bit = 0; bit < length * 8; bit++) {
            octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_true(hash != table_hash(1, octets, length));
            octets[bit / 8] = 0;
        }
        octets[length] = 0xff; /* behind the end: counts for nothing */
        assert_true(hash == table_hash(1, octets, length));
        octets[length] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_is_found_while_the_table_grows),
        cmocka_unit_test(removed_entries_are_gone_and_the_others_stay),
        cmocka_unit_test(a_hash_taken_before_the_table_grew_finds_its_entry),
        cmocka_unit_test(every_bit_and_the_length_count_in_a_hash),
        cmocka_unit_test(a_full_table_lets_go_of_what_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
