"""A folder given by a URL: what is written there, read, listed and removed, whatever kind of storage it is.

1. fsspec finds the file system by the URL's scheme; it, and what it needs, are imported when a storage is opened.
2. What fails is tried again after each of `WAITS`; but not where that cannot help: what is not there or not allowed.
3. What fails for good is a StorageError, which names the place and the cause in one sentence.
4. Nothing is believed that was listed before: listings are asked for anew each time.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from rungwise.core.errors import InputError, StorageError

WAITS = (0.1, 0.3, 1.0, 3.0)
"""Seconds between the attempts at what may be a passing trouble."""
FINAL = (FileNotFoundError, PermissionError, NotImplementedError, IsADirectoryError, NotADirectoryError)
FLAT = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci")
"""Object stores: they need no folders, and who asks for one may get a bucket."""
T = TypeVar("T")


def is_url(place: str) -> bool:
    """Whether a place is given by a URL, and not by the path of a folder.

    >>> is_url("s3://bucket/folder"), is_url("/mnt/shared")
    (True, False)
    """
    return "://" in place


def modules_for(url: str) -> tuple[str, ...]:
    """The modules that a storage is reached by, to be imported once. Raises as `Storage` does."""
    return ("fsspec", Storage(url).module)


class Storage:
    """The folder at a URL; paths are relative to it, with slashes, and folders come into being by themselves.

    Raises InputError for a URL that cannot be understood, and StorageError where the storage cannot be opened.
    """

    __slots__ = ("_fs", "_makes_folders", "_root", "url")

    def __init__(self, url: str) -> None:
        if not url.partition("://")[2].strip("/"):
            raise InputError(f"storage is {url!r}, but must name a folder there, such as s3://bucket/folder")
        self.url = url.rstrip("/")
        self._fs, self._root = _opened(self.url)
        protocol = self._fs.protocol
        self._makes_folders = not {protocol} & set(FLAT) if isinstance(protocol, str) else not set(protocol) & set(FLAT)

    @property
    def module(self) -> str:
        """The module that the file system is defined in."""
        return type(self._fs).__module__

    def read(self, path: str) -> bytes | None:
        """The content of a small file; None if it is not there."""
        try:
            return self._patiently(f"reading {self._name(path)}", lambda: bytes(self._fs.cat_file(self._at(path))))
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Write a small file."""
        self._writing(f"writing {self._name(path)}", [path], lambda: self._fs.pipe_file(self._at(path), data))

    def put(self, files: Mapping[str, Path]) -> None:
        """Copy files of this machine to their paths here; where one fails, some may have come."""
        if not files:
            return
        there, here = [self._at(path) for path in files], [str(file) for file in files.values()]
        self._writing(f"writing {self._name(next(iter(files)))}", files, lambda: self._fs.put(here, there))

    def get(self, files: Mapping[str, Path]) -> bool:
        """Copy files from their paths here to this machine; False if one of them is not there."""
        if not files:
            return True
        there, here = [self._at(path) for path in files], [str(file) for file in files.values()]
        what = f"reading {self._name(next(iter(files)))}"
        try:
            self._patiently(what, lambda: self._fs.get(there, here))
        except FileNotFoundError:
            return False
        return True

    def find(self, path: str = "") -> dict[str, int]:
        """The bytes of every file below a path, by its path from here."""

        def listed() -> dict[str, int]:
            self._fs.invalidate_cache()
            found = self._fs.find(self._at(path), detail=True)
            skipped = len(self._root.strip("/")) + 1
            return {name.strip("/")[skipped:]: int(each["size"] or 0) for name, each in found.items()}

        try:
            return self._patiently(f"listing {self._name(path)}", listed)
        except FileNotFoundError:
            return {}

    def remove(self, path: str = "", first: str | None = None) -> None:
        """Remove a folder and all below it, or a file, if it is there; the file `first` in it before all others."""
        if first is not None:
            self._remove(f"{path}/{first}", recursive=False)
        self._remove(path, recursive=True)

    def _remove(self, path: str, *, recursive: bool) -> None:
        def removed() -> None:
            self._fs.invalidate_cache()
            self._fs.rm(self._at(path), recursive=recursive)

        with suppress(FileNotFoundError):
            self._patiently(f"removing {self._name(path)}", removed)

    def _name(self, path: str) -> str:
        """What people are told of a path: not all of it, so that the same failure is told in the same words."""
        return f"{self.url}/{path.partition('/')[0]}".rstrip("/")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _writing(self, what: str, paths: Mapping[str, Path] | list[str], write: Callable[[], object]) -> None:
        try:
            try:
                self._patiently(what, write)
            except FileNotFoundError:
                if not self._makes_folders:
                    raise
                self._patiently(what, lambda: self._make_folders({each.rpartition("/")[0] for each in paths}))
                self._patiently(what, write)
        except FileNotFoundError as error:
            raise StorageError(f"{what} failed: {told(error)}") from error

    def _make_folders(self, folders: set[str]) -> None:
        for folder in folders:
            self._fs.makedirs(self._at(folder), exist_ok=True)

    def _patiently(self, what: str, act: Callable[[], T]) -> T:
        """Try something as often as makes sense; FileNotFoundError passes through: callers know what it means."""
        waits = iter(WAITS)
        while True:
            try:
                return act()
            except FileNotFoundError:
                raise
            except Exception as error:  # every kind of storage has errors of its own
                wait = None if isinstance(error, FINAL) else next(waits, None)
                if wait is None:
                    raise StorageError(f"{what} failed: {told(error)}") from error
            time.sleep(wait)


def told(error: BaseException) -> str:
    """An error in a line of bounded length.

    >>> told(PermissionError("Access Denied"))
    'PermissionError: Access Denied'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text if len(text) <= 300 else f'{text[:300]}…'}".removesuffix(": ")


def _opened(url: str) -> tuple[Any, str]:
    """The file system that a URL is of, and the path in it."""
    scheme = url.partition("://")[0]
    try:
        import fsspec
    except ImportError:
        raise InputError(
            f"storage is {url!r}, but storage given by a URL needs fsspec: pip install 'rungwise[storage]'"
        ) from None
    if scheme == "memory" or "::" in url or any(each in url for each in "*?["):
        raise InputError(
            f"storage is {url!r}, but must be one folder which trials in other processes, or on other machines, see too"
        )
    # Each process has its own: what is inside one does not survive a fork.
    options = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    try:
        fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True, **options)
    except ImportError as error:
        raise InputError(f"storage is {url!r}, but {scheme} needs a package that is missing: {error}") from None
    except ValueError as error:
        known = "" if scheme in fsspec.available_protocols() else f"; it knows {', '.join(_known())}"
        raise InputError(f"storage is {url!r}, which fsspec does not understand: {error}{known}") from None
    except Exception as error:  # what it asks a server when it is opened
        raise StorageError(f"opening {url} failed: {told(error)}") from error
    return fs, str(root).rstrip("/")


def _known() -> list[str]:
    import fsspec

    return sorted(each for each in fsspec.available_protocols() if each in (*FLAT, "file", "sftp", "hdfs", "smb"))
