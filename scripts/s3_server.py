# SPDX-License-Identifier: MPL-2.0
"""A local object store that speaks S3: moto, on the loopback alone, which keeps all in memory.

    s3_server.py

makes a bucket and says the store's address as soon as it answers. It then takes a word a line:
`stop` goes away, so that nobody is listening, `start` comes back with what it had kept; each is
answered by a line. When there is nothing more to read, everything ends.

moto looks at no signature and lets two create one thing at once; a real store does neither, so both
are looked after here, signatures by the rules of AWS's own library.
"""

import datetime
import hmac
import http.client
import io
import os
import pathlib
import re
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / ".cache" / "s3"))
# What the user has set for a store of their own is none of this one's business.
for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
    del os.environ[name]
# What a list holds at most before it has to be asked for more: a thousand would take a test long.
os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "20"

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

KEY, SECRET, REGION, BUCKET = "tester", "secret-of-the-tests", "us-east-1", "sonic"
FORMAT = "%Y%m%dT%H%M%SZ"


class Quiet(MotoRequestHandler):
    """A line for each request would be too much."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


class Checked:
    """Lets in what is signed and in time, one thing after the other."""

    def __init__(self, app):
        self.app, self.turn = app, threading.Lock()

    def __call__(self, environ, start_response):
        # All of it is read, so that the next request on the connection begins where it should.
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        why = refused(environ)
        if why:
            text = f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>".encode()
            start_response("403 Forbidden", [("Content-Type", "application/xml"),
                                             ("Content-Length", str(len(text)))])
            return [text]
        environ["wsgi.input"] = io.BytesIO(body)
        with self.turn:
            return [b"".join(self.app(environ, start_response))]


def refused(environ):
    """Why a request is not let in; None if it is."""
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    shown = environ.get("HTTP_AUTHORIZATION", "")
    if "X-Amz-Signature" in query:
        signature, signed = query.pop("X-Amz-Signature"), query.get("X-Amz-SignedHeaders", "")
        stamp, seconds = query.get("X-Amz-Date", ""), int(query.get("X-Amz-Expires", "0"))
        signer = S3SigV4QueryAuth
    else:
        parts = r"AWS4-HMAC-SHA256 Credential=(\S+?), ?SignedHeaders=(\S+?), ?Signature=(\S+)"
        known = re.fullmatch(parts, shown)
        if not known:
            return "it is not signed"
        _, signed, signature = known.groups()
        stamp, seconds, signer = environ.get("HTTP_X_AMZ_DATE", ""), 900, S3SigV4Auth
    began = datetime.datetime.strptime(stamp, FORMAT).replace(tzinfo=datetime.timezone.utc)
    if datetime.datetime.now(datetime.timezone.utc) >= began + datetime.timedelta(seconds=seconds):
        return "Request has expired"
    headers = {}
    for name in signed.split(";"):
        variable = name.upper().replace("-", "_")
        short = variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        headers[name] = environ.get(variable if short else f"HTTP_{variable}", "")
    raw = environ["RAW_URI"] if "RAW_URI" in environ else environ["REQUEST_URI"]
    url = f"http://{environ['HTTP_HOST']}{raw.partition('?')[0]}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers, params=query)
    request.context["timestamp"] = stamp
    own = signer(Credentials(KEY, SECRET), "s3", REGION)
    text = own.string_to_sign(request, canonical(own, request, environ))
    if not hmac.compare_digest(own.signature(text, request), signature):
        return "the signature is another one"
    return None


def canonical(signer, request, environ):
    """What is signed of a request; of a body the digest that it came with."""
    body = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "UNSIGNED-PAYLOAD")
    headers = signer.headers_to_sign(request)
    parts = [request.method, signer._normalize_url_path(urllib.parse.urlsplit(request.url).path),
             signer.canonical_query_string(request), signer.canonical_headers(headers) + "\n",
             signer.signed_headers(headers), body]
    return "\n".join(parts)


class S3Server:
    """Serves self.url until it is closed; what is in it stays while it is stopped."""

    def __init__(self):
        app = create_backend_app("s3")
        made = app.test_client().put(f"/{BUCKET}", headers={"Host": "localhost"})
        if made.status_code != 200:
            raise SystemExit(f"no bucket: {made.data}")
        self.app, self.port, self.server, self.serving = Checked(app), 0, None, None
        self.start()

    @property
    def url(self):
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Listens, on the port that it has had before."""
        self.server = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=Quiet)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.serving = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.serving.start()
        # It can only be stopped once it has begun.
        http.client.HTTPConnection("127.0.0.1", self.port).request("GET", "/")

    def stop(self):
        """Is not there any more for who connects. What it is asked already it answers."""
        self.server.shutdown()
        self.serving.join()
        self.server.server_close()


def main():
    server = S3Server()
    print(f"{server.url} {BUCKET} {REGION} {KEY} {SECRET}", flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word == "stop":
            server.stop()
        elif word == "start":
            server.start()
        else:
            sys.exit(f"{word!r} is neither stop nor start")
        print("done", flush=True)


if __name__ == "__main__":
    main()
