"""When `make check-install` is red."""

import pytest

from tests.installation.installations import Version
from tests.installation.report import (
    FAILED,
    LEFT_OUT,
    NOT_TRIED,
    OK,
    Result,
    gaps,
    table,
    verdict,
)

WITH_15 = Result("as root, server found", OK, Version(15, 14), 60)
WITH_17 = Result("as root, server found", OK, Version(17, 6), 60)
WITH_18 = Result("as root, wheel", OK, Version(18, 4), 70)
NO_SERVER = Result("as root, server found", LEFT_OUT)


@pytest.mark.parametrize("in_ci", [True, False])
def test_one_failure_is_red(in_ci: bool, capsys: pytest.CaptureFixture[str]) -> None:
    failed = Result("as a plain user, wheel", FAILED, None, 5, "make ended with 2.")
    assert verdict([WITH_15, WITH_18, failed, Result("later", NOT_TRIED)], in_ci=in_ci) == 1
    assert "Failed as a plain user, wheel: make ended with 2." in capsys.readouterr().out


def test_the_first_and_the_last_version_together_are_green_in_ci() -> None:
    assert verdict([WITH_15, WITH_18], in_ci=True) == 0


@pytest.mark.parametrize("found", [WITH_17, NO_SERVER], ids=["another version", "no server"])
def test_what_a_machine_cannot_try_is_red_in_ci_and_reported_elsewhere(
    found: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [found, WITH_18]
    assert verdict(results, in_ci=False) == 0
    assert "Not tried: PostgreSQL 15 served no installation." in capsys.readouterr().out
    assert verdict(results, in_ci=True) == 1


def test_an_installation_that_is_left_out_is_named() -> None:
    first, *_ = gaps([NO_SERVER, WITH_15, WITH_18])
    assert first.startswith("as root, server found: no PostgreSQL 15 to 18 was found")


def test_the_table_names_what_served() -> None:
    lines = table([WITH_15, NO_SERVER]).splitlines()
    assert lines[1].split("  ")[0:2] == ["as root, server found", "PostgreSQL 15.14"]
    assert lines[2].endswith("left out")
