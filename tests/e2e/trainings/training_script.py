"""A training as a script: checkpoint and resume included, and a note of every unit that it trains."""

import json
from pathlib import Path

import rungwise as rw


def main() -> None:
    """Train the one trial that this script is."""
    trial = rw.current_trial()
    state = {"units": 0}
    if (folder := trial.load()) is not None:
        state = json.loads((folder / "state.json").read_text())
    if state["units"] != trial.start:
        raise RuntimeError(f"the checkpoint holds {state['units']} units, but the trial goes on from {trial.start}")
    for epoch in trial.epochs():
        state["units"] += 1
        with Path("trained").open("a") as file:
            file.write(f"{trial.id} {epoch}\n")
        trial.report(
            epoch,
            val_accuracy=1.0 - abs(trial.config["lr"] - 0.1) - 0.1 / state["units"],
            seen=state["units"],
            save=lambda folder: (folder / "state.json").write_text(json.dumps(state)),
        )


if __name__ == "__main__":
    main()
