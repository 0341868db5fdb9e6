"""The first start: an administrator is made, and their password shown to who sits at the terminal.

It goes through a pipe and from there to the terminal: no file ever holds it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from config import Settings
from embedded.children import Child, Running
from embedded.files import write_private
from embedded.logs import last_lines
from embedded.roles import has_settled
from embedded.supervisor import Supervisor

LIMIT_SECONDS = 60.0


def make_once(
    settings: Settings, app: Path, env: Mapping[str, str], supervisor: Supervisor
) -> None:
    """Say at once who it is: whatever happens next, the password is told this one time.

    Does nothing where it was done in this VAR_DIR before.

    A failure does not stop the stack, and is tried again at the next start.
    """
    marker = settings.var_dir / "first-admin"
    if marker.exists():
        return
    log = settings.var_dir / "logs" / "first-admin.log"
    log.unlink(missing_ok=True)
    outcome, said = _run(log, app, env, supervisor)
    if said:
        supervisor.say(said.rstrip())
    if outcome == "exit code 0":
        write_private(marker, datetime.now(UTC).isoformat() + "\n")
        return
    supervisor.say(
        f"No administrator could be made ({outcome}). The end of {log}:\n{last_lines(log)}\n"
        f"`python {app.name} users create NAME EMAIL --role admin` makes one."
    )


def _run(log: Path, app: Path, env: Mapping[str, str], supervisor: Supervisor) -> tuple[str, str]:
    """How the program ended and what it said; the stack is looked after meanwhile."""
    running = Running.start(
        Child(
            name="first-admin",
            command=(sys.executable, str(app), "users", "first-admin"),
            env=env,
            log=log,
            is_ready=has_settled,
        ),
        stdout=subprocess.PIPE,
    )
    try:
        supervisor.watch(until=lambda: running.has_ended() or running.age_seconds > LIMIT_SECONDS)
    finally:
        outcome = running.bury()
    said = running.process.stdout.read() if running.process.stdout else b""
    return outcome, said.decode("utf-8", "replace")
