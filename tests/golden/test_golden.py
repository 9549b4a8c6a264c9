"""The cases worked out by hand, decision by decision. The folder that holds them lies beside the checkout."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import rungwise as rw
from rungwise.schedulers import ranking
from rungwise.schedulers.stability import noise

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared"))
CASES = SHARED / "golden" / "cases.json"
FRONTIER = SHARED / "golden" / "frontier.json"
RANKINGS = {
    "auto": ranking.Auto, "direct": ranking.Direct, "fixed": ranking.Fixed, "sigma": ranking.Sigma,
    "mean": ranking.MeanDistance, "median": ranking.MedianDistance, "rbo": ranking.RBO, "rrr": ranking.RRR,
    "arrr": ranking.ARRR,
}  # fmt: skip


def cases(kind: str, file: Path = CASES) -> list[Any]:
    if not file.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{file} is not there"))]
    return [pytest.param(case, id=case["name"]) for case in json.loads(file.read_text()) if case["type"] == kind]


def make_ranking(spec: list[Any]) -> Any:
    return RANKINGS[spec[0]](*spec[1:])


def make_scheduler(name: str, args: dict[str, Any]) -> Any:
    ends: dict[str, int] = {"min_resource": args["r"], "max_resource": args["R"]}
    if name == "taper":
        return rw.schedulers.Taper(**ends, max_trials=args["n"], gamma=args.get("gamma", 1.45))
    resources = {**ends, "eta": args["eta"]}
    match name:
        case "gated":
            return rw.schedulers.GatedPASHA(**resources)
        case "asha":
            return rw.schedulers.ASHA(**resources, rule=args["rule"])
        case "asha_stop":
            return rw.schedulers.StoppingASHA(**resources, rule=args["rule"])
        case "pasha":
            return rw.schedulers.PASHA(**resources, rule=args["rule"], ranking=make_ranking(args["ranking"]))
        case "sh":
            return rw.schedulers.SuccessiveHalving(args["n"], **resources)
        case "hyperband":
            return rw.schedulers.Hyperband(**resources)
        case _:
            pytest.fail(f"no such scheduler: {name!r}")


def simulated(case: dict[str, Any]) -> tuple[Any, Any]:
    """The run of a case, and its scheduler."""
    scheduler = make_scheduler(case["scheduler"], case["args"])
    table = rw.Table(case["table"], seconds=case["seconds_per_epoch"], mode=case["mode"])
    run = rw.simulate(table, scheduler, workers=case["workers"], stop=case["stop"], report_at=case["report_epochs"])
    return run, scheduler


@pytest.mark.parametrize("case", cases("run", FRONTIER))
def test_run_of_our_own_schedulers(case: dict[str, Any]) -> None:
    """Their times are rounded to a millionth of a second."""
    run, _ = simulated(case)
    jobs = [[job.trial, job.start, job.end, round(job.began, 6), round(job.ended, 6)] for job in run.jobs]
    assert jobs == case["jobs"]
    expect = case["expect"]
    assert round(run.time, 6) == expect["time"]
    assert (run.resource, run.max_resource, run.best.trial) == (
        expect["epochs"],
        expect["max_resource"],
        expect["winner"],
    )


@pytest.mark.parametrize("case", cases("run"))
def test_run(case: dict[str, Any]) -> None:
    run, scheduler = simulated(case)
    assert [[job.trial, job.start, job.end, job.began, job.ended] for job in run.jobs] == case["jobs"]
    expect = case["expect"]
    assert run.time == expect["time"]
    assert run.resource == expect["epochs"]
    assert run.max_resource == expect["max_resource"]
    assert (run.best.trial, run.best.value) == (expect["winner"], expect["winner_value"])
    assert run.best_in_top_rung.trial == expect["winner_top_rung"]
    assert run.top_rung == expect["top_rung"]
    if "ceiling" in expect:
        assert scheduler.cap == expect["ceiling"]
        assert scheduler.epsilon == pytest.approx(expect["eps"])


@pytest.mark.parametrize("case", cases("ranking"))
def test_ranking(case: dict[str, Any]) -> None:
    assert make_ranking(case["ranking"]).agree(case["lower"], case["upper"]) is case["stable"]


@pytest.mark.parametrize("case", cases("epsilon"))
def test_epsilon(case: dict[str, Any]) -> None:
    estimate = noise.Noise(case["percentile"], case["second_level"], case["top_level"])
    for trial, curve in case["curves"].items():
        for resource, value in curve.items():
            estimate.report(int(trial), int(resource), value)
    assert estimate.epsilon == pytest.approx(case["eps"])
