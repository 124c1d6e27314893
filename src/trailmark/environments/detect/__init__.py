"""What an existing repository says of the environment that it wants: read, never run.

Declarations come first (pyproject.toml, requirements.txt, environment.yml, Pipfile, setup.cfg, setup.py); where
there are none, the imports of its scripts and notebooks. R packages come from renv.lock, install.R or DESCRIPTION,
else from what R code loads, system packages from apt.txt, and all of these from Binder's folder too. The result is
for a person to confirm.
"""

from trailmark.environments.detect.detected import Detected, detect, detect_imports
from trailmark.environments.detect.folder import FolderText, decoded

__all__ = ["Detected", "FolderText", "decoded", "detect", "detect_imports"]
