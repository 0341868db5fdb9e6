"""The connection to MongoDB, and what must hold for every write that CLUTCH acknowledges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase
from pymongo.errors import AutoReconnect, ExecutionTimeout, NotPrimaryError, OperationFailure
from pymongo.read_concern import ReadConcern

from models.documents import Document
from models.errors import Busy

# What a request meets while MongoDB is away; everything else is a bug.
UNREACHABLE: tuple[type[Exception], ...] = (AutoReconnect, NotPrimaryError, ExecutionTimeout)

TRANSACTION_SECONDS = 10
# How long what can be done later is tried at once.
SOON_SECONDS = 2

T = TypeVar("T")
# Handed to each write that belongs to one transaction; what is in it is nobody's business.
Within = ClientSession


class Indexed(Protocol):
    """A repository: one collection and the indexes its queries need."""

    INDEXES: tuple[IndexModel, ...]

    @property
    def collection(self) -> Collection[Document]: ...


Database = MongoDatabase[Document]


def connect(url: str, database: str) -> Database:
    """The database of this process. Call it after a fork, never before."""
    client: MongoClient[Document] = MongoClient(
        url,
        tz_aware=True,
        # An acknowledged write survives the loss of any one machine, and of power.
        w="majority",
        journal=True,
        retryWrites=True,
        # Shorter than a client's patience: a request is answered 503 rather than left hanging.
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        maxPoolSize=64,
        appname="clutch",
    )
    return client[database]


def ensure_indexes(repositories: Iterable[Indexed]) -> None:
    """Create what is missing; safe to call from several processes at once."""
    for repository in repositories:
        repository.collection.create_indexes(list(repository.INDEXES))


class Transactions:
    """Changes to several documents that happen together or not at all."""

    def __init__(self, database: Database) -> None:
        self._client = database.client

    def run(self, work: Callable[[Within], T]) -> T:
        """Call `work`, and again when it met a change of the same documents.

        What it raises undoes everything; so does the end of this process halfway. Raises `Busy`
        where others hold what it would change: many at once, or a process that was killed and whose
        transaction MongoDB has not ended yet.
        """
        return self._run(work, TRANSACTION_SECONDS)

    def soon(self, work: Callable[[Within], T]) -> T:
        """The same for what can wait: `Busy` comes after a moment."""
        return self._run(work, SOON_SECONDS)

    def _run(self, work: Callable[[Within], T], seconds: float) -> T:
        try:
            with pymongo.timeout(seconds), self._client.start_session() as session:
                return session.with_transaction(work, ReadConcern("snapshot"))
        except ExecutionTimeout as late:
            raise _busy() from late
        except OperationFailure as refused:
            if refused.has_error_label("TransientTransactionError"):
                raise _busy() from refused
            raise


def _busy() -> Busy:
    return Busy("Many change the same at this moment. Please try again.")


def ping(database: Database) -> None:
    """Raise unless a primary answers."""
    database.command("ping")
