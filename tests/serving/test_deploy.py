"""What CLUTCH is deployed with: the image, docker-compose.yml, .env.example, and small programs."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

import app
from blueprints.http.bodies import FORM_BYTES
from config import Settings
from tests.nginx import BUCKET, CONFIGURATION

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
ROLES = app.main.commands.keys() - {"users"}
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "clutch"}
ONE_SHOT = {"seed", "s3-bucket"}
SECRETS = ("JWT_SECRET_KEY", "EDGE_SECRET", "PASSWORD_PEPPER")
# `NAME=value`, or `# NAME=value` where that is the default.
SETTING = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(:[?-][^}]*)?\}")


# Settings


def test_the_example_lists_exactly_the_settings():
    names = [name for name, _ in SETTING.findall(EXAMPLE)]
    assert sorted(names) == sorted(spec.metadata["names"][0] for spec in fields(Settings))


def test_each_setting_in_the_example_is_explained():
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if SETTING.match(line):
            above = lines[number - 1]
            assert re.match(r"# [^-]", above), f"nothing is said of {line}"
            assert not SETTING.match(above), f"nothing is said of {line}"


def test_the_example_gives_each_default():
    given = dict(SETTING.findall(EXAMPLE))
    assert Settings.from_env(given) == Settings.from_env({})
    for spec in fields(Settings):
        text = given[spec.metadata["names"][0]]
        assert text or getattr(Settings(), spec.name) in {"", (), Path()}


def test_the_example_alone_is_an_embedded_stack():
    active = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert active == dict.fromkeys(SECRETS, "")


# docker-compose.yml


def test_every_variable_of_compose_is_a_setting_in_the_example():
    used = {name for name, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text())}
    assert used
    assert used <= {name for name, _ in SETTING.findall(EXAMPLE)}


def test_compose_asks_for_each_secret_and_says_how_to_get_it():
    for service in [*OURS.values(), SERVICES["nginx"]]:
        for name in set(SECRETS) & service["environment"].keys():
            (asked,) = VARIABLE.findall(service["environment"][name])
            assert asked[0] == name
            assert asked[1].startswith(":?")
            assert "deploy/secrets.sh" in asked[1]
    assert all(set(SECRETS) <= service["environment"].keys() for service in OURS.values())
    assert "EDGE_SECRET" in SERVICES["nginx"]["environment"]


def test_every_service_is_checked_or_runs_once():
    for name, service in SERVICES.items():
        if name in ONE_SHOT:
            assert service["restart"] == "no"
            continue
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["stop_grace_period"]


def test_every_role_is_a_service_and_nothing_else_is_asked_of_the_image():
    commands = {name: service.get("command") for name, service in OURS.items()}
    assert commands.pop("seed") is None
    assert (ROOT / SERVICES["seed"]["entrypoint"][-1]).is_file()
    assert sorted(commands.values()) == [[role] for role in sorted(ROLES)]


def test_only_nginx_and_rtmp_can_be_reached_from_outside():
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx", "rtmp"}
    assert SERVICES["nginx"]["ports"] == ["${HOST:-0.0.0.0}:${PORT:-5000}:5000"]
    assert SERVICES["rtmp"]["ports"] == ["${HOST:-0.0.0.0}:${LIVE_PORT:-1935}:1935"]
    for server in ("mongodb", "redis"):
        assert SERVICES[server]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"]["internal"] is True


def test_services_wait_until_what_they_need_answers():
    for service in OURS.values():
        needed = service["depends_on"]
        assert needed.keys() == {"mongodb", "redis"}
        assert all(need["condition"] == "service_healthy" for need in needed.values())
    assert SERVICES["nginx"]["depends_on"].keys() == {"backend", "realtime"}


def test_volumes_are_named_and_mounted_files_are_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists()
            else:
                assert source in COMPOSE["volumes"]


def test_the_environment_in_compose_is_understood():
    for service in OURS.values():
        given = {name: default_of(value) for name, value in service["environment"].items()}
        settings = Settings.from_env(given).checked()
        assert not settings.embedded
        assert (settings.trusted_proxies, settings.x_accel_redirect) == (1, True)
        assert settings.media_root == Path("/data/media")
        assert settings.database == "clutch_platform"


def default_of(value: str | int) -> str:
    """What compose makes of a value in an empty environment; of a secret, something long enough."""
    return VARIABLE.sub(lambda found: (found[2] or "")[2:].ljust(1), str(value))


def test_nginx_finds_what_compose_gives_it():
    text = CONFIGURATION.read_text()
    given = SERVICES["nginx"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= given.keys()
    is_filled_in = re.compile(given["NGINX_ENVSUBST_FILTER"].replace("$$", "$"))
    parts = [text, *(path.read_text() for path in BUCKET.glob("*.conf"))]
    names = [name for part in parts for name in re.findall(r"\$\{(\w+)\}", part)]
    assert all(is_filled_in.match(name) for name in names)
    settings = Settings.from_env(
        {k: default_of(v) for k, v in SERVICES["backend"]["environment"].items()}
    )
    assert f"server backend:{settings.port} resolve;" in text
    assert f"server realtime:{settings.realtime_port} resolve;" in text
    assert f"listen {SERVICES['nginx']['ports'][0].split(':')[-1]};" in text
    assert text.count(f"alias {settings.media_root}/") == 3
    # How large a video may be is a setting of the API, which 0 leaves to it.
    pictures, videos = re.findall(r"client_max_body_size (\d+)m?;", text)
    assert int(pictures) * 1024**2 > 10 * 1024**2 + FORM_BYTES
    assert videos == "0"


def test_rtmp_finds_what_compose_gives_it():
    text = (ROOT / "deploy" / "rtmp.conf").read_text()
    settings = Settings.from_env(
        {k: default_of(v) for k, v in SERVICES["backend"]["environment"].items()}
    )
    assert f"set $api http://backend:{settings.port};" in text
    (port,) = re.findall(r"listen (\d+) ", text)
    assert SERVICES["rtmp"]["ports"][0].endswith(f":{port}")
    fetched = SERVICES["ingest"]["environment"]["LIVE_RTMP_URL"]
    (application,) = re.findall(r"application (\w+) {", text)
    assert fetched == f"rtmp://rtmp:{port}/{application}"
    assert settings.live_address == f"rtmp://localhost:{port}/{application}"
    dockerfile = (ROOT / "deploy" / "rtmp" / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE)
    assert int(user) > 0
    assert SERVICES["rtmp"]["healthcheck"]["test"][-1].replace("\r\n", "\\r\\n") in (
        dockerfile.replace("\\\\", "\\")
    )


# The images


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "deploy/rtmp/Dockerfile"])
def test_the_dockerfile_is_clean(dockerfile):
    hadolint = Path(sys.executable).with_name("hadolint")
    checked = subprocess.run(
        [hadolint, ROOT / dockerfile], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_image_does_not_run_as_root_and_starts_a_role():
    *_, runtime = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    (user,) = re.findall(r"^USER (\d+):\d+$", runtime, re.MULTILINE)
    assert int(user) > 0
    assert not re.search(r"apt-get|gcc|pip install", runtime)
    assert re.search(r'^ENTRYPOINT \["python", "app.py"\]\nCMD \["(\w+)"\]', runtime, re.MULTILINE)
    assert re.findall(r'^CMD \["(\w+)"\]', runtime, re.MULTILINE)[0] in ROLES
    assert "HEALTHCHECK" in runtime


def test_all_that_is_imported_goes_into_the_image(tmp_path):
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            copy(ROOT / line[1:], tmp_path / line[1:])
    imports = "import seed_videos, workers.jobs, workers.schedule, blueprints.realtime, app"
    command = [sys.executable, "-c", imports]
    subprocess.run(command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=True, timeout=60)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)


# Small programs


def test_secrets_are_written_once(tmp_path):
    copy(ROOT / ".env.example", tmp_path / ".env.example")
    copy(ROOT / "deploy" / "secrets.sh", tmp_path / "deploy" / "secrets.sh")
    written = []
    for _ in range(2):
        subprocess.run(["sh", tmp_path / "deploy" / "secrets.sh"], check=True, timeout=20)
        written.append((tmp_path / ".env").read_text())
    assert written[0] == written[1]
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    found = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", written[0], re.MULTILINE))
    assert found.keys() == set(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in found.values())
    assert re.sub("=[0-9a-f]{64}$", "=", written[0], flags=re.MULTILINE) == EXAMPLE


def test_looking_for_a_browser_never_fails_the_build(tmp_path):
    """Where there is none, and nobody to install one."""
    for name in ("sh", "id", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    looked = subprocess.run(
        ["sh", ROOT / "deploy" / "browser.sh"],
        check=False,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert looked.returncode == 0
    assert "browser tests will be skipped" in looked.stdout


def bucket_values(**environment: str) -> dict[str, str]:
    """What deploy/bucket/10-bucket.envsh makes of the settings, as the image reads it."""
    said = subprocess.run(
        ["sh", "-euc", f". {BUCKET}/10-bucket.envsh; env"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        text=True,
        timeout=20,
    ).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def test_a_bucket_is_found_at_aws_and_anywhere_else(tmp_path):
    (tmp_path / "nginx.conf.template").touch()
    where = {
        "MEDIA_STORAGE_BACKEND": "s3",
        "AWS_S3_BUCKET": "films",
        "NGINX_ENVSUBST_TEMPLATE_DIR": str(tmp_path),
        "NGINX_ENVSUBST_OUTPUT_DIR": str(tmp_path / "out"),
        "BUCKET_PARTS": str(BUCKET),
    }
    names = ("S3_SCHEME", "S3_SERVER", "S3_HOST", "S3_PREFIX", "AWS_REGION")
    aws = bucket_values(**where, AWS_REGION="eu-north-1", S3_ENDPOINT_URL="")
    host = "films.s3.eu-north-1.amazonaws.com"
    assert [aws[name] for name in names] == ["https", f"{host}:443", host, "", "eu-north-1"]
    own = bucket_values(**where, S3_ENDPOINT_URL="http://s3:9000", S3_PATH_STYLE="true")
    assert [own[name] for name in names] == ["http", "s3:9000", "s3:9000", "/films", "us-east-1"]
    plain = bucket_values(**where, S3_ENDPOINT_URL="http://s3/", S3_PATH_STYLE="true")
    assert plain["S3_SERVER"] == "s3:80"
    given = sorted(path.name for path in (tmp_path / "out" / "templates").iterdir())
    parts = [f"bucket.{part}.conf.template" for part in ("http", "main", "server")]
    assert given == [*parts, "nginx.conf.template"]


def test_without_a_bucket_nothing_is_added_to_nginx():
    assert "S3_SERVER" not in bucket_values(MEDIA_STORAGE_BACKEND="local")
    assert "S3_SERVER" not in bucket_values()
