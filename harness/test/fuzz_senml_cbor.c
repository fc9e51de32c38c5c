/* CBOR from strangers, as SenML and as the value of one resource. */
#include "test/senml_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

/* Of every type that it can be read as, it is written as the same value again. */
static void fuzz_value(const uint8_t *octets, size_t length)
{
    for (int type = LWM2M_TYPE_NONE; type <= LWM2M_TYPE_CORELINK; type++) {
        uint8_t room[128];
        uint8_t again[2][FUZZ_LONGEST + 16];
        struct lwm2m_value value;
        if (!lwm2m_cbor_value_read((enum lwm2m_type)type, octets, length, room, sizeof room,
                                   &value))
            continue;
        require(type != LWM2M_TYPE_NONE && value.type == (enum lwm2m_type)type);
        int once = lwm2m_cbor_value_write(&value, again[0], sizeof again[0], NULL);
        require(once > 0);
        require(
            lwm2m_cbor_value_read(value.type, again[0], (size_t)once, room, sizeof room, &value));
        require(lwm2m_cbor_value_write(&value, again[1], sizeof again[1], NULL) == once);
        require(memcmp(again[0], again[1], (size_t)once) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    fuzz_format(senml_cbor_read, senml_cbor_write, octets, length);
    if (length <= FUZZ_LONGEST)
        fuzz_value(octets, length);
    return 0;
}
