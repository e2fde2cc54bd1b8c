#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Broker, API and one worker on this machine, until Ctrl-C.

    service.py SONICD FOLDER [--listen ADDRESS] [--slots N]

keeps uploads, results and records in FOLDER/store and the broker's queues in FOLDER/broker, so what
waits when it ends goes on when it is started again. Everything listens on the loopback alone.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rabbit_server import Missing, RabbitServer  # noqa: E402

# What jobs have to end, and the processes after them, s.
GRACE_S, PATIENCE_S = 5, 60


def spawn(sonicd, environment, command, log, *arguments):
    # They end with this process, however that ends; of Ctrl-C they are told by it, in their order.
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", sonicd, command, *arguments], env=environment,
        start_new_session=True, stdin=subprocess.DEVNULL, stderr=log.open("ab"))


def answers(url):
    """Whether the API is ready to take jobs."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def end(processes):
    """Ends them one after the other, the first one first."""
    for process in processes:
        process.terminate()
        try:
            process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve(args, folder, server):
    environment = {**os.environ, "SONICD_AMQP_URL": server.url, "SONICD_STORE": (folder / "store").as_uri()}
    (folder / "store").mkdir(exist_ok=True)
    url = f"http://{args.listen}"
    logs = [folder / "serve.log", folder / "work.log"]
    processes = [spawn(args.sonicd, environment, "serve", logs[0], "--listen", args.listen)]
    try:
        slots = ["--slots", str(args.slots)] if args.slots else []
        processes.append(spawn(args.sonicd, environment, "work", logs[1], "--grace", str(GRACE_S), *slots))
        until = time.monotonic() + PATIENCE_S
        while not answers(url):
            for process, log in zip(processes, logs):
                if process.poll() is not None:
                    sys.exit(f"error: {process.args[4]} has ended; the end of {log} says why")
            if time.monotonic() > until:
                sys.exit(f"error: the service does not answer; {logs[0]} may say why")
            time.sleep(0.1)
        print(f"{url}/ is ready; Ctrl-C ends it. Logs: {folder}/*.log", flush=True)
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        sys.exit(f"error: a part of the service has ended; {folder}/*.log say why")
    finally:
        # The worker first: whoever waits at the API hears what becomes of jobs.
        end(reversed(processes))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sonicd")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--listen", default="127.0.0.1:8040")
    parser.add_argument("--slots", type=int)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    print("Starting the broker, the API and a worker.", flush=True)
    try:
        server = RabbitServer(folder / "broker")
    except Missing as missing:
        sys.exit(f"error: there is no {missing}")
    try:
        serve(args, folder, server)
    except KeyboardInterrupt:
        print("Ended.", flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    main()
