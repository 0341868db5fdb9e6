"""The README's tour, pasted into a shell, does what the README says."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.samples import big_buck_bunny
from tests.stack import ROOT, Stack

SECONDS = 300
pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def blocks(heading: str, page: str = "README.md") -> list[str]:
    """The shell blocks of one section of the README, or of another page."""
    section = (ROOT / page).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.DOTALL)


def paste(stack: Stack, commands: str, **environment: str) -> str:
    """What a shell prints when these lines are pasted into it; any failing line fails."""
    here = commands.replace("http://localhost:5000", stack.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=here.encode(),
        capture_output=True,
        timeout=SECONDS,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode()


def test_the_tour_goes_from_sign_up_to_a_segment(stack: Stack):
    printed = paste(stack, "\n".join(blocks("A tour with curl")), FILE=str(big_buck_bunny()))
    assert "User registered successfully" in printed
    assert "#EXTM3U" in printed
    assert re.search(r"segment: \d{4,} bytes", printed)


def test_the_tour_of_live_streams_goes_from_an_encoder_to_the_replay(stack: Stack):
    printed = paste(stack, "\n".join(blocks("A tour with curl and ffmpeg", "docs/live.md")))
    assert "RESOLUTION=1280x720" in printed
    assert "#EXT-X-MEDIA-SEQUENCE" in printed
    assert "/hls/" in printed
    assert float(printed.splitlines()[-1]) >= 3


def test_the_examples_of_001_work_as_printed_there(stack: Stack):
    signup = """curl -X POST http://localhost:5000/auth/signup \\
      -H "Content-Type: application/json" \\
      -d '{"name":"Test User","email":"test@test.com","password":"test123"}'"""
    login = """curl -X POST http://localhost:5000/auth/login \\
      -H "Content-Type: application/json" \\
      -d '{"email":"test@test.com","password":"test123"}'"""
    assert '"status":"running"' in paste(stack, "curl http://localhost:5000/")
    assert "User registered successfully" in paste(stack, signup)
    token = re.search(r'"token":"([^"]+)"', paste(stack, login))
    assert token
    dashboard = """curl -X GET http://localhost:5000/dashboard \\
      -H "Authorization: Bearer YOUR_TOKEN_HERE" """
    printed = paste(stack, dashboard.replace("YOUR_TOKEN_HERE", token[1]))
    assert printed.count("playback_token") == 2
