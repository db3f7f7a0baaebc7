"""One JSON object a line, so that a machine can read the log and a person still can."""

import json
import logging
from datetime import UTC, datetime

# Whatever a record has beyond these was given by the caller as `extra`.
ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """`logger.info("command", extra={"command_id": ..., "ms": 3})` -> one line with all of it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in ORDINARY}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str, ensure_ascii=False)
        # Half a surrogate pair, as an exception's text may have it, has no form in UTF-8.
        return text.encode("utf-8", "backslashreplace").decode()
