"""What the figures of a study say, by their names; apart from the figures, which load Matplotlib."""

CAPTIONS = {
    "arms": "How well readers tell each arm from untouched pictures. Bars: where it lies for other readers "
    "and other pictures, with 95 % confidence.",
    "roc": "ROC curve of all answers together; a mark is a step of the confidence scale.",
    "readers": "Each reader alone; bars speak of other pictures, not of other readers.",
    "exposure": "By the time for which the picture was shown; arms stand a little apart.",
    "times": "How long the answers took, by the browser's clock: median and quartiles.",
    "agreement": "Pairs of readers who saw the same pictures: Cohen's kappa, and how many they answered "
    "alike.",
    "visibility": "What a picture measures against how many readers found it; arms are drawn a little apart "
    "in height. ρ is Spearman's, with its 95 % interval.",
}
