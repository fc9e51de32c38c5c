"""What the CoAP programs of the house do with hostile messages: a device whose own server has gone mad, and strangers.
Whatever comes, the code is the right one, nothing crashes, nothing changes that was refused, and no registration is lost.

Each test runs in a namespace of its own, like those of test_device.py.
"""

import contextlib
import random

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
    POST,
    PUT,
    URI_QUERY,
    Client,
    Message,
    path_options,
    unsigned,
)
from conftest import BUILD
from lwm2m_programs import libcoap_client
from test_device import GATEWAY, PORT, SERVER_AT, Program, sealed
from test_lwm2m_device import AT, DEVICE, LINK, PCP, SENML_CBOR, SENML_JSON, SERVER_PORT, TEXT, TLV, registered

IPATCH, SIZE1 = 7, 60
CBOR, OPAQUE, UNKNOWN = 60, 42, 50
OBJECTS = ("/1", "/3", "/4", "/3303", "/26887")


def content(number):
    return (CONTENT_FORMAT, unsigned(number))


def block1(number, more, exponent=2):
    return (BLOCK1, unsigned(number << 4 | more << 3 | exponent))


def picture(server):
    """All that the device lets be read, but for what changes by itself: the clock and the thermometer's values."""
    paths = ("/1", "/3/0/0", "/3/0/14", "/3/0/15", "/4/0/0", "/3303/0/5701", "/26887")
    return [(answer.text, answer.payload) for answer in (server.read(path, None) for path in paths)]


def is_well(server, program):
    """It runs, answers, and is registered: an update comes when one is asked for."""
    assert program.process.poll() is None
    server.execute("/1/0/8")
    server.update()


@contextlib.contextmanager
def unmoved(*options):
    """The server of a device that is registered, and behind it still is, well and as it was."""
    server, program = registered(*options)
    before = picture(server)
    yield server
    assert picture(server) == before
    is_well(server, program)


# --- payloads ----------------------------------------------------------------------------------------

MALFORMED = [
    (TLV, "c1"),  # no identifier
    (TLV, "c8 00 ff"),  # 255 octets, of which none is there
    (TLV, "d8 00 ff ff ff"),  # 16 MB
    (TLV, "e8 00"),  # half an identifier
    (TLV, "08 00 03 08 00 00"),  # an instance in an instance
    (TLV, "41 00 01"),  # an instance of no resource
    (TLV, "c3 00 01 02 03"),  # an integer of three octets
    (TLV, "c1 04 02"),  # a boolean that is neither
    (SENML_JSON, b"".hex()),
    (SENML_JSON, b"[".hex()),
    (SENML_JSON, (b"[" * 1000).hex()),
    (SENML_JSON, b'[{"n":"/26887/0/0","v":1e400}]'.hex()),
    (SENML_JSON, b'[{"n":"/26887/0/0","v":1},{"n":"/26887/0/0","v":2}]'.hex()),
    (SENML_JSON, b'[{"n":"/26887/0/0","vs":"60"}]'.hex()),
    (SENML_JSON, b'[{"n":"/26887/0/4","v":1}]'.hex()),
    (SENML_JSON, b'[{"n":"/1/0/1","v":60}]'.hex()),
    (SENML_JSON, b'[{"n":"/26887/0/7","vs":"\xff\xfe"}]'.hex()),
    (SENML_JSON, b'[{"bver":99,"n":"/26887/0/0","v":60}]'.hex()),
    (SENML_CBOR, ""),
    (SENML_CBOR, "9b ff ff ff ff ff ff ff ff"),  # an array of 2^64 - 1 records
    (SENML_CBOR, "81 a2 00 7b ff ff ff ff ff ff ff ff"),  # a name of 2^64 - 1 octets
    (SENML_CBOR, "9f " * 1000),
]


@sealed
def test_a_malformed_payload_is_a_bad_request_and_changes_nothing():
    with unmoved("--lwm2m", "1.1") as server:
        for number, octets in MALFORMED:
            for method in (PUT, POST):
                answer = server.write(PCP, bytes.fromhex(octets), method, number)
                assert answer.text == "4.00", (number, octets[:40], answer.text)


@sealed
def test_a_format_that_is_none_or_can_not_stand_there_is_refused_as_that():
    with unmoved("--lwm2m", "1.1") as server:
        for path in ("/1/0", PCP, f"{PCP}/11"):
            for number in (TEXT, OPAQUE, CBOR, LINK, UNKNOWN, 65535):
                assert server.write(path, b"60", PUT, number).text == "4.15", (path, number)
        assert server.ask(PUT, "/1/0/1", payload=b"60").text == "4.00"  # says no format
        for path in ("/1/0", PCP):
            for number in (TEXT, OPAQUE, CBOR, UNKNOWN, 65535):
                assert server.read(path, number).text == "4.06", (path, number)


# A value, and for each type of a resource whether it is one.
VALUES = [
    (b"60", {"integer"}),
    (b"-1", set()),
    (b"1", {"integer", "boolean"}),
    (b"1.5", set()),
    (b"true", set()),
    (b"", {"string"}),
    (b"9" * 40, {"string"}),
    (b"0x10", set()),
    (b" 1", set()),
    (b"\xff", set()),
    (b"\x00", set()),
]
RESOURCES = {"integer": "/1/0/1", "boolean": "/1/0/6", "string": "/3/0/15"}
STRINGS = {b"-1", b"60", b"1", b"1.5", b"true", b"0x10", b" 1", b"\x00"}


@sealed
def test_values_of_wrong_types_are_bad_requests():
    server, program = registered()
    for value, types in VALUES:
        for kind, path in RESOURCES.items():
            good = kind in types or (kind == "string" and value in STRINGS)
            if kind == "integer" and value == b"-1":
                continue  # which a registration must think about, not the type
            answer = server.write(path, value, PUT, TEXT)
            assert answer.text == ("2.04" if good else "4.00"), (path, value)
            if answer.text == "2.04" and kind == "integer":
                server.update()  # the lifetime changed
    is_well(server, program)


@sealed
def test_a_write_of_many_values_is_done_whole_or_not_at_all():
    with unmoved("--lwm2m", "1.1") as server:
        good = '{"n":"/26887/0/0","v":60}'
        for bad, wanted in (
            ('{"n":"/26887/0/2","v":1}', "4.05"),
            ('{"n":"/26887/0/12","v":3}', "4.00"),
            ('{"n":"/26887/0/9","vs":"gateway"}', "4.00"),
            ('{"n":"/26887/9/0","v":60}', "4.04"),
            ('{"n":"/77/0/0","v":60}', "4.04"),
            ('{"n":"/0/0/0","vs":"coap://11.0.0.66"}', "4.01"),
            ('{"n":"/3/0/0","vs":"x"}', "4.05"),
        ):
            for records in ([good, bad], [bad, good]):
                payload = f"[{','.join(records)}]".encode()
                assert server.write("/", payload, IPATCH, SENML_JSON).text == wanted, bad


@sealed
def test_there_is_an_end_to_instances():
    server, program = registered("--lwm2m", "1.1")
    create = bytes.fromhex("c1003c c10400")
    answers = []
    while not answers or answers[-1].text == "2.01":
        answers.append(server.ask(POST, "/26887", options=[content(TLV)], payload=create))
        if answers[-1].text == "2.01":
            server.update()  # tells the new instance
        assert len(answers) < 100
    assert answers[-1].text == "5.00"
    assert len({answer.location for answer in answers[:-1]}) == len(answers) - 1
    for answer in answers[:-1]:
        assert server.ask(DELETE, answer.location).text == "2.02"
        server.update()
    is_well(server, program)


# --- paths -------------------------------------------------------------------------------------------


@sealed
def test_every_operation_on_what_is_not_there_is_not_found():
    with unmoved("--lwm2m", "1.1") as server:
        for path in ("/77", "/77/0", "/77/0/1", "/3/7", "/3/0/77", "/x", "/3/0/11/7", "/65535/0", "/3/-1"):
            for method in (GET, PUT, POST, DELETE):
                if path in ("/3/0/77", "/3/0/11/7") and method in (DELETE, POST):
                    continue  # no method of resources, or not of their instances
                if path == "/3/0/11/7" and method == PUT:
                    continue  # read-only
                answer = server.ask(method, path, options=[content(TEXT)], payload=b"1")
                assert answer.text == "4.04", (path, method, answer.text)


@sealed
def test_methods_that_do_not_fit_a_path_are_not_allowed():
    with unmoved("--lwm2m", "1.1") as server:
        for method, path in (
            (GET, "/"),
            (PUT, "/"),
            (DELETE, "/"),
            (PUT, "/1"),
            (DELETE, "/1"),
            (DELETE, "/3/0"),
            (DELETE, "/1/0"),
            (DELETE, f"{PCP}/0"),
            (POST, f"{PCP}/11/0"),
            (POST, f"{PCP}/0"),
            (FETCH, "/1/0"),
            (IPATCH, "/1/0"),
            (6, "/1/0"),
            (8, "/1/0"),
            (31, "/1/0"),
        ):
            answer = server.ask(method, path, options=[content(TEXT)], payload=b"1")
            assert answer.text == "4.05", (method, path, answer.text)


@sealed
def test_a_path_or_a_query_without_end_is_refused():
    server, program = registered()
    for options in (
        path_options("/".join(["1"] * 100)),
        path_options("/" + "1" * 250),
        path_options("/3/0", ["x" * 250]),
        path_options("/3/0", ["pmin=1"] * 40),
        path_options("/1/0/1", ["pmin=99999999999999999999"]),
    ):
        answer = server.ask(PUT, "", options=options)
        assert answer.text.startswith("4."), answer.text
    is_well(server, program)


# --- observations and messages that come again ----------------------------------------------------------


@sealed
def test_to_observe_nothing_is_not_found_and_observes_nothing():
    server, program = registered()
    for path, wanted in (("/77/0", "4.04"), ("/3/0/77", "4.04"), ("/3/0/4", "4.05"), ("/0/0", "4.01"), ("/", "4.05")):
        answer = server.ask(GET, path, options=[(OBSERVE, b"")])
        assert (answer.text, answer.number(OBSERVE)) == (wanted, None), path
    answer = server.ask(GET, "/3/0/0", options=[(OBSERVE, b"\x01")])  # takes back what never was
    assert (answer.text, answer.number(OBSERVE)) == ("2.05", None)
    is_well(server, program)


@sealed
def test_an_observation_that_there_is_no_room_for_is_refused_and_its_value_still_read():
    server, program = registered("--lwm2m", "1.1", "--temperature", "21.5")
    found = server.read("/3", LINK).payload + b"," + server.read("/26887", LINK).payload
    paths = [link.partition(b">")[0].strip(b"<").decode() for link in found.split(b",")]
    paths += ["/1", "/1/0", "/1/0/0", "/1/0/1", "/1/0/6", "/1/0/7", "/4", "/4/0", "/3303", "/3303/0"]
    answers = {path: server.ask(GET, path, options=[(OBSERVE, b"")]) for path in paths}
    observed = [path for path, answer in answers.items() if answer.number(OBSERVE) is not None]
    refused = [path for path, answer in answers.items() if answer.text == "5.03"]
    assert len(observed) == 32 and refused
    assert all(answers[path].text == "2.05" for path in observed)
    assert server.read(refused[0], None).text == "2.05"
    assert server.read("/3/0/0").payload == b"pinhole"
    assert program.process.poll() is None


@sealed
def test_a_creation_that_comes_again_is_done_once():
    server, program = registered()
    create = bytes.fromhex("c1003c c10400")
    first = server.ask(POST, "/26887", options=[content(TLV)], payload=create, mid=77)
    again = server.ask(POST, "/26887", options=[content(TLV)], payload=create, mid=77)
    assert (first.text, first.location) == (again.text, again.location) == ("2.01", "26887/1")
    server.update()
    assert server.read("/26887/2").text == "4.04"
    gone = [server.ask(DELETE, "/26887/1", mid=78).text for _ in range(3)]
    assert gone == ["2.02"] * 3
    server.update()
    is_well(server, program)


@sealed
@pytest.mark.parametrize("version, of_1_1", [("1.0", "4.00"), ("1.1", "2.04")])
def test_a_binding_that_the_version_does_not_know_is_refused(version, of_1_1):
    server, program = registered("--lwm2m", version)
    for text in (b"X", b"Q", b"QU", b"UU", b"U,S", b""):
        assert server.write("/1/0/7", text, PUT, TEXT).text == "4.00", text
    assert server.read("/1/0/7", TEXT).payload == b"U"
    assert server.write("/1/0/7", b"UTSN", PUT, TEXT).text == of_1_1
    assert server.write("/1/0/7", b"US", PUT, TEXT).text == "2.04"
    assert server.read("/1/0/7", TEXT).payload == b"US"
    is_well(server, program)


# --- bodies in blocks -----------------------------------------------------------------------------------


@sealed
def test_a_body_that_never_ends_changes_nothing_and_keeps_nobody_out():
    server, program = registered()
    for path in ("/3/0/15", "/3/0/14", f"{PCP}/7", f"{PCP}/9", "/1/0/7", "/1/0/1"):
        options = [content(TEXT), block1(0, 1)]
        assert server.ask(PUT, path, options=options, payload=b"z" * 64).text == "2.31"
    assert server.read("/3/0/15").text == "4.04"
    assert server.write("/3/0/15", b"Europe/Berlin", PUT, TEXT).text == "2.04"
    assert server.read("/3/0/15").payload == b"Europe/Berlin"
    is_well(server, program)


@sealed
def test_blocks_out_of_order_are_incomplete():
    server, program = registered()
    for number in (1, 5, 1000, 0xFFFFF):
        options = [content(TEXT), block1(number, 0)]
        assert server.ask(PUT, "/3/0/15", options=options, payload=b"z" * 64).text == "4.08", number
    first = [content(TEXT), block1(0, 1)]
    assert server.ask(PUT, "/3/0/15", options=first, payload=b"z" * 64).text == "2.31"
    third = [content(TEXT), block1(2, 0)]
    assert server.ask(PUT, "/3/0/15", options=third, payload=b"z" * 64).text == "4.08"
    assert server.read("/3/0/15").text == "4.04"
    is_well(server, program)


@sealed
def test_a_part_of_an_answer_that_is_not_there_is_a_bad_request():
    server, program = registered()
    for number in (100, 0xFFFFF):
        answer = server.ask(GET, "/3", options=[(ACCEPT, unsigned(LINK)), (BLOCK2, unsigned(number << 4 | 2))])
        assert answer.text == "4.00", number
    is_well(server, program)


# The size of a body told late, wrongly, or by halves: number, more to come, the size that is told.
BODIES = [
    [(0, 1, None), (1, 0, None), (0, 1, 128), (1, 0, 128)],
    [(0, 1, 128), (1, 0, 128), (1, 0, 128)],
    [(0, 1, 5), (1, 1, 5), (2, 0, 5)],
    [(0, 1, 1 << 31), (1, 0, 1 << 31)],
    [(0, 1, None), (0, 1, 128), (2, 0, 500000)],
    [(9, 0, 128), (0, 1, 128), (0, 0, 64), (1, 0, 128)],
]
PROGRAMS = {
    "device": (DEVICE, ["--server", f"coap://{SERVER_AT}:{SERVER_PORT}", "--gateway", GATEWAY], "/3/0/15", TEXT),
    "server": (BUILD / "pinhole-lwm2m-server", ["--port", PORT], "/rd", LINK),
    "bootstrap": (
        BUILD / "pinhole-lwm2m-bootstrap",
        ["--port", PORT, "--give-server", f"coap://{SERVER_AT}:{SERVER_PORT}"],
        "/bs",
        LINK,
    ),
    "directory": (BUILD / "pinhole-server", ["--port", PORT], "/rd", LINK),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_sizes_of_bodies_that_are_told_wrongly_do_no_harm(name):
    check_bodies(name)


def check_bodies(name):
    @sealed
    def check():
        path, options, target, number = PROGRAMS[name]
        program = Program(path, *options)
        program.await_line("ready")
        for sequence in BODIES:
            stranger = Client(AT, SERVER_AT)
            for block, more, size in sequence:
                told = [] if size is None else [(SIZE1, unsigned(size))]
                answer = stranger.ask(
                    POST, target, ["ep=a", "lt=300"], [content(number), block1(block, more), *told], b"<" * 64
                )
                assert answer.text, sequence
            stranger.close()
        assert program.process.poll() is None
        assert Client(AT, SERVER_AT).ask(GET, "/.well-known/core").text in ("2.05", "4.05")

    check()


# --- noise ------------------------------------------------------------------------------------------------


def mangled(chance, octets):
    """The octets with a few of them changed, lost or doubled."""
    octets = bytearray(octets)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets))
        how = chance.randrange(4)
        if how == 0:
            octets[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            octets[at] = chance.randrange(256)
        elif how == 2:
            del octets[at:]
        else:
            octets[at:at] = octets[at : at + chance.randrange(1, 9)]
        if not octets:
            break
    return bytes(octets)


@sealed
def test_good_messages_that_were_mangled_on_their_way_are_survived():
    server, program = registered("--lwm2m", "1.1")
    good = [
        (GET, "/3/0", [(ACCEPT, unsigned(TLV))], b""),
        (GET, "/3303/0", [(OBSERVE, b""), (ACCEPT, unsigned(SENML_CBOR))], b""),
        (GET, "/3", [(ACCEPT, unsigned(LINK))], b""),
        (PUT, "/3303/0/5700", [(URI_QUERY, b"pmin=1"), (URI_QUERY, b"gt=1.5")], b""),
        (PUT, "/3/0/15", [content(TEXT)], b"Europe/Berlin"),
        (POST, PCP, [content(TLV)], bytes.fromhex("c20010e0 c10400 880b08 4600 616263646566")),
        (POST, PCP, [content(SENML_JSON)], b'[{"bn":"/26887/0/","n":"0","v":60},{"n":"4","vb":false}]'),
        (POST, "/26887", [content(TLV)], bytes.fromhex("0606 c1003c c10400")),
        (IPATCH, "/", [content(SENML_JSON)], b'[{"n":"/26887/0/0","v":61}]'),
        (FETCH, "/", [content(SENML_JSON)], b'[{"n":"/3/0/0"},{"n":"/1"}]'),
        (PUT, "/3/0/14", [content(TEXT), block1(0, 1)], b"z" * 64),
    ]
    chance = random.Random(6887)
    for mid in range(3000):
        method, path, options, payload = chance.choice(good)
        kind = chance.choice((CON, NON))
        message = Message(kind, method, mid, b"tk", path_options(path) + options, payload)
        server.socket.sendto(mangled(chance, message.pack()), AT)
    stranger = Client(AT, GATEWAY, seconds=20)
    assert stranger.ask(GET, "/status").payload == b"alive"
    assert program.process.poll() is None


# --- a client of others -----------------------------------------------------------------------------------


@sealed
def test_strangers_with_libcoaps_client_get_nothing_done():
    with unmoved() as server:
        at = f"coap://{SERVER_AT}:{PORT}"
        for words in (
            ("-m", "get", f"{at}/3/0"),
            ("-m", "get", "-s", "1", f"{at}/3303/0/5700"),
            ("-m", "put", "-t", "0", "-e", "60", f"{at}/1/0/1"),
            ("-m", "put", "-t", "11542", "-e", "%c1%00%3c", f"{at}{PCP}"),
            ("-m", "post", f"{at}{PCP}/1"),
            ("-m", "post", f"{at}/3/0/4"),
            ("-m", "delete", f"{at}{PCP}"),
            ("-m", "get", f"{at}/77/7/7"),
            ("-m", "post", "-b", "64", "-e", "z" * 500, f"{at}/3/0/15"),
        ):
            assert "4.01" in libcoap_client(*words), words
        assert "alive" in libcoap_client("-m", "get", f"{at}/status")
