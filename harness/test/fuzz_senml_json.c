/* JSON from strangers, as SenML and as the JSON of LwM2M 1.0. */
#include "test/senml_fuzz.h"
#include "wire/lwm2m_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    fuzz_format(senml_json_read, senml_json_write, octets, length);
    fuzz_format(lwm2m_json_read, lwm2m_json_write, octets, length);
    return 0;
}
