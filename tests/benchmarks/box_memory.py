"""How much memory it takes to box and unbox, in a process that does nothing else.

Imported in that process before Django is ready: what needs Django is imported there by name.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection

from eventstore.tenancy import Actor
from tests.benchmarks.own_peak import STATUS
from tests.benchmarks.processes import CONTEXT, set_up


def peaks(accounts: Sequence[tuple[Actor, UUID]], root: Path) -> list[float]:
    """One process has them one after the other: what it has had at the most after each, in MB."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    databases = {DEFAULT_DB_ALIAS: dict(connection.settings_dict)}
    process = CONTEXT.Process(target=tell_peaks, args=(theirs, databases, accounts, root))
    process.start()
    theirs.close()
    try:
        return [ours.recv() / 1024 for _ in accounts]
    finally:
        process.join()


def tell_peaks(
    tell: Connection,
    databases: Mapping[str, Any],
    accounts: Sequence[tuple[Actor, UUID]],
    root: Path,
) -> None:
    set_up(databases)
    logging.getLogger("daybook").setLevel(logging.WARNING)  # Nobody reads of each command.
    boxing = import_module("tests.benchmarks.boxing")
    for actor, aggregate_id in accounts:
        boxing.OurBoxes(root, actor, [aggregate_id]).to_and_fro(aggregate_id)
        # Not `getrusage`, which counts what the parent had when it started this process.
        found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        tell.send(int(found[1]) if found else 0)
