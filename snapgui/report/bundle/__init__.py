"""Archives with manifest and hashes."""
