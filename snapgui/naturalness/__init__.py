"""How natural patches are: detectors trained on them, colour differences, colours that stains cannot make."""
