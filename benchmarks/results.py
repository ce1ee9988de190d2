"""`RESULTS.md`: each script keeps its own section between two markers and leaves the others alone."""

import datetime
import functools
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = (
    "# Results\n\nEvery section was written by the script that its command names; numbers are not "
    "edited by hand.\n"
)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)


def shown_command(argv: Sequence[str]) -> str:
    """The command as a reader would type it: folders that only this machine has are left out of its paths."""
    words = [Path(word).name if "/" in word or os.sep in word else word for word in argv[1:]]
    return shlex.join(["python", f"benchmarks/{Path(argv[0]).name}", *words])


@functools.cache
def commit() -> str:
    """The commit that runs, with a mark where files differ from it, other than the results themselves."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        folder = str(RESULTS.parent)
        return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)

    found = git("describe", "--always", "--abbrev=12", "--exclude=*").stdout.strip()
    if not found:
        return "unknown"
    changed = git("diff", "--quiet", "HEAD", "--", ":(top)", f":(exclude){RESULTS.name}").returncode
    return f"{found}-dirty" if changed else found


def provenance(argv: Sequence[str], facts: dict[str, str]) -> str:
    """When, with what, by which commit (unless the facts name another) and on what: one list item each."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return "\n".join(
        f"- {name}: {value}"
        for name, value in {
            "date": today,
            "command": f"`{shown_command(argv)}`",
            "commit": commit(),
            **facts,
        }.items()
    )


def replace_section(text: str, name: str, body: str) -> str:
    """The text with the section of that name replaced, or added at the end where there is none.

    Raises:
        ValueError: the section starts and does not end.
    """
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    section = f"{start}\n{body.strip()}\n{end}"
    before, found, rest = text.partition(start)
    if not found:
        return f"{text.rstrip()}\n\n{section}\n"
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"The section {name} starts and does not end. Put “{end}” where it ended.")
    return before + section + after


def write_section(name: str, title: str, body: str, path: Path = RESULTS) -> None:
    """Write the section of one script into the file, in one move."""
    text = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    text = replace_section(text, name, f"## {title}\n\n{body}")
    new = path.with_suffix(".tmp")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
