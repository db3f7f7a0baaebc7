"""The rows of the table: what is measured, who takes part, and what must hold."""

from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.background_rows import BackgroundRows
from tests.benchmarks.box_rows import BoxRows
from tests.benchmarks.command_rows import CommandRows
from tests.benchmarks.edge_rows import EdgeRows
from tests.benchmarks.measuring import Row
from tests.benchmarks.rebuild_rows import RebuildRows
from tests.benchmarks.rival import Rival
from tests.benchmarks.store_rows import StoreRows

RIVALS = ("limit", "library", "orm")


def rows(closing: ExitStack, transactions: Path) -> list[Row]:
    """The rows in their order. What the contestants open is closed with `closing`.

    `transactions`: a bank's file; without it the row `import` is left out.
    """
    rival = Rival()
    store = StoreRows(closing, rival)
    background = BackgroundRows(closing)
    return [
        *store.append_rows(),
        *CommandRows(closing, rival).rows(transactions),
        *store.load_rows(),
        *background.rows(),
        *EdgeRows(closing).rows(),
        *BoxRows(closing).rows(),
        *store.growth_rows(),
        *RebuildRows(closing).rows(),
        *background.waiting_rows(),
    ]
