#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Tests of the service's page: what somebody sees and does who has a browser, over a service of the
tests' own (broker, API, a worker). The binaries have been built before (target/release, or
target/debug as SONIC_BUILT says).

    test_page.py [--pictures FOLDER]

keeps pictures of what was seen in FOLDER.
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGET = TOP / os.environ.get("CARGO_TARGET_DIR", "target")
BUILT = TARGET / os.environ.get("SONIC_BUILT", "release")
sys.path.insert(0, str(TOP / "scripts"))

import contact_sheet  # noqa: E402
from browser import Browser, Missing  # noqa: E402
from rabbit_server import SERVER, free_ports  # noqa: E402

PICTURES = None
# Of the portrait that is drawn for it; even.
WIDTH, HEIGHT = 320, 400
# A job takes seconds; a machine with much else to do takes longer.
PATIENCE_S = 120
OF_LAST = "#jobs > li:first-child"


def setUpModule():
    """Starts all that there is, once."""
    global service, browser, base, folder
    passing = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(passing.cleanup)
    folder = pathlib.Path(passing.name)
    try:
        if not os.path.exists(SERVER):
            raise Missing("RabbitMQ (Debian: rabbitmq-server)")
        browser = Browser(folder / "browser")
    except Missing as missing:
        if os.environ.get("SONIC_REQUIRE_ALL") == "1":
            raise
        raise unittest.SkipTest(f"there is no {missing}") from None
    unittest.addModuleCleanup(browser.close)
    port, = free_ports(1)
    base = f"http://127.0.0.1:{port}"
    service = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", sys.executable, str(TOP / "scripts/service.py"),
         str(BUILT / "sonicd"), str(folder / "service"), "--listen", base[7:], "--slots", "1"],
        env={**os.environ, "GST_PLUGIN_PATH": str(BUILT)}, stdout=subprocess.PIPE, text=True)
    unittest.addModuleCleanup(end_service)
    for line in service.stdout:
        if "is ready" in line:
            break
    else:
        raise AssertionError("the service does not start: see above")
    make_pictures()


def end_service():
    service.terminate()
    service.wait(timeout=60)
    service.stdout.close()


def make_pictures():
    drawn = TOP / "assets/portrait.png"
    subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", f"location={drawn}", "!", "pngdec", "!", "videoconvert",
         "!", "videoscale", "!", f"video/x-raw,width={WIDTH},height={HEIGHT}", "!", "pngenc", "!",
         "filesink", f"location={folder / 'me.png'}"], check=True)
    wall = bytes(200 - x // 4 for _ in range(240) for x in range(320) for _ in range(3))
    (folder / "wall.png").write_bytes(contact_sheet.png(320, 240, wall))


def answer(path):
    with urllib.request.urlopen(base + path, timeout=30) as told:
        return told.headers, told.read()


class Page(unittest.TestCase):
    """A page that has just been opened, on a wide screen, in English."""

    language, size = "en-US", (1280, 1000, False)

    def setUp(self):
        agent = browser.run("return navigator.userAgent")
        browser.devtools("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=self.language)
        width, height, phone = self.size
        browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                         deviceScaleFactor=1, mobile=phone)
        browser.complaints()
        browser.open(base)
        self.until(lambda: browser.run("return document.querySelectorAll('.parameter').length") > 3,
                   "the parameters are there")
        # Jobs of before come a moment later.
        self.until(lambda: len(self.jobs()) == len(json.loads(answer("/v1/jobs")[1])["jobs"]),
                   "the jobs are there")

    def tearDown(self):
        self.picture(self.id().rpartition(".")[2])
        browser.run("localStorage.clear()")
        self.assertEqual(browser.complaints(), [])

    def picture(self, name):
        if PICTURES:
            shot = browser.devtools("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot))

    def until(self, so, what):
        return browser.wait(so, what, PATIENCE_S)

    def state(self, job):
        return browser.told(f"#{job} .state")

    def jobs(self):
        return browser.run("return [...document.querySelectorAll('#jobs > li')].map(e => e.id)")

    def submit(self, text):
        """Gives a job to be said; its place in the page."""
        before = self.jobs()
        browser.type("#text", text)
        browser.click("#submit")
        return self.until(lambda: (set(self.jobs()) - set(before) or {None}).pop(), "it is listed")

    def set_to_least(self, parameter):
        browser.run("document.querySelector('details').open = true;"
                    "document.getElementById(arguments[0]).focus()", f"parameter-{parameter}")
        browser.press("Home")


class Visit(Page):
    def test_a_portrait_and_texts_become_videos(self):
        browser.drop("#portrait-drop", folder / "me.png")
        self.until(lambda: "A face was found." in browser.told("#seen"), "the face is found")
        # The box lies over the face: in the middle, and not all of the picture.
        shown, box = browser.run(
            "return ['preview', 'face'].map(id => document.getElementById(id).getBoundingClientRect())")
        self.assertGreater(shown["width"], 100)
        share = [(box["x"] + box["width"] / 2 - shown["x"]) / shown["width"],
                 (box["y"] + box["height"] / 2 - shown["y"]) / shown["height"], box["width"] / shown["width"]]
        for part, (least, most) in zip(share, ((0.35, 0.65), (0.3, 0.6), (0.3, 0.7))):
            self.assertTrue(least < part < most, share)
        # Small, so that it is soon rendered.
        self.set_to_least("min_resolution")
        # What the list says between two looks at it is not missed.
        browser.run("window.said = new Set();"
                    "new MutationObserver(() => document.querySelectorAll('.state').forEach("
                    "e => said.add(`${e.parentElement.id} ${e.textContent}`)))"
                    ".observe(document.getElementById('jobs'), {subtree: true, childList: true})")
        first = self.submit("The quick brown fox jumps over the lazy dog, and then it sleeps. " * 10)
        second = self.submit("One more.")
        third = self.submit("This one is not wanted any more.")
        self.until(lambda: "before it" in self.state(third), "there is a queue")
        browser.click(f"#{third} .cancel")
        self.until(lambda: self.state(third) == "Cancelled", "it is cancelled")
        self.until(lambda: self.state(first).startswith(("Done", "Failed")), "the first one is over")
        self.assertRegex(self.state(first), r"^Done: \d")
        said = browser.run("return [...said]")
        percents = {int(n) for n in re.findall(rf"^{first} Rendering, (\d+) %", "\n".join(said), re.M)}
        self.assertTrue(percents & set(range(1, 100)), f"it was not seen to go on: {said}")
        self.watch(first)
        self.until(lambda: self.state(second).startswith("Done"), "the second one is done")
        self.picture("videos")

    def watch(self, job):
        film = f"document.querySelector('#{job} video')"
        browser.run(f"{film}.muted = true; return {film}.play()")
        self.until(lambda: browser.run(f"return {film}.currentTime") > 0.3, "it plays")
        length, width, height = browser.run(f"return [{film}.duration, {film}.videoWidth, {film}.videoHeight]")
        self.assertGreater(length, 2)
        self.assertAlmostEqual(width / height, WIDTH / HEIGHT, delta=0.02)
        browser.run(f"{film}.pause()")
        browser.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "got"))
        browser.click(f"#{job} .download")
        got = self.until(lambda: list((folder / "got").glob("*.mp4")), "it is downloaded")
        self.assertEqual(got[0].read_bytes()[4:8], b"ftyp")

    def test_a_picture_without_a_face_is_not_taken(self):
        before = self.jobs()
        browser.drop("#portrait-drop", folder / "wall.png")
        self.until(lambda: "No face is found in the picture." in browser.told("#portrait-problem"),
                   "it is told at once")
        self.assertIn("portrait from the front", browser.told("#portrait-problem"))
        browser.type("#text", "Nobody says this.")
        browser.click("#submit")
        self.until(lambda: "Choose another picture" in browser.told("#portrait-problem"), "it is refused")
        self.assertEqual(self.jobs(), before)
        browser.click("#remove")
        self.assertEqual(browser.told("#portrait-problem"), "")

    def test_what_is_missing_is_said_where_it_is_missing(self):
        browser.click("#submit")
        self.until(lambda: browser.told("#speech-problem"), "the text is missing")
        self.assertEqual(browser.run("return document.activeElement.id"), "text")

    def test_sliders_have_the_ranges_of_the_elements(self):
        told = json.loads(answer("/v1/parameters")[1])
        inputs = browser.run(
            "return Object.fromEntries([...document.querySelectorAll('#parameters [name]')]"
            ".map(e => [e.name, [e.type, e.min, e.max, e.value]]))")
        ranged = 0
        for parameter in told["parameters"]:
            kind, least, most, value = inputs[parameter["name"]]
            if parameter["default"] == "" or kind != "range":
                self.assertNotEqual(kind, "range", parameter)
                continue
            ranged += 1
            self.assertEqual((float(least), float(most)), (parameter["minimum"], parameter["maximum"]))
            self.assertAlmostEqual(float(value), float(parameter["default"]), places=6, msg=parameter)
        self.assertGreater(ranged, 8)


class Keyboard(Page):
    def focus(self):
        return browser.run("const e = document.activeElement;"
                           "return e.id || e.name || e.className || e.localName")

    def tab_to(self, *wanted):
        """Tab by Tab, until one of them has the focus; it must show that it has."""
        seen = []
        for _ in range(80):
            browser.press("Tab")
            seen.append(self.focus())
            if seen[-1] in wanted:
                width = browser.run("return getComputedStyle(document.activeElement).outlineStyle")
                self.assertNotEqual(width, "none", seen[-1])
                return seen
        raise AssertionError(f"Tab does not lead to {wanted}: {seen}")

    def test_all_of_it_works_without_a_mouse(self):
        before = self.jobs()
        for name in ("language", "portrait", "speech", "text"):
            self.tab_to(name)
        browser.press(*"By keys alone.")
        self.tab_to("summary")
        browser.press("Enter")
        passed = self.tab_to("parameter-min_resolution")
        self.assertIn("parameter-format", passed)
        browser.press("Home", "Right")
        self.tab_to("submit")
        browser.press("Enter")
        self.until(lambda: len(self.jobs()) > len(before), "it is given")
        self.until(lambda: browser.told(f"{OF_LAST} .cancel") or browser.told(f"{OF_LAST} .download"),
                   "it can be cancelled, or is done")
        if browser.told(f"{OF_LAST} .cancel"):
            browser.run("document.getElementById('submit').focus()")
            self.tab_to("plain cancel")
            browser.press("Enter")
            self.until(lambda: re.match("Cancelled|Done", browser.told(f"{OF_LAST} .state")), "it is over")


class Chinese(Page):
    language = "zh-CN"

    def test_the_page_speaks_the_language_of_the_browser(self):
        self.assertEqual(browser.run("return document.documentElement.lang"), "zh")
        texts = browser.run("return [...document.querySelectorAll('[data-text], .parameter label')]"
                            ".map(e => e.textContent)")
        self.assertEqual([text for text in texts if not re.search("[\u4e00-\u9fff]", text)], [])
        browser.drop("#portrait-drop", folder / "wall.png")
        self.until(lambda: "没有找到能用的正面人脸" in browser.told("#portrait-problem"), "it is told")
        self.picture("chinese_error")
        browser.drop("#portrait-drop", folder / "me.png")
        self.until(lambda: "找到一张人脸" in browser.told("#seen"), "the face is found")
        browser.click("#language")
        self.assertIn("A face was found.", browser.told("#seen"))


class Phone(Page):
    language, size = "en-US", (390, 844, True)

    def test_nothing_lies_beside_a_narrow_window(self):
        browser.drop("#portrait-drop", folder / "me.png")
        self.until(lambda: "A face was found." in browser.told("#seen"), "the face is found")
        for language in ("en", "zh"):
            browser.run("document.querySelector('details').open = true")
            width = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
            self.assertEqual(width, [390, 390], language)
            small = browser.run(
                "return [...document.querySelectorAll('button, .button')].filter(e => e.checkVisibility())"
                ".filter(e => e.getBoundingClientRect().height < 40).map(e => e.outerHTML)")
            self.assertEqual(small, [], "a thumb needs room")
            browser.click("#language")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pictures"]:
        PICTURES = pathlib.Path(sys.argv[2]).resolve()
        PICTURES.mkdir(parents=True, exist_ok=True)
        del sys.argv[1:3]
    unittest.main()
