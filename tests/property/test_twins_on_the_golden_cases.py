"""The slow twins themselves, on the cases worked out by hand; the folder that holds them lies beside the checkout."""

import json
import os
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twins import rankings
from twins.noise import noisy_distances
from twins.schedulers import Slow, SlowASHA, SlowPASHA, SlowStopping
from twins.simulator import SlowSimulator
from twins.synchronous import slow_halving, slow_hyperband

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared"))
CASES = SHARED / "golden" / "cases.json"
RANKINGS: dict[str, Any] = {
    "direct": lambda: rankings.direct,
    "mean": lambda: rankings.mean,
    "median": lambda: rankings.median,
    "fixed": rankings.fixed,
    "sigma": rankings.sigma,
    "rbo": rankings.rbo,
    "rrr": rankings.rrr,
    "arrr": rankings.arrr,
    "auto": lambda percentile=90: None,
}
HERE = ("asha", "asha_stop", "pasha", "sh", "hyperband")


def golden(kind: str) -> list[Any]:
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{CASES} is not there"))]
    cases = [case for case in json.loads(CASES.read_text()) if case["type"] == kind]
    return [pytest.param(case, id=case["name"]) for case in cases if case.get("scheduler", "asha") in HERE]


def twin(name: str, args: dict[str, Any]) -> Slow:
    resources = (args["r"], args["R"], args["eta"])
    match name:
        case "sh":
            return slow_halving(args["n"], *resources)
        case "hyperband":
            return slow_hyperband(*resources)
    ladder = (*resources, args["rule"])
    match name:
        case "asha":
            return SlowASHA(*ladder)
        case "asha_stop":
            return SlowStopping(*ladder)
        case _:
            kind, *rest = args["ranking"]
            return SlowPASHA(*ladder, stable=RANKINGS[kind](*rest))


@pytest.mark.parametrize("case", golden("run"))
def test_the_slow_run_is_the_golden_one(case: dict[str, Any]) -> None:
    sign = -1 if case["mode"] == "max" else 1
    values = [[nan if value is None else sign * value for value in row] for row in case["table"]]
    seconds = np.broadcast_to(case["seconds_per_epoch"], (len(values), len(values[0]))).tolist()
    slow = twin(case["scheduler"], case["args"])
    run = SlowSimulator(values, seconds, slow, case["workers"], case["stop"], case["report_epochs"]).go()
    expect = case["expect"]
    assert [list(job) for job in run.jobs] == case["jobs"]
    assert (run.time, run.resource, run.max_resource) == (expect["time"], expect["epochs"], expect["max_resource"])
    assert run.winner == (expect["winner"], sign * expect["winner_value"])
    assert run.winner_in_top_rung(slow.levels) == (expect["top_rung"], expect["winner_top_rung"])
    if isinstance(slow, SlowPASHA):
        assert slow.cap == expect["ceiling"]


@pytest.mark.parametrize("case", golden("ranking"))
def test_the_slow_ranking_is_the_golden_one(case: dict[str, Any]) -> None:
    kind, *rest = case["ranking"]
    stable = RANKINGS[kind](*rest)
    assert stable(dict(enumerate(case["lower"])), dict(enumerate(case["upper"]))) is case["stable"]


@pytest.mark.parametrize("case", golden("epsilon"))
def test_the_slow_epsilon_is_the_golden_one(case: dict[str, Any]) -> None:
    curves = {
        int(trial): {int(resource): value for resource, value in curve.items()}
        for trial, curve in case["curves"].items()
    }
    found = noisy_distances(curves, case["second_level"], case["top_level"])
    assert sorted(found) == sorted(case["distances"])
    assert np.percentile(found, case["percentile"]) == pytest.approx(case["eps"])
