"""Which PCP servers pinhole-device asks, and when: several at once, one after the other, another router,
another address, after sleep. In labs with real gateways, judged by tshark, and against gateways that a
test plays."""

import pathlib
import signal
import socket
import struct
import tempfile

import pytest
from conftest import GRANTED, run_all, variants_of
from test_device import (
    DEVICE,
    EXTERNAL,
    GATEWAY,
    MAPPED_IPV4,
    PORT,
    SERVER_AT,
    Gateway,
    Program,
    refused,
    sealed,
)

SECOND = SERVER_AT  # the other address of a test's namespace
NONCE = slice(24, 36)

# --- in labs -----------------------------------------------------------------------------------------

VARIANTS = ["", "both", "renumbered", "anycast", "overslept", "missed-restart"]


@pytest.fixture(scope="session")
def labs(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("gateways"), variants_of("gateways.yaml", VARIANTS))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_scenario_passes_without_a_finding(labs, name):
    run = labs[name]
    assert run.code == 0, run.out + run.err
    assert [f for f in run.result["findings"] if f.get("program") == "device"] == []


def requests(run, **wanted):
    """The MAP requests at the device, but for those that ICMP quotes: tshark's view of each, with the nonce
    from its octets."""
    found = run.where(at="device:eth0", pcp_response="0", pcp_opcode="1", **wanted)
    return [
        {**packet, "nonce": bytes.fromhex(packet["payload"])[NONCE]} for packet in found if not packet["icmp"]
    ]


def test_a_new_default_router_is_asked_at_once_with_another_nonce(labs):
    first = requests(labs[""], destination="192.168.1.1")
    second = requests(labs[""], destination="192.168.1.2")
    assert {p["nonce"] for p in first}.isdisjoint(p["nonce"] for p in second)
    posts = labs[""].where(at="device:eth0", coap="2")
    granted = labs[""].where(at="device:eth0", source="192.168.1.2", **GRANTED)
    later = [float(p["time"]) for p in posts if float(p["time"]) > float(second[0]["time"])]
    assert later and min(later) > float(granted[0]["time"])  # 10.2


def test_two_gateways_are_asked_at_once_each_by_its_own_nonce(labs):
    both = [requests(labs["both"], destination=f"192.168.1.{n}") for n in (1, 2)]
    nonces = [{p["nonce"] for p in asked} for asked in both]
    assert [len(n) for n in nonces] == [1, 1] and nonces[0] != nonces[1]  # 11.2
    assert abs(float(both[0][0]["time"]) - float(both[1][0]["time"])) < 1


def test_a_renumbered_device_names_its_new_address(labs):
    sources = [p["source"] for p in requests(labs["renumbered"])]
    assert sources[0] == "192.168.1.10" and sources[-1] == "192.168.1.11"
    assert all(p["pcp_client"].endswith(p["source"]) for p in requests(labs["renumbered"]))


def test_the_anycast_address_is_the_last_resort_and_sees_another_nonce(labs):
    asked = requests(labs["anycast"])
    assert [p["destination"] for p in asked[:2]] == ["192.168.1.1", "192.0.0.9"]
    assert asked[0]["nonce"] != asked[1]["nonce"]
    unreachable = labs["anycast"].where(at="device:eth0", icmp="3")
    assert float(asked[0]["time"]) < float(unreachable[0]["time"]) < float(asked[1]["time"])


def test_nothing_leaves_a_device_that_sleeps(labs):
    packets = [
        p for p in labs["overslept"].packets if p["at"] == "device:eth0" and p["source"] == "192.168.1.10"
    ]
    times = [float(p["time"]) for p in packets if p["destination_port"]]
    assert max(b - a for a, b in zip(times, times[1:])) > 5.5


# --- gateways that a test plays ----------------------------------------------------------------------


def asking(*options, **environment):
    return Program(DEVICE, *options, **environment)


@sealed
def test_a_silent_address_is_asked_four_times_and_then_the_next_of_the_same_server():
    first, second = Gateway(), Gateway(SECOND)
    program = asking("--gateway", f"{GATEWAY},{SECOND}", "--time-scale", 20)
    silent = [first.receive() for _ in range(4)]
    request = second.receive()
    assert request.octets[NONCE] == silent[0].octets[NONCE]  # RFC 7488 section 3
    assert first.receive(0.2) is None
    # 8.1.1: 3 s, doubled three times, each time less a tenth of what came out before
    assert request.time - silent[0].time > 32 / 20
    second.answer(request)
    program.await_line(f"mapped udp {PORT} -> {EXTERNAL}")


@sealed
def test_an_address_where_nobody_listens_is_left_at_once():
    second = Gateway(SECOND)
    asking("--gateway", f"{GATEWAY},{SECOND}")
    assert second.receive(2.5) is not None  # the second request to the first were after 2.7 s


@sealed
def test_one_server_where_nobody_listens_is_asked_on():
    program = asking("--gateway", GATEWAY)
    program.await_line("asking")
    gateway = Gateway()
    gateway.answer(gateway.receive())
    program.await_line("mapped")


@sealed
def test_the_servers_that_dhcp_names_are_asked_each_with_its_nonce():
    first, second = Gateway(), Gateway(SECOND)
    lists = b"".join(b"\x04" + socket.inet_aton(address) for address in (GATEWAY, SECOND))
    program = asking("--dhcp4", (bytes([158, len(lists)]) + lists).hex())
    one, other = first.receive(), second.receive()
    assert one.octets[NONCE] != other.octets[NONCE]
    second.answer(other, port=40001)
    program.await_line(f"mapped udp {PORT} -> {EXTERNAL}:40001 lifetime 7200 by {SECOND}")


@sealed
def test_several_ports_are_mapped_and_held():
    gateway = Gateway()
    program = asking("--gateway", GATEWAY, "--map", "udp:5700", "--map", "tcp:5684:300")
    asked = [gateway.receive() for _ in range(3)]
    assert [(r.octets[36], r.internal_port, r.lifetime) for r in asked] == [
        (17, PORT, 7200),
        (17, 5700, 7200),
        (6, 5684, 300),
    ]
    for kind, port in ((socket.SOCK_DGRAM, 5700), (socket.SOCK_STREAM, 5684)):
        with socket.socket(socket.AF_INET, kind) as other, pytest.raises(OSError):
            other.bind((GATEWAY, port))
    for number, request in enumerate(asked):
        gateway.answer(request, port=40000 + number)
    assert program.await_line("mapped tcp").endswith(f"mapped tcp 5684 -> {EXTERNAL}:40002 lifetime 300")
    program.process.send_signal(signal.SIGTERM)
    gone = [gateway.receive() for _ in range(3)]
    assert {(r.lifetime, r.internal_port) for r in gone} == {(0, PORT), (0, 5700), (0, 5684)}


@sealed
def test_flows_options_and_ports_of_others_are_asked_for_as_told():
    gateway = Gateway()
    wishes = "--peer udp:5683:10.0.0.2:99 --map sctp:9899 --map udp:all --map all:60 --map 47"
    options = "--map udp:5000@10.0.0.2 --filter 10.0.0.0/8,99 --external-port 40000 --prefer-failure"
    program = asking("--gateway", GATEWAY, *wishes.split(), *options.split())
    coap, *others, flow = [gateway.receive() for _ in range(7)]
    coap, others = coap.octets, [other.octets for other in (*others, flow)]
    prefer_failure = bytes([2, 0, 0, 0])
    filters = bytes([3, 0, 0, 20, 0, 104, 0, 99]) + MAPPED_IPV4 + bytes([10, 0, 0, 0])
    assert coap[42:44] == struct.pack("!H", 40000) and coap[60:] == prefer_failure + filters
    ports = [(o[1], o[36], struct.unpack("!H", o[40:42])[0], o[42:60], o[60:]) for o in others]
    nothing = bytes(2) + MAPPED_IPV4 + bytes(4)
    other = MAPPED_IPV4 + socket.inet_aton("10.0.0.2")
    assert ports == [
        (1, 132, 9899, nothing, b""),
        (1, 17, 0, nothing, b""),
        (1, 0, 0, nothing, b""),
        (1, 47, 0, nothing, b""),
        (1, 17, 5000, nothing, bytes([1, 0, 0, 16]) + other),
        (2, 17, 5683, nothing, struct.pack("!HH", 99, 0) + other),
    ]
    gateway.answer(flow, port=40005)
    program.await_line(f"mapped udp {PORT} towards 10.0.0.2:99 -> {EXTERNAL}:40005 lifetime 7200")


@sealed
def test_a_device_that_starts_again_knows_its_nonce_from_its_file():
    gateway = Gateway()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "nonces")
        nonces = []
        for _ in range(2):
            program = asking("--gateway", GATEWAY, "--nonce-file", file)
            request = gateway.receive()
            nonces.append(request.octets[NONCE])
            gateway.answer(request)
            program.await_line("mapped")
            program.end(signal.SIGKILL)
        assert nonces[0] == nonces[1]
        assert file.read_text() == f"{GATEWAY} {GATEWAY} {nonces[0].hex()}\n"
        for bad in ("10.0.0.1\n", f"x y {'0' * 24}\n", f"{GATEWAY} {GATEWAY} {'0' * 22}\n", "a b c d\n"):
            file.write_text(bad)
            code, complaint = refused(DEVICE, "--gateway", GATEWAY, "--nonce-file", file)
            assert code == 1 and f"{file}:1: expected" in complaint


@sealed
def test_a_device_that_starts_again_clears_its_filters_of_before():
    gateway = Gateway()
    clear = bytes([3, 0, 0, 20]) + bytes(4) + MAPPED_IPV4 + bytes(4)
    with tempfile.TemporaryDirectory() as folder:
        for host, in_front in ((2, b""), (9, clear)):
            program = asking(
                "--gateway", GATEWAY, "--nonce-file", f"{folder}/nonces", "--filter", f"11.0.0.{host}/32"
            )
            request = gateway.receive()
            allowed = bytes([3, 0, 0, 20, 0, 128, 0, 0]) + MAPPED_IPV4 + bytes([11, 0, 0, host])
            assert request.octets[60:] == in_front + allowed  # 13.3
            gateway.answer(request)
            program.await_line("mapped")
            program.end(signal.SIGKILL)


@sealed
def test_a_device_that_cannot_keep_its_nonce_says_so_and_goes_on():
    gateway = Gateway()
    program = asking("--gateway", GATEWAY, "--nonce-file", "/proc/nowhere/nonces")
    gateway.answer(gateway.receive())
    program.await_line("mapped")
    assert "could not keep the nonces" in program.end()[2]


@sealed
def test_a_natpmp_gateway_that_falls_silent_is_left_for_the_next_address():
    first, second = Gateway(), Gateway(SECOND)
    asking("--gateway", f"{GATEWAY},{SECOND}", "--time-scale", 60)
    request = first.receive()
    first.handle.sendto(struct.pack("!BBHI", 0, 0, 1, 9), request.sender)  # RFC 6886 section 3.5
    asked = first.receive().octets
    while asked[0] == 2:  # sent before the answer came
        asked = first.receive().octets
    assert [asked] + [first.receive().octets for _ in range(8)] == [b"\0\0"] * 9
    assert second.receive().octets[0] == 2


@sealed
def test_a_sleeping_device_hears_nothing_and_renews_what_it_still_has():
    gateway = Gateway()
    program = asking("--gateway", GATEWAY)
    request = gateway.receive()
    gateway.answer(request, lifetime=100)
    program.await_line("mapped")
    program.process.send_signal(signal.SIGUSR2)
    program.await_line("asleep")
    gateway.answer(request, lifetime=100, port=7)  # a Mapping Update that it can't hear
    assert gateway.receive(1) is None
    program.process.send_signal(signal.SIGUSR2)
    probe = gateway.receive()
    assert probe.octets[1] == 0 and probe.octets[8:24] == MAPPED_IPV4 + socket.inet_aton(GATEWAY)
    program.await_line("awake")
    said = "\n".join(program.lines) + program.end()[1]
    assert f"{EXTERNAL}:40000" in said and f"{EXTERNAL}:7 " not in said


@sealed
def test_what_a_device_cannot_read_it_refuses():
    for options, said in (
        (("--map", "udp"), "--map: expected udp:PORT"),
        (("--map", "udp:0"), "--map: expected udp:PORT"),
        (("--map", "all:5683:300"), "--map: expected udp:PORT"),
        (("--map", "udp:5@host"), "--map: expected udp:PORT"),
        (("--map", "256"), "--map: expected udp:PORT"),
        (("--map", "tcp:5:0"), "--map: expected udp:PORT"),
        (("--map", "dccp:5"), "--map: expected udp:PORT"),
        (("--peer", "udp:5:10.0.0.2"), "--peer: expected udp:PORT:ADDRESS:PORT"),
        (("--peer", "udp:5:10.0.0.2:0"), "--peer: expected udp:PORT:ADDRESS:PORT"),
        (("--filter", "10.0.0.2"), "--filter: expected ADDRESS/LENGTH"),
        (("--filter", "10.0.0.2/33"), "--filter: expected ADDRESS/LENGTH"),
        (("--prefer-failure",), "--prefer-failure: expected --external-port"),
        (("--gateway", "10.0.0.1,x"), "got 'x'"),
        (("--dhcp4", "9e05040a00"), "--dhcp4: expected the hex octets"),
        (("--dhcp6", "0"), "--dhcp6: expected the hex octets"),
        (("--time-scale", "0"), "--time-scale: expected"),
    ):
        code, complaint = refused(DEVICE, *options)
        assert code == 2 and said in complaint, (options, complaint)
