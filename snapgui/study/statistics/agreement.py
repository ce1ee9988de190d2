"""Do readers agree, with each other and with themselves? Kappas with standard errors."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from snapgui.errors import DataError
from snapgui.study.statistics.detection import critical_level, exact_interval

Weights = Literal["linear", "quadratic"]
Floats = NDArray[np.float64]
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    ``observed`` and ``expected`` are shares of agreement (weighted where the kappa is).

    ``standard_error`` belongs to the interval, ``null_standard_error`` to a test of no agreement beyond
    chance. All but ``observed`` and ``expected`` are NaN where everyone gave one and the same answer
    throughout: chance then explains all. Without any spread (one rater gave one answer throughout) the
    interval is NaN.
    """

    kappa: float
    standard_error: float
    null_standard_error: float
    interval: tuple[float, float]
    observed: float
    expected: float
    cases: int
    raters: int


@dataclass(frozen=True)
class RepeatAgreement:
    """The same reader on the same images twice; ``interval`` is Clopper and Pearson's, of ``same``."""

    same: float
    interval: tuple[float, float]
    within_one_step: float
    kappa: Kappa
    trials: int


def cohen(
    first: ArrayLike, second: ArrayLike, *, weights: Weights | None = None, level: float = 0.95
) -> Kappa:
    """Cohen's kappa of two raters' answers ``(N,)`` (Cohen 1960, 1968), errors by Fleiss, Cohen and Everitt
    1969.

    Weights fall with the difference of the answers as numbers, or with its square. With perfect agreement the
    formula's error is 0 and says nothing; the lower end is then that of Clopper and Pearson's for the share
    of agreement.
    """
    answers = _checked(np.stack(_pair(first, second), axis=1))
    values, codes = np.unique(answers, return_inverse=True)
    codes = codes.reshape(answers.shape)
    if len(values) == 1:
        return _undefined(*answers.shape)
    table = np.zeros((len(values), len(values)))
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    distance = np.abs(values[:, None] - values)
    apart = {None: (distance > 0).astype(float), "linear": distance, "quadratic": distance**2}[weights]
    closeness = 1 - apart / apart.max()
    shares = table / table.sum()
    observed = float((closeness * shares).sum())
    expected = float((closeness * np.outer(shares.sum(1), shares.sum(0))).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        found = cohens_kappa(table) if weights is None else cohens_kappa(table, weights=1 - closeness)
    error = math.sqrt(max(0.0, float(found.var_kappa)))
    null_error = math.sqrt(max(0.0, float(found.var_kappa0)))
    return _kappa(
        float(found.kappa), error, null_error, observed, expected, answers.shape, level, freedom=math.inf
    )


def fleiss(answers: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95) -> Kappa:
    """Fleiss' kappa of answers ``(N, R)`` of R raters to N images (Fleiss 1971); NaN where a rater did not
    see an image.

    Every image needs two answers; where their numbers differ, each image counts alike, whoever saw it (Gwet
    2014, chapter 5). The standard error is the linearised one over images, for any true kappa (Gwet 2008),
    over ``clusters`` ``(N,)`` of images where some belong together; so it speaks of other images, not of
    other raters. That of no agreement is by Fleiss, Nee and Landis 1979, and NaN where numbers of answers
    differ.
    """
    checked = _checked(np.asarray(answers, np.float64), gaps=True)
    seen = np.isfinite(checked)
    values = np.unique(checked[seen])
    cases, raters = checked.shape
    if len(values) == 1:
        return _undefined(cases, raters)
    counts = (checked[:, :, None] == values).sum(1).astype(np.float64)
    number = counts.sum(1)
    shares = (counts / number[:, None]).mean(0)
    agreed = (counts * (counts - 1)).sum(1) / (number * (number - 1))
    expected = float((shares**2).sum())
    kappa = (float(agreed.mean()) - expected) / (1 - expected)
    by_case = (agreed - expected) / (1 - expected)
    by_chance = counts @ shares / number
    pulls = by_case - 2 * (1 - kappa) * (by_chance - expected) / (1 - expected) - kappa
    groups = np.arange(cases) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    together = np.bincount(groups, pulls)
    many = len(together)
    error = math.sqrt((together**2).sum() * many / (many - 1)) / cases if many > 1 else math.nan
    null_error = math.nan
    if seen.all():
        others = shares * (1 - shares)
        null = others.sum() ** 2 - (others * (1 - 2 * shares)).sum()
        null_error = math.sqrt(2 * null / (cases * raters * (raters - 1))) / float(others.sum())
    return _kappa(
        kappa, error, null_error, float(agreed.mean()), expected, (cases, raters), level, freedom=many - 1
    )


def repeat_agreement(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> RepeatAgreement:
    """First and second answers ``(N,)`` to repeated trials: the share given alike, within one step, and
    quadratic kappa.
    """
    one, two = _pair(first, second)
    kappa = cohen(one, two, weights="quadratic", level=level)
    same = int((one == two).sum())
    return RepeatAgreement(
        same / len(one),
        exact_interval(same, len(one), level=level),
        float((np.abs(one - two) <= 1).mean()),
        kappa,
        len(one),
    )


def _kappa(
    kappa: float,
    error: float,
    null_error: float,
    observed: float,
    expected: float,
    shape: tuple[int, ...],
    level: float,
    *,
    freedom: float,
) -> Kappa:
    cases, raters = shape
    half = float(stats.t.ppf((1 + critical_level(level)) / 2, max(freedom, 1))) * error
    low, high = max(-1.0, kappa - half), min(1.0, kappa + half)
    if observed > 1 - _NO_SPREAD:
        kappa, error, high = 1.0, 0.0, 1.0
        low = (exact_interval(cases, cases, level=level)[0] - expected) / (1 - expected)
    elif not error > _NO_SPREAD:
        low = high = math.nan
    return Kappa(kappa, error, null_error, (low, high), observed, expected, cases, raters)


def _undefined(cases: int, raters: int) -> Kappa:
    return Kappa(math.nan, math.nan, math.nan, (math.nan, math.nan), 1.0, 1.0, cases, raters)


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 1 or one.shape != two.shape:
        raise DataError(
            f"Answers of shapes {one.shape} and {two.shape} came; two answers per image are needed. "
            "Check that no row was lost."
        )
    return one, two


def _checked(answers: Floats, *, gaps: bool = False) -> Floats:
    if answers.ndim != 2 or answers.shape[0] < 1 or answers.shape[1] < 2:
        raise DataError(
            f"Answers of shape {answers.shape} came; at least one image answered by at least two raters is "
            "needed. Collect more answers."
        )
    if gaps and not np.isinf(answers).any():
        if (np.isfinite(answers).sum(1) < 2).any():
            raise DataError(
                "An image with fewer than two answers came; every image needs two. Leave the others out."
            )
        return answers
    if not np.isfinite(answers).all():
        raise DataError(
            f"{int((~np.isfinite(answers)).sum())} of {answers.size} answers are no numbers; every rater "
            "must have answered every image. Leave the others out."
        )
    return answers
