"""The Workbench's parts: choose an image, make a mask, set the attack, run it."""
