"""The defences by the names that a command line and a page take, without a library behind them."""

# Each with its one setting, as in ``jpeg:50``; in brackets what it is where none is given. Trained ones have
# none.
DEFENCE_WORDS = {
    "jpeg": "JPEG of this quality (75)",
    "median": "median over a square of this side in px (3)",
    "bits": "so many bits a channel (4)",
    "gaussian": "blur of this standard deviation in px (1)",
    "tv": "total-variation denoising of this weight (0.05)",
    "shift": "vote over shifts by so many px (1)",
    "nuclei": "vote with this share of the nuclei hidden (0.5)",
    "localiser": "altered cells found by a small network and painted over",
    "spann": "alarm by clusters over levels of the first convolution (SpaNN); an alarm counts as not fooled",
    "patchcleanser": "double masking with so many masks a side (4)",
}
