"""pinhole run of scenarios/cgn.yaml and scenarios/firewall6.yaml, judged by tshark."""

import pytest

from conftest import CONTENT, GET, GRANTED


@pytest.fixture
def cgn(shown):
    return shown["cgn"]


@pytest.fixture
def firewall(shown):
    return shown["firewall6"]


def test_with_a_shared_address_outside_the_gateway_refuses(cgn):
    answers = cgn.where(at="device-a:eth0", pcp_response="1", pcp_opcode="1")
    assert answers != [] and all(answer["pcp_result"] != "0" for answer in answers)
    assert [packet for packet in cgn.where(at="device-a:eth0") if packet["coap"]] == []


def test_with_an_address_that_looks_public_it_says_success(cgn):
    assert cgn.where(at="device-b:eth0", **GRANTED) != []


def test_what_it_promised_dies_at_the_carrier(cgn):
    asked = cgn.where(at="server:eth0", coap=GET)
    assert {packet["destination"] for packet in asked} == {"11.64.0.2"}
    assert len(cgn.where(at="cgn:eth2", coap=GET)) == len(asked)
    assert cgn.where(at="gateway-b:eth1", coap=GET) == []
    assert cgn.where(coap=CONTENT) == []


def test_the_summary_tells_claim_and_data_plane_apart(cgn):
    lines = [line for line in cgn.out.splitlines() if line.startswith("  pass")]
    assert any("SUCCESS (claim)" in line for line in lines)
    assert any("dies there" in line and "(data plane)" in line for line in lines)


def test_behind_the_firewall_requests_come_from_the_global_address(firewall):
    requests = firewall.where(at="device:eth0", pcp_response="0")
    ends = {(p["source6"], p["destination6"], p["pcp_client"]) for p in requests}
    assert ends == {("2001:db8:1::10", "fe80::1", "2001:db8:1::10")}


def test_the_server_reaches_the_device_only_after_the_pinhole(firewall):
    opened = int(firewall.where(at="device:eth0", **GRANTED)[0]["frame"])

    def from_server(at):
        seen = firewall.where(at=at, source6="2001:db8:2::2")
        return [int(packet["frame"]) for packet in seen if packet["source_port"]]

    assert min(from_server("gateway:eth1")) < opened < min(from_server("device:eth0"))


def test_no_address_is_translated_on_the_way(firewall):
    coap = [packet for packet in firewall.where(at="server:eth0") if packet["coap"]]
    ends = {packet[end] for packet in coap for end in ("source6", "destination6")}
    assert ends == {"2001:db8:1::10", "2001:db8:2::2"}
