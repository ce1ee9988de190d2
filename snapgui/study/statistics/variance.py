"""How far is a signed sum of answers off, when readers and sources are both drawn at random and each saw only
a part?

A Latin square shows each reader every source in one arm only. An estimate of such a study is a sum of weights
times values, where weights and values are ``(K, R, N)``: arms, readers, sources; a weight of 0 stands for
what was not seen.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
_TINY = 1e-9
LEAST_FREEDOM = 2.5


@dataclass(frozen=True)
class Spread:
    """Variance of a weighted sum, with Satterthwaite's degrees of freedom."""

    variance: float
    degrees_of_freedom: float


@dataclass(frozen=True)
class _Layout:
    """What the weights alone decide.

    Order of the three kinds of variance: by readers, by sources, of single answers.

    Attributes:
        cells: arm, reader and source of each weight that is not 0.
        base: orthonormal columns of what is fitted and taken out, ``(cells, P)``.
        sums: weights by reader, by source, and by reader and source; the sums of squares are those of their
            products.
        held: ``held[q, c]`` of kind ``c`` is expected in sum of squares ``q``.
        size: how much of each kind the estimate's variance holds.
        joint: ``joint[q, p]`` gives half the covariance of two sums of squares as a quadratic form of the
            three variances.
    """

    cells: tuple[NDArray[np.intp], ...]
    base: Floats
    sums: tuple[sparse.csr_array, ...]
    held: Floats
    size: Floats
    joint: Floats


def spread_of(values: Floats, weights: Floats) -> Spread:
    """Variance of ``(weights * values).sum()`` for other readers and other sources.

    The model: a value is a mean of its arm, plus what is common to a reader, plus what is common to a source,
    plus what a reader and what a source add in that arm (random), plus chance. Where the weights add up to
    nothing (arms are compared) the common parts cancel. They are therefore fitted and taken out first: left
    in, they would only make the estimate of the variance unsteady, since in a Latin square all readers of a
    list share that noise. The three random parts follow from sums of squares over readers, sources and single
    answers by the method of moments (Henderson 1953); where together they come to less than single answers
    would make alone, these stand alone. The degrees of freedom are Satterthwaite's (1946), from the variances
    of the sums of squares of normal values. With hardly more readers than lists the part of the readers
    cannot be told from that of their lists; the plain variance by clusters stands in, which is wider.
    """
    layout = _lay_out(weights.tobytes(), weights.shape)
    if _freedom_of_readers(layout) < LEAST_FREEDOM:
        return _clustered(values, weights)
    y = values[layout.cells]
    residuals = y - layout.base @ (layout.base.T @ y)
    found = np.array([float(((group.T @ residuals) ** 2).sum()) for group in layout.sums])
    parts, kept = _parts(layout, found)
    variance = float(parts @ layout.size)
    if variance <= 0:
        return _clustered(values, weights)
    factors = np.zeros(3)
    factors[kept] = np.linalg.lstsq(layout.held[np.ix_(kept, kept)].T, layout.size[kept], rcond=None)[0]
    doubt = 2 * float(factors @ (layout.joint @ parts @ parts) @ factors)
    freedom = 2 * variance**2 / doubt if doubt > 0 else math.inf
    return Spread(variance + _uncancelled(values, weights), max(1.0, freedom))


@functools.lru_cache(maxsize=8)
def _lay_out(data: bytes, shape: tuple[int, int, int]) -> _Layout:
    weights = np.frombuffer(data).reshape(shape)
    arms, readers, sources = shape
    k, r, i = np.nonzero(weights)
    s, cells = weights[k, r, i], np.arange(len(k))

    def group(index: NDArray[np.intp], count: int, content: Floats) -> sparse.csr_array:
        return sparse.csr_array((content, (cells, index)), shape=(len(cells), count))

    ones = np.ones(len(cells))
    taken = [
        group(k, arms, ones),
        *([group(r, readers, ones), group(i, sources, ones)] if _cancels(weights) else []),
    ]
    known = sparse.hstack(taken).tocsr()
    lengths, vectors = np.linalg.eigh((known.T @ known).toarray())
    kept = lengths > _TINY * lengths[-1]
    base = np.asarray((known @ vectors[:, kept]) / np.sqrt(lengths[kept]))
    _, pair = np.unique(r * sources + i, return_inverse=True)
    sums = group(r, readers, s), group(i, sources, s), group(pair, int(pair.max()) + 1, s)
    effects = group(k * readers + r, arms * readers, ones), group(k * sources + i, arms * sources, ones)
    # Effects without what was taken out of them.
    left = [effect.T.toarray() - (effect.T @ base) @ base.T for effect in effects]
    seen = [[*((part @ summed).T for part in left), summed.T @ base] for summed in sums]
    chance = float((s**2).sum())
    held = [
        [*(float((part**2).sum()) for part in row[:2]), chance - float((row[2] ** 2).sum())] for row in seen
    ]
    size = [*(float(((effect.T @ s) ** 2).sum()) for effect in effects), chance]
    return _Layout((k, r, i), base, sums, np.array(held), np.array(size), _joint(sums, seen))


def _cancels(weights: Floats) -> bool:
    """Whether arms are compared: the weights add up to nothing."""
    return bool(abs(weights.sum()) < _TINY * np.abs(weights).sum())


def _joint(sums: tuple[sparse.csr_array, ...], seen: list[list[Floats]]) -> Floats:
    """Inner products of the covariances that each kind of variance gives to two sets of sums, ``(3, 3, 3,
    3)``.

    Of single answers beside single answers only each answer's own variance counts; the rest would be large
    and adds next to nothing.
    """
    joint = np.zeros((3, 3, 3, 3))
    for q, p in ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2)):
        common = [seen[q][c] @ seen[p][c].T for c in (0, 1)]
        common.append((sums[q].T @ sums[p]).toarray() - seen[q][2] @ seen[p][2].T)
        flat = np.stack([product.ravel() for product in common])
        joint[q, p] = joint[p, q] = flat @ flat.T
    own = np.stack(
        [
            *((seen[2][c] ** 2).sum(1) for c in (0, 1)),
            np.asarray(sums[2].power(2).sum(0)) - (seen[2][2] ** 2).sum(1),
        ]
    )
    joint[2, 2] = own @ own.T
    return joint


def _parts(layout: _Layout, found: Floats) -> tuple[Floats, list[int]]:
    """The three variances and which of them were estimated: all that the layout can tell, or that of single
    answers alone.
    """
    held = layout.held
    kept = [kind for kind in range(3) if held[kind, kind] > _TINY * held.max()]
    parts = np.zeros(3)
    parts[kept] = np.linalg.lstsq(held[np.ix_(kept, kept)], found[kept], rcond=None)[0]
    alone = np.array([0.0, 0.0, found[2] / held[2, 2] if 2 in kept else 0.0])
    return (parts, kept) if parts @ layout.size > alone @ layout.size else (alone, [2])


def _freedom_of_readers(layout: _Layout) -> float:
    """Degrees of freedom that are left to the readers' sum of squares: 0 where each list has one reader."""
    left = float(layout.held[0, 2])
    # Nothing left is a rounding error, above or below 0: a ratio of two of them would be any number at all.
    if left <= _TINY * layout.size[2]:
        return 0.0
    return left**2 / float(layout.joint[0, 0, 2, 2])


def _clustered(values: Floats, weights: Floats) -> Spread:
    """Variance by readers plus by sources less that of single answers, at least the larger (Cameron, Gelbach
    and Miller 2011).
    """
    seen = weights != 0
    pull = weights * np.where(seen, values - _mean(values, seen, (1, 2)), 0.0)
    by = [
        float((pull.sum(axis=over) ** 2).sum()) * n / (n - 1)
        for over, n in (((0, 2), weights.shape[1]), ((0, 1), weights.shape[2]))
    ]
    variance = max(*by, sum(by) - float((pull.sum(axis=0) ** 2).sum()))
    spread = sum(part**2 / (n - 1) for part, n in zip(by, weights.shape[1:], strict=True))
    least = min(weights.shape[1:]) - 1.0
    return Spread(variance, max(least, variance**2 / spread) if spread > 0 else least)


def _uncancelled(values: Floats, weights: Floats) -> float:
    """What the common parts add where lists are of unequal size and so do not quite cancel: their plain
    variances, on the safe side.
    """
    if not _cancels(weights):
        return 0.0
    seen, total = weights != 0, 0.0
    centred = np.where(seen, values - _mean(values, seen, (1, 2)), 0.0)
    for axis, over in ((1, (0, 2)), (2, (0, 1))):
        pull = float((weights.sum(axis=over) ** 2).sum())
        if pull > _TINY * float((weights**2).sum()):
            means = _mean(centred - _mean(centred, seen, (0, axis)), seen, over).ravel()[seen.any(axis=over)]
            total += pull * float(means.var(ddof=1)) if len(means) > 1 else 0.0
    return total


def _mean(values: Floats, seen: NDArray[np.bool_], over: tuple[int, ...]) -> Floats:
    return np.asarray(
        np.where(seen, values, 0.0).sum(axis=over, keepdims=True)
        / np.maximum(seen.sum(axis=over, keepdims=True), 1)
    )
