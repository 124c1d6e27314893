import numpy as np

def sum_within(image, radius):
    """Sum of the pixels within a circle around the brightest one."""
    y, x = np.unravel_index(image.argmax(), image.shape)
    yy, xx = np.indices(image.shape)
    inside = (yy - y) ** 2 + (xx - x) ** 2 <= radius ** 2
    return image[inside].sum()
