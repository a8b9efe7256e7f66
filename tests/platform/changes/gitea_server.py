"""A Gitea of this machine: built once from its Go module into the cache folder, run on loopback with SQLite in a folder of
its own. Its API needs no front end, so none is built; its templates are those of the module.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import List, Optional

from processes import Part, answers, free_port

MODULE, VERSION = "code.gitea.io/gitea", "v1.26.0"
TAGS = "sqlite,sqlite_unlock_notify"
PATIENCE_S = 30

SETTINGS = """APP_NAME = fewer
RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {folder}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = {url}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[repository]
ROOT = {folder}/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
[service]
DISABLE_REGISTRATION = true
[actions]
ENABLED = false
[log]
MODE = console
LEVEL = warn
"""


class Unavailable(Exception):
    """There is no Gitea here; says why."""


class Refused(Exception):
    """Gitea refused what the test needs."""


class Gitea:
    """A server, and what an administrator of it does."""

    def __init__(self, folder: Path, program: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._password = secrets.token_hex(12)
        self._program, self._settings = program, folder / "app.ini"
        self._environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(SETTINGS.format(
            folder=folder, port=self.port, url=self.url, static=static_folder(program), secret=secrets.token_hex(32),
        ))

    def part(self) -> Part:
        """The server as a program to start."""

        def is_ready() -> bool:
            return answers(self.port, b"GET /api/v1/version HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

        command = [str(self._program), "web", "--config", str(self._settings)]
        return Part("gitea", command, is_ready, self._environment, patience_s=60)

    def make_user(self, name: str, *options: str) -> None:
        """Makes a user; all have the same password."""
        command = [str(self._program), "--config", str(self._settings), "admin", "user", "create", *options]
        command += ["--username", name, "--password", self._password, "--email", f"{name}@localhost"]
        done = subprocess.run(
            [*command, "--must-change-password=false"], env=self._environment, capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            raise Refused(f"user {name}: {done.stdout}{done.stderr}")

    def ask(self, user: str, method: str, path: str, body: Optional[dict] = None) -> "dict | list":
        """What the API answers to a user."""
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method)
        request.add_header("authorization", "Basic " + base64.b64encode(f"{user}:{self._password}".encode()).decode())
        request.add_header("content-type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=PATIENCE_S) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error

    def token(self, user: str, *scopes: str) -> str:
        """A new token of a user."""
        body = {"name": secrets.token_hex(4), "scopes": scopes}
        return self.ask(user, "POST", f"users/{user}/tokens", body)["sha1"]

    def remote(self, user: str, project: str) -> str:
        """Where a user pushes to."""
        return f"http://{user}:{self._password}@127.0.0.1:{self.port}/{project}.git"


def installed() -> Path:
    """Gitea's program, built when it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fewer" / f"gitea-{VERSION}"
    program = cache / "gitea"
    if program.exists():
        return program
    for needed in ("go", "git", "gcc"):
        if shutil.which(needed) is None:
            raise Unavailable(f"building Gitea takes {needed}, which is not here")
    cache.mkdir(parents=True, exist_ok=True)
    print(f"building Gitea {VERSION} into {cache}; this takes minutes", flush=True)
    build(cache)
    return program


def build(cache: Path) -> None:
    """Builds Gitea as a dependency of an empty module, with the versions and the sums of its own."""
    module = json.loads(go(cache, ["mod", "download", "-json", f"{MODULE}@{VERSION}"]))
    own = Path(module["GoMod"]).read_text()
    needs = own.replace(f"module {MODULE}", "module gitea.local", 1) + f"\nrequire {MODULE} {VERSION}\n"
    (cache / "go.mod").write_text(needs)
    sums = f"{MODULE} {VERSION} {module['Sum']}\n{MODULE} {VERSION}/go.mod {module['GoModSum']}\n"
    (cache / "go.sum").write_text((Path(module["Dir"]) / "go.sum").read_text() + sums)
    go(cache, ["build", "-mod=mod", "-p", "1", "-tags", TAGS, "-o", "gitea.part", MODULE])
    (cache / "static").write_text(module["Dir"])
    (cache / "gitea.part").rename(cache / "gitea")


def static_folder(program: Path) -> Path:
    """The module's own folder, with templates and translations. It is fetched again if it was cleaned away."""
    folder = Path((program.parent / "static").read_text())
    if not folder.is_dir():
        go(program.parent, ["mod", "download", f"{MODULE}@{VERSION}"])
    return folder


def go(folder: Path, arguments: List[str]) -> str:
    """What the Go command says. It gets the time that nobody else wants."""
    command = ["nice", "-n", "19", "go", *arguments]
    environment = {**os.environ, "CGO_ENABLED": "1", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"`go {' '.join(arguments)}` failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout
