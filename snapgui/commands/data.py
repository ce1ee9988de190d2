"""The command ``data``: fetch the real sets and models, make the demo patches. Heavy imports stand inside the
functions.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from snapgui.commands.options import WITH_DEFAULTS, Commands
from snapgui.shipped import MODEL

HUB_EXAMPLE = "hf-hub:1aurent/resnet50.tiatoolbox-pcam"


def add_data_commands(commands: Commands) -> None:
    """Add ``data`` with its own commands ``pcam``, ``hcd``, ``model`` and ``demo`` to a parser's commands."""
    data = commands.add_parser("data", help="fetch data sets and models, make demo patches")
    data.set_defaults(run=run_data)
    kinds = data.add_subparsers(dest="kind", required=True, metavar="WHAT")
    for name, text in (
        ("pcam", "fetch PatchCamelyon through torchvision (needs a network and gdown)"),
        (
            "hcd",
            (
                "fetch Kaggle's Histopathologic Cancer Detection (needs a network, Kaggle's client and "
                "an account)"
            ),
        ),
    ):
        fetch = kinds.add_parser(name, help=text, description=text)
        fetch.add_argument("--out", type=Path, required=True, help="folder for the data set")

    text = "fetch a network from the Hugging Face Hub through timm and keep it with a model card"
    model = kinds.add_parser("model", help=text, description=text)
    model.add_argument("name", metavar="NAME", help="hf-hub:owner/name, for instance " + HUB_EXAMPLE)
    model.add_argument("--out", type=Path, required=True, metavar="FILE", help="checkpoint (.safetensors)")
    model.add_argument(
        "--head",
        type=Path,
        default=None,
        metavar="FILE",
        help="the Linear layer that classifies the features of a network without classifier, such as a "
        "pathology foundation model: weight (2, F) and bias, as safetensors or .pth",
    )

    text = "make synthetic demo patches from the statistics of the train split"
    demo = kinds.add_parser("demo", help=text, description=text, formatter_class=WITH_DEFAULTS)
    demo.add_argument("--data", type=Path, required=True, help="a data set with a split train")
    demo.add_argument(
        "--teacher", type=Path, required=True, help="a DenseNet-121 backbone, whose features are matched"
    )
    demo.add_argument(
        "--model", type=Path, default=MODEL, help="the classifier that has to agree with each patch"
    )
    demo.add_argument("--out", type=Path, required=True, help="folder for the chosen patches and demo.json")
    demo.add_argument(
        "--candidates",
        type=Path,
        default=None,
        help="folder for all that are made; OUT/candidates if not given",
    )
    demo.add_argument(
        "--per-class",
        type=int,
        default=16,
        help="candidates of each class; those already made are not made again",
    )
    demo.add_argument("--keep", type=int, default=14, help="patches of each class that are chosen at most")
    demo.add_argument("--without", nargs="*", default=[], metavar="NAME", help="candidates rejected by eye")
    demo.add_argument("--iterations", type=int, default=200, help="of L-BFGS for each patch")
    demo.add_argument("--seed", type=int, default=0)


def run_data(args: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Run one of the ``data`` commands; ``arguments`` is the command line as given, kept for symmetry with
    other commands.
    """
    if args.kind == "demo":
        run_demo(args)
        return
    if args.kind == "model":
        from snapgui.data.published import fetch_model

        out = fetch_model(args.name, args.out, head=args.head)
        print(f"The model is in {out}; give it as --model {out}, or load it on the Model page.")
        return
    from snapgui.data.fetch import fetch_hcd, fetch_pcam

    place = (fetch_pcam if args.kind == "pcam" else fetch_hcd)(args.out)
    print(f"The data set is in {place}.")


def run_demo(args: argparse.Namespace) -> None:
    """Make the candidates that are lacking, then choose among all."""
    from snapgui.data.datasets import open_patches
    from snapgui.data.making_demo.candidates import CLASSES, make_candidates, read_candidates
    from snapgui.data.making_demo.choice import choose_demo
    from snapgui.data.making_demo.synthesis import SynthesisSettings
    from snapgui.engine.victim.victim import Victim
    from snapgui.errors import SettingsError

    for name in ("per_class", "keep", "iterations"):
        if getattr(args, name) < 1:
            raise SettingsError(
                f"--{name.replace('_', '-')} is {getattr(args, name)}; it must be at least 1."
            )
    victim = Victim.load(args.model)
    folder = args.candidates or args.out / "candidates"
    if len(read_candidates(folder)) < args.per_class * len(CLASSES):
        settings = SynthesisSettings(iterations=args.iterations)
        making = make_candidates(
            open_patches(args.data),
            victim,
            args.teacher,
            folder,
            settings,
            per_class=args.per_class,
            seed=args.seed,
        )
        for candidate in making:
            print(
                f"{candidate.name}: {candidate.rms_to_nearest_train:.1f} levels from the nearest train "
                f"patch, best match of a quarter {candidate.window_correlation:.2f}",
                flush=True,
            )
    values = choose_demo(folder, victim, args.out, keep=args.keep, without=args.without)
    patches, typical = values["patches"], values["typical"]["rms_to_nearest_train"]
    for patch in patches:
        print(
            f"{patch['file']}: confidence {patch['confidence']:.3f}, "
            f"{patch['rms_to_nearest_train']:.1f} levels away"
        )
    print(f"{len(patches)} patches in {args.out}; a real patch lies {typical:.1f} levels from its nearest.")
