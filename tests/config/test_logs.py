"""The log's lines: one JSON object each, whatever is in it."""

import json
import logging

from config.logs import JsonLines


def line_of(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "daybook.tests", "levelname": "INFO", "msg": message})
    vars(record).update(extra)
    return JsonLines().format(record)


def test_a_line_is_json_with_what_was_given_beside_the_message() -> None:
    line = json.loads(line_of("command", command="rename-person", ms=3))

    assert (line["message"], line["logger"], line["level"]) == ("command", "daybook.tests", "info")
    assert (line["command"], line["ms"]) == ("rename-person", 3)


def test_a_line_can_be_written_whatever_a_text_contains() -> None:
    line = line_of("half a pair \ud800 and\na line")

    assert line.encode().count(b"\n") == 0
    assert json.loads(line)["message"] == "half a pair \ud800 and\na line"
