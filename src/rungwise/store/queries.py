"""Read-only questions about the whole store; none reads the logs themselves, so they stay quick when logs are long."""

from dataclasses import dataclass

from rungwise.store.codec import from_json, spec_of
from rungwise.store.database import Database
from rungwise.store.schema import NUMBER_BITS

_OWN = f"key BETWEEN e.id << {NUMBER_BITS} AND (e.id + 1 << {NUMBER_BITS}) - 1"

# +e.id: the column itself would pass its affinity to the expression beside it, and SQLite would read the whole log.
LISTING = f"""
SELECT e.name, e.created, e.spec,
    coalesce((SELECT key - (e.id << {NUMBER_BITS}) FROM records WHERE {_OWN} ORDER BY key DESC LIMIT 1), 0),
    (SELECT count(DISTINCT trial) FROM records WHERE kind = 'launch' AND key >> {NUMBER_BITS} = +e.id),
    (SELECT rest FROM records WHERE kind = 'finish' AND key >> {NUMBER_BITS} = +e.id ORDER BY key DESC LIMIT 1),
    coalesce((SELECT at FROM records WHERE {_OWN} AND at IS NOT NULL ORDER BY key DESC LIMIT 1), 0.0)
FROM experiments AS e ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One experiment of a listing.

    `created` is UTC, ISO 8601; `records` and `trials` are counts; `finished` is the reason of the newest Finish, None
    while there is none; `last_at` is when the newest event happened, in seconds since the experiment began.
    """

    name: str
    created: str
    spec: dict[str, object]
    records: int
    trials: int
    finished: str | None
    last_at: float


def listing(database: Database) -> list[ExperimentRow]:
    """Every experiment, in the order of creation."""
    return [
        ExperimentRow(
            name,
            created,
            spec_of(name, spec),
            records,
            trials,
            None if finish is None else from_json(finish)["reason"],
            last_at,
        )
        for name, created, spec, records, trials, finish, last_at in database.read(LISTING)
    ]
