"""The bytes of a zip as a bad disk, a broken transfer or a hostile author would leave them.

Each damage takes the bytes and a `random.Random`, and returns other bytes.
"""

import struct

ENTRY, END = b"PK\1\2", b"PK\5\6"  # in the index at the end of a zip: one an entry, and the last
# What the index states of an entry: versions, flags and method; sizes; the lengths of what follows;
# mode and place.
FIELDS = [
    *[(at, "H") for at in (4, 6, 8, 10)],
    *[(at, "L") for at in (20, 24)],
    *[(at, "H") for at in (28, 30, 32)],
    *[(at, "L") for at in (38, 42)],
]


def flip_bits(content, draw):
    content = bytearray(content)
    for _ in range(draw.choice([1, 3, 30, 300])):
        if content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(content)


def truncate(content, draw):
    return content[: draw.randrange(len(content))]


def insert_garbage(content, draw):
    place = draw.randrange(len(content))
    return content[:place] + draw.randbytes(draw.choice([1, 100, 5000])) + content[place:]


def break_the_index(content, draw):
    content = bytearray(content)
    start = content.index(ENTRY)
    for _ in range(draw.choice([1, 2, 10])):
        content[draw.randrange(start, len(content))] = draw.randrange(256)
    return bytes(content)


def state_absurd_numbers(content, draw):
    content = bytearray(content)
    entries = [at for at in range(len(content) - 46) if content.startswith(ENTRY, at)]
    for _ in range(draw.choice([1, 5])):
        at, width = draw.choice(FIELDS)
        bits = 16 if width == "H" else 32
        value = draw.choice([0, 1, 2, 99, 2 ** (bits - 1), 2**bits - 1, draw.randrange(2**bits)])
        struct.pack_into(f"<{width}", content, draw.choice(entries) + at, value)
    return bytes(content)


def state_a_wrong_end(content, draw):
    content = bytearray(content)
    at = draw.choice([4, 6, 8, 10, 12, 16, 20])
    struct.pack_into("<H", content, content.rindex(END) + at, draw.randrange(2**16))
    return bytes(content)


DAMAGES = [
    flip_bits,
    truncate,
    insert_garbage,
    break_the_index,
    state_absurd_numbers,
    state_a_wrong_end,
]
