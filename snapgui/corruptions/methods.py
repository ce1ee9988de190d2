"""What was done, as a paragraph for a paper."""

from snapgui.corruptions.measure import SCALES
from snapgui.corruptions.store import Comparison
from snapgui.corruptions.summary import images_words
from snapgui.engine.corruptions.catalogue import corruption_of
from snapgui.engine.images import UM_PER_PX, WINDOW_PX
from snapgui.words import listed

SOURCES = (
    "Hendrycks and Dietterich, ICLR 2019",
    "Zhang et al., MICCAI 2022",
    "Tellez et al., Medical Image Analysis 58, 2019",
    "Wang et al., Journal of Pathology Informatics 12:54, 2021",
    "Macenko et al., ISBI 2009",
    "Sharma, Wu and Dalal, Color Research and Application 30, 2005",
    "Wang et al., IEEE Transactions on Image Processing 13, 2004",
    "Wilson, Journal of the American Statistical Association 22, 1927",
    "Newcombe, Statistics in Medicine 17, 1998, method 10",
)


def corruption_methods(comparison: Comparison) -> str:
    """A paragraph on the corruptions, their strengths and how SNAP was compared with them, with sources."""
    grades: dict[str, list[int]] = {}
    for point in comparison.numbers["corruptions"]:
        grades.setdefault(point["kind"], []).append(point["grade"])
    kinds = listed([_kind_words(*one) for one in grades.items()])
    return (
        f"As the average case beside the worst we corrupted {images_words(comparison.numbers)} by {kinds}. "
        f"Kinds follow ImageNet-C and its like for pathology, with strengths for patches of {WINDOW_PX} px "
        f"at {UM_PER_PX} µm/px; stains were raised or lowered in each image's own stain vectors, and what "
        "these leave unexplained was kept; in a fold the optical densities of two layers add. Places, "
        "directions and signs were drawn for each image from its name and a seed, the same at each grade. "
        "Every corrupted picture was rounded to 8 bits before it was scored. We counted the recognised "
        "metastases that were called normal, with Wilson's 95 % intervals, against mean CIEDE2000 and SSIM "
        "(7 px window) over the whole picture. Pictures of SNAP were weakened by scaling their difference "
        f"from the original by {SCALES[0]:g} to {SCALES[-1]:g}, rounded to 8 bits and scored again; beside "
        "each corruption stands the strongest that was on average no more visible, on the same images, with "
        f"Newcombe's interval of the paired difference. References: {'; '.join(SOURCES)}."
    )


def _kind_words(kind: str, grades: list[int]) -> str:
    corruption = corruption_of(kind)
    ends = [corruption.strength_words(grade) for grade in dict.fromkeys((min(grades), max(grades)))]
    return f"{corruption.words} ({' to '.join(ends)})"
