"""Figures and bundles that leave the tool."""
