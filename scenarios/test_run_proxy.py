"""pinhole run scenarios/nested.yaml: a PCP proxy at home (RFC 7648), judged from the capture by tshark."""

import pytest

from conftest import CONTENT, GET, GRANTED, POST

DEVICE, HOME, CARRIER, PUBLIC = "192.168.1.10", "100.64.0.2", "100.64.0.1", "11.0.0.1"
IDLE = 2.5  # seconds; both NATs forget after 2
NOT_AUTHORIZED = "2"
MAP = {"pcp_version": "2", "pcp_opcode": "1"}
ASKED = {"pcp_response": "0", **MAP}
NONCE, INTERNAL_PORT, LIFETIME = slice(24, 36), slice(40, 42), slice(4, 8)


@pytest.fixture
def nested(shown):
    return shown["nested"]


def part(packet, octets):
    return bytes.fromhex(packet["payload"])[octets]


def port(octets):
    return str(int.from_bytes(octets, "big"))


def frame(packet):
    return int(packet["frame"])


def test_the_proxy_asks_upstream_for_its_own_external_endpoint(nested):
    asked = nested.where(at="gateway:eth0", source=DEVICE, **ASKED)[0]
    relayed = nested.where(at="gateway:eth1", destination=CARRIER, **ASKED)[0]
    assert frame(asked) < frame(relayed)
    assert (relayed["source"], relayed["destination_port"]) == (HOME, "5351")
    assert relayed["pcp_client"].endswith(HOME)
    assert part(relayed, NONCE) == part(asked, NONCE)


def test_the_device_hears_only_after_the_carrier_and_of_its_external_port(nested):
    granted = nested.where(at="gateway:eth1", source=CARRIER, **GRANTED)[0]
    heard = nested.where(at="device:eth0", **GRANTED)[0]
    assert frame(granted) < frame(heard)
    assert heard["source"] == "192.168.1.1"
    assert heard["pcp_external_port"] == granted["pcp_external_port"]
    assert part(heard, LIFETIME) == part(granted, LIFETIME) != bytes(4)
    assert port(part(heard, INTERNAL_PORT)) == "5683"


def test_the_registration_leaves_from_the_mapped_port_of_each_nat(nested):
    relayed = nested.where(at="gateway:eth1", destination=CARRIER, **ASKED)[0]
    heard = nested.where(at="device:eth0", **GRANTED)[0]
    between = nested.where(at="cgn:eth0", coap=POST)[0]
    seen = nested.where(at="server:eth0", coap=POST)[0]
    assert (between["source"], between["source_port"]) == (HOME, port(part(relayed, INTERNAL_PORT)))
    assert (seen["source"], seen["source_port"]) == (PUBLIC, heard["pcp_external_port"])


def test_a_get_passes_both_nats_after_they_have_forgotten(nested):
    for end in ("cgn:eth0", "gateway:eth0", "device:eth0"):
        coap = [packet for packet in nested.where(at=end) if packet["coap"]]
        get = next(i for i, packet in enumerate(coap) if packet["coap"] == GET)
        assert float(coap[get]["time"]) - float(coap[get - 1]["time"]) > IDLE
    token = nested.where(at="server:eth0", coap=GET)[0]["token"]
    assert nested.where(at="device:eth0", coap=GET, token=token) != []
    assert nested.where(at="server:eth0", coap=CONTENT, token=token) != []


def test_a_delete_is_passed_on_too(nested):
    def deletes(**wanted):
        return [p for p in nested.where(**wanted, **ASKED) if part(p, LIFETIME) == bytes(4)]

    assert deletes(at="gateway:eth0", source=DEVICE) != []
    assert deletes(at="gateway:eth1", source=HOME) != []
    # It speaks of no endpoint, and holds as long as the carrier's NAT may remember the flow (section 15).
    at_gateway, at_device = ({**GRANTED, "at": end} for end in ("gateway:eth1", "device:eth0"))
    held = nested.where(pcp_external_port="0", source=CARRIER, **at_gateway)[0]
    heard = nested.where(pcp_external_port="0", **at_device)[0]
    assert part(heard, LIFETIME) == part(held, LIFETIME)


def test_without_a_proxy_the_device_is_promised_what_nobody_reaches(shown):
    run = shown["nested without proxy"]
    assert run.where(at="device:eth0", **GRANTED) != []
    assert run.where(at="cgn:eth0", **ASKED) == []
    assert run.where(at="server:eth0", coap=GET, destination=HOME) != []
    assert run.where(at="gateway:eth1", coap=GET) == []
    assert run.where(coap=CONTENT) == []


def test_what_the_carrier_has_lost_the_proxy_asks_for_again(shown):
    run = shown["nested, restart"]
    granted = [p for p in run.where(at="gateway:eth1", **GRANTED) if p["pcp_external_port"] != "0"]
    first, again = granted[0], granted[-1]
    assert first["pcp_external_port"] == again["pcp_external_port"]
    asked = [p for p in run.where(at="gateway:eth0", source=DEVICE, **ASKED) if frame(p) < frame(again)]
    relayed = [p for p in run.where(at="cgn:eth0", source=HOME, **ASKED) if frame(p) < frame(again)]
    assert part(relayed[-1], NONCE) == part(asked[0], NONCE)
    assert len(relayed) > len(asked)
    assert run.where(at="device:eth0", coap=GET) != []


def test_a_refusal_by_the_carrier_reaches_the_device_with_its_lifetime(shown):
    run = shown["nested, refused"]
    refused = {"pcp_response": "1", "pcp_result": NOT_AUTHORIZED, **MAP}
    carrier = run.where(at="gateway:eth1", source=CARRIER, **refused)[0]
    heard = run.where(at="device:eth0", **refused)[0]
    assert frame(carrier) < frame(heard)
    assert part(heard, LIFETIME) == part(carrier, LIFETIME) != bytes(4)
    assert part(heard, NONCE) == part(carrier, NONCE)
    assert run.where(at="device:eth0", **GRANTED) == []


def test_a_silent_carrier_leaves_the_device_without_an_answer(shown):
    run = shown["nested, silent"]
    asked = run.where(at="gateway:eth0", source=DEVICE, **ASKED)
    relayed = run.where(at="gateway:eth1", source=HOME, **ASKED)
    assert len(asked) >= 2
    assert [part(p, NONCE) for p in relayed] == [part(p, NONCE) for p in asked]
    assert run.where(at="device:eth0", pcp_response="1", **MAP) == []
