"""tshark's own dissectors read the messages of real runs as pinhole does, field by field."""

import sys

import pytest
from conftest import ROOT, SHOWN

sys.path.insert(0, str(ROOT / "captures"))

import agreement  # noqa: E402: only now on the path


@pytest.mark.parametrize("name", SHOWN)
def test_the_messages_of_a_run_are_read_alike(shown, name):
    lines, compared = agreement.differences(str(shown[name].folder / "lab.pcapng"))
    assert lines == []
    assert compared > 0
