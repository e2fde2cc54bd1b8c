#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Decodes a video, counts its frames, and lays evenly spaced ones out in one picture.

    contact_sheet.py VIDEO.mp4 SHEET.png [--rate N/D] [--elapsed-ms N]

With a rate it prints how long the video is, and with the time that making it took, how fast
that was. It needs GStreamer's command line tools and nothing of Python outside its library.
"""

import argparse
import fractions
import pathlib
import struct
import subprocess
import sys
import zlib


def decode(video, width):
    """Yields (width, height, RGB bytes) of all frames."""
    name = str(video).replace("\\", "\\\\").replace('"', '\\"')
    caps = f"video/x-raw,format=RGB,width={width},pixel-aspect-ratio=1/1"
    command = ["gst-launch-1.0", "--quiet", "filesrc", f'location="{name}"', "!",
               "qtdemux", "name=d", "d.video_0", "!", "queue", "!", "decodebin", "!",
               "videoconvert", "!", "videoscale", "!", caps, "!", "pnmenc", "!", "fdsink", "fd=1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        while process.stdout.readline() == b"P6\n":
            comment_or_size = process.stdout.readline()
            while comment_or_size.startswith(b"#"):
                comment_or_size = process.stdout.readline()
            w, h = (int(n) for n in comment_or_size.split())
            process.stdout.readline()
            pixels = process.stdout.read(w * h * 3)
            if len(pixels) < w * h * 3:
                break
            yield w, h, pixels
        fault = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise RuntimeError(fault.splitlines()[0] if fault else "it cannot be decoded")


def choose(frames, wanted):
    """Counts all frames and keeps `wanted` evenly spaced ones, holding twice as many at most."""
    kept, step, count = [], 1, 0
    for frame in frames:
        if count % step == 0:
            kept.append(frame)
            if len(kept) == 2 * wanted:
                kept, step = kept[::2], 2 * step
        count += 1
    picks = min(wanted, len(kept))
    return count, [kept[i * len(kept) // picks] for i in range(picks)]


def lay_out(tiles, columns):
    """One RGB picture of all tiles, row by row."""
    w, h, _ = tiles[0]
    rows = -(-len(tiles) // columns)
    sheet = bytearray(w * columns * h * rows * 3)
    for index, (_, _, pixels) in enumerate(tiles):
        left, top = index % columns * w, index // columns * h
        for y in range(h):
            at = ((top + y) * w * columns + left) * 3
            sheet[at:at + w * 3] = pixels[y * w * 3:(y + 1) * w * 3]
    return w * columns, h * rows, bytes(sheet)


def png(width, height, rgb):
    """A PNG file. Each row is predicted from the one above, which suits photographs."""
    stride = width * 3
    rows = bytearray()
    above = bytes(stride)
    for y in range(height):
        row = rgb[y * stride:(y + 1) * stride]
        rows.append(2)
        rows += bytes((a - b) & 255 for a, b in zip(row, above))
        above = row

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + chunk(b"IEND", b""))


def report(count, rate, elapsed_ms):
    if not rate:
        print(f"frames        {count}")
        return
    seconds = float(count / fractions.Fraction(rate))
    print(f"frames        {count}, {seconds:.2f} s at {rate}")
    if elapsed_ms:
        print(f"made in       {elapsed_ms / 1000:.2f} s: "
              f"{seconds * 1000 / elapsed_ms:.1f} times real time")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=pathlib.Path)
    parser.add_argument("sheet", type=pathlib.Path)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--width", type=int, default=240, help="of one tile, in pixels")
    parser.add_argument("--rate")
    parser.add_argument("--elapsed-ms", type=int)
    args = parser.parse_args()
    try:
        count, tiles = choose(decode(args.video, args.width), args.columns * args.rows)
        if not tiles:
            raise RuntimeError("it holds no picture")
        args.sheet.write_bytes(png(*lay_out(tiles, args.columns)))
    except (OSError, RuntimeError, ValueError) as fault:
        print(f"error: {args.video}: {fault}", file=sys.stderr)
        return 1
    report(count, args.rate, args.elapsed_ms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
