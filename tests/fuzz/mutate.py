"""Spoilt forms of good files: bytes, lines and values moved, repeated, cut, swapped for what readers stumble over."""

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutate = Callable[[Random, Sequence[bytes]], bytes]

NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**30,
    10**400,
    0.0,
    -0.0,
    1e308,
    1e-320,
    float("inf"),
    float("nan"),
)
TEXTS = (
    "",
    " ",
    "\0",
    "\x1b[2J",
    "\u202e",
    "\ufeff",
    "a" * 5000,
    "../../../etc",
    "/dev/zero",
    "\ud800",
    "=1+1",
    "{{x}}",
    "<b>",
)
WORDS = rb"""0 -1 1e999 nan .inf null true [] {} [[ {{ &a *a !!python/name:os.abort << ~ | > --- ... # : - , ' " \
""".split()


def binary(rng: Random, files: Sequence[bytes]) -> bytes:
    """One to eight changes of bytes anywhere."""
    content = bytearray(rng.choice(files))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, length = rng.randrange(len(content) + 1), int(rng.paretovariate(0.7))
        match rng.randrange(8):
            case 0:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                if at < len(content):
                    content[at] ^= 1 << rng.randrange(8)
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = content[at : at + length]
            case 4:
                content[at:at] = rng.randbytes(min(length, 4096))
            case 5:
                size, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
                number = rng.choice((0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1))
                content[at : at + size] = number.to_bytes(size, order)
            case 6:
                del content[at:]
            case 7:
                other = rng.choice(files)
                start = rng.randrange(len(other) + 1)
                content[at : at + length] = other[start : start + length]
    return bytes(content)


def text(rng: Random, files: Sequence[bytes]) -> bytes:
    """Lines and words of a text moved, repeated, or swapped for others."""
    if rng.random() < 0.25:
        return binary(rng, files)
    lines = rng.choice(files).split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                del lines[at : at + rng.randrange(1, 4)]
            case 1:
                lines[at:at] = lines[at : at + 3]
            case 2:
                lines[at] = rng.choice((b" ", b"\t", b"- ", b"  ")) + lines[at]
            case 3:
                lines[at] = rng.choice(rng.choice(files).split(b"\n"))
            case _:
                words = lines[at].split(b" ")
                spoilt = rng.choice(
                    (*WORDS, str(rng.choice(NUMBERS)).encode(), rng.choice(TEXTS).encode("utf-8", "surrogatepass"))
                )
                words[rng.randrange(len(words))] = spoilt
                lines[at] = b" ".join(words)
        lines = lines or [b""]
    return b"\n".join(lines)


def cells(rng: Random, files: Sequence[bytes]) -> bytes:
    """Cells of a CSV swapped for others."""
    if rng.random() < 0.3:
        return text(rng, files)
    rows = [line.split(b",") for line in rng.choice(files).split(b"\n")]
    for _ in range(rng.choice((1, 2, 5))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice((*WORDS, b'"', *(str(number).encode() for number in NUMBERS)))
        if rng.random() < 0.2:
            row.insert(0, rng.choice(row))
    return b"\n".join(map(b",".join, rows))


def tree(rng: Random, value: Any, strange: Sequence[Any] = ()) -> Any:
    """A value of plain containers with one item somewhere in it swapped, removed, doubled or wrapped."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(10):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return value | {rng.choice((*TEXTS, key)): value[key]}
            case _:
                return value | {key: tree(rng, value[key], strange)}
    if isinstance(value, list | tuple) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        items = list(value)
        match rng.randrange(6):
            case 0:
                del items[at]
            case 1:
                items.insert(at, items[at])
            case _:
                items[at] = tree(rng, items[at], strange)
        return type(value)(items)
    deep: Any = []
    for _ in range(rng.choice((0, 3, 200))):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    return rng.choice(
        (None, True, [value], {"a": value}, deep, *strange, *rng.sample(NUMBERS, 4), *rng.sample(TEXTS, 3))
    )


def json_values(rng: Random, files: Sequence[bytes]) -> bytes:
    """Values inside a JSON document."""
    if rng.random() < 0.3:
        return text(rng, files)
    value = json.loads(rng.choice(files))
    for _ in range(rng.choice((1, 1, 3))):
        value = tree(rng, value)
    return json.dumps(value).encode()


def json_lines(rng: Random, files: Sequence[bytes]) -> bytes:
    """Values inside one line of a file with a JSON document on each."""
    if rng.random() < 0.3:
        return text(rng, files)
    lines = rng.choice(files).splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json_values(rng, [lines[at]])
    return b"\n".join(lines) + b"\n"


def png_chunks(rng: Random, files: Sequence[bytes]) -> bytes:
    """Chunks of a PNG moved, repeated, spoilt, with right checksums, so that the parser gets past them."""
    content = rng.choice([file for file in files if file.startswith(b"\x89PNG")])
    chunks, at = [], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    chunks = chunks or [(b"IHDR", bytes(13))]
    for _ in range(rng.choice((1, 1, 2))):
        where = rng.randrange(len(chunks))
        kind, body = chunks[where]
        match rng.randrange(5):
            case 0:
                chunks.insert(rng.randrange(len(chunks) + 1), (kind, body))
            case 1:
                chunks.pop(where)
                chunks = chunks or [(kind, body)]
            case 2:
                kinds = (
                    b"IHDR",
                    b"PLTE",
                    b"IDAT",
                    b"tRNS",
                    b"tEXt",
                    b"zTXt",
                    b"iTXt",
                    b"iCCP",
                    b"eXIf",
                    b"acTL",
                    b"fcTL",
                    b"gAMA",
                )
                chunks.insert(where, (rng.choice(kinds), binary(rng, [body or b"\0"])))
            case _:
                chunks[where] = kind, binary(rng, [body or b"\0"])
    packed = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return content[:8] + b"".join(packed)


def zip_entries(rng: Random, files: Sequence[bytes]) -> bytes:
    """Entries of a zip file spoilt, swapped, renamed, with right checksums, so that the loader gets past them."""
    with zipfile.ZipFile(io.BytesIO(rng.choice(files))) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = rng.randrange(len(entries))
    name, body = entries[at]
    match rng.randrange(6):
        case 0:
            del entries[at]
        case 1:
            entries[at] = name, rng.choice(entries)[1]
        case 2:
            entries[at] = rng.choice(entries)[0], body
        case _:
            pickled = [i for i, (found, _) in enumerate(entries) if found.endswith("data.pkl")]
            at = rng.choice([at, *pickled * 3])
            entries[at] = entries[at][0], binary(rng, [entries[at][1] or b"\0"])
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w") as archive:  # of names given twice
        for name, body in entries:
            archive.writestr(name, body)
    return stream.getvalue()
