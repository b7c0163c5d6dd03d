"""Every tree model in one open format, LightGBM's text, scored by LightGBM's C library through ctypes.

The Python package `lightgbm` is not imported (it pulls in scipy and half a second): only its shared
library is loaded. The format's reference is the library's own `c_api.h`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError
from tenure.release.fast_margins import FastMargins, can_score
from tenure.release.fast_shap import FastContributions, is_installed
from tenure.release.row_blocks import BLOCK
from tenure.release.tree_check import check_model_text, count_edges

log = logging.getLogger(__name__)

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Constants of LightGBM's c_api.h.
_DTYPE_FLOAT32 = 0
_PREDICT_RAW_SCORE = 1
_PREDICT_LEAF_INDEX = 2
_PREDICT_CONTRIB = 3
_ALL_ITERATIONS = -1
_ROW_MAJOR = 1

# Loading the kernel takes a second: LightGBM needs some 75 ns for a row and an edge.
_FEWEST_FAST_ROWS = 64
_FAST_WORK = 50_000_000
# The same for scores: some 2.5 ns for a row and an edge, a third of a second to load.
_MARGIN_WORK = 150_000_000
_CONTRIBUTION_CELLS = 4_000_000
# Shorter tables have one thread: threads that wait for one another on a busy machine take ten times as long.
_FEWEST_SHARED_ROWS = 2000
_LIBRARY_NAMES = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")


class TreePredictor:
    """An ensemble of trees: raw scores and exact Shapley values, without any training library.

    model_text: LightGBM's text model format, with or without an objective (raw scores are always
    given).  n_outputs: one a class for multiclass, else one.  A feature within 1e-35 of zero counts
    as zero.  Safe to call from several threads.
    Raises ReleaseError if the text is no such model or the library is not installed.
    """

    def __init__(self, model_text: str | bytes) -> None:
        self._library, self._row_library = _libraries()
        self._handle = ctypes.c_void_p()
        self._fast_configs: list[ctypes.c_void_p] = []
        raw = model_text.encode() if isinstance(model_text, str) else model_text
        check_model_text(raw)
        iterations = ctypes.c_int()
        self._call(
            "LGBM_BoosterLoadModelFromString", raw, ctypes.byref(iterations), ctypes.byref(self._handle)
        )
        self.n_outputs: int = self._get_int("LGBM_BoosterGetNumClasses")
        self.n_features: int = self._get_int("LGBM_BoosterGetNumFeature")
        self.n_trees: int = self._get_int("LGBM_BoosterNumberOfTotalModel")
        self._n_edges: int | None = None
        self._fast_contributions: FastContributions | None = None
        self._fast_margins: FastMargins | None = None
        self._margin_work = 0
        self._is_warm = False
        # A lock and buffers each, so that a slow explanation does not hold up a score.
        self._lock = threading.Lock()
        self._contribution_lock = threading.Lock()
        # Buffers and pointers are made once: making a pointer costs as much as walking 30 trees.
        self._x = np.zeros(self.n_features, dtype=np.float32)
        self._contribution_x = np.zeros(self.n_features, dtype=np.float32)
        self._out = np.zeros(self.n_outputs, dtype=np.float64)
        self._phi = np.zeros(self.n_outputs * (self.n_features + 1), dtype=np.float64)
        self._length = ctypes.c_int64()
        length = ctypes.byref(self._length)
        x = ctypes.c_void_p(self._x.ctypes.data)
        contribution_x = ctypes.c_void_p(self._contribution_x.ctypes.data)
        out = ctypes.c_void_p(self._out.ctypes.data)
        phi = ctypes.c_void_p(self._phi.ctypes.data)
        self._margin_args = (self._fast_config(_PREDICT_RAW_SCORE), x, length, out)
        self._contribution_args = (self._fast_config(_PREDICT_CONTRIB), contribution_x, length, phi)
        self._predict_row = self._row_library.LGBM_BoosterPredictForMatSingleRowFast

    @classmethod
    def load(cls, path: Path) -> TreePredictor:
        """Read a model text file."""
        return cls(path.read_bytes())

    def margin_row(self, x: Float32) -> tuple[float, ...]:
        """Raw scores of one encoded row, shape (d,) -> n_outputs numbers."""
        with self._lock:
            self._x[:] = x
            if self._predict_row(*self._margin_args):
                raise self._error()
            return tuple(self._out.tolist())

    def contributions_row(self, x: Float32) -> Float64:
        """Shapley values of one encoded row, shape (n_outputs, d + 1); the last column is the base."""
        with self._contribution_lock:
            self._contribution_x[:] = x
            if self._library.LGBM_BoosterPredictForMatSingleRowFast(*self._contribution_args):
                raise self._error()
            return self._phi.reshape(self.n_outputs, -1).copy()

    def margins(self, X: Float32) -> Float64:
        """Raw scores of encoded rows, shape (n_rows, d) -> (n_rows, n_outputs).

        Where numba is installed, the compiled kernel of `margin_kernel` gives them, the same bits, once LightGBM has
        worked for about as long as it takes to load.
        """
        if not self._is_warm and len(X) >= _FEWEST_SHARED_ROWS:
            self._margin_work += len(X) * self.n_edges
            if self._margin_work > _MARGIN_WORK:
                self.warm_up()
        if self._fast_margins is not None and len(X) >= BLOCK:
            return self._fast_margins(self._checked(X))
        return self._predict_table(X, _PREDICT_RAW_SCORE, self.n_outputs)

    def warm_up(self) -> None:
        """Load the compiled way to score tables, where numba is installed and the trees are small enough."""
        self._is_warm = True
        if is_installed() and can_score(text := self.model_text()):
            try:
                self._fast_margins = FastMargins(text, self.n_outputs, self.n_features)
            except ImportError as error:
                log.warning("tables are scored by LightGBM alone: numba cannot be imported: %s", error)

    def leaves(self, X: Float32) -> npt.NDArray[np.int64]:
        """Index of the leaf that each row falls into, shape (n_rows, n_trees)."""
        return self._predict_table(X, _PREDICT_LEAF_INDEX, self.n_trees).astype(np.int64)

    def contributions(self, X: Float32) -> Float64:
        """Shapley values on the raw scores, shape (n_rows, n_outputs, d + 1); the last column is the base.

        Path-dependent TreeSHAP, exact. Source: Lundberg et al. (2020), "From local explanations to
        global understanding with explainable AI for trees", algorithm 2. Long tables go through the compiled
        kernel of `shap_kernel` where numba is installed; it agrees with LightGBM to 1e-9 of the largest value.
        """
        fast = self._fast(len(X))
        if fast is not None:
            return fast(self._checked(X))
        n_columns = self.n_outputs * (self.n_features + 1)
        step = max(1, _CONTRIBUTION_CELLS // n_columns)
        result = np.empty((len(X), n_columns))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            result[rows] = self._predict_table(X[rows], _PREDICT_CONTRIB, n_columns)
        return result.reshape(len(X), self.n_outputs, self.n_features + 1)

    @property
    def n_edges(self) -> int:
        """Edges of all trees: what Shapley values of a row cost is in proportion to them."""
        if self._n_edges is None:
            self._n_edges = count_edges(self.model_text())
        return self._n_edges

    def model_text(self) -> bytes:
        """The model as the library writes it: the same trees to the last bit."""
        length, buffer = ctypes.c_int64(), ctypes.create_string_buffer(1)
        for _ in range(2):  # the first call tells how long the text is
            self._call(
                "LGBM_BoosterSaveModelToString",
                self._handle,
                ctypes.c_int(0),
                ctypes.c_int(_ALL_ITERATIONS),
                ctypes.c_int(0),
                ctypes.c_int64(len(buffer)),
                ctypes.byref(length),
                buffer,
            )
            if length.value > len(buffer):
                buffer = ctypes.create_string_buffer(length.value)
        return buffer.value

    def _fast(self, n_rows: int) -> FastContributions | None:
        """The compiled way, where the table is long enough for this model that it pays to load it."""
        if n_rows < _FEWEST_FAST_ROWS or not is_installed():
            return None
        if n_rows * self.n_edges < _FAST_WORK:
            return None
        if self._fast_contributions is None:
            self._fast_contributions = FastContributions(self.model_text(), self.n_outputs, self.n_features)
        return self._fast_contributions

    def _checked(self, X: Float32) -> Float32:
        rows = np.ascontiguousarray(X, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ReleaseError(
                f"the model takes rows of {self.n_features} features, got the shape {rows.shape}"
            )
        return rows

    def _predict_table(self, X: Float32, predict_type: int, n_columns: int) -> Float64:
        rows = self._checked(X)
        result = np.empty((len(rows), n_columns), dtype=np.float64)
        if not len(rows):
            return result
        length = ctypes.c_int64()
        self._call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_int(_DTYPE_FLOAT32),
            ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_int(_ROW_MAJOR),
            ctypes.c_int(predict_type),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_ITERATIONS),
            b"" if len(rows) >= _FEWEST_SHARED_ROWS else b"num_threads=1",
            ctypes.byref(length),
            ctypes.c_void_p(result.ctypes.data),
        )
        if length.value != result.size:
            raise ReleaseError(f"LightGBM gave {length.value} numbers where {result.size} were expected")
        return result

    def _fast_config(self, predict_type: int) -> ctypes.c_void_p:
        config = ctypes.c_void_p()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            ctypes.c_int(predict_type),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_ITERATIONS),
            ctypes.c_int(_DTYPE_FLOAT32),
            ctypes.c_int32(self.n_features),
            b"num_threads=1",
            ctypes.byref(config),
        )
        self._fast_configs.append(config)
        return config

    def _get_int(self, function: str) -> int:
        value = ctypes.c_int()
        self._call(function, self._handle, ctypes.byref(value))
        return value.value

    def _call(self, function: str, *arguments: object) -> None:
        if getattr(self._library, function)(*arguments):
            raise self._error()

    def _error(self) -> ReleaseError:
        message = self._library.LGBM_GetLastError().decode(errors="replace")
        return ReleaseError(
            f"LightGBM refused the model: {message}", todo="train again, or restore the release"
        )

    def __del__(self) -> None:
        library = getattr(self, "_library", None)
        if library is None:
            return
        for config in self._fast_configs:
            library.LGBM_FastConfigFree(config)
        if self._handle:
            library.LGBM_BoosterFree(self._handle)


def library_path() -> Path:
    """Where LightGBM's shared library is installed. Raises ReleaseError."""
    spec = importlib.util.find_spec("lightgbm")
    for folder in spec.submodule_search_locations or () if spec else ():
        for name in _LIBRARY_NAMES:
            for path in (Path(folder) / "lib" / name, Path(folder) / "bin" / name):
                if path.is_file():
                    return path
    raise ReleaseError(
        "the library that scores trees, LightGBM, is not installed", todo="pip install lightgbm"
    )


@lru_cache(maxsize=1)
def _libraries() -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    """Load the library once, as two handles: for tables without the GIL, for single rows with it.

    A row takes some 10 µs: giving the GIL away for that long would hand it to another thread for up
    to a switch interval (5 ms).
    """
    path = library_path()
    try:
        library, row_library = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
    except OSError as error:
        raise ReleaseError(
            f"LightGBM's shared library does not load: {error}",
            where=str(path),
            todo="install the OpenMP runtime (Debian: apt-get install libgomp1; macOS: brew install libomp)",
        ) from error
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    _silence(library)
    return library, row_library


_LOG_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p)


def _forward_log(message: bytes) -> None:
    text = message.decode(errors="replace").strip()
    if text:
        log.debug("%s", text)


# Kept alive at module level: the library holds only the pointer.
_log_callback = _LOG_CALLBACK(_forward_log)


def _silence(library: ctypes.CDLL) -> None:
    """Send the library's messages to our logger: stdout belongs to results."""
    library.LGBM_RegisterLogCallback(_log_callback)
