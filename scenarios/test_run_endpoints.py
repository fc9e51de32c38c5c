"""pinhole run scenarios/endpoints.yaml: two endpoints that talk straight, judged from the capture by tshark.

tshark knows CoAP by its port, and outside of a mapping the port is another: there a message is followed by its
payload of UDP, which no NAT changes."""

import re

import pytest

from conftest import CONTENT, GET, run_all, variants_of

A, B, C = "192.168.1.10", "192.168.2.10", "192.168.1.20"
A_OUTSIDE, B_OUTSIDE, DIRECTORY = "11.0.0.1", "11.0.0.4", "11.0.0.2"
STATUS = b"\xb6status".hex()  # Uri-Path: status
IDLE = 1.5  # seconds; the gateways forget after 1

VARIANTS = [None, "without-pcp", "coap-rd", "filtered", "one-home", "ipv6", "ipv6-without-pcp"]
pytestmark = pytest.mark.xdist_group("endpoints")


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("endpoints"), variants_of("endpoints.yaml", VARIANTS))


def external_port(run, node):
    granted = run.where(at=f"{node}:eth0", pcp_response="1", pcp_opcode="1", pcp_result="0")
    return granted[0]["pcp_external_port"]


def requests(run, node, **wanted):
    """What left a node to ask for /status."""
    return [p for p in run.where(at=f"{node}:eth0", **wanted) if STATUS in p["payload"]]


def sightings(run, payload):
    """Where a datagram was seen, in order: interface, and both its ends."""
    return [
        (p["at"], f"{p['source']}:{p['source_port']}", f"{p['destination']}:{p['destination_port']}")
        for p in run.packets
        if p["payload"] == payload
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_endpoints_hold_and_end_with_0(endpoints, variant):
    endpoints[variant].assert_holds()


@pytest.mark.parametrize("variant", [None, "coap-rd", "filtered"])
def test_a_request_passes_both_mappings_and_its_answer_the_same_way_back(endpoints, variant):
    run = endpoints[variant]
    a, b = f"{A_OUTSIDE}:{external_port(run, 'a')}", f"{B_OUTSIDE}:{external_port(run, 'b')}"
    request = requests(run, "a", source=A)[0]
    assert sightings(run, request["payload"]) == [
        ("a:eth0", f"{A}:5683", b),
        ("gateway-a:eth0", f"{A}:5683", b),
        ("gateway-a:eth1", a, b),
        ("gateway-b:eth1", a, b),
        ("gateway-b:eth0", a, f"{B}:5683"),
        ("b:eth0", a, f"{B}:5683"),
    ]
    came = run.where(at="b:eth0", payload=request["payload"])[0]
    answer = run.where(at="b:eth0", source=B, destination=A_OUTSIDE, token=came["token"])[0]
    assert (came["coap"], answer["coap"]) == (GET, CONTENT)
    assert sightings(run, answer["payload"]) == [
        ("b:eth0", f"{B}:5683", a),
        ("gateway-b:eth0", f"{B}:5683", a),
        ("gateway-b:eth1", b, a),
        ("gateway-a:eth1", b, a),
        ("gateway-a:eth0", b, f"{A}:5683"),
        ("a:eth0", b, f"{A}:5683"),
    ]


def test_nobody_has_been_heard_of_for_longer_than_a_nat_remembers(endpoints):
    run = endpoints[None]
    for node, inside in (("a", A), ("b", B)):
        asked = requests(run, node, source=inside)[0]
        other = "b" if node == "a" else "a"
        arrived = run.where(at=f"{other}:eth0", payload=asked["payload"])[0]
        before = [
            p
            for p in run.where(at=f"{other}:eth0")
            if "5683" in (p["source_port"], p["destination_port"]) and int(p["frame"]) < int(arrived["frame"])
        ]
        assert float(arrived["time"]) - float(before[-1]["time"]) > IDLE


def test_the_directory_tells_the_external_address_and_port(endpoints):
    run = endpoints[None]
    (looked_up,) = [p for p in run.where(at="a:eth0", source=DIRECTORY) if b'ep="b"'.hex() in p["payload"]]
    link = bytes.fromhex(looked_up["payload"]).rpartition(b"\xff")[2].decode()
    assert re.search('base="([^"]*)"', link)[1] == f"coap://{B_OUTSIDE}:{external_port(run, 'b')}"


def test_libcoaps_directory_tells_it_too(endpoints):
    run = endpoints["coap-rd"]
    assert run.result["peers"]["directory"]["version"].startswith("4.")
    told = [p for p in run.where(at="a:eth0", source=DIRECTORY) if b"/status>".hex() in p["payload"]]
    link = bytes.fromhex(told[-1]["payload"]).rpartition(b"\xff")[2].decode()
    assert link == f"<coap://{B_OUTSIDE}:{external_port(run, 'b')}/status>"


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_of_it_passes_the_directory(endpoints, variant):
    assert requests(endpoints[variant], "directory") == []


@pytest.mark.parametrize("variant", ["without-pcp", "ipv6-without-pcp"])
def test_without_pcp_a_request_comes_as_far_as_the_other_gateway(endpoints, variant):
    run = endpoints[variant]
    asked = {p["payload"] for p in requests(run, "a")}
    (payload,) = asked
    places = {p["at"] for p in run.packets if p["payload"] == payload}
    assert "gateway-b:eth1" in places and not places & {"gateway-b:eth0", "b:eth0"}
    assert "no answer b" in run.log("a")


def test_a_filter_keeps_out_whom_it_does_not_name(endpoints):
    run = endpoints["filtered"]
    knock = b"let me in".hex()
    assert {p["at"] for p in run.packets if p["payload"] == knock} == {"directory:eth0", "gateway-b:eth1"}


def test_in_one_home_both_see_each_other_at_external_places(endpoints):
    run = endpoints["one-home"]
    a, c = f"{A_OUTSIDE}:{external_port(run, 'a')}", f"{A_OUTSIDE}:{external_port(run, 'c')}"
    request = requests(run, "a", source=A)[0]
    seen = sightings(run, request["payload"])
    assert seen[0] == ("a:eth0", f"{A}:5683", c)
    assert seen[-1] == ("c:eth0", a, f"{C}:5683")
    assert not [place for place in seen if place[0] == "gateway-a:eth1"]


def test_over_ipv6_addresses_stay_as_they_are(endpoints):
    run = endpoints["ipv6"]
    request = requests(run, "a")[0]
    ends = {
        (p["source6"], p["source_port"], p["destination6"], p["destination_port"])
        for p in run.packets
        if p["payload"] == request["payload"]
    }
    assert ends == {("2001:db8:1::10", "5683", "2001:db8:2::10", "5683")}
