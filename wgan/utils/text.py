"""Text from outside (file names, a user's YAML) and times, made fit for a screen."""

from pathlib import Path


def printable(text: Path | str) -> str:
    """`text` for one line of a screen: control characters, turns of direction, what is no UTF-8 become escapes."""
    plain = str(text)
    if plain.isprintable():  # a picture inside a page has millions of characters
        return plain
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)


def spreadsheet_cell(value: object) -> object:
    """A value for a CSV file: text that a spreadsheet would run as a formula begins with an apostrophe there."""
    if value is None or isinstance(value, int | float):
        return value
    text = printable(str(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 3 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
