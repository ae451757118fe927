"""The embedded server's own SQLite file: one module of statements per table, no decisions.

Every function takes the open `sqlite3.Connection` and runs inside whatever transaction its
caller passed to `Database.write` or `Database.read`.
"""
