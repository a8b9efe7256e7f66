"""The site with its features and tests as a repository of its own, as an owner has one."""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLATFORM = HERE.parent
COPIED = ("site", "tests", "attribution")


def make(folder: Path) -> Path:
    """Makes it, and returns its folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(PLATFORM / name, folder / name, ignore=ignored)
    shutil.copytree(HERE / "site" / "planted", folder / "site" / "planted", ignore=ignored)
    shutil.copy(HERE / "test_features.py", folder / "tests")
    for path in PLATFORM.glob("*.py"):
        shutil.copy(path, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Site")
    git(folder, "config", "user.email", "site@localhost")
    git(folder, "config", "commit.gpgsign", "false")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "The site with its features")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
