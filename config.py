"""Every setting CLUTCH has, read from the environment here and nowhere else.

Names are those of the source documents (000, 001 and 004) where they give one. A value is taken
from the process environment, else from `.env`, else from `VAR_DIR/run.env`, which a running
embedded stack leaves there so that `seed_videos.py` and the command line find its servers.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

GIB = 1024**3
X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


class SettingError(Exception):
    """A setting is missing or not usable; the message says what to set."""


def setting(default: Any, parse: Callable[[str], Any], *names: str) -> Any:
    """A dataclass field read from the first of `names` that is set."""
    return field(default=default, metadata={"names": names, "parse": parse})


def boolean(text: str) -> bool:
    if text.strip().lower() in TRUE | FALSE:
        return text.strip().lower() in TRUE
    raise ValueError("must be true or false")


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def heights(text: str) -> tuple[int, ...]:
    """Rendition heights in pixels, lowest first."""
    found = tuple(sorted({int(word) for word in words(text)}))
    if not found or found[0] < 2:  # noqa: PLR2004 - the smallest picture H.264 can hold
        raise ValueError("must be a list of heights such as 360,720")
    return found


def positive(text: str) -> int:
    if (number := int(text)) <= 0:
        raise ValueError("must be greater than zero")
    return number


def natural(text: str) -> int:
    if (number := int(text)) < 0:
        raise ValueError("must not be negative")
    return number


def roles(text: str) -> tuple[str, ...]:
    """Roles that must have a second factor."""
    if unknown := set(words(text)) - {"viewer", "creator", "staff", "admin"}:
        raise ValueError(f"there is no role {', '.join(sorted(unknown))}")
    return words(text)


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process needs to know before it starts. Sizes are bytes, times as their names say."""

    # Servers. With both URLs set nothing is started; without, `python app.py` starts its own.
    mongo_url: str = setting("", str, "MONGO_URL", "MONGODB_URI")
    mongo_db_name: str = setting("", str, "MONGO_DB_NAME")
    redis_url: str = setting("", str, "REDIS_URL")
    var_dir: Path = setting(Path("var").resolve(), folder, "VAR_DIR")
    host: str = setting("127.0.0.1", str, "HOST")
    port: int = setting(5000, int, "PORT")
    realtime_port: int = setting(0, natural, "REALTIME_PORT")
    mongo_port: int = setting(0, natural, "MONGO_PORT")
    redis_port: int = setting(0, natural, "REDIS_PORT")
    api_processes: int = setting(2, positive, "API_PROCESSES")
    # More wait for slow clients, and fight over the interpreter: 16 took a third of the requests/s.
    api_threads: int = setting(8, positive, "API_THREADS")
    worker_processes: int = setting(1, positive, "WORKER_PROCESSES")
    seed_on_first_start: bool = setting(True, boolean, "SEED_ON_FIRST_START")

    # Secrets: generated into VAR_DIR by the embedded stack, elsewhere asked of the environment.
    jwt_secret_key: str = setting("", str, "JWT_SECRET_KEY")
    edge_secret: str = setting("", str, "EDGE_SECRET")
    password_pepper: str = setting("", str, "PASSWORD_PEPPER")
    bcrypt_rounds: int = setting(12, positive, "BCRYPT_ROUNDS")
    metrics_token: str = setting("", str, "METRICS_TOKEN")

    # Tokens.
    jwt_algorithm: str = setting("HS256", one_of("HS256"), "JWT_ALGORITHM")
    access_token_minutes: int = setting(15, positive, "ACCESS_TOKEN_EXPIRE_MINUTES")
    mobile_token_hours: int = setting(24, positive, "MOBILE_TOKEN_EXPIRE_HOURS")
    refresh_token_days: int = setting(7, positive, "REFRESH_TOKEN_EXPIRE_DAYS")
    playback_token_minutes: int = setting(60, positive, "PLAYBACK_TOKEN_EXPIRE_MINUTES")

    # Accounts.
    registration_mode: str = setting(
        "open", one_of("open", "invite", "closed"), "REGISTRATION_MODE"
    )
    require_email_verification: bool = setting(False, boolean, "REQUIRE_EMAIL_VERIFICATION")
    mfa_required_roles: tuple[str, ...] = setting((), roles, "MFA_REQUIRED_ROLES")
    admin_username: str = setting("admin", str, "ADMIN_USERNAME")
    admin_email: str = setting("admin@clutch.internal", str, "ADMIN_EMAIL")
    admin_password: str = setting("", str, "ADMIN_PASSWORD")
    supabase_url: str = setting("", str, "SUPABASE_URL")
    supabase_jwt_secret: str = setting("", str, "SUPABASE_JWT_SECRET")
    request_signature_secret: str = setting("", str, "REQUEST_SIGNATURE_SECRET")
    request_signature_seconds: int = setting(120, positive, "REQUEST_SIGNATURE_TTL_SECONDS")
    oidc_issuer: str = setting("", str, "OIDC_ISSUER")
    oidc_client_id: str = setting("", str, "OIDC_CLIENT_ID")
    oidc_client_secret: str = setting("", str, "OIDC_CLIENT_SECRET")
    oidc_name: str = setting("OpenID Connect", str, "OIDC_NAME")

    # Mail. Without a server, mails are written to VAR_DIR/outbox.
    public_url: str = setting("", str, "PUBLIC_URL")
    smtp_host: str = setting("", str, "SMTP_HOST")
    smtp_port: int = setting(587, positive, "SMTP_PORT")
    smtp_user: str = setting("", str, "SMTP_USER")
    smtp_password: str = setting("", str, "SMTP_PASSWORD")
    smtp_security: str = setting("starttls", one_of("starttls", "tls", "none"), "SMTP_SECURITY")
    mail_from: str = setting("CLUTCH <noreply@clutch.internal>", str, "MAIL_FROM")

    # HTTP.
    cors_origins: tuple[str, ...] = setting((), words, "CORS_ORIGINS")
    cdn_base_url: str = setting("", str, "CDN_BASE_URL")
    trusted_proxies: int = setting(0, natural, "TRUSTED_PROXIES")
    x_accel_redirect: bool = setting(False, boolean, "X_ACCEL_REDIRECT")
    rate_limit_general: str = setting("1000/hour", str, "RATE_LIMIT_GENERAL")
    rate_limit_auth: str = setting("10/minute", str, "RATE_LIMIT_AUTH")
    rate_limit_upload: str = setting("5/hour", str, "RATE_LIMIT_UPLOAD")
    shelf_seconds: int = setting(1, natural, "SHELF_SECONDS")
    dashboard_limit: int = setting(2, positive, "DASHBOARD_LIMIT")
    log_level: str = setting("INFO", str.upper, "LOG_LEVEL")

    # Media.
    storage_backend: str = setting("local", one_of("local"), "MEDIA_STORAGE_BACKEND")
    media_dir: Path = setting(Path(), folder, "MEDIA_ROOT")
    max_video_bytes: int = setting(2 * GIB, positive, "MAX_VIDEO_BYTES")
    max_video_seconds: int = setting(4 * 3600, positive, "MAX_VIDEO_SECONDS")
    ffmpeg_path: str = setting("", str, "FFMPEG_PATH")
    ffprobe_path: str = setting("", str, "FFPROBE_PATH")
    packager_path: str = setting("", str, "PACKAGER_PATH")
    ffmpeg_threads: int = setting(0, natural, "FFMPEG_THREADS")
    x264_preset: str = setting("veryfast", one_of(*X264_PRESETS), "X264_PRESET")
    x264_crf: int = setting(23, positive, "X264_CRF")
    renditions: tuple[int, ...] = setting((360, 480, 720, 1080), heights, "RENDITIONS")
    job_lease_seconds: int = setting(30, positive, "JOB_LEASE_SECONDS")
    job_attempts: int = setting(4, positive, "JOB_ATTEMPTS")
    sweep_seconds: int = setting(5, positive, "SWEEP_SECONDS")

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, find_running: bool = True
    ) -> Settings:
        """Read every setting; raises `SettingError` naming the first one that is not usable.

        With `find_running` the servers of an embedded stack that runs in VAR_DIR are found.
        """
        found = _layers(find_running=find_running) if environ is None else environ
        return cls(**{f.name: value for f in fields(cls) for value in _read(f, found)})

    @property
    def embedded(self) -> bool:
        """Whether `python app.py` brings servers of its own."""
        return not (self.mongo_url and self.redis_url)

    @property
    def database(self) -> str:
        """`MONGO_DB_NAME`, else the one in the URL, else 000's default."""
        return self.mongo_db_name or urlsplit(self.mongo_url).path.strip("/") or "clutch_platform"

    @property
    def media_root(self) -> Path:
        """Where stored media lies on local disk."""
        return self.var_dir / "media" if self.media_dir == Path() else self.media_dir

    @property
    def base_url(self) -> str:
        """Where people reach CLUTCH: what links in mails begin with."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def outbox(self) -> Path:
        """Where mails are written while there is no SMTP server."""
        return self.var_dir / "outbox"

    @property
    def scratch_dir(self) -> Path:
        """Where a worker keeps what it has not finished yet."""
        return self.var_dir / "scratch"

    @property
    def edge_key(self) -> str:
        """The secret that an edge and the API share to sign playback grants."""
        derived = hmac.new(self.jwt_secret_key.encode(), b"edge", hashlib.sha256).hexdigest()
        return self.edge_secret or derived

    def checked(self) -> Settings:
        """These settings, once they are known to be enough to serve with."""
        if not self.jwt_secret_key:
            raise SettingError(
                "JWT_SECRET_KEY is not set. Put a random secret of at least 32 characters in the"
                " environment or in .env; `openssl rand -base64 48` prints one."
            )
        if len(self.jwt_secret_key.encode()) < 32:  # noqa: PLR2004 - RFC 7518 section 3.2
            raise SettingError("JWT_SECRET_KEY is too short: HS256 needs at least 32 bytes.")
        if 0 < len(self.request_signature_secret) < 32:  # noqa: PLR2004 - 004: "32+ chars"
            raise SettingError("REQUEST_SIGNATURE_SECRET is too short: 32 characters at least.")
        return self


def _layers(*, find_running: bool) -> dict[str, str]:
    dotenv = _dotenv(Path(".env"))
    var_dir = Path(os.environ.get("VAR_DIR") or dotenv.get("VAR_DIR") or "var")
    running = _dotenv(var_dir / "run.env") if find_running else {}
    return {**running, **dotenv, **os.environ}


def _dotenv(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _read(spec: Any, environ: Mapping[str, str]) -> list[Any]:
    """The value of one setting as a list of one, or an empty list where it keeps its default."""
    for name in spec.metadata["names"]:
        if text := environ.get(name, "").strip():
            try:
                return [spec.metadata["parse"](text)]
            except ValueError as wrong:
                raise SettingError(f"{name}={text!r} is not usable: {wrong}") from wrong
    return []
