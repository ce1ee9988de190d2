"""Side-by-side speed and strength against other tools; nothing in `snapgui` imports this."""
