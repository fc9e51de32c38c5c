"""What pinhole-lwm2m-server does for devices that register, and against those that don't mean well."""

import functools
import json
import os
import random
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

import pytest

from coap_wire import (
    ACCEPT,
    BLOCK1,
    BLOCK2,
    CON,
    CONTENT_FORMAT,
    DELETE,
    FETCH,
    GET,
    NON,
    OBSERVE,
    OTHER_VERSIONS,
    POST,
    PUT,
    RST,
    SIZE1,
    URI_QUERY,
    Message,
    code,
    path_options,
    unsigned,
)
from conftest import BUILD, ROOT
from lwm2m_programs import (
    LINK,
    LINKS,
    PCP_LINKS,
    SECONDS,
    TEXT,
    TLV,
    Device,
    Server,
    free_port,
    libcoap_client,
    register,
    starter,
)

sys.path.insert(0, str(ROOT / "harness" / "test"))
from gateway_lab import inside_lab  # noqa: E402


@pytest.fixture
def start(tmp_path):
    with starter(functools.partial(Server, tmp_path)) as run:
        yield run


# --- the registration interface ---


def test_a_device_registers_updates_and_deregisters(start):
    server = start()
    device = server.client()
    port = device.socket.getsockname()[1]
    response = register(device)
    assert (response.text, response.location[:3]) == ("2.01", "rd/")
    server.await_line(rf"registered dev from 127\.0\.0\.1:{port} lifetime 300 binding U version 1\.0")
    assert device.ask(POST, response.location, ["lt=500"]).text == "2.04"
    server.await_line(rf"updated dev from 127\.0\.0\.1:{port}")
    assert "lifetime 500" in server.tell("list")[0][0]
    assert device.ask(DELETE, response.location).text == "2.02"
    server.await_line("deregistered dev")
    assert device.ask(POST, response.location).text == "4.04"
    assert server.tell("list") == (["2.05"], 0)


def test_a_registration_expires_with_its_lifetime(start):
    server = start("--time-scale", "100")
    device = server.client()
    location = register(device, queries=["lt=60"]).location
    server.await_line("expired dev")
    assert device.ask(POST, location).text == "4.04"


def test_an_update_keeps_a_registration_alive(start):
    server = start("--time-scale", "100")
    kept, lost = server.client(), server.client()
    location = register(kept, "kept", ["lt=100"]).location
    register(lost, "lost", ["lt=100"])
    for _ in range(3):
        time.sleep(0.4)
        assert kept.ask(POST, location).text == "2.04"
    server.await_line("expired lost")
    assert kept.ask(POST, location).text == "2.04"


def test_a_repeated_request_makes_no_second_registration(start):
    server = start()
    device = server.client()
    first, second = (register(device, mid=77) for _ in range(2))
    assert first.location == second.location
    assert register(device, mid=78).location != first.location


def test_a_new_registration_of_a_name_ends_the_one_before(start):
    server = start()
    device, again = server.client(), server.client()
    old = register(device).location
    new = register(again).location
    assert device.ask(POST, old).text == "4.04"
    assert again.ask(POST, new).text == "2.04"


MANY = [f"x{n}=1" for n in range(20)]
REFUSED = {
    "without a name": ([], LINKS, LINK, "4.00", "ep=NAME"),
    "with an empty name": (["ep="], LINKS, LINK, "4.00", "ep=: expected a name"),
    "with a name that is too long": (["ep=" + "x" * 100], LINKS, LINK, "4.00", "ep=: expected a name"),
    "with two names": (["ep=dev", "ep=other"], LINKS, LINK, "4.00", "ep= came twice"),
    "with a lifetime of 0": (["ep=dev", "lt=0"], LINKS, LINK, "4.00", "lt=: expected 1 to"),
    "with a lifetime that is no number": (["ep=dev", "lt=long"], LINKS, LINK, "4.00", "lt=: expected 1 to"),
    "with a binding that is not known": (["ep=dev", "b=Z"], LINKS, LINK, "4.00", "b=: expected"),
    "of another version": (["ep=dev", "lwm2m=7.3"], LINKS, LINK, "4.12", "expected 1.0 or 1.1"),
    "without links": (["ep=dev"], b"", LINK, "4.00", "links of the objects"),
    "with broken links": (["ep=dev"], b"</3/0>,<", LINK, "4.00", "expected links"),
    "with links of another format": (["ep=dev"], LINKS, TLV, "4.15", "Content-Format 40"),
    "with too many queries": (["ep=dev", *MANY], LINKS, LINK, "4.00", "too many queries"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_registration_is_refused_with_what_was_expected(start, what):
    queries, links, content_format, expected, why = REFUSED[what]
    server = start()
    device = server.client()
    options = [(CONTENT_FORMAT, unsigned(content_format))]
    answer = device.ask(POST, "rd", queries, options, links)
    assert answer.text == expected and why in answer.payload.decode()
    assert why in server.await_line(rf"refused .* {re.escape(expected)}: (.*)")[1]
    assert register(device).text == "2.01"


def test_many_refusals_flood_no_log(start):
    server = start()
    device = server.client()
    for _ in range(40):
        assert device.ask(POST, "rd", ["ep="]).text == "4.00"
    assert register(device).text == "2.01"
    server.await_line("registered .*")
    assert sum(line.startswith("refused") for line in server.all) == 16


@pytest.mark.parametrize("path", ["rd/0", "rd/AAAAAAAAAAA", "rd/___________", "rd/1/2", "rd/" + "A" * 200, "other"])
def test_an_unknown_location_is_not_found(start, path):
    server = start()
    device = server.client()
    location = register(device).location
    for method in (POST, DELETE):
        assert device.ask(method, path).text == "4.04"
    assert device.ask(POST, location).text == "2.04"


def test_a_location_is_guessed_by_nobody(start):
    """Ten thousand devices and a stranger who asks ten thousand times a second: 32 bits would last a minute."""
    server = start()
    device = server.client()
    locations = [register(device, f"dev-{index}").location.removeprefix("rd/") for index in range(64)]
    assert {len(location) for location in locations} == {11}
    for place in range(11):
        assert len({location[place] for location in locations}) > (8 if place else 4)
    near = locations[0][:-1] + ("B" if locations[0][-1] == "A" else "A")
    for wrong in (near, locations[0].swapcase(), locations[0][:-1], locations[0] + "A", locations[0] + "/"):
        assert device.ask(DELETE, "rd/" + wrong if wrong[-1] != "/" else "rd/" + wrong + "x").text == "4.04"
    assert device.ask(DELETE, "rd/" + locations[0]).text == "2.02"


MANY_LINKS = LINKS + b"".join(b",</3303/%d>" % n for n in range(1, 100))


def register_in_blocks(device, told):
    """Registers by MANY_LINKS, and tells their size with the first block, or not; gives the last code."""
    blocks = [MANY_LINKS[at : at + 256] for at in range(0, len(MANY_LINKS), 256)]
    for number, block in enumerate(blocks):
        more = number + 1 < len(blocks)
        options = [(CONTENT_FORMAT, unsigned(LINK)), (BLOCK1, unsigned(number << 4 | more << 3 | 4))]
        if told:
            options.append((SIZE1, unsigned(len(MANY_LINKS))))
        response = device.ask(POST, "rd", ["ep=dev", "lt=300"], options, block)
        if more and response.text != "2.31":
            break
    return response.text


def test_a_registration_of_many_blocks_is_put_together(start):
    server = start()
    assert register_in_blocks(server.client(), told=True) == "2.01"
    server.await_line("registered dev from .*")


def test_a_registration_of_blocks_that_do_not_tell_their_size_is_put_together_each_time(start):
    server = start()
    device = server.client()
    for _ in range(3):
        assert register_in_blocks(device, told=False) == "2.01"
    server.await_line("registered dev from .*")


# --- requests to devices ---


def test_requests_go_where_the_device_was_seen_last(start):
    server = start("--pcp", "never")
    device, elsewhere = server.client(), server.client("127.0.0.2")
    location = register(device).location
    assert elsewhere.ask(POST, location).text == "2.04"
    server.await_line(r"updated dev from 127\.0\.0\.2:\d+")
    tell = server.start_tell("read dev /3/0/0")
    elsewhere.answer(elsewhere.request(), "2.05", b"maker", TEXT)
    assert tell.communicate(timeout=SECONDS)[0] == "maker\n2.05\n"
    server.await_line("answer dev /3/0/0 2.05")


def observe(server, device, token_of=lambda request: request.token):
    tell = server.start_tell("observe dev /3303/0/5700")
    request = device.request()
    assert (request.code, request.path, request.number(OBSERVE)) == (GET, "/3303/0/5700", 0)
    device.answer(request, "2.05", b"20.5", TEXT, [(OBSERVE, b"\x05")])
    assert tell.communicate(timeout=SECONDS)[0] == "20.5\n2.05\n"
    return token_of(request)


def notify(device, token, sequence, value):
    options = [(OBSERVE, unsigned(sequence)), (CONTENT_FORMAT, b"")]
    return device.send(Message(CON, code("2.05"), device.mid(), token, options, value))


def test_an_observation_tells_notifications_until_it_is_cancelled(start):
    server = start()
    device = server.client()
    register(device)
    token = observe(server, device)
    notify(device, token, 7, b"21.5")
    server.await_line(r"notified dev /3303/0/5700 21\.5")
    device.hear()
    notify(device, token, 6, b"99")  # overtaken: older than what was told
    device.hear()
    notify(device, token, 8, b"22.5")
    server.await_line(r"notified dev /3303/0/5700 22\.5")
    assert not any("99" in line for line in server.all)
    device.hear()
    tell = server.start_tell("cancel dev /3303/0/5700")
    request = device.request()
    assert (request.token, request.number(OBSERVE)) == (token, 1)
    device.answer(request, "2.05", b"22.5", TEXT)
    assert tell.wait(SECONDS) == 0
    notify(device, token, 9, b"23.5")
    assert device.hear().kind == RST


def test_an_observation_begins_anew_where_the_device_has_moved(start):
    server = start()
    device, elsewhere = server.client(), server.client("127.0.0.2")
    location = register(device).location
    observe(server, device)
    elsewhere.ask(POST, location)
    request = elsewhere.request()
    assert (request.path, request.number(OBSERVE)) == ("/3303/0/5700", 0)


def test_an_answer_of_many_blocks_is_put_together(start):
    server = start()
    device = server.client()
    register(device)
    text = b"abcdefghij" * 200
    tell = server.start_tell("read dev /3/0/0")
    for number in range(len(text) // 512 + 1):
        request = device.request()
        assert (request.number(BLOCK2, 0) >> 4) == number
        more = (number + 1) * 512 < len(text)
        options = [(BLOCK2, unsigned(number << 4 | more << 3 | 5))]
        device.answer(request, "2.05", text[number * 512 : (number + 1) * 512], TEXT, options)
    assert tell.communicate(timeout=SECONDS)[0] == text.decode() + "\n2.05\n"


# What is told, and the request that comes of it: method, path, queries, Content-Format, Accept, payload.
COMMANDS = {
    "read dev /3/0": (GET, "/3/0", [], None, None, b""),
    "format tlv read dev /3": (GET, "/3", [], None, TLV, b""),
    "discover dev /3303": (GET, "/3303", [], None, LINK, b""),
    "delete dev /3303/1": (DELETE, "/3303/1", [], None, None, b""),
    "execute dev /3/0/4": (POST, "/3/0/4", [], None, None, b""),
    "execute dev /3/0/5 0='soon'": (POST, "/3/0/5", [], TEXT, None, b"0='soon'"),
    "write dev /3/0/15 Europe/Rome at last": (PUT, "/3/0/15", [], TEXT, None, b"Europe/Rome at last"),
    "write dev /1/0 1=300 6=1": (POST, "/1/0", [], TLV, None, bytes.fromhex("c201012cc10601")),
    "replace dev /1/0 1=60 7=U": (PUT, "/1/0", [], TLV, None, bytes.fromhex("c1013cc10755")),
    "create dev /3303 5700=1": (POST, "/3303", [], TLV, None, bytes.fromhex("e416443f800000")),
    "create dev /3303/4 5700=1": (POST, "/3303", [], TLV, None, bytes.fromhex("0704e416443f800000")),
    "attributes dev /3303/0/5700 pmin=3 gt": (PUT, "/3303/0/5700", [b"pmin=3", b"gt"], None, None, b""),
    "format senml-json composite dev /3/0/0": (FETCH, "/", [], 110, 110, b'[{"n":"/3/0/0"}]'),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_the_request_that_it_says(start, command):
    method, path, queries, content_format, accept, payload = COMMANDS[command]
    server = start()
    device = server.client()
    register(device)
    tell = server.start_tell(command)
    request = device.request()
    got = (request.code, request.path, request.all(URI_QUERY), request.number(CONTENT_FORMAT))
    assert got == (method, path, queries, content_format)
    assert (request.number(ACCEPT), request.payload) == (accept, payload)
    device.answer(request, "4.05")
    assert (tell.communicate(timeout=SECONDS)[0], tell.returncode) == ("4.05\n", 1)


@pytest.mark.parametrize(
    "command",
    ["", "fly dev /3", "read", "read dev", "read nobody /3", "read dev 3//0", "write dev /3 1", "write dev /1/0/1 x",
     "write dev /1/0 1", "read dev /3/0 more", "format none read dev /3", "read dev /3/0/0/0/0", "x" * 3000],
)  # fmt: skip
def test_a_command_that_says_nothing_is_refused_in_words(start, command):
    server = start()
    register(server.client())
    lines, status = server.tell(command)
    assert status in (1, 2) and len(lines) == 1 and not lines[0].startswith("2.")


def test_what_devices_say_is_printed_in_one_line(start):
    server = start()
    device = server.client()
    register(device)
    tell = server.start_tell("read dev /3/0/0")
    device.answer(device.request(), "2.05", b"a\n= 2.05\x1b[2Jb", TEXT)
    lines = tell.communicate(timeout=SECONDS)[0].splitlines()
    assert lines == [r"a\x0a= 2.05\x1b[2Jb", "2.05"]


def test_send_is_told(start):
    server = start()
    device, stranger = server.client(), server.client()
    register(device, queries=["lt=300", "lwm2m=1.1", "b=U"])
    options = [(CONTENT_FORMAT, unsigned(110))]
    pack = b'[{"bn":"/3303/0/","n":"5700","v":21.5},{"n":"5701","vs":"Cel"}]'
    assert device.ask(POST, "dp", [], options, pack).text == "2.04"
    server.await_line(r"sent dev /3303/0/5700=21\.5 /3303/0/5701=Cel")
    assert device.ask(POST, "dp", [], options, b"[{").text == "4.00"
    assert device.ask(POST, "dp", [], [(CONTENT_FORMAT, b"")], b"x").text == "4.15"
    assert stranger.ask(POST, "dp", [], options, pack).text == "4.04"


def test_what_is_sent_twice_is_told_once(start):
    server = start()
    device = server.client()
    register(device, queries=["lt=300", "lwm2m=1.1", "b=U"])
    for mid, value in ((7, b"1"), (7, b"1"), (8, b"2")):
        pack = b'[{"n":"/3303/0/5700","v":%s}]' % value
        assert device.ask(POST, "dp", [], [(CONTENT_FORMAT, unsigned(110))], pack, mid).text == "2.04"
    server.await_line(r"sent dev /3303/0/5700=2\.0")
    assert len([line for line in server.all if line.startswith("sent")]) == 2


def test_sigusr1_reads_every_device(start):
    server = start()
    devices = {name: server.client() for name in ("one", "two")}
    for name, device in devices.items():
        register(device, name)
    server.signal(signal.SIGUSR1)
    for device in devices.values():
        request = device.request()
        assert (request.code, request.path) == (GET, "/3/0")
        device.answer(request, "2.05", bytes.fromhex("c300616263"), TLV)
    for name in sorted(devices):
        server.await_line(r"answer (one|two) /3/0 2\.05")


# What is told of our own device, and what it answers: lines, but for those that change.
TOLD = {
    "read dev /3303/0/5700": ["21.5", "2.05"],
    "format senml-json read dev /3303/0/5700": ["21.5", "2.05"],
    "format senml-cbor read dev /3303/0/5700": ["21.5", "2.05"],
    "format tlv read dev /3303/0/5700": ["21.5", "2.05"],
    "format cbor read dev /3303/0/5700": ["21.5", "2.05"],
    "format json read dev /3303/0/5700": ["21.5", "2.05"],
    "composite dev /3/0/0 /3303/0/5700": ["/3/0/0=pinhole", "/3303/0/5700=21.5", "2.05"],
    "write dev /1/0/1 200": ["2.04"],
    "write dev /1/0 1=250 6=1": ["2.04"],
    "write dev /3/0/0 mine": ["4.05"],
    "create dev /26887 4=0 5=7000": ["location 26887/1", "2.01"],
    "execute dev /26887/0/16": ["2.04"],
    "execute dev /3/0/0": ["4.05"],
    "attributes dev /3303/0/5700 pmin=10 pmax=20": ["2.04"],
    "attributes dev /3303/0/5700 pmin=20 pmax=10": ["4.00"],
    "observe dev /3303/0/5700": ["21.5", "2.05"],
    "cancel dev /3303/0/5700": ["21.5", "2.05"],
    "delete dev /3/0": ["4.05"],
    "read dev /0": ["4.01"],
    "read dev /3/0/99": ["4.04"],
}  # fmt: skip


@pytest.mark.parametrize("command", TOLD)
def test_our_device_answers_what_it_is_told(start, command):
    server = start("--pcp", "never")
    device = Device("--server", f"coap://127.0.0.1:{server.port}", "--lwm2m", "1.1")
    server.await_line("registered dev .* version 1.1")
    expected = TOLD[command]
    assert server.tell(command) == (expected, 0 if expected[-1].startswith("2.") else 1)
    device.stop()
    server.await_line("deregistered dev")


# --- queue mode ---


@pytest.mark.parametrize("queries", [["lwm2m=1.0", "b=UQ"], ["lwm2m=1.1", "b=U", "Q"]])
def test_requests_wait_for_a_sleeping_device(start, queries):
    server = start("--time-scale", "100")
    device = server.client()
    location = register(device, queries=["lt=80000", *queries]).location
    end = time.monotonic() + SECONDS
    while "asleep" not in server.tell("list")[0][0]:
        assert time.monotonic() < end
    tell = server.start_tell("read dev /3/0/0")
    assert device.hears_nothing(0.5)
    assert device.ask(POST, location).text == "2.04"
    device.answer(device.request(), "2.05", b"up", TEXT)
    assert tell.communicate(timeout=SECONDS)[0] == "up\n2.05\n"


def test_what_waits_for_a_sleeping_device_is_bounded(start):
    server = start("--time-scale", "100")
    device = server.client()
    location = register(device, queries=["lt=80000", "b=UQ"]).location
    end = time.monotonic() + SECONDS
    while "asleep" not in server.tell("list")[0][0]:
        assert time.monotonic() < end
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(server.control))
        tells = [server.start_tell(f"read dev /3/0/{n}") for n in range(12)]
        tells += [server.start_tell(f"read dev /3/0/{n}") for n in range(12, 15)]
        more = []
        while not more or more[-1].poll() is None:  # until one is refused
            more.append(server.start_tell("read dev /3/0/20"))
            time.sleep(0.2)
            assert len(more) < 10
    assert device.ask(DELETE, location).text == "2.02"
    for tell in tells + more:
        tell.communicate(timeout=SECONDS)
    server.await_line(r"answer dev /3/0/\d+ deregistered")


# --- PCP ---

EXTERNAL = "127.0.0.1"
PATIENCE = ("--ack-timeout", 1)  # and half as long again before a difference counts


def context(port, address=EXTERNAL):
    """Status, external address and port, as the device tells its instance of PCP-context."""
    text = address.encode()
    return b"\xc1\x02\x02" + bytes([0xC8, 18, len(text)]) + text + b"\xc4\x13" + struct.pack("!I", port)


def enable(device, version=b"2"):
    """Answers what enables PCP-context; gives the token of the observation."""
    observe = device.request()
    assert (observe.code, observe.path, observe.number(OBSERVE)) == (GET, "/26887/0/2", 0)
    device.answer(observe, "2.05", b"0", TEXT, [(OBSERVE, b"\x01")])
    write = device.request()
    assert (write.code, write.path, write.payload) == (POST, "/26887/0", bytes.fromhex("c2001c20c10401"))
    device.answer(write, "2.04")
    read = device.request()
    assert (read.code, read.path) == (GET, "/26887/0/3")
    device.answer(read, "2.05", version, TEXT)
    return observe.token


def execute(device):
    request = device.request()
    assert (request.code, request.path, request.payload) == (POST, "/26887/0/1", b"")
    device.answer(request, "2.04")


def answer_place(device, port):
    request = device.request()
    assert (request.code, request.path) == (GET, "/26887/0")
    device.answer(request, "2.05", context(port), TLV)


def map_by(device, port):
    """Registers a device, and has it tell that it is mapped at port. Gives its location and the token."""
    location = register(device, links=PCP_LINKS).location
    token = enable(device)
    execute(device)
    notify(device, token, 2, b"2")
    answer_place(device, port)
    return location, token


def map_elsewhere(device):
    """The same for a device that then updates from another place than its mapping's. Gives its location."""
    location, _ = map_by(device, 4000)
    assert device.ask(POST, location).text == "2.04"
    answer_place(device, 4000)
    return location


def fresh_port(device):
    """The request that has the device take one."""
    request = device.request()
    assert (request.code, request.path, request.payload) == (POST, "/26887/0", bytes.fromhex("c10500"))
    return request


def test_pcp_is_enabled_step_by_step_and_its_mapping_seen(start):
    server = start()
    device = server.client()
    port = device.socket.getsockname()[1]
    map_by(device, port)
    for line in ("enabling", "status 0", "status 2", rf"mapped at 127\.0\.0\.1:{port}", "seen from its mapping"):
        server.await_line(f"pcp dev {line}")


def test_a_device_that_is_not_seen_from_its_mapping_is_asked_for_a_fresh_port_once(start):
    server = start(*PATIENCE)
    device = server.client()
    map_elsewhere(device)
    answer_place(device, 4000)  # once more after a while
    device.answer(fresh_port(device), "2.04")
    execute(device)
    server.await_line(
        r"pcp dev seen from 127\.0\.0\.1:\d+ instead of its mapping 127\.0\.0\.1:4000: asking for a fresh port"
    )
    anew = server.client()
    register(anew, links=PCP_LINKS)
    observe = anew.request()
    anew.answer(observe, "2.05", b"2", TEXT, [(OBSERVE, b"\x01")])
    answer_place(anew, 4001)
    answer_place(anew, 4001)
    server.await_line("pcp dev not seen from its mapping")
    # And it stays at that.
    assert server.tell("list")[1] == 0
    anew.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        anew.request()


def test_an_update_that_was_on_its_way_does_not_count_as_the_one_behind_the_mapping(start):
    """It left before the NAT let the device have the mapping's place; the one behind it follows."""
    server = start(*PATIENCE)
    device, mapped = server.client(), server.client()
    location = register(device, links=PCP_LINKS).location
    token = enable(device)
    execute(device)
    assert device.ask(POST, location).text == "2.04"
    notify(device, token, 2, b"2")
    port = mapped.socket.getsockname()[1]
    answer_place(device, port)
    server.await_line(rf"pcp dev mapped at 127\.0\.0\.1:{port}")
    assert mapped.ask(POST, location).text == "2.04"
    server.await_line("pcp dev seen from its mapping")
    assert mapped.request().path == "/26887/0/2"  # the observation, from there
    assert not any("instead of its mapping" in line for line in server.all)


def test_a_difference_is_found_whenever_the_update_comes(start):
    """Behind the mapping, but before the notification tells of it."""
    server = start(*PATIENCE)
    device = server.client()
    location = register(device, links=PCP_LINKS).location
    token = enable(device)
    execute(device)
    assert device.ask(POST, location).text == "2.04"
    notify(device, token, 2, b"2")
    answer_place(device, 4000)
    answer_place(device, 4000)
    assert fresh_port(device)


def test_a_device_that_leaves_in_doubt_is_forgotten(start):
    server = start(*PATIENCE)
    device = server.client()
    location = map_elsewhere(device)
    assert device.ask(DELETE, location).text == "2.02"
    map_by(device, 4000)
    device.socket.settimeout(2)
    with pytest.raises(TimeoutError):  # its update is awaited
        device.request()


def test_what_is_read_when_the_device_moves_is_asked_for_where_it_is(start):
    server = start()
    device, moved = server.client(), server.client()
    location = register(device).location
    tell = server.start_tell("read dev /3/0/0")
    assert device.request().path == "/3/0/0"
    assert moved.ask(POST, location).text == "2.04"
    moved.answer(moved.request(), "2.05", b"pinhole", TEXT)
    assert tell.communicate(timeout=SECONDS)[0] == "pinhole\n2.05\n"


def test_a_fresh_port_that_is_seen_is_well(start):
    server = start(*PATIENCE)
    device = server.client()
    location, _ = map_by(device, 4000)
    device.ask(POST, location)
    answer_place(device, 4000)
    answer_place(device, 4000)
    device.answer(device.request(), "2.04")
    execute(device)
    anew = server.client()
    register(anew, links=PCP_LINKS)
    anew.answer(anew.request(), "2.05", b"2", TEXT, [(OBSERVE, b"\x01")])
    answer_place(anew, anew.socket.getsockname()[1])
    server.await_line("pcp dev seen from its mapping")


def test_pcp_is_not_asked_of_a_device_that_speaks_another_version(start):
    server = start()
    device = server.client()
    register(device, links=PCP_LINKS)
    enable(device, version=b"1")
    server.await_line("pcp dev not enabled: version 1")


SENML_JSON, SENML_CBOR = 110, 112
ENABLING = [{"bn": "/26887/0/", "n": "0", "v": 7200}, {"n": "4", "vb": True}]


def in_json(device, request, records):
    device.answer(request, "2.05", json.dumps([{"bn": "/26887/0/", **records[0]}, *records[1:]]).encode(), SENML_JSON)


def test_pcp_is_enabled_in_the_format_that_the_root_link_tells(start):
    server = start()
    device = server.client()
    port = device.socket.getsockname()[1]
    register(device, queries=["lt=300", "lwm2m=1.1", "b=U"], links=b'</>;ct="60 110",</1/0>,</3/0>,</26887/0>')
    observe = device.request()
    assert observe.number(ACCEPT) == SENML_JSON
    status = b'[{"n":"/26887/0/2","v":0}]'
    device.answer(observe, "2.05", status, SENML_JSON, [(OBSERVE, b"\x01")])
    write = device.request()
    assert (write.code, write.number(CONTENT_FORMAT)) == (POST, SENML_JSON)
    assert json.loads(write.payload) == ENABLING
    device.answer(write, "2.04")
    version = device.request()
    assert (version.path, version.number(ACCEPT)) == ("/26887/0/3", SENML_JSON)
    in_json(device, version, [{"n": "3", "v": 2}])
    execute(device)
    notified = [(OBSERVE, b"\x02"), (CONTENT_FORMAT, unsigned(SENML_JSON))]
    device.send(Message(CON, code("2.05"), device.mid(), observe.token, notified, status.replace(b":0", b":2")))
    place = device.request()
    assert (place.path, place.number(ACCEPT)) == ("/26887/0", SENML_JSON)
    in_json(device, place, [{"n": "18", "vs": EXTERNAL}, {"n": "19", "v": port}])
    server.await_line("pcp dev seen from its mapping")


def test_a_device_that_refuses_a_format_is_asked_in_the_next(start):
    server = start()
    device = server.client()
    register(device, queries=["lt=300", "lwm2m=1.1", "b=U"], links=PCP_LINKS)
    observe = device.request()
    assert observe.number(ACCEPT) == TLV
    device.answer(observe, "4.06")
    observe = device.request()
    assert (observe.path, observe.number(OBSERVE), observe.number(ACCEPT)) == ("/26887/0/2", 0, SENML_CBOR)
    device.answer(observe, "2.05", b"0", TEXT, [(OBSERVE, b"\x01")])
    write = device.request()
    assert (write.path, write.number(CONTENT_FORMAT)) == ("/26887/0", SENML_CBOR)
    device.answer(write, "4.15")
    write = device.request()
    assert (write.path, write.number(CONTENT_FORMAT)) == ("/26887/0", SENML_JSON)
    assert json.loads(write.payload) == ENABLING
    device.answer(write, "2.04")
    device.answer(device.request(), "2.05", b"2", TEXT)
    execute(device)


def test_a_device_that_refuses_every_format_is_left_alone(start):
    server = start()
    device = server.client()
    location = register(device, links=PCP_LINKS).location
    for _ in range(3):
        device.answer(device.request(), "4.06")
    server.await_line("pcp dev not enabled: status 4.06")
    assert device.ask(DELETE, location).text == "2.02" and not device.waiting


NOT_NEEDED = {
    "in queue mode of 1.0": (["lwm2m=1.0", "b=UQ"], PCP_LINKS, "when-needed"),
    "in queue mode of 1.1": (["lwm2m=1.1", "b=U", "Q"], PCP_LINKS, "when-needed"),
    "without the object": (["lwm2m=1.0", "b=U"], LINKS, "always"),
    "where it is never wanted": (["lwm2m=1.0", "b=U"], PCP_LINKS, "never"),
}


@pytest.mark.parametrize("what", NOT_NEEDED)
def test_pcp_is_not_asked_of_a_device(start, what):
    queries, links, use = NOT_NEEDED[what]
    server = start("--pcp", use)
    device = server.client()
    location = register(device, queries=["lt=300", *queries], links=links).location
    device.ask(DELETE, location)
    server.await_line("deregistered dev")
    assert not device.waiting and not any("pcp" in line for line in server.all)


def test_pcp_is_asked_always_where_it_is_told_so(start):
    server = start("--pcp", "always")
    device = server.client()
    register(device, queries=["lt=300", "b=UQ"], links=PCP_LINKS)
    assert device.request().path == "/26887/0/2"


# --- bad company ---


def test_a_full_server_keeps_whom_it_has(start):
    server = start("--capacity", "4")
    devices = [server.client() for _ in range(6)]
    codes = [register(device, f"dev{n}").text for n, device in enumerate(devices)]
    assert codes == ["2.01"] * 4 + ["5.03"] * 2
    assert [line.split()[0] for line in server.tell("list")[0][:-1]] == [f"dev{n}" for n in range(4)]
    again = register(devices[2], "dev2")
    assert again.text == "2.01"
    assert devices[2].ask(DELETE, again.location).text == "2.02"
    assert register(devices[5], "dev5").text == "2.01"


def test_a_flood_of_names_leaves_the_registered_alone(start):
    server = start("--capacity", "100")
    device, flood = server.client(), server.client()
    location = register(device).location
    codes = [register(flood, f"flood{n}").text for n in range(300)]
    assert codes.count("5.03") == 201
    assert device.ask(POST, location).text == "2.04"


def test_rubbish_is_no_harm(start):
    server = start()
    device, stranger = server.client(), server.client()
    location = register(device).location
    chance = random.Random(26887)
    whole = Message(CON, POST, 7, b"tokn", path_options("rd", ["ep=x", "lt=60"]), LINKS).pack()
    for number in range(2000):
        if number % 50 == 0:  # so that the socket's buffer does not run over
            assert device.ask(POST, location).text == "2.04"
        octets = bytearray(chance.choice([whole, chance.randbytes(chance.randrange(1, 200))]))
        for _ in range(chance.randrange(4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        stranger.socket.sendto(octets[: chance.randrange(1, len(octets) + 1)], server.address)
    assert device.ask(POST, location).text == "2.04"


def test_help_tells_how_each_command_is_written(start):
    lines, status = start().tell("help")
    assert status == 0
    assert {"list", "read NAME PATH", "execute NAME PATH [ARGUMENTS]", "2.05"} <= set(lines)


def test_resets_are_not_talked_about(start):
    server = start()
    device = server.client()
    for mid in range(50):
        device.send(Message(RST, 0, mid))
    assert register(device).text == "2.01"
    server.await_line("registered dev .*")
    assert len(server.all) == 2  # ready, and this


def test_messages_of_another_version_are_silently_ignored(start):
    device = start().client()
    for octets in OTHER_VERSIONS:
        device.socket.sendto(octets, device.server)
    assert register(device).text == "2.01"
    assert not device.waiting  # RFC 7252 section 3: none of those was answered


def test_a_block_far_out_takes_no_memory(start):
    server = start()
    device = server.client()
    options = [(CONTENT_FORMAT, unsigned(LINK)), (BLOCK1, unsigned(0xFFFFF << 4 | 8 | 6))]
    response = device.ask(POST, "rd", ["ep=dev"], options, b"x" * 1024)
    assert response.text in ("4.08", "4.13", "2.31")
    status = open(f"/proc/{server.process.pid}/status").read()
    resident = int(status.split("VmRSS:")[1].split()[0])
    assert resident < 64 * 1024
    assert register(device).text == "2.01"


def test_an_answer_from_elsewhere_is_not_believed(start):
    server = start()
    device, liar = server.client(), server.client()
    register(device)
    tell = server.start_tell("read dev /3/0/0")
    request = device.request()
    liar.answer(request, "2.05", b"lie", TEXT)
    liar.send(Message(NON, code("2.05"), liar.mid(), request.token, [(CONTENT_FORMAT, b"")], b"lie"))
    assert liar.ask(POST, "rd/1").text == "4.04"  # so those have been taken
    device.answer(request, "2.05", b"truth", TEXT)
    assert tell.communicate(timeout=SECONDS)[0] == "truth\n2.05\n"


def test_a_device_that_resets_has_answered(start):
    server = start()
    device = server.client()
    register(device)
    tell = server.start_tell("read dev /3/0/0")
    request = device.request()
    device.send(Message(RST, 0, request.mid))
    assert (tell.communicate(timeout=SECONDS)[0], tell.returncode) == ("reset\n", 1)


# --- DTLS ---

KEYS = ("--psk", "dev:00112233", "--psk", "other:44556677")
KEY_OF = {"dev": "00112233", "other": "44556677"}


@pytest.fixture
def device():
    """Starts devices of ours, through DTLS, that end with the test."""
    devices = []

    def run(server, identity, *arguments, key=None, port=None):
        account = ("--identity", identity, "--key", key or KEY_OF[identity])
        uri = f"coaps://127.0.0.1:{server.secure_port}"
        devices.append(Device("--server", uri, *account, *arguments, port=port))
        return devices[-1]

    yield run
    for one in devices:
        if one.is_alive():
            one.kill()


def test_a_device_registers_and_is_managed_through_dtls(start, device):
    server = start(*KEYS, "--pcp", "never")
    ours = device(server, "dev")
    server.await_line("registered dev .*")
    assert server.tell("list")[0][0].endswith(" identity dev")
    assert server.tell("read dev /3303/0/5700") == (["21.5", "2.05"], 0)
    ours.stop()
    server.await_line("deregistered dev")


def test_a_wrong_key_registers_nobody(start, device):
    server = start(*KEYS)
    ours = device(server, "dev", "--ack-timeout", "1", "--max-retransmit", "1", key="ffff")
    ours.await_line("registration failed: .*")
    assert server.tell("list") == (["2.05"], 0)


def test_a_name_that_was_registered_through_dtls_is_its_identitys(start, device):
    server = start(*KEYS, "--pcp", "never")
    device(server, "dev")
    server.await_line("registered dev .*")
    number = server.tell("list")[0][0].split()[2]
    stranger = server.client()
    assert register(stranger).text == "4.03"
    assert stranger.ask(POST, number).text == "4.03"
    assert stranger.ask(DELETE, number).text == "4.03"
    device(server, "other").await_line("registration failed: .*4.03.*|registration refused.*4.03.*")
    assert server.tell("read dev /3303/0/5700") == (["21.5", "2.05"], 0)


def test_names_are_identities_where_it_is_told_so(start, device):
    server = start(*KEYS, "--names-are-identities")
    device(server, "other").await_line("registration failed: .*4.03.*|registration refused.*4.03.*")
    device(server, "dev")
    server.await_line("registered dev .*")


NAMELESS = ("--psk", "lamp-7:6b6579")  # the key is "key"


def register_nameless(server, version):
    """By libcoap's client, as its identity; what it prints."""
    uri = f"coaps://127.0.0.1:{server.secure_port}/rd?lt=300&lwm2m={version}"
    return libcoap_client("-m", "post", "-t", LINK, "-e", LINKS.decode(), "-u", "lamp-7", "-k", "key", uri)


def test_a_device_of_1_1_need_not_tell_the_name_that_is_its_identity(start):
    server = start(*NAMELESS, "--names-are-identities", "--pcp", "never")
    assert "4.00" not in register_nameless(server, "1.1")
    server.await_line("registered lamp-7 from .* version 1.1")
    assert server.tell("list")[0][0].endswith(" identity lamp-7")
    assert "4.00" in register_nameless(server, "1.0")
    assert register(server.client(), queries=["lwm2m=1.1"], name="lamp-7").text == "4.03"
    nobody = server.client().ask(POST, "rd", ["lwm2m=1.1"], [(CONTENT_FORMAT, unsigned(LINK))], LINKS)
    assert nobody.text == "4.00"


def test_an_identity_is_no_name_where_it_is_not_told_so(start):
    server = start(*NAMELESS)
    assert "4.00" in register_nameless(server, "1.1")
    assert server.tell("list") == (["2.05"], 0)


def test_a_device_that_lost_its_session_makes_another_from_the_same_port(start, device):
    server = start(*KEYS, "--pcp", "never")
    ours = device(server, "dev")
    server.await_line("registered dev .*")
    ours.kill()
    device(server, "dev", port=ours.port)
    server.await_line(f"registered dev from .*:{ours.port} .*")
    assert server.tell("read dev /3303/0/5700") == (["21.5", "2.05"], 0)


CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY, SERVER_HELLO_DONE = 1, 2, 3, 14
PSK_AES128_CCM_8, PSK_AES128_CBC_SHA256 = "c0a8", "00ae"  # of which LwM2M 1.0 wants servers to have both


def client_hello(suite, cookie, number):
    body = b"\xfe\xfd" + bytes(32) + b"\0" + bytes([len(cookie)]) + cookie + bytes.fromhex(f"0002{suite}0100")
    length = len(body).to_bytes(3, "big")
    message = bytes([CLIENT_HELLO]) + length + struct.pack("!H", number) + bytes(3) + length + body
    return b"\x16\xfe\xfd" + struct.pack("!QH", number, len(message)) + message


def handshake_messages(octets):
    """(type, body) of each handshake message in a datagram, none of them in pieces or encrypted."""
    while octets:
        (length,) = struct.unpack_from("!H", octets, 11)
        yield octets[13], octets[25 : 13 + length]
        octets = octets[13 + length :]


@pytest.mark.parametrize("suite", [PSK_AES128_CCM_8, PSK_AES128_CBC_SHA256])
def test_a_bare_pre_shared_key_needs_no_key_exchange_of_the_server(start, suite):
    server = start(*KEYS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.connect(("127.0.0.1", server.secure_port))
        client.send(client_hello(suite, b"", 0))
        ((kind, body),) = handshake_messages(client.recv(2048))
        assert kind == HELLO_VERIFY
        client.send(client_hello(suite, body[3:], 1))
        flight = []
        while not flight or flight[-1][0] != SERVER_HELLO_DONE:
            flight += handshake_messages(client.recv(2048))
    assert [kind for kind, _ in flight] == [SERVER_HELLO, SERVER_HELLO_DONE]
    chosen = flight[0][1][34:]  # behind the version and the random number
    assert chosen[1 + chosen[0] :][:2].hex() == suite


HELLO = bytes.fromhex("16feff0000000000000000003401000028000000000000002800") + bytes(39)


def forge_hellos(folder):
    """From the device's own place, which takes a raw socket."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = Server(folder, *KEYS, "--pcp", "never")
    uri = f"coaps://127.0.0.1:{server.secure_port}"
    ours = Device("--server", uri, "--identity", "dev", "--key", KEY_OF["dev"])
    server.await_line("registered dev .*")
    packet = struct.pack("!HHHH", ours.port, server.secure_port, 8 + len(HELLO), 0) + HELLO
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for _ in range(3):
            raw.sendto(packet, ("127.0.0.1", 0))
            time.sleep(2.6)  # half of the patience that the server has with silence
    assert server.tell("read dev /3303/0/5700") == (["21.5", "2.05"], 0)


def test_a_forged_client_hello_ends_no_session(tmp_path):
    inside_lab(lambda lab: forge_hellos(tmp_path), BUILD)


def test_a_dtls_session_outlives_hours_of_silence(start, device):
    server = start(*KEYS, "--pcp", "never", "--time-scale", "3600")
    device(server, "dev", "--time-scale", "3600", "--lifetime", "40000")
    server.await_line("registered dev .*")
    time.sleep(3)  # three hours
    assert server.tell("read dev /3303/0/5700") == (["21.5", "2.05"], 0)


# --- the control socket ---


def test_only_the_owner_may_tell(start):
    server = start()
    assert stat.S_IMODE(os.stat(server.control).st_mode) == 0o600


def test_clients_that_hang_or_flood_keep_nobody_out(start):
    server = start()
    hanging = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for client in hanging:
        client.connect(str(server.control))
    assert server.tell("list") == (["2.05"], 0)
    flood = socket.socket(socket.AF_UNIX)
    flood.settimeout(5)
    flood.connect(str(server.control))
    with pytest.raises(OSError):
        for _ in range(1000):
            flood.sendall(b"x" * 4096)
    deaf = socket.socket(socket.AF_UNIX)
    deaf.settimeout(5)
    deaf.connect(str(server.control))
    with pytest.raises(OSError):
        for _ in range(100000):
            deaf.sendall(b"list\n" * 100)
    assert server.tell("list") == (["2.05"], 0)
    for client in (*hanging, flood, deaf):
        client.close()


def test_a_teller_that_goes_does_not_take_the_answer_with_it(start):
    server = start()
    device = server.client()
    register(device)
    tell = server.start_tell("read dev /3/0/0")
    request = device.request()
    tell.kill()
    tell.wait()
    device.answer(request, "2.05", b"late", TEXT)
    server.await_line(r"answer dev /3/0/0 2\.05")
    assert server.tell("list")[1] == 0


def test_several_commands_may_stand_in_one_connection(start):
    server = start()
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(str(server.control))
        control.sendall(b"list\nread dev /3\nlist\n")
        text = b""
        while text.count(b"\n") < 3:
            text += control.recv(4096)
    assert text.decode().splitlines() == ["= 2.05", "= dev is not registered", "= 2.05"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--pcp", "sometimes"], "--pcp: expected when-needed, always or never, got 'sometimes'"),
        (["--psk", "nokey"], "expected IDENTITY:HEXKEY"),
        (["--psk", "dev:xyz"], "the key of dev: expected 1 to 64 octets as hex digits"),
        (["--identity", "dev"], "--identity and --key go together"),
        (["--capacity", "0"], "--capacity: expected a number from 1 to 1000000, got '0'"),
    ],
)
def test_settings_that_mean_nothing_are_refused_in_words(arguments, said):
    done = subprocess.run(
        [BUILD / "pinhole-lwm2m-server", "--port", str(free_port()), *arguments],
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 2 and said in done.stderr


def test_a_socket_that_can_not_be_is_told(tmp_path):
    nowhere = tmp_path / "nowhere/control"
    done = subprocess.run(
        [BUILD / "pinhole-lwm2m-server", "--port", str(free_port()), "--control", nowhere],
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 1 and f"could not listen at {nowhere}" in done.stderr
