"""Starts the stack as a person does, in a process of its own, and looks at it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from config import Settings
from embedded.ports import is_free
from tests.stack import settings_in

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = Path(__file__).with_name("embedded_standin.py")
START = (
    "import os, sys; from pathlib import Path; from config import Settings\n"
    "from embedded import stack; program = Path(sys.argv[1])\n"
    "settings = Settings.from_env(os.environ)\n"
    "sys.exit(stack.run(settings, app=program, seed_program=program))"
)
# How the log of a mongod ends that has written everything down.
CLEAN_END = '"msg":"Shutting down","attr":{"exitCode":0}'


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(0.02)


def processes() -> dict[int, tuple[int, int, str]]:
    """Parent, process group and name of every living process (Linux)."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # it has just ended
        state, parent, group, *_ = rest.split()
        if state != "Z":
            found[int(path.parent.name)] = (int(parent), int(group), name)
    return found


@dataclass(kw_only=True)
class StartedStack:
    """A stack over `var_dir`; extra settings as keyword arguments of `go`."""

    var_dir: Path
    output: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def go(self, **settings: str) -> StartedStack:
        """Start without waiting."""
        env = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(self.var_dir),
            "PORT": "0",
            "SEED_ON_FIRST_START": "false",
            **settings,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(STAND_IN)],
                env=env,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def until_says(self, text: str) -> StartedStack:
        eventually(lambda: text in self.said() or self.process.poll() is not None, 60)
        assert text in self.said(), self.said()
        return self

    def until_ready(self) -> StartedStack:
        return self.until_says("CLUTCH is ready in")

    def said(self) -> str:
        return self.output.read_text()

    def exit_code(self) -> int:
        return self.process.wait(timeout=40)

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.exit_code()

    def pid_of(self, child: str) -> int:
        """The process that runs this program, or this role, among the children of the stack."""
        return next(pid for pid in self.children() if child in _words(pid))

    def children(self) -> set[int]:
        return {pid for pid, (parent, _, _) in processes().items() if parent == self.process.pid}

    def family(self) -> set[int]:
        """The children and whatever they started in their groups."""
        groups = self.children()
        return {pid for pid, (_, group, _) in processes().items() if group in groups}

    def ports(self) -> dict[str, int]:
        return json.loads((self.var_dir / "ports.json").read_text())

    def has_free_ports(self) -> bool:
        return all(is_free(port) for port in self.ports().values())

    def settings(self) -> Settings:
        """What a program in another shell finds out about the running stack."""
        return settings_in(self.var_dir)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _words(pid: int) -> set[str]:
    """Of its command line, without the folders, which have the names of tests."""
    words = re.split(r"[\0 ]", Path(f"/proc/{pid}/cmdline").read_text())
    return {Path(word).name for word in words}
