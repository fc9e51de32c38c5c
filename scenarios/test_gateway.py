"""What pinhole-gateway does in the kernel and over restarts: a SUCCESS is a claim, packets are the proof."""

import functools
import os
import socket
import struct
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "harness" / "test"))
from gateway_lab import (  # noqa: E402
    PEER,
    SILENCE,
    arrives,
    await_state,
    filter_option,
    inside_lab,
    is_dropped,
    packed,
    received,
)

EXTERNAL = "11.0.0.1"
NOT_AUTHORIZED, NETWORK_FAILURE, NO_RESOURCES, UNSUPP_PROTOCOL = 2, 7, 8, 9


def in_lab(test):
    @functools.wraps(test)
    def wrapper(tmp_path):
        inside_lab(lambda lab: test(lab, tmp_path), BUILD)

    # pytest shall see the wrapper's own parameter, not those of the test inside.
    del wrapper.__wrapped__
    return wrapper


@in_lab
def test_both_halves_of_a_mapping_use_the_mapped_port(lab, folder):
    lab.start()
    answer = lab.map(5683)
    assert (answer.result, answer.address, answer.source) == (0, EXTERNAL, "192.168.0.1")
    inner = lab.udp("host", "192.168.0.10", 5683)
    remote, other = lab.udp("internet", "11.0.0.2", 7000), lab.udp("internet", "11.0.0.3", 7000)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    inner.sendto(b"out", ("11.0.0.3", 7000))
    assert received(other) == (b"out", (EXTERNAL, answer.port))


@in_lab
def test_a_deleted_mapping_is_dead_at_once_for_flows_that_run_too(lab, folder):
    lab.start()
    answer = lab.map(5683)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    gone = lab.map(5683, 0)
    assert (gone.result, gone.lifetime) == (0, 0)
    assert is_dropped(remote, (EXTERNAL, answer.port), inner)


@in_lab
def test_outbound_traffic_holds_a_deleted_mapping_for_the_idle_time(lab, folder):
    lab.start("--idle", "2", "2", "2")
    answer = lab.map(5683)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(inner, ("11.0.0.2", 7000), remote)
    held = lab.map(5683, 0)
    assert held.result == 0 and 1 <= held.lifetime <= 2
    other = lab.udp("internet", "11.0.0.3", 7000)
    assert arrives(other, (EXTERNAL, answer.port), inner)
    assert await_state(lambda: is_dropped(other, (EXTERNAL, answer.port), inner))


@in_lab
def test_filters_admit_their_peers_alone_and_change_at_once(lab, folder):
    lab.start()
    inner = lab.udp("host", "192.168.0.10", 5683)
    two, three = lab.udp("internet", "11.0.0.2", 7000), lab.udp("internet", "11.0.0.3", 7000)
    # The second overlaps the first, and admits all ports.
    only_two = filter_option("11.0.0.2", 128, 7000) + filter_option("11.0.0.2", 127)
    answer = lab.map(5683, options=filter_option("11.0.0.2", 128, 7000) + filter_option("11.0.0.2", 128))
    assert answer.result == 0
    to = (EXTERNAL, answer.port)
    assert arrives(two, to, inner) and is_dropped(three, to, inner)
    assert lab.map(5683, options=only_two).result == 0  # now 11.0.0.2/31 as well: both pass
    assert arrives(two, to, inner) and arrives(three, to, inner)
    only_three = filter_option("0.0.0.0", 0) + filter_option("11.0.0.3", 128)
    assert lab.map(5683, options=only_three).result == 0
    assert is_dropped(two, to, inner) and arrives(three, to, inner)
    assert lab.map(5683, options=filter_option("0.0.0.0", 0)).result == 0
    assert arrives(two, to, inner)


@in_lab
def test_a_peer_lets_its_remote_in_and_nobody_else(lab, folder):
    lab.start()
    answer = lab.ask(PEER, "192.168.0.10", 6000, 600, remote=("11.0.0.2", 7000))
    assert answer.result == 0
    inner = lab.udp("host", "192.168.0.10", 6000)
    remote, other = lab.udp("internet", "11.0.0.2", 7000), lab.udp("internet", "11.0.0.3", 7000)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    assert is_dropped(other, (EXTERNAL, answer.port), inner)
    inner.sendto(b"out", ("11.0.0.2", 7000))
    assert received(remote) == (b"out", (EXTERNAL, answer.port))


@in_lab
def test_other_flows_leave_from_a_peers_port_until_the_last_mapping_there_has_ended(lab, folder):
    lab.start("--minimum-lifetime", "1")
    answer = lab.ask(PEER, "192.168.0.10", 6000, 2, remote=("11.0.0.2", 7000))
    assert (lab.map(6000).port, lab.map(6000, 0).result) == (answer.port, 0)
    inner, other = lab.udp("host", "192.168.0.10", 6000), lab.udp("internet", "11.0.0.3", 7000)
    inner.sendto(b"out", ("11.0.0.3", 7000))
    assert received(other) == (b"out", (EXTERNAL, answer.port))
    outbound = ("gateway", "nft", "list", "map", "ip", "pinhole", "outbound")
    assert " . 6000 " in lab.run(*outbound)
    assert await_state(lambda: " . 6000 " not in lab.run(*outbound))


@in_lab
def test_live_flows_keep_their_port_under_map_and_peer(lab, folder):
    lab.start()
    for port, ask in ((6100, lab.map), (6200, None)):
        inner, remote = lab.udp("host", "192.168.0.10", port), lab.udp("internet", "11.0.0.2", 7000)
        inner.sendto(b"first", ("11.0.0.2", 7000))
        flow = received(remote)[1][1]
        assert flow < 30000  # implicit flows have ports of their own
        answer = ask(port) if ask else lab.ask(PEER, "192.168.0.10", port, 600, remote=("11.0.0.2", 7000))
        assert (answer.result, answer.port) == (0, flow)
        remote.close()


@in_lab
def test_no_other_hosts_flow_gets_a_port_that_a_map_took_over_from_a_live_flow(lab, folder):
    lab.start()
    inner, remote = lab.udp("host", "192.168.0.10", 6100), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(inner, ("11.0.0.2", 7000), remote)
    assert lab.map(6100).port == 6100  # in the range of implicit flows
    neighbour, other = lab.udp("host", "192.168.0.11", 6100), lab.udp("internet", "11.0.0.3", 7000)
    neighbour.sendto(b"lost", ("11.0.0.3", 7000))  # plain masquerading keeps the port
    assert received(other, SILENCE) is None
    neighbour.sendto(b"next", ("11.0.0.3", 7000))
    text, (_, port) = received(other)
    assert text == b"next" and port != 6100
    assert arrives(other, (EXTERNAL, 6100), inner)


@in_lab
def test_a_packet_that_comes_before_the_mapping_does_not_keep_those_after_it_out(lab, folder):
    lab.start()
    inner, remote = lab.udp("host", "192.168.0.10", 40000), lab.udp("internet", "11.0.0.2", 7000)
    assert is_dropped(remote, (EXTERNAL, 40000), inner)
    assert lab.map(40000).port == 40000
    assert arrives(remote, (EXTERNAL, 40000), inner)


@in_lab
def test_hosts_inside_reach_each_other_by_external_addresses(lab, folder):
    lab.start()
    ports = [lab.map(5683).port, lab.map(6683, source="192.168.0.11").port]
    one, two = lab.udp("host", "192.168.0.10", 5683), lab.udp("host", "192.168.0.11", 6683)
    one.sendto(b"hello", (EXTERNAL, ports[1]))
    assert received(two) == (b"hello", (EXTERNAL, ports[0]))
    two.sendto(b"hello too", (EXTERNAL, ports[0]))
    assert received(one) == (b"hello too", (EXTERNAL, ports[1]))


@in_lab
def test_answers_to_flows_from_outside_hold_a_deleted_mapping_too(lab, folder):
    lab.start("--idle", "60", "60", "60")
    answer = lab.map(5683)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    assert arrives(inner, ("11.0.0.2", 7000), remote)
    held = lab.map(5683, 0)
    assert held.result == 0 and held.lifetime > 0
    assert arrives(remote, (EXTERNAL, answer.port), inner)


ALL_ZEROS = {"protocol": 0}  # with port 0: all protocols, RFC 6887 section 11.3


@pytest.mark.parametrize("whole", [{}, ALL_ZEROS], ids=["all ports", "all protocols"])
def test_a_host_can_be_mapped_as_a_whole_and_other_mappings_come_first(whole, tmp_path):
    def test(lab):
        lab.start("--wildcards", "yes")
        first = lab.map(5683)
        answer = lab.map(0, **whole)
        assert (answer.result, answer.address, answer.port) == (0, EXTERNAL, 0)
        inner, fixed = lab.udp("host", "192.168.0.10", 777), lab.udp("host", "192.168.0.10", 5683)
        remote = lab.udp("internet", "11.0.0.2", 7000)
        assert arrives(remote, (EXTERNAL, 777), inner)
        assert arrives(remote, (EXTERNAL, first.port), fixed)
        with lab.udp("internet", "11.0.0.3", 7001) as other:
            inner.sendto(b"out", ("11.0.0.3", 7001))
            assert received(other) == (b"out", (EXTERNAL, 777))
        only = filter_option("11.0.0.3", 128)
        assert lab.map(0, options=only, **whole).result == 0
        assert is_dropped(remote, (EXTERNAL, 777), inner)
        assert arrives(remote, (EXTERNAL, first.port), fixed)

    inside_lab(test, BUILD)


@in_lab
def test_a_host_is_not_mapped_as_a_whole_while_another_has_a_part(lab, folder):
    lab.start("--wildcards", "yes")
    assert lab.map(5683, source="192.168.0.11").result == 0
    assert lab.map(0).result == UNSUPP_PROTOCOL  # "in its entirety", RFC 6887 section 11.3


@pytest.mark.parametrize("whole", [{}, ALL_ZEROS], ids=["all ports", "all protocols"])
def test_a_pinhole_can_open_a_host_as_a_whole(whole, tmp_path):
    def test(lab):
        host = "2001:db8:1::10"
        lab.start("--wildcards", "yes", "--guard", "yes")
        inner, remote = lab.udp("host", host, 777), lab.udp("internet", "2001:db8:2::2", 7000)
        assert is_dropped(remote, (host, 777), inner)
        answer = lab.map(0, source=host, **whole)
        assert (answer.result, answer.address, answer.port) == (0, host, 0)
        assert arrives(remote, (host, 777), inner)
        assert lab.map(0, 0, source=host, **whole).result == 0
        assert is_dropped(remote, (host, 777), inner)

    inside_lab(test, BUILD)


@in_lab
def test_nothing_of_a_gateway_that_ended_stays_in_the_kernel(lab, folder):
    before = lab.run("gateway", "nft", "list", "ruleset")
    lab.start()
    assert lab.map(5683).result == 0
    assert "11.0.0.1" in lab.run("gateway", "nft", "list", "ruleset")
    lab.stop()
    assert lab.run("gateway", "nft", "list", "ruleset") == before


@in_lab
def test_ipv6_pinholes_open_and_close(lab, folder):
    lab.start("--guard", "yes")
    host = "2001:db8:1::10"
    inner, remote = lab.udp("host", host, 5683), lab.udp("internet", "2001:db8:2::2", 7000)
    assert is_dropped(remote, (host, 5683), inner)
    answer = lab.map(5683, source=host)
    assert (answer.result, answer.address, answer.port) == (0, host, 5683)
    assert arrives(remote, (host, 5683), inner)
    assert lab.map(5683, source=host, nonce=b"b" * 12).result == NOT_AUTHORIZED
    assert lab.map(5683, 0, source=host).result == 0
    assert is_dropped(remote, (host, 5683), inner)
    allowed = lab.map(5683, source=host, options=filter_option("2001:db8:2::2", 128, 7000))
    assert allowed.result == 0 and arrives(remote, (host, 5683), inner)


@in_lab
def test_a_thousand_mappings_add_no_rule(lab, folder):
    lab.start()

    def rules():
        listing = lab.run("gateway", "nft", "-s", "list", "tables").split("table ")[1:]
        chains = [lab.run("gateway", "nft", "-st", "list", "table", *t.split()) for t in listing]
        return [line for text in chains for line in text.splitlines()]

    before = rules()
    with lab.udp("host", "192.168.0.10") as asking:
        for port in range(1, 1001):
            assert lab.map(port, via=asking).result == 0
    assert rules() == before
    assert lab.run("gateway", "nft", "list", "map", "ip", "pinhole", "inbound").count(" . 17 . ") in (
        0,
        1000,
    )


@in_lab
def test_requests_from_outside_are_not_heard(lab, folder):
    lab.start()
    for server in (EXTERNAL, "192.168.0.1"):
        with lab.udp("internet", "11.0.0.2") as stranger:  # it has a route to the inside
            stranger.connect((server, 5351))
            stranger.send(bytes([0, 0]))
            assert received(stranger, SILENCE) is None  # an ICMP error would be raised here
    with lab.udp("host", "192.168.0.10") as inside:  # nor inside ones at the external address
        inside.sendto(bytes([0, 0]), (EXTERNAL, 5351))
        assert received(inside, SILENCE) is None


# --- time that runs faster -----------------------------------------------------------------------------

SCALE = ["--time-scale", "60"]


@in_lab
def test_lifetime_epoch_and_rest_run_as_fast_as_the_time_scale_says(lab, folder):
    lab.start(*SCALE, "--minimum-lifetime", "60", "--rest", "120", "120", "120", "--ports", "50000-50000")
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    answer = lab.map(5683, 60)
    assert (answer.result, answer.lifetime) == (0, 60)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    assert await_state(lambda: is_dropped(remote, (EXTERNAL, answer.port), inner))  # a minute is over
    neighbour = {"source": "192.168.0.11", "lifetime": 60}
    assert lab.map(5683, **neighbour).result == NO_RESOURCES  # its only port rests
    assert await_state(lambda: lab.map(5683, **neighbour).result == 0)
    assert lab.map(5683, **neighbour).epoch >= 180


@in_lab
def test_idle_times_of_flows_are_scaled_as_the_kernel_counts_them(lab, folder):
    lab.start(*SCALE, "--idle", "180", "180", "180")
    answer = lab.map(5683)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(inner, ("11.0.0.2", 7000), remote)
    held = lab.map(5683, 0)
    assert held.result == 0 and 0 < held.lifetime <= 180
    other = lab.udp("internet", "11.0.0.3", 7000)
    assert arrives(other, (EXTERNAL, answer.port), inner)
    assert await_state(lambda: is_dropped(other, (EXTERNAL, answer.port), inner))


@in_lab
def test_a_restart_keeps_scaled_lifetimes_and_epoch_but_only_at_the_same_pace(lab, folder):
    state = ["--state", str(folder / "state")]
    lab.start(*SCALE, *state)
    port = lab.map(5683, 300).port
    assert await_state(lambda: lab.map(5700).epoch >= 60)
    lab.kill()
    lab.start(*SCALE, *state)
    assert not any("epoch starts anew" in line for line in lab.said)
    assert lab.map(5700).epoch >= 60
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, port), inner)
    assert await_state(lambda: is_dropped(remote, (EXTERNAL, port), inner))
    lab.kill()
    lab.start(*state)
    assert any("epoch starts anew: time ran at another pace" in line for line in lab.said)


# --- options -------------------------------------------------------------------------------------------


def option(code, data):
    return struct.pack(">BBH", code, 0, len(data)) + data + bytes(-len(data) % 4)


def third_party(address, realm=b""):
    return option(1, packed(address)) + (option(13, realm) if realm else b"")


def port_set(first, size):
    """PORT_SET, RFC 7753."""
    return option(130, struct.pack(">HHB", size, first, 0))


@in_lab
def test_the_ports_of_a_set_are_mapped_side_by_side_and_survive_a_restart_as_one(lab, folder):
    lab.start("--state", folder / "state")
    answer = lab.map(6000, options=port_set(6000, 20))
    assert (answer.result, answer.octets[60:]) == (0, port_set(6000, 20))
    remote = lab.udp("internet", "11.0.0.2", 7000)
    for i in (0, 7, 19):
        with lab.udp("host", "192.168.0.10", 6000 + i) as inner:
            assert arrives(remote, (EXTERNAL, answer.port + i), inner)
    with lab.udp("host", "192.168.0.10", 6020) as beyond:
        assert is_dropped(remote, (EXTERNAL, answer.port + 20), beyond)
    lab.kill()
    lab.start("--state", folder / "state")
    again = lab.map(6000, options=port_set(6000, 20))
    assert (again.port, again.octets[60:]) == (answer.port, port_set(6000, 20))
    assert lab.map(6000, 0, options=port_set(6000, 20)).result == 0
    with lab.udp("host", "192.168.0.10", 6001) as inner:
        assert is_dropped(remote, (EXTERNAL, answer.port + 1), inner)


@in_lab
def test_a_description_is_kept_over_restarts(lab, folder):
    state = folder / "state"
    lab.start("--state", str(state))
    answer = lab.map(5683, options=option(128, b"Camera"))
    assert answer.result == 0 and option(128, b"Camera") in answer.octets
    for _ in range(2):  # each start writes the file anew, from what it has read
        lab.kill()
        lab.start("--state", str(state))
    assert b"Camera" in state.read_bytes()
    assert not any("epoch starts anew" in line for line in lab.said)
    lab.map(5683, 0)
    lab.stop()
    assert b"Camera" not in state.read_bytes()


REALMS = ["--third-party", "yes", "--third-party-clients", "192.168.0.11", "--realm", "0x0007", "192.168.0.10"]
UNKNOWN_ID = 24  # RFC 7843 section 4.1


@in_lab
def test_a_third_partys_host_is_mapped_by_its_realms_id_and_again_after_a_restart(lab, folder):
    state = ["--state", str(folder / "state")]
    lab.start(*REALMS, *state)
    named = {"source": "192.168.0.11", "options": third_party("192.168.0.10", b"\0\x07")}
    answer = lab.map(5683, **named)
    assert answer.result == 0
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    assert lab.map(5683).port == answer.port  # the host itself is of the realm
    named["options"] = third_party("192.168.0.10", b"\0\x08")
    assert lab.map(5683, **named).result == UNKNOWN_ID
    lab.kill()
    lab.start(*REALMS, "--realm", "0x0001", "10.0.0.0/8", *state)  # it comes before the other one
    assert not any("epoch starts anew" in line for line in lab.said)
    assert arrives(remote, (EXTERNAL, answer.port), inner)
    named["options"] = third_party("192.168.0.10", b"\0\x07")
    assert lab.map(5683, **named).port == answer.port
    lab.kill()
    lab.start("--realm", "0x0001", "10.0.0.0/8", *state)
    assert any("epoch starts anew: some mappings no longer fit" in line for line in lab.said)


# --- leases --------------------------------------------------------------------------------------------


def lease(address):
    return f"4000000000 02:00:00:00:00:01 {address} * *\n"


@in_lab
def test_a_mapping_ends_with_its_hosts_lease_but_not_while_the_file_is_written_anew(lab, folder):
    file = folder / "leases"
    file.write_text(lease("192.168.0.10") + lease("192.168.0.11"))
    lab.start("--leases", str(file))
    kept = lab.map(5683).port
    ended = lab.map(5684, source="192.168.0.11").port
    remote = lab.udp("internet", "11.0.0.2", 7000)
    inner, other = lab.udp("host", "192.168.0.10", 5683), lab.udp("host", "192.168.0.11", 5684)
    assert arrives(remote, (EXTERNAL, kept), inner) and arrives(remote, (EXTERNAL, ended), other)
    file.write_text("")  # as dnsmasq does, which empties it first
    file.write_text("duid 00:01\n" + lease("192.168.0.10"))
    assert await_state(lambda: is_dropped(remote, (EXTERNAL, ended), other))
    assert arrives(remote, (EXTERNAL, kept), inner)


# --- restarts ----------------------------------------------------------------------------------------


def mapped_port(lab):
    answer = lab.map(5683)
    assert answer.result == 0
    return answer.port


@in_lab
def test_mappings_and_epoch_survive_a_kill(lab, folder):
    state = str(folder / "state")
    lab.start("--state", state)
    assert any("epoch starts anew" in line for line in lab.said)
    port = mapped_port(lab)
    lab.map(5700)
    lab.map(5700, 0)
    assert await_state(lambda: lab.map(5683).epoch >= 1)
    lab.kill()
    lab.start("--state", state)
    assert not any("epoch starts anew" in line for line in lab.said)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, port), inner)
    assert lab.map(5683, nonce=b"b" * 12).result == NOT_AUTHORIZED
    answer = lab.map(5683)
    assert answer.port == port and answer.epoch >= 1


@in_lab
def test_a_damaged_state_file_is_told_and_what_can_be_read_is_kept(lab, folder):
    state = folder / "state"
    lab.start("--state", str(state))
    port = mapped_port(lab)
    lab.map(5684)
    lab.kill()
    state.write_bytes(state.read_bytes()[:-1])
    lab.start("--state", str(state))
    assert any("epoch starts anew: the state file is damaged" in line for line in lab.said)
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, port), inner)
    lab.stop()
    state.write_bytes(os.urandom(5000))
    lab.start("--state", str(state))
    assert any("epoch starts anew" in line for line in lab.said)
    assert lab.map(5683).result == 0


def test_mappings_survive_a_new_external_address_at_a_restart_but_the_epoch_does_not(tmp_path):
    def test(lab):
        state = str(tmp_path / "state")
        lab.start("--state", state)
        port = mapped_port(lab)
        assert await_state(lambda: lab.map(5683).epoch >= 1)
        lab.stop()
        lab.run("gateway", "ip", "addr", "del", "11.0.0.1/24", "dev", "eth1")
        lab.start("--state", state)  # there is no external address yet
        assert lab.map(5683).result == NETWORK_FAILURE
        lab.run("gateway", "ip", "addr", "add", "11.0.0.9/24", "dev", "eth1")
        assert await_state(lambda: lab.map(5683).result == 0)
        answer = lab.map(5683)
        assert (answer.address, answer.port, answer.epoch) == ("11.0.0.9", port, 0)
        inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
        assert arrives(remote, ("11.0.0.9", port), inner)

    inside_lab(test, BUILD)


def another_boot(lab, number=1):
    """Gives the kernel another boot id, as far as this lab can see."""
    fake = f"/run/boot{number}"
    with open(fake, "w") as file:
        file.write(f"{number:08d}-0000-4000-8000-000000000000\n")
    subprocess.run(["mount", "--bind", fake, "/proc/sys/kernel/random/boot_id"], check=True)


@in_lab
def test_another_boot_is_trusted_only_after_an_end_in_good_order(lab, folder):
    state = folder / "state"
    lab.start("--state", str(state))
    port = mapped_port(lab)
    lab.kill()
    another_boot(lab)
    lab.start("--state", str(state))
    assert any("the machine went down before all was on disk" in line for line in lab.said)
    assert mapped_port(lab) == port
    lab.stop()
    another_boot(lab, 2)
    lab.start("--state", str(state))
    assert not any("epoch starts anew" in line for line in lab.said)


@in_lab
def test_a_full_disk_is_told_and_mappings_go_on(lab, folder):
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", small], check=True)
    lab.start("--state", str(small / "state"))
    port = mapped_port(lab)
    with lab.udp("host", "192.168.0.10") as asking:
        for internal in range(1, 200):
            assert lab.map(internal, via=asking).result == 0
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, port), inner)
    lab.gateway.kill()
    assert "would not survive a restart" in lab.gateway.stdout.read()
    lab.gateway.wait()


@in_lab
def test_a_state_file_that_cannot_be_kept_is_refused_with_its_name(lab, folder):
    command = [BUILD / "pinhole-gateway", "--inside", "eth0", "--outside", "eth1"]
    said = lab.run("gateway", "sh", "-c", f"{' '.join(map(str, command))} --state /no/where 2>&1; echo $?")
    assert "/no/where" in said and said.endswith("1\n")


def test_mappings_of_a_state_file_on_a_read_only_disk_are_in_force_and_no_others_are_taken(tmp_path):
    def test(lab):
        disk = tmp_path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
        lab.start("--state", str(disk / "state"))
        port = mapped_port(lab)
        lab.stop()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        lab.start("--state", str(disk / "state"))
        assert any("no changes are taken until it can be written" in line for line in lab.said)
        inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
        assert arrives(remote, (EXTERNAL, port), inner)
        assert lab.map(5684).result == NO_RESOURCES
        assert arrives(remote, (EXTERNAL, port), inner)

    inside_lab(test, BUILD)


# --- rapid recovery ------------------------------------------------------------------------------------


def listen(lab):
    listening = lab.udp("host", "0.0.0.0", 5350)
    with lab.at("host"):
        membership = socket.inet_aton("224.0.0.1") + socket.inet_aton("192.168.0.10")
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return listening


@in_lab
def test_a_start_without_state_is_announced_from_the_servers_address(lab, folder):
    listening = listen(lab)
    lab.start()
    octets, sender = received(listening)
    assert (octets[:4], sender) == (bytes([2, 0x80, 0, 0]), ("192.168.0.1", 5351))


@in_lab
def test_a_new_external_address_is_announced_and_mappings_move(lab, folder):
    lab.start()
    asking = lab.udp("host", "192.168.0.10")
    answer = lab.map(5683, via=asking)
    assert await_state(lambda: lab.map(5684).epoch >= 1)
    lab.run("gateway", "sh", "-c", "ip addr del 11.0.0.1/24 dev eth1; ip addr add 11.0.0.9/24 dev eth1")
    octets, sender = received(asking)  # a Mapping Update
    assert (octets[1], octets[3], sender) == (0x81, 0, ("192.168.0.1", 5351))
    assert octets[56:60] == socket.inet_aton("11.0.0.9")
    assert struct.unpack(">H", octets[42:44])[0] == answer.port
    inner, remote = lab.udp("host", "192.168.0.10", 5683), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, ("11.0.0.9", answer.port), inner)


@in_lab
def test_a_connection_is_reset_when_nat_pmp_deletes_its_mapping(lab, folder):
    lab.start()
    asking = lab.udp("host", "192.168.0.10")
    asking.sendto(struct.pack(">BBxxHHI", 0, 2, 5683, 0, 600), ("192.168.0.1", 5351))
    port = struct.unpack(">H", asking.recv(16)[10:12])[0]
    with lab.at("host"):
        listener = socket.create_server(("192.168.0.10", 5683))
    with lab.at("internet"):
        remote = socket.create_connection((EXTERNAL, port), timeout=5)
    inner, _ = listener.accept()
    inner.settimeout(5)
    asking.sendto(struct.pack(">BBxxHHI", 0, 2, 5683, 0, 0), ("192.168.0.1", 5351))
    assert asking.recv(16)[2:4] == b"\0\0"
    for end in (remote, inner):
        end.send(b"more")
        with pytest.raises(ConnectionResetError):
            end.recv(1)


@in_lab
def test_a_trusted_outside_is_heard_at_the_external_address(lab, folder):
    lab.start("--third-party", "yes", "--trusted", "eth1")
    asking = lab.udp("internet", "11.0.0.2")
    asking.settimeout(SILENCE)
    message = struct.pack(">BBHI", 2, 1, 0, 600) + packed("11.0.0.2") + bytes(12)
    message += struct.pack(">B3xHH", 17, 5683, 0) + packed("0.0.0.0")
    third_party = struct.pack(">BBH", 1, 0, 16) + packed("192.168.0.10")
    asking.sendto(message, (EXTERNAL, 5351))  # for itself, which nobody trusts it for
    with pytest.raises(TimeoutError):
        asking.recv(1200)
    asking.settimeout(5)
    asking.sendto(message + third_party, (EXTERNAL, 5351))
    octets = asking.recv(1200)
    assert (octets[1], octets[3]) == (0x81, 0)
    inner = lab.udp("host", "192.168.0.10", 5683)
    remote = lab.udp("internet", "11.0.0.3", 7000)
    assert arrives(remote, (EXTERNAL, struct.unpack(">H", octets[42:44])[0]), inner)


# --- the policy file -----------------------------------------------------------------------------------


@in_lab
def test_a_bad_policy_file_is_told_with_its_line(lab, folder):
    policy = folder / "policy"
    for text, said in (
        ("inside eth0\nminimum-lifetime none\n", ":2: minimum-lifetime: expected a number"),
        ("colour blue\n", ":1: unknown key 'colour'"),
        ("deny 10.0.0.0/33 1-2\n", ":1: deny: expected ADDRESS/BITS"),
        ("upstream router\n", ":1: upstream: expected up to four of ADDRESS"),
        ("upstream [2001:db8::1]:0\n", ":1: upstream: expected up to four of ADDRESS"),
        ("upstream 11.0.0.2:65536\n", ":1: upstream: expected up to four of ADDRESS"),
        ("inside eth0\nrealm 0x01\n", "realm: expected prefixes of its own"),
        ("inside eth0\nrealm a 10.0.0.0/8\nrealm b 10.1.0.0/16\n", "prefixes that are no other realm's"),
        ("inside eth0\nrealm 0x1 10.0.0.0/8\n", ":2: realm: expected an id"),
        ("prefix64 10.0.0.0/8\n", ":1: prefix64: expected at most 8 IPv6 prefixes"),
        ("inside eth0\nexternal 11.0.0.1\nprefix64 2001:db8::/16\n", "NAT64 prefix: expected 4, 5"),
        ("inside eth0\nexternal 11.0.0.1\nupstream 11.0.0.2\n", "expected an outside interface"),
    ):
        policy.write_text(text)
        out = lab.run(
            "gateway", "sh", "-c", f"{BUILD}/pinhole-gateway --check --policy {policy} 2>&1; echo $?"
        )
        assert said in out and out.endswith("2\n")


@in_lab
def test_a_policy_file_is_obeyed(lab, folder):
    policy = folder / "policy"
    policy.write_text(
        "minimum-lifetime 300 # seconds\nports 50000-50001\nallow 192.168.0.10 1-5\ndeny 0.0.0.0/0 0-65535\n"
        "static udp 192.168.0.11 80 8080\n"
    )
    lab.start("--policy", str(policy))
    answers = [lab.map(port, 1) for port in (1, 2, 3, 6)]
    assert [a.result for a in answers] == [0, 0, NO_RESOURCES, NOT_AUTHORIZED]
    assert answers[0].lifetime == 300 and {a.port for a in answers[:2]} == {50000, 50001}
    fixed = lab.map(80, source="192.168.0.11")
    assert (fixed.port, fixed.lifetime) == (8080, 2**32 - 1)
    inner, remote = lab.udp("host", "192.168.0.11", 80), lab.udp("internet", "11.0.0.2", 7000)
    assert arrives(remote, (EXTERNAL, 8080), inner)
