"""Makes packages impossible to import, as if they did not exist."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class Blocked(MetaPathFinder):
    def __init__(self, *packages: str) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in self._packages:
            raise ImportError(f"{fullname} is blocked: this must run without it")
        return None


def block(*packages: str) -> None:
    """From now on `import` fails for these; none may have been imported yet."""
    present = [name for name in sys.modules if name.partition(".")[0] in packages]
    if present:
        raise RuntimeError(f"imported before it was blocked: {present}")
    sys.meta_path.insert(0, Blocked(*packages))
