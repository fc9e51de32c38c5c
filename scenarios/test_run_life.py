"""What becomes of a run whose programs or processes don't do as they should."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import HOME_OF_TWO, PATIENCE, PINHOLE, ROOT, SCENARIOS, Run, begin, validate

SHELL = """
name: {name}
role: {role}
speaks: [{speaks}]
program: [/bin/sh, -c, '{script}']
ready: {{ line: ready }}
"""
PROGRAM = "programs: { it: { node: left, role: thing, peer: thing } }\n"
ALL_IS_WELL = "expect: []\n"


def shell(script, name="thing", role="thing", speaks=""):
    return {name: SHELL.format(name=name, role=role, speaks=speaks, script=script)}


def outcomes(run):
    return [step["outcome"] for step in run.result["steps"]]


def test_a_program_that_ends_on_its_own_makes_the_run_an_error(two):
    rest = """
steps:
  - start: it
  - probe: { from: left, to: "10.1.0.2:4000", wait: 500ms, text: knock }
  - stop: it
expect:
  - { name: seen, see: udp, where: { payload: knock } }
  - { name: not-seen, see: udp, where: { payload: hello } }
  - { name: absent, see: udp, where: { payload: hello }, absent: true }
"""
    done = two(PROGRAM + rest, shell("echo ready; sleep 0.2; echo oops; exit 3"))
    assert done.code == 2
    # What was seen was seen; that something was not seen proves nothing, as not all was tried.
    assert [e["verdict"] for e in done.result["expectations"]] == [
        "pass",
        "inconclusive",
        "inconclusive",
    ]
    assert (done.result["verdict"], outcomes(done)) == ("error", ["done", "done", "not reached"])
    assert "it ended on its own with status 3: oops" in done.result["error"]
    assert "it ended on its own" in done.err


def test_a_program_that_ends_before_it_is_ready_makes_the_run_an_error(two):
    done = two(PROGRAM + "steps: [{ start: it }]\n" + ALL_IS_WELL, shell("exit 3"))
    assert (done.code, done.result["verdict"], outcomes(done)) == (2, "error", ["failed"])


def test_of_a_program_that_dies_no_mapping_is_awaited(two):
    device = "programs: { device: { node: left, peer: thing } }\n"
    steps = "steps: [{ start: device }, { await: { mapping: device, within: 100s } }]\n"
    script = "echo ready; sleep 0.2; echo oops; exit 3"
    done = two(device + steps + ALL_IS_WELL, shell(script, role="device", speaks="pcp"))
    assert (done.code, done.result["verdict"], outcomes(done)) == (2, "error", ["done", "missed"])
    assert "device ended on its own with status 3: oops" in done.result["error"]
    assert done.result["seconds"] < 50


# --- crashes --------------------------------------------------------------------------------------

CRASHES_ON_TERM = 'trap "trap - SEGV; kill -SEGV $$" TERM; echo ready; while :; do sleep 0.02; done'
STEPS = {
    "at the end": ("steps: [{ start: it }]", ["done"]),
    "at a stop": ("steps: [{ start: it }, { stop: it }]", ["done", "done"]),
    "at a restart": ("steps: [{ start: it }, { restart: it }]", ["done", "done"]),
}


@pytest.mark.parametrize("when", STEPS)
def test_a_crash_while_being_stopped_fails_the_run(two, when):
    steps, ends = STEPS[when]
    done = two(PROGRAM + steps + "\n" + ALL_IS_WELL, shell(CRASHES_ON_TERM))
    assert (done.code, done.result["verdict"], outcomes(done)) == (1, "fail", ends)
    text = "died of SIGSEGV while it was being stopped"
    assert done.result["crashes"] == [{"program": "it", "text": text, "log": "logs/it.log"}]
    assert f"it (thing) {text}; log: logs/it.log" in done.out and done.err == ""
    validate("result", done.result)


def test_a_crash_that_is_known_is_told_and_fails_no_run(two):
    known = {"thing": shell(CRASHES_ON_TERM)["thing"] + "crashes: its author knows\n"}
    done = two(PROGRAM + STEPS["at a stop"][0] + "\n" + ALL_IS_WELL, known)
    assert (done.code, done.result["verdict"], done.crashed()) == (0, "pass", ["it"])
    assert done.result["crashes"][0]["accepted"] == "its author knows"
    assert "being stopped; log: logs/it.log; accepted: its author knows" in done.out


@pytest.mark.parametrize("crash", ["kill -ABRT $$", "sh -c \"kill -ABRT \\$\\$\"; exit $?"])
def test_a_crash_on_its_own_breaks_the_run_off_and_is_the_peer_s_failure(two, crash):
    """Told by a signal, or by a shell's status."""
    rest = """
steps:
  - start: it
  - probe: { from: left, to: "10.1.0.2:4000", wait: 500ms, text: knock }
  - stop: it
expect:
  - { name: seen, see: udp, where: { payload: knock } }
  - { name: not-seen, see: udp, where: { payload: hello } }
"""
    done = two(PROGRAM + rest, shell(f"echo ready; sleep 0.2; {crash}"))
    assert (done.code, done.result["verdict"], outcomes(done)) == (1, "fail", ["done", "done", "not reached"])
    assert [e["verdict"] for e in done.result["expectations"]] == ["pass", "inconclusive"]
    assert [c["text"] for c in done.result["crashes"]] == ["died of SIGABRT"]
    assert "error" not in done.result and done.err == ""


def test_a_crash_before_a_program_is_ready_is_the_peer_s_failure(two):
    done = two(PROGRAM + "steps: [{ start: it }]\n" + ALL_IS_WELL, shell("kill -SEGV $$"))
    assert (done.code, done.result["verdict"], outcomes(done)) == (1, "fail", ["missed"])
    assert done.crashed() == ["it"]


def test_of_a_known_crash_the_expectations_decide(two):
    known = {"thing": shell("echo ready; sleep 0.2; kill -FPE $$")["thing"] + "crashes: its author knows\n"}
    rest = """
steps:
  - start: it
  - pass: { for: 500ms, why: it dies meanwhile }
  - probe: { from: left, to: "10.1.0.2:4000", wait: 50ms, text: knock }
expect: [{ name: seen, see: udp, where: { payload: WANTED } }]
"""
    done = two(PROGRAM + rest.replace("WANTED", "knock"), known)
    assert (done.code, done.crashed(), outcomes(done)) == (0, ["it"], ["done"] * 3)
    shutil.rmtree(done.folder)
    done = two(PROGRAM + rest.replace("WANTED", "hello"), known)
    assert (done.code, done.failed()) == (1, ["seen"])


def test_the_signal_that_a_scenario_sends_is_no_crash(two):
    steps = "steps: [{ start: it }, { restart: it }]\n"
    peer = {"thing": shell("echo ready; exec sleep 60")["thing"] + "restart: { signal: ABRT }\n"}
    done = two(PROGRAM + steps + ALL_IS_WELL, peer)
    assert (done.code, done.crashed()) == (0, [])


REPORTS = {
    "ERROR": "==17==ERROR: AddressSanitizer: heap-use-after-free on address 0x60200000eff0",
    "leak": "==17==ERROR: LeakSanitizer: detected memory leaks",
    "undefined": "node.c:12:5: runtime error: signed integer overflow",
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_sanitizer_s_report_is_a_crash_whatever_the_status(two, report):
    line = REPORTS[report]
    script = f'trap "echo {line}; exit 0" TERM; echo ready; while :; do sleep 0.02; done'
    done = two(PROGRAM + "steps: [{ start: it }]\n" + ALL_IS_WELL, shell(script))
    assert (done.code, done.result["verdict"]) == (1, "fail")
    assert done.result["crashes"][0]["text"] == f"was reported by a sanitizer while it was being stopped: {line}"


def test_what_only_looks_like_a_sanitizer_s_report_is_none(two):
    script = 'echo "panic: runtime error: index out of range"; echo "AddressSanitizer: on"; echo ready; exec sleep 60'
    done = two(PROGRAM + "steps: [{ start: it }]\n" + ALL_IS_WELL, shell(script))
    assert (done.code, done.crashed()) == (0, [])


def test_a_line_that_never_comes_is_the_peer_s_failure(two):
    steps = "steps: [{ start: it }, { await: { program: it, line: never, within: 200ms } }, { stop: it }]\n"
    done = two(PROGRAM + steps + ALL_IS_WELL, shell("echo ready; exec sleep 60"))
    assert (done.code, done.result["verdict"]) == (1, "fail")
    assert outcomes(done) == ["done", "missed", "not reached"]


def test_a_peer_that_says_127_is_unsupported(two):
    done = two(PROGRAM + "steps: [{ start: it }]\n" + ALL_IS_WELL, shell("exit 127"))
    assert (done.code, done.result["verdict"], outcomes(done)) == (
        4,
        "unsupported",
        ["unsupported"],
    )


def test_steps_do_what_they_say(two):
    script = 'trap "echo told" USR1; echo ready $$PINHOLE_NODE; while :; do sleep 0.05; done'
    rest = (
        PROGRAM
        + """
steps:
  - start: it
  - signal: { program: it, signal: USR1 }
  - await: { program: it, line: told }
  - restart: it
  - run: { node: right, command: [sh, -c, "ip -o -4 addr show eth0; exit 7"], exit: 7 }
  - run: { node: left, command: [ip, netns, exec, right, ip, -o, -4, addr, show, eth0] }
  - probe: { from: left, to: "10.1.0.2:4000", wait: 100ms, tries: 2, text: knock }
  - stop: it
expect:
  - { name: knock, see: udp, at: "right:eth0", direction: in, count: "2", where: { payload: knock } }
"""
    )
    done = two(rest, shell(script.replace("$$", "$")))
    assert done.code == 0, done.out + done.err
    assert done.log("it").count("ready left") == 2
    assert "10.1.0.2/24" in done.log("run-5")
    assert "10.1.0.2/24" in done.log("run-6")
    assert len(done.where(at="right:eth0", source="10.1.0.1", payload=b"knock".hex())) == 2


def test_a_command_that_ends_otherwise_makes_the_run_an_error(two):
    done = two("programs: {}\nsteps: [{ run: { node: left, command: ['false'] } }]\n" + ALL_IS_WELL)
    assert done.code == 2
    assert "expected status 0, it ended with status 1" in done.result["error"]


def test_an_expectation_that_is_not_met_is_told_with_what_came(two):
    rest = """
programs: {}
steps: [{ probe: { from: left, to: "10.1.0.2:4000", wait: 50ms, text: knock } }]
expect: [{ name: greeting, text: left greets right, see: udp, where: { payload: hello } }]
"""
    done = two(rest)
    assert (done.code, done.failed()) == (1, ["greeting"])
    assert re.search(r"fail +left greets right\n +expected .*hello\n +came .*knock", done.out)


def test_every_value_of_a_list_is_a_condition(two):
    rest = """
programs: {}
steps: [{ probe: { from: left, to: "10.1.0.2:4000", wait: 50ms, text: knock } }]
expect:
  - { name: both, see: udp, where: { payload: [knock, "!=hello"] } }
  - { name: one, see: udp, where: { payload: [knock, hello] } }
"""
    done = two(rest)
    assert (done.code, done.failed()) == (1, ["one"])


CLIENT = """
name: {name}
role: device
speaks: [pcp]
program: [/usr/bin/python3, "${{PINHOLE_RUNTIME}}/client.py"]
ready: {{ line: ready }}
files:
  client.py: |
    import socket, time
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.1.0.1", 0))
    reserved = bytes([0, 1])
    client = bytes(10) + bytes([255, 255]) + socket.inet_aton("10.1.0.1")
    mapping = bytes(range(12)) + bytes([17, 0, 0, 0, 0x16, 0x33, 0, 0]) + bytes(10) + bytes([255, 255, 0, 0, 0, 0])
    s.sendto(bytes([2, 1]) + reserved + (120).to_bytes(4, "big") + client + mapping, ("10.1.0.2", 5351))
    print("ready", flush=True)
    time.sleep(60)
"""


def test_our_own_peer_fails_a_run_by_breaking_a_must(two, tmp_path):
    """A request with a reserved bit set (RFC 6887 section 7.1), from what calls itself `reference`."""
    rest = "programs: {{ device: {{ node: left, peer: {name} }} }}\nsteps: [{{ start: device }}]\nexpect: []\n"

    def judged(name):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        done = two(rest.format(name=name), {f"{name}-device": CLIENT.format(name=name)})
        return done.code, [(f["verdict"], f["program"], f["text"]) for f in done.result["findings"]]

    ours, strangers = judged("reference"), judged("stranger")
    assert (ours[0], strangers[0]) == (1, 0)
    assert ours[1] == strangers[1]
    assert [finding[:2] for finding in ours[1]] == [("fail", "device")]


def test_twenty_labs_side_by_side_do_not_disturb_each_other(tmp_path):
    """All have the same addresses; each must see its own datagram and no other lab's."""
    rest = """
programs: {{}}
steps: [{{ probe: {{ from: left, to: "10.1.0.2:4000", wait: 50ms, text: "lab {lab}" }} }}]
expect: [{{ name: own, see: udp, at: "right:eth0", direction: in, count: "1", where: {{ payload: "lab {lab}" }} }}]
"""
    begun = []
    for lab in range(20):
        scenario = tmp_path / f"{lab}.yaml"
        scenario.write_text(HOME_OF_TWO + rest.format(lab=lab))
        begun.append((begin(scenario, tmp_path / f"out{lab}"), tmp_path / f"out{lab}"))
    for lab, done in enumerate(Run(process, folder) for process, folder in begun):
        assert done.code == 0, done.out + done.err
        datagrams = [m for m in done.read("messages.json") if m["protocol"] == "UDP"]
        assert [m["interface"] for m in datagrams] == ["left:eth0", "right:eth0"]


PLANT = """
programs: {{}}
steps: [{{ run: {{ node: left, command: [sh, -c, "cd {out} && {command}"] }} }}]
expect: []
"""


def test_links_that_a_program_plants_in_the_run_s_folder_are_never_followed(two, tmp_path):
    """Inside, the folder is all that can be written; outside, the caller may be root."""
    precious = tmp_path / "precious"
    precious.write_text("of the user")
    names = ["result.json", "messages.json", "report.md"]
    links = "; ".join(
        f"ln -s {tmp_path}/{where} {name}"
        for where, name in zip(["precious", "new", "precious"], names)
    )
    command = f"{links}; mkfifo traffic.json; mkdir report.html; echo x > report.html/y"
    done = two(PLANT.format(out=tmp_path / "out", command=command))
    assert done.code == 0, done.out + done.err
    assert precious.read_text() == "of the user" and not (tmp_path / "new").exists()
    for name in ("result.json", "messages.json", "traffic.json"):
        assert (done.folder / name).is_file() and not (done.folder / name).is_symlink()
    assert done.result["verdict"] == "pass"


@pytest.mark.parametrize(
    "instead", ["ln -s {tmp}/secret lab.pcapng", "mkfifo lab.pcapng", "mkdir lab.pcapng"]
)
def test_a_capture_that_a_program_replaced_is_not_read(two, tmp_path, instead):
    (tmp_path / "secret").write_text("a secret of the user")
    command = "rm lab.pcapng; " + instead.format(tmp=tmp_path)
    done = two(PLANT.format(out=tmp_path / "out", command=command))
    assert done.code == 2
    assert "a program of the lab has put something else in the place of" in done.err
    assert "a se" not in done.err and not (done.folder / "result.json").exists()
    assert (tmp_path / "secret").read_text() == "a secret of the user"


def test_a_dangling_link_in_an_earlier_run_s_folder_is_removed(two, tmp_path):
    rest = "programs: {}\nsteps: []\nexpect: []\n"
    assert two(rest).code == 0
    (tmp_path / "out" / "lab.pcapng").unlink()
    (tmp_path / "out" / "lab.pcapng").symlink_to(tmp_path / "new")
    assert two(rest).code == 0
    assert not (tmp_path / "new").exists()


def test_an_earlier_run_s_folder_is_used_again(two, tmp_path):
    rest = "programs: {}\nsteps: [{ run: { node: left, command: ['true'] } }]\nexpect: []\n"
    first = two(rest)
    (tmp_path / "out" / "report.md").write_text("of the first run")
    second = two(rest.replace("steps:", "steps: [] #"))
    assert (first.code, second.code) == (0, 0)
    assert list((tmp_path / "out" / "logs").iterdir()) == []
    assert not (tmp_path / "out" / "report.md").exists()


# --- processes ------------------------------------------------------------------------------------


def offspring(pid):
    """All processes below pid, the nearest first."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found += [int(child), *offspring(int(child))]
    return found


def await_that(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_a_lab_that_is_killed_leaves_a_result_that_says_so(tmp_path):
    process = begin(SCENARIOS / "home.yaml", tmp_path / "out")
    log = tmp_path / "out" / "logs" / "device.log"
    await_that(lambda: log.exists() and "registered" in log.read_text())
    # pinhole, its keeper, the lab's PID 1, the programs.
    os.kill(offspring(process.pid)[1], signal.SIGKILL)
    done = Run(process, tmp_path / "out")
    assert (done.code, done.result["verdict"]) == (2, "error")
    assert done.result["error"] and done.result["error"] in done.err
    assert outcomes(done)[:3] == ["done"] * 3 and "not reached" in outcomes(done)
    assert done.packets != []


@pytest.mark.skipif(os.geteuid() != 0, reason="who is no root has shown it with every other test")
def test_an_ordinary_user_can_run_a_lab():
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o777)
    try:
        as_nobody = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "env",
            f"HOME={folder}",
        ]
        command = [*as_nobody, PINHOLE, "run", SCENARIOS / "home.yaml", "--peer", "device=natpmpc"]
        process = subprocess.Popen(
            [*command, "--out", f"{folder}/out"],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        done = Run(process, f"{folder}/out")
        assert done.code == 0, done.out + done.err
        assert (done.folder / "lab.pcapng").stat().st_uid == 65534
    finally:
        shutil.rmtree(folder)


def test_a_terminal_gets_live_progress_and_colours(two, tmp_path):
    """The line of a step that goes on is there before the step is over, and is overwritten."""
    ours, theirs = pty.openpty()
    rest = "programs: {}\nsteps: [{ pass: { for: 100ms, why: a test looks on } }]\nexpect: []\n"
    scenario = tmp_path / "two.yaml"
    two(rest.replace("steps: [{", "steps: [] #"))
    scenario.write_text(scenario.read_text().replace("steps: [] #", "steps: [{"))
    process = subprocess.Popen(
        [PINHOLE, "run", scenario, "--out", tmp_path / "out"],
        stdout=theirs,
        env={**os.environ, "NO_COLOR": "", "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    assert process.wait(PATIENCE) == 0
    text = shown.decode()
    going_on = text.index("..          let 0.1 s pass: a test looks on")
    over = text.index(" s  let 0.1 s pass: a test looks on")
    assert going_on < over
    assert "\r\x1b[K" in text and "\x1b[32m" in text


# --- pinhole up -----------------------------------------------------------------------------------


def up(commands, folder):
    return subprocess.run(
        [PINHOLE, "up", SCENARIOS / "home.yaml", "--out", folder],
        input=commands,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
    )


def test_up_takes_commands_from_a_pipe_and_tells_what_happens(tmp_path):
    commands = """status
run server echo from $PINHOLE_NODE
shell gateway
ip -br addr show eth1; echo in the shell of $PINHOLE_NODE
exit
restart gateway
stop device
status
nonsense
quit
"""
    done = up(commands, tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "run-1: from server" in lines
    assert "in the shell of gateway" in lines
    assert any("11.0.0.1/24" in line for line in lines)
    assert any(re.match(r"device +reference +on device +runs", line) for line in lines)
    assert any(re.match(r"device +reference +on device +does not run", line) for line in lines)
    assert any("device:eth0" in line and "PCP MAP request" in line for line in lines)
    assert any("no command 'nonsense'" in line for line in lines)
    assert (tmp_path / "out" / "lab.pcapng").exists()


def test_a_command_finds_what_the_program_of_its_node_has(tmp_path):
    commands = "run server echo in $PINHOLE_RUNTIME; ls -d $PINHOLE_RUNTIME\nquit\n"
    lines = up(commands, tmp_path / "out").stdout.splitlines()
    assert "run-1: in /run/pinhole/server" in lines and "run-1: /run/pinhole/server" in lines


def test_up_ends_with_its_input(tmp_path):
    assert up("", tmp_path / "out").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_still_judges_and_writes_what_there_is(number, tmp_path):
    folder = tmp_path / "out"
    command = [PINHOLE, "run", SCENARIOS / "home.yaml", "--out", folder]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a job in the background ignores it
    )
    for line in process.stdout:
        if "registered" in line:  # three seconds of silence follow
            process.send_signal(number)
            break
    out, err = process.communicate(timeout=60)
    result = json.loads((folder / "result.json").read_text())
    assert (process.returncode, result["verdict"]) == (2, "error")
    assert f"interrupted by signal {int(number)}" in result["error"] and result["error"] in err
    assert "broke off" in out
    granted = next(e for e in result["expectations"] if e["name"] == "mapping")
    assert granted["verdict"] == "pass" and granted["frames"]
