"""Data sets of labelled patches: Kaggle layout, PCam HDF5, demo patches."""
