"""Child processes: limited, watched, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from services.adapters.media.confined import (
    ENVIRONMENT,
    LAUNCHER,
    STDERR_BYTES,
    LimitReached,
    Limits,
    ToolFailed,
    run,
)
from services.adapters.media.launcher import NOT_STARTED

MIB = 1024**2
PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]


def limits(
    cpu_seconds: int = 10,
    memory_bytes: int = 1024 * MIB,
    file_bytes: int = MIB,
    wall_seconds: float = 200,
) -> Limits:
    return Limits(
        cpu_seconds=cpu_seconds,
        memory_bytes=memory_bytes,
        file_bytes=file_bytes,
        wall_seconds=wall_seconds,
    )


def shell(script: str, allowed: Limits | None = None, **options):
    return run(["/bin/sh", "-c", script], allowed or limits(), **options)


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(0.02)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def number_in(path: Path) -> int:
    eventually(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def test_a_child_gives_back_what_it_wrote_and_how_it_ended():
    finished = shell("echo out; echo err >&2; exit 3")
    assert (finished.returncode, finished.stdout, finished.stderr_tail) == (3, b"out\n", "err\n")


def test_a_child_that_a_signal_ended_has_a_negative_return_code():
    assert shell("kill -TERM $$").returncode == -signal.SIGTERM


def test_a_file_is_standard_input_and_nothing_is_without_one(tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"bytes")
    assert shell("cat", stdin=upload).stdout == b"bytes"
    assert shell("cat").stdout == b""


def test_a_child_runs_where_it_is_told_to(tmp_path):
    assert shell("pwd", cwd=tmp_path).stdout.decode().strip() == str(tmp_path)


def test_a_child_sees_no_secret_of_ours(monkeypatch):
    monkeypatch.setenv("JWT_SECRET_KEY", "secret")
    seen = dict(line.split("=", 1) for line in shell("env").stdout.decode().splitlines())
    assert {name: seen[name] for name in ENVIRONMENT} == ENVIRONMENT
    assert set(seen) - set(ENVIRONMENT) <= {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"}


def test_a_child_is_limited_before_it_starts():
    asked = "ulimit -t; ulimit -v; ulimit -f; ulimit -n; ulimit -c; nice"
    seen = shell(asked, limits(cpu_seconds=7, memory_bytes=512 * MIB, file_bytes=4096))
    cpu, memory, file, files, core, nice = seen.stdout.decode().split()
    assert (cpu, memory, file) == ("7", str(512 * 1024), "8")
    assert (files, core) == ("256", "0")
    assert int(nice) >= 10


def test_a_child_that_takes_too_long_is_killed_with_all_its_children(tmp_path):
    note = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(LimitReached, match="wall_seconds"):
        shell(f"sleep 60 & echo $! > {note}; wait", limits(wall_seconds=0.5))
    assert time.monotonic() - started < 60
    eventually(lambda: not is_alive(number_in(note)))


def test_a_child_that_closes_its_output_and_goes_on_is_killed_too():
    with pytest.raises(LimitReached, match="wall_seconds"):
        shell("exec >&- 2>&-; sleep 60", limits(wall_seconds=0.5))


def test_a_child_that_computes_too_much_is_ended():
    with pytest.raises(LimitReached, match="cpu_seconds"):
        shell("while :; do :; done", limits(cpu_seconds=1))


def test_a_child_that_writes_too_much_is_ended(tmp_path):
    target = tmp_path / "big"
    with pytest.raises(LimitReached, match="file_bytes"):
        run(["/bin/dd", "if=/dev/zero", f"of={target}", "bs=64k"], limits(file_bytes=100_000))
    assert target.stat().st_size <= 100_000


def test_a_child_gets_no_more_memory_than_allowed():
    greedy = [PYTHON, "-c", "x = bytearray(400 * 2**20)"]
    finished = run(greedy, limits(memory_bytes=200 * MIB))
    assert finished.returncode == 1
    assert "MemoryError" in finished.stderr_tail


def test_a_child_that_prints_without_end_is_ended():
    with pytest.raises(LimitReached, match="output"):
        shell("yes")
    with pytest.raises(LimitReached, match="output"):
        shell("yes | tr -d '\\n'", on_line=len)


def test_reading_both_outputs_cannot_deadlock_and_only_the_end_of_errors_is_kept():
    script = "import sys\nfor n in range(40_000): sys.stderr.write('e%09d\\n' % n); print('o' * 9)"
    finished = run([PYTHON, "-c", script], limits())
    assert len(finished.stdout) == 400_000
    assert len(finished.stderr_tail) == STDERR_BYTES
    assert finished.stderr_tail.endswith("e000039999\n")


def test_lines_are_handed_on_as_they_come():
    lines: list[str] = []
    finished = shell("echo one; echo two; printf three", on_line=lines.append)
    assert lines == ["one", "two", "three"]
    assert finished.stdout == b""


def test_a_listener_that_raises_kills_the_child_before_the_exception_leaves(tmp_path):
    note = tmp_path / "pid"

    def listen(_line: str) -> None:
        raise LookupError("lost the lease")

    with pytest.raises(LookupError, match="lost the lease"):
        shell(f"echo $$ > {note}; echo go; sleep 60", on_line=listen)
    assert not is_alive(number_in(note))


def test_a_stopped_worker_takes_its_child_along(tmp_path):
    note = tmp_path / "pid"

    def stop(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell(f"echo $$ > {note}; echo go; sleep 60", on_line=stop)
    assert not is_alive(number_in(note))


def test_a_killed_worker_takes_its_child_along(tmp_path):
    note = tmp_path / "pid"
    worker = (
        "from services.adapters.media.confined import Limits, run\n"
        f"run(['/bin/sh', '-c', 'echo $$ > {note}.new; mv {note}.new {note}; exec sleep 60'],"
        " Limits(cpu_seconds=9, memory_bytes=2**30, file_bytes=999, wall_seconds=60))\n"
    )
    parent = subprocess.Popen([PYTHON, "-c", worker], cwd=ROOT)
    try:
        child = number_in(note)
        assert is_alive(child)
    finally:
        parent.kill()
        parent.wait()
    eventually(lambda: not is_alive(child))


def test_no_thread_and_no_open_file_is_left():
    shell("true")
    before = threading.active_count(), open_files()
    for script in ("true", "exit 1", "sleep 60"):
        with suppress(LimitReached):
            shell(script, limits(wall_seconds=0.2))
    assert (threading.active_count(), open_files()) == before


def test_a_program_that_is_not_there_is_nobodys_bad_file():
    with pytest.raises(ToolFailed, match="/nowhere: "):
        run(["/nowhere"], limits())


def launch(parent_pid: int, *command: str) -> subprocess.CompletedProcess[bytes]:
    numbers = map(str, (parent_pid, 5, 1024 * MIB, MIB))
    return subprocess.run(
        [PYTHON, LAUNCHER, *numbers, *command], capture_output=True, check=False, timeout=20
    )


def test_the_launcher_becomes_the_program():
    assert launch(os.getpid(), "/bin/sh", "-c", "ulimit -t").stdout == b"5\n"
    assert launch(os.getpid(), "/nowhere").returncode == NOT_STARTED


def test_the_launcher_starts_nothing_for_a_parent_that_is_gone():
    finished = launch(1, "/bin/echo", "started")
    assert (finished.returncode, finished.stdout) == (-signal.SIGKILL, b"")
