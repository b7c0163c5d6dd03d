"""64-bit hashes of many values at once: the same on every machine and in every version of the libraries."""

from __future__ import annotations

import numpy as np
import xxhash

# Longer texts are hashed one by one: there are few of them, and each is worth its call.
_LONG = 256
_WORD = 8
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# How much of a word belongs to a text of which 0 to 8 bytes are left.
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(_WORD + 1)], dtype=np.uint64)


def hash_numbers(values: np.ndarray) -> np.ndarray:
    """Hashes of float values, uint64 [n]; 0.0 and -0.0 are one value.

    Source: the finalizer of SplitMix64 (Steele, Lea & Flood, 2014).
    """
    return _finish((np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64))


def hash_texts(joined: bytes, lengths: np.ndarray) -> np.ndarray:
    """Hashes of texts, uint64 [n].

    joined: the UTF-8 bytes of all texts, one after the other.  lengths: bytes of each, int [n].
    Eight bytes of every text are mixed in at a time, so that the work is done by few array operations.
    Not for use against somebody who chooses the texts.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    # Every eight bytes of the text as a word, whatever byte they start at; the padding lets the last text be read.
    padded = joined + bytes(_WORD)
    words = np.ndarray((len(joined) + 1,), dtype="<u8", buffer=padded, strides=(1,))
    states = lengths.astype(np.uint64) * _GOLDEN
    for text in np.flatnonzero(lengths > _LONG).tolist():
        start = int(starts[text])
        states[text] ^= np.uint64(xxhash.xxh3_64_intdigest(joined[start : start + int(lengths[text])]))
    unread = np.flatnonzero((lengths > 0) & (lengths <= _LONG))
    at, left = starts[unread], lengths[unread]
    while len(unread):
        mixed = (states[unread] ^ (words[at] & _MASKS[np.minimum(left, _WORD)])) * _FIRST
        states[unread] = mixed ^ (mixed >> np.uint64(29))
        more = left > _WORD
        unread, at, left = unread[more], at[more] + _WORD, left[more] - _WORD
    return _finish(states)


def _finish(states: np.ndarray) -> np.ndarray:
    bits = states + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
