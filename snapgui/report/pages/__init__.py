"""Documents as HTML, PDF and sheets."""
