"""The README shows what the commands print: each console block is run and compared.

Numbers may differ from run to run, so all of them compare equal; a line `...` stands for any lines.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILD = Path(os.environ.get("PINHOLE_BUILD", ROOT / "build"))
TEXT = (ROOT / "README.md").read_text()
CONSOLES = re.findall(r"^```console\n(.*?)^```$", TEXT, re.S | re.M)


def alike(line):
    """Without what differs from run to run: numbers, and the width they take."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "N", line)).strip()


def matches(shown, printed):
    """True if the lines shown, with `...` for any lines, are all of the lines printed."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(matches(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and alike(shown[0]) == alike(printed[0]) and matches(shown[1:], printed[1:])


def test_it_leads_with_the_two_commands_and_make_knows_them():
    first = re.findall(r"^    make (\w+)", TEXT, re.M)[:2]
    assert first == ["run", "test"]
    for target in first:
        asked = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr


def test_every_command_prints_what_it_shows(tmp_path):
    assert len(CONSOLES) >= 3
    for block in CONSOLES:
        command, *shown = block.splitlines()
        assert command.startswith("$ "), command
        # The same command, with the build and the results of this test.
        there = command[2:].replace("build/run", str(tmp_path)).replace("build/pinhole", str(BUILD / "pinhole"))
        done = subprocess.run(there, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
        printed = done.stdout.replace(str(tmp_path), "build/run")
        printed = printed.replace(str(BUILD / "pinhole"), "build/pinhole").splitlines()
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        assert matches(shown, printed), f"{command}\n" + "\n".join(printed)


def test_every_file_and_folder_it_names_is_there():
    named = set(re.findall(r"`((?:harness|scenarios|captures|dissector|reports)/[\w./-]*)`", TEXT))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z]+)", TEXT))
def test_every_make_target_it_names_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_the_peer_file_that_it_shows_starts_the_program_with_its_facts(tmp_path):
    (shown,) = re.findall(r"^```yaml\n(# my-gateway.yaml\n.*?)^```$", TEXT, re.S | re.M)
    program = tmp_path / "my-pcpd"
    # 127 says "unsupported": the scenario ends there, and tells so only if the facts were right.
    program.write_text('#!/bin/sh\nprintf "inside eth0\\noutside eth1\\n" | cmp - "$2" && exit 127\nexit 1\n')
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    peer = tmp_path / "my-gateway.yaml"
    peer.write_text(shown.replace("/usr/local/sbin/my-pcpd", str(program)))
    command = [BUILD / "pinhole", "run", "scenarios/home.yaml", "--peer", f"gateway={peer}", "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "unsupported" in done.stdout + done.stderr, done.stdout + done.stderr
