"""The experiments of the PASHA paper (Bohdal et al. 2023), on any table: what is compared in each of its tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from rungwise.benchmarks.table import Table
from rungwise.comparison.methods import Method
from rungwise.comparison.outcomes import Summed, summed
from rungwise.comparison.repetitions import Setting, name_of, repeated
from rungwise.core.errors import InputError
from rungwise.schedulers.best import Rule
from rungwise.schedulers.rungs import ladder

Part = Literal["main", "epochs", "rankings", "eta", "percentile", "resource"]
PARTS: Mapping[Part, str] = {
    "main": "ASHA, PASHA and the baselines (paper: tables 1, 5, 13), and schedulers of our own",
    "epochs": "Training every configuration for a few units (paper: tables 6, 7)",
    "rankings": "PASHA's ranking functions (paper: tables 4, 8-12)",
    "eta": "Reduction factors (paper: table 2, appendix B)",
    "percentile": "The percentile N of the automatic epsilon (paper: table 15)",
    "resource": "Half the maximum resource (paper: table 14)",
}


@dataclass(frozen=True, slots=True)
class Rungs:
    """The resources and the promotion rule that all methods share."""

    min_resource: int
    max_resource: int
    eta: int = 3
    rule: Rule = "quantile"

    @property
    def settings(self) -> dict[str, int]:
        """As settings of a scheduler."""
        return {"min_resource": self.min_resource, "max_resource": self.max_resource, "eta": self.eta}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out for one table: a list of rows for each part of the paper."""

    table: Table
    rungs: Rungs
    setting: Setting
    variants: int
    parts: Mapping[Part, Sequence[Summed]]

    @property
    def name(self) -> str:
        """The table's name, without the seed where several seeds were used."""
        return name_of(self.table, self.variants)


def compare_as_in_the_paper(
    tables: Sequence[Sequence[Table]],
    parts: Sequence[Part] = tuple(PARTS),
    *,
    setting: Setting | None = None,
    min_resource: int = 1,
    max_resource: int | None = None,
    eta: int = 3,
    rule: Rule = "quantile",
    progress: Callable[[int, int], None] | None = None,
) -> list[Comparison]:
    """Run the paper's experiments on tables, each given as its variants (one table measured with several seeds).

    Random search without replacement, `stop="instant"`, as the paper's experiments ran (its promotion rule there was
    the quantile). `max_resource` defaults to all that each table holds. Raises InputError for arguments out of range,
    a ladder longer than a table, or a table with fewer configurations than asked for.
    """
    chosen = Setting() if setting is None else setting
    for part in parts:
        if part not in PARTS:
            raise InputError(f"part is {part!r}, but must be one of {', '.join(PARTS)}")
    every_rungs = [_rungs(variants[0], min_resource, max_resource, eta, rule) for variants in tables]
    planned = [
        {part: methods(part, rungs, variants[0], chosen.trials) for part in parts}
        for rungs, variants in zip(every_rungs, tables, strict=True)
    ]
    unique = [list({each.name: each for rows in plan.values() for each in rows}.values()) for plan in planned]
    outcomes = repeated(tables, unique, chosen, progress)
    found = []
    for variants, rungs, plan, every, results in zip(tables, every_rungs, planned, unique, outcomes, strict=True):
        rows = {row.method.name: row for row in summed(every, results)}
        by_part = {part: [rows[method.name] for method in plan[part]] for part in plan}
        found.append(Comparison(variants[0], rungs, chosen, len(variants), by_part))
    return found


def _rungs(table: Table, low: int, high: int | None, eta: int, rule: Rule) -> Rungs:
    top = table.units if high is None else high
    if top > table.units:
        raise InputError(
            f"max_resource is {top}, but the table {table.name!r} holds {table.units} {table.unit}: lower it"
        )
    ladder(low, top, eta)
    return Rungs(low, top, eta, rule)


def methods(part: Part, rungs: Rungs, table: Table, trials: int) -> list[Method]:
    """What one part of the paper compares, on so many configurations; what speedups are relative to comes first."""
    asha = Method("ASHA", {"name": "asha", "rule": rungs.rule, **rungs.settings}, "ASHA")
    match part:
        case "main":
            return [asha, pasha(rungs), *_own(rungs, trials), *_epochs(rungs, table, (1,)), Method("random", None)]
        case "epochs":
            return [asha, pasha(rungs), *_epochs(rungs, table, (1, 2, 3, 5))]
        case "rankings":
            return [asha, *(_ranked(rungs, name, given) for name, given in _rankings(table))]
        case "eta":
            factors = [Rungs(rungs.min_resource, rungs.max_resource, eta, rungs.rule) for eta in (2, 3, 4)]
            return [
                each for factor in factors for each in _both(factor, "" if factor == rungs else f"eta {factor.eta}")
            ]
        case "percentile":
            others = (100.0, 95.0, 80.0)
            return [
                asha,
                pasha(rungs),
                *(_ranked(rungs, f"N = {n:g}", {"name": "auto", "percentile": n}) for n in others),
            ]
        case "resource":
            half = Rungs(rungs.min_resource, max(rungs.min_resource, rungs.max_resource // 2), rungs.eta, rungs.rule)
            return [asha, pasha(rungs), *_both(half, f"R = {half.max_resource}")]
        case _:
            assert_never(part)


def _both(rungs: Rungs, label: str) -> list[Method]:
    """ASHA and PASHA on a ladder of their own, compared with each other."""
    suffix = f", {label}" if label else ""
    asha = Method(f"ASHA{suffix}", {"name": "asha", "rule": rungs.rule, **rungs.settings}, f"ASHA{suffix}")
    settings = {"name": "pasha", "rule": rungs.rule, **rungs.settings}
    return [asha, Method(f"PASHA{suffix}", settings, asha.name)]


def pasha(rungs: Rungs) -> Method:
    """PASHA as the paper ran it: with automatic epsilon."""
    return _both(rungs, "")[1]


def _own(rungs: Rungs, trials: int) -> list[Method]:
    """Schedulers that the paper does not know: Taper with all of its trials known beforehand, and GatedPASHA."""
    taper = {"name": "taper", "trials": trials, **rungs.settings}
    return [Method("Taper", taper, "ASHA"), Method("GatedPASHA", {"name": "gated-pasha", **rungs.settings}, "ASHA")]


def _ranked(rungs: Rungs, label: str, ranking: str | Mapping[str, Any]) -> Method:
    if ranking == "auto":
        return pasha(rungs)
    return Method(
        f"PASHA, {label}", {"name": "pasha", "rule": rungs.rule, "ranking": ranking, **rungs.settings}, "ASHA"
    )


def _epochs(rungs: Rungs, table: Table, counts: Sequence[int]) -> list[Method]:
    """Every configuration for so many units of the minimum resource, as far as the ladder goes."""
    found = []
    for count in counts:
        units = count * rungs.min_resource
        if units <= rungs.max_resource:
            noun = table.unit[:-1] if units == 1 and table.unit.endswith("s") else table.unit
            found.append(Method(f"{units} {noun}", {"name": "fifo", "resource": units, **rungs.settings}, "ASHA"))
    return found


def _rankings(table: Table) -> list[tuple[str, str | dict[str, Any]]]:
    """Those of the paper's appendix C. Its epsilons are errors as fractions: a hundredfold for a metric in percent."""
    percent = table.mode == "max" and float(table.quality[table.quality == table.quality].max(initial=0.0)) > 1.5
    scale = 100 if percent else 1
    return [
        ("automatic epsilon", "auto"),
        ("direct ranking", "direct"),
        *((f"epsilon {scale * e:g}", {"name": "fixed", "epsilon": scale * e}) for e in (0.01, 0.02, 0.025, 0.03, 0.05)),
        *((f"{k} sigma", {"name": "sigma", "k": k}) for k in (1, 2, 3)),
        ("mean distance", "mean"),
        ("median distance", "median"),
        *((f"RBO p {p:g} t 0.5", {"name": "rbo", "p": p, "threshold": 0.5}) for p in (0.5, 1.0)),
        *((f"RRR p {p:g} t 0.05", {"name": "rrr", "p": p, "threshold": 0.05}) for p in (0.5, 1.0)),
        *((f"ARRR p {p:g} t 0.05", {"name": "arrr", "p": p, "threshold": 0.05}) for p in (0.5, 1.0)),
    ]
