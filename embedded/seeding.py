"""The first start: the sample videos are put in once, before the stack says that it is ready."""

from __future__ import annotations

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

LIMIT_SECONDS = 900.0


def seed_once(
    settings: Settings, program: Path, env: Mapping[str, str], supervisor: Supervisor
) -> None:
    """Run the seeding program unless it has succeeded in this VAR_DIR before.

    A failure is told, does not stop the stack, and is tried again at the next start.
    """
    marker = settings.var_dir / "seeded"
    if marker.exists() or not settings.seed_on_first_start:
        return
    log = settings.var_dir / "logs" / "seed.log"
    log.unlink(missing_ok=True)
    supervisor.say("First start: adding the sample videos ...")
    outcome = _run(log, program, env, supervisor)
    if outcome == "exit code 0":
        write_private(marker, datetime.now(UTC).isoformat() + "\n")
        return
    supervisor.say(
        f"The sample videos could not be added ({outcome}). The end of {log}:\n{last_lines(log)}\n"
        f"CLUTCH works without them, and tries again at its next start; to try now, run"
        f" `python {program.name}` in another terminal. SEED_ON_FIRST_START=false leaves them out."
    )


def _run(log: Path, program: Path, env: Mapping[str, str], supervisor: Supervisor) -> str:
    """How the program ended; the stack is looked after meanwhile."""
    seeding = Running.start(
        Child(
            name="seed",
            command=(sys.executable, str(program)),
            env=env,
            log=log,
            is_ready=has_settled,
        )
    )
    try:
        supervisor.watch(until=lambda: seeding.has_ended() or seeding.age_seconds > LIMIT_SECONDS)
    finally:
        outcome = seeding.bury()
    return outcome
