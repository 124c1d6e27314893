from __future__ import division, print_function
import numpy as np
from numpy.linalg import lstsq

def half_life(spread):
    change, before = np.diff(spread), spread[:-1]
    slope = lstsq(np.vstack([before, np.ones(len(before))]).T, change)[0][0]
    print('slope', slope)
    return -np.log(2) / slope
