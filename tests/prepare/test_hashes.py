"""Hashes of many values at once: fixed for ever, different for different values, blind to how they are batched."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.prepare.hashes import hash_numbers, hash_texts

WORDS = 2**64
HASHES = ["e220a8397b1dcdaf", "dee9b2a9efc59553", "834412882cc9c063"]
NUMBERS = [16294208416658607535, 16294208416658607535, 15481881892811333770]


def hashes_of(texts: list[str]) -> list[int]:
    cells = [text.encode() for text in texts]
    return hash_texts(b"".join(cells), np.array([len(cell) for cell in cells], dtype=np.int64)).tolist()


def hash_slowly(text: str) -> int:
    """The same hash, a word at a time in whole numbers."""
    data = text.encode()
    state = len(data) * 0x9E3779B97F4A7C15 % WORDS
    if len(data) > 256:
        state ^= xxhash.xxh3_64_intdigest(data)
    else:
        for at in range(0, len(data), 8):
            word = int.from_bytes(data[at : at + 8], "little")
            state = (state ^ word) * 0xBF58476D1CE4E5B9 % WORDS
            state ^= state >> 29
    state = (state + 0x9E3779B97F4A7C15) % WORDS
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORDS
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % WORDS
    return state ^ (state >> 31)


def test_hashes_are_those_that_kept_summaries_hold() -> None:
    assert [f"{h:016x}" for h in hashes_of(["", "a", "Month-to-month"])] == HASHES
    assert hash_numbers(np.array([0.0, -0.0, 1.5])).tolist() == NUMBERS


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=40) | st.text(min_size=80, max_size=300), max_size=20))
def test_a_text_has_one_hash_wherever_it_stands(texts: list[str]) -> None:
    together = hashes_of(texts)
    assert together == [hash_slowly(text) for text in texts]
    assert len(set(together)) == len(set(texts))


def test_texts_that_differ_little_differ_in_their_hash() -> None:
    texts = (
        [f"{i}" for i in range(20_000)] + ["\0" * n for n in range(1, 40)] + ["x" * n for n in range(1, 600)]
    )
    assert len(set(hashes_of(texts))) == len(texts)


def test_hashes_spread_evenly() -> None:
    hashes = np.array(hashes_of([f"customer {i}" for i in range(64_000)]), dtype=np.uint64)
    for shift in (0, 29, 58):
        counts = np.bincount(((hashes >> np.uint64(shift)) & np.uint64(63)).astype(np.int64), minlength=64)
        assert np.square(counts - 1000.0).sum() / 1000.0 < 120.0  # chi-squared of 63 degrees of freedom
