"""Progressive JPEG at 1/8 scale: leaving out the scans that such a decoding cannot see.

At 1/8 scale the inverse DCT of a component reads the DC coefficient alone, yet the decoder first unpacks every scan
of AC coefficients: most of the file, most of the time. Those scans are replaced by one that says "all zero" in a few
bytes. The result is the same, bit by bit (libjpeg would smooth over coefficients that are missing, but not over
coefficients that are zero), two to four times sooner. Components subsampled in both directions (chroma in 4:2:0)
keep their scans: libjpeg scales them by 1/4 instead of upsampling them, and reads more.

Markers and scans: ITU-T T.81, sections A.1.1, B.2, F.2.2 and G.1.2.
"""

import re

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # inside a scan, FF 00 is a byte FF and D0-D7 are restarts
_SOF2, _DHT, _EOI, _SOS, _DRI = 0xC2, 0xC4, 0xD9, 0xDA, 0xDD
_LONGEST_RUN = 32767  # blocks that one EOB14 code and its 14 bits can declare zero


def drop_details(jpeg: bytes) -> bytes:
    """`jpeg` without the AC scans that an 1/8 does not need; unchanged where it is not plainly built."""
    dropped: list[tuple[int, int]] = []
    blocks: dict[int, int] = {}  # component of which the DC coefficients suffice -> its number of 8x8 blocks
    position = 2
    while (found := _NEXT_MARKER.search(jpeg, position)) and jpeg[found.start() + 1] != _EOI:
        start, kind = found.start(), jpeg[found.start() + 1]
        position = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        body = jpeg[start + 4 : position]
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
        elif kind == _SOS and body:
            following = _NEXT_MARKER.search(jpeg, position)
            if following is None:
                return jpeg  # truncated: the decoder is to say so
            position = following.start()
            first_coefficient = body[1 + 2 * body[0]]
            if first_coefficient > 0 and body[1] in blocks:  # an AC scan has one component
                dropped.append((start, position))
    if found is None or not dropped:
        return jpeg
    starts, ends = zip(*dropped, strict=True)
    kept = [jpeg[a:b] for a, b in zip([0, *ends], [*starts, found.start()], strict=True)]
    return b"".join(kept) + _zero_scans(blocks) + bytes([0xFF, _EOI])


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
