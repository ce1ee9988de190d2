"""The Studies page's parts."""
