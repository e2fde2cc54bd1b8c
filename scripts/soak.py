#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Runs sonicanimator for long: the frames must be all there, and memory must not grow.

    soak.py [--hours N] [--live-minutes N] [--frames N]

First hours of sound as fast as they go, then minutes of it live. The frames come out of
gst-launch-1.0 through a pipe and are counted; the memory of that process is read meanwhile.
Then so many frames in full HD: what the element needs on top of a pipeline of its neighbours.
"""

import argparse
import fractions
import math
import os
import pathlib
import subprocess
import sys
import time

WIDTH, HEIGHT = 64, 48
FRAME = WIDTH * HEIGHT * 3 // 2
RATE, SAMPLES_A_BUFFER = 16000, 1600
# What may come on top after a tenth of the run: caches and pools have their size by then.
MAX_GROWTH_KB = 8192
# What a head in full HD may need on top of the same pipeline without one.
MAX_HEAD_KB = 150 * 1024


def resident_kb(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def run(name, seconds, rate, live):
    """One pipeline to its end; returns whether it was as it should be."""
    buffers = round(seconds * RATE / SAMPLES_A_BUFFER)
    line = ["gst-launch-1.0", "--quiet", "audiotestsrc", "wave=red-noise", "volume=0.5",
            f"num-buffers={buffers}", f"samplesperbuffer={SAMPLES_A_BUFFER}", f"is-live={live}",
            "!", f"audio/x-raw,rate={RATE},channels=1", "!", "sonicanimator", "qos=false", "!",
            f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={rate}", "!",
            "fdsink", "fd=1", "sync=false"]
    length = fractions.Fraction(buffers * SAMPLES_A_BUFFER, RATE)
    expected = math.ceil(length * fractions.Fraction(rate))
    memory, frames = [], 0
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        while True:
            data = process.stdout.read(FRAME)
            if len(data) < FRAME:
                break
            frames += 1
            if frames % max(1, expected // 100) == 0:
                memory.append(resident_kb(process.pid))
    settled = memory[len(memory) // 10:] or [0]
    growth = max(settled) - settled[0]
    # A live source may begin within its first buffer.
    slack = 3 if live == "true" else 0
    passed = (process.returncode == 0 and abs(frames - expected) <= slack
              and growth <= MAX_GROWTH_KB)
    print(f"{'ok' if passed else 'FAILED'}: {name}: {frames} of {expected} frames at {rate}, "
          f"{settled[0]} kB and {growth} kB more later, exit {process.returncode}", flush=True)
    return passed


def memory_of(description):
    """The resident memory, read until the pipeline ends, once a fifth of a second; kB."""
    line = ["gst-launch-1.0", "--quiet", *description.split()]
    memory = []
    with subprocess.Popen(line, stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                memory.append(resident_kb(process.pid))
            except (FileNotFoundError, IndexError):
                break
            time.sleep(0.2)
    if process.returncode != 0 or not memory:
        sys.exit(f"error: {description} ended with {process.returncode}.")
    return memory


def head(frames):
    """How much a head in full HD needs, and whether that stays so."""
    caps = "video/x-raw,format=I420,width=1920,height=1080,framerate=25/1"
    sound = (f"audiotestsrc wave=red-noise volume=0.5 num-buffers={frames} samplesperbuffer=640 ! "
             "audio/x-raw,rate=16000,channels=1")
    # As many buffers of sound and as large frames, without the element.
    without = memory_of(f"{sound} ! fakesink videotestsrc num-buffers=50 ! {caps} ! fakesink")
    memory = memory_of(f"{sound} ! sonicanimator qos=false ! {caps} ! fakesink sync=false")
    need = max(memory) - max(without)
    settled = memory[len(memory) // 10:]
    growth = max(settled) - settled[0]
    passed = need <= MAX_HEAD_KB and growth <= MAX_GROWTH_KB
    print(f"{'ok' if passed else 'FAILED'}: {frames} frames in full HD: {need} kB on top of "
          f"{max(without)} kB without the element, {growth} kB more later", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--live-minutes", type=float, default=5)
    parser.add_argument("--frames", type=int, default=10000)
    args = parser.parse_args()
    results = []
    for rate in ("25/1", "30000/1001", "60/1"):
        results.append(run(f"{args.hours:g} h of sound", args.hours * 3600, rate, "false"))
    results.append(run(f"{args.live_minutes:g} min live", args.live_minutes * 60, "25/1", "true"))
    results.append(head(args.frames))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
