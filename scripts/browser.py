# SPDX-License-Identifier: MPL-2.0
"""Debian's Chromium without a window, driven as WebDriver (W3C) has it, over its own HTTP.

Names in it are CSS selectors. What is waited for is asked again and again until a limit.
"""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

from rabbit_server import free_ports

DRIVER, BROWSER = "/usr/bin/chromedriver", "/usr/bin/chromium"
PACKAGES = "chromium chromium-driver"
# Starting takes a second or two, and far more where others keep the cores busy.
PATIENCE_S = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Home": "\ue011", "Right": "\ue014", "Space": " "}


class Missing(Exception):
    """What is needed and this machine has not."""


class Refused(Exception):
    """What the driver does not do, in its words."""


class Browser:
    """One window, with nothing of the user's, until it is closed."""

    def __init__(self, folder):
        for file in (DRIVER, BROWSER):
            if not os.path.exists(file):
                raise Missing(f"Chromium (Debian: {PACKAGES})")
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        port, = free_ports(1)
        self.base = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        # What others' code complains of is no concern of ours.
        environment.pop("G_DEBUG", None)
        # It ends with this process, however that ends, and the browser with it.
        with (self.folder / "driver.log").open("wb") as log:
            self.driver = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", DRIVER, f"--port={port}"], start_new_session=True,
                env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.wait(self.answers, "chromedriver answers")
            session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": BROWSER, "args": [
                    "--headless=new", f"--user-data-dir={self.folder}/profile", "--lang=en-US",
                    "--window-size=1280,1000", "--disable-dev-shm-usage", "--disable-gpu",
                    "--disable-background-networking", "--disable-component-update", "--no-first-run",
                    # There is no sandbox within a container, nor for root.
                    *(["--no-sandbox"] if os.geteuid() == 0 else [])]}}}})
            self.base += f"/session/{session['sessionId']}"
        except BaseException:
            self.close()
            raise

    def answers(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            # No proxy lies between.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["value"]["message"]) from None

    def wait(self, so, what, seconds=PATIENCE_S):
        """Until so() is true: what it gave."""
        until = time.monotonic() + seconds
        while True:
            told = so()
            if told:
                return told
            if time.monotonic() > until:
                raise AssertionError(f"never: {what}")
            time.sleep(0.05)

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What a script returns: the body of a function, or what it promises."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def told(self, selector):
        """The text of an element as it is seen; nothing where it is not seen."""
        return self.run("const e = document.querySelector(arguments[0]);"
                        "return e && e.checkVisibility() ? e.innerText.trim() : ''", selector)

    def element(self, selector):
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        return f"/element/{found[ELEMENT]}"

    def click(self, selector):
        self.call("POST", f"{self.element(selector)}/click", {})

    def type(self, selector, text):
        self.call("POST", f"{self.element(selector)}/clear", {})
        self.call("POST", f"{self.element(selector)}/value", {"text": text})

    def press(self, *keys):
        """Keys by their names, or characters, wherever the focus is."""
        actions = [{"type": kind, "value": KEYS.get(key, key)}
                   for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def drop(self, selector, file):
        """Drags a file from the desktop to an element, and lets it go."""
        place = self.run("const e = document.querySelector(arguments[0]); e.scrollIntoView();"
                         "const r = e.getBoundingClientRect();"
                         "return [r.x + r.width / 2, r.y + r.height / 2]", selector)
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.devtools("Input.dispatchDragEvent", type=kind, x=place[0], y=place[1], data=data)

    def complaints(self):
        """What the console has said that is an error, since it was asked last."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def close(self):
        if "/session/" in self.base:
            try:
                self.call("DELETE", "")
            except (OSError, Refused):
                pass
        self.driver.terminate()
        try:
            self.driver.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
