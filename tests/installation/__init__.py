"""`make check-install`: prove that a fresh clone works wherever its PostgreSQL comes from.

Six installations: ourselves (root, in CI) and a plain user, each with the server that is found on
the machine, with the one that a package carries, and with a `DATABASE_URL`. Standard library only.
"""
