#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Feeds damaged portraits, landmarks and predictor files to the engine, by its example `check`.

    fuzz.py CHECK [--cases N] [--seed N]

Whatever the bytes are, it must answer: exit 0 or 1, within the time limit. A panic, a signal or a
hang is a failure, and the file that caused it is kept in out/fuzz.
"""

import argparse
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
PREDICTOR = pathlib.Path("/usr/share/dlib/shape_predictor_68_face_landmarks.dat")
LIMIT_S = 60
# The predictor has 100 MB: one case in so many damages it.
PREDICTOR_EVERY = 25


def damage(data, rng):
    """One of the ways in which files go wrong."""
    data = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        del data[rng.randrange(len(data)):]
    elif kind == 1:
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 2:
        # Headers hold the sizes that are believed.
        at = rng.randrange(min(64, len(data) - 4))
        data[at:at + 4] = struct.pack(">I", rng.choice([0, 1, 0x7fffffff, 0xffffffff, 30000]))
    elif kind == 3:
        at, length = rng.randrange(len(data)), rng.randint(1, 4096)
        data[at:at] = data[:length]
    else:
        at = rng.randrange(len(data))
        data[at:at + rng.randint(1, 64)] = rng.randbytes(rng.randint(0, 64))
    return bytes(data)


def portraits(folder):
    """The same picture in every format that is read."""
    made = [TOP / "assets/portrait.png"]
    for name, encoder in (("jpg", "jpegenc"), ("webp", "webpenc")):
        to = folder / f"portrait.{name}"
        done = subprocess.run(["gst-launch-1.0", "--quiet", "filesrc", f"location={made[0]}", "!",
                               "pngdec", "!", "videoconvert", "!", encoder, "!", "filesink",
                               f"location={to}"], check=False, capture_output=True)
        if done.returncode == 0 and to.exists() and to.stat().st_size > 0:
            made.append(to)
    return [path.read_bytes() for path in made]


def one_case(check, folder, pictures, rng, number):
    """Runs one case; returns what was wrong, or None."""
    picture, landmarks = folder / "case.bin", folder / "case.json"
    predictor = folder / "case.dat"
    env = dict(os.environ, SONIC_CACHE_DIR=str(folder / "cache"))
    command = [check, str(picture), str(folder / "out.png")]
    whole = rng.choice(pictures)
    if number % PREDICTOR_EVERY == 0 and PREDICTOR.exists():
        picture.write_bytes(whole)
        predictor.write_bytes(damage(PREDICTOR.read_bytes(), rng))
        env["SONIC_FACE_PREDICTOR"] = str(predictor)
    elif number % 3 == 0:
        picture.write_bytes(whole)
        landmarks.write_bytes(damage((TOP / "assets/portrait.json").read_bytes(), rng))
        command += ["--landmarks", str(landmarks)]
    else:
        picture.write_bytes(damage(whole, rng))
        shutil.copy(TOP / "assets/portrait.json", landmarks)
        if rng.random() < 0.5:
            command += ["--landmarks", str(landmarks)]
    try:
        done = subprocess.run(command, env=env, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {LIMIT_S} s"
    if done.returncode not in (0, 1) or b"panicked" in done.stderr:
        return f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", help="the built example")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pictures = portraits(folder)
        for number in range(args.cases):
            fault = one_case(args.check, folder, pictures, rng, number)
            if fault is None:
                continue
            failed += 1
            kept = TOP / "out/fuzz" / str(number)
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            print(f"FAILED   case {number} of seed {args.seed}, kept in {kept}: {fault}",
                  flush=True)
    print(f"{args.cases - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
