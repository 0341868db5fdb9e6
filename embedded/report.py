"""What the person at the terminal reads once the stack runs."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from config import Settings
from embedded.roles import reachable


def ready_table(settings: Settings, addresses: Mapping[str, str], seconds: float) -> str:
    host = _in_url(reachable(settings.host))
    socket_port = addresses["PORT" if "API_PORT" in addresses else "REALTIME_PORT"]
    api = f"http://{host}:{addresses['PORT']}"
    rows = {
        "API": api,
        "Documentation": f"{api}/docs",
        "Real-time": f"ws://{host}:{socket_port}/ws",
        "Live streams": settings.live_rtmp_url or f"rtmp://{host}:{addresses['LIVE_PORT']}/live",
        "MongoDB": _without_password(addresses["MONGO_URL"]),
        "Redis": _without_password(addresses["REDIS_URL"]),
        "Data": str(settings.var_dir),
        "Logs": str(settings.var_dir / "logs"),
    }
    table = "\n".join(f"  {name:<15}{value}" for name, value in rows.items())
    return f"\nCLUTCH is ready in {seconds:.1f} s\n\n{table}\n\n  Ctrl-C stops all of it.\n"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@", 1) if password else url
