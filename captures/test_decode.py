"""pinhole decode: what it prints, and what it says about files that it can't read."""

import json
import os
import subprocess

import pytest

import octets as o
from capture import START, Packet

GET = bytes.fromhex("40 01 1267 b6") + b"status"
UNSUPP_VERSION = bytes.fromhex("01 81 00 01")


def datagrams():
    return [
        o.udp(("11.0.0.2", 5683), ("11.0.0.1", 40000), GET),
        o.udp(("192.168.1.1", 5351), ("192.168.1.10", 40001), UNSUPP_VERSION),
        o.udp(("192.168.1.1", 53), ("192.168.1.10", 40001), b"nothing to decode"),
        o.udp(("11.0.0.2", 7777), ("11.0.0.1", 40000), GET),
    ]


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "some.pcapng"
    packets = [Packet(START + i * 500_000_000, 0, 0, octets)
               for i, octets in enumerate(datagrams())]
    path.write_bytes(o.pcapng(packets, [("gateway:wan", o.RAW)]))
    return path


def decode(*arguments, **options):
    program = os.path.join(os.environ["PINHOLE_BUILD"], "pinhole")
    return subprocess.run([program, "decode", *map(str, arguments)], capture_output=True,
                          text="input" not in options, check=False, **options)


def test_each_message_is_a_line(capture):
    done = decode(capture)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "1 0.000000 gateway:wan 11.0.0.2:5683 > 11.0.0.1:40000 CON GET /status [mid 4711]",
        "2 0.500000 gateway:wan 192.168.1.1:5351 > 192.168.1.10:40001 "
        "version 1 MAP response UNSUPP_VERSION [version is not 2 (section 9)]",
        # CoAP on a port that was seen to speak it
        "4 1.500000 gateway:wan 11.0.0.2:7777 > 11.0.0.1:40000 CON GET /status [mid 4711]",
    ]


def test_json_is_one_object_with_every_field(capture):
    done = decode(capture, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["packets"] == 4
    assert [message["frame"] for message in result["messages"]] == [1, 2, 4]
    assert result["messages"][1] == {
        "frame": 2, "time": 0.5, "interface": "gateway:wan", "source": "192.168.1.1:5351",
        "destination": "192.168.1.10:40001", "protocol": "PCP",
        "summary": "version 1 MAP response UNSUPP_VERSION [version is not 2 (section 9)]",
        "fields": {"version": 1, "response": True, "opcode": 1, "opcode_name": "MAP",
                   "result": 1, "result_name": "UNSUPP_VERSION",
                   "fault": "version is not 2 (section 9)"},
    }


def test_a_capture_comes_by_a_pipe_too(capture):
    done = decode("-", "--json", input=capture.read_bytes())
    assert done.returncode == 0
    assert json.loads(done.stdout)["packets"] == 4


def test_what_comes_before_the_damage_is_shown(capture):
    octets = capture.read_bytes()
    capture.write_bytes(octets[:-5])
    done = decode(capture, "--json")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and str(capture) in done.stderr
    result = json.loads(done.stdout)
    assert result["packets"] == 3
    assert [message["frame"] for message in result["messages"]] == [1, 2]


def test_a_capture_without_messages_is_nothing_to_do(tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(o.pcap([], o.RAW))
    done = decode(path, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (4, {"messages": [], "packets": 0})


@pytest.mark.parametrize("octets", [b"", b"# a README file", b"\x0a\x0d\x0d\x0a"])
def test_what_is_no_capture_is_told_in_one_line(tmp_path, octets):
    path = tmp_path / "other"
    path.write_bytes(octets)
    done = decode(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"pinhole decode: {path}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["--jsn", "a"], ["a", "b"]])
def test_wrong_arguments_show_the_usage(arguments):
    done = decode(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: pinhole decode CAPTURE [--json]\n"
