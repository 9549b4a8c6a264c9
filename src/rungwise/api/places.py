"""Where trials run, as users say it: on this machine, or on a Ray cluster."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rungwise.api.checks import check_text, devices
from rungwise.api.shares import widest
from rungwise.backends.local import LocalSettings
from rungwise.backends.local.places import OpenPlaces, What
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.spec import ExperimentSpec

BACKENDS = ("local", "ray")


def place_settings(backend: object, address: object, cpus: object, gpus: object) -> dict[str, Any]:
    """A backend and its options as settings. Raises InputError for those that do not apply to it, or out of range.

    On a cluster `gpus` is a number: which devices they are is Ray's to say.
    """
    _check_backend(backend)
    cores = check_whole("cpus", cpus, 1)
    if address is not None:
        check_text("address", address)
    if backend == "ray":
        if gpus != () and (not isinstance(gpus, int) or isinstance(gpus, bool) or gpus < 0):
            raise InputError(
                f"gpus is {gpus!r}, but on a Ray cluster, which hands out its devices, it must be a number of 0 or more"
            )
        count = gpus if isinstance(gpus, int) else 0
        return {"gpus": [str(number) for number in range(count)], **_on_ray(address, cores)}
    _check_local(address)
    if cores != 1:
        raise InputError(
            f"cpus is {cores}, but only the slots of a Ray cluster (backend 'ray') have cores of their own: on this"
            " machine all share its cores"
        )
    return {"gpus": devices(gpus)}


def elsewhere(spec: ExperimentSpec, backend: object, address: object) -> ExperimentSpec:
    """An experiment's settings for a session that may run in another place (None: as it did before)."""
    if backend is None and address is None:
        return spec
    chosen = spec.local.get("backend", "local") if backend is None else backend
    _check_backend(chosen)
    if address is not None:
        check_text("address", address)
    local = dict(spec.local)
    if chosen == "local":
        _check_local(address)
        local = {key: value for key, value in local.items() if key not in ("backend", "address", "cpus")}
    else:
        local |= _on_ray(address, local.get("cpus", 1))
    return replace(spec, local=local)


def places_of(
    spec: ExperimentSpec, settings: LocalSettings, checkpoints: Path
) -> Callable[[What], OpenPlaces] | None:  # fmt: skip
    """The cluster that an experiment's settings name; None for this machine."""
    local: Mapping[str, Any] = spec.local
    if local.get("backend", "local") == "local":
        return None
    from rungwise.backends.ray.backend import places_on
    from rungwise.backends.ray.settings import RaySettings, share_of_gpu

    gpu, share = share_of_gpu(settings.per_gpu) if settings.gpus else 0.0, widest(spec.allocation)
    if spec.trials is not None:  # each slot is a process, from the start
        settings = replace(settings, workers=min(settings.workers, spec.trials * share))
    ray = RaySettings(local.get("address"), local.get("cpus", 1), gpu, share)
    return places_on(ray, settings, checkpoints)


def _on_ray(address: object, cpus: int) -> dict[str, Any]:
    return {"backend": "ray", "address": address, "cpus": cpus}


def _check_backend(backend: object) -> None:
    if backend not in BACKENDS:
        raise InputError(f"backend is {backend!r}, but must be one of {', '.join(BACKENDS)}")


def _check_local(address: object) -> None:
    if address is not None:
        raise InputError(f"address is {address!r}, but only a Ray cluster (backend 'ray') has one: leave it out")
