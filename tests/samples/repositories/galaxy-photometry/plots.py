import cPickle
import matplotlib
matplotlib.use('Agg')
import pylab as pl
from matplotlib import rc
import numpy as np
from mpl_toolkits.axes_grid1 import make_axes_locatable

rc('text', usetex=False)
night = cPickle.load(open('night.pkl'))
counts = np.array(night.values())
print 'median', np.median(counts)
pl.hist(np.log10(counts), bins=20, histtype='step')
pl.xlabel('log counts')
pl.savefig('counts.pdf')
