"""Processes of their own, for work that has to happen side by side."""

from collections.abc import Mapping
from multiprocessing import get_context
from typing import Any

import django
from django.db import connections

#: Each begins with nothing: a fork would share its parent's connections.
CONTEXT = get_context("spawn")


def set_up(databases: Mapping[str, Any]) -> None:
    """Make Django ready in a new process, with the databases that its parent uses."""
    django.setup()
    connections.settings.update(databases)
    for alias in databases:
        # Some app may have asked for it already, as the settings have it.
        connections[alias] = connections.create_connection(alias)
