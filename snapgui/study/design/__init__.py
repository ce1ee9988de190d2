"""What is fixed before the first trial."""
