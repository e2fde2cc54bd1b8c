#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Measures the service: what it takes in, what two workers do, what a job waits for, and a long clip.

    bench_service.py SONICD --probe PROGRAM [--only PART] [--burst N]

burst: so many jobs by 32 connections, each with a text of 20 kB and a portrait by its digest; nobody
renders meanwhile. Then two workers drain them, of a fifth of a second each.
workers: 100 jobs by one worker and by two, a slot, a core and an encoder's thread each; once they
sleep instead, which leaves the queue's part.
alone: what a job takes beside its rendering, one after the other.
clip: 60 s at 1080p by `sonicd render`, from a recording and from a text, and the same encoder with
ready-made frames.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rabbit_server import Missing, RabbitServer, free_ports  # noqa: E402
from service import answers, end, spawn  # noqa: E402

PORTRAIT = pathlib.Path(__file__).resolve().parent.parent / "assets/portrait.png"
CONNECTIONS = 32
# In which a burst is looked at.
PARTS = 4
# Of a text, and of a job that is to be over at once.
LONG_TEXT, SHORT_S = 20_000, 0.2
WORDS = "Speech of somebody who has much to say and takes the time to say all of it. "
JOBS, ALONE = 100, 30
SLEEP_S = 0.5
CLIP_S, CLIP_FRAMES, CLIP_ROUNDS = 60, 150, 5
# As `sonicd render` sets it.
ENCODER = "x264enc pass=qual quantizer=20 vbv-buf-capacity=0 speed-preset=veryfast key-int-max=50 threads=0"
# A child that takes its time and makes nothing of it.
SLEEPER = """#!/bin/sh
for last; do out=$before before=$last; [ "$out" = --out ] && file=$last; done
sleep {seconds}
echo film >"$file"
echo '{{"done": {{"frames": 5, "seconds": 0.2, "width": 160, "height": 200, "render_seconds": {seconds}, "ignored": []}}}}'
"""


class Service:
    """Broker and API, and workers as they are wanted, over a store in a folder."""

    def __init__(self, sonicd, folder):
        self.sonicd, self.folder = sonicd, folder
        self.broker = RabbitServer(folder / "broker")
        port, = free_ports(1)
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        (folder / "store").mkdir()
        self.environment = {**os.environ, "SONICD_AMQP_URL": self.broker.url,
                            "SONICD_STORE": (folder / "store").as_uri(), "SONICD_LOG": "warn"}
        self.api = spawn(sonicd, self.environment, "serve", folder / "serve.log",
                         "--listen", f"127.0.0.1:{port}", "--rate", "100000", "--burst", "100000")
        until = time.monotonic() + 60
        while not answers(self.url):
            if self.api.poll() is not None or time.monotonic() > until:
                self.close()
                sys.exit(f"error: the service does not start: {(folder / 'serve.log').read_text()[-500:]}")
            time.sleep(0.05)
        picture = PORTRAIT.read_bytes()
        self.portrait = hashlib.sha256(picture).hexdigest()
        self.ask("PUT", f"/v1/blobs/{self.portrait}", picture, "application/octet-stream")

    def ask(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, body, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def job(self, text, **parameters):
        return {"portrait_sha256": self.portrait, "text": text, "size": "160x200", **parameters}

    def submit(self, job):
        return self.ask("POST", "/v1/jobs", json.dumps(job).encode())["id"]

    def open_jobs(self):
        """How many have not ended."""
        return sum(len(files) for _, _, files in os.walk(self.folder / "store/open"))

    def drained(self, limit_s):
        until = time.monotonic() + limit_s
        while self.open_jobs():
            if time.monotonic() > until:
                sys.exit(f"error: {self.open_jobs()} jobs have not ended")
            time.sleep(0.02)

    @contextlib.contextmanager
    def workers(self, count, renderer=None):
        """So many, each with a core of its own."""
        more = ["--renderer", str(renderer)] if renderer else []
        processes, cores = [], sorted(os.sched_getaffinity(0))
        try:
            for n in range(count):
                os.sched_setaffinity(0, {cores[n % len(cores)]})
                processes.append(spawn(self.sonicd, self.environment, "work", self.folder / f"work{n}.log",
                                       "--slots", "1", "--grace", "1", *more))
            os.sched_setaffinity(0, cores)
            yield
        finally:
            os.sched_setaffinity(0, cores)
            end(processes)

    def memory_kb(self):
        status = pathlib.Path(f"/proc/{self.api.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def close(self):
        end([self.api])
        self.broker.close()


async def load(service, bodies):
    """Posts all of them by many connections; the seconds of each, and how many were not taken."""
    waiting, took, refused = iter(bodies), [], 0

    async def connection():
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        for body in waiting:
            begun = time.monotonic()
            writer.write(b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % (service.port, len(body)) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]))
            took.append(time.monotonic() - begun)
            refused += not head.startswith(b"HTTP/1.1 201")
        writer.close()

    await asyncio.gather(*[connection() for _ in range(CONNECTIONS)])
    return took, refused


def burst(service, count):
    bodies = [json.dumps(service.job(f"{n}. {WORDS * (LONG_TEXT // len(WORDS))}", duration=SHORT_S)).encode()
              for n in range(count)]
    memory, took, refused, seconds = [service.memory_kb()], [], 0, 0
    for part in range(PARTS):
        begun = time.monotonic()
        of_part = asyncio.run(load(service, bodies[part::PARTS]))
        seconds += time.monotonic() - begun
        memory.append(service.memory_kb())
        took += of_part[0]
        refused += of_part[1]
    took.sort()
    print(f"{count} jobs of {len(bodies[0])} bytes by {CONNECTIONS} connections: {count / seconds:.0f} a second, "
          f"median {statistics.median(took) * 1e3:.0f} ms, p99 {took[int(0.99 * count)] * 1e3:.0f} ms, "
          f"{refused} refused; memory before and after each {count // PARTS}: {memory} kB", flush=True)
    waiting = service.open_jobs()
    begun = time.monotonic()
    with service.workers(2):
        service.drained(3600)
    seconds = time.monotonic() - begun
    ends = [line for line in metrics(service) if line.startswith("sonicd_jobs_ended_total")]
    print(f"{waiting} of them waited; two workers drained them in {seconds:.0f} s: {', '.join(ends)}; "
          f"memory {service.memory_kb()} kB", flush=True)


def metrics(service):
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
        return answer.read().decode().splitlines()


def workers(service):
    sleeper = service.folder / "sleeper"
    sleeper.write_text(SLEEPER.format(seconds=SLEEP_S))
    sleeper.chmod(0o755)
    for name, renderer in (("rendering", None), (f"sleeping {SLEEP_S} s", sleeper)):
        took = []
        for count in (1, 2):
            for n in range(JOBS):
                service.submit(service.job(f"{name}, {count} by {n}: the river and the mother.", size="320x400"))
            begun = time.monotonic()
            with service.workers(count, renderer):
                service.drained(1800)
                took.append(time.monotonic() - begun)
        print(f"{JOBS} jobs, {name}: one worker {took[0]:.1f} s, two {took[1]:.1f} s, "
              f"{took[1] / took[0]:.2f} of it", flush=True)


def alone(service):
    beside, renders = [], []
    with service.workers(1):
        for n in range(ALONE):
            begun = time.monotonic()
            path = f"/v1/jobs/{service.submit(service.job(f'One by one, number {n}.'))}"
            with urllib.request.urlopen(f"{service.url}{path}/events", timeout=60) as events:
                for line in events:
                    if line.startswith(b"event: done") or line.startswith(b"event: failed"):
                        break
            seconds = time.monotonic() - begun
            view = service.ask("GET", path)
            renders.append(view["result"]["render_seconds"])
            beside.append(seconds - renders[-1])
    beside.sort()
    print(f"{ALONE} jobs one by one: {statistics.median(renders) * 1e3:.0f} ms of rendering, and beside it "
          f"{statistics.median(beside) * 1e3:.0f} ms in the median, {beside[-2] * 1e3:.0f} ms at most but once",
          flush=True)


def drawn():
    """The first frames of a clip as the animator makes them, and their caps."""
    pipeline = Gst.parse_launch(f'ttssrc text="{WORDS * 3}" ! sonicanimator '
                                "! video/x-raw,format=I420,width=1920,height=1080,framerate=25/1 "
                                "! appsink name=sink sync=false max-buffers=2")
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    frames = []
    while len(frames) < CLIP_FRAMES:
        sample = sink.emit("pull-sample")
        frames.append(sample.get_buffer().copy_deep())
    pipeline.set_state(Gst.State.NULL)
    return frames, sample.get_caps()


def encoding(frames, caps):
    """Seconds to encode the length of a clip from frames that lie in memory."""
    encoder = Gst.parse_launch(f"appsrc name=source format=time block=true max-bytes=20000000 "
                               f"! {ENCODER} ! fakesink")
    source = encoder.get_by_name("source")
    source.set_property("caps", caps)
    encoder.set_state(Gst.State.PLAYING)
    begun = time.monotonic()
    for n in range(CLIP_S * 25):
        # There and back, so that nothing jumps.
        at = n % (2 * CLIP_FRAMES - 2)
        frame = frames[min(at, 2 * CLIP_FRAMES - 2 - at)].copy()
        frame.pts, frame.duration = n * Gst.SECOND // 25, Gst.SECOND // 25
        source.emit("push-buffer", frame)
    source.emit("end-of-stream")
    encoder.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    seconds = time.monotonic() - begun
    encoder.set_state(Gst.State.NULL)
    return seconds


def recorded(file):
    """Writes what the text of a clip sounds like."""
    pipeline = Gst.parse_launch(f'ttssrc text="{WORDS * 14}" ! audioconvert ! wavenc ! filesink location="{file}"')
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)


def rendering(sonicd, film, *speech):
    """Seconds that a clip takes."""
    begun = time.monotonic()
    subprocess.run([sonicd, "render", *speech, "--duration", str(CLIP_S), "--size", "1920x1080",
                    "--out", film, "--progress", "none"], check=True)
    return time.monotonic() - begun


def clip(sonicd, folder, probe):
    film, sound, cores = folder / "clip.mp4", folder / "clip.wav", len(os.sched_getaffinity(0))
    recorded(sound)
    frames, caps = drawn()
    took = {"encoder": [], "recording": [], "text": []}
    for _ in range(CLIP_ROUNDS):
        took["encoder"].append(encoding(frames, caps))
        took["recording"].append(rendering(sonicd, film, "--audio", sound))
        took["text"].append(rendering(sonicd, film, "--text", WORDS * 14))
    print(f"{CLIP_S} s at 1920x1080 on {cores} cores, the encoder alone: "
          f"{statistics.median(took['encoder']):.1f} s; {[round(s, 1) for s in took['encoder']]}")
    for name in ("recording", "text"):
        whole = statistics.median(took[name])
        share = statistics.median(alone / whole for alone, whole in zip(took["encoder"], took[name]))
        print(f"rendered from a {name}: {whole:.1f} s, {CLIP_S / whole:.2f} times as fast as it plays, {share:.0%} of "
              f"the encoder's speed in the same round; {[round(s, 1) for s in took[name]]}; "
              f"{CLIP_S / whole * 3600 / cores:.0f} s of video per core and hour")
    print(f"{film.stat().st_size / 1e6:.1f} MB", flush=True)
    told = json.loads(subprocess.run([probe, "--json", film], capture_output=True, text=True).stdout or "{}")
    print(f"sonic-probe: {json.dumps(told.get('sync', told))}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sonicd")
    parser.add_argument("--probe", required=True)
    parser.add_argument("--only", choices=["burst", "workers", "alone", "clip"])
    parser.add_argument("--burst", type=int, default=2000)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Gst.init(None)
    parts = {"alone": alone, "workers": workers, "burst": lambda service: burst(service, args.burst)}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if args.only in (None, "clip"):
            clip(args.sonicd, folder, args.probe)
        for name, part in parts.items():
            if args.only not in (None, name):
                continue
            place = folder / name
            place.mkdir()
            try:
                service = Service(args.sonicd, place)
            except Missing as missing:
                sys.exit(f"error: there is no {missing}")
            try:
                part(service)
            finally:
                service.close()


if __name__ == "__main__":
    main()
