from __future__ import annotations

import os
import time
import uuid

import pytest

from tenure.journal import identifiers
from tenure.journal.identifiers import first_id_at, new_id, new_id_and_time, new_ids_and_times


def test_ids_are_unique_and_sorted():
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_it():
    identifier, micros = new_id_and_time()
    parsed = uuid.UUID(identifier)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert int(identifier[:12], 16) == micros // 1000
    assert abs(micros / 1e6 - time.time()) < 1


def test_a_clock_set_back_does_not_unsort(monkeypatch: pytest.MonkeyPatch):
    times = iter([2_000_000_000, 1_000_000_000, 3_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    generate, _ = identifiers._make_generators()
    ids = [generate()[0] for _ in range(3)]
    assert ids == sorted(ids)


def test_many_at_once_are_as_those_made_one_by_one():
    found, times = [], []
    for n in (1, 0, 3, 20_000, 20_000, 2):
        found.append(new_id())
        ids, micros = new_ids_and_times(n)
        assert len(ids) == len(micros) == n
        found += ids
        times += zip(ids, micros.tolist(), strict=True)
    assert found == sorted(set(found))
    for identifier, micros in times:
        assert first_id_at(micros) <= identifier < first_id_at(micros + 1000)
        assert int(identifier[:12], 16) == micros // 1000
    parsed = [uuid.UUID(identifier) for identifier in found[:100]]
    assert {(one.version, one.variant) for one in parsed} == {(7, uuid.RFC_4122)}
    assert abs(times[-1][1] / 1e6 - time.time()) < 1


def test_many_at_once_with_a_clock_set_back(monkeypatch: pytest.MonkeyPatch):
    times = iter([2_000_000_000, 1_000_000_000, 3_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    generate, generate_many = identifiers._make_generators()
    ids = [generate()[0], *generate_many(3)[0], *generate_many(3)[0]]
    assert ids[4:] == sorted(ids[4:])
    assert len(set(ids)) == 7
    assert ids[0][:16] == ids[1][:16] < ids[4][:16]


def test_a_forked_process_makes_other_ids():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 32).decode()[-9:] != new_id()[-9:]


@pytest.mark.parametrize("micros", [0, 1, 999, 1000, 1_700_000_000_123_456])
def test_first_id_grows_with_time(micros: int):
    assert first_id_at(micros) < first_id_at(micros + 1)
