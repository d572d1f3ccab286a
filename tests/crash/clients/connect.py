"""How a client finds the database: by what the file `database` of the scene says now, for after a promotion it is another."""

import psycopg2


def connect(folder, **options):
    connection = psycopg2.connect((folder / "database").read_text(), connect_timeout=5, **options)
    return connection


def is_fault(error):
    """Whether the faults of the campaign explain an error: a server that went away, is not there yet or has no room, a
    full disk, a time limit of the server, a standby."""
    code = error.pgcode
    return code is None or code.startswith(("08", "53", "57", "25006", "55P03", "58030", "58P01"))
