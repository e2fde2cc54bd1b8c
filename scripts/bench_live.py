#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Measures the last mile: latency from a text to a player, and three pushers under the same faults.

    bench_live.py --probe PROGRAM [--texts N]

Latency: texts are said in the whole live chain, and sonic-probe plays the stream from a server on
this machine; what counts is when the first sound, and the first open mouth, of each text is decoded.

Faults: `ffmpeg -re`, gst-launch-1.0 with rtmp2sink, and with rtmppushsink, push the same encoded clip
at the same time, each to a server of its own, on which the same is inflicted. What counts is how much
of it the servers have recorded.
"""

import argparse
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from live import CHAIN  # noqa: E402
from rtmp_server import Missing, RtmpServer  # noqa: E402

# Its first sound is loud and opens the mouth: what is measured is not how long a consonant lasts.
TEXT = "Apples are red."
CLIP_S = 30
CLIP = f"""
flvmux name=mux ! filesink location=clip.flv
videotestsrc pattern=smpte num-buffers={CLIP_S * 25} ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 !
    x264enc tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=50 ! h264parse ! mux.
audiotestsrc wave=ticks num-buffers={CLIP_S * 50} samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 !
    audioconvert ! avenc_aac ! aacparse ! mux.
"""
# The same clip, at the pace of a clock.
PUSHERS = {
    "ffmpeg -re": "ffmpeg -loglevel error -re -i clip.flv -c copy -f flv {url}",
    "rtmp2sink": "gst-launch-1.0 -q filesrc location=clip.flv ! flvdemux name=d "
                 "d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux. "
                 "flvmux name=mux streamable=true ! rtmp2sink location={url}",
    "rtmppushsink": "gst-launch-1.0 -q rtmppushsink name=push location={url} "
                    "filesrc location=clip.flv ! flvdemux name=d "
                    "d.video ! queue ! push.video d.audio ! queue ! push.audio",
}
FAULTS = {
    "none": lambda server: None,
    "server killed, back at once": lambda server: (server.kill(), server.start()),
    "server killed, back after 5 s": lambda server: (server.kill(), time.sleep(5), server.start()),
    "server stands still for 3 s": lambda server: (
        server.process.send_signal(signal.SIGSTOP), time.sleep(3), server.process.send_signal(signal.SIGCONT)),
}


def latency(probe, texts, kind):
    """From `say` to the packet with the first sound, or with the first open mouth, ms. To look for
    mouths takes cores from the rest, so sound is measured without."""
    with tempfile.TemporaryDirectory() as folder:
        server = RtmpServer(folder)
        pipeline = Gst.parse_launch(CHAIN.format(fps="25/1"))
        push, speech = pipeline.get_by_name("push"), pipeline.get_by_name("speech")
        push.set_property("location", f"{server.url}/latency")
        pipeline.set_state(Gst.State.PLAYING)
        while push.get_property("stats").get_value("state") != "live":
            time.sleep(0.05)
        length = 5 * texts + 5
        look = length if kind == "mouth" else 0
        player = subprocess.Popen([probe, "--json", "--marks", "--look", str(look), "--duration", str(length),
                                   f"{server.url}/latency"], stdout=subprocess.PIPE, text=True)
        marks = []

        def read():
            for line in player.stdout:
                mark = json.loads(line).get("mark")
                if mark:
                    marks.append(mark)

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(4)
        said = []
        for _ in range(texts):
            said.append(time.time())
            speech.emit("say", TEXT)
            time.sleep(5)
        player.wait(timeout=60)
        reader.join()
        pipeline.set_state(Gst.State.NULL)
        server.close()
    took = []
    for begin in said:
        seen = [m["arrived"] - begin for m in marks if m["kind"] == kind and 0 < m["arrived"] - begin < 3]
        took += [1000 * min(seen)] if seen else []
    if took:
        print(f"text to {kind} at a player: {statistics.median(took):.0f} ms in the median, "
              f"{max(took):.0f} at most, of {len(took)} of {texts}", flush=True)
    else:
        print(f"text to {kind}: nothing was recognised of {marks[:3]}", flush=True)


def seconds_of(file):
    """How much of it can be shown."""
    done = subprocess.run(["ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v", "-show_entries",
                           "stream=nb_read_frames", "-of", "csv=p=0", str(file)],
                          capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0) / 25


def one(name, fault, folder, results):
    server = RtmpServer(folder / name.replace(" ", ""), record=True)
    line = PUSHERS[name].format(url=f"{server.url}/clip")
    pusher = subprocess.Popen(line.split(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(10)
    FAULTS[fault](server)
    try:
        code = pusher.wait(timeout=CLIP_S + 30)
    except subprocess.TimeoutExpired:
        pusher.kill()
        code = "hangs"
    recordings = server.close()
    results[name] = (sum(seconds_of(file) for file in recordings), code)


def compare():
    print(f"\nseconds of {CLIP_S} that the server recorded, and how the pusher ended:\n")
    print(f"| fault after 10 s | {' | '.join(f'`{name}`' for name in PUSHERS)} |")
    print(f"|---|{'---|' * len(PUSHERS)}", flush=True)
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run(["gst-launch-1.0", "-q", *CLIP.split()], cwd=folder, check=True)
            results = {}
            threads = [threading.Thread(target=one, args=(pusher, fault, folder, results)) for pusher in PUSHERS]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        cells = []
        for pusher in PUSHERS:
            seconds, code = results.get(pusher, (0, "?"))
            cells.append(f"{seconds:.1f} s, {'ended well' if code == 0 else f'exit {code}'}")
        print(f"| {fault} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probe", required=True)
    parser.add_argument("--texts", type=int, default=10)
    args = parser.parse_args()
    Gst.init(None)
    try:
        for kind in ("sound", "mouth"):
            latency(args.probe, args.texts, kind)
        compare()
    except Missing as missing:
        sys.exit(f"error: missing: {missing}")


if __name__ == "__main__":
    main()
