"""What the answers show."""
