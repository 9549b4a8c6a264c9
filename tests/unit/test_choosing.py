"""Which scheduler when: the rule, its figures, and what is made of "auto" wherever schedulers are named."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_runs import simulated

import rungwise as rw
from rungwise.api.checks import scheduler_settings
from rungwise.api.choosing import chosen, diverged_before, known, known_trials, settled
from rungwise.api.notices import Notices
from rungwise.api.transfer import Transfer
from rungwise.comparison.methods import parse_method, scheduler_options
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged
from rungwise.core.limits import Limits
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers import Taper
from rungwise.schedulers.advice import ALIKE, FEW, LONG, MANY, MEASURED, PAGE, SCOUTED, Situation, choose, times_less
from rungwise.schedulers.named import make_scheduler
from rungwise.store import Store

DOCS = Path(__file__).parents[2] / "docs"
LADDER = {"min_resource": 1, "max_resource": 27, "eta": 3}


@pytest.mark.parametrize(
    ("situation", "settings"),
    [
        (Situation(1, 81, 256), {"name": "taper"}),
        (Situation(1, 81, MANY - 1), {"name": "taper", "gamma": 1.2}),
        (Situation(10, 810, FEW), {"name": "taper", "gamma": 1.2}),
        (Situation(1, 81, None), {"name": "taper", "trials": None}),
        (Situation(1, LONG, 256), {"name": "taper"}),  # a hundred and more is no ground for PASHA
        (Situation(1, LONG + 1, 256), {"name": "pasha"}),
        (Situation(1, LONG + 1, None), {"name": "pasha"}),
        (Situation(1, 9, 256), {"name": "taper"}),
        (Situation(10, 89, 256), {"name": "asha"}),
        (Situation(7, 7, 256), {"name": "asha"}),
        (Situation(1, 81, FEW - 1), {"name": "asha"}),
        (Situation(1, 81, 256, diverges=True), {"name": "gated-pasha"}),
        (Situation(1, 5 * LONG, None, diverges=True), {"name": "gated-pasha"}),
        (Situation(1, 81, SCOUTED - 1, diverges=True), {"name": "asha"}),
        (Situation(1, 4, 256, diverges=True), {"name": "asha"}),
    ],
)
def test_the_rule(situation: Situation, settings: dict[str, Any]) -> None:
    choice = choose(situation)
    assert choice.settings == settings
    ladder = {"min_resource": situation.min_resource, "max_resource": situation.max_resource, "eta": 3}
    make_scheduler(scheduler_settings(choice.settings, ladder))  # such a scheduler there is
    assert choice.reason


def published() -> dict[tuple[str, str], float]:
    """How many times less than ASHA each trains, by what the heading of its table says of the situation."""
    found = {}
    heading = ""
    for line in (DOCS / "results" / "choosing.md").read_text().splitlines():
        if line.startswith("### "):
            heading = line.removeprefix("### ")
        elif (row := re.match(r"\| (.+) against ASHA \| [^|]+ \| ([0-9.]+) \|", line)) is not None:
            found[heading, row[1]] = float(row[2])
    return found


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row.trials}-{row.reach}")
def test_its_figures_are_those_of_the_page(row: Any) -> None:
    trials = 256 if row.trials is None or row.reach < 50 else row.trials
    trials = 64 if row.reach > LONG and row.trials == FEW else trials
    top = f", R = {row.reach}" if row.reach < 50 else ""
    group = "12 synthetic tables" if row.reach > LONG else "27 real tables"
    taper = "Taper, n not known" if row.trials is None else "Taper" if row.trials >= MANY else "Taper, gamma 1.2"
    names = {"successive-halving": "SH", "pasha": "PASHA", "gated-pasha": "GatedPASHA", "taper": taper}
    for name, called in names.items():
        assert row.less(name) == published()[f"{group}: {trials} trials, 4 workers{top}", called], name


def test_the_nearest_situation_from_below_counts() -> None:
    def less(trials: int | None, top: int) -> float:
        return times_less("taper", "asha", Situation(1, top, trials))

    figures = {(row.trials, row.reach): row.taper for row in MEASURED}
    assert less(256, 51) == less(10_000, 199) == figures[256, 50]
    assert less(127, 51) == figures[64, 50]
    assert less(64, 30) == figures[16, 27], "shorter ladders were not measured with so many"
    assert less(2, 3) == figures[16, 9], "below everything there is the least that was measured"
    assert less(None, 81) == figures[None, 50]
    assert np.isnan(times_less("taper", "hyperband", Situation(1, 81, 64)))


def test_auto_knows_one_option() -> None:
    assert chosen("auto", 1, 81, 256).name == "taper"
    assert chosen({"name": "auto", "diverges": False}, 1, 81, 256, diverged=True).name == "taper"
    assert chosen("auto", 1, 81, 256, diverged=True).name == "gated-pasha"
    for options, told in (({"rule": "floor"}, "has no option 'rule'"), ({"diverges": 1}, "must be true or false")):
        with pytest.raises(InputError, match=told):
            chosen({"name": "auto", **options}, 1, 81, 256)
    with pytest.raises(InputError, match="trials is 'many'"):
        chosen("auto", 1, 81, "many")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="max_resource is 0"):
        chosen("auto", 1, 0, 256)


def test_a_limit_leaves_the_number_of_trials_open() -> None:
    assert known_trials(64, Limits()) == known_trials(64, Limits(target=0.1)) == 64
    for limit in ({"time": 5.0}, {"resource": 9}, {"cost": 1.0, "price_per_unit": 1.0}, {"patience_resource": 9}):
        assert known_trials(64, Limits(**limit)) is None


def test_a_hurdle_needs_a_scheduler_by_name(tmp_path: Path) -> None:
    asked = Transfer(("before",), hurdle=True)
    with pytest.raises(InputError, match="name asha or pasha"):
        settled("auto", 1, 81, 64, asked, tmp_path / "none.db")
    assert settled("asha", 1, 81, 64, asked, tmp_path / "none.db") == ("asha", "")


def test_that_trainings_diverged_before_is_seen(tmp_path: Path) -> None:
    run = simulated("asha")
    values = np.array([[1.0, np.nan, 0.5], [0.5, 0.4, 0.3]])
    diverging = rw.simulate(rw.Table(values), rw.schedulers.FIFO(3), stop="drain").log
    with Store.open(tmp_path / "runs.db", create=True) as store:
        for name, records in (("well", run.records), ("ill", diverging)):
            store.create(name, run.spec.to_json()).append(records)
    assert not diverged_before(tmp_path / "runs.db", ("well",))
    assert diverged_before(tmp_path / "runs.db", ("well", "ill"))
    asked = Transfer(("well", "ill"))
    assert settled("auto", 1, 81, 256, asked, tmp_path / "runs.db")[0] == {"name": "gated-pasha"}


def spec(name: str, trials: int | None = 64, top: int = 81, **changed: Any) -> ExperimentSpec:
    scheduler = {"name": name, "min_resource": 1, "max_resource": top, "eta": 3}
    return replace(simulated("asha").spec, scheduler=scheduler, trials=trials, milestones=(1, 3, top), **changed)


def test_what_is_known_is_told_for_every_scheduler_of_the_kind() -> None:
    assert known(spec("pasha")) == f"taper,gamma=1.2 would be expected to take 1.3x less training here ({PAGE})"
    assert known(spec("pasha", trials=None)) == f"taper would be expected to take 1.5x less training here ({PAGE})"
    limited = spec("pasha", limits=Limits(time=60.0))
    assert known(limited) == known(spec("pasha", trials=None)), "a limit leaves open how many there will be"
    assert (
        known(spec("taper", 256))
        == f"taper is known to work here: 1.9x less training than asha on real tables ({PAGE})"
    )
    assert (known(spec("pasha", top=4)) or "").startswith("asha is known to work here: a ladder to less than 9 times")
    assert (known(spec("taper", 256, top=1000)) or "").startswith("pasha is known to work here: so long a ladder")
    assert (known(spec("gated-pasha", 256)) or "").startswith(
        "gated-pasha is known to work here: trainings can diverge"
    )
    for name in ALIKE:
        assert known(spec(name)) is not None


def test_who_has_another_purpose_is_left_alone() -> None:
    for name in ("hyperband", "fifo", "pbt", "stopping-asha", "median-stopping", "custom", "retraining"):
        assert known(spec(name)) is None
    hurdles = spec("asha")
    assert known(replace(hurdles, scheduler={**hurdles.scheduler, "hurdle": 3})) is None


def test_what_auto_chose_is_told_with_its_reason_and_kept() -> None:
    made = spec("taper", chosen="because")
    assert known(made) == f"auto took taper: because ({PAGE})"
    assert ExperimentSpec.from_json(made.to_json()).chosen == "because"
    older = {key: value for key, value in made.to_json().items() if key != "chosen"}
    assert ExperimentSpec.from_json(older).chosen == ""


def test_in_python_it_is_information_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rungwise"):
        Notices(spec("asha"))([CapacityChanged(0.0, 2)])
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", known(spec("asha")))]


def test_a_simulation_takes_names_too() -> None:
    table = rw.Table(np.random.default_rng(0).random((20, 27)) + 1 / np.arange(1, 28))
    auto = rw.simulate(table, "auto", stop="drain")
    assert auto.log == rw.simulate(table, Taper(1, 27, 20, gamma=1.2), stop="drain").log
    assert rw.simulate(table, {"name": "pasha", "rule": "quantile"}).log == (
        rw.simulate(table, rw.schedulers.PASHA(1, 27, 3, "quantile")).log
    )
    few = rw.simulate(table, "auto", trials=9, stop="drain")
    assert few.log == rw.simulate(table, rw.schedulers.ASHA(1, 27, 3), trials=9, stop="drain").log
    with pytest.raises(InputError, match="scheduler is 'nosuch'"):
        rw.simulate(table, "nosuch")


def test_a_comparison_calls_auto_by_what_it_comes_to() -> None:
    method = parse_method("auto", LADDER, 300, 0)
    assert (method.name, method.settings) == ("auto (taper)", {"name": "taper", "trials": 300, **LADDER})
    diverging = parse_method("auto,diverges=true,max_resource=9", LADDER, 300, 0)
    assert diverging.name == "auto,diverges=true,max_resource=9 (gated-pasha)"
    assert diverging.scheduler().milestones == (1, 3, 9)
    assert scheduler_options("auto,diverges=true") == {"name": "auto", "diverges": True}
