import sys

sys.path.insert(0, "src")
import matplotlib.pyplot as plt
import networkx as nx
from networkx.algorithms.centrality import betweenness_centrality
from sklearn.cluster import KMeans

import transit
from transit.network import build

graph = build("stops.json")
score = betweenness_centrality(graph)
groups = KMeans(3).fit_predict([[value] for value in score.values()])
nx.draw(graph, node_color=groups)
plt.savefig("centrality.png")
