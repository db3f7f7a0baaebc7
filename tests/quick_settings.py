"""The project's settings, but for password hashes that are quick to make, for processes."""

from config.settings import *  # noqa: F403 - Django's way to settings of one's own

PASSWORD_HASHERS = ["tests.hashers.QuickHasher"]
