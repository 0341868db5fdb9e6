"""Every setting CLUTCH has, read from the environment here and nowhere else.

Names are those of the source documents (000, 001 and 004) where they give one. A value is taken
from the process environment, else from `.env`, else from `VAR_DIR/run.env`, which a running
embedded stack leaves there so that `seed_videos.py` and the command line find its servers.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

MIB, GIB = 1024**2, 1024**3
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


def hour(text: str) -> int:
    """Of the day, in UTC."""
    if (number := int(text)) not in range(24):
        raise ValueError("must be an hour of the day, 0 to 23")
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


def countries(text: str) -> tuple[str, ...]:
    """ISO 3166 codes of two letters, in capitals."""
    found = tuple(word.upper() for word in words(text))
    if wrong := [code for code in found if not re.fullmatch("[A-Z]{2}", code)]:
        raise ValueError(f"must be codes of two letters such as DE,FR, not {', '.join(wrong)}")
    return found


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
    front_door: bool = setting(True, boolean, "FRONT_DOOR")
    api_port: int = setting(0, natural, "API_PORT")
    realtime_port: int = setting(0, natural, "REALTIME_PORT")
    mongo_port: int = setting(0, natural, "MONGO_PORT")
    redis_port: int = setting(0, natural, "REDIS_PORT")
    # Where live streams are sent to; with LIVE_RTMP_URL they are fetched from there instead.
    live_port: int = setting(0, natural, "LIVE_PORT")
    live_rtmp_url: str = setting("", str, "LIVE_RTMP_URL")
    # What people are told to send to; else this host, at LIVE_PORT.
    live_ingest_url: str = setting("", str, "LIVE_INGEST_URL")
    live_at_a_time: int = setting(8, positive, "LIVE_AT_A_TIME")
    live_per_person: int = setting(3, positive, "LIVE_PER_PERSON")
    live_reconnect_seconds: int = setting(60, natural, "LIVE_RECONNECT_SECONDS")
    live_max_bytes: int = setting(32 * GIB, positive, "LIVE_MAX_BYTES")
    api_processes: int = setting(2, positive, "API_PROCESSES")
    # More wait for slow clients, and fight over the interpreter: 16 took a third of the requests/s.
    api_threads: int = setting(8, positive, "API_THREADS")
    worker_processes: int = setting(1, positive, "WORKER_PROCESSES")
    seed_on_first_start: bool = setting(True, boolean, "SEED_ON_FIRST_START")

    # Secrets: generated into VAR_DIR by the embedded stack, elsewhere asked of the environment.
    jwt_secret_key: str = setting("", str, "JWT_SECRET_KEY")
    jwt_secret_key_previous: str = setting("", str, "JWT_SECRET_KEY_PREVIOUS")
    edge_secret: str = setting("", str, "EDGE_SECRET")
    edge_secret_previous: str = setting("", str, "EDGE_SECRET_PREVIOUS")
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
    digest_hour: int = setting(8, hour, "DIGEST_HOUR")

    # Webhooks.
    webhooks_allow_http: bool = setting(False, boolean, "WEBHOOKS_ALLOW_HTTP")
    webhooks_allow_private: bool = setting(False, boolean, "WEBHOOKS_ALLOW_PRIVATE")
    webhooks_timeout_seconds: int = setting(10, positive, "WEBHOOKS_TIMEOUT_SECONDS")
    webhooks_failing_days: int = setting(5, positive, "WEBHOOKS_FAILING_DAYS")
    video_processor: str = setting("local", one_of("local", "external"), "VIDEO_PROCESSOR")
    processing_webhook_secret: str = setting("", str, "VIDEO_PROCESSING_WEBHOOK_SECRET")

    # HTTP.
    cors_origins: tuple[str, ...] = setting((), words, "CORS_ORIGINS")
    cdn_base_url: str = setting("", str, "CDN_BASE_URL")
    trusted_proxies: int = setting(0, natural, "TRUSTED_PROXIES")
    x_accel_redirect: bool = setting(False, boolean, "X_ACCEL_REDIRECT")
    rate_limit_general: str = setting("1000/hour", str, "RATE_LIMIT_GENERAL")
    rate_limit_auth: str = setting("10/minute", str, "RATE_LIMIT_AUTH")
    rate_limit_views: str = setting("120/minute", str, "RATE_LIMIT_VIEWS")
    rate_limit_reactions: str = setting("100/minute", str, "RATE_LIMIT_REACTIONS")
    rate_limit_comments: str = setting("30/hour", str, "RATE_LIMIT_COMMENTS")
    rate_limit_upload: str = setting("5/hour", str, "RATE_LIMIT_UPLOAD")
    rate_limit_picture: str = setting("30/hour", str, "RATE_LIMIT_PICTURE")
    rate_limit_tracks: str = setting("120/hour", str, "RATE_LIMIT_TRACKS")
    rate_limit_license: str = setting("60/minute", str, "RATE_LIMIT_LICENSE")
    rate_limit_heartbeat: str = setting("120/minute", str, "RATE_LIMIT_HEARTBEAT")
    shelf_seconds: int = setting(1, natural, "SHELF_SECONDS")
    view_window_seconds: int = setting(3600, positive, "VIEW_WINDOW_SECONDS")
    video_restore_days: int = setting(7, natural, "VIDEO_RESTORE_DAYS")
    comment_hidden_from_reports: int = setting(5, natural, "COMMENT_HIDDEN_FROM_REPORTS")
    dashboard_limit: int = setting(2, positive, "DASHBOARD_LIMIT")
    log_level: str = setting("INFO", str.upper, "LOG_LEVEL")

    # Playback: encryption, countries, streams at a time.
    drm_key_secret: str = setting("", str, "DRM_KEY_SECRET")
    drm_clearkey: bool = setting(True, boolean, "DRM_CLEARKEY")
    drm_key_server_url: str = setting("", str, "DRM_KEY_SERVER_URL")
    drm_key_server_token: str = setting("", str, "DRM_KEY_SERVER_TOKEN")
    drm_widevine_license_url: str = setting("", str, "DRM_WIDEVINE_LICENSE_URL")
    drm_fairplay_license_url: str = setting("", str, "DRM_FAIRPLAY_LICENSE_URL")
    drm_fairplay_certificate_url: str = setting("", str, "DRM_FAIRPLAY_CERTIFICATE_URL")
    geoip_database: str = setting("", str, "GEOIP_DATABASE")
    geo_country_header: str = setting("", str, "GEO_COUNTRY_HEADER")
    geo_blocked: tuple[str, ...] = setting((), countries, "GEO_BLOCKED")
    geo_unknown: str = setting("allow", one_of("allow", "block"), "GEO_UNKNOWN")
    max_concurrent_streams: int = setting(0, natural, "MAX_CONCURRENT_STREAMS")
    stream_lease_seconds: int = setting(60, positive, "STREAM_LEASE_SECONDS")
    limited_grant_seconds: int = setting(300, natural, "LIMITED_GRANT_SECONDS")

    # Media.
    storage_backend: str = setting("local", one_of("local", "s3"), "MEDIA_STORAGE_BACKEND")
    media_dir: Path = setting(Path(), folder, "MEDIA_ROOT")
    aws_access_key_id: str = setting("", str, "AWS_ACCESS_KEY_ID")
    aws_secret_access_key: str = setting("", str, "AWS_SECRET_ACCESS_KEY")
    aws_s3_bucket: str = setting("", str, "AWS_S3_BUCKET")
    aws_region: str = setting("us-east-1", str, "AWS_REGION")
    s3_endpoint_url: str = setting("", str, "S3_ENDPOINT_URL")
    s3_public_endpoint_url: str = setting("", str, "S3_PUBLIC_ENDPOINT_URL")
    s3_path_style: bool = setting(False, boolean, "S3_PATH_STYLE")
    max_video_bytes: int = setting(2 * GIB, positive, "MAX_VIDEO_BYTES")
    max_video_seconds: int = setting(4 * 3600, positive, "MAX_VIDEO_SECONDS")
    # S3 takes 5 MiB at least, but for the last part.
    upload_part_bytes: int = setting(32 * MIB, positive, "UPLOAD_PART_BYTES")
    ffmpeg_path: str = setting("", str, "FFMPEG_PATH")
    ffprobe_path: str = setting("", str, "FFPROBE_PATH")
    packager_path: str = setting("", str, "PACKAGER_PATH")
    ffmpeg_threads: int = setting(0, natural, "FFMPEG_THREADS")
    x264_preset: str = setting("veryfast", one_of(*X264_PRESETS), "X264_PRESET")
    x264_crf: int = setting(23, positive, "X264_CRF")
    renditions: tuple[int, ...] = setting((360, 480, 720, 1080), heights, "RENDITIONS")
    chunk_seconds: int = setting(60, positive, "CHUNK_SECONDS")
    chunk_from_seconds: int = setting(300, positive, "CHUNK_FROM_SECONDS")
    job_lease_seconds: int = setting(30, positive, "JOB_LEASE_SECONDS")
    job_attempts: int = setting(4, positive, "JOB_ATTEMPTS")
    sweep_seconds: int = setting(5, positive, "SWEEP_SECONDS")
    failed_source_days: int = setting(7, natural, "FAILED_SOURCE_DAYS")

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
    def own_host(self) -> str:
        """Where the API and the real-time server listen: behind nginx, for this machine alone."""
        return "127.0.0.1" if self.api_port else self.host

    @property
    def outbox(self) -> Path:
        """Where mails are written while there is no SMTP server."""
        return self.var_dir / "outbox"

    @property
    def scratch_dir(self) -> Path:
        """Where a worker keeps what it has not finished yet."""
        return self.var_dir / "scratch"

    @property
    def live_dir(self) -> Path:
        """Where a live stream is before it is stored."""
        return self.var_dir / "live"

    @property
    def live_address(self) -> str:
        """What people are told to send live streams to."""
        host = urlsplit(self.base_url).hostname or self.host
        # Where all addresses are listened at, one has to be named.
        host = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - read, not bound
        at = f"[{host}]" if ":" in host else host
        return self.live_ingest_url.rstrip("/") or f"rtmp://{at}:{self.live_port or 1935}/live"

    @property
    def edge_key(self) -> str:
        """The secret that an edge and the API share to sign playback grants."""
        return self.edge_secret or _derived_edge_key(self.jwt_secret_key)

    @property
    def previous_edge_key(self) -> str:
        """The one before, which is still accepted; empty where there is none."""
        if self.edge_secret or not self.jwt_secret_key_previous:
            return self.edge_secret_previous
        return self.edge_secret_previous or _derived_edge_key(self.jwt_secret_key_previous)

    def checked(self) -> Settings:
        """These settings, once they are known to be enough to serve with."""
        if not self.jwt_secret_key:
            raise SettingError(
                "JWT_SECRET_KEY is not set. Put a random secret of at least 32 characters in the"
                " environment or in .env; `openssl rand -base64 48` prints one."
            )
        if len(self.jwt_secret_key.encode()) < 32:  # noqa: PLR2004 - RFC 7518 section 3.2
            raise SettingError("JWT_SECRET_KEY is too short: HS256 needs at least 32 bytes.")
        if self.storage_backend == "s3":
            self.checked_for_s3()
        if 0 < len(self.request_signature_secret) < 32:  # noqa: PLR2004 - 004: "32+ chars"
            raise SettingError("REQUEST_SIGNATURE_SECRET is too short: 32 characters at least.")
        return self

    def checked_for_s3(self) -> Settings:
        """These settings, once they name a bucket."""
        needed = {
            "AWS_S3_BUCKET": self.aws_s3_bucket,
            "AWS_ACCESS_KEY_ID": self.aws_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.aws_secret_access_key,
        }
        if missing := [name for name, value in needed.items() if not value]:
            raise SettingError(
                f"Media in S3 needs {', '.join(missing)}: the bucket, and a key that may read and"
                " write in it. Set S3_ENDPOINT_URL as well if it is not at AWS."
            )
        return self


def _derived_edge_key(secret: str) -> str:
    return hmac.new(secret.encode(), b"edge", hashlib.sha256).hexdigest()


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
