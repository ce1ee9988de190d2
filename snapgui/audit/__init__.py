"""A whole data set: attack and controls for every image, one table with intervals."""
