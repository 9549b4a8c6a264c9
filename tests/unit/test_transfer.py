"""What a new experiment takes over from earlier ones: the settings that `tune` would store."""

import json
from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

import pytest

import rungwise as rw
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError, StoreError
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.past import Past, PastTrial
from rungwise.core.spec import ExperimentSpec
from rungwise.space import parse
from rungwise.store import Store

Tune = Callable[..., ExperimentSpec]
Curve = Sequence[float]
FORM = {"lr": (1e-4, 1.0, "log"), "act": ["relu", "tanh"]}
GOOD, FAIR, POOR = ({"lr": lr, "act": act} for lr, act in ((0.01, "tanh"), (0.02, "relu"), (0.5, "relu")))
CURVES: Sequence[tuple[Mapping[str, Any], Curve]] = (
    (POOR, [0.9]),
    (FAIR, [0.5, 0.4, 0.2]),
    (GOOD, [0.6, 0.3, 0.1]),
    ({"lr": 0.9, "act": "tanh"}, [nan]),
    (GOOD, [0.6, 0.3, 0.1]),
)


def training(trial: rw.Trial) -> None:
    """Be a training; it is never run here."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def earlier(store: Path) -> Callable[..., None]:
    """Put an experiment into the store whose trials reported these (minimised) values at the units 1, 2, …."""

    def put(name: str, curves: Any = CURVES, *, form: Any = FORM, **changed: Any) -> None:
        settings = {"name": "asha", "min_resource": 1, "max_resource": 4, "eta": 2}
        given = {"metric": "loss", "mode": "min", "milestones": (1, 2, 4), "scheduler": settings, **changed}
        spec = ExperimentSpec(searcher={"name": "random"}, space=parse(form).to_json(), training={}, **given)
        with Store.open(store, create=True) as opened:
            log = opened.create(name, spec.to_json())
            for trial, (configuration, values) in enumerate(curves):
                reports = [TrialReported(1.0, trial, unit, value, {}) for unit, value in enumerate(values, 1)]
                launch = Launch(trial, dict(configuration), 0, len(values), 1, 0)
                log.append([launch, *reports, TrialPaused(1.0, trial, len(values))])

    return put


@pytest.fixture
def tune(monkeypatch: pytest.MonkeyPatch, store: Path) -> Tune:
    """The settings of an experiment that is not begun."""
    monkeypatch.setattr("rungwise.api.tune.begin", lambda store, name, spec, *rest: spec)

    def settings(**changed: Any) -> Any:
        given = {"space": FORM, "metric": "loss", "max_resource": 9, "store": store}
        return rw.tune(training, **{**given, **changed})

    return settings


def test_the_winner_comes_first_and_sets_a_hurdle_where_that_is_asked_for(tune: Tune, earlier: Any) -> None:
    earlier("one")
    spec = tune(transfer="one", points=[POOR, GOOD])
    assert spec.points == (GOOD, POOR)  # what was a point too is tried once
    assert "hurdle" not in spec.scheduler
    assert tune(transfer={"from": "one", "hurdle": True}).scheduler["hurdle"] == 1
    assert spec.past == Past(("one",), 1, 64)


def test_the_best_of_each_come_in_the_order_of_the_experiments_each_once(tune: Tune, earlier: Any) -> None:
    earlier("one")
    earlier("two", [(POOR, [0.1]), (GOOD, [0.2]), (FAIR, [0.3])], metric="error")
    assert tune(transfer=["one", "two"]).points == (GOOD, POOR)
    assert tune(transfer=("two", "one", "two")).points == (POOR, GOOD)
    spec = tune(transfer={"from": ["one", "two"], "winners": 2, "hurdle": True})
    assert spec.points == (GOOD, FAIR, POOR)  # the second of `two` has won already
    assert (spec.scheduler["hurdle"], spec.past.winners) == (3, 3)
    assert tune(transfer={"from": "one", "winners": 9}).points == (GOOD, FAIR, POOR)  # the one that diverged is none


def test_where_more_is_better_the_highest_wins(tune: Tune, earlier: Any) -> None:
    earlier("one", [(POOR, [-0.9]), (GOOD, [-0.95]), (FAIR, [-0.5])], mode="max")
    assert tune(transfer="one", mode="max").points == (GOOD,)


@pytest.mark.parametrize(
    ("changed", "hurdle"),
    [
        ({"scheduler": "asha"}, 2),
        ({"scheduler": "stopping-asha"}, 2),
        ({"scheduler": {"name": "stopping-pasha", "rule": "quantile"}}, 2),
        ({"scheduler": {"name": "pasha", "hurdle": 1}}, 1),
        ({"scheduler": "hyperband"}, None),
        ({"scheduler": "fifo"}, None),
        ({"scheduler": rw.schedulers.ASHA(1, 9, 3)}, None),
        ({"transfer": {"from": "one", "winners": 2}}, None),
        ({"transfer": {"from": "one", "winners": 0, "hurdle": True}}, None),
        ({"transfer": None}, None),
    ],
)
def test_who_gets_a_hurdle(tune: Tune, earlier: Any, changed: Any, hurdle: int | None) -> None:
    earlier("one")
    assert (
        tune(**{"transfer": {"from": "one", "winners": 2, "hurdle": True}, **changed}).scheduler.get("hurdle") == hurdle
    )


def test_what_the_new_space_lacks_is_dropped_and_what_it_adds_takes_its_default(tune: Tune, earlier: Any) -> None:
    earlier("one")
    form = {"lr": (1e-4, 0.015, "log"), "depth": {"range": [1, 5], "default": 2}}
    spec = tune(space=form, transfer={"from": "one", "winners": 3}, searcher="kde")
    assert spec.points == ({"lr": 0.01, "depth": 2},)  # all others lie outside
    assert [trial.configuration for trial in spec.past.trials] == [{"lr": 0.01, "depth": 2}] * 2


def test_observations_are_ranks_on_the_new_ladder_the_most_promising_first(tune: Tune, earlier: Any) -> None:
    earlier("one")
    spec = tune(transfer="one", searcher="kde")
    assert spec.milestones == (1, 3, 9)
    assert spec.past.trials == (  # of 0.5, 0.6, 0.6 and 0.9 at 1 unit, and 0.1, 0.1 and 0.2 at 3
        PastTrial(GOOD, 2, (0.5, 0.25)),
        PastTrial(GOOD, 2, (0.5, 0.25)),
        PastTrial(FAIR, 2, (0.0, 1.0)),
        PastTrial(POOR, 1, (1.0,)),
        PastTrial({"lr": 0.9, "act": "tanh"}, 1, (None,)),
    )
    assert ExperimentSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_only_so_many_are_kept_of_all_experiments_together(tune: Tune, earlier: Any) -> None:
    earlier("one")
    earlier("two", [(FAIR, [0.5, 0.4, 0.3]), (POOR, [0.1, 0.2])])
    spec = tune(transfer={"from": ["one", "two"], "observations": 4}, searcher="kde")
    assert [trial.configuration for trial in spec.past.trials] == [GOOD, GOOD, FAIR, FAIR]
    assert [trial.ranks[-1] for trial in spec.past.trials] == [0.25, 0.25, 0.5, 1.0]  # alone at 3 units: a half
    assert spec.past.observations == 4


@pytest.mark.parametrize("searcher", ["random", "grid", "evolution", "tpe"])
def test_searchers_that_cannot_use_them_get_no_observations(tune: Tune, earlier: Any, searcher: str) -> None:
    earlier("one")
    assert tune(transfer="one", searcher=searcher).past.trials == ()


def test_an_unfinished_experiment_in_which_all_failed_but_one_is_enough(tune: Tune, earlier: Any) -> None:
    earlier("one", [(POOR, [nan]), (FAIR, [7.0])])
    assert tune(transfer="one").points == (FAIR,)


@pytest.mark.parametrize(
    ("transfer", "told"),
    [
        ("two", "there is no experiment 'two'"),
        (["one", "two"], "there is no experiment 'two'"),
        ([], r"transfer is \[\], but must be the name of an earlier experiment"),
        (3, "transfer is 3, but must be the name of an earlier experiment"),
        (["one", 3], r"transfer is \['one', 3\], but must be a list of names"),
        ({"winners": 2}, "but must be the name of an earlier experiment"),
        ({"from": "one", "winner": 2}, "the key 'winner', which is unknown, did you mean 'winners'"),
        ({"from": "one", "winners": -1}, "winners of transfer is -1"),
        ({"from": "one", "observations": 2.5}, "observations of transfer is 2.5"),
        ({"from": "one", "hurdle": 2}, "hurdle of transfer is 2, but must be true or false"),
        ("diverged", "no trial of the experiment 'diverged' reported a finite loss"),
        ("empty", "no trial of the experiment 'empty' reported a finite loss"),
        ("upward", "the experiment 'upward' has the mode 'max', but this one 'min'"),
        ("elsewhere", "no configuration of the experiment 'elsewhere' is in the search space: 'lr' of trial 1 of"),
        ("other", "the experiment 'other' searched 'depth', and none of these is in the search space"),
    ],
)
def test_what_cannot_be_transferred_is_told_in_a_sentence(tune: Tune, earlier: Any, transfer: Any, told: str) -> None:
    earlier("one")
    earlier("diverged", [(GOOD, [nan])])
    earlier("empty", [])
    earlier("upward", mode="max")
    earlier("elsewhere", [({"lr": 20.0}, [2.0]), ({"lr": 30.0}, [1.0])], form={"lr": (10.0, 50.0)})
    earlier("other", [({"depth": 3}, [1.0])], form={"depth": (1, 5)})
    with pytest.raises((InputError, StoreError), match=told) as caught:
        tune(transfer=transfer)
    assert "\n" not in str(caught.value)


def test_without_a_store_there_is_nothing_to_transfer_and_none_is_made(tune: Tune, store: Path) -> None:
    with pytest.raises(StoreError, match="there is no"):
        tune(transfer="one")
    assert not store.exists()


def test_a_retraining_is_not_told_of_the_past(monkeypatch: pytest.MonkeyPatch, store: Path, earlier: Any) -> None:
    earlier("one", past=Past(("zero",), 1, 64, (PastTrial(GOOD, 1, (0.0,)),)))
    begun: list[ExperimentSpec] = []
    monkeypatch.setattr("rungwise.api.retrain.begin", lambda store, name, spec, *rest: begun.append(spec))
    monkeypatch.setattr("rungwise.api.retrain.outcome", lambda done: done)
    rw.retrain("one", training, store=store)
    assert [spec.past for spec in begun] == [Past()]


def test_settings_from_before_there_was_a_past_are_read() -> None:
    spec = ExperimentSpec("loss", "min", (1,), {"name": "asha"}, {"name": "random"}, {}, {})
    data = spec.to_json()
    del data["past"]
    assert ExperimentSpec.from_json(data) == spec
    with pytest.raises(StoreError, match="cannot be read"):
        ExperimentSpec.from_json({**data, "past": {"trials": 3}})
