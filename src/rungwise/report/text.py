"""How numbers, times, configurations and other people's text are written for people."""

import re
from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10

from rungwise.core.commands import Configuration

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def number(value: float, digits: int = 4, *, strip: bool = False) -> str:
    """A number to so many significant digits; `strip` leaves out zeros at the end. Whole numbers stand as they are.

    >>> number(0.98765432), number(0.5), number(0.5, strip=True), number(12345.678), number(64)
    ('0.9877', '0.5000', '0.5', '12346', '64')
    >>> number(0.0012345, 3), number(1.5e-7), number(2.5e9, strip=True), number(float("nan"))
    ('0.00123', '1.500e-7', '2.5e9', 'nan')
    """
    if isinstance(value, int):
        return str(value)
    if not isfinite(value):
        return str(float(value))
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = floor(log10(abs(rounded)))
    scientific = not -5 < exponent < 7
    text = f"{value:.{digits - 1}e}" if scientific else f"{value:.{max(0, digits - 1 - exponent)}f}"
    mantissa, _, power = text.partition("e")
    if strip and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}" if power else mantissa


def numbers(values: Sequence[float | None], absent: str = "") -> list[str]:
    """Numbers of one column: alike in their decimals where they are of about the same size.

    >>> numbers([0.00492, 0.0303, None]), numbers([0.00492, 30.3])
    (['0.004920', '0.030300', ''], ['0.004920', '30.30'])
    """
    texts = [absent if value is None else number(value) for value in values]
    sizes = [abs(value) for value in values if value is not None and isfinite(value) and value != 0]
    if not sizes or max(sizes) > 100 * min(sizes) or any("e" in text for text in texts):
        return texts
    decimals = len(number(min(sizes)).partition(".")[2])
    return [absent if value is None else f"{value:.{decimals}f}" for value in values]


def setting(value: bool | int | float | str) -> str:
    """One hyperparameter's value: learning rates like 0.00123.

    >>> setting(0.00123456), setting(0.1), setting(16), setting(True), setting("relu")
    ('0.00123', '0.1', '16', 'True', 'relu')
    """
    return number(value, 3, strip=True) if isinstance(value, float) else clean(str(value))


def settings(configuration: Configuration, width: int | None = None) -> str:
    """A configuration in one line, of at most `width` characters where one is given.

    >>> settings({"lr": 0.00123456, "width": 128, "activation": "relu"})
    'lr=0.00123, width=128, activation=relu'
    >>> settings({"lr": 0.00123456, "width": 128, "activation": "relu"}, 30)
    'lr=0.00123, width=128, 1 more'
    """
    parts = [f"{clean(name)}={setting(value)}" for name, value in configuration.items()]
    whole = ", ".join(parts)
    if width is None or len(whole) <= width:
        return whole
    for kept in range(len(parts) - 1, 0, -1):
        text = ", ".join([*parts[:kept], f"{len(parts) - kept} more"])
        if len(text) <= width:
            return text
    return short(whole, width)


def duration(seconds: float) -> str:
    """A time span in its two largest units.

    >>> duration(0.84), duration(12.3), duration(200), duration(7500), duration(270000)
    ('0.8 s', '12 s', '3 min 20 s', '2 h 5 min', '3 d 3 h')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", "s")
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return _two(minutes, 60, "h", "min")
    return _two(round(seconds / 3600), 24, "d", "h")


def _two(count: int, parts: int, large: str, small: str) -> str:
    whole, rest = divmod(count, parts)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def bytes_text(size: int) -> str:
    """A size in bytes.

    >>> bytes_text(0), bytes_text(812), bytes_text(20480), bytes_text(1_530_000_000)
    ('0 bytes', '812 bytes', '20.5 kB', '1.53 GB')
    """
    if size < 1000:
        return counted(size, "bytes")
    power = min(4, (len(str(size)) - 1) // 3)
    return f"{number(size / 1000**power, 3)} {'kMGT'[power - 1]}B"


def counted(count: int, plural: str) -> str:
    """A count with its noun.

    >>> counted(3, "trials"), counted(1, "epochs"), counted(1, "boxes seen")
    ('3 trials', '1 epoch', '1 boxes seen')
    """
    return f"{count} {plural[:-1] if count == 1 and plural.endswith('s') else plural}"


def clean(text: str) -> str:
    r"""Other people's text without what would steer a terminal.

    >>> clean("\x1b[31mred\x1b[0m and\tblue")
    'red and blue'
    """
    return _CONTROLS.sub(" ", _ESCAPES.sub("", text))


def short(text: str, width: int) -> str:
    """A text's beginning, with an ellipsis where it is longer than `width`."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)].rstrip()}…"


def last_line(detail: str) -> str:
    r"""The line of a traceback's end that says what went wrong.

    >>> last_line("Traceback …\n  File …\nValueError: bad\n\n")
    'ValueError: bad'
    """
    lines = [line for line in detail.splitlines() if line.strip()]
    return clean(lines[-1]).strip() if lines else ""


def plain(data: object) -> object:
    """JSON data without NaN and infinities, which JSON lacks: they become None."""
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(item) for item in data]
    return data
