"""One task of LCBench, 64 configurations over 51 epochs; the folder that holds it lies beside the checkout."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twins.cases import Case, make

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared"))
LCBENCH = SHARED / "benchmarks" / "lcbench.npz"


@pytest.fixture(scope="module")
def losses() -> Any:
    """[64 configurations, 51 epochs]"""
    if not LCBENCH.exists():
        pytest.skip(f"{LCBENCH} is not there")
    with np.load(LCBENCH, allow_pickle=False) as data:
        return data["val_loss"][3, :64, 1:].astype(float)


@pytest.mark.parametrize("rule", ["floor", "quantile"])
@pytest.mark.parametrize("name", ["asha", "pasha"])
def test_a_run_on_lcbench_equals_its_slow_twin(losses: Any, name: str, rule: str) -> None:
    case = Case(losses, np.ones(losses.shape), 1, 51, 3, rule, 4, "instant", None)
    fast, slow = make(name, case)
    found, expected = case.fast(fast), case.slow(slow)
    assert [(job.trial, job.start, job.end, job.began, job.ended) for job in found.jobs] == expected.jobs
    assert (found.best.trial, found.best.value) == expected.winner
    if name == "pasha":
        assert fast.cap == slow.cap  # type: ignore[attr-defined]
        assert fast.epsilon == pytest.approx(slow.noise.epsilon, abs=1e-9)  # type: ignore[attr-defined]
