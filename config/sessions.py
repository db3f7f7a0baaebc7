"""Django's sessions in the database, also for cookies that Django has never given to anybody."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """`settings.SESSION_ENGINE` names this module."""

    def __init__(self, session_key: str | None = None) -> None:
        """Django's keys are letters and digits; for a NUL it would ask PostgreSQL, and fail."""
        sound = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if sound else None)
