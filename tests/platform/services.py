"""The parts of the platform: PostgreSQL, memcached, RabbitMQ, two web servers over one site, and the Celery worker.

Everything listens on loopback, on ports that were free, keeps its files in one temporary folder, and is no system
service.
"""

import glob
import os
import secrets
import signal
import sys
from pathlib import Path

from processes import Part, Processes, answers, free_port, run

SITE = Path(__file__).resolve().parent / "site"
WORKERS = 2

# Data services refuse to run as root, or should; the Debian package of PostgreSQL makes this user.
UNPRIVILEGED = "postgres"


class Platform:
    """Where everything is: folder, ports and the environment of the site's processes."""

    package = "photos"

    def __init__(self, folder: Path):
        self.folder = folder
        self.logs = _made(folder / "logs")
        self.worklog = _made(folder / "worklog")
        self.ports = {name: free_port() for name in ("postgresql", "memcached", "epmd", "rabbitmq", "erlang")}
        self.servers = {name: free_port() for name in ("feed-gunicorn", "feed-uwsgi")}
        self._password = secrets.token_hex(8)
        self._data = _made(folder / "data")
        folder.chmod(0o755)
        if os.geteuid() == 0:
            import pwd

            entry = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self._data, entry.pw_uid, entry.pw_gid)

    def start(self, processes: Processes, servers: "list[str]") -> None:
        """Starts everything and fills the database."""
        self._make_cluster()
        processes.start(self._postgresql(), self._memcached(), self._epmd())
        # RabbitMQ takes longest, so the database is filled meanwhile.
        rabbitmq = self._rabbitmq()
        processes.launch(rabbitmq)
        self._seed()
        processes.wait(rabbitmq)
        makers = {"feed-gunicorn": self._gunicorn, "feed-uwsgi": self._uwsgi}
        processes.start(self._celery(), *(makers[name]() for name in servers))

    def environment(self, service: str) -> "dict[str, str]":
        """What a process of the site needs to know."""
        return {
            "DJANGO_SETTINGS_MODULE": "photos.settings",
            "PYTHONPATH": str(SITE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OTEL_SERVICE_NAME": service,
            "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.0,deployment.environment.name=demo",
            "PHOTOS_DATABASE_PORT": str(self.ports["postgresql"]),
            "PHOTOS_DATABASE_PASSWORD": self._password,
            "PHOTOS_MEMCACHED_PORT": str(self.ports["memcached"]),
            "PHOTOS_BROKER": f"amqp://guest:guest@127.0.0.1:{self.ports['rabbitmq']}//",
            "PHOTOS_FILES": str(_made(self.folder / "files")),
            "PHOTOS_WORKLOG": str(self.worklog),
        }

    # -- PostgreSQL

    def _make_cluster(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        secret.chmod(0o644)
        initdb = [_postgresql("initdb"), "-D", str(self._data / "postgresql"), "-U", "photos", "-E", "UTF8"]
        options = ["--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}"]
        run(initdb + options, self.logs / "initdb.log", {}, UNPRIVILEGED)
        secret.unlink()

    def _postgresql(self) -> Part:
        port = self.ports["postgresql"]
        settings = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": self._data,
            "fsync": "off", "shared_buffers": "64MB", "max_connections": 40, "jit": "off",
        }
        command = [_postgresql("postgres"), "-D", str(self._data / "postgresql")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # An SSL request is answered by one byte as soon as the server takes connections.
        def is_ready() -> bool:
            return answers(port, b"\0\0\0\x08\x04\xd2\x16\x2f", b"N")

        # SIGINT is its "fast" way to stop: it does not wait for clients.
        return Part("postgresql", command, is_ready, user=UNPRIVILEGED, stop_signal=signal.SIGINT)

    def _seed(self) -> None:
        log = self.logs / "seed.log"
        port = str(self.ports["postgresql"])
        createdb = [_postgresql("createdb"), "-h", "127.0.0.1", "-p", port, "-U", "photos", "photos"]
        run(createdb, log, {"PGPASSWORD": self._password})
        run([sys.executable, "-m", "photos.seed"], log, self.environment("seed"))

    # -- memcached

    def _memcached(self) -> Part:
        port = self.ports["memcached"]
        command = [_program("memcached"), "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "64", "-t", "2"]
        return Part("memcached", command, lambda: answers(port, b"mn\r\n", b"MN"), user=UNPRIVILEGED)

    # -- RabbitMQ

    def _epmd(self) -> Part:
        """Erlang's name service. A node would start one that outlives it."""
        port = self.ports["epmd"]
        command = [_program("epmd"), "-address", "127.0.0.1", "-port", str(port)]
        return Part("epmd", command, lambda: answers(port, b"\0\x01n", b""), user=UNPRIVILEGED)

    def _rabbitmq(self) -> Part:
        folder = str(self._data / "rabbitmq")
        port = self.ports["rabbitmq"]
        environment = {
            "HOME": str(self._data),
            "RABBITMQ_NODENAME": "photos@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(self.ports["erlang"]),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": f"{folder}-logs",
            "RABBITMQ_LOGS": "-",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{folder}-none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}-no-plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}-config",
            "RABBITMQ_PID_FILE": f"{folder}.pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.ports["epmd"]),
        }

        def is_ready() -> bool:
            return answers(port, b"AMQP\0\0\x09\x01", b"cluster_name")

        command = ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
        return Part("rabbitmq", command, is_ready, environment, UNPRIVILEGED, patience_s=90)

    # -- the site

    def _gunicorn(self) -> Part:
        port = self.servers["feed-gunicorn"]
        options = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--preload"]
        command = [sys.executable, "-m", "gunicorn", *options, f"{self.package}.wsgi"]
        return self._server("feed-gunicorn", command)

    def _uwsgi(self) -> Part:
        port = self.servers["feed-uwsgi"]
        options = ["--http-socket", f"127.0.0.1:{port}", "--master", "--processes", str(WORKERS), "--need-app"]
        options += ["--enable-threads", "--die-on-term", "--disable-logging", "--module", f"{self.package}.wsgi"]
        return self._server("feed-uwsgi", [str(Path(sys.executable).with_name("uwsgi")), *options])

    def _server(self, name: str, command: "list[str]") -> Part:
        port = self.servers[name]

        def is_ready() -> bool:
            return answers(port, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")

        return Part(name, command, is_ready, self.environment(name))

    def _celery(self) -> Part:
        log = self.logs / "celery.log"
        options = ["--pool", "prefork", "--concurrency", str(WORKERS), "--loglevel", "INFO"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [sys.executable, "-m", "celery", "-A", f"{self.package}.worker", "worker", *options, *quiet]
        return Part(
            "celery", command, lambda: b" ready." in log.read_bytes(),
            {**self.environment("thumbnails"), "C_FORCE_ROOT": "1"},
        )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _postgresql(name: str) -> str:
    return sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[-1]


def _program(name: str) -> str:
    folders = os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/usr/bin"]
    return next(path for folder in folders if os.access(path := os.path.join(folder, name), os.X_OK))
