"""A real nginx on loopback with deploy/nginx.conf, what it stands before, and plain HTTP."""

from __future__ import annotations

import getpass
import http.client
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from embedded import front_door
from embedded.errors import NotReady
from embedded.front_door import CONFIGURATION
from embedded.ports import LOOPBACK, check_listening

BUCKET = CONFIGURATION.parent / "bucket"
# Debian's; it and the official images carry it.
JS_MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
# Debian keeps it where an ordinary user's PATH does not lead.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
NOBODY = 9  # the port "discard", on which nothing listens
START_SECONDS = 10
ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What this nginx stands before, and the secret that it shares."""

    api_port: int
    media: Path
    secret: str
    previous_secret: str = ""
    realtime_port: int = NOBODY
    # Where media is in a bucket: the environment that says so.
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def running(folder: Path, port: int, behind: Behind) -> Iterator[None]:
    """nginx listens on `port` until the block ends; its files and logs are in `folder`."""
    _lay_out(folder, port, behind)
    if behind.environment:
        _add_bucket(folder, behind.environment)
    user = f"user {getpass.getuser()}; " if os.geteuid() == 0 else ""
    with (folder / "access.log").open("wb") as access, (folder / "error.log").open("wb") as errors:
        process = subprocess.Popen(
            [
                *(str(NGINX), "-p", folder, "-c", folder / "nginx.conf"),
                *("-g", f"{user}daemon off; pid {folder}/nginx.pid;"),
            ],
            stdout=access,
            stderr=errors,
            env=os.environ | behind.environment,
        )
    try:
        _wait(process, port, folder)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """`app` answers on the port that this yields."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    """Send one request; `path` goes out as it is, `if_none_match` as If-None-Match."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def _lay_out(folder: Path, port: int, behind: Behind) -> None:
    """As `make run` does it, but that metrics are refused, as in production."""
    values = {
        "EDGE_SECRET": behind.secret,
        "EDGE_SECRET_PREVIOUS": behind.previous_secret,
        "MEDIA_STORAGE_BACKEND": behind.environment.get("MEDIA_STORAGE_BACKEND", "local"),
    }
    stands_before = front_door.Behind(
        api_port=behind.api_port,
        realtime_port=behind.realtime_port,
        media=behind.media,
        values=values,
    )
    front_door.lay_out(folder, LOOPBACK, port, stands_before)
    file = folder / "nginx.conf"
    file.write_text(file.read_text().replace("= /metrics/of/nginx {", "= /metrics {"))


def _add_bucket(folder: Path, environment: Mapping[str, str]) -> None:
    """As deploy/bucket/10-bucket.envsh and the entry point do it, with Debian's module."""
    given = folder / "given"
    given.mkdir()
    (given / "nginx.conf.template").touch()
    said = subprocess.run(
        ["sh", "-euc", f". {BUCKET}/10-bucket.envsh; env"],
        env={
            "PATH": os.environ["PATH"],
            "NGINX_ENVSUBST_TEMPLATE_DIR": str(given),
            "NGINX_ENVSUBST_OUTPUT_DIR": str(folder),
            "BUCKET_PARTS": str(BUCKET),
            **environment,
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout
    values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    for template in (folder / "templates").glob("bucket.*"):
        text = re.sub(r"\$\{([A-Z0-9_]+)\}", lambda name: values[name[1]], template.read_text())
        for theirs, ours in {
            "modules/ngx_http_js_module.so": str(JS_MODULE),
            "/etc/nginx/bucket/": f"{BUCKET}/",
            # Needs nginx 1.27.3, which Debian has not.
            " resolve;": ";",
        }.items():
            text = text.replace(theirs, ours)
        (folder / template.stem).write_text(text)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            return check_listening(port)
        except NotReady:
            assert time.monotonic() < deadline, (folder / "error.log").read_text()
            time.sleep(0.02)
