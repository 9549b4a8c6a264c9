"""What every searcher that takes a warm start must do with trials of earlier experiments."""

from typing import Any

import numpy as np
import pytest

from rungwise.allocation import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.past import Past, PastTrial
from rungwise.core.protocols import Searcher
from rungwise.schedulers import PASHA
from rungwise.searchers import NAMES, WARMED, make
from rungwise.searchers.recorded import Recorded
from rungwise.space import Space, parse
from rungwise.store import MemoryLog
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

FORM = {"lr": (1e-4, 1.0, "log"), "layers": (1, 5), "optimizer": ["sgd", "adam"]}
EMPTY = Ledger((1, 3, 9))


@pytest.fixture(params=[name for name in WARMED if name in NAMES])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def miss(configuration: Any) -> float:
    """The nearer the learning rate is to 0.01 the better."""
    return abs(float(np.log10(configuration["lr"])) + 2)


def taken(space: Space, count: int, observations: int) -> Past:
    """As a tuning of the same function with other seeds would have left it, one rung high."""
    draw = make("random", space, 99)
    drawn = [draw.suggest(EMPTY, StartTrial(trial, 1)) for trial in range(count)]
    ranked = sorted((dict(each) for each in drawn if each is not None), key=miss)
    ranks = np.linspace(0, 1, count).tolist()
    trials = tuple(PastTrial(each, 1, (rank,)) for each, rank in zip(ranked, ranks, strict=True))
    return Past(("one",), 0, observations, trials)


def test_it_learns_from_the_past_before_it_has_a_trial_of_its_own(name: str) -> None:
    space = parse(FORM)
    warm = make(name, space, 7, past=taken(space, 40, 64))
    found = [warm.suggest(EMPTY, StartTrial(trial, 1)) for trial in range(40)]
    assert all(each is not None and space.check(each) == each for each in found)
    assert np.mean([miss(each) for each in found]) < 0.75  # 1.0 at random


def test_the_same_past_gives_the_same_suggestions_in_any_order_of_asking(name: str) -> None:
    space = parse(FORM)
    past = taken(space, 20, 64)
    one, other = (make(name, parse(FORM), 7, past=past) for _ in range(2))
    forward = [one.suggest(EMPTY, StartTrial(trial, 1)) for trial in range(12)]
    assert [other.suggest(EMPTY, StartTrial(trial, 1)) for trial in reversed(range(12))] == forward[::-1]


def test_once_the_past_has_faded_it_suggests_what_it_would_without(name: str) -> None:
    space = parse(FORM)
    ledger, draw = Ledger((1, 3, 9)), make("random", space, 11)
    for trial in range(15):
        configuration = draw.suggest(ledger, StartTrial(trial, 1))
        assert configuration is not None
        ledger.apply(Launch(trial, configuration, 0, 1, 1, 0))
        ledger.apply(TrialReported(1.0, trial, 1, miss(configuration), {}))
        ledger.apply(TrialPaused(1.0, trial, 1))
    cold = make(name, space, 7)
    for observations, same in ((15, True), (40, False)):
        warm = make(name, space, 7, past=taken(space, 40, observations))
        answers = [
            warm.suggest(ledger, StartTrial(trial, 1)) == cold.suggest(ledger, StartTrial(trial, 1))
            for trial in range(15, 35)
        ]
        assert all(answers) == same


def test_a_finite_space_is_not_exhausted_by_what_was_tried_earlier(name: str) -> None:
    space = parse({"a": [1, 2], "b": (1, 3)})
    every = list(space.grid(3))
    past = Past(("one",), 0, 64, tuple(PastTrial(each, 1, (place / 5,)) for place, each in enumerate(every)))
    warm, ledger = make(name, space, 7, past=past), Ledger((1, 3, 9))
    for trial in range(len(every)):
        configuration = warm.suggest(ledger, StartTrial(trial, 1))
        assert configuration is not None
        ledger.apply(Launch(trial, configuration, 0, 1, 1, 0))
    found = [entry.configuration for entry in ledger.trials.values()]
    assert all(each in found for each in every)
    assert warm.suggest(ledger, StartTrial(len(every), 1)) is None


def test_a_whole_experiment_replays_and_can_be_resumed(name: str) -> None:
    space = parse(FORM)
    past, points = taken(space, 30, 40), [{"lr": 0.01}]
    trials = 12 if name == "gp" else 40  # it takes its time

    def curve(launch: Launch) -> Curve:
        units = range(launch.start + 1, launch.milestone + 1)
        return Curve(units, [miss(launch.configuration) + 1 / unit for unit in units], [1.0] * len(units))

    def fresh(searcher: Searcher) -> Tuner:
        return Tuner(PASHA(1, 9, 3, max_trials=trials, hurdle=1), searcher, Fixed(1), trials=trials)

    log = MemoryLog()
    drive(fresh(make(name, space, 7, points=points, past=past)), Simulator(curve, workers=3, max_resource=9), log)
    records = list(log.records())
    assert replay(fresh(make(name, space, 7, points=points, past=past)), records) == []
    half = records[: len(records) // 2]
    known = {record.trial: record.configuration for record in half if isinstance(record, Launch)}
    resumed = fresh(Recorded(known, make(name, space, 7, points=points, past=past)))
    replay(resumed, half)
    assert all(resumed.ledger.trials[trial].configuration == known[trial] for trial in known)
