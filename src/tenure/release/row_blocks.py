"""Encoded rows as compiled kernels take them: in blocks whose rows lie side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 64
"""Rows of a block: what a node costs besides its arithmetic is then shared by many."""
# LightGBM counts what is nearer to zero than this as zero.
_ZERO = 1e-35


def in_blocks(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Rows of the shape (n, d) as blocks, shape (n_blocks, d, BLOCK); the last is filled up with zeros.

    >>> in_blocks(np.ones((65, 2), dtype=np.float32)).shape
    (2, 2, 64)
    """
    n_blocks = -(-len(rows) // BLOCK)
    x = np.zeros((n_blocks * BLOCK, rows.shape[1]))
    x[: len(rows)] = rows
    x[np.abs(x) <= _ZERO] = 0.0
    return np.ascontiguousarray(x.reshape(n_blocks, BLOCK, x.shape[1]).transpose(0, 2, 1))


def out_of_blocks(blocks: npt.NDArray[np.float64], n_rows: int) -> npt.NDArray[np.float64]:
    """What a kernel found, shape (n_blocks, ..., BLOCK), as rows, shape (n_rows, ...)."""
    by_row = np.moveaxis(blocks, -1, 1)
    return by_row.reshape(len(blocks) * BLOCK, *by_row.shape[2:])[:n_rows]
