"""A real nginx with the rtmp module on loopback, with deploy/rtmp.conf."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.ports import Ports
from tests import nginx
from tests.nginx import NGINX
from tests.stack import ROOT, wait_for

CONFIGURATION = ROOT / "deploy" / "rtmp.conf"
# Debian's.
MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
MISSING = "needs Debian's nginx-light and libnginx-mod-rtmp: `make browser` installs them"
# How often it asks about who sends, in place of each ten seconds.
UPDATE_SECONDS = 1


@dataclass(frozen=True)
class RtmpServer:
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """For encoders, and for who fetches."""
        return f"rtmp://127.0.0.1:{self.port}/live"

    def open_files(self) -> list[str]:
        descriptors = Path(f"/proc/{self.process.pid}/fd").iterdir()
        return [str(path.readlink()) for path in descriptors]

    def log(self) -> str:
        return (self.folder / "error.log").read_text()


def require() -> None:
    """Skip where it is not installed, and could not be (deploy/browser.sh)."""
    if not (NGINX and MODULE.exists()):
        pytest.skip(MISSING)


@contextmanager
def rtmp_server(folder: Path, api_port: int) -> Iterator[RtmpServer]:
    """It asks the API at `api_port`; its files and log are in `folder`."""
    ports = Ports()
    port, hooks = ports.of("RTMP"), ports.of("HOOKS")
    folder.mkdir()
    (folder / "nginx.conf").write_text(_configured(folder, port, hooks, api_port))
    user = f"user {getpass.getuser()}; " if os.geteuid() == 0 else ""
    with (folder / "error.log").open("wb") as errors:
        process = subprocess.Popen(
            [
                *(str(NGINX), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"),
                *("-g", f"{user}daemon off;"),
            ],
            stdout=errors,
            stderr=errors,
        )
    server = RtmpServer(port, folder, process)
    try:
        wait_for(lambda: nginx.ask(hooks, "/healthz").status == 204 or process.poll(), 60)
        assert process.poll() is None, server.log()
        yield server
    finally:
        process.terminate()
        process.wait(30)
        ports.close()


def _configured(folder: Path, port: int, hooks: int, api_port: int) -> str:
    text = CONFIGURATION.read_text()
    for theirs, ours in {
        "modules/ngx_rtmp_module.so": str(MODULE),
        "listen 1935 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:1936": f"127.0.0.1:{hooks}",
        "http://backend:5000": f"http://127.0.0.1:{api_port}",
        "notify_update_timeout 10s": f"notify_update_timeout {UPDATE_SECONDS}s",
        "/tmp/": f"{folder}/",  # noqa: S108 - theirs, not ours
        # All that it can say of anybody's key.
        "error_log stderr warn": "error_log stderr notice",
    }.items():
        assert theirs in text, f"deploy/rtmp.conf no longer says {theirs}"
        text = text.replace(theirs, ours)
    return text
