# SPDX-License-Identifier: MPL-2.0
"""Lines of an adventure game, Flight of the Amazon Queen, and what is said in them.

Its archive is a table of files: the dialogues, and the sound of each part of a line as an MP3 file named
after the dialogue's number, the line's, who speaks, and the part.
"""

import re
import struct

ARCHIVE = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"
# The archive's head and one row of its table: name, bundle, place, bytes.
HEAD, ROW = 15, struct.Struct(">12sxII")
# A dialogue's head: levels, a key, its number, and how many lines the player and the other have.
NUMBERS = struct.Struct(">5h")
NUMBERS_AT = 20
# A line: two zeros, its number, its length; each begins at a multiple of four.
LINE = struct.Struct(">HHB")
ALIGNED = 4
PLAYER = "joe"
# Lines of the player that may be empty, while the place where they begin is looked for.
MAY_BE_EMPTY = 3
SPOKEN = re.compile("[A-Za-z]{2}")


def contents(data):
    """The files of an archive: name → bytes."""
    if data[:4] != b"QTBL":
        raise ValueError("not an archive of the game")
    count, = struct.unpack_from(">H", data, HEAD - 2)
    rows = (ROW.unpack_from(data, HEAD + i * ROW.size) for i in range(count))
    return {name.split(b"\0")[0].decode("ascii"): data[at:at + size] for name, at, size in rows}


def lines(data, at, count):
    """So many lines as (number, text), and where they end; None where there are no such lines."""
    found = []
    for _ in range(count):
        if at + LINE.size > len(data):
            return None
        zero, number, length = LINE.unpack_from(data, at)
        text = data[at + LINE.size:at + LINE.size + length]
        if zero or any(c < 32 for c in text):
            return None
        found.append((number, text.decode("latin-1")))
        at += -(-(LINE.size + length) // ALIGNED) * ALIGNED
    return found, at


def dialogue(data):
    """A dialogue's number, the player's lines, and the other's."""
    _, _, number, players, others = NUMBERS.unpack_from(data, NUMBERS_AT)
    for at in range(NUMBERS_AT + NUMBERS.size + 2 & -ALIGNED, len(data), ALIGNED):
        first = lines(data, at, players)
        if first and sum(len(text) > 2 for _, text in first[0]) >= players - MAY_BE_EMPTY:
            second = lines(data, first[1], others)
            if second:
                return number, first[0], second[0]
    return number, [], []


def parts(text):
    """The parts of a line that are spoken, numbered from 1: between them stand commands of two letters."""
    first, *others = text.split("*")
    for i, part in enumerate([first] + [part[2:] for part in others], 1):
        if SPOKEN.search(part):
            yield i, part.strip()


def spoken(data):
    """Every part of a line that has a sound, as (speaker, name, text, sound)."""
    files = contents(data)
    for name in sorted(n for n in files if n.endswith(".DOG")):
        number, players, others = dialogue(files[name])
        other = name[:-4].rstrip("0123456789").lower()
        for who, letter, told in ((PLAYER, "J", players), (other, "P", others)):
            for line, text in told:
                for part, words in parts(text):
                    file = f"{number:02}{line:04X}{letter}{part:X}.SB"
                    if file in files:
                        yield who, file, words, files[file]
