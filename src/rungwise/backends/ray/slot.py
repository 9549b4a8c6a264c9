"""What Ray starts on a node: an actor that gives its place to a thread, which serves the tuner.

The class is made inside a function, so that Ray sends its code along: a node on which rungwise cannot be imported can
still say so. It must not use anything of this module.
"""

from typing import Any


def slot_class() -> type[Any]:
    """The class of the actors; one is made with what `summons` tells it."""

    class Slot:
        """One slot."""

        def __init__(self, summons: dict[str, Any]) -> None:
            import threading

            self._problem = ""
            self._called = threading.Event()
            threading.Thread(target=self._serve, args=(summons,), daemon=True).start()

        def problem(self) -> str:
            """Why the tuner could not be called from here; empty if it could."""
            self._called.wait()
            return self._problem

        def _serve(self, summons: dict[str, Any]) -> None:
            import json
            import os
            import socket
            import sys
            from pathlib import Path

            import ray

            home = Path.cwd()

            def here(path: str) -> str:
                """Where a path of the tuner's is on this node: the same or, below its folder, below ours."""
                if Path(path).exists() or not path.startswith(summons["cwd"] + os.sep):
                    return path
                moved = home / path[len(summons["cwd"]) + 1 :]
                return str(moved) if moved.exists() else path

            context = ray.get_runtime_context()
            hello = {
                "secret": summons["secret"], "slot": summons["slot"], "life": os.urandom(8).hex(),
                "node": context.get_node_id(), "ip": ray.util.get_node_ip_address(), "host": socket.gethostname(),
                "gpus": [str(each) for each in context.get_accelerator_ids().get("GPU", [])],
            }  # fmt: skip
            sys.path += [path for path in map(here, summons["path"]) if Path(path).exists() and path not in sys.path]
            try:
                try:
                    from rungwise.backends.ray.host import serve
                except Exception as error:
                    hello["refused"] = f"rungwise cannot be imported there ({type(error).__name__}: {error})"
                    with socket.create_connection(tuple(summons["tuner"]), 10.0) as end:
                        end.sendall(json.dumps(hello).encode() + b"\n")
                    return
                serve(summons["tuner"], hello, here, self._called.set)
            except OSError as error:
                self._problem = f"{hello['host']} ({hello['ip']}) cannot reach the tuner at {summons['tuner']}: {error}"
            finally:
                self._called.set()

    return Slot
