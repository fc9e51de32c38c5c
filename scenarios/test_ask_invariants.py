"""The reference gateway under any request that `pinhole ask` can send: each is answered as RFC 6887 section
8.2 has it, or met with the silence that it allows.

The gateway serves the loopback of a namespace of its own, without a NAT behind it.
"""

import os
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asking import address, ask, header, map_data, option, peer_data
from conftest import BUILD

CLIENT, GATEWAY = "192.168.1.10", "192.168.1.1"
START = f"""
ip link set lo up && ip address add {GATEWAY}/24 dev lo && ip address add {CLIENT}/32 dev lo &&
exec {BUILD}/pinhole-gateway --backend none --inside lo --external 11.0.0.1 11.0.0.2 \
    --third-party yes --third-party-clients {CLIENT}/32
"""
UNSUPP_VERSION, MALFORMED_REQUEST, UNSUPP_OPCODE, MALFORMED_OPTION, ADDRESS_MISMATCH = 1, 3, 4, 6, 12
NOT_PARSED = {UNSUPP_VERSION, MALFORMED_REQUEST, UNSUPP_OPCODE, MALFORMED_OPTION}
LAST_RESULT = 13
NONCES = [bytes(12), bytes(range(12))]  # few, so that requests meet each other's mappings


class Gateway:
    def __init__(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PINHOLE_")}
        self.process = subprocess.Popen(
            ["unshare", "-Urn", "sh", "-c", START], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert "ready" in self.process.stdout.readline()
        self.inside = ["nsenter", f"--target={self.process.pid}", "--user", "--net", "--preserve-credentials"]
        self.epoch = 0

    def ask(self, octets, answered):
        """The answer to these octets, or None. Only a silence that must be is not waited for long."""
        wait = ["--timeout", 10] if answered else ["--once", "--timeout", 0.05]
        asked = ask(
            "raw",
            "-",
            "--server",
            GATEWAY,
            "--source",
            CLIENT,
            "--json",
            "--initial",
            3,
            *wait,
            into=self.inside,
            input=octets,
        )
        assert self.process.poll() is None, "the gateway ended"
        assert asked.err == ""
        (answer,) = asked.answers
        others = asked.json["asked"][0]["others"]
        assert others == [] or not answered
        if others:
            return bytes.fromhex(others[0]["octets"])
        return answer


@pytest.fixture(scope="module")
def gateway():
    gateway = Gateway()
    yield gateway
    gateway.process.terminate()
    assert gateway.process.wait(10) == 0


number8, number16 = st.integers(0, 255), st.integers(0, 65535)
addresses = st.one_of(
    st.sampled_from([CLIENT, "192.168.1.77", "0.0.0.0", "::", "11.0.0.1"]), st.ip_addresses().map(str)
)
ports = st.one_of(st.sampled_from([0, 5683, 40000]), number16)
lifetimes = st.sampled_from([0, 1, 120, 7200, 2**32 - 1])


@st.composite
def options(draw):
    filters = st.tuples(
        st.just(3),
        st.builds(
            lambda bits, port, prefix: bytes([0, bits]) + port.to_bytes(2, "big") + address(prefix),
            st.sampled_from([0, 96, 128, 200]),
            ports,
            addresses,
        ),
    )
    code, data = draw(
        st.one_of(
            st.tuples(st.just(1), addresses.map(address)),
            st.tuples(st.just(2), st.just(b"")),
            filters,
            st.tuples(number8, st.binary(max_size=24)),
        )
    )
    return option(code, data)


@st.composite
def well_formed(draw):
    """A request of version 2 with whole data, and any options."""
    opcode = draw(st.sampled_from([0, 1, 1, 1, 2, 2]))
    octets = header(opcode, draw(lifetimes), draw(st.sampled_from([CLIENT] * 7 + ["10.9.9.9"])))
    if opcode:
        octets += map_data(
            draw(st.sampled_from(NONCES)),
            draw(ports),
            draw(st.sampled_from([17, 6, 0, 132])),
            draw(ports),
            draw(addresses),
        )
    if opcode == 2:
        octets = octets[:24] + peer_data(octets[24:], draw(addresses), draw(ports))
    return octets + b"".join(draw(st.lists(options(), max_size=3)))


@st.composite
def damaged(draw):
    """Such a request with octets changed, then cut or prolonged."""
    octets = bytearray(draw(well_formed()))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(number8)
    length = draw(st.one_of(st.just(len(octets)), st.integers(0, 1200)))
    return bytes(octets[:length]) + bytes(max(0, length - len(octets)))


anything = st.one_of(st.binary(max_size=80), st.binary(max_size=1198).map(lambda rest: b"\2\1" + rest))


def must_be_silent(octets):
    """Section 8.2: too short, a response, or a header cut short. NAT-PMP: RFC 6886 section 3.5."""
    if len(octets) < 2 or octets[1] & 0x80:
        return True
    return octets[0] == 2 and len(octets) < 24


def natpmp_may_be_silent(octets):
    """Of a request cut short RFC 6886 says nothing."""
    return octets[0] == 0 and octets[1] in (1, 2) and len(octets) < 12


def hold(gateway, octets):
    """Asks, and looks at whatever comes back."""
    silent = must_be_silent(octets) or natpmp_may_be_silent(octets)
    answer = gateway.ask(octets, not silent)
    if silent:
        assert answer is None or natpmp_may_be_silent(octets)
        return
    assert answer is not None
    if octets[0] == 0:
        hold_natpmp(gateway, octets, answer)
    else:
        hold_pcp(gateway, octets, answer)


def hold_epoch(gateway, seconds):
    assert gateway.epoch <= seconds <= gateway.epoch + 600
    gateway.epoch = seconds


def hold_natpmp(gateway, octets, answer):
    assert answer[:2] == bytes([0, 0x80 | octets[1]])
    assert int.from_bytes(answer[2:4], "big") <= 5
    if len(answer) >= 8 and octets[1] <= 2:
        hold_epoch(gateway, int.from_bytes(answer[4:8], "big"))


def hold_pcp(gateway, octets, answer):
    """Sections 7.2 and 8.2."""
    result = answer[3]
    copied = octets[:1100] + bytes(-len(octets[:1100]) % 4)
    assert len(answer) % 4 == 0 and 24 <= len(answer) <= 1100
    assert answer[:3] == bytes([2, 0x80 | octets[1], 0])
    assert result <= LAST_RESULT
    # Section 7.2: what was not parsed comes back in place of the reserved bits.
    assert answer[12:24] == (copied[12:24].ljust(12, b"\0") if result in NOT_PARSED else bytes(12))
    hold_epoch(gateway, int.from_bytes(answer[8:12], "big"))
    if octets[0] != 2:
        assert result == UNSUPP_VERSION
        return
    assert result != UNSUPP_VERSION
    if len(octets) > 1100 or len(octets) % 4 or len(octets) < 24 + {0: 0, 1: 36, 2: 56}.get(octets[1], 0):
        assert result == MALFORMED_REQUEST
    elif octets[8:24] != address(CLIENT):
        assert result == ADDRESS_MISMATCH or (result == UNSUPP_OPCODE and octets[1] > 2)
    elif octets[1] > 2:
        assert result == UNSUPP_OPCODE
    if result:
        assert answer[24:] == copied[24:]
    elif octets[1]:
        assert answer[24:40] == octets[24:36] + octets[36:37] + bytes(3)  # nonce, protocol, reserved
        assert answer[40:42] == octets[40:42]  # internal port


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(well_formed(), well_formed(), damaged(), anything))
@example(b"")
@example(b"\2\1")
@example(b"\3\0")
@example(b"\2\x81" + bytes(58))
@example(header(1, 0, CLIENT) + b"\0")
@example(header(1, 0, CLIENT) + bytes(1077))
@example(header(1, 0, CLIENT) + bytes(1076))
@example(header(99, 0, CLIENT))
@example(b"\0\0")
@example(b"\0\3")
@example(b"\0\1" + bytes(10))
def test_every_request_is_answered_by_section_8_2_or_met_with_silence(gateway, octets):
    hold(gateway, octets)
