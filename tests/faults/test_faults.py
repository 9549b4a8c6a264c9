"""The promises about faults, a few of each kind; `make faults` tries hundreds, at random moments."""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from faults.ordeal import Stage
from faults.outcomes import Outcome
from faults.processes import Server
from faults.scenarios import FAULTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
TRIES = 1


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost(name: str, server: Server, tmp_path: Path) -> None:
    stage = Stage(server, tmp_path, Random(name), TRIES, span=0.0)
    try:
        outcome = FAULTS[name].small()(stage)
    except PermissionError as error:
        pytest.skip(str(error))
    assert outcome.tried
    assert outcome.notes == ()
    assert (outcome.lost, outcome.counted_twice, outcome.needless, outcome.orphans) == (0, 0, 0, 0)
    assert outcome.same_winner


def test_an_undisturbed_run_costs_nothing(server: Server, tmp_path: Path) -> None:
    stage = Stage(server, tmp_path, Random(0), 0, span=0.0)
    outcome = FAULTS["tuner killed, forked trials"].small()(stage)
    assert outcome == Outcome()
