"""A disk that runs full while capture needs it. That is nobody's fault, least of all that of the change in hand."""

import pytest

from tests.support.paths import private_folder, remove_folder
from tests.support.server import Server
from tests.support.small_disk import SmallDisk
from tests.support.sql_client import SqlClient
from tests.support.waiting import wait_until

ROWS = 150


@pytest.fixture
def disk():
    if missing := SmallDisk.missing():
        pytest.skip(missing)
    disk = SmallDisk(400)
    yield disk
    disk.remove()


@pytest.fixture
def server_on_disk(disk):
    """Its tables are on the small disk, its WAL is not."""
    wal = private_folder("wal")
    server = Server(settings={"fsync": "off"}, name="full", data=disk.path("data"), wal=wal / "wal").start()
    server.sql("CREATE EXTENSION sequin")
    yield server
    server.remove()
    remove_folder(wal)


def test_a_batch_that_finds_no_room_for_its_file_is_captured_when_there_is_room(disk, server_on_disk):
    """Values that WAL has in a few bytes are large in messages: the batch goes to a file, and there is no room for it. Its
    successors must not take that for an error of a change and put that aside."""
    server = server_on_disk
    server.sql("CREATE TABLE large (id int PRIMARY KEY, note text)")
    server.sql("SELECT sequin.create_consumer('c', tables => '{public.large}')")
    server.sql("SELECT sequin.stop()")
    server.sql("INSERT INTO large SELECT i, repeat('x', 1000000) FROM generate_series(1, %s) i", ROWS)
    server.sql("CHECKPOINT")
    disk.fill()
    before = server.output().count("pgsql_tmp")
    server.sql("SELECT sequin.start()")
    wait_until(lambda: server.output().count("pgsql_tmp") >= before + 3, "three workers found no room", 300)
    disk.free()
    client = SqlClient(server, "c")
    wait_until(lambda: server.value("SELECT ready + dead FROM sequin.consumers") == ROWS, "all is captured", 300)
    assert server.value("SELECT dead FROM sequin.consumers") == 0
    assert client.count_all(batch_size=50) == (ROWS, ROWS)
    client.close()
