"""OpenStack Swift with its S3 API in one process: a store that checks every signature.

    .venv-s3/bin/python tests/swift_server.py FOLDER ACCOUNT:USER SECRET REGION

prints the port that it listens on at loopback. Objects are in memory, all else below FOLDER.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import eventlet

eventlet.monkey_patch()

import eventlet.wsgi  # noqa: E402 - what follows must find the patched modules
from paste.deploy import loadapp  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402

SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
[storage-policy:0]
name = memory
default = yes
"""
STORE = """
[app:main]
use = egg:swift#{server}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
"""
PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
swift_dir = {folder}
account_autocreate = true
"""
STORES = ("account", "container", "mem_object")
QUIET = logging.getLogger("quiet")


def main(folder: Path, key_id: str, secret: str, region: str) -> None:
    (folder / "devices" / "d").mkdir(parents=True)
    (folder / "swift.conf").write_text(SWIFT)
    utils.set_swift_dir(str(folder))
    utils.validate_configuration()
    reload_storage_policies()
    for server in STORES:
        listening = eventlet.listen(("127.0.0.1", 0))
        write_ring(folder, server.removeprefix("mem_"), listening.getsockname()[1])
        serve(listening, load(folder, server, STORE, server=server))
    account, user = key_id.split(":")
    proxy = load(folder, "proxy", PROXY, account=account, user=user, secret=secret, region=region)
    listening = eventlet.listen(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - who started this reads it
    serve(listening, proxy).wait()


def write_ring(folder: Path, name: str, port: int) -> None:
    """Which of the servers keeps what: this one, all of it."""
    builder = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
    where = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d"}
    builder.add_dev({**where, "weight": 1})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{name}.ring.gz"))


def load(folder: Path, name: str, template: str, **values: str) -> Any:
    path = folder / f"{name}.conf"
    path.write_text(template.format(folder=folder, **values))
    return loadapp(f"config:{path}", global_conf={"log_level": "ERROR"})


def serve(listening: Any, application: Any) -> Any:
    return eventlet.spawn(eventlet.wsgi.server, listening, application, log=QUIET, log_output=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
