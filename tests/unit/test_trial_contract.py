"""What a report may hold."""

from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

from rungwise.core.errors import ContractError
from rungwise.trial.contract import check_report


def check(
    resource: object, previous: int = 0, metric: str | None = "acc", **metrics: Any
) -> tuple[int, dict[str, float]]:
    return check_report(resource, metrics, metric=metric, previous=previous)


def test_numbers_of_every_kind_become_plain_ones() -> None:
    units, numbers = check(
        np.int64(3), acc=np.float32(0.5), loss=2, array=np.array(0.25), one=np.array([0.125]), flag=True
    )  # fmt: skip
    assert units == 3
    assert numbers == {"acc": 0.5, "loss": 2.0, "array": 0.25, "one": 0.125, "flag": 1.0}
    assert {type(units), *map(type, numbers.values())} == {int, float}


def test_nan_and_infinities_are_numbers() -> None:
    _, numbers = check(1, acc=nan, loss=-inf)
    assert isnan(numbers["acc"])
    assert numbers["loss"] == -inf


@pytest.mark.parametrize("resource", [0, -1, True, 1.0, 1.5, "3", None, nan])
def test_a_resource_is_a_whole_positive_number(resource: object) -> None:
    with pytest.raises(ContractError, match="whole number"):
        check(resource, acc=0.5)


def test_a_resource_fits_into_a_log() -> None:
    assert check(2**63 - 1, acc=0.5)[0] == 2**63 - 1
    with pytest.raises(ContractError, match="63 bits"):
        check(2**63, acc=0.5)


@pytest.mark.parametrize("resource", [1, 2])
def test_within_a_job_resources_grow(resource: int) -> None:
    with pytest.raises(ContractError, match=f"resource {resource} after 2"):
        check(resource, previous=2, acc=0.5)


def test_a_report_holds_the_metric_that_is_tuned_for() -> None:
    with pytest.raises(ContractError, match=r"lacks the metric 'acc'.* it holds 'accuracy', 'loss'"):
        check(1, accuracy=0.5, loss=1)
    with pytest.raises(ContractError, match="no metric"):
        check(1)
    assert check(1, metric=None, anything=1)


@pytest.mark.parametrize("value", ["0.9", b"0.9", None, [0.9], (), np.array([1.0, 2.0]), 1j, {}, 10**400, np.str_("1")])
def test_a_metric_is_one_number(value: object) -> None:
    with pytest.raises(ContractError, match=r"'acc' is .* must be one number"):
        check(1, acc=value)


@pytest.mark.parametrize(
    ("value", "size"),
    [("x" * 10_000_000, "length 10,000,000"), (b"x" * 10_000_000, "length 10,000,000"), (list(range(10_000)), "10,000"),
     (np.zeros((1000, 1000)), r"shape \(1000, 1000\)")],
)  # fmt: skip
def test_what_is_large_is_shown_by_its_size(value: object, size: str) -> None:
    with pytest.raises(ContractError, match=size) as caught:
        check(1, acc=value)
    assert len(str(caught.value)) < 400


def test_names_and_their_number_are_limited() -> None:
    def many(names: list[str]) -> dict[str, Any]:
        return dict.fromkeys(names, 1)

    assert check(1, acc=1, **many(["n" * 200]))
    with pytest.raises(ContractError, match="201 characters") as caught:
        check(1, acc=1, **many(["n" * 201]))
    assert len(str(caught.value)) < 200
    assert check(1, acc=1, **many([f"m{i}" for i in range(999)]))
    with pytest.raises(ContractError, match="1001 metrics"):
        check(1, acc=1, **many([f"m{i}" for i in range(1000)]))
    with pytest.raises(ContractError, match="name is taken"):
        check_report(1, {"acc": 1.0, "resource": 2}, metric="acc", previous=0)
    assert check(1, acc=1, **many(["précision"]))
    with pytest.raises(ContractError, match="UTF-8"):
        check(1, acc=1, **many(["\ud800"]))


def test_a_report_with_many_metrics_is_told_in_short() -> None:
    with pytest.raises(ContractError, match="and 490 more") as caught:
        check_report(1, {f"metric-{i}": 1 for i in range(500)}, metric="acc", previous=0)
    assert len(str(caught.value)) < 400
