"""How a change is named, so that writers and consumers speak of the same one without ever talking to each other.

    tx    = writer * WRITER + number        a transaction, and its row in the table `ledger`
    tag   = tx * CHANGES + place            a row version or a published message: the column, or member, `tag`
    event = tag * 2, or tag * 2 + 1         its change: the insert, update or publish of a tag; the delete of one
"""

import re

WRITER = 10 ** 8
CHANGES = 4096
PROBE_WRITER = 0  # the campaign itself, which asks how long it takes until everybody gets a change

_TAG = re.compile(r'"tag": ?(\d+)')
_PLACE = re.compile(r'"action":"(\w+)".*?"commit_lsn":(\d+),"commit_idx":(\d+)', re.DOTALL)


def transaction_of(event):
    return event // (2 * CHANGES)


def writer_of(event):
    return event // (2 * CHANGES * WRITER)


def tag_of(tx, place):
    assert place < CHANGES
    return tx * CHANGES + place


def read_envelope(text):
    """(event, commit_lsn, commit_idx) of an envelope as text: the record, and in it the tag, comes first."""
    tag = int(_TAG.search(text)[1])
    action, lsn, index = _PLACE.search(text).groups()
    return tag * 2 + (action == "delete"), int(lsn), int(index)


def event_of(envelope):
    """The same of a parsed envelope."""
    record, metadata = envelope["record"], envelope["metadata"]
    tag = record["tag"] if "tag" in record else record["data"]["tag"]
    return tag * 2 + (envelope["action"] == "delete"), metadata["commit_lsn"], metadata["commit_idx"]
