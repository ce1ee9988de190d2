"""What a reader sees of a trial, and the display check: our own components, html, css and script as files
beside this.
"""
