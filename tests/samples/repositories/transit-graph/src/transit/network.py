from __future__ import unicode_literals

import io
import json

import networkx as nx
import pyproj
from future.utils import iteritems
from shapely.geometry import LineString, Point
from six.moves import zip

try:
    import ujson as fast_json
except ImportError:
    fast_json = json

try:
    from urllib.request import urlopen
except ImportError:
    from urllib2 import urlopen


def build(path):
    """Return the graph of stops and lines."""
    graph = nx.Graph()
    with io.open(path, encoding="utf-8") as file:
        stops = fast_json.load(file)
    project = pyproj.Proj("+proj=utm +zone=32")
    for name, place in iteritems(stops):
        graph.add_node(name, at=Point(project(*place)))
    for one, other in zip(sorted(stops), sorted(stops)[1:]):
        graph.add_edge(one, other, way=LineString([graph.node[one]["at"], graph.node[other]["at"]]))
    return graph
