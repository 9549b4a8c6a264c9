"""Trials on a Ray cluster: commands in, events out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rungwise.backends.local.places import OpenPlaces, What
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import check_devices
from rungwise.backends.ray.ground import Ground
from rungwise.backends.ray.pool import RayPool
from rungwise.backends.ray.settings import RaySettings


def places_on(ray: RaySettings, settings: LocalSettings, checkpoints: Path) -> Callable[[What], OpenPlaces]:
    """The places of a cluster, for `LocalBackend`. Raises InputError for more workers than GPUs have room for."""
    check_devices(settings.gpus, settings.per_gpu, settings.workers)

    def places(what: What) -> OpenPlaces:
        return partial(RayPool, what, settings, ray, partial(Ground, checkpoints.resolve(), settings.storage))

    return places
