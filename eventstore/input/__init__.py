"""The edge parser: the one way in for what comes from outside, whichever door it takes.

The API, `manage.py`, the admin's forms and the files of cold storage all read through here:
`documents` turns bytes into a JSON object, `values` a text into a value, `commands` either into
a command, `parameters` a query string into values. Nothing here knows HTTP.
"""
