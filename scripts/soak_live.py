#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Runs the whole live chain for long: text, voice, face, clock, server.

    soak_live.py [--minutes N] [--seed N] [--probe PROGRAM]

Says random words at random times, interrupts some of them, and kills and restarts the server.
What was counted must add up, sound and picture must stay together, memory must not grow and
nothing may be left over. With sonic-probe, each recording is measured by the mouth, too.
"""

import argparse
import array
import ctypes
import gc
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rtmp_server import Missing, RtmpServer  # noqa: E402

CHAIN = """
ttssrc name=speech is-live=true ! tee name=voice
voice. ! queue ! sonicanimator name=head framing=cover ! video/x-raw,width=320,height=240,framerate=25/1 !
    queue ! sync.video_sink
voice. ! queue ! audioconvert ! audioresample ! audio/x-raw,rate=48000 ! queue ! sync.audio_sink
avclocksync name=sync
sync.video_src ! queue ! push.video
sync.audio_src ! queue ! push.audio
rtmppushsink name=push bitrate=600
"""
WORDS = """the river mother five open garden window people about music paper thunder silver bread
morning twelve number believe very often problem animal yellow shadow finger winter""".split()
LIBC = ctypes.CDLL(None)
# What may come on top once caches and pools have their size.
MAX_GROWTH_KB = 2048
WARM_UP_S, ENDS_S = 60, 10
# The allocator has been as full as it ever gets only after some two hundred texts.
LONG_WARM_UP_S = 300
# What holds of an hour is told of runs of at least that length, once their first tenth is over.
HOUR_S = 3600
MAX_GROWTH_KB_AN_HOUR, MAX_DRIFT_MS_AN_HOUR = 1024, 1
# One millisecond of FLV and one block of AAC at 48 kHz, ms.
MAX_OFFSET_MS = 1 + 1024 / 48
# Between recordings the content moves by no more than that, and by what a mouth, which is measured
# to half a frame either way, is measured wrong.
MAX_CHANGE_MS = MAX_OFFSET_MS + 40


def resident_kb():
    """What of the process is in memory: all of it, and what is its own. Pages of files, as those of
    libraries, come and go with what the kernel needs; its own can only stay or be given back. What
    the allocator keeps of freed memory is given back first: it is no one's, and how much that is
    wanders by megabytes."""
    LIBC.malloc_trim(0)
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return [int(status[name].split()[0]) for name in ("VmRSS", "RssAnon")]


def an_hour(seconds, values):
    """By how much values, known at these seconds, rise in an hour: from the second tenth of them to
    the last, each by its middle, which a moment of trouble leaves where it is."""
    tenth = len(values) // 10
    second, last = slice(tenth, 2 * tenth), slice(-tenth, None)
    middle = [statistics.median(values[part]) for part in (second, last)]
    time = [statistics.median(seconds[part]) for part in (second, last)]
    return (middle[1] - middle[0]) / (time[1] - time[0]) * HOUR_S


class Series:
    """A value a second, in memory that is all there from the beginning: what is measured with is not
    to grow itself."""

    def __init__(self, kind, seconds):
        self.values, self.count = array.array(kind, [1]) * (int(seconds) + 60), 0

    def append(self, value):
        # One second more or less at the end says nothing.
        if self.count < len(self.values):
            self.values[self.count] = value
            self.count += 1

    def all(self):
        return self.values[:self.count]


class Soak:
    def __init__(self, server, seconds, seed):
        self.server, self.random = server, random.Random(seed)
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(CHAIN)
        self.speech = self.pipeline.get_by_name("speech")
        self.push = self.pipeline.get_by_name("push")
        self.sync = self.pipeline.get_by_name("sync")
        self.push.set_property("location", f"{server.url}/soak")
        self.said, self.ended, self.interrupted, self.restarts = array.array("Q"), array.array("Q"), 0, 0
        self.memory, self.own, self.heard_at = (Series("l", seconds) for _ in range(3))
        self.offsets, self.drift = Series("f", seconds), Series("f", seconds)
        self.back, self.killed = array.array("f"), None
        self.failed, self.over = None, False
        self.seconds, self.until = seconds, time.monotonic() + seconds
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        self.handler = bus.connect("message", self.on_message)

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            self.failed = f"{error.message} ({debug})"
            self.loop.quit()
        elif message.type == Gst.MessageType.EOS:
            self.loop.quit()
        elif message.type == Gst.MessageType.ELEMENT:
            told = message.get_structure()
            if told.get_name() in ("utterance-finished", "utterance-interrupted"):
                self.ended.append(told.get_value("utterance-id"))
            elif told.get_name() == "rtmp-state" and told.get_value("state") == "live" and self.killed:
                self.back.append(time.monotonic() - self.killed)
                self.killed = None

    def say(self):
        if self.over:
            return False
        words = self.random.choices(WORDS, k=self.random.randint(2, 14))
        self.said.append(self.speech.emit("say", " ".join(words).capitalize() + "."))
        if self.random.random() < 0.25:
            GLib.timeout_add(self.random.randint(100, 1500), self.interrupt)
        GLib.timeout_add(self.random.randint(1500, 6000), self.say)
        return False

    def interrupt(self):
        if not self.over:
            self.speech.emit("interrupt")
            self.interrupted += 1
        return False

    def restart(self):
        if not self.over:
            self.server.kill()
            GLib.timeout_add(self.random.randint(0, 3000), self.revive)
        return False

    def revive(self):
        self.server.start()
        self.killed = time.monotonic()
        self.restarts += 1
        GLib.timeout_add_seconds(self.random.randint(20, 40), self.restart)
        return False

    def look(self):
        memory, own = resident_kb()
        self.memory.append(memory)
        self.own.append(own)
        stats = self.sync.get_property("stats")
        if stats.has_field("offset-p95"):
            self.offsets.append(stats.get_value("offset-p95") / 1e6)
        # Absent while nobody speaks.
        if stats.has_field("offset"):
            self.heard_at.append(self.memory.count)
            self.drift.append(stats.get_value("offset") / 1e6)
        if time.monotonic() < self.until:
            return True
        # What waits is left unsaid, and told as interrupted.
        self.over = True
        self.speech.emit("interrupt")
        GLib.timeout_add_seconds(2, lambda: self.pipeline.send_event(Gst.Event.new_eos()) and False)
        GLib.timeout_add_seconds(15, self.loop.quit)
        return False

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(1, self.look)
        GLib.timeout_add_seconds(1, self.say)
        GLib.timeout_add_seconds(20, self.restart)
        self.loop.run()

    def faults(self):
        """What is not as it should be; empty is good. Prints what was measured."""
        push, sync = self.push.get_property("stats"), self.sync.get_property("stats")
        value = push.get_value
        sent = sum(value(f) for f in ("frames-sent", "frames-dropped", "raw-frames-dropped"))
        made, sound = sync.get_value("frames-out"), sync.get_value("sound-out") / 1e9
        warm_up = WARM_UP_S if self.seconds < HOUR_S else LONG_WARM_UP_S
        own = self.own.all()
        settled = own[warm_up:]
        ends = min(ENDS_S, len(settled) // 2)
        growth = (statistics.median(settled[-ends:]) - statistics.median(settled[:ends])) if ends else None
        offset = max(map(abs, self.offsets.all()), default=None)
        print(f"{made} frames and {sound:.1f} s of sound made; {value('frames-sent')} frames sent, "
              f"{value('frames-dropped')} dropped, {value('raw-frames-dropped')} not encoded")
        print(f"{len(self.said)} texts said, {self.interrupted} interruptions, {self.restarts} restarts of "
              f"the server, live again after {max(self.back, default=0):.2f} s at most")
        print(f"offset {offset} ms at most; {self.memory.all()[-1]} kB resident, {own[-1]} of them its own, "
              f"{growth} kB more than after {warm_up} s")
        faults = []
        if self.failed:
            faults.append(self.failed)
        # Those between the elements when it ended.
        if abs(made - sent) > 5:
            faults.append(f"{made} frames were made, and {sent} are accounted for")
        if abs(made - sound * 25) > 3:
            faults.append(f"{made} frames for {sound:.2f} s of sound")
        if sorted(self.ended) != sorted(self.said):
            faults.append(f"{len(self.said)} texts were said, and {len(self.ended)} ended")
        if value("reconnects") != self.restarts:
            faults.append(f"{self.restarts} restarts, and {value('reconnects')} reconnections")
        if offset is None or offset > MAX_OFFSET_MS:
            faults.append(f"sound and picture were {offset} ms apart")
        if growth is not None and growth > MAX_GROWTH_KB:
            faults.append(f"memory grew by {growth} kB")
        return faults

    def slow_faults(self):
        """What an hour shows and minutes do not; empty is good. Prints what was measured."""
        if self.seconds < HOUR_S:
            return []
        own = self.own.all()
        grows, drifts = an_hour(range(len(own)), own), an_hour(self.heard_at.all(), self.drift.all())
        tenth = len(own) // 10
        tenths = [round(statistics.median(own[n * tenth:(n + 1) * tenth])) for n in range(10)]
        print(f"in an hour: {grows:.0f} kB, offset {drifts:.3f} ms; its own by tenths of the run: {tenths} kB")
        faults = []
        if grows > MAX_GROWTH_KB_AN_HOUR:
            faults.append(f"memory grows by {grows:.0f} kB an hour")
        if abs(drifts) > MAX_DRIFT_MS_AN_HOUR:
            faults.append(f"sound and picture drift by {drifts:.3f} ms an hour")
        return faults

    def close(self):
        """Ends it; the names of what is left over."""
        bus = self.pipeline.get_bus()
        bus.disconnect(self.handler)
        bus.remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        watched = {}
        elements = self.pipeline.iterate_recurse()
        while True:
            result, element = elements.next()
            if result != Gst.IteratorResult.OK:
                break
            watched[element.get_name()] = element.weak_ref()
        del elements, element, bus
        self.pipeline = self.speech = self.push = self.sync = None
        gc.collect()
        return [name for name, left in watched.items() if left() is not None]


def mouths(probe, recordings):
    """The offset of each recording that has enough speech, ms."""
    offsets = []
    for file in recordings:
        done = subprocess.run([probe, "--json", str(file)], capture_output=True, text=True, check=False)
        mouth = json.loads(done.stdout or "{}").get("sync", {}).get("mouth")
        if mouth:
            offsets.append(mouth["offset_ms"])
    return offsets


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--probe")
    args = parser.parse_args()
    Gst.init(None)
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = RtmpServer(folder, record=True)
        except Missing as missing:
            sys.exit(f"error: missing: {missing}")
        soak = Soak(server, args.minutes * 60, args.seed)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, soak.loop.quit)
        soak.run()
        faults = soak.faults() + soak.slow_faults()
        left = soak.close()
        if left:
            faults.append(f"left over: {', '.join(left)}")
        recordings = server.close()
        if len(recordings) < soak.restarts + 1:
            faults.append(f"{len(recordings)} recordings of {soak.restarts + 1} connections")
        if args.probe:
            offsets = mouths(args.probe, recordings)
            print(f"picture less sound in {len(offsets)} of {len(recordings)} recordings, by the mouth: {offsets} ms")
            if offsets and max(offsets) - min(offsets) > MAX_CHANGE_MS:
                faults.append("sound and picture have moved against each other")
    for fault in faults:
        print(f"FAILED: {fault}")
    print(f"{'FAILED' if faults else 'ok'}: {args.minutes:g} minutes, seed {args.seed}, "
          f"{time.process_time():.0f} s of processor time")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
