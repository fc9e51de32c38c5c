"""pinhole run scenarios/lwm2m-instances.yaml: several instances of PCP-context are several mappings of one device.
Judged from the capture by tshark."""

import pytest

from conftest import Run, coap_path, run_all, variants_of

DEVICE, OUTSIDE, SERVER, STRANGER = "192.168.1.10", "11.0.0.1", "11.0.0.2", "11.0.0.9"
LWM2M, FIRST, SECOND, THIRD = "5683", "41001", "41002", "41003"  # external ports
UDP, TCP = "17", "6"
MAP, PEER = "1", "2"
GET, POST, CONTENT = "1", "2", "69"
MAPPED, DISABLED = "02", "00"
FIELDS = {
    "frame": "frame.number",
    "at": "frame.interface_name",
    "source": "ip.src",
    "destination": "ip.dst",
    "source_port": "udp.srcport",
    "destination_port": "udp.dstport",
    "tcp_port": "tcp.dstport",
    "syn": "tcp.flags.syn",
    "payload": "udp.payload",
    "code": "coap.code",
    "segments": "coap.opt.uri_path",
    "token": "coap.token",
    "pcp_response": "portcontrol.r",
    "opcode": "portcontrol.opcode",
    "result": "portcontrol.result_code",
    "asked": "portcontrol.lifetime_req",
    "granted": "portcontrol.lifetime_rsp",
}
pytestmark = pytest.mark.xdist_group("lwm2m-instances")


class InstancesRun(Run):
    fields, occurrence = FIELDS, "a"

    def complete(self, packet):
        packet["path"] = coap_path(packet["segments"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    table = variants_of("lwm2m-instances.yaml", [None, "reboot"])
    return run_all(tmp_path_factory.mktemp("instances"), table, InstancesRun)


@pytest.fixture
def run(runs):
    return runs[None]


class Mapping:
    """What a message of PCP says of its mapping, read octet by octet (RFC 6887 sections 11.1 and 12.1)."""

    def __init__(self, packet):
        octets = bytes.fromhex(packet["payload"])
        self.protocol = str(octets[36])
        self.internal, self.external = (str(int.from_bytes(octets[at : at + 2], "big")) for at in (40, 42))
        self.remote_port = str(int.from_bytes(octets[60:62], "big")) if packet["opcode"] == PEER else None
        self.remote = ".".join(map(str, octets[76:80])) if packet["opcode"] == PEER else None
        self.options = octets[60:] if packet["opcode"] == MAP else octets[80:]


def frame(packet):
    return int(packet["frame"])


def successes(run):
    """Of mappings and their ends: (packet, mapping), as they came to the device."""
    came = run.where(at="device:eth0", pcp_response="1", result="0")
    return [(p, Mapping(p)) for p in came if p["opcode"] in (MAP, PEER)]


def end_of(run, external, nth=0):
    """The answer to the nth deletion of the mapping that has this external port."""
    internal = next(m.internal for _, m in successes(run) if m.external == external)
    return [p for p, m in successes(run) if m.internal == internal and p["granted"] == "0"][nth]


def sent(run, external, source=SERVER, **wanted):
    """Datagrams and SYNs that came to the gateway from outside for a mapping."""
    came = run.where(at="gateway:eth1", source=source, destination=OUTSIDE, **wanted)
    return [p for p in came if external in (p["destination_port"], p["tcp_port"]) and not p["code"]]


def arrived(run, external, source=SERVER):
    internal = next(m.internal for _, m in successes(run) if m.external == external)
    came = run.where(at="device:eth0", source=source, destination=DEVICE)
    return [p for p in came if internal in (p["destination_port"], p["tcp_port"]) and not p["code"]]


def behind(packets, before):
    return [p for p in packets if frame(p) > frame(before)]


def between(packets, before, after):
    return [p for p in packets if frame(before) < frame(p) < frame(after)]


@pytest.mark.parametrize("variant", [None, "reboot"])
def test_it_holds_and_ends_with_0(runs, variant):
    runs[variant].assert_holds()


def test_four_instances_are_four_mappings_with_ports_of_their_own(run):
    granted = [m for p, m in successes(run) if p["granted"] != "0"]
    assert [(m.protocol, m.internal, m.external) for m in granted[:4]] == [
        (UDP, "5683", LWM2M),
        (UDP, "7001", FIRST),
        (TCP, "7002", SECOND),
        (UDP, "7003", THIRD),
    ]
    assert (granted[3].remote, granted[3].remote_port) == (SERVER, "7003")


def test_the_filters_written_are_asked_for(run):
    asked = run.where(at="device:eth0", pcp_response="0", asked="600", opcode=MAP)
    only_server = bytes([3, 0, 0, 20, 0, 128, 0, 0]) + bytes(10) + b"\xff\xff\x0b\0\0\2"
    assert [(Mapping(p).internal, Mapping(p).options) for p in asked[:2]] == [
        ("7001", only_server),
        ("7002", only_server),
    ]


@pytest.mark.parametrize("instance", [1, 2, 3])
def test_each_one_notifies_its_own_status(run, instance):
    path = f"/26887/{instance}/2"
    (observe,) = run.where(at="server:eth0", code=GET, path=path)
    told = run.where(at="server:eth0", code=CONTENT, token=observe["token"])
    statuses = [p["payload"][-2:] for p in told]
    assert statuses[:3] == ["00", "01", MAPPED]
    assert statuses[3:] == {1: [DISABLED, "01", MAPPED], 2: [DISABLED], 3: []}[instance]


@pytest.mark.parametrize("external", [FIRST, SECOND, THIRD])
def test_the_server_gets_through_and_a_stranger_does_not(run, external):
    assert sent(run, external, source=STRANGER) != []
    assert arrived(run, external, source=STRANGER) == []
    first = sent(run, external)[0]
    assert arrived(run, external)[0]["payload"] == first["payload"]


def test_peer_is_for_one_flow_alone(run):
    came = arrived(run, THIRD)
    assert {p["source_port"] for p in came} == {"7003"}
    assert {p["source_port"] for p in sent(run, THIRD)} > {"7003"}


def test_delete_ends_the_mapping_of_its_instance_alone(run):
    (executed,) = run.where(at="device:eth0", code=POST, path="/26887/1/16")
    (disabled,) = run.where(at="device:eth0", code=POST, path="/26887/2")
    end = end_of(run, FIRST)
    assert frame(executed) < frame(end) < frame(disabled)
    assert between(sent(run, FIRST), end, disabled) != []
    assert between(arrived(run, FIRST), end, disabled) == []
    for other in (SECOND, THIRD):
        assert between(arrived(run, other), end, disabled) != []


def test_disabling_ends_the_mapping(run):
    (disabled,) = run.where(at="device:eth0", code=POST, path="/26887/2")
    end = end_of(run, SECOND)
    assert frame(disabled) < frame(end)
    assert behind(sent(run, SECOND), end) != []
    assert behind(arrived(run, SECOND), end) == []


def test_taking_an_instance_away_ends_its_mapping(run):
    (deleted,) = run.where(at="device:eth0", code="4", path="/26887/1")
    end = end_of(run, FIRST, nth=1)
    assert between(arrived(run, FIRST), end_of(run, FIRST), deleted) != []
    assert frame(deleted) < frame(end)
    assert behind(sent(run, FIRST), end) != []
    assert behind(arrived(run, FIRST), end) == []
    assert behind(arrived(run, THIRD), end) != []


def test_registration_updates_list_what_is_there(run):
    updates = [p for p in run.where(at="server:eth0", code=POST) if p["path"].startswith("/rd/")]
    listed = [bytes.fromhex(p["payload"]) for p in updates]
    last = [text for text in listed if b"</26887/" in text]
    assert all(f"</26887/{n}>".encode() in last[-2] for n in (0, 1, 2, 3))
    assert b"</26887/1>" not in last[-1] and b"</26887/3>" in last[-1]


def test_a_rebooted_device_renews_its_mappings_and_then_registers_from_where_it_was(runs):
    run = runs["reboot"]
    (reboot,) = run.where(at="device:eth0", code=POST, path="/3/0/4")
    first, second = run.where(at="server:eth0", code=POST, path="/rd")
    assert frame(first) < frame(reboot) < frame(second)
    nonce = slice(24 * 2, 36 * 2)  # of the hexadecimal payload
    granted = [(p, m) for p, m in successes(run) if p["granted"] != "0"]
    for internal in ("5683", "7001"):
        (before, mapping), (after, again) = [(p, m) for p, m in granted if m.internal == internal][:2]
        assert frame(before) < frame(reboot) < frame(after)
        assert before["payload"][nonce] == after["payload"][nonce]
        assert mapping.external == again.external
        if internal == "5683":
            assert frame(after) < frame(second) and second["source_port"] == again.external
    assert arrived(run, FIRST) != [] == arrived(run, FIRST, source=STRANGER)
