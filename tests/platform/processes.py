"""Starting programs, waiting until they answer, and ending them by their pids, last started first."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

STEP_S = 0.05
STOP_S = 15
LOG_LINES = 15


class NotStarted(Exception):
    """A part ended or did not answer in time; says what its log says."""


@dataclass
class Part:
    """One program of the platform and how to know that it works."""

    name: str
    command: List[str]
    is_ready: Callable[[], bool]
    environment: Dict[str, str] = field(default_factory=dict)
    user: Optional[str] = None
    patience_s: float = 30
    is_shown: bool = False
    stop_signal: int = signal.SIGTERM


class Processes:
    """What was started, in order. As a context it ends all of it, whatever happened."""

    def __init__(self, logs: Path):
        self._logs = logs
        self._running: List["tuple[Part, subprocess.Popen]"] = []
        self._together: List[int] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *error: object) -> None:
        # A second Ctrl-C must not leave half of it running; ending is bounded in time.
        for impatience in (signal.SIGINT, signal.SIGTERM):
            signal.signal(impatience, signal.SIG_IGN)
        while self._running:
            first = self._together.pop()
            stop([(process, part.stop_signal) for part, process in self._running[first:]])
            del self._running[first:]

    def start(self, *parts: Part) -> None:
        """Starts parts side by side and returns when all are ready."""
        self.launch(*parts)
        for part in parts:
            self.wait(part)

    def launch(self, *parts: Part) -> None:
        """Starts parts and does not wait for them. What was launched together is ended together."""
        self._together.append(len(self._running))
        for part in parts:
            self._spawn(part)

    def ended(self) -> Optional[str]:
        """The name of a part that is no longer there, if there is one."""
        return next((part.name for part, process in self._running if process.poll() is not None), None)

    def has_ended(self, part: Part) -> bool:
        """Whether a launched part is no longer there."""
        return any(running is part and process.poll() is not None for running, process in self._running)

    def wait(self, part: Part) -> None:
        """Returns when a launched part is ready."""
        since = time.monotonic()
        process = next(process for running, process in self._running if running is part)
        while not part.is_ready():
            if process.poll() is not None:
                raise NotStarted(f"{part.name} ended with {process.returncode}:\n{self._last_lines(part)}")
            if time.monotonic() - since > part.patience_s:
                raise NotStarted(f"{part.name} did not answer in {part.patience_s:.0f} s:\n{self._last_lines(part)}")
            time.sleep(STEP_S)

    def _spawn(self, part: Part) -> None:
        with open(self._log(part), "ab") as log:
            out = None if part.is_shown else log
            process = subprocess.Popen(
                _as_user(part.user, part.stop_signal) + part.command,
                env={**clean_environment(), **part.environment},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", start_new_session=True,
            )
        self._running.append((part, process))

    def _log(self, part: Part) -> Path:
        return self._logs / f"{part.name}.log"

    def _last_lines(self, part: Part) -> str:
        lines = self._log(part).read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(f"  {line}" for line in lines)


def stop(processes: "list[tuple[subprocess.Popen, int]]") -> None:
    """Asks processes to end, and ends those, with what they started, that do not."""
    for process, how in processes:
        if process.poll() is None:
            process.send_signal(how)
    end_s = time.monotonic() + STOP_S
    for process, _ in processes:
        try:
            process.wait(max(0.0, end_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(command: List[str], log: Path, environment: Dict[str, str], user: Optional[str] = None) -> None:
    """Runs a program to its end."""
    with open(log, "ab") as out:
        done = subprocess.run(
            _as_user(user) + command, env={**clean_environment(), **environment},
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", check=False,
        )
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        raise NotStarted(f"{command[0]} ended with {done.returncode}:\n" + "\n".join(f"  {line}" for line in lines))


def clean_environment() -> Dict[str, str]:
    """What every part gets of this process's environment."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "FEWER_DISABLED") if name in os.environ}
    return {"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **kept}


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, question: bytes, expected: bytes) -> bool:
    """Whether what listens on a port of loopback says what it should."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(question)
            return expected in connection.recv(4096)
    except OSError:
        return False


def _as_user(user: Optional[str], last_signal: int = signal.SIGTERM) -> List[str]:
    """Ends with this process, even if that is killed, and runs as another user if root asks for one."""
    command = ["setpriv", "--pdeathsig", signal.Signals(last_signal).name[3:]]
    if user is not None and os.geteuid() == 0:
        command += ["--reuid", user, "--regid", user, "--clear-groups"]
    return command + ["--"]
