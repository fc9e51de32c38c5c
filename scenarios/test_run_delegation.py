"""pinhole run scenarios/delegation.yaml: mappings for a device that speaks no PCP, judged from captures by tshark."""

import pytest

from conftest import CONTENT, run_all, variants_of

VARIANTS = [None, "another-host", "hub-leaves", "by-the-server", "from-the-internet", "from-the-home"]
LAMP, SERVER, OUTSIDE, PORT = "192.168.1.20", "11.0.0.2", "11.0.0.1", "40020"
UNSUPP_OPTION = "5"
# THIRD_PARTY, behind MAP's 60 octets: code 1, length 16, and the lamp's address.
FOR_THE_LAMP = "01000010" + "00" * 10 + "ffff" + "c0a80114"
pytestmark = pytest.mark.xdist_group("delegation")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("delegation"), variants_of("delegation.yaml", VARIANTS))


def asked_for_the_lamp(run, place):
    return [
        p for p in run.where(at=place, pcp_response="0", pcp_opcode="1") if p["payload"].endswith(FOR_THE_LAMP)
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_delegation_holds_and_ends_with_0(runs, variant):
    runs[variant].assert_holds()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_lamp_itself_speaks_no_pcp(runs, variant):
    run = runs[variant]
    assert [p for p in run.where(at="lamp:eth0", source=LAMP) if p["pcp_version"] or p["destination_port"] == "5351"] == []


@pytest.mark.parametrize("variant, asker", [(None, "hub:eth0"), ("by-the-server", "server:eth1")])
def test_another_s_request_has_the_lamp_reached(runs, variant, asker):
    run = runs[variant]
    (asked, *_) = asked_for_the_lamp(run, asker)
    nonce = slice(48, 72)
    granted = [
        p
        for p in run.where(at=asker, pcp_response="1", pcp_result="0", pcp_external_port=PORT)
        if p["payload"][nonce] == asked["payload"][nonce]
    ]
    assert granted and granted[0]["payload"].endswith(FOR_THE_LAMP)
    request = run.where(at="lamp:eth0", source=SERVER, destination=LAMP, destination_port=PORT)[0]
    answer = run.where(at="lamp:eth0", source=LAMP, source_port=PORT, destination=SERVER)[0]
    assert answer["payload"][2:4] == f"{int(CONTENT):02x}"
    for payload, source in ((request["payload"], SERVER), (answer["payload"], OUTSIDE)):
        assert run.where(at="server:eth0", source=source, payload=payload) != []


@pytest.mark.parametrize("variant", ["another-host", "hub-leaves", "from-the-internet", "from-the-home"])
def test_where_no_mapping_stands_the_request_comes_as_far_as_the_gateway(runs, variant):
    run = runs[variant]
    sent = run.where(at="gateway:eth1", source=SERVER, destination=OUTSIDE, destination_port=PORT)
    assert sent != []
    assert run.where(at="lamp:eth0", source=SERVER) == []


@pytest.mark.parametrize("variant, asker", [("another-host", "neighbour:eth0"), ("from-the-home", "hub:eth0")])
def test_a_host_that_the_policy_does_not_name_hears_unsupp_option(runs, variant, asker):
    run = runs[variant]
    asked = asked_for_the_lamp(run, asker)
    assert asked
    nonce = slice(48, 72)
    results = {
        p["pcp_result"]
        for p in run.where(at=asker, pcp_response="1", pcp_opcode="1")
        if p["payload"].endswith(FOR_THE_LAMP) or p["payload"][nonce] == asked[0]["payload"][nonce]
    }
    assert UNSUPP_OPTION in results
    told = [p for p in run.where(at=asker, pcp_response="1", pcp_result="0") if p["payload"].endswith(FOR_THE_LAMP)]
    assert told == []


def test_on_the_internet_nobody_is_answered(runs):
    run = runs["from-the-internet"]
    assert asked_for_the_lamp(run, "gateway:eth1") != []
    assert [p for p in run.where(at="server:eth0") if p["source_port"] == "5351"] == []


def test_the_trusted_network_takes_no_other_requests(runs):
    run = runs["by-the-server"]
    came = [p for p in run.where(at="gateway:eth2", pcp_response="0") if not p["payload"].endswith(FOR_THE_LAMP)]
    answers = run.where(at="gateway:eth2", pcp_response="1", pcp_opcode="1")
    assert len(came) == 1 and len(answers) == 1
