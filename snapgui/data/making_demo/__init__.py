"""How the synthetic demo patches are made."""
