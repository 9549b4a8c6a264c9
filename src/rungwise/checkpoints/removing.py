"""Removes at a storage what is needed no more, so that nobody waits for it.

1. A thread of its own does it, with one listing for all that waits. A later wish for a trial takes the place of the one
   before: there are never more than there are trials.
2. Nothing of a trial is removed that may be newer than the wish: where the trial has been launched meanwhile, the wish
   is forgotten. What then stays goes after its next job.
3. What a child is to inherit stays until the child has a copy, or ends.
4. What cannot be removed is told once, and stays.
"""

import logging
import threading

from rungwise.checkpoints.manifest import MANIFEST
from rungwise.checkpoints.shipping import Shipped, discard, shipped
from rungwise.checkpoints.storage import Storage
from rungwise.core.errors import StorageError


class Removing:
    """Removes what is needed no more at a storage, in a thread of its own, which begins with the first wish."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._changed = threading.Condition()
        self._wishes: dict[int, str | None] = {}
        self._under_way: dict[int, str | None] = {}
        self._spared: dict[int, set[str]] = {}
        self._held: set[str] = set()
        self._scrap: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._told = False

    def wish(self, trial: int, stays: str | None) -> None:
        """Let nothing of a trial stay but what is at one path (None: nothing); returns at once."""
        with self._changed:
            self._spared.pop(trial, None)
            self._wishes[trial] = stays
            self._begin()

    def scrap(self, path: str) -> None:
        """Let an upload go that was cut, if it was: its manifest is then really not there."""
        with self._changed:
            self._scrap.add(path)
            self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            # It must not keep the tuner from ending where a storage never answers.
            self._thread = threading.Thread(target=self._serve, name="rungwise-removing", daemon=True)
            self._thread.start()
        self._changed.notify()

    def forget(self, trial: int) -> None:
        """Forget what was wished of a trial, for it is launched again."""
        with self._changed:
            self._wishes.pop(trial, None)
            self._under_way.pop(trial, None)

    def spare(self, child: int, paths: set[str]) -> None:
        """Let what is at some paths stay for a child; an empty set: no longer."""
        with self._changed:
            self._spared.pop(child, None)
            if paths:
                self._spared[child] = paths

    def close(self, within: float) -> None:
        """Carry out what is left, but wait no longer than so many seconds."""
        thread = self._thread
        if thread is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        thread.join(within)
        if thread.is_alive():
            self._tell("it takes too long")

    def _serve(self) -> None:
        while self._take():
            self._carry_out()
        self._carry_out()

    def _take(self) -> bool:
        """Wait for wishes, and take all that there are; False when there will be none any more."""
        with self._changed:
            self._under_way.clear()
            while not self._wishes and not self._scrap and not self._closing:
                self._changed.wait()
            self._under_way, self._wishes = self._wishes, {}
            return bool(self._under_way or self._scrap)

    def _carry_out(self) -> None:
        try:
            trials = list(self._under_way)
            for one in shipped(self._storage, trials[0] if len(trials) == 1 else None) if trials else ():
                if self._goes(one):
                    discard(self._storage, one.path)
            for path in self._no_longer_spared():
                discard(self._storage, path)
            for path in self._cut():
                if self._storage.read(f"{path}/{MANIFEST}") is None:
                    discard(self._storage, path)
        except StorageError as error:
            self._tell(str(error))

    def _goes(self, one: Shipped) -> bool:
        with self._changed:
            wished = one.trial in self._under_way and self._under_way[one.trial] != one.path
            if wished and self._is_spared(one.path):
                self._held.add(one.path)
                return False
            return wished

    def _no_longer_spared(self) -> set[str]:
        with self._changed:
            found = {path for path in self._held if not self._is_spared(path)}
            self._held -= found
            return found

    def _cut(self) -> set[str]:
        with self._changed:
            found, self._scrap = self._scrap, set()
            return found

    def _is_spared(self, path: str) -> bool:
        return any(path in paths for paths in self._spared.values())

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            logging.getLogger("rungwise").warning(
                "checkpoints that are needed no more stay at %s, as they could not be removed: %s",
                self._storage.url, why,
            )  # fmt: skip
