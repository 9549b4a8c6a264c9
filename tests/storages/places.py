"""Storages for tests, and what a test wants to go wrong there, in this process and in those of the trials."""

import sys
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Remote:
    """A storage in `folder`, by its `url`; `faults` is where what goes wrong is written."""

    url: str
    folder: Path
    faults: Path

    def wrong(self, what: str, times: int = 1) -> None:
        """Let something go wrong so many times, or, with "refuse", for good."""
        for number in range(times):
            (self.faults / (what if what.startswith("refuse") else f"{what}-{number}")).touch()

    def well(self) -> None:
        """Nothing goes wrong any more."""
        for fault in self.faults.iterdir():
            fault.unlink()

    def names(self, below: str = "") -> list[str]:
        """Every file that is there, but for marks, by its path."""
        place = self.folder / below
        found = (path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir())
        return sorted(name for name in found if "rungwise-experiment" not in name)

    def uploads(self, trial: int, experiment: str = "") -> list[int]:
        """The resources of a trial's checkpoints that are there, whole or not."""
        folder = self.folder / experiment / f"trial-{trial}"
        return sorted(int(path.name.split("-")[0]) for path in folder.iterdir()) if folder.is_dir() else []


def make_remote(scheme: str, folder: Path, patch: pytest.MonkeyPatch) -> Remote:
    """A storage of some scheme in a folder, which other processes know too."""
    remote = Remote(f"{scheme}://{folder / 'remote'}", folder / "remote", folder / "faults")
    remote.faults.mkdir()
    patch.setenv("FAULTS", str(remote.faults))
    fsspec.register_implementation("faulty", "faulty.FaultyFileSystem", clobber=True)
    # To fsspec, in whatever process, this is a package that was installed.
    installed = folder / "installed"
    (installed / "faulty-1.dist-info").mkdir(parents=True)
    (installed / "faulty-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    (installed / "faulty-1.dist-info" / "entry_points.txt").write_text(
        "[fsspec.specs]\nfaulty = faulty:FaultyFileSystem\n"
    )
    for path in (HERE, installed):
        patch.syspath_prepend(str(path))
    patch.setenv("PYTHONPATH", f"{installed}:{HERE}", prepend=":")
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return remote
