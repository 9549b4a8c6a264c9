"""A process that has imported everything once, and forks tuners.

It is asked over a socket, in JSON lines: `{"task": …, "arguments": {…}, "folder": …}` with the descriptor to which the
tuner tells what it has seen; the answer is its process id. `{"reap": pid}` is answered with its exit status, minus the
signal if it was killed. Whatever tuners leave behind becomes this process's child, wherever it tries to go.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36


def main(link: int) -> None:
    """Serve until the other end closes; then end what is left."""
    from faults import tuners

    tuners.warm_up()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end = socket.socket(fileno=link)
    statuses: dict[int, int] = {}
    running: set[int] = set()
    end.sendall(b'{"ready": true}\n')
    while request := _received(end):
        message, descriptors = request
        match message:
            case {"reap": int(pid)}:
                while pid not in statuses:
                    _wait(statuses, 0)
                while _wait(statuses, os.WNOHANG):
                    pass
                running.discard(pid)
                answer = {"status": statuses.pop(pid)}
            case _:
                pid = _fork(end, message, descriptors[0])
                running.add(pid)
                answer = {"pid": pid}
        end.sendall(json.dumps(answer).encode() + b"\n")
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _received(end: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    data, descriptors, _, _ = socket.recv_fds(end, 1 << 16, 4)
    while data and not data.endswith(b"\n"):
        data += end.recv(1 << 16)
    return (json.loads(data), descriptors) if data else None


def _wait(statuses: dict[int, int], options: int) -> bool:
    try:
        pid, status = os.waitpid(-1, options)
    except ChildProcessError:
        return False
    if pid:
        statuses[pid] = os.waitstatus_to_exitcode(status)
    return pid != 0


def _fork(end: socket.socket, message: dict[str, Any], told: int) -> int:
    pid = os.fork()
    if pid:
        os.close(told)
        return pid
    status = 1
    try:
        end.close()
        os.setsid()
        _be_tuner(message, told)
        status = 0
    except BaseException:  # a child must never return into the server's loop
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _be_tuner(message: dict[str, Any], told: int) -> None:
    from faults import tuners

    output = os.open(message["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    folder = Path(message["folder"])
    os.chdir(folder)
    tuners.run(message["task"], told, message["arguments"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
