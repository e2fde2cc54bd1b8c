#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Takes files out of a pinned source package of the Python package index.

    sdist_members.py PIN FOLDER [--missing]

PIN is a file of scripts/pins: the project, the archive, its checksum and size, and the members to
take, which come to lie in FOLDER without folders of their own. pip would run the package's set-up to
fetch it; so the archive is fetched from the index that pip uses, its checksum is compared, and nothing
of it is run. FOLDER/.pin tells a second call that there is nothing to do. --missing only prints the
megabytes that would be downloaded: 0 if nothing would.
"""

import argparse
import fnmatch
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request

MAX_BYTES, TIMEOUT_S = 256 << 20, 120


def read_pin(path):
    """The lines `key: value` of a pin."""
    lines = (line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in lines}


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


def archive(pin):
    """The bytes of the archive, which are those that the pin asks for."""
    page = f"{index().rstrip('/')}/{pin['project']}/"
    name = re.escape(pin["archive"])
    link = re.search(rf'href="([^"]*/{name}(?:#[^"]*)?)"', fetched(page).decode())
    if link is None:
        raise OSError(f"the index has no {pin['archive']}")
    data = fetched(urllib.parse.urljoin(page, link[1].replace("&amp;", "&")))
    if hashlib.sha256(data).hexdigest() != pin["sha256"]:
        raise OSError(f"{pin['archive']} is not what was pinned")
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pin", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--missing", action="store_true")
    args = parser.parse_args()
    pin = read_pin(args.pin)
    stamp = args.folder / ".pin"
    there = stamp.exists() and stamp.read_text(encoding="utf-8") == pin["sha256"]
    if args.missing or there:
        print(0 if there else pin["megabytes"]) if args.missing else None
        return 0
    try:
        args.folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(archive(pin))) as files:
            for member in files:
                if member.isfile() and any(fnmatch.fnmatch(member.name, m) for m in pin["members"].split()):
                    (args.folder / pathlib.PurePosixPath(member.name).name).write_bytes(files.extractfile(member).read())
        stamp.write_text(pin["sha256"], encoding="utf-8")
    except (OSError, tarfile.TarError) as fault:
        print(f"{args.pin.stem}: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
