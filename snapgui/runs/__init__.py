"""One image attacked from end to end, and the folder where finished runs stay."""
