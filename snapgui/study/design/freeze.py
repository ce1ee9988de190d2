"""The frozen design on disk: ``design.json`` with its SHA-256, and the pictures that it names."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snapgui.errors import SettingsError
from snapgui.study.design.study import Study
from snapgui.study.records import Stimulus, StudyError
from snapgui.workspace import write_whole

FORMAT = 1
DESIGN_FILE = "design.json"
PICTURES = "stimuli"


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256; here, so that the store loads without the engine's libraries."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(values: Any) -> str:
    """The one text of some plain values: sorted names, no spaces, ASCII."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def design_text(study: Study) -> str:
    """``design.json``: the study and a SHA-256 over all of it; the pictures are part of it by their own
    hashes.
    """
    values = {"format": FORMAT, "study": study.to_json()}
    return canonical_json(values | {"sha256": sha256(canonical_json(values).encode())}) + "\n"


def read_design(text: str) -> tuple[Study, str]:
    """The study of a ``design.json`` and its SHA-256; raises StudyError where the text does not agree with
    its own hash.
    """
    try:
        values = json.loads(text)
        said = values.pop("sha256")
        if values["format"] != FORMAT:
            raise StudyError(
                f"The design is of format {str(values['format'])[:20]}; this version reads {FORMAT}. Use the "
                "version that froze it."
            )
        frozen = canonical_json(values | {"sha256": said})
        # To the letter: of a name that stands twice, programs read one value or the other.
        if sha256(canonical_json(values).encode()) != said or text.strip() != frozen:
            raise StudyError(
                "The design was changed after it was frozen: its text and its SHA-256 differ. "
                "Restore it or make a new study."
            )
        return Study.from_json(values["study"]), said
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SettingsError) as error:
        raise StudyError(
            f"This is not the design of a study ({repr(error)[:120]}). Choose a {DESIGN_FILE}."
        ) from error


def freeze(study: Study, files: Mapping[str, bytes], folder: Path) -> str:
    """Write a study's design and pictures to its folder; gives the SHA-256.

    Freezing the same again changes nothing.

    Raises:
        StudyError: another design is there already, a picture is missing or is not the one that the design
            names, or the files of the pictures differ in size.
        DataError: the place cannot be written.
    """
    text = design_text(study)
    named = {name: digest for stimulus in study.stimuli for name, digest in stimulus.files.items()}
    wrong = [name for name, digest in named.items() if name not in files or sha256(files[name]) != digest]
    if wrong:
        raise StudyError(
            f"The picture {wrong[0]} is missing or another than the design names. Make the stimuli again."
        )
    if len({len(files[stimulus.picture]) for stimulus in study.stimuli}) > 1:
        raise StudyError(
            "The pictures' files are of several sizes, which could tell them apart. Choose sources "
            "of one size for all uses."
        )
    path = folder / DESIGN_FILE
    try:
        if path.is_file():
            if path.read_text(encoding="utf-8") != text:
                raise StudyError(
                    f"{folder.name} holds a frozen design already, and this is another. Make a new "
                    "study; a frozen one stays."
                )
            return verify(folder)[1]
    except OSError as error:
        raise StudyError(
            f"The study in {folder} cannot be read ({error.strerror}). Choose another folder."
        ) from error
    pictures = {f"{PICTURES}/{name}": files[name] for name in named}
    write_whole(
        folder, pictures | {DESIGN_FILE: text.encode()}, advice="Free space or choose another workspace."
    )
    return verify(folder)[1]


def check_folder(folder: Path, study: Study) -> None:
    """Raise StudyError where a folder holds another design than a study that was read, as where it was
    changed after the first answer.
    """
    try:
        text = (folder / DESIGN_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{folder.name} holds no readable {DESIGN_FILE} "
            f"({getattr(error, 'strerror', None) or 'no text'}). Restore the study's folder."
        ) from error
    if read_design(text)[0] != study:
        raise StudyError(
            f"{DESIGN_FILE} in {folder.name} is not the design that was frozen and read: it was changed "
            "afterwards. Restore the study's folder."
        )


def verify(folder: Path) -> tuple[Study, str]:
    """The study of a folder and its SHA-256, with every picture checked; raises StudyError for whatever was
    changed or is gone.
    """
    try:
        study, digest = read_design((folder / DESIGN_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(
            f"{folder} holds no {DESIGN_FILE} ({error.strerror}). Freeze a study there first."
        ) from error
    for stimulus in study.stimuli:
        for name in stimulus.files:
            read_file(folder, stimulus, name)
    return study, digest


def read_file(folder: Path, stimulus: Stimulus, name: str) -> bytes:
    """A stimulus's picture or mask; raises StudyError if it is gone or not the frozen one."""
    try:
        data = (folder / PICTURES / name).read_bytes()
    except OSError as error:
        raise StudyError(
            f"The picture {name} of the study is gone ({error.strerror}). Restore the study's folder."
        ) from error
    if sha256(data) != stimulus.files.get(name):
        raise StudyError(
            f"The picture {name} was changed after the design was frozen. Restore it or make a new study."
        )
    return data
