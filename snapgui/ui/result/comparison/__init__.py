"""The comparison viewer: two pictures of one field, pixel by pixel, in every way that shows a small
change.
"""
