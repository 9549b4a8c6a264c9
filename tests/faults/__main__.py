"""The long run: every fault, many times, at random moments; prints what it cost, and fails where it cost too much.

python -m faults [--seed N] [--kills N] [--only TEXT] [--keep FOLDER]
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from faults import nodes
from faults.cuts import cut
from faults.ordeal import Ordeal, Stage
from faults.outcomes import Outcome, summary, table
from faults.processes import Server
from faults.scenarios import FAULTS, Fault

AT_ONCE = 8
"""Faults that one experiment has to bear."""
KILLS_PER_NODE = 20
"""So many kills of tuners for one of a node, which takes seconds."""
FULL = 200
"""So many kills make a full run, in which files are torn at every byte of their last 4 KiB."""


def main() -> int:
    """Run what the arguments ask for; 1 where anything is not as promised."""
    chosen = _arguments()
    seed = chosen.seed if chosen.seed is not None else time.time_ns() % 1_000_000
    faults = {name: fault for name, fault in FAULTS.items() if chosen.only.lower() in name.lower()}
    on_nodes = chosen.only.lower() in nodes.NAME
    if not faults and not on_nodes:
        names = ", ".join((*FAULTS, nodes.NAME))
        print(f"--only is {chosen.only!r}, but no fault is called so: {names}", file=sys.stderr)
        return 2
    print(f"seed {seed}: {chosen.kills} kills of tuners, and of workers", flush=True)
    began = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    with Server() as server:
        spans: dict[str, float] = {}
        for name, fault in faults.items():
            training = fault.setting.training
            if training not in spans:
                spans[training] = _undisturbed(server, fault)
            moment = time.monotonic()
            count = max(1, round(chosen.kills * fault.share))
            outcomes[name] = _many(server, name, fault, seed, count, spans[training], chosen.keep)
            print(f"{name}: {outcomes[name].tried} in {time.monotonic() - moment:.0f} s", flush=True)
    if on_nodes:
        outcomes[nodes.NAME] = _on_nodes(seed, max(2, chosen.kills // KILLS_PER_NODE))
    torn = Outcome() if chosen.only else _torn(seed, every=chosen.kills >= FULL)
    print(table(outcomes))
    print(*torn.notes, summary(outcomes, torn, time.monotonic() - began, seed), sep="\n")
    return 0 if all(each.blameless for each in (*outcomes.values(), torn)) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, help="of all random moments (default: another each time; it is printed)")
    parser.add_argument("--kills", type=int, default=FULL, help=f"how many, of tuners and of workers (default: {FULL})")
    parser.add_argument("--only", default="", help="only faults whose name holds this")
    parser.add_argument("--keep", type=Path, help="a folder to keep experiments in that did not go as promised")
    return parser.parse_args()


def _torn(seed: int, *, every: bool) -> Outcome:
    """Stores torn in all ways, which `cut` judges; in memory, because each is read once and a disk takes its time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        try:
            counts = cut(Path(folder), every=every, seed=seed)
        except AssertionError as error:
            return Outcome(notes=(str(error),))
    for name, count in counts.items():
        print(f"{name}: {count.tried} tried, {count.opened} opened, {count.told} told what is wrong")
    return Outcome(tried=sum(count.tried for count in counts.values()))


def _undisturbed(server: Server, fault: Fault) -> float:
    """Seconds that an experiment takes without a fault."""
    with tempfile.TemporaryDirectory() as folder:
        ordeal = Ordeal(Stage(server, Path(folder), Random(0), 0, 0.0), fault.setting)
        session = ordeal.begin()
        ordeal.bury(session)
        outcome = ordeal.conclude()
        print(f"undisturbed, {fault.setting.training}: {session.lasted:.2f} s", *outcome.notes, flush=True)
        return session.lasted


def _on_nodes(seed: int, kills: int) -> Outcome:
    """A cluster whose nodes are killed; nothing where there is no Ray."""
    if importlib.util.find_spec("ray") is None:
        print(f"{nodes.NAME}: not tried, Ray is not installed")
        return Outcome()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = nodes.nodes_killed(Path(folder), Random(seed), kills)
    print(f"{nodes.NAME}: {outcome.tried} in {time.monotonic() - began:.0f} s", flush=True)
    return outcome


def _many(server: Server, name: str, fault: Fault, seed: int, count: int, span: float, keep: Path | None) -> Outcome:
    """One experiment after another, until so many faults have struck."""
    total = Outcome()
    for number in range(5 * count):
        if total.tried >= count:
            break
        rng = Random(f"{seed} {name} {number}")
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(server, Path(folder), rng, min(AT_ONCE, count - total.tried), span)
            try:
                outcome = fault.varied(rng)(stage)
            except PermissionError as error:
                print(f"{name}: not tried, {error}")
                break
            except Exception as error:
                traceback.print_exc()
                outcome = Outcome(notes=(f"{type(error).__name__}: {error}",))
            if keep is not None and not outcome.blameless:
                shutil.copytree(folder, keep / f"{name.replace(' ', '-')}-{number}", symlinks=True, dirs_exist_ok=True)
            marked = tuple(f"[{number}] {note}" for note in outcome.notes)
            total += Outcome(*[getattr(outcome, field) for field in outcome.__dataclass_fields__][:-1], notes=marked)
    return total


if __name__ == "__main__":
    sys.exit(main())
