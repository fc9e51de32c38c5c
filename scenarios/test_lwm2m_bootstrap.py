"""What pinhole-lwm2m-bootstrap gives to devices, and what it makes of those that break off."""

import subprocess
import time

import pytest

from coap_wire import ACCEPT, CONTENT_FORMAT, DELETE, GET, POST, PUT, code_text
from conftest import BUILD
from lwm2m_programs import LINK, SECONDS, TLV, Bootstrap, Device, Server, libcoap_client, starter

FOUND = b"lwm2m=1.0,</0/0>,</1>,</3/0>,</26887>"
GOOD = {GET: "2.05", POST: "2.04", PUT: "2.04", DELETE: "2.02"}


@pytest.fixture
def start():
    with starter(Bootstrap) as run:
        yield run


def step(device, links=FOUND):
    """Answers the next request as a device that takes what it is given; returns it."""
    request = device.request()
    is_discover = request.code == GET
    device.answer(request, GOOD[request.code], links if is_discover else b"", LINK if is_discover else None)
    return request


def steps(device, links=FOUND):
    """All the requests up to the finish, answered."""
    requests = [step(device, links)]
    while requests[-1].path != "/bs":
        requests.append(step(device, links))
    return requests


def bootstrap(device, name="dev", links=FOUND, queries=()):
    """The requests of a whole bootstrap."""
    assert device.ask(POST, "bs", [f"ep={name}", *queries]).text == "2.04"
    return steps(device, links)


def shape(requests):
    return [(code_text(request.code), request.path) for request in requests]


def test_a_device_is_given_an_account_and_the_pcp_context(start):
    server = start("--give-lifetime", "60")
    requests = bootstrap(server.client())
    assert shape(requests) == [
        ("0.04", "/"),
        ("0.01", "/"),
        ("0.03", "/0/1"),
        ("0.03", "/1/0"),
        ("0.03", "/26887/0"),
        ("0.02", "/bs"),
    ]
    assert requests[1].number(ACCEPT) == LINK
    assert all(request.number(CONTENT_FORMAT) == TLV for request in requests[2:5])
    uri = b"coap://127.0.0.1:9"
    assert requests[2].payload == b"\xc8\x00" + bytes([len(uri)]) + uri + bytes.fromhex("c10100 c10203 c003 c004 c005 c10a01")
    assert requests[3].payload == bytes.fromhex("c10001 c1013c c10601 c10755")
    assert requests[4].payload == bytes.fromhex("c2001c20 c10400 c10500 c10611 c10c01")
    server.await_line("bootstrap dev requested")
    server.await_line("bootstrap dev finished")


def test_the_account_of_a_secure_server_has_its_key(start):
    server = start("--give-identity", "who", "--give-key", "0a0b", server="coaps://127.0.0.1:9")
    account = bootstrap(server.client())[2].payload
    assert bytes.fromhex("c10200 c303") + b"who" in account and bytes.fromhex("c2050a0b") in account


@pytest.mark.parametrize("links, instance", [(b"lwm2m=1.0,</0/1>,</1>,</26887>", 0), (FOUND, 1), (b"", 0)])
def test_the_account_goes_where_the_bootstrap_servers_is_not(start, links, instance):
    server = start()
    assert shape(bootstrap(server.client(), links=links))[2] == ("0.03", f"/0/{instance}")


def test_as_many_contexts_are_written_as_told(start):
    server = start("--pcp-instances", "3")
    paths = [request.path for request in bootstrap(server.client())]
    assert paths[4:7] == ["/26887/0", "/26887/1", "/26887/2"]


def test_a_device_without_the_object_is_spared_it(start):
    server = start()
    requests = bootstrap(server.client(), links=b"lwm2m=1.0,</0/0>,</1>,</3/0>")
    assert not any("26887" in request.path for request in requests)
    server.await_line("bootstrap dev without PCP-context")
    server.await_line("bootstrap dev finished")


def test_the_format_that_a_device_would_rather_have_is_used(start):
    server = start()
    requests = bootstrap(server.client(), queries=["pct=110"])
    assert requests[3].number(CONTENT_FORMAT) == 110
    assert requests[3].payload.startswith(b'[{"bn":"/1/0/"')


@pytest.mark.parametrize("code", ["4.04", "4.05", "5.01"])
def test_a_device_that_does_not_know_discover_is_bootstrapped_all_the_same(start, code):
    server = start()
    device = server.client()
    device.ask(POST, "bs", ["ep=dev"])
    step(device)
    device.answer(device.request(), code)
    requests = steps(device)
    assert shape(requests) == [("0.03", "/0/1"), ("0.03", "/1/0"), ("0.03", "/26887/0"), ("0.02", "/bs")]
    server.await_line("bootstrap dev without Discover")
    server.await_line("bootstrap dev finished")


DISCOVER = 1


@pytest.mark.parametrize("at", [at for at in range(6) if at != DISCOVER])
def test_a_device_that_refuses_is_given_up(start, at):
    server = start()
    device = server.client()
    device.ask(POST, "bs", ["ep=dev"])
    for _ in range(at):
        step(device)
    request = device.request()
    device.answer(request, "4.06")
    server.await_line(f"bootstrap dev failed at {request.path} 4.06")
    assert len(bootstrap(device)) == 6


def test_a_silent_device_is_given_up(start):
    server = start("--ack-timeout", "1", "--max-retransmit", "1")
    device = server.client()
    device.ask(POST, "bs", ["ep=dev"])
    step(device)
    server.await_line("bootstrap dev failed at / unanswered")
    assert server.is_alive()


@pytest.mark.parametrize("at", range(6))
def test_a_device_that_asks_again_in_the_middle_starts_over(start, at):
    server = start()
    device = server.client()
    device.ask(POST, "bs", ["ep=dev"])
    for _ in range(at):
        step(device)
    stale = device.request()
    assert device.ask(POST, "bs", ["ep=dev"]).text == "2.04"
    device.answer(stale, "2.02")
    requests = steps(device)
    assert len(requests) == 6
    server.await_line("bootstrap dev finished")


def test_a_repeated_request_does_not_start_over(start):
    server = start()
    device = server.client()
    assert device.ask(POST, "bs", ["ep=dev"], mid=7).text == "2.04"
    step(device)
    assert device.ask(POST, "bs", ["ep=dev"], mid=7).text == "2.04"
    assert step(device).code == GET


def test_several_devices_are_bootstrapped_side_by_side(start):
    server = start()
    devices = [server.client() for _ in range(8)]
    for number, device in enumerate(devices):
        device.ask(POST, "bs", [f"ep=dev{number}"])
    for _ in range(6):
        paths = {step(device).path for device in devices}
        assert len(paths) == 1
    for _ in devices:
        server.await_line(r"bootstrap dev\d finished")


NO_NAMES = [["ep="], ["ep=a b"], ["ep=\n"], ["ep=" + "n" * 64], ["ep=a", "ep=b"]]


@pytest.mark.parametrize("queries", [[], *NO_NAMES, [f"x{n}" for n in range(20)]])
def test_a_request_without_a_name_is_refused(start, queries):
    server = start()
    assert server.client().ask(POST, "bs", queries).text == "4.00"


def test_a_name_of_63_octets_and_of_any_letters_is_one(start):
    server = start()
    device = server.client()
    for name in ("n" * 63, "größe"):
        bootstrap(device, name)
        server.await_line(f"bootstrap {name} finished")


def test_a_device_need_not_tell_the_name_that_is_its_identity(start):
    server = start("--psk", "lamp-7:6b6579")  # the key is "key"
    libcoap_client("-m", "post", "-u", "lamp-7", "-k", "key", f"coaps://127.0.0.1:{server.secure_port}/bs")
    server.await_line("bootstrap lamp-7 requested")


FORMATS = {"40": "4.15", "0": "4.15", "60": "4.15", "1543": "4.15", "": "4.00", "cbor": "4.00", "65648": "4.00"}


@pytest.mark.parametrize("number", FORMATS)
def test_a_format_that_no_instance_can_be_written_in_is_refused(start, number):
    server = start()
    device = server.client()
    assert device.ask(POST, "bs", ["ep=dev", f"pct={number}"]).text == FORMATS[number]
    assert not device.waiting
    assert len(bootstrap(device)) == 6


def test_those_who_only_ask_keep_nobody_out(start):
    server = start()
    real = server.client()
    assert real.ask(POST, "bs", ["ep=real"]).text == "2.04"
    requests = [step(real)]
    requests.append(real.request())  # which waits for its answer
    for index in range(300):
        stranger = server.client()
        assert stranger.ask(POST, "bs", [f"ep=stranger-{index}"]).text == "2.04"
        stranger.request()
    assert server.await_line(r"bootstrap stranger-0 failed at / as others ask")
    real.answer(requests[-1], "2.05", FOUND, LINK)
    while requests[-1].path != "/bs":
        requests.append(step(real))
    server.await_line("bootstrap real finished")


def test_too_many_at_a_time_are_turned_away(start):
    server = start()
    devices = [server.client() for _ in range(260)]
    for device in devices[:256]:
        assert device.ask(POST, "bs", ["ep=dev"]).text == "2.04"
        step(device)
    assert [device.ask(POST, "bs", ["ep=dev"]).text for device in devices[256:]] == ["5.03"] * 4


def test_where_devices_have_keys_that_of_the_account_is_for_them_alone(start):
    gift = ("--give-identity", "dev", "--give-key", "00112233")
    server = start("--psk", "boot:4455", *gift, server="coaps://127.0.0.1:9")
    stranger = server.client()
    assert stranger.ask(POST, "bs", ["ep=dev"]).text == "4.03"
    assert stranger.hears_nothing(0.3)


@pytest.mark.parametrize("scheme", ["coap", "coaps"])
def test_our_device_is_bootstrapped_and_registers(start, tmp_path, scheme):
    manager = Server(tmp_path, "--psk", "dev:00112233")
    secure = scheme == "coaps"
    port = manager.secure_port if secure else manager.port
    gift = ("--give-identity", "dev", "--give-key", "00112233") if secure else ()
    keys = ("--psk", "boot:4455") if secure else ()
    server = start(*keys, *gift, server=f"{scheme}://127.0.0.1:{port}")
    account = ("--identity", "boot", "--key", "4455") if secure else ()
    asked = server.secure_port if secure else server.port
    device = Device("--bootstrap", f"{scheme}://127.0.0.1:{asked}", *account)
    server.await_line("bootstrap dev finished")
    manager.await_line("registered dev from .*")
    manager.await_line("pcp dev status 1")
    device.stop()
    manager.await_line("deregistered dev")
    manager.stop()


@pytest.mark.parametrize("version, told", [("1.0", False), ("1.1", True)])
def test_a_device_of_1_1_tells_when_it_was_bootstrapped_last(start, tmp_path, version, told):
    manager = Server(tmp_path, "--pcp", "never")
    server = start(server=f"coap://127.0.0.1:{manager.port}")
    before = int(time.time())
    device = Device("--bootstrap", f"coap://127.0.0.1:{server.port}", "--lwm2m", version)
    manager.await_line("registered dev from .*")
    lines, status = manager.tell("read dev /1/0/12")
    if told:
        assert status == 0 and before <= int(lines[0]) <= time.time()
    else:
        assert (lines, status) == (["4.04"], 1)
    device.stop()
    manager.stop()


def test_a_wrong_key_is_given_nothing(start):
    server = start("--psk", "boot:4455")
    device = Device(
        *("--bootstrap", f"coaps://127.0.0.1:{server.secure_port}", "--identity", "boot", "--key", "6677"),
        *("--ack-timeout", "1", "--max-retransmit", "1"),
    )
    device.await_line("bootstrap failed: .*")
    device.stop()
    assert not any("requested" in line for line in server.all)
    assert len(bootstrap(server.client())) == 6


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "expected --give-server URI"),
        (["--give-server", "http://x"], "expected coap://... or coaps://..., got 'http://x'"),
        (["--give-server", "coaps://127.0.0.1"], "a coaps server needs --give-identity and --give-key"),
        (["--give-server", "coap://127.0.0.1", "--give-key", "xyz"], "--give-key: expected up to 64 octets as hex digits"),
        (["--give-server", "coap://127.0.0.1", "--psk", "nokey"], "expected IDENTITY:HEXKEY"),
        (["--give-server", "coap://127.0.0.1", "--give-binding", "Q"], "--give-binding: expected a binding as U or UQ, got 'Q'"),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused_in_words(arguments, said):
    done = subprocess.run(
        [BUILD / "pinhole-lwm2m-bootstrap", *arguments], capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2 and said in done.stderr
