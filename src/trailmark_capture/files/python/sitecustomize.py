"""Loaded by each Python that is started with this folder in PYTHONPATH: notes its files, and steps aside.

The environment's own `sitecustomize`, which this one hides, is loaded as if this one were not there.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys

_NAME = "sitecustomize"


def _step_aside() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    if importlib.machinery.PathFinder.find_spec(_NAME) is not None:
        del sys.modules[_NAME]
        importlib.import_module(_NAME)


def _begin() -> None:
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "audit.py")
    spec = importlib.util.spec_from_file_location("_trailmark_audit", path)
    if spec is not None and spec.loader is not None:
        audit = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(audit)
        audit.install(os.environ)


try:
    _begin()
finally:
    _step_aside()
