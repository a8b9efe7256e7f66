"""Puts `fewer check` and `fewer publish` to a real Gitea: five pushes to a pull request, and what goes wrong beside them.

    gitea.py --fewer PATH

Five pushes have to be one comment that is updated in place, and a concluded status on each commit. Then: the same commit
again, a comment of somebody else that looks like ours, tokens without rights, a rate limit, answers that are lost, a commit
that is no longer the newest, and a closed request. Gitea is built from its Go module the first time, which takes minutes;
where that is not possible, the test says so and is skipped. Any Python from 3.8 on will do.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from gitea_server import Gitea, Unavailable, installed  # noqa: E402
from lossy import Fault, Lossy  # noqa: E402
from processes import Processes  # noqa: E402

OWNER, BOT, STRANGER = "site", "fewer-bot", "stranger"
PROJECT = f"{OWNER}/feed"
PASS, FAIL, NO_VERDICT = 0, 1, 3
MARKER = f"<!-- fewer check {PROJECT} fewer -->"

WORK = "import sys\nsum(step * step for step in range({steps}))\nsys.exit({code})\n"
BENCHMARK = [sys.executable, "work.py"]


class Push(NamedTuple):
    """What is pushed, and what has to come of it."""

    files: Tuple[Tuple[str, str], ...]
    code: int
    state: str
    says: str


def work(steps: int, code: int = 0) -> Tuple[Tuple[str, str], ...]:
    """The program, as dear as that."""
    return (("work.py", WORK.format(steps=steps, code=code)),)


STEPS = 1_500_000
ACKNOWLEDGED = '[[acknowledged]]\nowner = "@feed"\nreason = "it pays"\nexpires = "2999-12-31"\nat_most_percent = 900.0\n'
PUSHES = (
    Push(work(3 * STEPS), FAIL, "failure", "**Fail: +"),
    Push(work(4 * STEPS), FAIL, "failure", "**Fail: +"),
    Push(((".fewer/acknowledged.toml", ACKNOWLEDGED),), PASS, "success", "Pass, acknowledged"),
    Push(work(STEPS, code=4), NO_VERDICT, "success", "No verdict: on the candidate, `"),
    Push((*work(3 * STEPS), (".fewer/acknowledged.toml", "")), FAIL, "failure", "**Fail: +"),
)


class Request:
    """A pull request, its repository here, and the jobs that run for it."""

    def __init__(self, gitea: Gitea, fewer: Path, folder: Path, branch: str):
        self.gitea, self.fewer, self.branch = gitea, fewer, branch
        self.folder, self.report = folder / "feed", folder / f"{branch}.json"
        self._event = folder / f"{branch}-event.json"
        self.git("checkout", "--quiet", "-b", branch, "main")
        self.commit((("README.md", branch),))
        title = {"title": branch, "head": branch, "base": "main"}
        self.number = gitea.ask(OWNER, "POST", f"repos/{PROJECT}/pulls", title)["number"]

    def commit(self, files: Tuple[Tuple[str, str], ...]) -> str:
        """Commits and pushes; returns the hash."""
        for name, text in files:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", f"Change {self.branch}")
        self.git("push", "--quiet", "origin", self.branch)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """What git says."""
        return git(self.folder, *arguments)

    def job(self, token: str, *arguments: str, url: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
        """Runs fewer as a job of Gitea's runner does."""
        pull = self.gitea.ask(OWNER, "GET", f"repos/{PROJECT}/pulls/{self.number}")
        self._event.write_text(json.dumps({"pull_request": pull, "number": self.number}))
        server = url or self.gitea.url
        foreign = ("GITHUB_", "GITLAB_", "GITEA_", "FEWER_", "CI")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        environment.update({
            "GITHUB_API_URL": f"{server}/api/v1", "GITHUB_SERVER_URL": server, "GITHUB_REPOSITORY": PROJECT,
            "GITHUB_EVENT_PATH": str(self._event), "GITHUB_RUN_ID": "7", "FEWER_FORGE_TOKEN": token,
        })
        command = [str(self.fewer), *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def check(self, token: str) -> "subprocess.CompletedProcess[str]":
        """Measures what was pushed last, and publishes it."""
        options = ["--base", "main", "--rounds", "4", "-F", "299", "--must-show", "90", "--report", str(self.report)]
        return self.job(token, "check", *options, "--publish", "gitea", "--", *BENCHMARK)

    def publish(self, token: str, url: Optional[str] = None, *more: str) -> "subprocess.CompletedProcess[str]":
        """Publishes what was measured last."""
        return self.job(token, "publish", str(self.report), "--forge", "gitea", *more, url=url)

    def comments(self) -> List[dict]:
        """Those of the bot."""
        found = self.gitea.ask(OWNER, "GET", f"repos/{PROJECT}/issues/{self.number}/comments")
        return [comment for comment in found if comment["user"]["login"] == BOT]

    def statuses(self, commit: str) -> List[dict]:
        """All that was ever said of a commit."""
        return self.gitea.ask(OWNER, "GET", f"repos/{PROJECT}/commits/{commit}/statuses")

    def combined(self, commit: str) -> str:
        """What Gitea makes of it: the state that protects a branch."""
        return self.gitea.ask(OWNER, "GET", f"repos/{PROJECT}/commits/{commit}/status")["state"]


def main() -> int:
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fewer", type=Path, required=True, help="the program `fewer`")
    options = parser.parse_args()
    try:
        program = installed()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory(prefix="fewer-gitea-") as name:
        folder = Path(name)
        gitea = Gitea(folder / "gitea", program)
        with Processes(folder) as processes:
            processes.start(gitea.part())
            make_project(gitea, folder)
            results = [judge(gitea, options.fewer.resolve(), folder) for judge in JUDGES]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def make_project(gitea: Gitea, folder: Path) -> None:
    """A project with a bot that may write and somebody who may only read."""
    gitea.make_user(OWNER, "--admin")
    gitea.make_user(BOT)
    gitea.make_user(STRANGER)
    gitea.ask(OWNER, "POST", "user/repos", {"name": "feed"})
    gitea.ask(OWNER, "PUT", f"repos/{PROJECT}/collaborators/{BOT}", {"permission": "write"})
    here = folder / "feed"
    here.mkdir()
    git(here, "init", "--quiet", "--initial-branch=main")
    git(here, "remote", "add", "origin", gitea.remote(OWNER, PROJECT))
    (here / "work.py").write_text(WORK.format(steps=STEPS, code=0))
    git(here, "add", "-A")
    git(here, "commit", "--quiet", "-m", "The program")
    git(here, "push", "--quiet", "origin", "main")


def git(folder: Path, *arguments: str) -> str:
    """What git says. What Gitea says to a push is for people."""
    author = ["-c", "user.name=Site", "-c", "user.email=site@localhost", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *author, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


def documented(gitea: Gitea) -> str:
    """A token with the scopes that docs/pull-requests.md asks for."""
    return gitea.token(BOT, "write:issue", "write:repository")


def told(name: str, wrong: List[str], *outputs: "subprocess.CompletedProcess[str]") -> bool:
    """Prints what one part came to; true when nothing is wrong."""
    print(f"== {name}: {'; '.join(wrong) or 'as it should be'}", flush=True)
    for output in outputs if wrong else ():
        print(f"   exit code {output.returncode}\n{output.stdout[-2000:]}{output.stderr[-2000:]}")
    return not wrong


def unmet(cases: "dict[str, bool]") -> List[str]:
    """What was expected and is not so."""
    return [what for what, is_so in cases.items() if not is_so]


def five_pushes(gitea: Gitea, fewer: Path, folder: Path) -> bool:
    """One comment, updated in place, and a status on each commit; the stranger's comment stays as it was."""
    request = Request(gitea, fewer, folder, "five")
    fake = {"body": f"{MARKER}\nall is well"}
    gitea.ask(STRANGER, "POST", f"repos/{PROJECT}/issues/{request.number}/comments", fake)
    token = documented(gitea)
    wrong, ids, done = [], set(), None
    for at, push in enumerate(PUSHES, 1):
        commit = request.commit(push.files)
        done = request.check(token)
        comments, statuses = request.comments(), request.statuses(commit)
        ids.update(comment["id"] for comment in comments)
        body = comments[0]["body"] if comments else ""
        found = [status["status"] for status in statuses]
        first = done.stderr.strip().splitlines()[-2:]
        print(f"   push {at}: exit code {done.returncode}, statuses {found}, {len(comments)} comment: {'; '.join(first)}", flush=True)
        wrong += [f"push {at}: {what}" for what in unmet({
            f"exit code {push.code}": done.returncode == push.code,
            f"one status, {push.state}": found == [push.state] and request.combined(commit) == push.state,
            "one comment": len(comments) == 1 and body.startswith(MARKER),
            f"it says {push.says}": push.says in body,
        })]
    request.publish(token)
    again = request.publish(token)
    everybody = gitea.ask(OWNER, "GET", f"repos/{PROJECT}/issues/{request.number}/comments")
    theirs = [comment["body"] for comment in everybody if comment["user"]["login"] == STRANGER]
    wrong += unmet({
        "the same comment each time": len(ids) == 1,
        "nothing more when it is said again": again.stderr.count("unchanged") == 2 and len(request.comments()) == 1,
        "one status after it is said again": len(request.statuses(commit)) == 1,
        "the stranger's comment untouched": theirs == [fake["body"]],
    })
    return told("five pushes", wrong, done, again)


def quick(gitea: Gitea, fewer: Path, folder: Path, branch: str) -> "tuple[Request, str]":
    """A request with a report of the first one to publish, and its newest commit."""
    request = Request(gitea, fewer, folder, branch)
    report = json.loads((folder / "five.json").read_text())
    report.pop("pull_request", None)
    request.report.write_text(json.dumps(report))
    return request, request.git("rev-parse", "HEAD")


def rights(gitea: Gitea, fewer: Path, folder: Path) -> bool:
    """Tokens that may not write: the right is named, nothing is posted, and the verdict stays what it is."""
    request, commit = quick(gitea, fewer, folder, "rights")
    cases = (
        (gitea.token(BOT, "read:issue", "read:repository"), ("`write:repository`", "`write:issue`")),
        (gitea.token(BOT, "write:issue", "read:repository"), ("`write:repository`",)),
        (gitea.token(STRANGER, "write:issue", "write:repository"), ("`write:repository`",)),
        ("0" * 40, ("`write:repository`", "`read:repository`")),
    )
    wrong, done = [], None
    for at, (token, named) in enumerate(cases, 1):
        done = request.publish(token)
        wrong += [f"token {at}: {what}" for what in unmet({
            "exit code 3": done.returncode == NO_VERDICT,
            "the right is named": all(right in done.stderr for right in named),
            "no status": not request.statuses(commit),
        })]
    request.commit(work(3 * STEPS))
    checked = request.check(cases[0][0])
    wrong += unmet({"the verdict is not changed": checked.returncode == FAIL, "no comment": not request.comments()})
    return told("tokens without rights", wrong, done, checked)


def faults(gitea: Gitea, fewer: Path, folder: Path) -> bool:
    """Limits and failures that pass are waited for, and what was done unnoticed is not done again."""
    post, status = f"/api/v1/repos/{PROJECT}/issues/", f"/api/v1/repos/{PROJECT}/statuses/"
    passing = [
        [Fault("POST", post, 429, (("retry-after", "1"),)), Fault("POST", status, 503)],
        [Fault("POST", post, 502, is_done=True), Fault("POST", status, 502, is_done=True)],
        [Fault("POST", post, 0, is_done=True), Fault("GET", post, 500)],
    ]
    token, wrong, done = documented(gitea), [], None
    for at, orders in enumerate(passing, 1):
        request, commit = quick(gitea, fewer, folder, f"passing{at}")
        with Lossy(gitea.port, orders) as lossy:
            done = request.publish(token, lossy.url)
        wrong += [f"faults {at}: {what}" for what in unmet({
            "published": done.returncode == 0, "all faults struck": not lossy.orders,
            "one status and one comment": (len(request.statuses(commit)), len(request.comments())) == (1, 1),
        })]
    request, commit = quick(gitea, fewer, folder, "lasting")
    with Lossy(gitea.port, [Fault("POST", post, 429, (("retry-after", "3600"),))]) as lossy:
        done = request.publish(token, lossy.url)
    wrong += unmet({
        "exit code 3 when it lasts": done.returncode == NO_VERDICT, "it says so": "asks to wait for 3600 s" in done.stderr,
        "the status is there": len(request.statuses(commit)) == 1, "no comment": not request.comments(),
    })
    return told("rate limits and failures", wrong, done)


def silence(gitea: Gitea, fewer: Path, folder: Path) -> bool:
    """A commit that is no longer the newest, and a request that is closed, get a status and no comment."""
    request, old = quick(gitea, fewer, folder, "silence")
    request.commit((("README.md", "newer"),))
    token = documented(gitea)
    stale = request.publish(token, None, "--commit", old)
    gitea.ask(OWNER, "PATCH", f"repos/{PROJECT}/pulls/{request.number}", {"state": "closed"})
    closed = request.publish(token)
    wrong = unmet({
        "silent about an old commit": "newest commit is another one" in stale.stderr,
        "silent when closed": "it is closed" in closed.stderr,
        "a status all the same": len(request.statuses(old)) == 1,
        "no comment": not request.comments(),
    })
    return told("old commits and closed requests", wrong, stale, closed)


JUDGES: Tuple[Callable[[Gitea, Path, Path], bool], ...] = (five_pushes, rights, faults, silence)

if __name__ == "__main__":
    sys.exit(main())
