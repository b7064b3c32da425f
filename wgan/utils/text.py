"""Text from outside (file names, a user's YAML), made fit for a screen."""

from pathlib import Path


def printable(text: Path | str) -> str:
    """`text` for one line of a screen: control characters, and bytes of a name that are no UTF-8, become escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
