import pathlib

import numpy as np
import yaml
from scipy.stats import linregress
from shapely.geometry import Polygon

from . import units

HERE = pathlib.Path(__file__).parent


def arctic():
    """Return the box of the Arctic as slices."""
    box = yaml.safe_load((HERE / "regions.yaml").read_text())["arctic"]
    return {"lat": slice(*box["lat"]), "lon": slice(*box["lon"])}


def slope(years, extent):
    """Return the trend per decade, and whether it is more than noise."""
    fit = linregress(years, np.asarray(extent) * units.MILLION)
    return 10 * fit.slope, fit.pvalue < 0.05


def outline(points):
    return Polygon(points)
