"""What real nuclei look like: a generator of their stain amounts, learned from slides."""
