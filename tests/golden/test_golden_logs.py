"""Every scheduler decides today what it decided when its golden log was written (see make_logs.py beside this file)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from rungwise import searchers
from rungwise.allocation import OPTIONS as ALLOCATIONS
from rungwise.allocation import make_allocation
from rungwise.core.records import RECORDS, Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.async_hyperband import Choice, Within
from rungwise.schedulers.best import Rule
from rungwise.schedulers.named import OPTIONS, RANKINGS, make_scheduler
from rungwise.space import Space
from rungwise.store.codec import decode, encode
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

LOGS = Path(__file__).parent / "logs"
NAMES = sorted(path.stem for path in LOGS.glob("*.jsonl"))


@dataclass(frozen=True)
class Golden:
    """A golden log."""

    spec: ExperimentSpec
    rows: list[Any]
    records: list[Record]


@cache
def golden(name: str) -> Golden:
    first, *rows = [json.loads(line) for line in (LOGS / f"{name}.jsonl").read_text(encoding="ascii").splitlines()]
    return Golden(ExperimentSpec.from_json(first), rows, [decode(tuple(row)) for row in rows])


def tuner_of(spec: ExperimentSpec) -> Tuner:
    searcher = searchers.make(spec.searcher["name"], Space.from_json(spec.space), spec.seed)
    allocation = make_allocation(spec.allocation, spec.milestones, spec.scheduler["eta"])
    return Tuner(
        make_scheduler(spec.scheduler, spec.trials), searcher, allocation, seed=spec.seed, trials=spec.trials,
        stop=spec.stop, limits=spec.limits, max_retries=spec.max_retries, max_failures=spec.max_failures,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_scheduler_and_tuner_decide_what_the_log_says(name: str) -> None:
    log = golden(name)
    assert replay(tuner_of(log.spec), log.records) == []  # else it says which record differs


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_written_as_it_was_read(name: str) -> None:
    log = golden(name)
    assert repr([list(encode(record)) for record in log.records]) == repr(log.rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_ladder_is_the_one_in_the_settings(name: str) -> None:
    spec = golden(name).spec
    assert make_scheduler(spec.scheduler).milestones == spec.milestones


def settings() -> Iterator[Any]:
    return (golden(name).spec.scheduler for name in NAMES)


def set_to(option: str, usual: str | None = None) -> set[Any]:
    """What an option is set to in the logs of schedulers that have it; `usual` where it is left out."""
    found = (each.get(option, usual) for each in settings() if option in OPTIONS[each["name"]])
    return {each["name"] if isinstance(each, dict) else each for each in found} - {None}


def test_there_is_a_log_of_everything_that_can_be_chosen_by_name() -> None:
    """Whoever adds a scheduler, a rule or a ranking function adds a log of it: see make_logs.py."""
    assert {each["name"] for each in settings()} == set(OPTIONS)
    assert {golden(name).spec.allocation["name"] for name in NAMES} == set(ALLOCATIONS)
    assert set_to("rule", "floor") == set(get_args(Rule))
    assert set_to("ranking", "auto") == set(RANKINGS)
    assert set_to("within", "asha") == set(get_args(Within))
    assert set_to("choice", "random") == set(get_args(Choice))
    assert {each["name"] for each in settings() if "hurdle" in each} == {
        name for name, options in OPTIONS.items() if "hurdle" in options
    }
    assert {golden(name).spec.stop for name in NAMES} == {"instant", "drain"}


def test_every_kind_of_record_is_in_some_log() -> None:
    assert {type(record) for name in NAMES for record in golden(name).records} == set(RECORDS)
