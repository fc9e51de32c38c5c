"""`pinhole ask` against servers that a test plays: what counts as an answer, what it tells, how it ends."""

import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asking import ALIVE, Server, answer, ask, bound, header, option
from conftest import PINHOLE, validate

MAP = ("map", "--internal-port", "5683", "--nonce", "000102030405060708090a0b")
SOON = ("--timeout", 0.3)
SEALED = ("unshare", "-Urn")  # a namespace without any network: whatever is asked reaches nobody
LOOPBACK = (*SEALED, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
NATPMP_UNSUPPORTED_VERSION = bytes.fromhex("0000000100000007")
END = NATPMP_UNSUPPORTED_VERSION  # answers whatever is asked, so that nothing has to wait


def replies(*answers):
    """To each request the same datagrams; a function makes one from the request."""
    return lambda request, number: [a(request) if callable(a) else a for a in answers]


def asked(server, *words):
    return ask(*words, "--server", server.name, "--json")


# --- what is an answer, and what it means for the exit code --------------------------------------------


@pytest.mark.parametrize(
    "words, reply, code",
    [
        ((), answer, 0),
        (MAP, answer, 0),
        (MAP, lambda request: answer(request, result=8), 1),
        (MAP, lambda request: answer(request, result=77), 1),
        # Another version: section 9, and appendix A for NAT-PMP's.
        (("--version", "3"), lambda request: answer(request, result=1, at0=b"\2"), 1),
        (MAP, lambda request: answer(request, result=1)[:4], 1),
        (MAP, NATPMP_UNSUPPORTED_VERSION, 1),
        (("--version", "1"), answer, 0),
        # What is broken in the request comes back broken in an error.
        ((*MAP, "--length", "25"), lambda request: answer(request, result=3), 1),
        ((*MAP, "--length", "28"), lambda request: answer(request, result=3), 1),
        (("--opcode", "99"), lambda request: answer(request, result=4), 1),
        ((*MAP, "--length", "1101"), lambda request: answer(request, result=3), 1),
        (("natpmp-address",), bytes.fromhex("008000000000000901020304"), 0),
        (("natpmp-address",), bytes.fromhex("008000030000000900000000"), 1),
        (("natpmp-map", "--internal-port", "5683"), bytes.fromhex("00810000000000091633163400000e10"), 0),
        (("raw", "0000"), bytes.fromhex("008000000000000901020304"), 0),
    ],
)
def test_an_answer_ends_it_with_0_if_it_says_success(words, reply, code):
    with Server(replies(reply)) as server:
        told = asked(server, *words)
    assert (told.code, told.err) == (code, "")
    assert told.answers == [reply(server.received[0]) if callable(reply) else reply]
    assert told.json["result"] == ["success", "error"][code]
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "words, reply, why",
    [
        (MAP, b"", "shorter than 2"),
        (MAP, b"\2", "shorter than 2"),
        (MAP, b"\2\x81\0", "shorter than 2 octets, or 4"),
        (MAP, lambda request: request, "a request"),
        (MAP, lambda request: answer(request)[:23], "shorter than the 24"),
        (MAP, lambda request: answer(request)[:28], "too short"),
        (MAP, lambda request: answer(request)[:58], "not a multiple of 4"),
        (MAP, lambda request: answer(request) + bytes(1044), "longer than 1100"),
        (MAP, lambda request: answer(request, at0=b"\3"), "another version"),
        (MAP, lambda request: answer(request, at1=b"\x82"), "another opcode"),
        (MAP, lambda request: answer(request, at35=b"\0"), "another nonce"),
        (MAP, lambda request: answer(request, at36=b"\6"), "another protocol"),
        (MAP, lambda request: answer(request, at40=b"\0"), "another internal port"),
        (
            ("peer", "--internal-port", "1", "--remote", "1.2.3.4:5"),
            lambda request: answer(request, at60=b"\1"),
            "another remote peer",
        ),
        (
            ("peer", "--internal-port", "1", "--remote", "1.2.3.4:5"),
            lambda request: answer(request, at79=b"\1"),
            "another remote peer",
        ),
        (MAP, bytes.fromhex("008000000000000901020304"), "NAT-PMP, and PCP was asked"),
        (("natpmp-map", "--internal-port", "1"), bytes.fromhex("008000000000000901020304"), "another opcode"),
        (
            ("natpmp-map", "--internal-port", "1"),
            bytes.fromhex("00810000000000090002163400000e10"),
            "another internal port",
        ),
        (("natpmp-map", "--internal-port", "1"), bytes.fromhex("008100000000000900011634"), "too short"),
        (("natpmp-address",), b"\0", "shorter than 2"),
        (("natpmp-address",), b"\0\0", "a request"),
    ],
)
def test_a_datagram_that_is_no_answer_is_told_and_does_not_count(words, reply, why):
    with Server(replies(reply, END)) as server:
        told = asked(server, *words)
    assert (told.code, told.answers) == (1, [END])
    (other,) = told.json["asked"][0]["others"]
    assert why in other["why_not"]


def test_only_the_address_and_port_asked_count_as_the_server():
    def from_elsewhere(request, number):
        for stranger in strangers:
            stranger.sendto(answer(request), server.sources[-1])
        return [END]

    strangers = [bound(), bound("127.0.0.2")]
    with Server(from_elsewhere) as server:
        told = asked(server, *MAP)
        text = ask(*MAP, "--server", server.name)
    others = told.json["asked"][0]["others"]
    names = ["%s:%d" % stranger.getsockname() for stranger in strangers]
    assert told.answers == [END]
    assert [other["from"] for other in others] == names
    assert {other["why_not"] for other in others} == {"not from the server"}
    assert all(f"ignored: from {name}: 60 octets" in text.out for name in names)


def test_an_answer_counts_after_whatever_else_came():
    with Server(replies(b"", b"\2" * 2000, lambda request: answer(request, at35=b"\0"), answer)) as server:
        told = asked(server, *MAP)
    assert told.code == 0
    assert [other["length"] for other in told.json["asked"][0]["others"]] == [0, 2000, 60]


def test_it_listens_on_behind_the_answer_if_it_is_asked_to():
    def twice(request, number):
        return [answer(request), answer(request, epoch=1)]

    with Server(twice) as server:
        told = asked(server, *MAP, "--listen", 1)
    assert [other["why_not"] for other in told.json["asked"][0]["others"]] == ["a further answer"]


# --- when it is sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, first, least",
    [
        (MAP, 0.05, 1.8),  # RT = (1 + RAND) * 2 * RTprev, RAND at least -0.1 (RFC 6887 section 8.1.1)
        (("natpmp-address",), 0.05, 2),  # doubled (RFC 6886 section 3.1)
    ],
)
def test_it_retransmits_the_same_octets_after_ever_longer_times(words, first, least):
    def third(request, number):
        return [answer(request) if words is MAP else bytes.fromhex("008000000000000901020304")] * (
            number == 2
        )

    with Server(third) as server:
        told = asked(server, *words, "--initial", first)
    start, again, then = told.json["asked"][0]["transmissions"][:3]
    assert told.code == 0
    assert len(set(server.received)) == 1
    assert again - start >= 0.9 * first
    assert then - again >= 0.9 * first * least
    assert told.json["asked"][0]["answer"]["seconds"] >= then


@pytest.mark.parametrize("words, initial", [(MAP, 3), (("natpmp-address",), 0.25)])
def test_its_first_retransmission_is_the_one_of_the_rfc(words, initial):
    with Server() as server:
        told = asked(server, *words, "--timeout", 1.3 * initial)
    start, again = told.json["asked"][0]["transmissions"][:2]
    assert again - start >= 0.9 * initial


def test_asking_once_is_asking_once():
    with Server() as server:
        told = asked(server, *MAP, "--once", "--timeout", 0.3, "--initial", 0.05)
    assert (told.code, len(server.received)) == (1, 1)


def test_an_icmp_error_is_told_and_does_not_end_it():
    with bound() as handle:
        port = handle.getsockname()[1]
    told = ask(*MAP, *SOON, "--server", f"127.0.0.1:{port}", "--initial", 0.05, "--json")
    troubles = told.json["asked"][0]["undelivered"]
    assert (told.code, told.json["result"]) == (1, "silence")
    assert troubles[0] == {"text": "Connection refused", "from": "127.0.0.1"}
    assert len(told.json["asked"][0]["transmissions"]) > 1


# --- epochs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "epochs, valid, code",
    [
        ((1000, 1000, 1001), [True, True], 0),
        ((1000, 999), [True], 0),  # one second back is as good as none (section 8.5)
        ((1000, 5), [False], 1),
        ((5, 1000), [False], 1),
        ((1000, 5, 5), [False, True], 1),
    ],
)
def test_epochs_are_checked_by_section_8_5(epochs, valid, code):
    def reply(request, number):
        return [answer(request, epoch=epochs[number])]

    with Server(reply) as server:
        told = asked(server, *MAP, "--count", len(epochs), "--interval", 0, "--epoch-check")
    checks = [told.json["asked"][i]["epoch"] for i in range(1, len(epochs))]
    assert told.code == code
    assert [(c["before"], c["now"], c["valid"]) for c in checks] == list(zip(epochs, epochs[1:], valid))


def test_an_epoch_of_natpmp_may_run_ahead():
    def reply(request, number):
        return [bytes.fromhex("00800000") + bytes([0, 0, 0, 99 * number]) + bytes(4)]

    with Server(reply) as server:
        told = asked(server, "natpmp-address", "--epoch-check", "--interval", 0)
    assert (told.code, told.json["asked"][1]["epoch"]["valid"]) == (0, True)


@pytest.mark.parametrize("count, answered", [(1, 1), (2, 1), (2, 0)])
def test_an_epoch_check_without_two_epochs_fails(count, answered):
    with Server(lambda request, number: [answer(request)] * (number < answered)) as server:
        told = asked(server, *MAP, *SOON, "--epoch-check", "--interval", 0, "--count", count)
    assert told.code == 1


def test_the_worst_of_several_results_counts():
    with Server(lambda request, number: [answer(request, result=8 * (number == 1))]) as server:
        told = asked(server, *MAP, "--count", 3, "--interval", 0)
    assert told.code == 1
    assert [one["result"] for one in told.json["asked"]] == ["success", "error", "success"]
    assert told.json["result"] == "error"


# --- hostile answers ----------------------------------------------------------------------------------------


@st.composite
def mangled(draw):
    """An answer to the request with some octets changed, cut or added."""
    request = header(1, 0, "127.0.0.1") + bytes(36) + option(draw(st.integers(0, 255)), bytes(20))
    octets = bytearray(answer(request)[: draw(st.integers(0, 84))] + draw(st.binary(max_size=30)))
    for _ in range(draw(st.integers(0, 3))):
        if octets:
            octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets)


datagrams = st.one_of(st.binary(max_size=1200), mangled(), mangled().map(lambda m: b"\0" + m[1:]))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(datagrams, max_size=4))
@example([bytes(65507)])
@example([b"\2\x81" + bytes(22) + b"\x80" * 41000])
def test_any_datagrams_come_out_as_whole_json_in_time(flood):
    with Server(replies(*flood)) as server:
        told = asked(
            server,
            "map",
            "--internal-port",
            0,
            "--nonce",
            "00" * 12,
            "--protocol",
            0,
            "--once",
            "--timeout",
            0.05,
        )
        text = ask("--server", server.name, "--once", "--timeout", 0.02, "--hex")
    assert told.code in ALIVE and text.code in ALIVE, told.err + text.err
    validate("ask", told.json)
    assert text.out.isprintable() or set(filter(lambda c: not c.isprintable(), text.out)) == {"\n"}


def test_a_flood_is_counted_but_not_told_whole():
    with Server(lambda request, number: [b"\2" * 1000] * 500) as server:
        told = asked(server, *MAP, "--once", "--timeout", 1)
    one = told.json["asked"][0]
    assert (told.code, len(one["others"])) == (1, 64)
    assert one["untold"] > 0


# --- what it shows -------------------------------------------------------------------------------------------


def test_json_is_as_its_schema_says():
    with Server(lambda request, number: [answer(request), b"x"]) as server:
        told = asked(server, *MAP, "--third-party", "10.0.0.1", "--count", 2, "--interval", 0.1)
    validate("ask", told.json)
    validate("ask", ask(*MAP, *SOON, "--server", "127.0.0.1:9", "--json").json)


def test_text_shows_every_field_of_both_and_octets_if_asked():
    with Server(replies(lambda request: answer(request, result=6, epoch=77))) as server:
        told = ask(*MAP, "--filter", "198.51.100.7/32:80", "--hex", "--server", server.name)
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    for line in (
        "opcode 1 (MAP)",
        "nonce 000102030405060708090a0b",
        "internal_port 5683",
        "code 3 (FILTER)",
        "remote_address 198.51.100.7",
        "result 6 (MALFORMED_OPTION)",
        "epoch 77",
        "response yes",
        "0000 0201000000001c200000000000000000",
    ):
        assert line in lines, line
    assert "--nonce 000102030405060708090a0b repeats this request" in lines


def test_options_of_later_rfcs_are_shown_with_their_fields():
    described, hostile = b"Front door".hex(), b"\x1b[2J".hex()
    told = ask(
        *MAP, *SOON, "--server", "127.0.0.1:9", "--json",
        "--option", "13:00c0ffee", "--option", f"128:{described}", "--option", f"128:{hostile}",
        "--option", "129:000620010db8012200000000000700010018c0000200", "--option", "130:0064c35001",
        "--option", "130:0064",
    )  # fmt: skip
    realm, text, escape, prefix64, ports, cut = told.json["request"]["fields"]["options"]
    assert (realm["code_name"], realm["data"]) == ("THIRD_PARTY_ID", "00c0ffee")
    assert (text["code_name"], text["text"]) == ("DESCRIPTION", "Front door")
    assert escape["data"] == hostile and "text" not in escape
    assert prefix64["code_name"] == "PREFIX64"
    assert (prefix64["nat64_prefix"], prefix64["nat64_prefix_octets"]) == ("2001:db8:122::", 6)
    assert prefix64["nat64_suffix"] == "000000000007"
    assert prefix64["ipv4_prefixes"] == [{"address": "192.0.2.0", "prefix_length": 24}]
    assert (ports["code_name"], ports["parity"]) == ("PORT_SET", True)
    assert (ports["port_set_size"], ports["first_internal_port"]) == (100, 50000)
    assert cut["code_name"] == "PORT_SET" and "port_set_size" not in cut


def test_the_options_it_lists_are_those_it_takes():
    told = ask("--help")
    assert (told.code, told.err) == (0, "")
    for word in {line.split()[0] for line in told.out.splitlines() if line.startswith("  --")}:
        assert "unknown option" not in ask(word, into=SEALED).err


def test_output_that_cannot_be_written_is_said():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PINHOLE, "ask", "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "pinhole ask: cannot write to standard output\n"


# --- bad arguments -------------------------------------------------------------------------------------------


BAD = {
    "map": "map needs --internal-port",
    "natpmp-map": "natpmp-map needs --internal-port",
    "peer --internal-port 1": "peer needs --remote ADDR:PORT",
    "raw": "raw needs a payload",
    "raw 0": "expected hexadecimal",
    "raw 0g": "expected hexadecimal",
    "raw @/nowhere": "/nowhere: No such file",
    "raw @/": "Is a directory",
    "raw @/dev/zero": "longer than a datagram",
    "raw 00 00": "unexpected argument '00'",
    "announce map": "unexpected argument 'map'",
    "mapp": "expected announce, map, peer",
    "-x": "expected announce, map, peer",
    "--nonsense": "unknown option '--nonsense'",
    "--lifetime": "--lifetime needs a value",
    "--once=1": "--once takes no value",
    "--lifetime -1": "from 0 to 4294967295, got '-1'",
    "--lifetime 4294967296": "from 0 to 4294967295",
    "--lifetime 0x": "from 0 to",
    "--lifetime 1s": "from 0 to",
    "--version 256": "from 0 to 255",
    "--opcode 128": "from 0 to 127",
    "--timeout soon": "expected seconds",
    "--timeout -1": "expected seconds",
    "--timeout nan": "expected seconds",
    "--count 0": "expected 1 or more",
    "--client 10.0.0": "expected an IPv4 or IPv6 address",
    "--nonce 000102030405060708090a0b": "--nonce means nothing to announce",
    "map --internal-port 1 --nonce 00": "expected 12 octets",
    "map --internal-port 1 --nonce 00112233445566778899aabbcc": "at most 12",
    "map --internal-port 1 --remote 1.2.3.4:5": "--remote means nothing to map",
    "map --internal-port 1 --protocol dup": "expected udp, tcp",
    "map --internal-port 1 --filter 10.0.0.0": "expected PREFIX/LENGTH",
    "map --internal-port 1 --filter 10.0.0.0/33": "from 0 to 32",
    "map --internal-port 1 --filter 10.0.0.0/8:": "from 0 to 65535",
    "map --internal-port 1 --option 00": "expected NUMBER:HEX",
    "map --internal-port 1 --option 256:": "from 0 to 255",
    "natpmp-map --internal-port 1 --protocol sctp": "udp and tcp only",
    "natpmp-address --third-party 1.2.3.4": "--third-party means nothing to natpmp-address",
    "raw 00 --version 1": "--version means nothing to raw",
    "peer --internal-port 1 --remote 1.2.3.4": "expected ADDRESS:PORT",
    "--overwrite 24:00": "ends behind the request's 24 octets",
    "--overwrite 99999999999:00": "from 0 to 65507",
    "--trailing " + "00" * 65507: "longer than a datagram",
    "--server 127.0.0.1:0": "nothing can be sent to port 0",
    "--server 127.0.0.1:": "from 0 to 65535",
    "--server [::1": "expected ADDRESS[%INTERFACE][:PORT]",
    "--server [::1]5351": "expected ADDRESS[%INTERFACE][:PORT]",
    "--server example.org": "expected an IPv4 or IPv6 address",
    "--server 0.0.0.0": "0.0.0.0 is nobody's address",
    "--server fe80::1": "say fe80::1%INTERFACE",
    "--server fe80::1%nowhere": "there is no interface 'nowhere'",
    "--server 127.0.0.1 --source ::1": "of the server's family",
    "--server 127.0.0.1 --source 192.0.2.77": "could not send from 192.0.2.77:0",
    "--server 127.0.0.1 --ipv6": "--ipv6 chooses a default router",
}


@pytest.mark.parametrize("words", BAD, ids=lambda words: words[:60])
def test_bad_arguments_get_one_line_and_2(words):
    told = ask("--server", "127.0.0.1:9", *words.split(), into=LOOPBACK)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("pinhole ask: ") and told.err.count("\n") == 1
    assert BAD[words] in told.err


def test_a_port_that_is_taken_is_said():
    with bound() as handle:
        told = ask("--server", "127.0.0.1:9", "--source-port", handle.getsockname()[1])
    assert told.code == 2
    assert "Address already in use" in told.err


def test_without_a_way_out_it_asks_nobody():
    assert "there is no default router; --server" in ask(into=SEALED).err
    assert "there is no default router of IPv6" in ask("--ipv6", into=SEALED).err
    told = ask("--server", "192.0.2.1", into=SEALED)
    assert (told.code, told.err) == (2, "pinhole ask: there is no way to 192.0.2.1: Network is unreachable\n")
