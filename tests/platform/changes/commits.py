"""Commits to the site: one that makes the feed dearer behind a flag, and harmless ones, in a repository of their own."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import List, NamedTuple, Tuple

HERE = Path(__file__).resolve().parent
SITE = HERE.parent / "site"

RANKING = "site/photos/ranking.py"

# Pairs of a second and a half each: the benchmark is short, and so is a reviewer's patience.
ROUNDS = "20"


class Commit(NamedTuple):
    """A change of one file: what is replaced by what."""

    name: str
    file: str
    replaced: Tuple[Tuple[str, str], ...]


# The new ranker, which half of all members have, looks at one more thing of each candidate: for the feed as a whole
# about 5 % more CPU.
FRESHNESS = '''

def _freshness(photo):
    """How new a photo is, as a sum over its days."""
    return sum(1 / (1 + photo["pk"] + day) for day in range(DAYS))
'''
DEARER = Commit(
    "dearer", RANKING,
    (
        ("BUCKETS = 97\n", "BUCKETS = 97\nDAYS = 55\n"),
        (
            "key=lambda photo: (-scores[photo[\"pk\"]], photo[\"pk\"]))\n",
            "key=lambda photo: (-scores[photo[\"pk\"]], -_freshness(photo)))\n" + FRESHNESS,
        ),
    ),
)
DEARER_FUNCTIONS = ("by_interest", "_freshness")

HARMLESS = (
    Commit("comment", RANKING, (('"""The most liked first."""', '"""The most liked first, then the newest."""'),)),
    Commit("moved", "site/photos/images.py", (("import", "# Sizes are those of the pages.\nimport"),)),
    Commit("unused", "site/photos/viewer.py", (("def ", "def _unused():\n    return None\n\n\ndef "),)),
    Commit("imported", "site/photos/seed.py", (("import", "import abc\nimport"),)),
)


class Repository:
    """The site as a repository of its own, with a branch for each commit."""

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.copytree(SITE, folder / "site", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "bench_feed.py", folder)
        (folder / "CODEOWNERS").write_text("/site/photos/ranking.py @ranking\n")
        self._git("init", "--quiet", "--initial-branch=main")
        self._commit("The site")

    def branch(self, commit: Commit) -> None:
        """Makes a branch with one commit."""
        self._git("checkout", "--quiet", "-b", commit.name, "main")
        path = self.folder / commit.file
        text = path.read_text()
        for old, new in commit.replaced:
            if old not in text:
                raise SystemExit(f"{commit.file} has no {old!r}")
            text = text.replace(old, new, 1)
        path.write_text(text)
        self._commit(f"Change {commit.file}")
        self._git("checkout", "--quiet", "main")

    def worktree(self, name: str) -> Path:
        """A checkout of a branch, beside the repository."""
        folder = self.folder.parent / name
        self._git("worktree", "add", "--quiet", str(folder), name)
        return folder

    def _commit(self, message: str) -> None:
        self._git("add", "-A")
        author = ["-c", "user.name=Site", "-c", "user.email=site@localhost", "-c", "commit.gpgsign=false"]
        self._git(*author, "commit", "--quiet", "-m", message)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.folder), *arguments], check=True)


def environment() -> "dict[str, str]":
    """Where children find Python's packages, and nothing that the caller's shell says of continuous integration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "GITLAB_", "CI"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def check_command(fewer: Path, branch: str, benchmark: List[str], options: List[str]) -> List[str]:
    """The check of a branch with the site's benchmark."""
    command = [str(fewer), "check", "--base", "main", "--head", branch, "--json", "--rounds", ROUNDS]
    return [*command, *options, "--", *benchmark]
