"""The filmstrip of the workbench: which picture, and runs of all that are ticked."""
