"""The MongoDB server of the stack: one node that is a replica set, as transactions need one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from embedded import programs
from embedded.children import Child, Running
from embedded.errors import NotReady
from embedded.files import private_folder
from embedded.ports import LOOPBACK, check_listening

REPLICA_SET = "rs0"
CACHE_GB = 1
OPLOG_MB = 512
ELECTION_TIMEOUT_MS = 1000
NOT_YET_INITIALIZED = 94  # MongoDB's error_codes.yml
PATIENCE_MS = 1000
# Its own settings but for the size of a journal file, of which there are always three, and one is
# read at each start: by default they take 100 MB each.
JOURNAL = "log=(enabled=true,remove=true,path=journal,compressor=snappy,file_max=16MB)"
GRACE_SECONDS = 30.0
PARAMETERS = {
    "diagnosticDataCollectionEnabled": "false",
    # Alone in its set, it would otherwise wait for others to take over when told to stop.
    "shutdownTimeoutMillisForSignaledShutdown": "0",
    # What a killed process was changing is held until then; the default is a minute.
    "transactionLifetimeLimitSeconds": "10",
}


def mongod(
    folder: Path,
    log: Path,
    port: int,
    *,
    kept_open: tuple[int, ...] = (),
    parameters: Mapping[str, str] | None = None,
) -> Child:
    """The server over the data in `folder`; its log is its standard output."""
    program = programs.find(
        "mongod", package="fiftyone", inside="db/bin/mongod", instead="MONGO_URL"
    )
    set_parameters = {**PARAMETERS, **(parameters or {})}
    return Child(
        name="mongod",
        command=(
            *(str(program), "--replSet", REPLICA_SET, "--bind_ip", LOOPBACK, "--port", str(port)),
            *("--dbpath", str(private_folder(folder)), "--nounixsocket", "--quiet"),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB), "--oplogSize", str(OPLOG_MB)),
            *("--wiredTigerEngineConfigString", JOURNAL),
            *(f"--setParameter={name}={value}" for name, value in set_parameters.items()),
        ),
        log=log,
        is_ready=_is_primary,
        port=port,
        port_setting="MONGO_PORT",
        hint="Set MONGO_URL to use a MongoDB server of your own (a replica set).",
        grace_seconds=GRACE_SECONDS,
        is_database=True,
        kept_open=kept_open,
    )


def _is_primary(running: Running) -> None:
    """Make the server the writable primary of its own set, under the port it has now."""
    # First, as a MongoClient that finds no server waits half a second before it looks again.
    check_listening(running.child.port)
    try:
        with _direct_client(running.child.port) as client:
            _check_identity(client, running.pid)
            _join(client, f"{LOOPBACK}:{running.child.port}")
            _wait_for_election(client)
    except PyMongoError as error:
        raise NotReady(str(error)) from error


def _direct_client(port: int) -> MongoClient[dict[str, Any]]:
    """A client of this one node: the set's own idea of its address may be that of last time."""
    return MongoClient(
        LOOPBACK,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=PATIENCE_MS,
        connectTimeoutMS=PATIENCE_MS,
        socketTimeoutMS=5 * PATIENCE_MS,
    )


def _check_identity(client: MongoClient[dict[str, Any]], pid: int) -> None:
    """Another server may have been faster to bind the port; ours then dies in a moment."""
    if client.admin.command("serverStatus")["pid"] != pid:
        raise NotReady("another MongoDB server listens on its port")


def _join(client: MongoClient[dict[str, Any]], address: str) -> None:
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", _new_set(address))
        return
    if config["members"][0]["host"] != address:
        config["members"][0]["host"] = address
        config["version"] += 1
        # By force: a node that does not find itself in the set cannot be its primary.
        client.admin.command("replSetReconfig", config, force=True)


def _new_set(address: str) -> dict[str, Any]:
    return {
        "_id": REPLICA_SET,
        "members": [{"_id": 0, "host": address}],
        "settings": {"electionTimeoutMillis": ELECTION_TIMEOUT_MS},
    }


def _wait_for_election(client: MongoClient[dict[str, Any]]) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not client.admin.command("hello")["isWritablePrimary"]:
        if time.monotonic() > deadline:
            raise NotReady("it is not the primary of its replica set yet")
        time.sleep(0.01)
