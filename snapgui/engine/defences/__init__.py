"""What a hospital could put between the scanner and the classifier."""
