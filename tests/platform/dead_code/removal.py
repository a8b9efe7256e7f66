"""Branches that remove one function each, held against the site's own tests."""

import subprocess
import sys
from pathlib import Path

import judges
import truth
from repository import git

TEST = f"{sys.executable} -B -m unittest discover --quiet -s tests -t tests"
DONE, REFUSED = 0, 3


def passes(fewer: Path, url: str, repository: Path) -> bool:
    """Whether all functions that nobody calls can be removed, and none that is called."""
    removed = [name for name, why in judges.names(truth.DEAD).items() if why == truth.PLAIN]
    good = [is_removed(fewer, url, repository, *name) for name in removed]
    kept = [is_refused(fewer, url, repository, *name) for name in judges.names(truth.RARE)]
    print(f"removal: {sum(good)} of {len(good)} branches pass the site's tests; {sum(kept)} of {len(kept)} that are called "
          "are refused")
    return all(good) and all(kept)


def is_removed(fewer: Path, url: str, repository: Path, module: str, function: str) -> bool:
    """Whether a branch without the function passes the tests and changes its file only."""
    done = remove(fewer, url, repository, module, function, "--test", TEST)
    if done.returncode != DONE:
        print(f"  MISSED {module}.{function}: exit code {done.returncode}\n{done.stderr}")
        return False
    branch = done.stdout.split()[1]
    files = git(repository, "diff", "--name-only", "main", branch).split()
    left = git(repository, "show", f"{branch}:{path_of(module)}")
    is_gone = f"def {function.split('.')[-1]}(" not in left
    is_good = is_gone and files == [path_of(module)] and not git(repository, "status", "--porcelain")
    said = git(repository, "diff", "--shortstat", "main", branch).strip()
    print(f"  {module}.{function}:{said.partition(',')[2]}" + ("" if is_good else "  MISSED"))
    return is_good


def is_refused(fewer: Path, url: str, repository: Path, module: str, function: str) -> bool:
    """Whether a function that is called stays."""
    done = remove(fewer, url, repository, module, function)
    if done.returncode != REFUSED:
        print(f"  WRONG {module}.{function} was removed: exit code {done.returncode}")
    return done.returncode == REFUSED


def remove(
    fewer: Path, url: str, repository: Path, module: str, function: str, *options: str
) -> subprocess.CompletedProcess:
    """Asks for a branch without the function."""
    command = [str(fewer), "dead-code", "remove", f"{path_of(module)}:{function}", "--collector", url]
    command += ["--source", str(repository), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def path_of(module: str) -> str:
    """A feature's file in the repository."""
    return f"site/planted/{module}.py"
