"""Finished transfer matrices, defence tables and searches as sections of `RESULTS.md`.

`python benchmarks/contests.py FOLDER... [--write]`: the folders that `snapgui transfer`, `defend` and
`search` wrote; one section each, named by its kind, model and presets.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from benchmarks.options import run_script
from benchmarks.results import commit, provenance, table, write_section
from snapgui.errors import DataError
from snapgui.transfer.defence_words import defence_rows, verdict_words
from snapgui.transfer.read import SavedMatrix, read_matrix
from snapgui.transfer.words import (
    KIND_WORDS,
    area_words,
    kinds_of,
    matrix_rows,
    robust_words,
    subject_words,
)
from snapgui.words import listed


def transfer_body(summary: dict[str, Any]) -> str:
    """Every matrix of every preset, and which model is harder to fool."""
    parts = [subject_words(summary)]
    for preset in summary["presets"]:
        for kind in kinds_of(summary, preset):
            head, *lines = matrix_rows(summary, preset, kind)
            parts += [f"`{preset}`, {kind}: {KIND_WORDS[kind]}.", table(head, lines)]
        parts.append(area_words(summary, preset))
    parts.append("\n".join(f"- {sentence}." for sentence in robust_words(summary)))
    return "\n\n".join(parts)


def defence_body(summary: dict[str, Any]) -> str:
    """A table a preset with what it means."""
    parts = [subject_words(summary)]
    for preset in summary["presets"]:
        head, *lines = defence_rows(summary, preset)
        parts += [
            f"`{preset}`: metastases called normal.",
            table(head, lines),
            area_words(summary, preset),
            "\n".join(f"- {sentence}." for sentence in verdict_words(summary, preset)),
        ]
    return "\n\n".join(parts)


def section_of(saved: SavedMatrix) -> tuple[str, str, str]:
    """Name, title and body of a finished folder's section."""
    if saved.summary is None:
        raise DataError(f"{saved.folder.name} is not finished. Run its command again, it goes on.")
    kind = saved.folder.name.partition("-")[0]
    presets = listed([f"`{preset}`" for preset in saved.summary["presets"]])
    name = "-".join([kind, *saved.summary["presets"]])
    titles = {"transfer": "Transfer between models", "search": "Random search by scores alone"}
    if kind in titles:
        return name, f"{titles[kind]}: {presets}", transfer_body(saved.summary)
    model = next(iter(saved.about["models"].values()))["architecture"]
    defences = [defence for defence in saved.about["models"] if defence != "undefended"]
    name += f"-{model}-{'-'.join(defence.split()[0].lower() for defence in defences)}"
    return name, f"Defences of the {model}: {presets}", defence_body(saved.summary)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--commit", default=None, help="that made them, where it is not this one")
    parser.add_argument("--remark", default=None, help="further words on how they were made")
    parser.add_argument("--write", action="store_true", help="write the sections into benchmarks/RESULTS.md")
    args = parser.parse_args()
    for folder in args.folders:
        saved = read_matrix(folder)
        name, title, body = section_of(saved)
        facts = {
            "commit": args.commit or commit(),
            "split": str(saved.settings.split),
            "models": ", ".join(f"{n} {m['sha256'][:12]}" for n, m in saved.about["models"].items()),
            "device": saved.about["device"],
            "versions": ", ".join(f"{n} {v}" for n, v in saved.about["versions"].items()),
            **({"remark": args.remark} if args.remark else {}),
        }
        print(f"\n{title}\n\n{body}\n", flush=True)
        if args.write:
            write_section(name, title, f"{body}\n\n{provenance(sys.argv, facts)}")


if __name__ == "__main__":
    run_script(main)
