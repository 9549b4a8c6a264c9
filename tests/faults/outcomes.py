"""What faults cost, and the table of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Outcome:
    """One experiment under faults, or some together.

    `tried`: faults that struck. `lost`: acknowledged reports that the log lacks afterwards. `counted_twice`: units that
    the scheduler was told of twice, or that the ledger counts otherwise than the log does. `repeated`: units trained
    again; `needless`: those of them that lay before the last whole checkpoint. `orphans`: processes that outlived their
    tuner, or their worker, by two seconds. `seconds_to_go_on`: from the start of each tuner that went on to the first
    report that it had recorded. `same_winner`: the log replays and folds to the winner that the tuner told of, which
    is that of a run without faults where that is determined. `notes`: whatever else was not as it should be.
    """

    tried: int = 0
    lost: int = 0
    counted_twice: int = 0
    repeated: int = 0
    needless: int = 0
    orphans: int = 0
    seconds_to_go_on: tuple[float, ...] = ()
    same_winner: bool = True
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.tried + other.tried,
            self.lost + other.lost,
            self.counted_twice + other.counted_twice,
            self.repeated + other.repeated,
            self.needless + other.needless,
            self.orphans + other.orphans,
            self.seconds_to_go_on + other.seconds_to_go_on,
            self.same_winner and other.same_winner,
            self.notes + other.notes,
        )

    @property
    def blameless(self) -> bool:
        """Whether all that must be zero is zero."""
        zeros = (self.lost, self.counted_twice, self.needless, self.orphans)
        return not any(zeros) and self.same_winner and not self.notes


HEAD = (
    "fault", "tried", "reports lost", "counted twice", "trained again", "of it needlessly", "orphans",
    "seconds to go on (median, max)", "same winner",
)  # fmt: skip


def table(outcomes: Mapping[str, Outcome]) -> str:
    """The outcomes as plain text, a line each and one for all of them, and below what else is to be told."""
    rows = [HEAD, *(_row(name, each) for name, each in outcomes.items())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    notes = [f"{name}: {note}" for name, each in outcomes.items() for note in each.notes]
    return "\n".join([*lines, *notes])


def summary(outcomes: Mapping[str, Outcome], torn: Outcome, seconds: float, seed: int) -> str:
    """All of it in one line."""
    faults = sum(outcomes.values(), Outcome())
    total = faults + torn
    verdict = "nothing was lost" if total.blameless else "NOT as promised"
    return (
        f"{faults.tried} faults and {torn.tried} torn files in {seconds:.0f} s (seed {seed}):"
        f" {total.lost} acknowledged reports lost,"
        f" {total.counted_twice} units counted twice, {total.repeated} trained again ({total.needless} needlessly),"
        f" {total.orphans} orphans, winners {'the same' if total.same_winner else 'DIFFER'},"
        f" {len(total.notes)} other complaints: {verdict}"
    )


def _row(name: str, outcome: Outcome) -> tuple[str, ...]:
    seconds = outcome.seconds_to_go_on
    return (
        name,
        *(
            str(number)
            for number in (
                outcome.tried, outcome.lost, outcome.counted_twice, outcome.repeated, outcome.needless, outcome.orphans
            )
        ),
        f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "",
        "yes" if outcome.same_winner else "NO",
    )  # fmt: skip


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    return "  ".join(
        [first.ljust(widths[0]), *(each.rjust(width) for each, width in zip(others, widths[1:], strict=True))]
    )
