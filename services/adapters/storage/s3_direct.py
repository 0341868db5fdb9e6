"""What clients do with a bucket themselves: presigned requests, and multipart uploads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from models.errors import Invalid
from services.adapters.storage.protocol import Part, Presigned
from services.adapters.storage.s3_client import Missing, Place, client_of, refusals

WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"})


class S3Direct:
    """The part of `S3Storage` that is about requests past CLUTCH."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._bucket = place.bucket

    @cached_property
    def _client(self) -> Any:
        return client_of(self.place, self.place.endpoint_url)

    @cached_property
    def _public(self) -> Any:
        """Signs for the address that clients reach the store at; never used to ask it anything."""
        return client_of(self.place, self.place.public_endpoint_url or self.place.endpoint_url)

    def presigned_put(
        self, key: str, size_bytes: int, content_type: str, seconds: int
    ) -> Presigned:
        at = {**self._at(key), "ContentType": content_type, "ContentLength": size_bytes}
        headers = {"Content-Type": content_type, "Content-Length": str(size_bytes)}
        url = self._signed("put_object", at, seconds)
        return Presigned(method="PUT", url=url, headers=headers)

    def presigned_get(self, key: str, seconds: int) -> Presigned:
        return Presigned(method="GET", url=self._signed("get_object", self._at(key), seconds))

    def begin(self, key: str, content_type: str) -> str:
        with refusals():
            begun = self._client.create_multipart_upload(**self._at(key), ContentType=content_type)
        return begun["UploadId"]

    def presigned_part(
        self, key: str, upload_id: str, number: int, size_bytes: int, seconds: int
    ) -> Presigned:
        part = {"UploadId": upload_id, "PartNumber": number, "ContentLength": size_bytes}
        url = self._signed("upload_part", {**self._at(key), **part}, seconds)
        return Presigned(method="PUT", url=url, headers={"Content-Length": str(size_bytes)})

    def finish(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        ordered = sorted(parts, key=lambda part: part.number)
        named = [{"PartNumber": part.number, "ETag": part.etag} for part in ordered]
        try:
            with refusals():
                self._complete(key, upload_id, named)
        except Missing:
            # Finished before, if its result is there.
            with refusals():
                self._client.head_object(**self._at(key))

    def abort(self, key: str, upload_id: str) -> None:
        with suppress(Missing), refusals():
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload_id)

    def _complete(self, key: str, upload_id: str, parts: list[dict[str, Any]]) -> None:
        try:
            self._client.complete_multipart_upload(
                **self._at(key), UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in WRONG_PARTS:
                raise
            message = "A part is missing, too small, or another than its ETag says."
            raise Invalid(message, fields={"parts": [message]}) from refused

    def _signed(self, call: str, asked: dict[str, Any], seconds: int) -> str:
        return self._public.generate_presigned_url(call, Params=asked, ExpiresIn=seconds)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}
