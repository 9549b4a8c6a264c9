"""What every searcher that learns must do, whichever it is: it sees a history, and nothing else decides."""

import json
import random
from collections.abc import Sequence
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from ConfigSpace import Configuration

from rungwise.allocation import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import TimePassed, TrialEnded, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import Searcher
from rungwise.core.records import Record
from rungwise.schedulers import ASHA, PASHA, Hyperband
from rungwise.searchers import make
from rungwise.searchers.recorded import Recorded
from rungwise.space import Space, parse
from rungwise.store import MemoryLog
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

FORM = {
    "lr": (1e-4, 1.0, "log"),
    "layers": (1, 5),
    "size": {"choices": [16, 32, 64], "ordered": True},
    "optimizer": ["sgd", "adam"],
    "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
    "name": "net",
    "forbidden": [{"optimizer": "adam", "layers": 5}],
}
SEARCHERS: dict[str, dict[str, Any]] = {
    "evolution": {"name": "evolution", "population": 4, "tournament": 3},
    "kde": {"name": "kde"},
    "gp": {"name": "gp"},
    "tpe": {"name": "tpe"},
}
WIDE = {f"x{number}": (0.0, 1.0) for number in range(200)}
MANY = {"one": [f"c{number}" for number in range(1000)], "x": (0.0, 1.0)}


@pytest.fixture(params=SEARCHERS.values(), ids=SEARCHERS.keys())
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


@pytest.fixture(scope="module")
def space() -> Space:
    return parse(FORM)


def history(space: Space, values: Sequence[float], *, failed: bool = False) -> Ledger:
    """Trials of random search, each with a value on the lowest rung, every third on the next too."""
    ledger = Ledger((1, 3, 9))
    draw = make("random", space, 11)
    for trial, value in enumerate(values):
        configuration = draw.suggest(ledger, StartTrial(trial, 1))
        assert configuration is not None
        records: list[Record] = [Launch(trial, configuration, 0, 3 if trial % 3 == 0 else 1, 1, 0)]
        if not failed:
            records.append(TrialReported(1.0, trial, 1, value, {}))
            records += [TrialReported(2.0, trial, 3, value - 0.01, {})] if trial % 3 == 0 else []
        records.append(TrialEnded(2.0, trial, "failed") if failed else TrialPaused(2.0, trial, 1))
        for record in records:
            ledger.apply(record)
    ledger.apply(TimePassed(60.0))
    return ledger


def suggest(settings: dict[str, Any], space: Space, past: Ledger, trial: int, seed: int = 7) -> dict[str, Any]:
    found = make(settings, space, seed).suggest(past, StartTrial(trial, 1))
    assert found is not None
    return dict(found)


def curve(launch: Launch) -> Curve:
    """The nearer the learning rate is to 0.01 the better."""
    units = range(launch.start + 1, launch.milestone + 1)
    miss = abs(np.log10(float(launch.configuration["lr"])) + 2)
    return Curve(units, [float(miss) + 1 / unit for unit in units], [1.0] * len(units))


def test_the_same_history_gives_the_same_suggestion_in_any_order_of_asking(
    settings: dict[str, Any], space: Space
) -> None:
    past = history(space, [trial / 20 for trial in range(20)])
    searcher = make(settings, space, 7)
    forward = [searcher.suggest(past, StartTrial(trial, 1)) for trial in range(20, 40)]
    again = make(settings, parse(FORM), 7)
    assert [again.suggest(past, StartTrial(trial, 1)) for trial in reversed(range(20, 40))] == forward[::-1]
    assert len({json.dumps(each) for each in forward}) > 10


def test_suggestions_are_legal_plain_and_new(settings: dict[str, Any], space: Space) -> None:
    past = history(space, [abs(trial - 9) / 20 for trial in range(20)])
    native, searcher = space.configuration_space(), make(settings, space, 7)
    for trial in range(20, 50):
        found = searcher.suggest(past, StartTrial(trial, 1))
        assert found is not None
        Configuration(native, values=found).check_valid_configuration()
        assert list(found) == [name for name in space.names if name in found]
        assert {type(value) for value in found.values()} <= {str, int, float, bool}
        assert all(found != entry.configuration for entry in past.trials.values())


def test_it_learns(settings: dict[str, Any], space: Space) -> None:
    """Where half of the learning rates are bad, fewer of those suggested are."""
    ledger = history(space, [0.0] * 40)
    good = Ledger((1, 3, 9))
    for trial, entry in ledger.trials.items():
        good.apply(Launch(trial, entry.configuration, 0, 1, 1, 0))
        good.apply(TrialReported(1.0, trial, 1, abs(np.log10(float(entry.configuration["lr"])) + 2), {}))
        good.apply(TrialPaused(1.0, trial, 1))
    good.apply(TimePassed(60.0))
    searcher = make(settings, space, 7)
    found = [searcher.suggest(good, StartTrial(trial, 1)) for trial in range(40, 80)]
    misses = [abs(np.log10(float(each["lr"])) + 2) for each in found if each is not None]
    assert np.mean(misses) < 0.8  # 1.0 at random


@pytest.mark.parametrize("scheduler", [ASHA, PASHA, Hyperband])
def test_a_whole_experiment_replays_and_can_be_resumed(settings: dict[str, Any], space: Space, scheduler: Any) -> None:
    trials = 12 if settings["name"] == "gp" else 25  # it has fitted twice by then, and takes its time

    def fresh(searcher: Searcher) -> Tuner:
        return Tuner(scheduler(1, 9, 3, max_trials=trials), searcher, Fixed(1), trials=trials)

    log = MemoryLog()
    drive(fresh(make(settings, space, 7)), Simulator(curve, workers=3, max_resource=9), log)
    records = list(log.records())
    assert replay(fresh(make(settings, space, 7)), records) == []
    half = records[: len(records) // 2]
    known = {record.trial: record.configuration for record in half if isinstance(record, Launch)}
    resumed = fresh(Recorded(known, make(settings, space, 7)))
    replay(resumed, half)
    configurations = {record.trial: record.configuration for record in records if isinstance(record, Launch)}
    assert {trial: entry.configuration for trial, entry in resumed.ledger.trials.items()} == {
        trial: configurations[trial] for trial in resumed.ledger.trials
    }


@pytest.mark.parametrize("values", [[0.5] * 12, [nan] * 12, [inf, -inf, nan] * 4, [1e300, -1e300] * 6, [0.1, nan] * 6])
def test_odd_observations(settings: dict[str, Any], space: Space, values: list[float]) -> None:
    found = suggest(settings, space, history(space, values), 12)
    assert space.check(found) == found


@pytest.mark.parametrize(
    "form", [WIDE, MANY, {"only": "one"}, {"only": ["a"], "x": (0, 1)}], ids=["wide", "many", "constant", "narrow"]
)
def test_odd_spaces(settings: dict[str, Any], form: dict[str, Any]) -> None:
    space = parse(form)
    past = history(space, [trial / 12 for trial in range(12)])
    found = make(settings, space, 7).suggest(past, StartTrial(12, 1))
    assert found is None or space.check(found) == found


def test_where_all_trials_failed_it_goes_on(settings: dict[str, Any], space: Space) -> None:
    found = suggest(settings, space, history(space, [0.0] * 12, failed=True), 12)
    assert space.check(found) == found


def test_no_global_randomness_is_touched(settings: dict[str, Any], space: Space) -> None:
    past = history(space, [trial / 20 for trial in range(20)])
    before = random.getstate(), np.random.get_state()
    suggest(settings, space, past, 20)
    after = random.getstate(), np.random.get_state()
    assert before[0] == after[0]
    assert all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True))
