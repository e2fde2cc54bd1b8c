# SPDX-License-Identifier: MPL-2.0
"""A local RTMP server: Debian's nginx with its RTMP module, on the loopback alone."""

import os
import pathlib
import socket
import subprocess
import time

NGINX = "/usr/sbin/nginx"
MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
PACKAGES = "nginx-core libnginx-mod-rtmp"
CONF = """load_module {module}; daemon off; master_process off; pid {folder}/nginx.pid;
error_log {folder}/error.log; events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096;
  application live {{ live on; drop_idle_publisher 15s; {record} }} }} }}
"""
# One that has not started by then never will.
PATIENCE_S = 20


class Missing(Exception):
    """What is needed and this machine has not."""


class RtmpServer:
    """Serves rtmp://127.0.0.1:port/live/… until it is closed; may record what is published."""

    def __init__(self, folder, record=False):
        if not (os.path.exists(NGINX) and os.path.exists(MODULE)):
            raise Missing(f"nginx with its RTMP module (Debian: {PACKAGES})")
        self.folder = pathlib.Path(folder)
        (self.folder / "rec").mkdir(parents=True, exist_ok=True, mode=0o777)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        conf = self.folder / "nginx.conf"
        rec = f"record all; record_unique on; record_path {self.folder}/rec;" if record else ""
        conf.write_text(CONF.format(module=MODULE, folder=self.folder, port=self.port, record=rec))
        self.start()

    def start(self):
        """Starts it, again if it was killed: on the same port, with the recordings so far."""
        # The worker writes as the user who runs this, root included. Ctrl-C is not for it.
        self.process = subprocess.Popen(
            [NGINX, "-e", "stderr", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder),
             "-g", "user root;" if os.getuid() == 0 else ""], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until_it_listens()

    def kill(self):
        """As a crash would: connections end without a word."""
        self.process.kill()
        self.process.wait(timeout=PATIENCE_S)

    @property
    def url(self):
        """Where to publish and to play; a slash and a stream's name follow."""
        return f"rtmp://127.0.0.1:{self.port}/live"

    def wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        raise Missing("an nginx that starts")

    def close(self):
        """Ends it and returns the recordings."""
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_S)
        return sorted((self.folder / "rec").glob("*.flv"))
