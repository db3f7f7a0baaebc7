"""JSON kept as text."""

from typing import Any

from django.db import models


class JsonText(models.TextField):  # type: ignore[type-arg]  # takes none at run time
    """A `json` column read as the text that was stored, byte for byte, since hashes need it."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params

    def get_internal_type(self) -> str:
        # Without this, Django would declare the column and its casts as `text`.
        return "JsonText"
