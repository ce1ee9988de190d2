import subprocess
import sys
import threading
from pathlib import Path

import pytest

from snapgui.errors import DataError
from snapgui.workspace import write_whole, writing_beside

ADVICE = "Free space."


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_and_a_folder_of_files(tmp_path: Path) -> None:
    write_whole(tmp_path / "one", b"1", advice=ADVICE)
    write_whole(tmp_path / "one", b"2", advice=ADVICE)
    write_whole(tmp_path / "new" / "folder", {"deep/a": b"a", "b": b"b"}, advice=ADVICE)
    assert contents(tmp_path) == {"one": b"2", "new/folder/deep/a": b"a", "new/folder/b": b"b"}


def test_a_folder_that_exists_keeps_its_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    write_whole(tmp_path, {"a": b"1", "last": b"1"}, advice=ADVICE)
    write_whole(tmp_path, {"a": b"2", "last": b"2"}, advice=ADVICE)
    assert contents(tmp_path) == {"mine": b"mine", "a": b"2", "last": b"2"}


def test_a_writer_that_is_killed_leaves_no_folder_that_looks_whole(tmp_path: Path, monkeypatch) -> None:
    """Half of the new files beside half of the old ones must not have the file that says: all there."""
    folder = tmp_path / "folder"
    write_whole(folder, {"a": b"old", "b": b"old", "last": b"old"}, advice=ADVICE)
    rename, done = Path.replace, []

    def die_at_second(self: Path, target: Path) -> Path:
        done.append(target)
        if len(done) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", die_at_second)
    with pytest.raises(KeyboardInterrupt):
        write_whole(folder, {"a": b"new", "b": b"new", "last": b"new"}, advice=ADVICE)
    assert contents(folder) == {"a": b"new", "b": b"old"}


def test_a_full_disk_changes_nothing_and_ends_with_the_advice(tmp_path: Path, monkeypatch) -> None:
    files = {"a": b"old", "last": b"old"}
    write_whole(tmp_path / "folder", files, advice=ADVICE)
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if data == b"new":
            write(self, data[:1])
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    for target, content in (
        (tmp_path / "folder", {"a": b"1", "last": b"new"}),
        (tmp_path / "folder" / "a", b"new"),
        (tmp_path / "other", {"a": b"1", "last": b"new"}),
    ):
        with pytest.raises(DataError, match=r"cannot be written \(No space left on device\)\. Free space\.$"):
            write_whole(target, content, advice=ADVICE)
    assert contents(tmp_path) == {f"folder/{name}": data for name, data in files.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_writers_at_once_never_take_each_others_half_written_files(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def write(letter: bytes) -> None:
        try:
            for _ in range(60):
                write_whole(tmp_path / "file", letter * 1000, advice=ADVICE)
                with writing_beside(tmp_path / "large") as path:
                    path.write_bytes(letter * 1000)
                write_whole(tmp_path / "folder", {"a": letter, "last": letter}, advice=ADVICE)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"x", b"y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert set(contents(tmp_path)) == {"file", "large", "folder/a", "folder/last"}
    assert contents(tmp_path)["file"] in (b"x" * 1000, b"y" * 1000)


def test_a_file_cut_short_by_the_system_leaves_the_old_one(tmp_path: Path) -> None:
    """A real limit of the system on the size of files, in a process of its own."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom snapgui.workspace import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_whole(Path(sys.argv[1]), bytes(100_000), advice='Free space.')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("DataError") and done.stdout.strip().endswith("Free space."), done.stderr
    assert contents(tmp_path) == {"file": b"old"}
