"""How events of an account were stored in earlier schema versions, and what they say today."""

from typing import Any


def upcast_money_deposited_1_to_2(data: dict[str, Any]) -> dict[str, Any]:
    """No reference was stored as "", and is None."""
    return _without_empty_reference(data)


def upcast_money_withdrawn_1_to_2(data: dict[str, Any]) -> dict[str, Any]:
    """No reference was stored as "", and is None."""
    return _without_empty_reference(data)


def _without_empty_reference(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "reference": data.get("reference") or None}
