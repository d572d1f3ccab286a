"""`sequin doctor`: what is wrong, and the command that mends it."""

import json
import subprocess

import pytest

from tests.support.paths import SEQUIN
from tests.support.server import Server


def doctor(conninfo, *options):
    return subprocess.run([SEQUIN, "doctor", "--database", conninfo, *options], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)


def test_a_sound_database_has_nothing_wrong(server, database):
    database.consumer(database.table())
    done = doctor(server.conninfo(database.name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_json_form_is_one_document(server, database):
    database.consumer(database.table())
    done = doctor(server.conninfo(database.name), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)


def test_a_publication_for_all_tables_is_named(server, own_database):
    own_database.sql("CREATE PUBLICATION everything FOR ALL TABLES")
    done = doctor(server.conninfo(own_database.name))
    assert "everything" in done.stdout
    assert "publication" in done.stdout.lower()


def test_a_missing_slot_is_named_with_a_cure(server, own_database):
    own_database.consumer(own_database.table())
    own_database.sql("SELECT sequin.stop()")
    own_database.sql("SELECT pg_drop_replication_slot(%s)", server.slot_name(own_database.name))
    done = doctor(server.conninfo(own_database.name))
    assert done.returncode != 0
    assert server.slot_name(own_database.name) in done.stdout and "sequin.start()" in done.stdout


@pytest.mark.parametrize("setting,value", [("wal_level", "replica"), ("shared_preload_libraries", "")])
def test_a_wrong_server_setting_is_named_with_the_command(setting, value):
    server = Server(settings={"fsync": "off", setting: value}, name="doctor").start()
    try:
        done = doctor(server.conninfo())
        assert done.returncode != 0
        assert setting in done.stdout and "ALTER SYSTEM SET" in done.stdout
    finally:
        server.remove()


def test_a_dead_server_is_a_clear_error(server):
    done = doctor(f"host={server.folder} port=1 dbname=postgres user=postgres")
    assert done.returncode != 0
    assert str(server.folder) in done.stdout + done.stderr
