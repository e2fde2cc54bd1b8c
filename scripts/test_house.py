#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Tests of the commands around the code: links, the doctor, the demo's words about bad input.

They run the scripts as a user does, with a home folder of their own. The plugin has been built
before (target/release, or target/debug as SONIC_BUILT says).
"""

import hashlib
import io
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zlib

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGET = TOP / os.environ.get("CARGO_TARGET_DIR", "target")
BUILT = TARGET / os.environ.get("SONIC_BUILT", "release")
sys.path.insert(0, str(TOP / "scripts"))

import contact_sheet  # noqa: E402
import sdist_members  # noqa: E402
import wheel_member  # noqa: E402


class House(unittest.TestCase):
    """A folder for everything that a user owns."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.plugins = self.folder / "data/gstreamer-1.0/plugins"
        self.link = self.plugins / "libgstsonic.so"
        self.program = self.folder / "bin/sonic-probe"
        self.service = self.folder / "bin/sonicd"

    def script(self, name, *args, **env):
        full = dict(os.environ, XDG_DATA_HOME=str(self.folder / "data"),
                    GST_REGISTRY_1_0=str(self.folder / "registry.bin"), OUT=str(self.folder / "out"))
        full.pop("GST_PLUGIN_PATH", None)
        full.update(env)
        return subprocess.run(["sh", str(TOP / "scripts" / name), *args], env=full, text=True,
                              cwd=self.folder, capture_output=True, timeout=300, check=False)

    def assert_one_sentence(self, done, *words):
        """It failed, and said why in one line without a word from the machinery."""
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Links(House):
    def knows_the_element(self):
        env = dict(os.environ, XDG_DATA_HOME=str(self.folder / "data"),
                   GST_REGISTRY_1_0=str(self.folder / "registry.bin"))
        env.pop("GST_PLUGIN_PATH", None)
        return subprocess.run(["gst-inspect-1.0", "sonicanimator"], env=env, check=False,
                              capture_output=True).returncode == 0

    def test_link_makes_pasted_lines_work_and_unlink_undoes_it(self):
        self.assertFalse(self.knows_the_element())
        for _ in range(2):
            self.assertEqual(self.script("link.sh", "link").returncode, 0)
        self.assertTrue(self.knows_the_element())
        said = subprocess.run([str(self.program), "--help"], text=True, capture_output=True, check=True)
        self.assertIn("sonic-probe FILE|URL", said.stdout)
        said = subprocess.run([str(self.service), "--version"], text=True, capture_output=True, check=True)
        self.assertRegex(said.stdout, r"^sonicd \d")
        for _ in range(2):
            self.assertEqual(self.script("link.sh", "unlink").returncode, 0)
        self.assertFalse(self.knows_the_element())
        self.assertEqual([*self.plugins.iterdir(), *self.program.parent.iterdir()], [])

    def test_what_somebody_else_put_there_is_left_alone(self):
        for mine in (self.link, self.program, self.service):
            mine.parent.mkdir(parents=True, exist_ok=True)
            mine.write_text("mine")
            for verb in ("link", "unlink"):
                self.assert_one_sentence(self.script("link.sh", verb), str(mine))
            self.assertEqual(mine.read_text(), "mine")
            mine.unlink()


class Doctor(House):
    def test_a_missing_program_is_named_with_its_cure(self):
        # A PATH with the tools of a bare system, but none of what the project needs.
        tools = self.folder / "bin"
        tools.mkdir()
        for tool in ("sh", "dirname", "sed", "awk", "sort", "head", "mktemp", "rm", "grep"):
            for place in ("/bin", "/usr/bin"):
                if os.path.exists(f"{place}/{tool}") and not (tools / tool).exists():
                    (tools / tool).symlink_to(f"{place}/{tool}")
        done = self.script("doctor.sh", PATH=str(tools))
        self.assertEqual(done.returncode, 1, done.stderr)
        found = re.findall(r"^MISSING +(.*)\n +cure: (.*)$", done.stdout, re.M)
        self.assertIn("Rust", [what for what, _ in found])
        self.assertTrue(any("espeak-ng" in cure for _, cure in found), done.stdout)
        self.assertTrue(all(cure for _, cure in found))

    def test_a_machine_that_runs_the_tests_lacks_nothing_essential(self):
        done = self.script("doctor.sh")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("MISSING", done.stdout)
        # Built but not linked in this home.
        self.assertIn("cure: make link", done.stdout)


class Live(House):
    def test_typed_lines_are_said_on_a_server_of_its_own(self):
        """As a user does it: type, watch with another program, Ctrl-C."""
        env = dict(os.environ, GST_PLUGIN_PATH=str(BUILT),
                   GST_REGISTRY_1_0=str(self.folder / "registry.bin"))
        live = subprocess.Popen(["/usr/bin/python3", str(TOP / "scripts/live.py")], env=env, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, cwd=self.folder)
        # A hang is a failure and not a stuck run.
        watchdog = threading.Timer(90, live.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        self.addCleanup(live.stdout.close)
        self.addCleanup(live.stdin.close)
        said = []

        def line_with(part):
            for line in live.stdout:
                said.append(line)
                if part in line:
                    return line
            self.fail(f"it never says {part}: {''.join(said)}")

        url = re.search(r"rtmp://\S+", line_with("Open "))[0]
        line_with("live: ")
        live.stdin.write("Good evening. This line was typed.\n")
        live.stdin.flush()
        line_with(" frames sent")
        seen = subprocess.run([str(BUILT / "sonic-probe"), "--json", "--look", "0", "--duration",
                               "3", "--timeout", "30", url], env=env, text=True, capture_output=True,
                              timeout=80, check=False)
        self.assertEqual(seen.returncode, 0, seen.stderr)
        report = json.loads(seen.stdout)
        self.assertGreater(report["video"]["frames"], 20)
        self.assertGreater(report["audio"]["samples"], 48_000)
        live.send_signal(signal.SIGINT)
        rest = live.stdout.read()
        self.assertEqual(live.wait(), 0, "".join(said) + rest)
        self.assertNotIn("Traceback", "".join(said) + rest)


class Demo(House):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.script("link.sh", "link").returncode, 0)

    def test_a_name_with_spaces_and_quotes_becomes_a_video(self):
        voice = self.folder / "it's \"my\" voice.wav"
        subprocess.run(["espeak-ng", "-w", str(voice), "one two"], check=True)
        done = self.script("demo.sh", AUDIO=str(voice), FPS="30000/1001")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        seconds = (voice.stat().st_size - 44) / 2 / 22050
        frames = int(re.search(r"^frames +(\d+)", done.stdout, re.M)[1])
        self.assertAlmostEqual(frames, seconds * 30000 / 1001, delta=1)
        self.assertTrue((self.folder / "out/demo.mp4").stat().st_size > 1000)
        sheet = (self.folder / "out/contact-sheet.png").read_bytes()
        self.assertTrue(sheet.startswith(b"\x89PNG"))

    def test_bad_input_ends_in_one_sentence(self):
        bad = self.folder / "bad.wav"
        bad.write_bytes(b"no sound at all, " * 100)
        empty = self.folder / "empty.wav"
        empty.touch()
        picture = str(TOP / "assets/portrait.png")
        for env, *words in (
            ({"AUDIO": "nowhere.wav"}, "AUDIO=nowhere.wav", "no such file"),
            ({"AUDIO": str(empty)}, "empty"),
            ({"AUDIO": str(self.folder)}, "not a file"),
            ({"AUDIO": str(bad)}, f"AUDIO={bad}", "no sound"),
            ({"AUDIO": picture}, f"AUDIO={picture}", "no sound"),
            ({"PORTRAIT": "nobody.jpg"}, "PORTRAIT=nobody.jpg", "no such file"),
            ({"PORTRAIT": str(bad), "TEXT": "a"}, "bad.wav"),
            ({"FPS": "fast"}, "FPS=fast"),
            ({"AUDIO": str(bad), "TEXT": "a"}, "not both"),
            ({"VOICE": "klingon-opera", "TEXT": "a"}, "klingon-opera"),
            ({"TEXT": "..."}, "TEXT=..."),
        ):
            with self.subTest(env=env):
                done = self.script("demo.sh", **env)
                self.assert_one_sentence(done, *words)
                self.assertFalse((self.folder / "out/demo.mp4").exists())


class Preview(House):
    def test_without_a_display_it_says_what_to_do(self):
        done = self.script("preview.sh", DISPLAY="", WAYLAND_DISPLAY="")
        self.assert_one_sentence(done, "display", "make run")


class ContactSheet(unittest.TestCase):
    def test_tiles_are_evenly_spaced_and_all_frames_are_counted(self):
        for total in (1, 5, 24, 25, 1000):
            count, tiles = contact_sheet.choose(range(total), 24)
            self.assertEqual(count, total)
            self.assertEqual(len(tiles), min(24, total))
            self.assertEqual(sorted(set(tiles)), tiles)
            gaps = [b - a for a, b in zip(tiles, tiles[1:])]
            self.assertLessEqual(max(gaps, default=0), 2 * total / 24 + 2)

    def test_the_png_holds_the_tiles_where_they_belong(self):
        tiles = [(1, 2, bytes([n] * 6)) for n in range(3)]
        width, height, rgb = contact_sheet.lay_out(tiles, 2)
        data = contact_sheet.png(width, height, rgb)
        self.assertEqual(struct.unpack(">II", data[16:24]), (2, 4))
        length = struct.unpack(">I", data[33:37])[0]
        rows = zlib.decompress(data[41:41 + length])
        above = bytes(6)
        pixels = b""
        for y in range(4):
            row = rows[y * 7 + 1:(y + 1) * 7]
            above = bytes((a + b) & 255 for a, b in zip(row, above))
            pixels += above
        self.assertEqual(pixels, b"\0\0\0\1\1\1" * 2 + b"\2\2\2\0\0\0" * 2)


class Wheels(House):
    def test_only_the_pinned_content_counts_as_there(self):
        to, stamp = self.folder / "file", self.folder / "file.pin"
        to.write_bytes(b"content")
        stamp.write_text(f"abc {wheel_member.checksum(b'content')}\n")
        self.assertTrue(wheel_member.is_there(to, stamp, "abc"))
        self.assertFalse(wheel_member.is_there(to, stamp, "another pin"))
        to.write_bytes(b"damaged")
        self.assertFalse(wheel_member.is_there(to, stamp, "abc"))
        to.unlink()
        self.assertFalse(wheel_member.is_there(to, stamp, "abc"))

    def test_every_pin_names_its_size_member_and_checksums(self):
        for pin in (TOP / "scripts/pins").iterdir():
            fields, _ = wheel_member.read_pin(pin)
            self.assertGreater(int(fields["megabytes"]), 0)
            lines = [line for line in pin.read_text().splitlines() if not line.startswith("#")]
            # One file out of one package, or some packages as they are.
            self.assertTrue("/" in fields["member"] if "member" in fields else len(lines) > 1)
            for line in lines:
                self.assertRegex(line, r"^\S+==\S+( --hash=sha256:[0-9a-f]{64})+$")


class Archives(House):
    def test_only_what_is_asked_for_is_taken_and_lies_flat(self):
        told = io.BytesIO()
        with tarfile.open(fileobj=told, mode="w:gz") as files:
            for name in ("a/data/1.wav", "a/data/../../2.wav", "a/data/3.npy", "a/other/4.wav"):
                member = tarfile.TarInfo(name)
                member.size = 2
                files.addfile(member, io.BytesIO(b"ab"))
        sdist_members.take(told.getvalue(), "*/data/*v", self.folder / "to")
        self.assertEqual(sorted(p.name for p in (self.folder / "to").iterdir()), ["1.wav", "2.wav"])
        self.assertEqual([p.name for p in self.folder.iterdir()], ["to"])

    def test_a_pin_tells_the_project_and_its_archive(self):
        pin = TOP / "scripts/pins/ljspeech.txt"
        project, checksum = sdist_members.requirement(pin)
        fields, _ = wheel_member.read_pin(pin)
        self.assertEqual((project, len(checksum)), ("tts", 64))
        self.assertTrue(fields["archive"].lower().startswith(project))


class Operation(unittest.TestCase):
    """The files for those who run the service: what they set must be there to be set."""

    def options(self, command):
        told = subprocess.run([str(BUILT / "sonicd"), command, "--help"], text=True,
                              capture_output=True, check=True).stdout
        return set(re.findall(r"--([a-z-]+)", told))

    def variables(self):
        """All that can be in the environment."""
        named = {name for command in ("serve", "work") for name in self.options(command)}
        source = (TOP / "service/src/broker/settings.rs").read_text()
        return {f"SONICD_{name.upper().replace('-', '_')}" for name in named} | set(
            re.findall(r'"(SONICD_[A-Z_]+)"', source))

    def yaml(self, text):
        """As Debian's parser reads it."""
        script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))"
        done = subprocess.run(["/usr/bin/python3", "-c", script], input=text, text=True,
                              capture_output=True, check=False)
        if "No module named 'yaml'" in done.stderr and os.environ.get("SONIC_REQUIRE_ALL") != "1":
            self.skipTest("there is no YAML for Python (Debian: python3-yaml)")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_settings(self, text):
        self.assertLessEqual(set(re.findall(r"\bSONICD_[A-Z_]*[A-Z]\b", text)), self.variables())

    def test_compose_starts_what_there_is_with_settings_that_there_are(self):
        folder = TOP / "dist/compose"
        text = (folder / "compose.yaml").read_text()
        self.assert_settings(text)
        compose, = self.yaml(text)
        services = compose["services"]
        self.assertEqual(set(services), {"rabbitmq", "minio", "bucket", "api", "worker"})
        for name in ("api", "worker"):
            command, *arguments = services[name]["command"]
            given = {word[2:] for word in arguments if word.startswith("--")}
            self.assertLessEqual(given, self.options(command))
            self.assertTrue((folder / services[name]["build"]["context"] / "dist/Dockerfile").exists())
        self.assertEqual(services["worker"]["deploy"]["replicas"], 2)
        for service in services.values():
            for secret in service["secrets"]:
                name = secret["source"] if isinstance(secret, dict) else secret
                self.assertIn(name, compose["secrets"])
            for other in service.get("depends_on", {}):
                self.assertIn(other, services)
        for name in ("rabbitmq", "minio", "api"):
            self.assertIn("healthcheck", services[name])

    def test_the_secrets_of_compose_are_made_once(self):
        with tempfile.TemporaryDirectory() as passing:
            script = pathlib.Path(passing) / "secrets.sh"
            script.write_text((TOP / "dist/compose/secrets.sh").read_text())
            first = subprocess.run(["sh", str(script)], text=True, capture_output=True, check=True)
            made = {file.name: file.read_text() for file in (script.parent / "secrets").iterdir()}
            again = subprocess.run(["sh", str(script)], text=True, capture_output=True, check=True)
            self.assertEqual(again.stdout, "")
            self.assertEqual(made, {f.name: f.read_text() for f in (script.parent / "secrets").iterdir()})
        compose, = self.yaml((TOP / "dist/compose/compose.yaml").read_text())
        self.assertEqual(set(made), {pathlib.Path(s["file"]).name for s in compose["secrets"].values()})
        token = first.stdout.split()[-1]
        self.assertEqual(made["tokens"], f"me: {hashlib.sha256(token.encode()).hexdigest()}\n")
        password = re.search("default_pass = (.*)", made["rabbitmq.conf"])[1]
        self.assertIn(f":{password}@rabbitmq:", made["SONICD_AMQP_URL"])

    def test_the_image_holds_what_is_needed(self):
        text = (TOP / "dist/Dockerfile").read_text()
        self.assertIn("dist/compose/entrypoint.sh", text)
        for kind in ("build", "run"):
            listed = re.search(rf"sed -n '(s/\^{kind} .*?)'", text)[1]
            packages = subprocess.run(["sed", "-n", listed, str(TOP / "scripts/packages.txt")], text=True,
                                      capture_output=True, check=True).stdout.split()
            wanted = re.findall(rf"^{kind} *\| (\S+)", (TOP / "scripts/packages.txt").read_text(), re.M)
            self.assertEqual(packages, wanted)
        for script in (TOP / "dist/compose").glob("*.sh"):
            subprocess.run(["sh", "-n", str(script)], check=True)

    def test_units_set_what_there_is_to_be_set(self):
        for unit in (TOP / "dist/systemd").glob("*.in"):
            text = unit.read_text()
            self.assert_settings(text)
            command, *arguments = re.search("^ExecStart=@bindir@/sonicd (.*)$", text, re.M)[1].split()
            self.assertLessEqual({word[2:] for word in arguments}, self.options(command))

    def test_the_page_on_scaling_names_queues_and_metrics_that_there_are(self):
        page = (TOP / "docs/scaling.md").read_text()
        self.assert_settings(page)
        for block in re.findall(r"```yaml\n(.*?)```", page, re.S):
            self.yaml(block)
        source = (TOP / "service/src/serve/metrics.rs").read_text()
        metrics = {re.sub("_(total|bucket)$", "", name) for name in re.findall(r"sonicd_([a-z_]+)", page)}
        self.assertGreater(len(metrics), 4)
        for name in metrics:
            self.assertIn(f'"{name}"', source)
        queues = set(re.findall(r"queueName: (\S+?),", page))
        self.assertEqual(queues, {f"sonic.jobs.{name}" for name in ("high", "normal", "bulk")})
        self.assertIn("sonic.jobs.high", (TOP / "docs/service.md").read_text())


class Readme(unittest.TestCase):
    def test_every_make_command_that_it_names_exists(self):
        targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.M))
        named = set(re.findall(r"\bmake ([a-z-]+)\b", "\n".join(
            re.findall(r"```\w+\n.*?```|`[^`]+`", (TOP / "README.md").read_text(), re.S))))
        self.assertLessEqual(named, targets)
        self.assertLessEqual({"run", "check", "doctor", "preview", "test"}, named)

    def properties(self, element):
        """What gst-inspect-1.0 lists, less what every element has of its base class."""
        env = dict(os.environ, GST_PLUGIN_PATH=str(BUILT))
        done = subprocess.run(["gst-inspect-1.0", "--no-colors", element], env=env,
                              text=True, capture_output=True, check=True)
        listed = done.stdout.partition("Element Properties:")[2].partition("Element Actions:")[0]
        return set(re.findall(r"^  ([a-z-]+) *: ", listed, re.M)) - {
            "name", "parent", "qos", "blocksize", "do-timestamp", "num-buffers", "typefind",
            "async-handling", "message-forward"}

    def test_its_tables_list_the_properties_that_the_elements_have(self):
        rest = (TOP / "README.md").read_text()
        for element in ("sonicanimator", "ttssrc", "avclocksync", "rtmppushsink"):
            with self.subTest(element=element):
                before, _, after = rest.partition(f"## Properties of `{element}`\n")
                section, heading, after = after.partition("\n## ")
                rest = before + heading + after
                rows = re.findall(r"^\| (`[^|]+) \|", section, re.M)
                table = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
                self.assertGreater(len(table), 10)
                self.assertEqual(self.properties(element), table)
        # Other tables of the page begin their rows with commands.
        rows = re.findall(r"^\| (`[^|]+) \|", rest, re.M)
        names = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
        self.assertEqual({name for name in names if not name.startswith("make")}, set())


if __name__ == "__main__":
    unittest.main()
