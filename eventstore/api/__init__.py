"""The HTTP edge of the event store: who calls, what comes in, and the commands' endpoint."""
