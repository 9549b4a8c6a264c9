"""Which GPUs a number of them means."""

import pytest

from rungwise.api.checks import devices
from rungwise.core.errors import InputError


def test_a_number_of_gpus_is_taken_from_those_that_the_environment_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    assert devices(2) == ["4", "5"]
    with pytest.raises(InputError, match="gpus is 4, but CUDA_VISIBLE_DEVICES=4,5,7 lets this process use 3"):
        devices(4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert devices(2) == ["0", "1"]
    assert devices(["GPU-a", 3]) == ["GPU-a", "3"]
