"""Words of the controls: what a pathologist reads instead of setting names."""

from snapgui.engine.images import UM_PER_PX

CLASSES = ("normal", "metastasis")
GAMUT_HELP = (
    "Which colours the cells may take. Full range: between the darkest and the lightest value of each "
    "colour channel (as in the SNAP paper). Common colours: the same without the rarest 1 %. The image's "
    "main colours: a box along the image's own colour spread. Haematoxylin and eosin: only mixtures of the "
    "two stains, the most natural and the hardest."
)
START_HELP = "The colour that every cell has before the first step (the SNAP paper: the image's median)."
TEXTURE_HELP = (
    "Free colours: each pixel of a cell takes any colour allowed (as in the SNAP paper). Retouched nuclei: "
    "the slide's own pixels, with their haematoxylin and eosin made a little stronger or weaker. Painted "
    "nuclei: what lies under a cell gives way to a nucleus as a generator paints it in the slide's stains."
)
PLACEMENT_HELP = (
    "Scattered: cell shapes anywhere on tissue. Nuclei: over some of the image's own. All nuclei: over every "
    "one, with a rim of its cytoplasm. Sensitive spots: where the model's answer depends most on the pixels. "
    "Most effective: three times as many, optimised for ten steps, and those that contribute most are kept."
)
CENTRE_CHOICES = {"open": "Allowed", "excluded": "Kept out"}
CENTRE_HELP = (
    "The true class of a patch is decided in its central 32 px (31 µm). Where cells are kept out of there, "
    "the truth cannot change."
)
SOURCE_WORDS = {
    "proposed": "proposed",
    "drawn": "drawn by hand",
    "edited": "edited by hand",
    "imported": "loaded from a file",
    "audit": "taken from an audit",
}


def scale_words(side_px: int | None = None) -> str:
    """The scale of an image, with its side where it is known."""
    side = f"{side_px} px = {side_px * UM_PER_PX:.0f} µm, " if side_px else ""
    return f"{side}{UM_PER_PX} µm/px"
