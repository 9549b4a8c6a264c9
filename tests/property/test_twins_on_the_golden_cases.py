"""The slow twins themselves, on the cases worked out by hand; the folder that holds them lies beside the checkout."""

import json
import os
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twins import rankings
from twins.gated import SlowGated
from twins.noise import noisy_distances
from twins.schedulers import Slow, SlowASHA, SlowPASHA, SlowStopping
from twins.simulator import SlowSimulator
from twins.synchronous import slow_halving, slow_hyperband
from twins.tapering import SlowTaper

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared"))
CASES = SHARED / "golden" / "cases.json"
FRONTIER = SHARED / "golden" / "frontier.json"
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
HERE = ("asha", "asha_stop", "pasha", "sh", "hyperband", "taper", "gated")


def golden(kind: str, file: Path = CASES) -> list[Any]:
    if not file.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{file} is not there"))]
    cases = [case for case in json.loads(file.read_text()) if case["type"] == kind]
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


@pytest.mark.parametrize("case", golden("run", FRONTIER))
def test_the_slow_run_of_our_own_is_the_golden_one(case: dict[str, Any]) -> None:
    """Times are rounded to a millionth of a second."""
    values = [[nan if value is None else value for value in row] for row in case["table"]]
    args = case["args"]
    ends = (args["r"], args["R"])
    if case["scheduler"] == "taper":
        slow: Slow = SlowTaper(*ends, args["n"], args.get("gamma", 1.45), 1.5, 2)
    else:
        slow = SlowGated(*ends, args["eta"], 0.1, args["eta"] ** 2, 2 * args["eta"])
    run = SlowSimulator(values, case["seconds_per_epoch"], slow, case["workers"], case["stop"], None).go()
    run.unclean = slow.diverged if isinstance(slow, SlowGated) else set()
    assert [[*job[:3], round(job[3], 6), round(job[4], 6)] for job in run.jobs] == case["jobs"]
    assert run.winner is not None
    expect = case["expect"]
    found = (round(run.time, 6), run.resource, run.max_resource, run.winner[0])
    assert found == (expect["time"], expect["epochs"], expect["max_resource"], expect["winner"])


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
