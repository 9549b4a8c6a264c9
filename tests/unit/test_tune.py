"""What `tune` makes of its arguments, before anything runs: the settings that it would store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.core.errors import InputError, StoreError
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers import FIFO, PBT, GatedPASHA, Hyperband, SuccessiveHalving, Taper
from rungwise.store import Store

Tune = Callable[..., ExperimentSpec]


def training(trial: rw.Trial) -> None:
    """Be a training; it is never run here."""


@pytest.fixture
def tune(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tune:
    """The settings of an experiment that is not begun."""
    monkeypatch.setattr("rungwise.api.tune.begin", lambda store, name, spec, *rest: spec)

    def settings(**changed: Any) -> Any:
        given = {"space": {"x": (1, 9)}, "metric": "loss", "max_resource": 81, "store": tmp_path / "runs.db"}
        return rw.tune(training, **{**given, **changed})

    return settings


@pytest.mark.parametrize(
    ("changed", "trials"),
    [
        ({}, 64),
        ({"scheduler": "asha"}, 64),
        ({"scheduler": FIFO(81)}, 64),
        ({"scheduler": "successive-halving"}, 64),
        ({"scheduler": {"name": "successive-halving", "trials": 81}}, 81),
        ({"scheduler": "successive-halving", "trials": 9}, 9),
        ({"scheduler": SuccessiveHalving(81, 1, 81)}, None),
        ({"scheduler": "hyperband"}, None),
        ({"scheduler": {"name": "hyperband", "rounds": 2}}, None),
        ({"scheduler": Hyperband(1, 81)}, None),
        ({"scheduler": "hyperband", "trials": 64}, 64),
        ({"scheduler": "pbt"}, None),
        ({"scheduler": "pbt", "trials": 8}, None),
        ({"scheduler": {"name": "pbt", "trials": 8}}, None),
        ({"scheduler": {"name": "pbt", "trials": 8}, "trials": 20}, 20),
        ({"scheduler": PBT(8, 9, 81)}, None),
        ({"trials": None}, None),
        ({"scheduler": "taper"}, 64),
        ({"scheduler": "taper", "trials": 9}, 9),
        ({"scheduler": {"name": "taper", "trials": 81}}, 81),
        ({"scheduler": "taper", "trials": None}, None),
        ({"scheduler": Taper(1, 81, 81)}, 81),
        ({"scheduler": Taper(1, 81)}, 64),
    ],
    ids=[
        "pasha", "asha", "an object", "halving", "a halving's own", "a halving given", "a halving object",
        "hyperband", "hyperband twice", "a hyperband object", "hyperband given",
        "pbt", "pbt given", "a pbt's own", "a pbt's own, and a limit", "a pbt object", "no limit",
        "taper", "taper given", "a taper's own", "a taper without", "a taper object", "a taper object without",
    ],
)  # fmt: skip
def test_what_is_planned_whole_is_not_cut_short_unless_asked_for(
    tune: Tune, changed: dict[str, Any], trials: int | None
) -> None:
    assert tune(**changed).trials == trials


def test_shares_are_checked_against_the_workers_and_the_scheduler_before_anything_starts(tune: Tune) -> None:
    assert tune().allocation == {"name": "fixed", "slots": 1}
    assert tune(workers=4, slots=2).allocation == {"name": "fixed", "slots": 2}
    assert [tune(workers=5, slots=slots).at_once for slots in (1, 2, 5)] == [5, 2, 1]
    assert tune(workers=8, allocation="by-rung").allocation == {"name": "by-rung", "slots": 1, "most": 8}
    with pytest.raises(InputError, match="slots is 3, but there are 2 in all"):
        tune(workers=2, slots=3)
    with pytest.raises(InputError, match="this scheduler lets trials run on"):
        tune(workers=2, allocation="by-rung", scheduler="stopping-asha")


def test_a_trial_of_several_slots_has_as_many_ranks_unless_it_shall_be_one_process(tune: Tune) -> None:
    assert tune(workers=2).local["ranks"] is False
    assert tune(workers=2, slots=2).local["ranks"] is True
    assert tune(workers=2, allocation="by-rung").local["ranks"] is True
    assert tune(workers=2, slots=2, one_process=True).local["ranks"] is False
    with pytest.raises(InputError, match="one_process is 'yes', but must be true or false"):
        tune(one_process="yes")


def test_settings_without_an_allocation_are_those_of_one_slot_a_trial(tune: Tune) -> None:
    spec = tune(workers=4, slots=2)
    stored = json.loads(json.dumps(spec.to_json()))
    assert ExperimentSpec.from_json(stored) == spec
    del stored["allocation"]
    assert ExperimentSpec.from_json(stored).allocation == {"name": "fixed", "slots": 1}


def test_taper_knows_how_many_trials_there_will_be_unless_nobody_does(tune: Tune) -> None:
    assert tune(scheduler="taper").scheduler["trials"] == 64
    assert tune(scheduler="taper", trials=9).scheduler["trials"] == 9
    assert "trials" not in tune(scheduler="taper", trials=None).scheduler
    with pytest.raises(InputError, match="trials is None"):
        tune(scheduler="successive-halving", trials=None)


def test_who_may_win_is_recorded_as_the_scheduler_says(tune: Tune) -> None:
    assert tune(scheduler="gated-pasha").winner == tune(scheduler=GatedPASHA(1, 81)).winner == "clean"
    assert tune().winner == tune(scheduler="taper").winner == "any"
    older = {key: value for key, value in tune(scheduler="gated-pasha").to_json().items() if key != "winner"}
    assert ExperimentSpec.from_json(older).winner == "any"


def test_trials_are_the_size_of_a_population(tune: Tune) -> None:
    assert tune(scheduler="pbt").scheduler["trials"] == 16
    assert tune(scheduler="pbt", trials=8).scheduler["trials"] == 8
    assert tune(scheduler={"name": "pbt", "trials": 4}, trials=8).scheduler["trials"] == 4
    assert tune(scheduler="pbt", min_resource=20).milestones == (20, 40, 60, 80, 81)


@pytest.mark.parametrize("name", ["pbt", "async-hyperband"])
def test_schedulers_that_draw_have_the_experiments_seed_unless_told(tune: Tune, name: str) -> None:
    assert tune(scheduler=name, seed=5).scheduler["seed"] == 5
    assert tune(scheduler={"name": name, "seed": 7}, seed=5).scheduler["seed"] == 7
    assert "seed" not in tune(scheduler="asha", seed=5).scheduler


def test_numbers_of_numpy_are_plain_in_the_settings(tune: Tune) -> None:
    numbers: dict[str, Any] = {"max_resource": 9, "min_resource": 1, "eta": 3, "trials": 6, "workers": 2, "seed": 1}
    others: dict[str, Any] = {"per_gpu": 2, "gpus": 1, "scheduler": {"name": "hyperband", "rounds": 2}}
    plain = tune(**numbers, **others, points=[{"x": 1}], searcher={"name": "grid", "points": 4})
    given = tune(
        **{name: np.int64(number) for name, number in numbers.items()},
        per_gpu=np.int32(2),
        gpus=np.int64(1),
        scheduler={"name": "hyperband", "rounds": np.int64(2)},
        points=[{"x": np.int64(1)}],
        searcher={"name": "grid", "points": np.int64(4)},
    )
    assert json.dumps(given.to_json()) == json.dumps(plain.to_json())
    population = {"name": "pbt", "trials": np.int64(8), "interval": np.int64(3), "seed": np.int64(1)}
    assert json.loads(json.dumps(tune(scheduler=population).to_json()))["scheduler"]["interval"] == 3
    halving = tune(scheduler="successive-halving", trials=np.int64(6))
    assert json.loads(json.dumps(halving.to_json()))["scheduler"]["trials"] == 6
    assert tune(gpus=[np.int64(3), "a"]).local["gpus"] == ["3", "a"]


@pytest.mark.parametrize("name", ["max_resource", "trials", "workers", "seed", "per_gpu"])
@pytest.mark.parametrize("value", [np.float64(3), np.True_, True, "3"], ids=["a float", "true", "plain true", "text"])
def test_what_is_no_whole_number_is_refused(tune: Tune, name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"^{name} is .*, but must be a whole number of [01] or more"):
        tune(**{name: value})


def test_new_experiments_repeat_nothing_unless_asked_to_or_a_population_needs_them(tune: Tune) -> None:
    assert tune().searcher == {"name": "random", "repeats": False}
    assert tune(searcher={"name": "random", "repeats": True}).searcher["repeats"] is True
    assert tune(searcher="evolution").searcher == {"name": "evolution", "repeats": False}
    assert tune(searcher="kde").searcher == {"name": "kde"}
    for scheduler in ("pbt", PBT(8, 9, 81)):
        assert tune(scheduler=scheduler).searcher == {"name": "random", "repeats": True}


def test_given_points_are_kept_whole(tune: Tune) -> None:
    space = {"x": (1, 9), "y": {"range": [0.0, 1.0], "default": 0.25}}
    assert tune(space=space, points=[{"x": 2}]).points == ({"x": 2, "y": 0.25},)


@pytest.mark.parametrize("name", [None, "mine"])
def test_of_two_runs_at_once_the_slower_takes_the_next_name(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """The other run makes its experiment after this one has chosen a name."""
    others: list[str] = []

    def begin(store: Store, chosen: str, spec: ExperimentSpec, *rest: object) -> str:
        if not others:
            others.append(chosen)
            with Store.open(tmp_path / "runs.db", create=True) as other:
                other.create(chosen, {})
        return store.create(chosen, spec.to_json()).name

    monkeypatch.setattr("rungwise.api.tune.begin", begin)
    if name is None:
        assert (tune(), others) == ("test_tune-2", ["test_tune-1"])
    else:
        with pytest.raises(StoreError, match="'mine' is in the store"):
            tune(name=name)
