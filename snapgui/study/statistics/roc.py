"""Confidence ratings of one reader: ROC curve, its area with DeLong's variance, and the area with
localisation.

``ratings`` are ``(N,)``, higher for "altered"; ``altered`` is ``(N,)``, 1 or True for an altered image.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from sklearn.metrics import roc_curve

from snapgui.errors import DataError, SettingsError
from snapgui.study.statistics.detection import critical, exact_interval

Floats = NDArray[np.float64]
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Area:
    """An area under a curve; ``altered`` and ``untouched`` are numbers of images."""

    area: float
    standard_error: float
    interval: tuple[float, float]
    altered: int
    untouched: int


def success_kernel(altered: Floats, untouched: Floats) -> Floats:
    """Ratings ``(..., A)`` and ``(..., U)`` to ``(..., A, U)``: 1 where the altered image is rated higher,
    0.5 for a tie.
    """
    return np.asarray((np.sign(altered[..., :, None] - untouched[..., None, :]) + 1) / 2, np.float64)


def roc_points(ratings: ArrayLike, altered: ArrayLike) -> tuple[Floats, Floats]:
    """The empirical curve, from (0, 0) to (1, 1) with a point per rating used: shares of false alarms and of
    hits ``(P,)``.
    """
    values, truth = checked_ratings(ratings, altered)
    false_alarms, hits, _ = roc_curve(truth, values, drop_intermediate=False)
    return np.asarray(false_alarms, np.float64), np.asarray(hits, np.float64)


def roc_area(ratings: ArrayLike, altered: ArrayLike, *, level: float = 0.95) -> Area:
    """Area under the empirical curve, ties counting half, with DeLong's standard error (DeLong et al. 1988).

    The interval is made on the logit scale. Where every image of a kind has the same standing (perfect
    separation, one rating for all) DeLong's variance is 0 and says nothing; the interval is then Clopper and
    Pearson's for as many trials as there are separate pairs of images, which is on the safe side. Needs two
    images of each kind.
    """
    values, truth = checked_ratings(ratings, altered)
    return _area(success_kernel(values[truth], values[~truth]), level)


def lroc_area(
    ratings: ArrayLike, altered: ArrayLike, distances_px: ArrayLike, *, radius_px: float, level: float = 0.95
) -> Area:
    """Area under the LROC curve: the share of pairs in which the altered image is rated higher and its place
    found.

    Swensson 1996; the empirical area is that of Popescu 2007, with DeLong's variance of the same pairs.
    ``distances_px`` ``(N,)`` is from the click to the nearest altered place, infinite or NaN without a click;
    it is not read for untouched images. A place counts as found within ``radius_px``. Guessing gives far less
    than one half.
    """
    values, truth, found = _localised(ratings, altered, distances_px, radius_px)
    return _area(success_kernel(values[truth], values[~truth]) * found[truth, None], level)


def lroc_points(
    ratings: ArrayLike, altered: ArrayLike, distances_px: ArrayLike, *, radius_px: float
) -> tuple[Floats, Floats]:
    """The empirical LROC curve: shares of false alarms, and of altered images both rated so high and found,
    ``(P,)``.
    """
    values, truth, found = _localised(ratings, altered, distances_px, radius_px)
    steps = np.concatenate([[np.inf], np.unique(values)[::-1]])[:, None]
    return (values[~truth] >= steps).mean(1), ((values[truth] >= steps) & found[truth]).mean(1)


def checked_ratings(ratings: ArrayLike, altered: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Ratings ``(N,)`` and truth ``(N,)``; raises ``DataError`` for lengths that differ, gaps, or under two
    images of a kind.
    """
    values, truth = np.asarray(ratings, np.float64), np.asarray(altered)
    if values.ndim != 1 or values.shape != truth.shape:
        raise DataError(
            f"Ratings of shape {values.shape} and truths of shape {truth.shape} came; one of each per image "
            "is needed. Check that no row was lost."
        )
    if not np.isfinite(values).all():
        raise DataError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} ratings are no numbers; a rating for "
            "every image is needed. Leave unanswered trials out."
        )
    if not np.isin(truth, (0, 1)).all():
        raise DataError(
            "Truths other than 0 and 1 came; 1 for altered and 0 for untouched are needed. Check the column."
        )
    truth = truth.astype(bool)
    if min(truth.sum(), (~truth).sum()) < 2:
        raise DataError(
            f"{int(truth.sum())} altered and {int((~truth).sum())} untouched images came; two of each are "
            "needed at least. Collect more answers."
        )
    return values, truth


def interval_on_logit(
    area: float, error: float, pairs: int, deviate: float, level: float
) -> tuple[float, float]:
    """Interval of an area on the logit scale (Pepe 2003); without spread Clopper and Pearson's over separate
    pairs.
    """
    if error < _NO_SPREAD or not 0 < area < 1:
        return exact_interval(area * pairs, pairs, level=level)
    middle, half = special.logit(area), deviate * error / (area * (1 - area))
    return float(special.expit(middle - half)), float(special.expit(middle + half))


def _area(kernel: Floats, level: float) -> Area:
    altered, untouched = kernel.shape
    area = float(kernel.mean())
    error = math.sqrt(kernel.mean(1).var(ddof=1) / altered + kernel.mean(0).var(ddof=1) / untouched)
    interval = interval_on_logit(area, error, min(altered, untouched), critical(level), level)
    return Area(area, error, interval, altered, untouched)


def _localised(
    ratings: ArrayLike, altered: ArrayLike, distances_px: ArrayLike, radius_px: float
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    values, truth = checked_ratings(ratings, altered)
    distances = np.asarray(distances_px, np.float64)
    if not radius_px > 0:
        raise SettingsError(f"A radius of {radius_px} px came; it must lie above 0.")
    if distances.shape != values.shape:
        raise DataError(
            f"Distances of shape {distances.shape} came for {len(values)} ratings; one per image is "
            "needed, NaN without a click."
        )
    return values, truth, distances <= radius_px
