"""What a reader goes through."""
