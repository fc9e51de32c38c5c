"""pinhole-lwm2m-device as a process, with a server, a bootstrap server and a gateway that a test plays: what it
registers, whom it serves and whom not, what becomes of its mappings, and what bad input gets.

Each test runs in a namespace of its own, like those of test_device.py.
"""

import signal
import socket
import time

import pytest
from conftest import BUILD
from coap_wire import (
    ACCEPT,
    ACK,
    BLOCK1,
    CON,
    CONTENT_FORMAT,
    DELETE,
    GET,
    LOCATION_PATH,
    OBSERVE,
    POST,
    PUT,
    RST,
    URI_QUERY,
    Client,
    Message,
    unsigned,
)
from test_device import EXTERNAL, GATEWAY, NOT_AUTHORIZED, PORT, SERVER_AT, Gateway, Program, ask, ip, refused, sealed

DEVICE = BUILD / "pinhole-lwm2m-device"
SERVER_PORT = 5999
AT = (SERVER_AT, PORT)  # the device asks from the address that leads to the server: here its own
TEXT, LINK, TLV, SENML_JSON, SENML_CBOR = 0, 40, 11542, 110, 112
PCP = "/26887/0"
ENABLED = bytes.fromhex("c10401")
STATUS = {"disabled": 0, "asking": 1, "mapped": 2, "refused": 3, "unanswered": 4, "lost": 5, "failed": 6}


class Server(Client):
    """The management server, at one socket."""

    def __init__(self, port=SERVER_PORT):
        super().__init__(AT, SERVER_AT, port, seconds=20)

    def hear(self):
        octets, self.server = self.socket.recvfrom(65536)
        return Message.unpack(octets)

    def register(self, program, location="7"):
        """Lets the device register; returns its request."""
        request = self.request()
        assert (request.code, request.path) == (POST, "/rd")
        self.answer(request, "2.01", options=[(LOCATION_PATH, b"rd"), (LOCATION_PATH, location.encode())])
        program.await_line("registered")
        return request

    def write(self, path, payload, method=POST, content_format=TLV):
        return self.ask(method, path, options=[(CONTENT_FORMAT, unsigned(content_format))], payload=payload)

    def read(self, path, accept=TEXT):
        return self.ask(GET, path, options=[(ACCEPT, unsigned(accept))] if accept is not None else [])

    def execute(self, path):
        """Has the device execute a resource."""
        assert self.ask(POST, path).text == "2.04"

    def status(self, wanted):
        """Waits for the status."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.read(f"{PCP}/2").payload == str(STATUS[wanted]).encode():
                return
            time.sleep(0.01)
        raise AssertionError(f"no status {wanted} but {self.read(f'{PCP}/2').payload}")

    def update(self):
        """The device's next update, answered."""
        request = self.request()
        assert (request.code, request.path) == (POST, "/rd/7")
        self.answer(request, "2.04")
        return request

    def move(self, program):
        """Has the device take a fresh port, by Internal Port 0; returns it."""
        assert self.write(PCP, bytes.fromhex("c10500")).text == "2.04"
        self.execute(f"{PCP}/1")
        return int(program.await_line("port ").split()[-1])


def device(*options, **environment):
    return Program(
        DEVICE,
        "--server",
        f"coap://{SERVER_AT}:{SERVER_PORT}",
        "--gateway",
        GATEWAY,
        "--no-anycast",
        "--ack-timeout",
        1,
        "--max-retransmit",
        1,
        *options,
        **environment,
    )


def registered(*options):
    server = Server()
    program = device(*options)
    server.register(program)
    return server, program


def mapped(server, gateway, port=40000):
    """Has the device mapped at 11.0.0.1:port, which it tells the server of."""
    assert server.write(PCP, ENABLED).text == "2.04"
    server.execute(f"{PCP}/1")
    request = gateway.receive()
    gateway.answer(request, port=port)
    server.update()
    return request


def text_tlv(resource, text):
    """TLV of a text of 8 to 255 octets."""
    return bytes([0xC8, resource, len(text)]) + text.encode()


# --- options -----------------------------------------------------------------------------------------

BAD_OPTIONS = [
    ([], "expected --bootstrap URI or --server URI"),
    (["--server", "http://10.0.0.2"], "expected coap://ADDRESS:PORT"),
    (["--server", "coap://name.example"], "expected coap://ADDRESS:PORT"),
    (["--server", "coap://10.0.0.2:0"], "expected coap://ADDRESS:PORT"),
    (["--server", "coap://10.0.0.2:65536"], "expected coap://ADDRESS:PORT"),
    (["--server", "coap://[fe80::1"], "expected coap://ADDRESS:PORT"),
    (["--server", "coaps://10.0.0.2"], "--identity and --key"),
    (["--server", "coap://10.0.0.2", "--identity", "me", "--key", "00"], "expected coaps:"),
    (["--server", "coaps://10.0.0.2", "--identity", "me"], "expected both or none"),
    (["--server", "coaps://10.0.0.2", "--identity", "me", "--key", "0"], "octets in hex"),
    (["--server", "coaps://10.0.0.2", "--identity", "me", "--key", "00" * 65], "octets in hex"),
    (["--server", "coap://10.0.0.2", "--lwm2m", "2.0"], "expected 1.0 or 1.1"),
    (["--server", "coap://10.0.0.2", "--binding", "T"], "expected U or UQ"),
    (["--server", "coap://10.0.0.2", "--endpoint", ""], "a name has 1 to 63 octets"),
    (["--server", "coap://10.0.0.2", "--endpoint", "x" * 64], "a name has 1 to 63 octets"),
    (["--server", "coap://10.0.0.2", "--temperature", "warm"], "expected a number"),
    (["--server", "coap://10.0.0.2", "--lifetime", "0"], "--lifetime"),
]


@pytest.mark.parametrize("options,said", BAD_OPTIONS)
def test_what_is_not_understood_is_refused_before_anything_starts(options, said):
    code, error = refused(DEVICE, *options)
    assert code == 2 and said in error


def test_it_says_what_it_can_be_told():
    code, _ = refused(DEVICE, "--help")
    assert code == 0


@sealed
def test_a_port_that_somebody_has_is_not_shared():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((SERVER_AT, PORT))
        code, error = refused(DEVICE, "--server", f"coap://{SERVER_AT}:{SERVER_PORT}", "--gateway", GATEWAY)
    assert code == 1 and "could not take UDP port" in error


# --- registration ------------------------------------------------------------------------------------


@sealed
def test_a_device_registers_its_objects_and_leaves():
    server = Server()
    program = device("--endpoint", "lamp", "--lifetime", 600)
    request = server.register(program)
    queries = {query.decode() for query in request.all(URI_QUERY)}
    assert queries == {"ep=lamp", "lt=600", "lwm2m=1.0", "b=U"}
    assert request.number(CONTENT_FORMAT) == LINK
    links = request.payload.decode().split(",")
    for path in ("</1/0>", "</3/0>", "</4/0>", "</3303/0>", "</26887/0>"):
        assert path in links
    assert not [link for link in links if link.startswith("</0")]
    program.process.send_signal(signal.SIGTERM)
    request = server.request()
    assert (request.code, request.path) == (DELETE, "/rd/7")
    server.answer(request, "2.02")
    program.await_line("deregistered lamp")
    assert program.process.wait(20) == 0


@sealed
def test_a_device_without_pcp_has_no_such_object():
    server = Server()
    request = server.register(device("--no-pcp"))
    assert b"26887" not in request.payload
    assert server.read(PCP).text == "4.04"


@sealed
def test_a_registration_that_the_server_has_forgotten_is_made_anew():
    server, program = registered()
    server.execute("/1/0/8")  # Registration Update Trigger
    request = server.request()
    assert request.path == "/rd/7"
    server.answer(request, "4.04")
    assert server.register(program, "8").path == "/rd"


@sealed
def test_a_server_that_is_gone_in_the_middle_is_found_again():
    server, program = registered()
    server.ask(POST, "/1/0/8")
    assert server.request().path == "/rd/7"
    server.close()
    server = Server()
    while server.request().path != "/rd":
        pass


# --- who may ask what --------------------------------------------------------------------------------


@sealed
def test_strangers_get_the_status_and_nothing_else():
    server, program = registered()
    stranger = Client(AT, GATEWAY)
    assert stranger.ask(GET, "/status").payload == b"alive"
    for method, path in ((GET, "/3/0"), (GET, "/3303/0/5700"), (POST, f"{PCP}/1"), (DELETE, "/"), (GET, "/x")):
        assert stranger.ask(method, path).text == "4.01", path
    assert stranger.ask(POST, "/status").text == "4.05"
    assert stranger.ask(GET, "/.well-known/core").payload == b"</status>;ct=0"
    assert server.read("/3/0/0").payload == b"pinhole"


@sealed
def test_strangers_may_read_the_temperature_where_that_is_wished():
    registered("--open-read", "--temperature", "21.5")
    stranger = Client(AT, GATEWAY)
    answer = stranger.ask(GET, "/3303/0/5700", options=[(ACCEPT, b"")])
    assert (answer.text, answer.payload) == ("2.05", b"21.5")
    assert stranger.ask(PUT, "/3303/0/5700", payload=b"1").text == "4.01"
    assert stranger.ask(GET, "/3/0").text == "4.01"


BAD_REQUESTS = [
    ("unknown object", GET, "/9999/0", [], b"", "4.04"),
    ("unknown instance", GET, "/3/9", [], b"", "4.04"),
    ("unknown resource", GET, "/3/0/999", [], b"", "4.04"),
    ("no path at all", GET, "/three/zero", [], b"", "4.04"),
    ("path too deep", GET, "/3/0/11/0/0", [], b"", "4.04"),
    ("leading zero", GET, "/03/0", [], b"", "4.04"),
    ("reserved id", GET, "/65535", [], b"", "4.04"),
    ("security", GET, "/0/0", [], b"", "4.01"),
    ("write of what is only read", PUT, "/3/0/0", [(CONTENT_FORMAT, b"")], b"x", "4.05"),
    ("read of what is only executed", GET, "/3/0/4", [], b"", "4.05"),
    ("execute of what is only read", POST, "/3/0/0", [], b"", "4.05"),
    ("wrong type", PUT, "/1/0/1", [(CONTENT_FORMAT, b"")], b"soon", "4.00"),
    ("out of range", PUT, f"{PCP}/12", [(CONTENT_FORMAT, b"")], b"3", "4.00"),
    ("text that is no address", PUT, f"{PCP}/9", [(CONTENT_FORMAT, b"")], b"gateway", "4.00"),
    ("text that is no filter", POST, PCP, [(CONTENT_FORMAT, unsigned(TLV))], b"\x85\x0b\x43\x00x/0", "4.00"),
    ("unknown format", PUT, "/1/0/1", [(CONTENT_FORMAT, unsigned(50))], b"1", "4.15"),
    ("malformed TLV", POST, PCP, [(CONTENT_FORMAT, unsigned(TLV))], b"\xc8\x00\xff", "4.00"),
    ("malformed SenML", POST, PCP, [(CONTENT_FORMAT, unsigned(SENML_JSON))], b"[{", "4.00"),
    ("unknown critical option", GET, "/3/0", [(4099, b"x")], b"", "4.02"),
    ("bootstrap's finish", POST, "/bs", [], b"", "4.04"),
]


@sealed
def test_bad_requests_get_the_right_code_and_do_nothing():
    server, program = registered()
    before = server.read(PCP, TLV).payload
    for what, method, path, options, payload, wanted in BAD_REQUESTS:
        answer = server.ask(method, path, options=options, payload=payload)
        assert answer.text == wanted, f"{what}: {answer.text}"
    assert server.read(PCP, TLV).payload == before
    assert program.process.poll() is None


def put_in_blocks(server, path, text, size=64):
    """Puts text in blocks that don't tell their size; returns the codes."""
    codes = []
    for number in range(0, (len(text) + size - 1) // size):
        more = (number + 1) * size < len(text)
        block = number << 4 | more << 3 | (size.bit_length() - 5)
        options = [(CONTENT_FORMAT, b""), (BLOCK1, unsigned(block))]
        codes.append(server.ask(PUT, path, options=options, payload=text[size * number :][:size]).text)
    return codes


@sealed
def test_payloads_come_in_blocks_and_the_same_again():
    server, _ = registered()
    for letter in b"abc":
        text = bytes([letter]) * 200
        assert put_in_blocks(server, "/3/0/15", text) == ["2.31"] * 3 + ["2.04"]
        assert server.read("/3/0/15").payload == text


@sealed
def test_a_block_whose_forerunners_are_missing_is_refused():
    server, _ = registered()
    for number in (1, 7):
        options = [(CONTENT_FORMAT, b""), (BLOCK1, unsigned(number << 4 | 2))]
        assert server.ask(PUT, "/3/0/15", options=options, payload=b"z" * 64).text == "4.08"
    assert server.read("/3/0/15").text == "4.04"


@sealed
def test_a_payload_that_is_too_large_is_refused():
    server, _ = registered()
    codes = put_in_blocks(server, "/3/0/15", b"z" * 20000, 1024)
    assert codes[:16] == ["2.31"] * 16 and codes[16] == "4.13"
    assert put_in_blocks(server, "/3/0/15", b"z" * 6000, 1024)[-1] == "4.13"
    assert server.read("/3/0/15").text == "4.04"


@sealed
def test_garbage_is_survived():
    server, program = registered()
    for sender in (server.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)):
        for seed in range(300):
            octets = bytes((seed * 31 + i * i * 7) & 255 for i in range(seed % 60))
            sender.sendto(octets, AT)
            sender.sendto(bytes([0x40, 1 + seed % 7]) + octets, AT)
    assert ask(SERVER_AT, Message(CON, GET, 9, b"q", [(11, b"status")]).pack()).endswith(b"\xffalive")
    assert program.process.poll() is None


# --- mappings ----------------------------------------------------------------------------------------


@sealed
def test_an_executed_request_carries_what_was_written_and_status_is_notified():
    gateway = Gateway()
    server, program = registered()
    assert server.read(f"{PCP}/3").payload == b"2"
    assert server.ask(GET, f"{PCP}/2", options=[(OBSERVE, b"")]).number(OBSERVE) is not None
    assert server.write(PCP, bytes.fromhex("c2000258") + ENABLED).text == "2.04"
    server.execute(f"{PCP}/1")
    request = gateway.receive()
    assert (request.lifetime, request.internal_port) == (600, PORT)
    gateway.answer(request, lifetime=300)
    program.await_line(f"pcp 0 mapped udp {PORT} -> {EXTERNAL}:40000 lifetime 300")
    notified, updated = b"", False
    while notified[-1:] != bytes([STATUS["mapped"]]) or not updated:
        message = server.hear()
        if message.path == "/rd/7":
            server.answer(message, "2.04")
            updated = True
        elif message.code == 0x45:
            assert message.kind == CON  # the deck's last step must not be lost
            notified = message.payload
            server.send(Message(ACK, 0, message.mid))
    for resource, value in ((17, "0"), (18, EXTERNAL), (19, "40000"), (20, "300"), (23, GATEWAY), (24, "1")):
        assert server.read(f"{PCP}/{resource}").payload.decode() == value, resource
    for resource, value in ((25, "0"), (26, "60"), (27, "60")):
        assert server.read(f"{PCP}/{resource}").payload.decode() == value, resource


@sealed
def test_a_request_needs_pcp_to_be_enabled():
    gateway = Gateway()
    server, _ = registered()
    assert server.ask(POST, f"{PCP}/1").text == "4.05"
    assert gateway.receive(0.1) is None


@sealed
def test_a_request_that_comes_again_is_answered_again_and_done_once():
    gateway = Gateway()
    server, _ = registered()
    server.write(PCP, ENABLED)
    for _ in range(3):
        assert server.ask(POST, f"{PCP}/1", mid=77).text == "2.04"
    assert gateway.receive() is not None
    server.execute(f"{PCP}/16")
    assert gateway.receive().lifetime == 0  # with nothing between


@sealed
def test_refresh_asks_at_once_with_what_is_written():
    gateway = Gateway()
    server, program = registered()
    mapped(server, gateway)
    assert server.write(PCP, bytes.fromhex("c2000258")).text == "2.04"
    server.execute(f"{PCP}/15")
    request = gateway.receive()
    assert (request.lifetime, request.internal_port, request.suggestion) == (600, PORT, (EXTERNAL, 40000))
    gateway.answer(request)
    program.await_line("pcp 0 renewed")


@pytest.mark.parametrize("how", ["delete", "disable"])
def test_a_mapping_is_deleted(how):
    @sealed
    def test():
        gateway = Gateway()
        server, program = registered()
        mapped(server, gateway)
        answer = server.ask(POST, f"{PCP}/16") if how == "delete" else server.write(PCP, bytes.fromhex("c10400"))
        assert answer.text == "2.04"
        request = gateway.receive()
        assert request.lifetime == 0
        gateway.answer(request)
        program.await_line("pcp 0 unmapped")
        server.status("disabled")
        assert server.read(f"{PCP}/19").text == "4.04"

    test()


@sealed
def test_what_the_gateway_refuses_is_told():
    gateway = Gateway()
    server, program = registered()
    server.write(PCP, ENABLED)
    server.ask(POST, f"{PCP}/1")
    gateway.answer(gateway.receive(), result=NOT_AUTHORIZED, lifetime=600)
    program.await_line("pcp 0 refused NOT_AUTHORIZED")
    server.status("refused")
    assert server.read(f"{PCP}/17").payload == b"2"


@sealed
def test_silence_is_told():
    gateway = Gateway()
    server, program = registered("--time-scale", 100, "--requests", 3)
    server.write(PCP, ENABLED)
    server.ask(POST, f"{PCP}/1")
    program.await_line("pcp 0 unanswered")
    server.status("unanswered")
    assert server.read(f"{PCP}/24").payload == b"3"
    assert server.read(f"{PCP}/25").payload == b"2"
    assert gateway.receive() is not None


@sealed
def test_the_bound_of_requests_holds_for_each_address_of_a_server():
    second = "10.0.0.3"
    ip("address", "add", f"{second}/32", "dev", "lo")
    gateways = [Gateway(GATEWAY), Gateway(second)]
    uri = f"coap://{SERVER_AT}:{SERVER_PORT}"
    server = Server()
    program = Program(
        DEVICE, "--server", uri, "--gateway", f"{GATEWAY},{second}", "--no-anycast", "--time-scale", 50, "--requests", 2
    )
    server.register(program)
    server.write(PCP, ENABLED)
    server.ask(POST, f"{PCP}/1")
    request = gateways[1].receive()
    gateways[1].answer(request)
    program.await_line(f"pcp 0 mapped udp {PORT} -> {EXTERNAL}:40000")
    silent = [gateways[0].receive(patience=0.01) for _ in range(3)]
    assert [each is not None for each in silent] == [True, True, False]


IMPOSSIBLE = {
    "a peer without a remote address": "c10c02",
    "a filter of a peer": "c10c02" + "c80d0831302e302e302e39" + "c20e1633" + "880b0d48000a" + b"10.0.0.0/8".hex(),
    "all protocols with a port": "c10600" + "c2051633",
    "another host's port that isn't told": "c80a08" + b"10.0.0.9".hex(),
    "TCP at the port of LwM2M": "c10606",
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_can_not_be_asked_for_fails(what):
    @sealed
    def test():
        gateway = Gateway()
        server, _ = registered()
        assert server.write(PCP, ENABLED + bytes.fromhex(IMPOSSIBLE[what])).text == "2.04"
        server.execute(f"{PCP}/1")
        server.status("failed")
        assert gateway.receive(0.1) is None

    test()


@sealed
def test_another_instance_is_another_mapping_of_another_host():
    gateway = Gateway()
    server, _ = registered()
    payload = ENABLED + bytes.fromhex("c2051633" + "c10606" + "c80a08") + b"10.0.0.9"
    assert server.write("/26887", bytes([0x08, 0x01, len(payload)]) + payload).text == "2.01"
    server.update()  # tells of the new instance
    server.execute("/26887/1/1")
    request = gateway.receive()
    assert request.internal_port == 0x1633 and request.octets[36] == 6
    assert request.octets[60:64] == bytes([1, 0, 0, 16])  # THIRD_PARTY
    assert request.octets[76:80] == socket.inet_aton("10.0.0.9")


@sealed
def test_a_fresh_port_is_mapped_before_anything_leaves_from_it():
    gateway = Gateway()
    server, program = registered()
    first = mapped(server, gateway)
    port = server.move(program)
    requests = [gateway.receive(), gateway.receive()]
    gone = next(request for request in requests if request.lifetime == 0)
    fresh = next(request for request in requests if request.lifetime)
    assert (gone.internal_port, fresh.internal_port) == (PORT, port) and port != PORT
    assert fresh.octets[24:36] == first.octets[24:36]
    gateway.answer(gone)
    # Until it is granted, the server is served at the port of before.
    assert server.read("/3/0/0").payload == b"pinhole" and server.server == AT
    gateway.answer(fresh, port=40001)
    server.update()
    assert server.server == (SERVER_AT, port)
    server.status("mapped")
    assert server.read(f"{PCP}/19").payload == b"40001"
    server.socket.sendto(Message(CON, GET, 1, b"", [(11, b"status")]).pack(), AT)
    server.socket.settimeout(0.2)
    with pytest.raises((socket.timeout, ConnectionRefusedError)):
        server.socket.recv(2048)


@sealed
def test_mappings_are_deleted_after_leave_was_taken_of_the_server():
    gateway = Gateway()
    server, program = registered()
    mapped(server, gateway)
    program.process.send_signal(signal.SIGTERM)
    request = server.request()
    assert request.code == DELETE
    server.answer(request, "2.02")
    request = gateway.receive()
    assert request.lifetime == 0
    gateway.answer(request)
    assert program.process.wait(20) == 0


# --- sleep, and what else it does --------------------------------------------------------------------


@sealed
def test_in_queue_mode_nothing_is_heard_after_93_seconds():
    server, program = registered("--binding", "UQ", "--time-scale", 100)
    program.await_line("asleep")
    server.send(Message(CON, GET, 1, b"a", [(11, b"3"), (11, b"0")]))
    assert server.hears_nothing(0.3)


@sealed
def test_what_came_while_it_slept_is_lost():
    server, program = registered()
    program.process.send_signal(signal.SIGUSR2)
    program.await_line("asleep")
    server.send(Message(CON, GET, 1, b"a", [(11, b"3"), (11, b"0")]))
    program.process.send_signal(signal.SIGUSR2)
    program.await_line("awake")
    assert server.read("/3/0/0").payload == b"pinhole"
    assert not [message for message in server.waiting if message.token == b"a"]


@sealed
def test_the_temperature_is_sent_when_it_is_told_to():
    server, program = registered("--lwm2m", "1.1", "--temperature", "20.5")
    program.process.send_signal(signal.SIGUSR1)
    request = server.request()
    assert (request.code, request.path) == (POST, "/dp")
    assert request.number(CONTENT_FORMAT) in (SENML_JSON, SENML_CBOR)


@sealed
def test_a_rebooted_device_registers_anew():
    server, program = registered()
    server.execute("/3/0/4")
    program.await_line("rebooting")
    server.register(program)


@sealed
def test_a_rebooted_device_has_what_it_had_mapped_again_before_it_registers():
    gateway = Gateway()
    server, program = registered()
    server.write(PCP, bytes.fromhex("c200022b") + ENABLED)
    server.ask(POST, f"{PCP}/1")
    before = gateway.receive()
    gateway.answer(before, port=40007)
    server.update()
    server.execute("/3/0/4")
    program.await_line("rebooting")
    after = gateway.receive()
    nonce = slice(24, 36)
    assert after.octets[nonce] == before.octets[nonce]
    assert (after.internal_port, after.lifetime, after.suggestion) == (PORT, 555, (EXTERNAL, 40007))
    assert server.hears_nothing(0.3)
    gateway.answer(after, port=40007)
    registration = server.register(program)
    assert b"</26887/0>" in registration.payload
    assert server.read(f"{PCP}/2").payload == b"2"
    assert server.read(f"{PCP}/0").payload == b"555"


@sealed
def test_a_rebooted_device_does_not_wait_for_a_silent_gateway():
    gateway = Gateway()
    server, program = registered("--time-scale", 20)
    mapped(server, gateway)
    server.execute("/3/0/4")
    program.await_line("rebooting")
    server.register(program)
    program.await_line("pcp 0 unanswered")
    server.status("unanswered")


@sealed
def test_a_rebooted_device_maps_nothing_that_is_disabled():
    gateway = Gateway()
    server, program = registered()
    mapped(server, gateway)
    server.write(PCP, bytes.fromhex("c10400"))
    gateway.answer(gateway.receive(), lifetime=0)
    program.await_line("pcp 0 unmapped")
    server.execute("/3/0/4")
    server.register(program)
    assert server.read(f"{PCP}/4").payload == b"0"
    assert gateway.receive(patience=0.3) is None


@sealed
def test_an_observer_that_resets_is_told_no_more():
    server, _ = registered()
    server.ask(GET, "/3303/0/5700", options=[(OBSERVE, b"")])
    message = server.hear()
    server.send(Message(RST, 0, message.mid))
    assert server.hears_nothing(2.5)


# --- bootstrap ---------------------------------------------------------------------------------------


def bootstrapping(*options):
    bootstrap = Server(5997)
    program = Program(
        DEVICE,
        *("--bootstrap", f"coap://{SERVER_AT}:5997", "--gateway", GATEWAY, "--no-anycast"),
        *("--ack-timeout", 1, "--max-retransmit", 1, *options),
    )
    request = bootstrap.request()
    assert (request.code, request.path) == (POST, "/bs")
    assert b"ep=device" in request.all(URI_QUERY)
    return bootstrap, program, request


def provision(bootstrap):
    """Writes the management server's account, and lets the device go there."""
    security = text_tlv(0, f"coap://{SERVER_AT}:{SERVER_PORT}") + bytes.fromhex("c10100c10203c003c004c005c10a01")
    account = bytes.fromhex("c10001c2010e10c10600") + bytes([0xC1, 7]) + b"U"
    assert bootstrap.write("/0/1", security, PUT).text == "2.04"
    assert bootstrap.write("/1/0", account, PUT).text == "2.04"
    server = Server()
    assert bootstrap.ask(POST, "/bs").text == "2.04"
    return server


@sealed
def test_a_bootstrap_writes_accounts_and_ends_with_its_finish():
    bootstrap, program, request = bootstrapping()
    bootstrap.answer(request, "2.04")
    assert bootstrap.ask(DELETE, "/").text == "2.02"
    assert bootstrap.ask(POST, "/bs").text == "4.06"  # there is no account yet
    assert bootstrap.write(PCP, bytes.fromhex("c10400"), PUT).text == "2.04"
    server = provision(bootstrap)
    program.await_line("bootstrapped")
    request = server.register(program)
    assert b"lt=3600" in request.all(URI_QUERY)
    assert bootstrap.ask(DELETE, "/").text == "4.01"  # its time is over


@sealed
def test_what_a_bootstrap_deletes_of_the_hardware_is_there_again_behind_it():
    bootstrap, program, request = bootstrapping("--temperature", "21.5")
    bootstrap.answer(request, "2.04")
    assert bootstrap.ask(DELETE, "/").text == "2.02"
    links = bootstrap.ask(GET, "/", options=[(ACCEPT, unsigned(LINK))]).payload
    assert b"</3/0>" in links and b"</4>" in links and b"</3303>" in links
    server = provision(bootstrap)
    links = server.register(program).payload
    assert b"</3/0>,</4/0>,</3303/0>" in links and b"</26887/" not in links
    assert server.read("/3303/0/5700").payload == b"21.5"
    assert server.read("/3303/0/5701").payload == b"Cel"


@sealed
def test_what_a_bootstrap_writes_in_the_place_of_the_hardware_stays():
    bootstrap, program, request = bootstrapping()
    bootstrap.answer(request, "2.04")
    assert bootstrap.ask(DELETE, "/").text == "2.02"
    assert bootstrap.write("/3303/5", bytes.fromhex("e1164546"), PUT).text == "2.04"
    server = provision(bootstrap)
    links = server.register(program).payload
    assert b"</3303/5>" in links and b"</3303/0>" not in links
    assert server.read("/3303/5/5701").payload == b"F"


@sealed
def test_a_bootstrap_that_is_refused_is_said_so():
    bootstrap, program, request = bootstrapping()
    bootstrap.answer(request, "4.00")
    assert "refused 4.00" in program.await_line("bootstrap failed")
    assert program.process.poll() is None


@sealed
def test_a_bootstrap_server_that_is_not_there_is_said_so():
    _, program, _ = bootstrapping()
    program.await_line("bootstrap failed")


@sealed
def test_wrong_credentials_get_no_session():
    program = Program(
        *(DEVICE, "--server", f"coaps://{SERVER_AT}:5684", "--identity", "me", "--key", "00ff"),
        *("--gateway", GATEWAY, "--ack-timeout", 1, "--max-retransmit", 1),
    )
    server = Program(BUILD / "pinhole-lwm2m-server", "--psk", "me:00fe", "--port", 5999, "--secure-port", 5684)
    server.await_line("ready")
    program.await_line("registration failed")
    assert program.process.poll() is None and server.process.poll() is None
