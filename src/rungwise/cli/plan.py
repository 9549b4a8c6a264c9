"""`rungwise plan`: what a run will take, for every way to divide the slots, before it is run."""

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from rungwise.cli.options import echo_json, json_option, need_matplotlib, store_option

if TYPE_CHECKING:
    from rungwise.core.limits import Stop

SCHEDULERS = ("pasha", "taper")
PICTURE = "plan.png"


@click.command()
@click.argument("profile", metavar="PROFILE.yaml")
@click.option("--workers", type=int, metavar="N", help="Slots in all.  [required]")
@click.option("--trials", type=int, metavar="N", help="Start so many configurations.  [default: 64]")
@click.option("--max-resource", type=int, metavar="N", help="The most units of a trial.  [default: all of the curves]")
@click.option("--min-resource", default=1, show_default=True, metavar="N", help="The lowest milestone.")
@click.option("--eta", default=3, show_default=True, help="One of so many goes on from a rung.")
@click.option(
    "--scheduler",
    "schedulers",
    multiple=True,
    metavar="NAME[,OPTION=VALUE…]",
    help="One to forecast; may be repeated.  [default: pasha and taper]",
)
@click.option("--divide", metavar="1,2,…", help="Slots for each trial.  [default: all that the profile holds]")
@click.option("--curves", metavar="TABLE|NAME", help="Learning curves.  [default: synthetic/noise]")
@click.option("--deadline", metavar="TIME", help="It must be over by then, as in 8h: take the cheapest that is.")
@click.option("--budget", type=float, metavar="HOURS", help="Slot-hours it may cost: take the fastest within.")
@click.option("--against", metavar="NAME", help="Forecast a finished experiment instead, beside what it took.")
@click.option("--stop", type=click.Choice(["drain", "instant"]), default="drain", help="After the last start.")
@click.option("--seeds", default=5, show_default=True, metavar="N", help="Orders of the configurations.")
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of every random draw.")
@click.option("-o", "--out", metavar="FOLDER", help=f"Write {PICTURE}, time against slot-hours, there.")
@store_option
@json_option
def plan(
    profile: str,
    workers: int | None,
    trials: int | None,
    max_resource: int | None,
    min_resource: int,
    eta: int,
    schedulers: tuple[str, ...],
    divide: str | None,
    curves: str | None,
    deadline: str | None,
    budget: float | None,
    against: str | None,
    stop: "Stop",
    seeds: int,
    seed: int,
    out: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Forecast time and cost of a run for every way to divide its slots among trials, and say which to take.

    The real scheduler runs in the simulator, on the figures of a profile (see rungwise profile) and on learning curves
    of a table, of a past experiment, or made from a formula.

    \b
    rungwise plan profile.yaml --workers 64 --trials 256 --max-resource 81 --deadline 8h
    rungwise plan profile.yaml --workers 8 --scheduler asha --scheduler pasha --divide 1,2,4 --curves digits-1
    rungwise plan profile.yaml --against train-1
    """
    if against is not None:
        _against(profile, against, curves, store, seeds, seed, as_json)
        return
    from rungwise.api.quantities import seconds
    from rungwise.cli.long import folder_of
    from rungwise.cli.screen import screen
    from rungwise.comparison.methods import parse_method
    from rungwise.planner import Setting, Wanted, advise, divisions, find_curves, forecasts, read_profile
    from rungwise.planner.curves import SYNTHETIC
    from rungwise.report.planning import plain_plan, print_plan

    if out is not None:
        need_matplotlib("picture needs")
    if workers is None:
        raise click.UsageError("workers is missing: say with --workers how many slots there are")
    measured = read_profile(profile)
    setting = Setting(workers, 64 if trials is None else trials, seeds, seed, stop)
    wanted = Wanted(None if deadline is None else seconds("deadline", deadline), budget)
    shares = None if divide is None else whole_numbers("--divide", divide)
    chosen = divisions(measured, workers, shares)
    found_curves = find_curves(
        SYNTHETIC if curves is None else curves, store, trials=setting.trials, units=max_resource,
        profile=measured,
    )  # fmt: skip
    top = found_curves.table.units if max_resource is None else max_resource
    resources = {"min_resource": min_resource, "max_resource": top, "eta": eta}
    methods = [parse_method(text, resources, setting.trials, seed) for text in schedulers or SCHEDULERS]
    found = forecasts(measured, found_curves, methods, chosen, setting)
    advice = advise(found, wanted)
    told = (found, advice, wanted, measured, found_curves, setting)
    if as_json:
        echo_json(plain_plan(*told))
    else:
        print_plan(*told, screen())
    if out is not None:
        from rungwise.report.pictures.drawing import checked_target, save
        from rungwise.report.pictures.planning import plan_figure

        target = checked_target(folder_of(out) / PICTURE)
        save([(target, plan_figure(found, advice, wanted, found_curves, setting))])


OWN = (
    "workers", "trials", "max_resource", "min_resource", "eta", "schedulers", "divide", "deadline", "budget", "stop",
    "out",
)  # fmt: skip


def _against(
    profile: str, name: str, curves: str | None, store: str, seeds: int, seed: int, as_json: bool
) -> None:  # fmt: skip
    """A finished experiment, forecast anew, beside what it took."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.planner import against, find_curves, read_profile
    from rungwise.report.planning import plain_against, print_against

    context = click.get_current_context()
    for key in OWN:
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            option = key.removesuffix("s" if key == "schedulers" else "").replace("_", "-")
            raise click.UsageError(f"--{option} goes without --against, which takes the settings of the experiment")
    measured, experiment = read_profile(profile), Experiment.open(name, store)
    trials, units = max(1, len(experiment.ledger.trials)), experiment.spec.max_resource
    found = None
    if curves is not None:
        found = find_curves(curves, store, trials=trials, units=units, profile=measured)
    compared = against(experiment, measured, found, seeds=seeds, seed=seed)
    if as_json:
        echo_json(plain_against(compared))
    else:
        print_against(compared, screen())


def whole_numbers(option: str, text: str) -> list[int]:
    """Numbers between commas; raises UsageError for anything else.

    >>> whole_numbers("--divide", "1,2, 4")
    [1, 2, 4]
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise click.UsageError(f"{option} is {text!r}, but must be whole numbers between commas, such as 1,2,4")
    return [int(word) for word in words]
