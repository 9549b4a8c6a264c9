"""`rungwise demo`: a real network on real data, from tuning to the retrained winner."""

import shlex
from pathlib import Path

import click

from rungwise.cli.options import store_option


@click.command()
@click.option("--workers", default=2, show_default=True, metavar="N", help="Trials at once.")
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of every random draw.")
@store_option
def demo(workers: int, seed: int, store: str) -> int:
    """Tune a network that reads handwritten digits, and retrain the winner; under a minute.

    The training is examples/digits.py, 56 lines; the data come with scikit-learn.
    """
    from importlib.util import find_spec

    from rungwise.api.retrain import retrain
    from rungwise.api.training import load_function
    from rungwise.api.tune import tune
    from rungwise.cli.ending import ended
    from rungwise.cli.retrain import told
    from rungwise.cli.screen import watching

    if find_spec("sklearn") is None:
        raise click.UsageError(
            "the demo trains a network of scikit-learn, which is not here: pip install 'rungwise[demo]'"
        )
    train = load_function(example("digits.py"), "train")
    result = tune(
        train,
        vars(__import__(train.__module__))["SPACE"],
        metric="val_accuracy",
        mode="max",
        max_resource=81,
        scheduler="pasha",
        trials=64,
        workers=workers,
        seed=seed,
        unit="epochs",
        store=store,
        watch=watching(False),
    )
    code = ended(result, False)
    if code == 0:
        click.echo(f"\nThe winner again, from scratch to {result.spec.max_resource} epochs:\n")
        code = told(retrain(result.name, store=store, watch=watching(False)), False)
    click.echo(f"\nLook closer: rungwise show {result.name} --store {shlex.quote(store)}")
    return code


def example(file: str) -> Path:
    """A file of examples/: inside the package where it was installed, in the checkout where it is developed."""
    import rungwise

    package = Path(rungwise.__file__).parent
    packed = package / "examples" / file
    return packed if packed.exists() else package.parents[1] / "examples" / file
