"""The client of an S3-compatible store, and what its failures mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import Unavailable

log = logging.getLogger(__name__)

# Not NoSuchBucket, which is somebody's mistake: it must not look as if there were no files.
NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and how to reach it. Without an endpoint it is at AWS, in `region`.

    `public_endpoint_url` is where clients reach it, if that is elsewhere than for CLUTCH.
    """

    bucket: str
    access_key_id: str
    secret_access_key: str
    region: str
    endpoint_url: str = ""
    public_endpoint_url: str = ""
    path_style: bool = False


class Missing(FileNotFoundError):
    """What was asked for is not there."""


@cache
def client_of(place: Place, endpoint_url: str) -> Any:
    """Thread-safe, and costly to make. Gives up in seconds, as all that a request waits for."""
    return Session().client(
        "s3",
        endpoint_url=endpoint_url or None,
        region_name=place.region,
        aws_access_key_id=place.access_key_id,
        aws_secret_access_key=place.secret_access_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if place.path_style else "virtual"},
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            # Not every compatible store knows the newer checksums; Content-MD5 they all do.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Say what went wrong in CLUTCH's words: `Missing`, or `Unavailable`."""
    try:
        yield
    except ClientError as refused:
        code = str(refused.response.get("Error", {}).get("Code", ""))
        if code in NOT_FOUND:
            raise Missing(code) from refused
        log.error("the object store refuses", extra={"code": code, "call": refused.operation_name})  # noqa: TRY400 - the code is all there is to know
        raise Unavailable("The media store refuses for now. Please try again.") from refused
    except BotoCoreError as lost:
        log.warning("the object store does not answer", extra={"error": type(lost).__name__})
        raise Unavailable("The media store does not answer. Please try again.") from lost
