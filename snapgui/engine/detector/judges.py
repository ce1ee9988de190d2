"""Detectors: three kinds, at two levels, always judged by images that they were not trained on."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from snapgui.engine.detector.evidence import Evidence, Items
from snapgui.engine.detector.network import DetectorNetwork, fit_network, score_crops

Level = Literal["cell", "picture"]
Kind = Literal["linear", "trees", "network"]
LEVELS: tuple[Level, ...] = get_args(Level)
KINDS: tuple[Kind, ...] = get_args(Kind)
FOLDS = 5
Scores = dict[Level, dict[Kind, NDArray[np.float64]]]


def judge(train: Evidence, test: Evidence, *, seed: int = 0) -> Scores:
    """Scores of the items of ``test``, higher for altered, by detectors trained on ``train``.

    ``linear`` is a logistic regression on the features, ``trees`` extremely randomised ones on the same,
    ``network`` a small convolutional one on the crops. At the level of pictures, features are pooled over
    squares all over the picture, and so are the scores that the network of cells gives these.
    """
    network = fit_network(train.cells.crops, train.cells.labels, seed=seed)
    return {
        "cell": {
            **_by_features(train.cells, test.cells, seed, strength=0.3),
            "network": score_crops(network, test.cells.crops),
        },
        "picture": {
            **_by_features(train.pictures, test.pictures, seed, strength=0.01),
            "network": _by_pooled_scores(network, train.pictures, test.pictures),
        },
    }


def judge_held_out(evidence: Evidence, *, folds: int = FOLDS, seed: int = 0) -> Scores:
    """Scores of all items, each by detectors that have not seen its image.

    Raises:
        ValueError: fewer images than folds.
    """
    levels: dict[Level, Items] = {"cell": evidence.cells, "picture": evidence.pictures}
    scores: Scores = {
        level: {kind: np.zeros(len(items)) for kind in KINDS} for level, items in levels.items()
    }
    names = evidence.names
    for training, held_out in GroupKFold(folds).split(names, groups=names):
        train, test = evidence.of_images(names[training]), evidence.of_images(names[held_out])
        found = judge(train, test, seed=seed)
        for level, items in levels.items():
            own = np.isin(items.images, names[held_out])
            for kind in KINDS:
                scores[level][kind][own] = found[level][kind]
    return scores


def _by_features(train: Items, test: Items, seed: int, *, strength: float) -> dict[Kind, NDArray[np.float64]]:
    makers: dict[Kind, Pipeline] = {
        "linear": make_pipeline(
            StandardScaler(), LogisticRegression(C=strength, max_iter=2000, class_weight="balanced")
        ),
        "trees": make_pipeline(
            ExtraTreesClassifier(200, min_samples_leaf=3, class_weight="balanced", random_state=seed)
        ),
    }
    return {
        kind: np.asarray(maker.fit(train.features, train.labels).predict_proba(test.features)[:, 1])
        for kind, maker in makers.items()
    }


def _by_pooled_scores(network: DetectorNetwork, train: Items, test: Items) -> NDArray[np.float64]:
    """The mean score of a picture's squares and that of the highest tenth, weighed by a logistic
    regression.
    """
    regression = make_pipeline(StandardScaler(), LogisticRegression())
    regression.fit(_pooled(network, train), train.labels)
    return np.asarray(regression.predict_proba(_pooled(network, test))[:, 1])


def _pooled(network: DetectorNetwork, pictures: Items) -> NDArray[np.float64]:
    count, places = pictures.crops.shape[:2]
    flat = pictures.crops.reshape(count * places, *pictures.crops.shape[2:])
    scores = np.sort(score_crops(network, flat).reshape(count, places), axis=1)
    return np.stack([scores.mean(axis=1), scores[:, -max(places // 10, 1) :].mean(axis=1)], axis=1)
