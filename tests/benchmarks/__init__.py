"""This project beside its rivals: `manage.py benchmark` runs what `rows` lists."""
