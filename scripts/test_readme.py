#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Runs every line of gst-launch-1.0 and sonic-probe of README.md and docs/streaming.md, and the lines
of the elements' documentation, as they stand.

In those pages a block of shell lines with one of these must have a marker in front of it, and a
block of Python that is a whole program may have one:

    <!-- run -->                      it ends by itself
    <!-- run makes=talk.mp4 -->       and leaves a video that decodes
    <!-- run seconds=3 -->            it goes on until Ctrl-C, which it gets after 3 s
    <!-- run server=rtmp -->          RTMP_URL and STREAM_KEY lead to a local server
    <!-- run says=word -->            and prints a line with that word

The lines run in a folder that holds me.jpg, speech.wav and what else they name. What needs a
person is exchanged: windows, loudspeakers and microphones (SUBSTITUTES). The plugin is the one
that GST_PLUGIN_PATH leads to, and PATH leads to sonic-probe.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "scripts"))

from rtmp_server import Missing, RtmpServer  # noqa: E402

BLOCK = re.compile(r"^(?:<!-- (?P<marker>.*?) -->\n)?```(?P<kind>sh|python)\n(?P<text>.*?)^```$",
                   re.M | re.S)
COMMANDS = re.compile(r"\b(gst-launch-1\.0|sonic-probe) ")
DOC_LINE = re.compile(r"^ \* (gst-launch-1\.0 .*)$", re.M)
SUBSTITUTES = {
    "autovideosink": "fakesink sync=true",
    "autoaudiosink": "fakesink sync=true",
    "autoaudiosrc": "audiotestsrc is-live=true num-buffers=100",
}
# Lines that have not ended by then hang.
PATIENCE_S = 180
# The one that Debian's packages of GStreamer for Python belong to.
PYTHON = "/usr/bin/python3"


def page_blocks(page):
    text = (TOP / page).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        text_of_block, python = match["text"], match["kind"] == "python"
        if not (match["marker"] if python else COMMANDS.search(text_of_block)):
            continue
        if python:
            text_of_block = f"{PYTHON} - <<'END'\n{text_of_block}END\n"
        where = f"{page}:{text.count(chr(10), 0, match.start()) + 1}"
        words = (match["marker"] or "").split()
        if words[:1] != ["run"]:
            raise ValueError(f"{where}: a block of lines to run without `<!-- run -->`")
        yield where, text_of_block, dict(word.split("=", 1) for word in words[1:])


def documentation_lines():
    for path in sorted((TOP / "gst/src").rglob("*.rs")):
        text = path.read_text(encoding="utf-8")
        for match in DOC_LINE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path.relative_to(TOP)}:{line}", match[1] + "\n", {}


def substituted(text):
    for word, other in SUBSTITUTES.items():
        text = re.sub(rf"\b{word}\b", other, text)
    return text


def prepare(folder):
    """The files that the README's lines name."""
    portrait = os.environ.get("SONIC_TEST_ASTRONAUT") or TOP / ".cache/astronaut.png"
    if not pathlib.Path(portrait).exists():
        portrait = None
        if os.environ.get("SONIC_REQUIRE_ALL") == "1":
            raise Missing("the test portrait (scripts/test_media.sh)")
    built_in = TOP / "assets/portrait.png"
    shutil.copy(portrait or built_in, folder / "me.jpg")
    shutil.copy(built_in, folder / "drawing.png")
    for name in ("drawing", "cutout"):
        shutil.copy(TOP / "assets/portrait.json", folder / f"{name}.json")
    subprocess.run(["gst-launch-1.0", "--quiet", "filesrc", f"location={built_in}", "!", "pngdec",
                    "!", "videoconvert", "!", "alpha", "alpha=0.7", "!", "videoconvert", "!",
                    "video/x-raw,format=RGBA", "!", "pngenc", "!", "filesink",
                    f"location={folder / 'cutout.png'}"], check=True)
    subprocess.run(["espeak-ng", "-w", str(folder / "speech.wav"), "This line runs as pasted."],
                   check=True)


def run(text, options, folder, env):
    """Runs the lines under sh; returns what was wrong, or None."""
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-euc", text], cwd=folder, env=env, stdout=output,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            if "seconds" in options:
                try:
                    process.wait(timeout=float(options["seconds"]))
                    return "it ended by itself\n" + log.read_text(errors="replace")
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it hangs: not done after {PATIENCE_S} s"
    said = log.read_text(errors="replace")
    interrupted = "seconds" in options and process.returncode in (130, -signal.SIGINT)
    if (process.returncode != 0 and not interrupted) or re.search(r"^ERROR", said, re.M):
        return f"exit {process.returncode}\n{said}"
    if options.get("says", "") not in said:
        return f"it does not say {options['says']}\n{said}"
    return None


def undecodable(video):
    """What is wrong with a video that a line has made, or None."""
    if not video.exists():
        return f"{video.name} was not made"
    # decodebin of GStreamer 1.22 hangs at times with sound that begins later and goes nowhere.
    done = subprocess.run(["sonic-probe", "--json", "--look", "0", str(video)], capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False)
    pictures = json.loads(done.stdout or "{}").get("video") or {}
    if done.returncode != 0 or not pictures.get("frames"):
        return f"{video.name} does not decode: {done.stderr}"
    return None


def check(text, options, folder):
    env = dict(os.environ)
    if text.startswith(PYTHON) and subprocess.run([PYTHON, "-c", "import gi"], check=False,
                                                  capture_output=True).returncode:
        raise Missing("GStreamer for Python (python3-gi)")
    server = None
    if options.get("server") == "rtmp":
        server = RtmpServer(folder / "server", record=True)
        env.update(RTMP_URL=server.url, STREAM_KEY="a-secret")
    try:
        fault = run(substituted(text), options, folder, env)
    finally:
        recordings = server.close() if server else None
    if fault is None and "makes" in options:
        fault = undecodable(folder / options["makes"])
    if fault is None and recordings is not None:
        fault = undecodable(recordings[0]) if recordings else "nothing reached the server"
    return fault


def main():
    passed = failed = skipped = 0
    for where, text, options in [*page_blocks("README.md"), *page_blocks("docs/streaming.md"),
                                 *documentation_lines()]:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            try:
                prepare(folder)
                fault = check(text, options, folder)
            except Missing as missing:
                if os.environ.get("SONIC_REQUIRE_ALL") != "1":
                    skipped += 1
                    print(f"skipped  {where}: needs {missing}", flush=True)
                    continue
                fault = f"missing: {missing}"
        passed, failed = passed + (fault is None), failed + (fault is not None)
        print(f"ok       {where}" if fault is None else f"FAILED   {where}: {fault}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
