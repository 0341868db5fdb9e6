"""The job queue. The rest of CLUTCH names a job; only this module knows RQ."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from models.errors import Unavailable

QUEUE = "clutch"
# Hours of encoding, which nobody waits for as for a first rendition.
REST_QUEUE = "clutch-rest"
# Mails do not stand in line behind videos: workers take what is here first.
MAIL_QUEUE = "clutch-mail"
# A process of its own takes these: receivers elsewhere may be slow, or away.
WEBHOOK_QUEUE = "clutch-webhooks"
# Far beyond any honest job; each child process has a tighter limit of its own.
TIMEOUT_SECONDS = 12 * 3600
KEEP_FAILURE_SECONDS = 24 * 3600


class Job(StrEnum):
    """Every job there is, by import path, so that services need not import workers."""

    PROCESS_VIDEO = "workers.jobs.process_video"
    ENCODE_REST = "workers.jobs.encode_rest"
    ENCODE_CHUNK = "workers.jobs.encode_chunk"
    PACKAGE_TRACKS = "workers.jobs.package_tracks"
    DELETE_USER = "workers.jobs.delete_user"
    PURGE_VIDEO = "workers.jobs.purge_video"
    RETIRE_CONTENT = "workers.jobs.retire_content"
    END_LIVE = "workers.jobs.end_live"
    SEND_MAIL = "workers.jobs.send_mail"
    DELIVER_WEBHOOKS = "workers.jobs.deliver_webhooks"
    TELL_FOLLOWERS = "workers.jobs.tell_followers"


class JobQueue(Protocol):
    def enqueue(self, job: Job, entity_id: str) -> bool:
        """Have `job` run for this entity; False if it is waiting to already.

        Raises `Unavailable` if that cannot be noted.
        """
        ...

    def is_waiting(self, job: Job, entity_id: str) -> bool:
        """Whether it is queued and no worker has taken it."""
        ...

    def length(self) -> int: ...


class RqQueue:
    """Retries are not RQ's: the sweeper enqueues what MongoDB says is unfinished."""

    def __init__(self, redis: Redis) -> None:
        self.rq = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
        self.rest = Queue(REST_QUEUE, connection=redis, serializer=JSONSerializer)
        self.mails = Queue(MAIL_QUEUE, connection=redis, serializer=JSONSerializer)
        self.webhooks = Queue(WEBHOOK_QUEUE, connection=redis, serializer=JSONSerializer)

    def enqueue(self, job: Job, entity_id: str) -> bool:
        try:
            if self.is_waiting(job, entity_id):
                return False
            self._enqueue(job, entity_id)
        except RedisError as lost:
            raise Unavailable("The job queue does not answer.") from lost
        return True

    def _enqueue(self, job: Job, entity_id: str) -> None:
        apart = {
            Job.ENCODE_REST: self.rest,
            Job.ENCODE_CHUNK: self.rest,
            Job.SEND_MAIL: self.mails,
            Job.DELIVER_WEBHOOKS: self.webhooks,
        }
        queue = apart.get(job, self.rq)
        queue.enqueue(
            job.value,
            entity_id,
            job_id=_job_id(job, entity_id),
            job_timeout=TIMEOUT_SECONDS,
            result_ttl=0,
            failure_ttl=KEEP_FAILURE_SECONDS,
        )

    def is_waiting(self, job: Job, entity_id: str) -> bool:
        try:
            found = RqJob.fetch(
                _job_id(job, entity_id), connection=self.rq.connection, serializer=JSONSerializer
            )
        except NoSuchJobError:
            return False
        return found.get_status() is JobStatus.QUEUED

    def length(self) -> int:
        return self.rq.count + self.rest.count


def _job_id(job: Job, entity_id: str) -> str:
    """The same for the same work, so that it waits once however often it is asked for."""
    return f"{job.name.lower()}-{entity_id}"
