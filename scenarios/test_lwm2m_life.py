"""The life of an LwM2M device with its server and bootstrap server, where things go wrong: judged from what went
over the wire between them, which a relay holds in its hands."""

import contextlib
import socket
import subprocess
import time

import pytest
from coap_wire import CON, CONTENT_FORMAT, DELETE, FETCH, GET, OBSERVE, POST, PUT, Client, Message
from conftest import BUILD
from relay import ALERT, APPLICATION_DATA, HANDSHAKE, TO_DEVICE, TO_SERVER, Relay, is_dtls, request
from test_device import Program, sealed

SERVER_PORT, SECURE_PORT, BOOTSTRAP_PORT = 5700, 5701, 5800
KEY, OTHER_KEY = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
QUICKLY = ("--ack-timeout", 1, "--max-retransmit", 1)  # CoAP gives up after 4.5 s at most


class Server(Program):
    def __init__(self, *options, folder):
        self.control = folder / "control"
        self.control.unlink(missing_ok=True)
        super().__init__(
            BUILD / "pinhole-lwm2m-server", "--port", SERVER_PORT, "--secure-port", SECURE_PORT,
            "--control", self.control, *QUICKLY, *options,
        )  # fmt: skip
        self.await_line("ready")

    def tell_later(self, *words, options=()):
        command = [BUILD / "pinhole-lwm2m-server", "--control", self.control, "--tell", " ".join(words), *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def tell(self, *words, options=()):
        """What it prints; the command must succeed."""
        process = self.tell_later(*words, options=options)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0, said
        return said


def bootstrap(port=BOOTSTRAP_PORT, server=SERVER_PORT):
    program = Program(
        BUILD / "pinhole-lwm2m-bootstrap", "--port", port, "--give-server", f"coap://127.0.0.1:{server}", *QUICKLY,
    )  # fmt: skip
    program.await_line("ready")
    return program


def device(relay, *options, account="--server", scheme="coap"):
    uri = f"{scheme}://127.0.0.1:{relay.port}"
    return Program(BUILD / "pinhole-lwm2m-device", account, uri, *QUICKLY, *options)


def registered(relay, *options, name="device", **more):
    program = device(relay, *options, **more)
    program.await_line(f"registered {name}")
    return program


# --- bootstraps --------------------------------------------------------------------------------------


@sealed
def test_a_bootstrap_whose_server_dies_in_the_middle_is_undone_and_another_one_completes(tmp_path):
    Server(folder=tmp_path)
    provider = bootstrap()
    relay = Relay(BOOTSTRAP_PORT)
    is_account = request(TO_DEVICE, PUT, "/1/*")

    def kill_at_account(packet):
        if is_account(packet):
            provider.process.kill()
        return 1

    relay.pass_on = kill_at_account
    program = device(
        relay, "--bootstrap-timeout", 10, "--time-scale", 20, "--no-pcp", account="--bootstrap"
    )
    relay.await_seen(is_account)
    program.await_line("bootstrap failed: not finished in time")
    assert not relay.seen(request(TO_DEVICE, POST, "/bs"))
    provider.process.wait()
    relay.pass_on = lambda packet: 1
    bootstrap()
    first, second = relay.await_seen(request(TO_SERVER, POST, "/bs", "ep=device"), count=2)[:2]
    assert first.coap.token != second.coap.token
    finish = relay.await_seen(request(TO_DEVICE, POST, "/bs"))[0]
    assert relay.answer_to(finish).coap.text == "2.04"
    program.await_line("registered device")


class Provider:
    """A bootstrap server that a test plays."""

    def __init__(self):
        self.wire = Client(None)
        self.port = self.wire.socket.getsockname()[1]

    def begin(self):
        octets, self.wire.server = self.wire.socket.recvfrom(65536)
        asked = Message.unpack(octets)
        assert (asked.code, asked.path) == (POST, "/bs")
        self.wire.answer(asked, "2.04")

    def ask(self, method, path, payload=b"", content_format=None):
        options = [] if content_format is None else [(CONTENT_FORMAT, content_format.to_bytes(2, "big"))]
        return self.wire.ask(method, path, options=options, payload=payload).text


def tlv(*resources):
    """Resources of (id, octets), as TLV."""
    out = b""
    for number, octets in resources:
        long = len(octets) >= 8
        out += bytes([0xC8 if long else 0xC0 | len(octets), number]) + (bytes([len(octets)]) if long else b"") + octets
    return out


TLV = 11542


@sealed
def test_a_bootstrap_may_not_finish_without_a_consistent_account(tmp_path):
    Server(folder=tmp_path)
    provider = Provider()
    program = device(provider, "--no-pcp", account="--bootstrap")
    provider.begin()
    assert provider.ask(POST, "/bs") == "4.06"
    uri = f"coap://127.0.0.1:{SERVER_PORT}".encode()
    security = tlv((0, uri), (1, b"\0"), (2, b"\3"), (3, b""), (4, b""), (5, b""), (10, b"\7"))
    assert provider.ask(PUT, "/0/5", security, TLV) == "2.04"
    assert provider.ask(POST, "/bs") == "4.06"
    account = [(0, b"\x08"), (1, b"\x3c"), (6, b"\1"), (7, b"U")]  # of another Short Server ID
    assert provider.ask(PUT, "/1/0", tlv(*account), TLV) == "2.04"
    assert provider.ask(POST, "/bs") == "4.06"
    account[0] = (0, b"\7")
    assert provider.ask(PUT, "/1/0", tlv(*account), TLV) == "2.04"
    assert provider.ask(POST, "/bs") == "2.04"
    assert "lifetime 60" not in program.await_line("registered device")
    # It is over: the bootstrap server has no say any more.
    assert provider.ask(PUT, "/1/0", tlv(*account), TLV).startswith("4.")


TRIGGER = "/1/0/9"  # Bootstrap-Request Trigger


@sealed
def test_a_server_has_a_device_of_1_1_bootstrapped_again(tmp_path):
    server = Server(folder=tmp_path)
    provider = Relay(BOOTSTRAP_PORT)
    relay = Relay(SERVER_PORT)
    bootstrap(server=relay.port)
    account = ("--bootstrap", f"coap://127.0.0.1:{provider.port}")
    program = registered(relay, "--no-pcp", "--lwm2m", "1.1", *account)
    registration = relay.seen(request(TO_SERVER, POST, "/rd"))[0]
    assert b"</1>;ver=1.1,</1/0>" in registration.coap.payload
    assert not provider.packets
    assert "</1/0/9>" in server.tell("discover", "device", "/1/0")
    server.tell("execute", "device", TRIGGER)
    execution = relay.seen(request(TO_DEVICE, POST, TRIGGER))[0]
    answer = relay.answer_to(execution)
    asked = provider.await_seen(request(TO_SERVER, POST, "/bs", "ep=device"))[0]
    assert answer.coap.text == "2.04" and answer.time < asked.time
    again = relay.await_seen(request(TO_SERVER, POST, "/rd"), count=2)[1]
    finish = provider.await_seen(request(TO_DEVICE, POST, "/bs"))[0]
    assert provider.answer_to(finish).coap.text == "2.04" and finish.time < again.time
    program.await_line("registered device")


@sealed
def test_nobody_is_bootstrapped_who_knows_no_bootstrap_server_or_speaks_1_0(tmp_path):
    server = Server(folder=tmp_path)
    wires = [Relay(SERVER_PORT) for _ in range(2)]
    registered(wires[0], "--no-pcp", "--lwm2m", "1.1")
    elsewhere = ("--bootstrap", f"coap://127.0.0.1:{BOOTSTRAP_PORT}")
    registered(wires[1], "--no-pcp", "--endpoint", "old", "--port", 5690, *elsewhere, name="old")
    assert b"ver=" not in wires[1].seen(request(TO_SERVER, POST, "/rd"))[0].coap.payload
    for name, code in (("device", "4.05"), ("old", "4.04")):
        said, _ = server.tell_later("execute", name, TRIGGER).communicate(timeout=20)
        assert code in said
        assert "2.05" in server.tell("read", name, "/3/0")


@sealed
def test_a_bootstrap_server_tells_a_device_of_1_1_how_patient_to_be(tmp_path):
    """Two attempts a sequence, 1 s between, one sequence, then the bootstrap server is asked again."""
    provider = Provider()
    program = device(provider, "--no-pcp", "--lwm2m", "1.1", account="--bootstrap")
    provider.begin()
    uri = f"coap://127.0.0.1:{SERVER_PORT}".encode()  # where nobody is
    security = tlv((0, uri), (1, b"\0"), (2, b"\3"), (3, b""), (4, b""), (5, b""), (10, b"\7"))
    assert provider.ask(PUT, "/0/5", security, TLV) == "2.04"
    patience = [(16, b"\1"), (17, b"\2"), (18, b"\1"), (20, b"\1")]
    account = [(0, b"\7"), (1, b"\x3c"), (6, b"\1"), (7, b"U"), *patience]
    assert provider.ask(PUT, "/1/0", tlv(*account), TLV) == "2.04"
    assert provider.ask(POST, "/bs") == "2.04"
    for _ in range(2):
        program.await_line("registration failed: unanswered")
    provider.begin()


# --- registrations -----------------------------------------------------------------------------------


@sealed
def test_a_device_with_wrong_credentials_is_not_served_and_disturbs_nobody(tmp_path):
    server = Server("--psk", f"device:{KEY}", folder=tmp_path)
    stranger_wire, wire = Relay(SECURE_PORT), Relay(SECURE_PORT)
    psk = ("--no-pcp", "--identity", "device", "--key")
    stranger = device(stranger_wire, *psk, OTHER_KEY, "--port", 6000, scheme="coaps")
    stranger.await_line("registration failed")
    assert not stranger_wire.seen(lambda packet: packet.way == TO_DEVICE and is_dtls(packet, APPLICATION_DATA))
    registered(wire, *psk, KEY, scheme="coaps")
    assert "2.05" in server.tell("read", "device", "/3/0")


@sealed
def test_a_server_that_was_restarted_gets_the_registration_anew(tmp_path):
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    program = registered(relay, "--no-pcp", "--lifetime", 60, "--time-scale", 20)
    before = relay.answer_to(relay.seen(request(TO_SERVER, POST, "/rd"))[0]).coap.location
    server.process.kill()
    server.process.wait()
    Server(folder=tmp_path)
    update = relay.await_seen(request(TO_SERVER, POST, f"/{before}"))[0]
    answer = relay.answer_to(update)
    if answer.coap.text != "4.04":
        update = relay.await_seen(lambda p: request(TO_SERVER, POST, f"/{before}")(p) and p.time > answer.time)[0]
        answer = relay.answer_to(update)
    assert answer.coap.text == "4.04"
    again = relay.await_seen(request(TO_SERVER, POST, "/rd"), count=2)[1]
    assert relay.answer_to(again).coap.text == "2.01"
    assert again.time > answer.time
    program.await_line("registered device")


@sealed
def test_a_server_that_is_away_for_long_is_registered_with_when_it_is_back(tmp_path):
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    program = registered(relay, "--no-pcp", "--lifetime", 60, "--time-scale", 60)
    server.process.kill()
    server.process.wait()
    program.await_line("registration failed: unanswered")
    Server(folder=tmp_path)
    program.await_line("registered device")


@sealed
def test_every_message_twice_makes_one_registration_and_one_answer(tmp_path):
    server = Server("--pcp", "never", folder=tmp_path)
    relay = Relay(SERVER_PORT)
    relay.pass_on = lambda packet: 2
    registered(relay, "--no-pcp")
    relay.await_seen(lambda packet: packet.way == TO_DEVICE and packet.coap.text == "2.01", count=2)
    first, second = relay.seen(lambda packet: packet.way == TO_DEVICE and packet.coap.text == "2.01")
    assert first.octets == second.octets
    assert server.tell("list").count("rd/") == 1
    assert "2.05" in server.tell("read", "device", "/3/0/0")
    # A Write that comes twice is done once more or not, but answered alike; an Execute is not done twice.
    assert "2.04" in server.tell("execute", "device", "/1/0/8")
    relay.await_seen(request(TO_SERVER, POST, "/rd/*"))
    time.sleep(0.5)
    updates = {packet.octets for packet in relay.seen(request(TO_SERVER, POST, "/rd/*"))}
    assert len(updates) == 1


@sealed
def test_a_registration_that_is_replayed_from_elsewhere_loses_nobody(tmp_path):
    """Without DTLS nothing tells an old message from a new one: the stranger's is taken. The device finds out by its
    next update."""
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    program = registered(relay, "--no-pcp", "--lifetime", 60, "--time-scale", 10)
    recorded = relay.seen(request(TO_SERVER, POST, "/rd"))[0]
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        stranger.sendto(recorded.octets, ("127.0.0.1", SERVER_PORT))
        stranger.settimeout(5)
        assert Message.unpack(stranger.recv(2048)).text == "2.01"
    program.await_line("registered device")
    assert server.tell("list").count("rd/") == 1
    assert "2.05" in server.tell("read", "device", "/3/0")
    lost = relay.seen(lambda packet: packet.way == TO_DEVICE and packet.coap.text == "4.04")
    assert len(lost) == 1


# --- queue mode and silence --------------------------------------------------------------------------


@sealed
def queue_mode(folder, version, queries):
    """At a hundred times the speed 93 s are one."""
    server = Server("--time-scale", 100, folder=folder)
    relay = Relay(SERVER_PORT)
    program = registered(
        relay, "--no-pcp", "--binding", "UQ", "--lwm2m", version, "--lifetime", 700, "--time-scale", 100
    )
    registration = relay.seen(request(TO_SERVER, POST, "/rd"))[0]
    told = {value.decode() for value in registration.coap.all(15)}
    assert queries <= told and ("Q" in told) == ("Q" in queries)
    program.await_line("asleep")
    asked = len(relay.packets)
    waiting = server.tell_later("read", "device", "/3/0/0")
    update = relay.await_seen(request(TO_SERVER, POST, "/rd/*"), since=asked)[0]
    read = relay.await_seen(request(TO_DEVICE, GET, "/3/0/0"), since=asked)[0]
    assert read.time > update.time
    assert relay.answer_to(read).coap.text == "2.05"
    said, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, said


def test_a_server_waits_for_a_device_in_queue_mode_of_1_0(tmp_path):
    queue_mode(tmp_path, "1.0", {"b=UQ", "lwm2m=1.0"})


def test_a_server_waits_for_a_device_in_queue_mode_of_1_1(tmp_path):
    queue_mode(tmp_path, "1.1", {"b=U", "Q", "lwm2m=1.1"})


@sealed
def test_a_dtls_session_outlives_silence(tmp_path):
    """Hours pass in seconds: updates and reads go through the session that there was."""
    server = Server("--psk", f"device:{KEY}", "--time-scale", 2000, folder=tmp_path)
    relay = Relay(SECURE_PORT)
    program = registered(
        relay, "--no-pcp", "--identity", "device", "--key", KEY, "--lifetime", 7200, "--time-scale", 2000, scheme="coaps"
    )
    begun = len(relay.packets)
    for _ in range(2):
        program.await_line("updated device")
    assert "2.05" in server.tell("read", "device", "/3/0")
    assert not relay.seen(lambda packet: is_dtls(packet, HANDSHAKE), since=begun)
    assert all(is_dtls(packet) for packet in relay.packets)


@sealed
def test_a_device_that_ends_its_dtls_session_is_left_alone(tmp_path):
    """Even if it was observed to the end: it has nobody who would hear that it is so no more."""
    server = Server("--psk", f"device:{KEY}", folder=tmp_path)
    relay, another = Relay(SECURE_PORT), Relay(SECURE_PORT)
    secured = ("--no-pcp", "--identity", "device", "--key", KEY)
    program = registered(relay, *secured, scheme="coaps")
    assert "2.05" in server.tell("observe", "device", "/3/0/9")
    begun = len(relay.packets)
    program.process.terminate()
    server.await_line("deregistered device")
    relay.await_seen(lambda packet: packet.way == TO_DEVICE and is_dtls(packet, ALERT), since=begun)
    registered(another, *secured, "--port", 5690, scheme="coaps")
    assert not relay.seen(lambda packet: is_dtls(packet, HANDSHAKE), since=begun)


# --- notifications -----------------------------------------------------------------------------------

LIFETIME_WANTED = "/26887/0/0"  # a number that a server may write


class Observed:
    """A device whose number is observed: attributes are written, the number changes, notifications are seen. Time runs
    ten times as fast."""

    def __init__(self, folder, *attributes):
        self.server = Server("--pcp", "never", folder=folder)
        self.relay = Relay(SERVER_PORT)
        registered(self.relay, "--time-scale", 10)
        self.set(1000)
        if attributes:
            self.server.tell("attributes", "device", LIFETIME_WANTED, *attributes)
        self.server.tell("observe", "device", LIFETIME_WANTED)
        observe = self.relay.seen(request(TO_DEVICE, GET, LIFETIME_WANTED))[0]
        self.token = observe.coap.token
        self.first = self.relay.answer_to(observe)
        assert self.first.coap.number(OBSERVE) is not None

    def set(self, value):
        self.server.tell("write", "device", LIFETIME_WANTED, str(value))

    def is_notification(self, packet):
        message = packet.coap
        return (
            packet.way == TO_SERVER and message.token == self.token and message.number(OBSERVE) is not None
            and packet is not self.first
        )  # fmt: skip

    def notifications(self, count):
        return self.relay.await_seen(self.is_notification, count=count)

    def values(self, count):
        """What exactly the first notifications say: a resource of TLV, or text."""
        return [value_of(packet.coap.payload) for packet in self.notifications(count)]

    def seen(self):
        return [value_of(packet.coap.payload) for packet in self.relay.seen(self.is_notification)]


def value_of(payload):
    """The integer of a TLV of one resource with an id of 8 bits and an inline length."""
    assert payload[0] >> 3 == 0xC0 >> 3 and len(payload) == 2 + (payload[0] & 7), payload.hex()
    return int.from_bytes(payload[2:], "big", signed=True)


@sealed
def test_each_change_is_notified_in_order(tmp_path):
    observed = Observed(tmp_path)
    for value in (2000, 3000, 4000):
        observed.set(value)
    assert observed.values(3)[-1] == 4000
    numbers = [packet.coap.number(OBSERVE) for packet in observed.notifications(3)]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3


@sealed
def test_pmin_holds_back_and_the_last_value_is_told_then(tmp_path):
    observed = Observed(tmp_path, "pmin=15")  # 1.5 s
    for value in (2000, 3000, 4000):
        observed.set(value)
    assert observed.values(1) == [4000]
    assert observed.notifications(1)[0].time - observed.first.time >= 1.5 - 0.05


@sealed
def test_pmax_repeats_what_did_not_change(tmp_path):
    observed = Observed(tmp_path, "pmax=10")  # 1 s
    assert observed.values(2) == [1000, 1000]
    first, second = observed.notifications(2)
    assert first.time - observed.first.time >= 1 - 0.05 and second.time - first.time >= 1 - 0.05


@sealed
def test_gt_and_lt_let_crossings_through_and_st_steps(tmp_path):
    observed = Observed(tmp_path, "gt=5000", "lt=500", "st=1500")
    steps = [(1500, []), (2500, [2500]), (4900, [4900]), (5001, [5001]), (5002, []), (4999, [4999]), (499, [499])]
    wanted = []
    for value, told in steps:
        observed.set(value)
        wanted += told
        # The answer to a later request comes behind a notification that was due.
        assert observed.values(len(wanted)) == wanted
    observed.server.tell("read", "device", "/3/0/0")
    assert observed.seen() == wanted


@sealed
def test_what_is_no_longer_observed_is_not_notified(tmp_path):
    observed = Observed(tmp_path)
    observed.set(2000)
    observed.notifications(1)
    observed.server.tell("cancel", "device", LIFETIME_WANTED)
    observed.set(3000)
    observed.server.tell("read", "device", "/3/0/0")
    assert observed.seen() == [2000]


# --- blocks, composites, Send ------------------------------------------------------------------------


@sealed
def test_a_composite_read_answers_for_several_objects(tmp_path):
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    registered(relay, "--no-pcp", "--lwm2m", "1.1", "--temperature", 21.5)
    said = server.tell("composite", "device", "/3303/0/5700", "/1/0/1")
    assert "2.05" in said and "21.5" in said and "86400" in said
    fetch = relay.seen(lambda packet: packet.way == TO_DEVICE and packet.coap.code == FETCH)[0]
    assert fetch.coap.number(CONTENT_FORMAT) == 112
    assert relay.answer_to(fetch).coap.number(CONTENT_FORMAT) == 112


@sealed
def test_a_device_of_1_1_sends_what_nobody_asked_for(tmp_path):
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    program = registered(relay, "--no-pcp", "--lwm2m", "1.1")
    program.process.send_signal(10)
    sent = relay.await_seen(request(TO_SERVER, POST, "/dp"))[0]
    assert sent.coap.number(CONTENT_FORMAT) == 112
    assert relay.answer_to(sent).coap.text == "2.04"
    server.await_line("sent device")
    server.tell("write", "device", "/1/0/23", "1")  # Mute Send
    program.process.send_signal(10)
    server.tell("read", "device", "/3/0/0")
    assert len(relay.seen(request(TO_SERVER, POST, "/dp"))) == 1


class Manager:
    """A management server that a test plays: a device registers with it, and does as it is asked."""

    def __init__(self, *options):
        self.wire = Client(None)
        self.port = self.wire.socket.getsockname()[1]
        self.program = device(self, *options)
        octets, self.wire.server = self.wire.socket.recvfrom(65536)
        self.registration = Message.unpack(octets)
        assert self.registration.path == "/rd"
        self.wire.answer(self.registration, "2.01", options=[(8, b"rd"), (8, b"1")])
        self.program.await_line("registered device")


BLOCK1, BLOCK2, SIZE1, SIXTY_FOUR = 27, 23, 60, 2


def block(number, more):
    return (number << 4 | more << 3 | SIXTY_FOUR).to_bytes(3, "big").lstrip(b"\0") or b""


def write_in_blocks(manager, path, payload, told_size=False):
    """The answers to blocks of 64 octets, up to the first that doesn't ask for more."""
    size = [(SIZE1, len(payload).to_bytes(2, "big"))] if told_size else []
    pieces = [payload[at : at + 64] for at in range(0, len(payload), 64)]
    answers = []
    for number, piece in enumerate(pieces):
        first = block(number, number < len(pieces) - 1)
        options = [(CONTENT_FORMAT, b""), (BLOCK1, first), *size]
        answers.append(manager.wire.ask(PUT, path, options=options, payload=piece))
        assert answers[-1].text[0] != "2" or answers[-1].all(BLOCK1) == [first]
        if answers[-1].text != "2.31":
            break
    return [answer.text for answer in answers]


def read_in_blocks(manager, path, count):
    read = b""
    for number in range(count):
        answer = manager.wire.ask(GET, path, options=[(17, b""), (BLOCK2, block(number, False))])
        assert answer.text == "2.05"
        assert answer.number(BLOCK2) == number << 4 | (number < count - 1) << 3 | SIXTY_FOUR
        read += answer.payload
    return read


TIMEZONE = "/3/0/15"  # a string that may be written


@sealed
def test_a_big_value_is_written_and_read_in_blocks():
    manager = Manager("--no-pcp")
    for first, told_size in (("a", False), ("b", True), ("c", False)):
        text = first.encode() + "".join(chr(ord("a") + index % 26) for index in range(299)).encode()
        assert write_in_blocks(manager, TIMEZONE, text, told_size) == ["2.31"] * 4 + ["2.04"]
        assert read_in_blocks(manager, TIMEZONE, 5) == text


@sealed
def test_blocks_of_an_oversized_write_are_refused_and_nothing_changes():
    manager = Manager("--no-pcp")
    assert write_in_blocks(manager, TIMEZONE, b"here")[-1] == "2.04"
    assert write_in_blocks(manager, TIMEZONE, b"x" * 2000)[-1].startswith("4.")
    assert write_in_blocks(manager, TIMEZONE, b"x" * 20000)[-1] == "4.13"
    assert read_in_blocks(manager, TIMEZONE, 1) == b"here"


@sealed
def test_a_block_without_those_before_it_is_refused_and_nothing_changes():
    manager = Manager("--no-pcp")
    assert write_in_blocks(manager, TIMEZONE, b"here")[-1] == "2.04"

    def piece(number, more, path=TIMEZONE, payload=b"x" * 64):
        options = [(CONTENT_FORMAT, b""), (BLOCK1, block(number, more))]
        return manager.wire.ask(PUT, path, options=options, payload=payload).text

    assert piece(1, False) == "4.08"
    assert piece(0, True) == "2.31"
    assert piece(2, False) == "4.08"  # a gap
    assert piece(0, True) == "2.31"
    assert piece(1, False, path="/3/0/14") == "4.08"  # of another
    assert (piece(0, True, payload=b"x" * 63), piece(1, False)) == ("2.31", "4.08")  # one is short
    assert piece(1048575, True) == "4.08"
    assert read_in_blocks(manager, TIMEZONE, 1) == b"here"


@sealed
def test_a_composite_read_of_much_comes_in_blocks(tmp_path):
    server = Server(folder=tmp_path)
    relay = Relay(SERVER_PORT)
    registered(relay, "--lwm2m", "1.1", "--no-pcp")
    server.tell("write", "device", TIMEZONE, "x" * 500)
    said = server.tell("composite", "device", "/1", "/3", "/4", "/3303", options=["--format", "senml-json"])
    assert "x" * 500 in said and "Cel" in said
    first, second = relay.seen(lambda packet: packet.way == TO_DEVICE and packet.coap.code == FETCH)[:2]
    assert second.coap.number(BLOCK2) >> 4 == 1
    assert relay.answer_to(first).coap.number(BLOCK2) & 8 == 8


@pytest.mark.parametrize("location", [[], [b"x" * 200], [b"\xff\xfe"], [b""] * 3])
def test_a_device_survives_strange_locations(location):
    strange_location(location)


@sealed
def strange_location(location):
    wire = Client(None)
    relay = type("Wire", (), {"port": wire.socket.getsockname()[1]})
    program = device(relay, "--no-pcp", "--time-scale", 60)
    octets, wire.server = wire.socket.recvfrom(65536)
    wire.answer(Message.unpack(octets), "2.01", options=[(8, segment) for segment in location])
    program.await_line("registration failed: registered without a usable location")
    again = wire.request()  # after 60 s
    assert again.path == "/rd"
    wire.answer(again, "2.01", options=[(8, b"rd"), (8, b"1")])
    program.await_line("registered device")
    assert program.process.poll() is None


@sealed
def test_strangers_may_neither_manage_nor_bootstrap():
    manager = Manager("--no-pcp")
    with contextlib.closing(Client(manager.wire.server)) as stranger:
        for method, path in ((GET, "/3/0"), (PUT, "/1/0/1"), (POST, "/3/0/4"), (DELETE, "/1/0"), (POST, "/bs")):
            stranger.socket.settimeout(5)
            assert stranger.ask(method, path, payload=b"1" if method == PUT else b"").text.startswith("4.")
    assert manager.wire.ask(GET, "/3/0/16").text == "2.05"


@sealed
def test_a_device_whose_server_does_not_know_it_any_more_registers_anew():
    manager = Manager("--no-pcp", "--lifetime", 60, "--time-scale", 30)
    for code in ("4.04", "4.00", "5.00"):
        update = manager.wire.request()
        assert (update.kind, update.path) == (CON, "/rd/1")
        manager.wire.answer(update, code)
        again = manager.wire.request()
        assert again.path == "/rd"
        manager.wire.answer(again, "2.01", options=[(8, b"rd"), (8, b"1")])
