"""The rooms of the house: which exist, in what order, how many lines. `python tests/architecture.py` prints them.

A room is a package in wgan/ or a module at its root. An import, wherever it stands in a file, is an arrow from a room
to a room; a room's floor is one more than the highest of those it imports.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY = "image_generation"
ORDER = (
    ("utils",),
    ("config",),
    ("data", "runs", "runtime"),
    ("networks",),
    ("trainers",),
    ("metrics",),
    ("reporting",),
    ("training", "generation"),
    ("sweep",),
    ("train", "generate", "evaluate", "check", "preflight", "__init__"),
    (ENTRY,),
)
"""From below: a room may import those of the rows before its own; within a row none imports another."""

TABLES = (("config", "trainers"), ("config", "metrics"))
"""What names modules for others to import: wgan.config.algorithms and wgan.config.metrics."""


def room_of(file: Path) -> str:
    """The room that a source file stands in."""
    parts = file.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else file.stem


def source_files() -> list[Path]:
    """All Python files of the program, the entry included."""
    return [ROOT / f"{ENTRY}.py", *sorted((ROOT / "wgan").rglob("*.py"))]


def imported(file: Path) -> Iterator[str]:
    """The rooms that a file imports: by import statements, and by texts such as "wgan.train:train"."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module == "wgan":
            names = [f"wgan.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(":") == 1:
            names = [node.value.partition(":")[0]] if node.value.startswith("wgan.") else []
        for name in names:
            package, _, rest = name.partition(".")
            if package == "wgan":
                room = rest.partition(".")[0]
                known = (ROOT / "wgan" / room).is_dir() or (ROOT / "wgan" / f"{room}.py").exists()
                yield room if room and known else "__init__"
            elif package == ENTRY:
                yield ENTRY


@cache
def arrows() -> dict[tuple[str, str], list[str]]:
    """(importing room, imported room) -> the files that do so, `TABLES` left out."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in source_files():
        room = room_of(file)
        for other in set(imported(file)) - {room}:
            if (room, other) not in TABLES:
                found.setdefault((room, other), []).append(str(file.relative_to(ROOT)))
    return found


def upward() -> list[str]:
    """The arrows against `ORDER`, each with its files; rooms that the order does not name are arrows too."""
    level = {room: number for number, rooms in enumerate(ORDER) for room in rooms}
    unnamed = {room_of(file) for file in source_files()} - level.keys()
    return [f"{room} is no room of the order" for room in sorted(unnamed)] + [
        f"{room} imports {other}: {', '.join(files)}"
        for (room, other), files in sorted(arrows().items())
        if level.get(room, -1) <= level.get(other, 99)
    ]


def floors() -> dict[str, int]:
    """room -> its floor, 1 for what imports no other room."""

    @cache
    def floor(room: str) -> int:
        return 1 + max((floor(other) for one, other in arrows() if one == room), default=0)

    return {room: floor(room) for room in sorted({room_of(file) for file in source_files()})}


def root_modules() -> list[str]:
    """The modules at the root of wgan/, each one job."""
    return sorted(file.stem for file in (ROOT / "wgan").glob("*.py") if file.stem != "__init__")


def lines() -> Counter[str]:
    """room -> lines of Python, blank ones, comments and docstrings included."""
    count: Counter[str] = Counter()
    for file in source_files():
        count[room_of(file)] += len(file.read_text(encoding="utf-8").splitlines())
    return count


def main() -> None:
    """Print the house from its top floor down."""
    assert not upward(), "\n".join(upward())
    by_floor, size = floors(), lines()
    for number in range(max(by_floor.values()), 0, -1):
        rooms = sorted(room for room, floor in by_floor.items() if floor == number)
        print(f"floor {number:2}  {', '.join(f'{room} ({size[room]:,})' for room in rooms)}")
    total = sum(size.values()) - size[ENTRY]
    print(
        f"{len(by_floor)} rooms on {max(by_floor.values())} floors, {len(root_modules())} modules at the root, "
        f"{total:,} lines in wgan/"
    )


if __name__ == "__main__":
    main()
