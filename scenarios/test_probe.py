"""pinhole-probe on the loopback interface: who is answered, and what each exit status means."""

import os
import re
import socket
import subprocess

import pytest

PROBE = os.path.join(os.environ.get("PINHOLE_BUILD", "build"), "pinhole-probe")
SOON = 10  # seconds until what must come; nothing waits that long
ANSWERED, SILENCE, FAILED = 0, 1, 2


def send(to, *options):
    return subprocess.run([PROBE, "send", "--to", to, *options], capture_output=True, text=True,
                          timeout=SOON)


def bound(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.bind((address, 0))
    peer.settimeout(SOON)
    return peer


def free_port():
    """A port that was free a moment ago, in both families."""
    with bound("::") as peer:
        return peer.getsockname()[1]


@pytest.fixture
def answering():
    """The port of a probe that answers."""
    port = free_port()
    with subprocess.Popen([PROBE, "answer", "--port", str(port)], stdout=subprocess.PIPE,
                          text=True) as program:
        assert program.stdout.readline() == f"pinhole-probe: ready on port {port}\n"
        try:
            yield port
        finally:
            program.terminate()


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_an_answer_ends_send_with_0(answering, address):
    sent = send(f"{address}:{answering}")
    assert sent.returncode == ANSWERED
    assert sent.stdout == (f"pinhole-probe: sent 1 to {address}:{answering}\n"
                           f"pinhole-probe: answered by {address}:{answering}\n")


def test_an_answer_comes_from_the_address_that_was_asked(answering):
    # The route back would choose 127.0.0.1.
    assert send(f"127.0.0.2:{answering}").returncode == ANSWERED


def test_send_leaves_from_the_port_it_is_told():
    port = free_port()
    with bound() as watcher:
        address = "127.0.0.1:%d" % watcher.getsockname()[1]
        send(address, "--from", f"127.0.0.1:{port}", "--wait", "1", "--text", "hello")
        assert watcher.recvfrom(100) == (b"hello", ("127.0.0.1", port))


def test_silence_ends_send_with_1_after_every_try():
    with bound() as silent:
        sent = send("127.0.0.1:%d" % silent.getsockname()[1], "--count", "3", "--wait", "20")
        assert sent.returncode == SILENCE
        silent.setblocking(False)
        tries = 0
        with pytest.raises(BlockingIOError):
            while silent.recv(100):
                tries += 1
        assert tries == 3


def test_no_try_follows_an_answer(answering):
    sent = send(f"127.0.0.1:{answering}", "--count", "3")
    assert len(re.findall("sent", sent.stdout)) == 1


def test_a_refusal_is_told_and_is_no_answer():
    sent = send(f"127.0.0.1:{free_port()}", "--wait", "100")
    assert sent.returncode == SILENCE
    assert "pinhole-probe: refused: Connection refused\n" in sent.stdout


@pytest.mark.parametrize("from_the_asked, text, status", [
    (True, b"answer: probe", ANSWERED),
    (True, b"probe", SILENCE),
    (False, b"answer: probe", SILENCE),
])
def test_only_a_marked_datagram_of_the_address_asked_is_an_answer(from_the_asked, text, status):
    with bound() as asked, bound() as stranger:
        to = "127.0.0.1:%d" % asked.getsockname()[1]
        with subprocess.Popen([PROBE, "send", "--to", to, "--wait", "300"],
                              stdout=subprocess.DEVNULL) as program:
            _, source = asked.recvfrom(100)
            (asked if from_the_asked else stranger).sendto(text, source)
            assert program.wait(SOON) == status


def test_any_octets_are_answered_behind_the_mark_but_answers_never(answering):
    with bound() as peer:
        peer.connect(("127.0.0.1", answering))
        peer.send(b"answer: mine")  # were it answered, its answer would come first
        for datagram in (b"\0\xff\n", b"", b"answer:", bytes(1192)):
            peer.send(datagram)
            assert peer.recv(2000) == b"answer: " + datagram


def test_a_datagram_too_long_is_answered_cut(answering):
    with bound() as peer:
        peer.connect(("127.0.0.1", answering))
        peer.send(bytes(60000))
        assert peer.recv(2000) == b"answer: " + bytes(1192)


@pytest.mark.parametrize("arguments", [
    [], ["listen"], ["send"], ["answer"], ["answer", "--port", "0"], ["answer", "--port", "65536"],
    ["answer", "--port", "-1"], ["answer", "--port", "5683x"], ["answer", "--port"],
    ["send", "--to", "127.0.0.1"], ["send", "--to", "127.0.0.1:"], ["send", "--to", "::1:5683"],
    ["send", "--to", "example.org:5683"], ["send", "--to", "[127.0.0.1:5683"],
    ["send", "--to", "127.0.0.1:5683", "--from", "[::1]:5683"],
    ["send", "--to", "127.0.0.1:5683", "--text", "x" * 1193],
    ["send", "--to", "127.0.0.1:5683", "--count", "many"],
    ["send", "--to", "127.0.0.1:5683", "more"],
])
def test_bad_arguments_end_with_2_and_the_usage(arguments):
    done = subprocess.run([PROBE, *arguments], capture_output=True, text=True, timeout=SOON)
    assert done.returncode == FAILED
    assert "usage: pinhole-probe send" in done.stderr


def test_a_port_that_is_taken_ends_answer_with_2():
    with bound("::") as holder:
        done = subprocess.run([PROBE, "answer", "--port", str(holder.getsockname()[1])],
                              capture_output=True, text=True, timeout=SOON)
        assert done.returncode == FAILED
        assert "cannot bind the port: Address already in use" in done.stdout
