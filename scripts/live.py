#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A talking head, live on a server, that says each line typed here.

    live.py [PLATFORM]      nothing or local: a server of its own on this machine;
                            youtube, twitch, or an rtmp:// or rtmps:// address

From the environment: PORTRAIT, VOICE, FPS, and for a platform RTMP_STREAM_KEY, which is asked for
if it is not set. Prints once a second what the connection does; Ctrl-C ends it.
"""

import getpass
import os
import pathlib
import signal
import sys
import tempfile

try:
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import GLib, Gst
except (ImportError, ValueError):
    sys.exit("error: GStreamer for Python is missing: sudo apt-get install python3-gi gir1.2-gstreamer-1.0")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rtmp_server import Missing, RtmpServer  # noqa: E402

PLATFORMS = {
    "youtube": "rtmps://a.rtmps.youtube.com/live2",
    "twitch": "rtmps://live.twitch.tv/app",
}
KEY = "RTMP_STREAM_KEY"
CHAIN = """
ttssrc name=speech is-live=true ! tee name=voice
voice. ! queue ! sonicanimator name=head articulator=phones framing=cover ! video/x-raw,width=960,height=540,framerate={fps} !
    queue ! sync.video_sink
voice. ! queue ! audioconvert ! audioresample ! audio/x-raw,rate=48000 ! queue ! sync.audio_sink
avclocksync name=sync
sync.video_src ! queue ! push.video
sync.audio_src ! queue ! push.audio
rtmppushsink name=push
"""


def address(platform):
    """Where to publish; asks for the key of a platform."""
    url = PLATFORMS.get(platform, platform)
    if "://" not in url:
        sys.exit(f"error: PLATFORM={platform} is neither youtube nor twitch nor an rtmp:// address.")
    if not os.environ.get(KEY) and platform in PLATFORMS:
        # Read from the terminal itself: standard input has the text.
        os.environ[KEY] = getpass.getpass(f"Stream key of {platform} (not shown): ")
    return url


class Live:
    """The pipeline, and what is told of it."""

    def __init__(self, url):
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(CHAIN.format(fps=os.environ.get("FPS") or "25/1"))
        self.push = self.pipeline.get_by_name("push")
        self.sync = self.pipeline.get_by_name("sync")
        self.push.set_property("location", url)
        self.pipeline.get_by_name("speech").set_property("location", "-")
        for variable, element, name in (("PORTRAIT", "head", "portrait"), ("VOICE", "speech", "voice")):
            if os.environ.get(variable):
                self.pipeline.get_by_name(element).set_property(name, os.environ[variable])
        self.failed = None
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            self.failed = message.parse_error()[0].message
            self.loop.quit()
        elif message.type == Gst.MessageType.WARNING:
            print(f"warning: {message.parse_warning()[0].message}", flush=True)
        elif message.type == Gst.MessageType.EOS:
            self.loop.quit()
        elif message.type == Gst.MessageType.ELEMENT:
            told = message.get_structure()
            if told.get_name() == "rtmp-state":
                why = f" ({told.get_value('reason')})" if told.has_field("reason") else ""
                print(f"{told.get_value('state')}: {told.get_value('address')}{why}", flush=True)

    def tell(self):
        push, sync = self.push.get_property("stats"), self.sync.get_property("stats")
        if push.get_value("state") == "live":
            dropped = push.get_value("frames-dropped") + push.get_value("raw-frames-dropped")
            offset = sync.get_value("offset") if sync.has_field("offset") else 0
            print(f"{push.get_value('kbits'):6.0f} kbit/s  {push.get_value('frames-sent')} frames sent, "
                  f"{dropped} dropped, {sync.get_value('frames-repeated')} repeated  "
                  f"sound and picture {offset / 1e6:+.0f} ms apart", flush=True)
        return True

    def end(self):
        """What is on its way goes out; a second time it just stops."""
        if self.ending:
            self.loop.quit()
        self.ending = True
        self.pipeline.send_event(Gst.Event.new_eos())
        GLib.timeout_add_seconds(5, self.loop.quit)
        return True

    def run(self):
        self.ending = False
        for number in (signal.SIGINT, signal.SIGTERM):
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, self.end)
        GLib.timeout_add_seconds(1, self.tell)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        return self.failed


def main():
    Gst.init(None)
    platform = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else "local"
    server = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            if platform == "local":
                server = RtmpServer(folder)
                url = f"{server.url}/test"
                print(f"Open {url} in VLC, OBS or ffplay. Each line you type is said; Ctrl-C ends it.", flush=True)
            else:
                url = address(platform)
            failed = Live(url).run()
        except (Missing, GLib.Error) as error:
            failed = getattr(error, "message", None) or f"missing: {error}"
        finally:
            if server:
                server.close()
    if failed:
        sys.exit(f"error: {failed}")


if __name__ == "__main__":
    main()
