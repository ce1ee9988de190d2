"""What of a finished audit is looked at: its pictures in an order, and who among them falls."""
