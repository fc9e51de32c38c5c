"""pinhole run scenarios/lwm2m-strangers.yaml: other people's LwM2M servers and clients, judged from the captures by
tshark, and what their messages carry by Python's own JSON and struct."""

import json
import struct
import subprocess

import pytest

from conftest import CONTENT, CREATED, GET, GRANTED, POST, run_all

RUNS = {
    "their server": [],
    "their server, in 1.1": ["--variant", "in-1.1"],
    "their server and gateway": ["--peer", "gateway=miniupnpd"],
    "their device": ["--variant", "their-device"],
    "nobody is ours": ["--variant", "nobody-is-ours"],
}
DEVICE, SERVER, OUTSIDE = "192.168.1.10", "11.0.0.2", "11.0.0.1"
PUT, DELETE, DELETED, CHANGED = "3", "4", "66", "68"
IDLE = 2.5  # seconds; the gateway's NAT forgets after 2
pytestmark = pytest.mark.xdist_group("lwm2m-strangers")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    table = {name: ["lwm2m-strangers.yaml", *words] for name, words in RUNS.items()}
    return run_all(tmp_path_factory.mktemp("strangers"), table)


def carried(packet):
    """The payload of a CoAP message."""
    octets = bytes.fromhex(packet["payload"])
    return octets[4 + (octets[0] & 15) :].partition(b"\xff")[2]


def values(packet):
    """JSON of LwM2M 1.0: the values by their names."""
    return {
        entry.get("n", ""): next(value for key, value in entry.items() if key in ("v", "bv", "sv"))
        for entry in json.loads(carried(packet))["e"]
    }


def asked(run, code, *path, place="device:eth0"):
    """Requests of the server for a path, in order."""
    packets = run.where(at=place, source=SERVER, coap=code)
    return [p for p in packets if uri(p) == list(path)]


def uri(packet):
    """The segments of Uri-Path (11), read from the octets."""
    octets = bytes.fromhex(packet["payload"])
    at, number, segments = 4 + (octets[0] & 15), 0, []
    while at < len(octets) and octets[at] != 0xFF:
        delta, length = octets[at] >> 4, octets[at] & 15
        assert delta < 13 and length < 13
        number += delta
        if number == 11:
            segments.append(octets[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return segments


def silence_before(run, packet):
    """Seconds without CoAP at the server."""
    before = [p for p in run.where(at="server:eth0") if p["coap"] and int(p["frame"]) < int(packet["frame"])]
    return float(packet["time"]) - float(before[-1]["time"])


def answers(run, request, place="server:eth0"):
    return run.where(at=place, source=OUTSIDE, token=request["token"])


@pytest.mark.parametrize("name", RUNS)
def test_it_holds_and_ends_with_0(runs, name):
    run = runs[name]
    assert (run.code, run.failed()) == (0, []), run.out + run.err
    assert run.result["verdict"] == "pass"


@pytest.mark.parametrize("name", RUNS)
def test_tshark_reads_every_message_without_complaint(runs, name):
    wrong = "(coap || lwm2mtlv || portcontrol) && (_ws.malformed || _ws.expert.severity >= 0x600000)"
    command = ["tshark", "-r", runs[name].folder / "lab.pcapng", "-Y", wrong]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_where_nobody_is_ours_nobody_is(runs):
    peers = runs["nobody is ours"].result["peers"]
    assert [peer["name"] for peer in peers.values() if peer["name"].startswith("reference")] == []


def test_their_versions_are_told(runs):
    assert runs["their server"].result["peers"]["server"]["version"] == "0.2.11"
    assert runs["their device"].result["peers"]["device"]["version"] == "0.2.5"


# --- their server, our device --------------------------------------------------------------


def test_their_server_writes_the_lifetime_that_the_device_asks_for(runs):
    run = runs["their server"]
    (lifetime,) = asked(run, PUT, "26887", "0", "0")
    (enabled,) = asked(run, PUT, "26887", "0", "4")
    (execute,) = asked(run, POST, "26887", "0", "1")
    assert (values(lifetime), values(enabled)) == ({"": 3600}, {"": True})
    for request in (lifetime, enabled, execute):
        assert [p["coap"] for p in answers(run, request)] == [CHANGED]
    requests = run.where(at="device:eth0", pcp_response="0", pcp_opcode="1", source=DEVICE)
    first = bytes.fromhex(requests[0]["payload"])
    assert struct.unpack_from("!I", first, 4) == (3600,)
    assert int(execute["frame"]) < int(requests[0]["frame"])


def test_their_server_is_notified_until_the_mapping_stands(runs):
    run = runs["their server"]
    (observe,) = asked(run, GET, "26887", "0", "2")
    (version,) = asked(run, GET, "26887", "0", "3")
    assert [list(values(p).values()) for p in answers(run, version)] == [[2]]
    status = [value for p in answers(run, observe) for value in values(p).values()]
    assert status[0] == 0 and status[-1] == 2


@pytest.mark.parametrize("name", ["their server", "their server, in 1.1", "their server and gateway"])
def test_their_server_reaches_the_device_at_its_mapping_after_silence(runs, name):
    run = runs[name]
    mapped = run.where(at="device:eth0", **GRANTED)[0]
    reads = [p for p in run.where(at="server:eth0", source=SERVER, coap=GET) if uri(p) == ["3", "0"]]
    (read,) = reads
    assert silence_before(run, read) > IDLE
    assert (read["destination"], read["destination_port"]) == (OUTSIDE, mapped["pcp_external_port"])
    (answer,) = answers(run, read)
    assert answer["coap"] == CONTENT and b"pinhole" in carried(answer)


def test_what_their_server_knows_of_the_object_it_writes_and_reads_in_tlv(runs):
    run = runs["their server, in 1.1"]
    (lifetime,) = asked(run, PUT, "26887", "0", "0")
    (enabled,) = asked(run, PUT, "26887", "0", "4")
    assert (carried(lifetime).hex(), carried(enabled).hex()) == ("c2000e10", "c10401")
    (observe,) = asked(run, GET, "26887", "0", "2")
    assert carried(answers(run, observe)[-1]).hex() == "c10202"
    mapped = run.where(at="device:eth0", **GRANTED)[0]
    assert f"pcp device mapped at {OUTSIDE}:{mapped['pcp_external_port']}" in run.log("server")


# --- their device, our server --------------------------------------------------------------


def test_their_device_is_registered_with_what_it_says_in_its_own_way(runs):
    run = runs["their device"]
    (registration,) = run.where(at="server:eth0", source=OUTSIDE, coap=POST)
    assert b"lwm2m=1.0.0" in bytes.fromhex(registration["payload"])
    assert carried(registration).startswith(b"</>;ct=11543;hb,")
    created = run.where(at="server:eth0", destination=OUTSIDE, token=registration["token"])
    assert [p["coap"] for p in created] == [CREATED]
    (gone,) = run.where(at="server:eth0", source=OUTSIDE, coap=DELETE)
    deleted = run.where(at="server:eth0", destination=OUTSIDE, token=gone["token"])
    assert [p["coap"] for p in deleted] == [DELETED]


def test_their_device_reads_writes_and_executes_for_our_server(runs):
    run = runs["their device"]
    (write,) = asked(run, PUT, "3311", "0", "5851")
    assert carried(write) == b"70"
    (execute,) = asked(run, POST, "3", "0", "4")
    for request in (write, execute):
        assert [p["coap"] for p in answers(run, request)] == [CHANGED]
    (read,) = asked(run, GET, "3", "0")
    (answer,) = answers(run, read)
    assert answer["coap"] == CONTENT and b"sivann" in carried(answer)
    assert "rebooting" in run.log("device")


def test_their_device_notifies_our_server_of_what_became_warmer(runs):
    run = runs["their device"]
    observe, cancel = asked(run, GET, "3303", "0", "5700")
    told = answers(run, observe)
    temperatures = [struct.unpack("!f", carried(p)[-4:])[0] for p in told if int(p["frame"]) < int(cancel["frame"])]
    assert temperatures == [21.5, 30.25]
    assert "notified device /3303/0/5700 30.25" in run.log("server")


def test_json_without_the_slash_is_read_as_it_is_meant(runs):
    run = runs["their device"]
    (read,) = asked(run, GET, "3311", "0")[1:]
    (answer,) = answers(run, read)
    assert json.loads(carried(answer))["bn"] == "/3311/0"
    assert values(answer)["5851"] == "70"


# --- theirs alone --------------------------------------------------------------------------


def test_the_flow_of_the_slides_goes_without_any_program_of_ours(runs):
    run = runs["nobody is ours"]
    (lifetime,) = asked(run, PUT, "26887", "0", "0")
    (execute,) = asked(run, POST, "26887", "0", "1")
    asks = [p for p in run.where(at="device:eth0", source=DEVICE, destination_port="5351") if p["payload"][:4] == "0001"]
    assert struct.unpack("!HHI", bytes.fromhex(asks[-1]["payload"])[4:]) == (
        int(execute["destination_port"]),
        int(execute["destination_port"]),
        values(lifetime)[""],
    )
    assert int(execute["frame"]) < int(asks[0]["frame"])
    grants = [p for p in run.where(at="device:eth0", destination=DEVICE, source_port="5351") if p["payload"][:4] == "0081"]
    result, _, inside, outside, granted = struct.unpack("!HIHHI", bytes.fromhex(grants[-1]["payload"])[2:])
    assert (result, inside) == (0, int(execute["destination_port"])) and granted > 0

    read = [p for p in run.where(at="server:eth0", source=SERVER, coap=GET) if uri(p) == ["3", "0"]][-1]
    assert silence_before(run, read) > IDLE
    assert (read["destination"], read["destination_port"]) == (OUTSIDE, str(outside))
    (answer,) = answers(run, read)
    assert answer["coap"] == CONTENT and values(answer)["0"] == "sivann"
