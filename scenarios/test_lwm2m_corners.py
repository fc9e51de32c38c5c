"""Corners that pinhole-lwm2m-device must not get lost in: what a stranger, a careless server or a silent gateway brings
it to. A test plays all three, by hand.
"""

import socket
import time

import pytest
from coap_wire import (
    ACCEPT,
    ACK,
    BLOCK1,
    CON,
    CONTENT_FORMAT,
    DELETE,
    GET,
    OBSERVE,
    OTHER_VERSIONS,
    POST,
    PUT,
    RST,
    Client,
    Message,
    path_options,
)
from test_device import GATEWAY, Gateway, sealed
from test_lwm2m_device import AT, ENABLED, PCP, TEXT, mapped, registered, text_tlv

IF_MATCH, IF_NONE_MATCH = 1, 5
BEGIN, END = [(OBSERVE, b"")], [(OBSERVE, b"\x01")]


def number(resource, value):
    """TLV of an integer resource."""
    octets = value.to_bytes(4, "big", signed=True)
    return bytes([0xC4, resource]) + octets


def hear_notification(server, seconds=10):
    """The next one, acknowledged; what the device asks meanwhile is answered."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = server.waiting.pop(0) if server.waiting else server.hear()
        if message.code == POST:
            server.answer(message, "2.04")
        elif message.number(OBSERVE) is not None:
            if message.kind == CON:
                server.send(Message(ACK, 0, message.mid))
            return message
    raise AssertionError("no notification")


# --- observing ---------------------------------------------------------------------------------------


@sealed
def test_in_queue_mode_a_device_wakes_up_to_notify():
    server, program = registered("--binding", "UQ", "--time-scale", 100, "--lifetime", 86400, "--temperature", 20)
    assert server.ask(GET, "/3303/0/5700", options=BEGIN).number(OBSERVE) is not None
    assert server.ask(PUT, "/3303/0/5700", ["pmax=300"]).text == "2.04"
    program.await_line("asleep")
    program.await_line("awake")
    assert hear_notification(server).text == "2.05"
    program.await_line("asleep")


@sealed
def test_the_server_object_has_periods_for_what_has_none_of_its_own():
    server, _ = registered("--temperature", 20)
    assert server.write("/1/0", number(3, 1)).text == "2.04"  # Default Maximum Period
    assert server.ask(GET, "/3303/0/5700", options=BEGIN).number(OBSERVE) is not None
    assert hear_notification(server).text == "2.05"
    assert server.write("/1/0", number(3, -1)).text == "2.04"  # no period at all
    assert server.hears_nothing(1.5)


@sealed
def test_only_some_strangers_may_observe():
    registered("--open-read", "--temperature", 20)
    strangers = [Client(AT, GATEWAY) for _ in range(9)]
    begun = [stranger.ask(GET, "/3303/0/5700", options=BEGIN) for stranger in strangers]
    assert [answer.text for answer in begun] == 8 * ["2.05"] + ["5.03"]
    assert strangers[0].ask(GET, "/3303/0/5700", options=BEGIN).text == "2.05"  # again
    assert strangers[8].ask(GET, "/3303/0/5700").text == "2.05"  # to read is free


@sealed
def test_strangers_that_observe_no_more_make_room_for_others():
    registered("--open-read", "--temperature", 20)
    for _ in range(8):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            handle.bind((GATEWAY, 0))
            handle.settimeout(5)
            for mid, observe in enumerate((BEGIN, END)):
                request = Message(CON, GET, mid, b"t", observe + path_options("/3303/0/5700"))
                handle.sendto(request.pack(), AT)
                assert Message.unpack(handle.recv(2048)).text == "2.05"
    for _ in range(120):  # more than are remembered
        passing = Client(AT, GATEWAY)
        assert passing.ask(GET, "/status").text == "2.05"
        passing.close()
    assert Client(AT, GATEWAY).ask(GET, "/3303/0/5700", options=BEGIN).text == "2.05"


@sealed
def test_strangers_do_not_put_off_what_the_server_is_to_be_told():
    server, _ = registered("--open-read", "--temperature", 20)
    assert server.ask(GET, "/3303/0/5700", options=BEGIN).number(OBSERVE) is not None
    assert server.ask(PUT, "/3303/0/5700", ["pmax=2"]).text == "2.04"
    stranger = Client(AT, GATEWAY)
    server.socket.settimeout(0.2)
    for _ in range(20):
        assert stranger.ask(GET, "/3303/0/5700", options=BEGIN).code
        try:
            assert server.hear().text == "2.05"
            return
        except socket.timeout:
            pass
    raise AssertionError("the server was told nothing in twice its longest period")


# --- requests ----------------------------------------------------------------------------------------


@sealed
def test_a_condition_is_not_passed_over():
    server, _ = registered("--lifetime", 300)
    for condition in ((IF_MATCH, b"tag"), (IF_MATCH, b""), (IF_NONE_MATCH, b"")):
        options = [condition, (CONTENT_FORMAT, b"")]
        assert server.ask(PUT, "/1/0/1", options=options, payload=b"77").text in ("4.02", "4.12")
    assert server.read("/1/0/1").payload == b"300"


@sealed
def test_strangers_do_not_take_the_room_of_a_servers_blocks():
    server, _ = registered("--open-read")
    part = "2001:db8::1".ljust(32, "0").encode()
    options = [(CONTENT_FORMAT, b""), (BLOCK1, b"\x08")]
    assert server.ask(PUT, f"{PCP}/9", options=options, payload=part[:16]).text == "2.31"
    for _ in range(20):
        stranger = Client(AT, GATEWAY)
        stranger.ask(GET, "/3303/0/5700", options=[(BLOCK1, b"\x08"), (ACCEPT, b"")], payload=part[:16])
        stranger.close()
    options = [(CONTENT_FORMAT, b""), (BLOCK1, b"\x10")]
    assert server.ask(PUT, f"{PCP}/9", options=options, payload=part[16:]).text == "4.00"  # whole, and no address


@sealed
def test_a_block_of_nothing_is_nothing():
    server, program = registered()
    options = [(CONTENT_FORMAT, b""), (BLOCK1, b"\x08")]
    assert server.ask(PUT, f"{PCP}/9", options=options).text == "2.31"
    assert server.ask(PUT, f"{PCP}/9", options=[(CONTENT_FORMAT, b""), (BLOCK1, b"\x10")]).code
    assert program.process.poll() is None


@sealed
def test_resets_of_strangers_are_not_talked_about():
    _, program = registered()
    stranger = Client(AT, GATEWAY)
    for mid in range(50):
        stranger.send(Message(RST, 0, mid))
    assert stranger.ask(GET, "/status").text == "2.05"
    assert program.end()[2] == ""


@sealed
def test_messages_of_another_version_are_silently_ignored():
    registered()
    stranger = Client(AT, GATEWAY)
    for octets in OTHER_VERSIONS:
        stranger.socket.sendto(octets, AT)
    assert stranger.ask(GET, "/status").text == "2.05"
    assert not stranger.waiting  # RFC 7252 section 3: none of those was answered


# --- mappings ----------------------------------------------------------------------------------------


@sealed
def test_all_ports_of_another_host_are_asked_for_as_port_0():
    gateway = Gateway()
    server, _ = registered()
    assert server.write(PCP, ENABLED + number(6, 0) + text_tlv(10, "10.0.0.9")).text == "2.04"
    server.execute(f"{PCP}/1")
    request = gateway.receive()
    assert (request.octets[36], request.internal_port) == (0, 0)  # RFC 6887 section 11.1


@sealed
def test_a_device_is_no_third_party_to_itself():
    gateway = Gateway()
    server, _ = registered()
    assert server.write(PCP, ENABLED + number(5, 5683) + text_tlv(10, GATEWAY)).text == "2.04"
    server.execute(f"{PCP}/1")
    request = gateway.receive()
    assert request.sender[0] == GATEWAY  # which is here an address of the device
    assert len(request.octets) == 60  # without THIRD_PARTY: RFC 6887 section 13.1


WAYS_TO_LOSE = {
    "disabled": lambda server: server.write(PCP, bytes.fromhex("c10400")),
    "deleted": lambda server: server.ask(POST, f"{PCP}/16"),
    "another port": lambda server: (server.write(PCP, number(5, 7000)), server.ask(POST, f"{PCP}/1"))[1],
    "another server": lambda server: (server.write(PCP, text_tlv(9, "10.0.0.77")), server.ask(POST, f"{PCP}/1"))[1],
}


@pytest.mark.parametrize("how", WAYS_TO_LOSE)
def test_a_fresh_port_whose_mapping_is_not_wanted_any_more_loses_no_registration(how):
    @sealed
    def test():
        gateway = Gateway()
        server, program = registered()
        mapped(server, gateway)
        port = server.move(program)
        assert WAYS_TO_LOSE[how](server).text == "2.04"
        server.update()
        assert server.server == (AT[0], port)
        server.execute("/1/0/8")
        server.update()
        assert server.read("/3/0/0", TEXT).payload == b"pinhole"

    test()


@sealed
def test_an_instance_that_goes_while_its_fresh_port_waits_loses_no_registration():
    gateway = Gateway()
    server, program = registered()
    mapped(server, gateway)
    port = server.move(program)
    assert server.ask(DELETE, PCP).text == "2.02"
    assert server.update().payload  # tells of the objects that are left
    assert server.server == (AT[0], port)
