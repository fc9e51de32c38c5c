"""What `make size` tells of a device's stack."""

import subprocess
import sys

import pytest

from conftest import BUILD, ROOT

sys.path.append(str(ROOT / "harness/measure"))

import stack_lwm2m  # noqa: E402

KIB = 1024
USED = 20 * KIB
PROGRAM = f"""
#include <stdio.h>
#include <unistd.h>
static void __attribute__((noinline)) use(volatile char *last)
{{
    volatile char room[{USED}];
    for (unsigned i = 0; i < sizeof room; i++)
        room[i] = 1;
    *last = room[0];
}}
int main(void)
{{
    volatile char last;
    use(&last);
    puts("used");
    fflush(stdout);
    pause();
    return 0;
}}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    (folder / "program.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-O1", folder / "program.c", "-o", folder / "program"], check=True)
    return folder / "program"


def used_by(program, *arguments, **environment):
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout.readline() == b"used\n"
        return stack_lwm2m.deepest(process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_deepest_octet_of_a_stack_tells_how_far_it_was_used(program):
    assert USED <= used_by(program) < USED + 2 * KIB


def test_arguments_and_environment_are_no_use_of_a_stack(program):
    assert abs(used_by(program, "x" * 50 * KIB, MORE="y" * 50 * KIB) - used_by(program)) < KIB


def test_of_a_process_that_has_ended_nothing_is_told(program):
    process = subprocess.Popen(["true"])
    process.wait()
    assert stack_lwm2m.deepest(process.pid) == 0


def test_a_device_uses_some_kibibytes_in_its_lives():
    """In both it gets as far as its leave, or that would be an error."""
    used = stack_lwm2m.measure(BUILD.resolve() / "pinhole-lwm2m-device", BUILD)
    assert 8 * KIB < used < 256 * KIB
