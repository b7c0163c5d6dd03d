"""MLflow's modules import each other in circles: two threads that import parts of it must not meet half-way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tenure.errors import ExtraMissing
from tenure.model.mlflow_import import load

pytest.importorskip("mlflow")

# The second thread asks for a part of MLflow in the moment in which the first has just begun with the whole.
RACE = """
import importlib.abc, sys, threading, time
from tenure.model.mlflow_import import load

found = []
second = threading.Thread(target=lambda: found.append(load("mlflow.entities").Metric))

class Starter(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "mlflow.version" and not second.ident:
            second.start()
            time.sleep(0.2)

sys.meta_path.insert(0, Starter())
found.append(load("mlflow").MlflowClient)
second.join()
print([one.__name__ for one in found])
"""


def test_two_threads_that_import_parts_of_it_both_get_them():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RACE], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert sorted(ran.stdout.strip("[]\n").replace("'", "").split(", ")) == ["Metric", "MlflowClient"]


def test_a_module_that_is_not_there_names_the_extra():
    with pytest.raises(ExtraMissing, match="mlflow-skinny"):
        load("mlflow.no_such_module")
