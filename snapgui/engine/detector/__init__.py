"""A classifier that tells altered cells from real nuclei: how well it does says how natural a patch is."""
