# SPDX-License-Identifier: MPL-2.0
"""A local message broker: Debian's RabbitMQ, on the loopback alone, with nothing of it elsewhere.

    rabbit_server.py [--tls CERTIFICATE KEY] [FOLDER]

starts one that keeps its data in FOLDER, or in none that lasts, and says its address as soon as it
answers; with a certificate and its key (PEM) also, behind a space, the one where it speaks TLS. It then
takes a word a line: `kill` ends the broker as a crash would, `start` starts it again on the same data;
each is answered by a line. When there is nothing more to read, everything ends.
"""

import argparse
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PACKAGES = "rabbitmq-server"
CONF = """listeners.tcp.1 = 127.0.0.1:{port}
log.file = broker.log
log.file.level = info
# Its own share of a small disk, and not of what others have left on it.
disk_free_limit.absolute = 50MB
"""
TLS = """listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
"""
# Erlang's part: nothing but the loopback, and few threads, for it has little to do.
ARGUMENTS = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none"
# Starting takes some seconds, and far more where others keep the cores busy.
PATIENCE_S = 120
# What it answers with to somebody who speaks no AMQP: its version of the protocol.
GREETING = b"AMQP\x00\x00\x09\x01"


class Missing(Exception):
    """What is needed and this machine has not."""


def free_ports(count):
    """So many ports that nobody listens at now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def end(process):
    """As a crash would."""
    process.kill()
    process.wait(timeout=PATIENCE_S)


class RabbitServer:
    """Serves self.url until it is closed, and with a certificate and its key self.tls_url. What it was
    told to keep is in the folder."""

    def __init__(self, folder, tls=None):
        if not os.path.exists(SERVER):
            raise Missing(f"RabbitMQ (Debian: {PACKAGES})")
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self.names = None
        self.port, self.names_port, distribution, self.tls_port = free_ports(4)
        conf = CONF.format(port=self.port)
        if tls:
            certificate, key = (pathlib.Path(file).resolve() for file in tls)
            conf += TLS.format(port=self.tls_port, certificate=certificate, key=key)
        (self.folder / "rabbitmq.conf").write_text(conf)
        (self.folder / "plugins").write_text("[].\n")
        place = {name: str(self.folder / name.lower()) for name in ("MNESIA_BASE", "LOG_BASE")}
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("RABBITMQ_", "ERL_"))},
            **{f"RABBITMQ_{name}": value for name, value in place.items()},
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_NODENAME": self.node(),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ARGUMENTS,
        }
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def node(self):
        """The name that the folder's data belongs to: once given it stays."""
        known = self.folder / "node"
        if not known.exists():
            known.write_text(f"sonic{self.port}@localhost")
        return known.read_text()

    @property
    def url(self):
        """Where to connect to."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2f"

    @property
    def tls_url(self):
        """Where to connect to by TLS, by the name that its certificate is made for."""
        return f"amqps://guest:guest@localhost:{self.tls_port}/%2f"

    def spawn(self, *command):
        # It ends with this process, however that ends. Ctrl-C is not for it.
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], env=self.environment, cwd=self.folder,
            start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=(self.folder / "out").open("ab"), stderr=subprocess.STDOUT)

    def start(self):
        """Starts it, again if it was killed: on the same port, with what it had kept."""
        # Erlang would start this one itself, on every address, and leave it behind.
        if self.names is None or self.names.poll() is not None:
            self.names = self.spawn("epmd", "-port", str(self.names_port), "-address", "127.0.0.1")
        self.wait_for(self.names, self.names_port, None)
        self.process = self.spawn(SERVER)
        self.wait_for(self.process, self.port, GREETING)

    def wait_for(self, process, port, greeting):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                    if greeting is None:
                        return
                    connection.sendall(b"HELLO AMQP, who is there?\n")
                    if connection.recv(len(greeting)) == greeting:
                        return
            except OSError:
                pass
            time.sleep(0.05)
        said = (self.folder / "out").read_text(errors="replace")[-2000:]
        raise Missing(f"a RabbitMQ that starts; it says:\n{said}")

    def kill(self):
        """As a crash would: connections end without a word."""
        end(self.process)

    def close(self):
        """Ends all that was started."""
        for process in (self.process, self.names):
            if process is not None and process.poll() is None:
                end(process)


def main(folder, tls):
    # Told to end, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = RabbitServer(folder, tls)
    except Missing as missing:
        sys.exit(f"there is no {missing}")
    try:
        print(*[server.url] + ([server.tls_url] if tls else []), flush=True)
        for line in sys.stdin:
            word = re.sub(r"\s", "", line)
            if word == "kill":
                server.kill()
            elif word == "start":
                server.start()
            else:
                sys.exit(f"{word!r} is neither kill nor start")
            print("done", flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("folder", nargs="?")
    args = parser.parse_args()
    if args.folder:
        main(args.folder, args.tls)
    else:
        with tempfile.TemporaryDirectory() as passing:
            main(passing, args.tls)
