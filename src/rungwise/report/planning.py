"""Forecasts and advice, as people read them."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from rungwise.comparison.resampling import Estimate
from rungwise.planner.advice import Advice, Wanted
from rungwise.planner.against import Compared, Figure
from rungwise.planner.curves import Curves
from rungwise.planner.forecast import Division, Forecast, Setting
from rungwise.planner.measure import Measured
from rungwise.planner.profile import Profile
from rungwise.report.printing import grid, line, paragraph
from rungwise.report.text import clean, counted, duration, number

if TYPE_CHECKING:
    from rich.console import Console

SCALES = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d"))
MARK = "←"


def print_plan(
    found: Sequence[Forecast], advice: Advice, wanted: Wanted, profile: Profile, curves: Curves, setting: Setting,
    console: "Console",
) -> None:  # fmt: skip
    """Print a line for each forecast, the advice, and what it rests on."""
    scale, word = time_scale(found)
    plain = console.options.ascii_only
    rows = [
        [
            clean(each.method.name),
            slots_text(each.division),
            at_once(each.division, setting.workers),
            spread(each.time, scale, plain),
            spread(each.hours, 1.0, plain),
            f"{each.use.mean:.0%}",
            *([spread(each.regret, 1.0, plain)] if each.regret is not None else [number(each.quality.mean)]),
            ("*" if plain else MARK) if each is advice.chosen else "",
        ]
        for each in found
    ]
    quality = "regret" if found[0].regret is not None else clean(curves.table.metric)
    header = ["scheduler", "slots", "at once", f"time, {word}", "slot-hours", "use", quality, ""]
    grid(console, header, rows, left=frozenset(("scheduler", "slots")))
    line(console, "")
    paragraph(console, advice_text(advice, wanted, setting))
    for told in [*_fewer(found, setting.trials), *slower_text(profile)]:
        paragraph(console, told, "yellow")
    line(console, "")
    for told in (
        f"{counted(setting.trials, 'trials')}, {counted(setting.workers, 'slots')}, {counted(setting.seeds, 'seeds')};"
        f" after {'+-' if plain else '±'}: half of the 95 % interval over seeds",
        clean(curves.told),
        *([clean(f"profile: {profile.note}")] if profile.note else []),
        *([clean(curves.table.note)] if curves.table.note else []),
    ):
        paragraph(console, told, "dim")


def print_profile(profile: Profile, unknown: Sequence[str], console: "Console") -> None:
    """Print what was measured, how much faster more slots are, and what could not be measured."""
    first, base = profile.seconds[0]
    rows = [
        [str(slots), number(took, 3), f"{base / took:.2f}x", f"{base / took * first / slots:.0%}"]
        for slots, took in profile.seconds
    ]
    grid(console, ["slots", f"seconds per {clean(profile.unit.removesuffix('s'))}", "speed", "efficiency"], rows,
         left=frozenset())  # fmt: skip
    line(console, "")
    overhead = profile.overhead
    times = ", ".join(
        f"{words} {number(took, 2)} s"
        for words, took in (("start-up", overhead.startup), ("loading", overhead.load), ("saving", overhead.save))
    )
    once = f" Before the first trials start: {number(profile.begin, 2)} s." if profile.begin else ""
    paragraph(console, f"Each job: {times}.{once}")
    for told in [*slower_text(profile), *unknown]:
        paragraph(console, told, "yellow")


def print_profiles(found: Mapping[int, Measured], console: "Console") -> None:
    """Print what was measured with so many trials on a device each, and, where there are several, what that is worth.

    A device that two trials share trains two units in the time of one.
    """
    for per_gpu, each in found.items():
        if len(found) > 1:
            line(console, f"{counted(per_gpu, 'trials')} on a device")
        print_profile(each.profile, each.unknown, console)
        if len(found) > 1:
            line(console, "")
    if len(found) > 1:
        rates = {per_gpu: per_gpu / each.profile.base for per_gpu, each in found.items()}
        (first, base), best = next(iter(rates.items())), max(rates, key=lambda each: rates[each])
        told = ", ".join(f"{per_gpu}: {rate / base:.2f} times" for per_gpu, rate in rates.items() if per_gpu != first)
        paragraph(console, f"Units that a device trains, beside {counted(first, 'trials')} at once: {told}. The most"
                           f" with {best}.")  # fmt: skip


def slower_text(profile: Profile) -> list[str]:
    """That more slots are slower, where they are."""
    return [f"A unit takes longer on {more} slots than on {few}." for few, more in profile.slower]


def time_scale(found: Sequence[Forecast]) -> tuple[float, str]:
    """The largest unit of time of which the shortest forecast takes one at least, in seconds, and its word."""
    return scale_of(min(each.time.mean for each in found))


def scale_of(seconds: float) -> tuple[float, str]:
    """The largest unit of time, in seconds, that fits into so many, and its word.

    >>> scale_of(0.5), scale_of(200), scale_of(9000)
    ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'))
    """
    return [SCALES[0], *(each for each in SCALES if each[0] <= seconds)][-1]


def slots_text(division: Division) -> str:
    """What a trial gets.

    >>> slots_text(Division(2, 2)), slots_text(Division(1, 8)), slots_text(Division(1, 8, fills=True))
    ('2', '1-8 by rung', '1-8 fill')
    """
    words = {"fixed": "", "by-rung": f"-{division.most} by rung", "fill": f"-{division.most} fill"}
    return f"{division.slots}{words[division.policy]}"


def at_once(division: Division, workers: int) -> str:
    """How many trials train side by side.

    >>> at_once(Division(2, 2), 64), at_once(Division(1, 8), 64)
    ('32', '64-8')
    """
    most, least = workers // division.slots, workers // division.most
    return str(most) if most == least else f"{most}-{least}"


def spread(estimate: Estimate, scale: float = 1.0, ascii_only: bool = False) -> str:
    """A mean, and half of its interval.

    >>> spread(Estimate(60.0, 48.0, 72.0), 60), spread(Estimate(0.25, 0.25, 0.25))
    ('1.00 ± 0.20', '0.250 ± 0')
    """
    mean, half = estimate.mean / scale, (estimate.high - estimate.low) / 2 / scale
    if not isfinite(mean):
        return "-"
    return f"{number(mean, 3)} {'+-' if ascii_only else '±'} {number(half, 2) if half else '0'}"


def advice_text(advice: Advice, wanted: Wanted, setting: Setting) -> str:
    """What to take, and why, in a sentence or two."""
    chosen = advice.chosen
    side_by_side = counted(setting.workers // chosen.division.slots, "trials")
    if chosen.division.most > chosen.division.slots:
        side_by_side = f"{at_once(chosen.division, setting.workers)} trials"
    cost = f"{duration(chosen.time.mean)} and {number(chosen.hours.mean, 3)} slot-hours"
    if not advice.fits:
        text = (
            f"Nothing fits {_limits(wanted)}: what comes nearest is {_named(chosen)}, {side_by_side} at once, with"
            f" {cost} (up to {duration(chosen.time.high)} and {number(chosen.hours.high, 3)})."
        )
    else:
        within = f" of those that fit {_limits(wanted)}" if wanted.deadline or wanted.budget else ""
        superlative, other = ("cheapest", "sooner over") if advice.cheapest else ("fastest", "cheaper")
        why = f"the {superlative}{within}"
        if advice.tied:
            why = (
                f"as good as the {superlative}{within}, {_named(advice.tied[0])}, as far as the seeds tell, and {other}"
            )
        text = f"Take {_named(chosen)}, {side_by_side} at once: {cost}. It is {why}."
    if advice.better is not None and advice.better.regret is not None and chosen.regret is not None:
        text += (
            f" But {_named(advice.better)} finds better configurations: regret {number(advice.better.regret.mean, 3)},"
            f" not {number(chosen.regret.mean, 3)}, for {duration(advice.better.time.mean)} and"
            f" {number(advice.better.hours.mean, 3)} slot-hours."
        )
    return text


def _fewer(found: Sequence[Forecast], trials: int) -> list[str]:
    """Which schedulers start fewer trials than there might be: their times are not those of all."""
    started = {each.method.name: each.trials for each in found}
    return [f"{clean(name)} starts {most} of {trials} trials." for name, most in started.items() if most < trials]


def _named(forecast: Forecast) -> str:
    division = forecast.division
    text = f"{clean(forecast.method.name)} with {counted(division.slots, 'slots')} a trial"
    more = {"fixed": "", "by-rung": f", by rung up to {division.most}", "fill": f" and idle ones up to {division.most}"}
    return f"{text}{more[division.policy]}"


def _limits(wanted: Wanted) -> str:
    limits = [
        *([f"the deadline of {duration(wanted.deadline)}"] if wanted.deadline is not None else []),
        *([f"the budget of {number(wanted.budget, strip=True)} slot-hours"] if wanted.budget is not None else []),
    ]
    return " and ".join(limits)


def plain_plan(
    found: Sequence[Forecast], advice: Advice, wanted: Wanted, profile: Profile, curves: Curves, setting: Setting
) -> dict[str, Any]:
    """The same as plain data, for JSON: times in seconds."""
    return {
        "workers": setting.workers,
        "trials": setting.trials,
        "seeds": setting.seeds,
        "curves": curves.told,
        "note": curves.table.note,
        "metric": curves.table.metric,
        "mode": curves.table.mode,
        "profile": profile.to_json(),
        "forecasts": [_plain(each) for each in found],
        "deadline": wanted.deadline,
        "budget": wanted.budget,
        "fits": advice.fits,
        "recommended": _plain(advice.chosen),
        "why": advice_text(advice, wanted, setting),
    }


def print_against(compared: Compared, console: "Console") -> None:
    """Print what was forecast of an experiment beside what it took."""
    plain = console.options.ascii_only
    scale, word = scale_of(compared.time.took)
    figures = [(f"time, {word}", compared.time, scale), ("slot-hours", compared.hours, 1.0),
               (clean(compared.units.what), compared.units, 1.0),
               *((each.what, each, 1.0) for each in compared.rungs)]  # fmt: skip
    rows = [
        [
            what,
            spread(each.forecast, unit, plain) if compared.seeds > 1 else number(each.forecast.mean / unit, 3),
            number(each.took / unit, 3),
            "-" if each.error is None else f"{each.error:+.0%}",
        ]
        for what, each, unit in figures
    ]
    grid(console, [clean(compared.name), "forecast", "took", "off by"], rows, left=frozenset((clean(compared.name),)))
    line(console, "")
    for told in compared.unknown:
        paragraph(console, told, "yellow")
    paragraph(console, clean(compared.curves), "dim")


def plain_against(compared: Compared) -> dict[str, Any]:
    """The same as plain data, for JSON: times in seconds."""

    def figure(each: Figure) -> dict[str, Any]:
        return {"forecast": _estimate(each.forecast), "took": each.took, "error": each.error}

    return {
        "experiment": compared.name,
        "seeds": compared.seeds,
        "curves": compared.curves,
        "seconds": figure(compared.time),
        "slot_hours": figure(compared.hours),
        "units": figure(compared.units),
        "rungs": {each.what.removeprefix("trials at "): figure(each) for each in compared.rungs},
        "unknown": list(compared.unknown),
    }


def _estimate(value: Estimate | None) -> Mapping[str, float] | None:
    return None if value is None else {"mean": value.mean, "low": value.low, "high": value.high}


def _plain(forecast: Forecast) -> dict[str, Any]:
    return {
        "scheduler": forecast.method.name,
        "allocation": dict(forecast.division.settings),
        "seconds": _estimate(forecast.time),
        "slot_hours": _estimate(forecast.hours),
        "in_use": _estimate(forecast.use),
        "trials": forecast.trials,
        "units": _estimate(forecast.units),
        "quality": _estimate(forecast.quality),
        "regret": _estimate(forecast.regret),
    }
