"""LwM2M beyond the basic case: behind two NATs (lwm2m-nested.yaml), and mappings for devices that speak neither PCP
nor LwM2M (lwm2m-delegation.yaml). Judged from captures by tshark."""

import pytest

from conftest import run_all

RUNS = {
    "nested": ["lwm2m-nested.yaml"],
    "nested, without proxy": ["lwm2m-nested.yaml", "--variant", "without-proxy"],
    "nested, refused": ["lwm2m-nested.yaml", "--variant", "refused"],
    "delegation": ["lwm2m-delegation.yaml"],
    "delegation, refused": ["lwm2m-delegation.yaml", "--variant", "refused"],
}
DEVICE, LAMP, SERVER, STRANGER = "192.168.1.10", "192.168.1.20", "11.0.0.2", "11.0.0.9"
HOME, CGN = "100.64.0.2", "11.0.0.1"
READ_OUT_OF_THE_BLUE = (b"\xb13\x010").hex()  # Uri-Path: 3, 0
NOT_AUTHORIZED, UNSUPP_OPTION = "2", "5"
IDLE = 2.5  # seconds; NATs forget after 2
pytestmark = pytest.mark.xdist_group("lwm2m-beyond")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("beyond"), RUNS)


def reads(run, place, **wanted):
    return [p for p in run.where(at=place, **wanted) if p["payload"].endswith(READ_OUT_OF_THE_BLUE)]


def granted(run, place, **wanted):
    return run.where(at=place, pcp_response="1", pcp_opcode="1", pcp_result="0", **wanted)


@pytest.mark.parametrize("name", RUNS)
def test_beyond_the_basic_case_it_holds_and_ends_with_0(runs, name):
    runs[name].assert_holds()


# --- two NATs ----------------------------------------------------------------------------------------------


def test_a_read_out_of_the_blue_comes_through_both_mappings(runs):
    run = runs["nested"]
    port = granted(run, "device:eth0")[0]["pcp_external_port"]
    relayed = granted(run, "gateway:eth1")[0]
    assert relayed["pcp_external_port"] == port
    (sent,) = reads(run, "server:eth0", source=SERVER)
    assert (sent["destination"], sent["destination_port"]) == (CGN, port)
    before = [
        p
        for p in run.where(at="server:eth0")
        if "5683" in (p["source_port"], p["destination_port"]) and int(p["frame"]) < int(sent["frame"])
    ]
    assert float(sent["time"]) - float(before[-1]["time"]) > IDLE
    way = [(p["at"], p["destination"]) for p in run.packets if p["payload"] == sent["payload"]]
    assert way == [
        ("server:eth0", CGN),
        ("cgn:eth1", CGN),
        ("cgn:eth0", HOME),
        ("gateway:eth1", HOME),
        ("gateway:eth0", DEVICE),
        ("device:eth0", DEVICE),
    ]


def test_the_server_s_word_for_where_the_device_is_comes_from_the_cgn(runs):
    run = runs["nested"]
    port = granted(run, "device:eth0")[0]["pcp_external_port"]
    assert f"pcp device mapped at {CGN}:{port}" in run.log("server")


def test_without_a_proxy_the_server_finds_that_the_claim_is_wrong_and_its_read_dies(runs):
    run = runs["nested, without proxy"]
    assert run.where(at="cgn:eth0", destination_port="5351") == []
    claims = {p["pcp_external_port"] for p in granted(run, "device:eth0")}
    assert len(claims) >= 2, "a fresh port was tried"
    sent = reads(run, "server:eth0", source=SERVER)
    assert sent and {p["destination"] for p in sent} == {CGN}
    places = {p["at"] for p in run.packets if p["payload"] == sent[0]["payload"]}
    assert places == {"server:eth0", "cgn:eth1"}
    assert "pcp device not seen from its mapping" in run.log("server")


def test_a_refusal_of_the_carrier_comes_as_far_as_the_server(runs):
    run = runs["nested, refused"]
    assert granted(run, "device:eth0") == []
    assert run.where(at="device:eth0", pcp_response="1", pcp_result=NOT_AUTHORIZED) != []
    status = [p for p in run.where(at="server:eth0", destination=SERVER) if p["payload"].endswith("ffc10203")]
    assert status != []


# --- for others --------------------------------------------------------------------------------------------


def test_an_instance_with_third_party_has_another_device_reached(runs):
    run = runs["delegation"]
    create = [p for p in run.where(at="hub:eth0", source=SERVER) if LAMP.encode().hex() in p["payload"]]
    asked = [p for p in run.where(at="hub:eth0", pcp_response="0") if p["payload"].endswith("ffffc0a80114")]
    assert int(create[0]["frame"]) < int(asked[0]["frame"])
    (request,) = run.where(at="stranger:eth0", source=STRANGER, destination_port="40020")
    came = run.where(at="lamp:eth0", payload=request["payload"])
    assert [(p["source"], p["destination"]) for p in came] == [(STRANGER, LAMP)]
    (answer,) = run.where(at="stranger:eth0", destination=STRANGER, source_port="40020")
    assert run.where(at="lamp:eth0", source=LAMP, payload=answer["payload"]) != []
    assert run.where(at="lamp:eth0", source=LAMP, destination_port="5351") == []


def test_a_gateway_without_third_party_refuses_the_instance_alone(runs):
    run = runs["delegation, refused"]
    assert granted(run, "hub:eth0", pcp_external_port="5683") != []
    assert run.where(at="hub:eth0", pcp_response="1", pcp_result=UNSUPP_OPTION) != []
    results = [p for p in run.where(at="server:eth0", destination=SERVER) if p["payload"].endswith("ffc11105")]
    assert results != []
    assert run.where(at="lamp:eth0", source=STRANGER) == []
