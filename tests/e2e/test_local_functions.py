"""Training functions on their way into other processes: from scripts, modules and files, with and without a guard."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from commandline import handles_of, wait_until_gone

from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.objective import Objective
from rungwise.trial import Trial

TUNE = """
def tune(function, **options):
    import sys
    from pathlib import Path
    from itertools import chain
    from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings
    from rungwise.core.commands import Launch
    from rungwise.core.errors import InputError
    from rungwise.core.events import TrialEnded
    from rungwise.core.objective import Objective
    try:
        with LocalBackend(
            FunctionTraining(function), LocalSettings(workers=1, **options), objective=Objective("acc", "max"),
            max_resource=3, checkpoints=Path("checkpoints"),
        ) as backend:
            for trial in range(2):
                backend.submit(Launch(trial, {}, 0, 3, 1, 0))
                for event in chain.from_iterable(backend.events()):
                    if isinstance(event, TrialEnded):
                        print(event.reason, event.detail)
                        break
    except InputError as error:
        sys.exit(f"refused: {error}")
"""


def run(folder: Path, *arguments: str, stdin: str | None = None, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "tuning.py").write_text(TUNE)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


GUARDED = """
    from pathlib import Path

    with Path("imports").open("a") as file:
        file.write(__name__ + " ")

    class Model:
        pass

    def train(trial):
        trial.report(3, acc=isinstance(Model(), Model))

    if __name__ == "__main__":
        from tuning import tune
        tune(train)
"""


@pytest.mark.parametrize("how", [("script.py",), ("-m", "script")])
def test_a_function_of_the_script_that_runs(tmp_path: Path, how: tuple[str, ...]) -> None:
    done = run(tmp_path, *how, script=GUARDED)
    assert (done.stdout.split(), done.stderr) == (["completed", "completed"], "")
    # Once for all trials, and not as the script that starts the tuning.
    assert (tmp_path / "imports").read_text().split() == ["__main__", "__mp_main__"]


def test_a_script_without_a_guard_is_told_so_once(tmp_path: Path) -> None:
    done = run(
        tmp_path, "script.py",
        script="""
            from tuning import tune
            def train(trial):
                trial.report(3, acc=1)
            tune(train)
        """,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("refused") == 1
    assert 'if __name__ == "__main__":' in done.stderr


@pytest.mark.parametrize("how", ["command", "stdin"])
def test_a_function_that_was_typed_is_refused(tmp_path: Path, how: str) -> None:
    text = "from tuning import tune\ndef train(trial): trial.report(3, acc=1)\ntune(train)\n"
    done = run(tmp_path, *(["-c", text] if how == "command" else []), stdin=text if how == "stdin" else None)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("refused: the training function 'train' was typed into")


def test_a_module_whose_import_fails_elsewhere_is_refused(tmp_path: Path) -> None:
    done = run(
        tmp_path, "script.py",
        script="from tuning import tune\nfrom broken import train\ntune(train)",
        broken="""
            import sys
            if "script" not in sys.argv[0] or "tuning" not in sys.modules:
                raise RuntimeError("no second time")
            def train(trial): ...
        """,
    )  # fmt: skip
    assert done.returncode == 1
    assert "refused: the training function 'train' cannot be imported by another process: RuntimeError" in done.stderr
    assert "broken.py, line 4" in done.stderr


def test_a_module_that_kills_its_process_is_refused(tmp_path: Path) -> None:
    done = run(
        tmp_path, "script.py",
        script="from tuning import tune\nfrom deadly import train\ntune(train)",
        deadly="""
            import os, sys
            if "tuning" not in sys.modules:
                print("last words", flush=True)
                os.abort()
            def train(trial): ...
        """,
    )  # fmt: skip
    assert done.returncode == 1
    assert "which died of it: killed by SIGABRT: last words" in done.stderr


def told(trial: Trial) -> None:
    """What a process may tell of itself."""
    import json  # loaded by the parent already where it was asked to

    assert json
    trial.report(1, acc=os.getpid(), parent=os.getppid(), preloaded="colorsys" in sys.modules)
    trial.report(3, acc=os.getpid(), session=os.getsid(0), threads=int(os.environ["OMP_NUM_THREADS"]))


def exits(trial: Trial) -> None:
    """Leave in a way of one's own."""
    trial.report(1, acc=1)
    match trial.config["how"]:
        case "sys":
            sys.exit(4)
        case "quietly":
            sys.exit()
        case "os":
            os._exit(5)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)


def interrupted(trial: Trial) -> None:
    """Get the signal that Ctrl-C sends."""
    os.kill(os.getpid(), signal.SIGINT)
    trial.report(3, acc=1)


def saves_badly(trial: Trial) -> None:
    """Fail to save."""

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("broken disk")

    trial.report(2, acc=1, save=fail)


def has_children(trial: Trial) -> None:
    """Leave a process behind."""
    child = subprocess.Popen(["sleep", "1000"])
    trial.report(3, acc=child.pid)


@contextmanager
def backend(tmp_path: Path, function: Any, **options: Any) -> Iterator[LocalBackend]:
    with LocalBackend(
        FunctionTraining(function), LocalSettings(**{"workers": 1, **options}), objective=Objective("acc", "max"),
        max_resource=3, checkpoints=tmp_path,
    ) as made:  # fmt: skip
        yield made


def job(made: LocalBackend, milestone: int = 3, trial: int = 0, slots: int = 1, **config: str) -> list[BackendEvent]:
    """The events of one job."""
    made.submit(Launch(trial, config, 0, milestone, slots, 0))
    events = []
    for event in chain.from_iterable(made.events()):
        events.append(event)
        if isinstance(event, TrialPaused | TrialFailed | TrialEnded):
            break
    return events[1:]


def numbers(events: list[BackendEvent]) -> dict[str, float]:
    found: dict[str, float] = {}
    for event in events:
        if isinstance(event, TrialReported):
            found |= event.metrics
    return found


def test_each_job_has_a_process_and_a_session_of_its_own_and_what_was_preloaded(tmp_path: Path) -> None:
    with backend(tmp_path, told, preload=("colorsys",)) as made:
        first, second = numbers(job(made)), numbers(job(made, trial=1))
    assert first["acc"] != second["acc"]
    assert first["session"] == first["acc"]
    assert first["parent"] == second["parent"]
    assert first["preloaded"] == 1.0
    assert list(tmp_path.iterdir()) == [], "trials that say nothing and keep nothing leave nothing"


def test_a_warm_process_is_used_again_and_replaced_if_it_dies(tmp_path: Path) -> None:
    with backend(tmp_path, told, reuse_workers=True) as made:
        pids = [numbers(job(made, trial=trial))["acc"] for trial in range(2)]
    assert pids[0] == pids[1]
    with backend(tmp_path, exits, reuse_workers=True) as made:
        ends = [job(made, trial=trial, how=how)[-1] for trial, how in enumerate(["killed", "os", "sys", "quietly"])]
    assert [(end.cause, end.detail) if isinstance(end, TrialFailed) else type(end) for end in ends] == [
        ("signal", "killed by SIGKILL, though not by the tuner nor, by its count, by the kernel for want of memory"),
        ("exit", "exit code 5"),
        ("exit", "the training called sys.exit(4)"),
        TrialEnded,
    ]


@pytest.mark.parametrize("reuse", [False, True])
def test_a_job_of_more_slots_has_more_threads(tmp_path: Path, reuse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    with backend(tmp_path, told, workers=3, reuse_workers=reuse, gpus=("0", "1", "2")) as made:
        jobs = [numbers(job(made, trial=trial, slots=slots)) for trial, slots in enumerate((1, 3, 2, 1))]
    assert [told["threads"] for told in jobs] == [2, 6, 4, 2]


def test_the_interrupt_of_a_terminal_is_the_tuners_business(tmp_path: Path) -> None:
    with backend(tmp_path, interrupted) as made:
        end = job(made)[-1]
    assert isinstance(end, TrialEnded)
    assert end.reason == "completed"


def test_a_save_that_fails_fails_the_trial_and_leaves_nothing(tmp_path: Path) -> None:
    with backend(tmp_path, saves_badly) as made:
        *_, report, end = job(made, milestone=2)
    assert isinstance(report, TrialReported)
    assert isinstance(end, TrialFailed)
    assert (end.resource, end.cause) == (0, "exception")
    assert end.detail.endswith("OSError: broken disk")
    assert "saves_badly" in end.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")
def test_what_a_trial_started_goes_with_it(tmp_path: Path) -> None:
    with backend(tmp_path, has_children) as made:
        pid = int(numbers(job(made))["acc"])
        wait_until_gone(handles_of({pid}))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")
@pytest.mark.parametrize("reuse", [False, True])
def test_if_the_parent_of_all_trials_dies_each_has_failed_once_all_are_gone(tmp_path: Path, reuse: bool) -> None:
    with backend(tmp_path, lingers, workers=2, reuse_workers=reuse, every_units=1) as made:
        stream = chain.from_iterable(made.events())
        next(stream)
        made.submit(Launch(0, {}, 0, 3, 1, 0))
        made.submit(Launch(1, {}, 0, 3, 1, 0))
        found = [next(stream), next(stream)]
        os.kill(int(numbers(found)["parent"]), signal.SIGKILL)
        for event in (next(stream), next(stream)):
            assert isinstance(event, TrialFailed)
            assert (event.resource, event.cause) == (1, "lost")
            assert "killed by SIGKILL" in event.detail
        for report in found:
            wait_until_gone(handles_of({int(numbers([report])["acc"])}))
        made.submit(Launch(2, {"brief": True}, 0, 3, 1, 0))
        assert isinstance(next(stream), TrialReported)
        assert isinstance(next(stream), TrialReported)
        end = next(stream)
        assert isinstance(end, TrialEnded)
        assert (end.trial, end.reason) == (2, "completed")


def lingers(trial: Trial) -> None:
    """Save, and stay, unless told to be brief."""
    trial.report(1, acc=os.getpid(), parent=os.getppid(), save=lambda folder: (folder / "state").touch())
    while not trial.config.get("brief"):
        select.select([], [], [], 60)
    trial.report(3, acc=1)


def test_a_module_that_was_loaded_from_a_file_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "from_nowhere.py"
    file.write_text("def train(trial):\n    trial.report(3, acc=42)\n")
    spec = spec_from_file_location("from_nowhere", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "from_nowhere", module)
    spec.loader.exec_module(module)
    with backend(tmp_path, module.train) as made:
        assert numbers(job(made)) == {"acc": 42.0}


def test_what_cannot_run_is_refused_before_anything_starts(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"preload": ("no_such_module",)}, "'no_such_module'"),
        ({"gpus": ("0",), "per_gpu": 0}, "per_gpu is 0"),
    ]
    for options, said in refused:
        with pytest.raises(InputError, match=said), backend(tmp_path, told, **options):
            pass
    for workers, gpus in ((0, ()), (3, ("0", "1"))):
        with pytest.raises(InputError, match=f"workers is {workers}"):
            LocalBackend(
                FunctionTraining(told), LocalSettings(workers=workers, gpus=gpus), objective=Objective("acc", "max"),
                max_resource=3, checkpoints=tmp_path,
            )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
