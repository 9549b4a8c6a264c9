"""Search spaces: ConfigSpace at the edge, plain dicts inside.

The short form is a mapping, in Python, YAML and JSON alike. A hyperparameter is

- a range, `{range: [low, high]}`, of whole numbers where both bounds are, else of floats; `log: true` for a log scale;
- choices, `{choices: [a, b]}`, of str, int, float and bool; `ordered: true` gives them an order;
- or a scalar, which stays as it is.

A range may have a `prior:` and choices `weights:`, which say where good values are expected: see
`rungwise.space.priors`.

Ranges and choices take `default:` and `when: {parent: value}`: the hyperparameter exists only where every parent named
there has that value, or one of a list of values. A plain list is short for choices; in Python a tuple `(low, high)` or
`(low, high, "log")` is short for a range.

`forbidden:` is a list of mappings, each a combination that must not occur: `{optimizer: adam, batch: [16, 32]}` rules
out adam with 16 or 32. Only a list of mappings reads so; choices are never mappings, so a hyperparameter may be called
forbidden.

A number like `1e-4`, which PyYAML reads as text, is a number. In a file that we read ourselves, a quoted "1e-4" among
choices stays text; in a mapping that somebody else parsed the quotes are gone, and any text spelled like that becomes a
number. Without a default, ConfigSpace's holds: the first choice, the middle of a range (on its scale), or the prior's.

>>> parse({"lr": (1e-4, 1.0, "log"), "layers": {"range": [1, 5]}, "optimizer": ["sgd", "adam"]}).names
('lr', 'layers', 'optimizer')
"""

from rungwise.space.sources import parse
from rungwise.space.space import Space

__all__ = ["Space", "parse"]
