"""The scenarios that `manage.py demo` plays, each through the public door."""
