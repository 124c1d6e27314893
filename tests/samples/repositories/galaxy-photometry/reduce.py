#!/usr/bin/env python
# Reduce one night: bias, flat, aperture sums.
import os, sys, glob
import cPickle as pickle
import urllib2
from StringIO import StringIO

import numpy as np
import pyfits
from scipy import ndimage, optimize
from scipy.misc import factorial

import apertures
from apertures import sum_within

CATALOGUE = "http://catalogue.example.org/edge-on.txt"

def fetch_catalogue(url=CATALOGUE):
    try:
        text = urllib2.urlopen(url).read()
    except urllib2.URLError, e:
        print >>sys.stderr, "no catalogue:", e
        raise SystemExit, 1
    return np.loadtxt(StringIO(text), dtype=float)

def poisson(k, mu):
    return mu ** k * np.exp(-mu) / factorial(k)

def main(folder):
    results = {}
    for name in sorted(glob.glob(os.path.join(folder, "*.fits"))):
        image = pyfits.getdata(name).astype(float)
        image -= ndimage.median_filter(image, 51)
        results[name] = sum_within(image, radius=12)
        print "%s: %.1f counts" % (os.path.basename(name), results[name])
    if results.has_key("flat.fits"):
        del results["flat.fits"]
    pickle.dump(results, open("night.pkl", "wb"), -1)

if __name__ == "__main__":
    main(sys.argv[1])
