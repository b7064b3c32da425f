"""JPEG files by their segments: what is metadata, whether a scan is missing, which scans an 1/8 can do without.

At 1/8 scale the inverse DCT of a component reads the DC coefficient alone, yet of a progressive file the decoder first
unpacks every scan of AC coefficients: most of the file, most of the time. Those scans are replaced by one that says
"all zero" in a few bytes. The result is the same, bit by bit (libjpeg would smooth over coefficients that are missing,
but not over coefficients that are zero), two to four times sooner. Components subsampled in both directions (chroma in
4:2:0) keep their scans: libjpeg scales them by 1/4 instead of upsampling them, and reads more.

Markers and scans: ITU-T T.81, sections A.1.1, B.2, F.2.2 and G.1.2.
"""

import re
from collections.abc import Iterator

EOI = b"\xff\xd9"
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # inside a scan, FF 00 is a byte FF and D0-D7 are restarts
_SOF0, _SOF1, _SOF2, _DHT, _SOS, _DRI, _COM = 0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDD, 0xFE
_TELLING = re.compile(rb"(JFIF\0|Adobe|Exif\0\0|http://ns.adobe.com/xap/1.0/\0).{7}", re.DOTALL)  # of colours, of turns
_LONGEST_RUN = 32767  # blocks that one EOB14 code and its 14 bits can declare zero


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(marker, begin, end, parameters) of each segment up to EOI; a scan's data belong to it."""
    position = 2
    while (found := _NEXT_MARKER.search(jpeg, position)) and jpeg[found.start() + 1] != EOI[1]:
        start, kind = found.start(), jpeg[found.start() + 1]
        position = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        body = jpeg[start + 4 : position]
        if kind == _SOS:
            following = _NEXT_MARKER.search(jpeg, position)
            position = following.start() if following else len(jpeg)
        yield kind, start, position, body


def is_interleaved(jpeg: bytes) -> bool:
    """Whether the first scan holds all components of a frame that is not progressive: it is decoded row by row."""
    components = b""
    for kind, _, _, body in segments(jpeg):
        if kind in (_SOF0, _SOF1):
            components = body[5:6]
        elif kind == _SOS:
            return components == body[:1] != b""
    return False


def has_every_scan(jpeg: bytes) -> bool:
    """Whether all coefficients of all components are given to the last bit, but for the end of the last scan."""
    missing: dict[int, set[int]] = {}
    for kind, _, _, body in segments(jpeg):
        if kind in (_SOF0, _SOF1, _SOF2) and len(body) > 5:
            missing = {component: set(range(64)) for component in body[6 : 6 + 3 * body[5] : 3]}
        elif kind == _SOS and len(body) == 4 + 2 * body[0] and body[-1] & 15 == 0:
            for component in body[1:-3:2]:
                missing.get(component, set()).difference_update(range(body[-3], body[-2] + 1))
    return bool(missing) and not any(missing.values())


def without_metadata(jpeg: bytes) -> bytes:
    """`jpeg` without comments, and without application segments that say nothing of its pixels or are too short to."""
    named = [
        (kind == _COM or (kind >> 4 == 0xE and not _TELLING.match(body)), a, b) for kind, a, b, body in segments(jpeg)
    ]
    return _without(jpeg, [(a, b) for idle, a, b in named if idle])


def _without(content: bytes, dropped: list[tuple[int, int]]) -> bytes:
    starts, ends = [start for start, _ in dropped], [end for _, end in dropped]
    return b"".join(content[a:b] for a, b in zip([0, *ends], [*starts, len(content)], strict=True))


def drop_details(jpeg: bytes) -> bytes:
    """`jpeg` without the AC scans that an 1/8 does not need; unchanged where it is not plainly built."""
    dropped: list[tuple[int, int]] = []
    blocks: dict[int, int] = {}  # component of which the DC coefficients suffice -> its number of 8x8 blocks
    end = 2
    for kind, start, end, body in segments(jpeg):
        if kind == _DRI:
            return jpeg  # the zero scan would need restart markers
        if kind == _SOF2 and len(body) >= 6 + 3 * body[5]:
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            sampling = {body[i]: (body[i + 1] >> 4, body[i + 1] & 15) for i in range(6, 6 + 3 * body[5], 3)}
            most_h, most_v = (max(column) for column in zip(*sampling.values(), strict=True))
            blocks = {
                component: -(-width * h // (8 * most_h)) * -(-height * v // (8 * most_v))
                for component, (h, v) in sampling.items()
                if 2 * h > most_h or 2 * v > most_v
            }
        elif kind == _SOS and body and body[1 + 2 * body[0]] > 0 and body[1] in blocks:
            dropped.append((start, end))  # a scan of AC coefficients has one component
    if not dropped or jpeg[end : end + 2] != EOI:  # truncated: the decoder is to say so
        return jpeg
    return _without(jpeg[:end], dropped) + _zero_scans(blocks) + EOI


def _zero_scans(blocks: dict[int, int]) -> bytes:
    """For each component a scan whose AC coefficients are all zero, at full precision."""
    table = bytes([0xFF, _DHT, 0, 20, 0x13, 1, *[0] * 15, 0xE0])  # AC table 3: one code, of one bit, for EOB14
    scans = [table]
    for component, count in blocks.items():
        bits = ("0" + "1" * 14) * -(-count // _LONGEST_RUN)  # the code, and the longest run; the last may reach too far
        bits += "1" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
        scans.append(bytes([0xFF, _SOS, 0, 8, 1, component, 0x03, 1, 63, 0]) + data)
    return b"".join(scans)
