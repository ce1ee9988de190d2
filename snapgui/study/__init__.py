"""Blinded reader studies: design, pictures, store, export."""
