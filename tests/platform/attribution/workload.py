"""Requests that burn a known amount of CPU, under one way of running them.

    workload.py threads|asyncio|gevent|gunicorn|uwsgi|embedded --seconds 20 --log FOLDER

Run it under `fewer record`; confusion.py then reads what was recorded. It ends by itself.
"""

import argparse
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = 6
WORKERS = 2
EMBEDDING = "/usr/bin/uwsgi_python3"
PIECES = 4
CPU_US = (500, 4000)
# Whoever records has found the program by then, however busy the machine is.
FOUND_AFTER_S = 2


def choices(number, seconds):
    """What client ``number`` asks for, from its own seed, until its part of the CPU time is burnt."""
    import burning

    chance = random.Random(number)
    left_us = seconds * 1e6 / CLIENTS
    while left_us > 0:
        kind, cpu_us = chance.choice(burning.KINDS), chance.randint(*CPU_US)
        left_us -= cpu_us
        yield kind, cpu_us


def threads(seconds, log):
    """Requests on several threads of one process, which take turns holding the interpreter's lock."""
    import burning
    import fewer

    time.sleep(FOUND_AFTER_S)

    def work(number):
        for kind, cpu_us in choices(number, seconds):
            with fewer.request(kind[0]):
                burning.handle(kind, cpu_us * 1000, log)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def asyncio(seconds, log):
    """Requests as tasks of one event loop; each gives way to the others between its pieces."""
    import asyncio as loop

    import burning
    import fewer

    time.sleep(FOUND_AFTER_S)

    async def work(number):
        for kind, cpu_us in choices(number, seconds):
            async with fewer.request(kind[0]):
                for _ in range(PIECES):
                    burning.handle(kind, cpu_us * 1000 // PIECES, log)
                    await loop.sleep(0)

    async def everyone():
        await loop.gather(*(work(number) for number in range(CLIENTS)))

    loop.run(everyone())


def gevent(seconds, log):
    """Requests as greenlets of one thread; each gives way to the others between its pieces."""
    import gevent as green

    import burning
    import fewer

    time.sleep(FOUND_AFTER_S)

    def work(number):
        for kind, cpu_us in choices(number, seconds):
            with fewer.request(kind[0]):
                for _ in range(PIECES):
                    burning.handle(kind, cpu_us * 1000 // PIECES, log)
                    green.sleep(0)

    green.joinall([green.spawn(work, number) for number in range(CLIENTS)])


def gunicorn(seconds, log):
    """Requests to workers that gunicorn forked from a process that had loaded everything."""
    port = _free_port()
    options = ["--bind", "127.0.0.1:%d" % port, "--workers", str(WORKERS), "--preload", "--log-level", "warning"]
    _serve([sys.executable, "-m", "gunicorn", *options, "served"], port, seconds)


def uwsgi(seconds, log):
    """The same with uWSGI, which forks in C, behind the interpreter's back."""
    _serve_with_uwsgi([str(Path(sys.executable).with_name("uwsgi"))], seconds)


def embedded(seconds, log):
    """uWSGI as Debian builds it: a program without Python that loads libpython as part of a plug-in."""
    import fewer

    _serve_with_uwsgi([EMBEDDING, "--pythonpath", str(Path(fewer.__file__).parent.parent)], seconds)


MODES = {mode.__name__: mode for mode in (threads, asyncio, gevent, gunicorn, uwsgi, embedded)}


def _serve_with_uwsgi(program, seconds):
    port = _free_port()
    options = ["--http-socket", "127.0.0.1:%d" % port, "--master", "--processes", str(WORKERS), "--need-app"]
    _serve([*program, *options, "--die-on-term", "--disable-logging", "--module", "served"], port, seconds)


def _serve(command, port, seconds):
    with open(os.path.join(os.environ["BURNING_LOG"], "server.log"), "wb") as log:
        server = subprocess.Popen(command, cwd=str(HERE), stdout=log, stderr=log)
    try:
        _wait_for(port, server)
        time.sleep(FOUND_AFTER_S)
        clients = [threading.Thread(target=_ask, args=(number, port, seconds)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        time.sleep(1)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _ask(number, port, seconds):
    for (endpoint, variant), cpu_us in choices(number, seconds):
        method, path = endpoint.split()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, "%s?variant=%s&cpu_us=%d" % (path, variant, cpu_us), headers={"Content-Length": "0"})
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise SystemExit("%s answered %d" % (path, status))


def _wait_for(port, server):
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("the server ended with %d" % server.returncode)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not listen in 30 s")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    """Carries out the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=sorted(MODES))
    parser.add_argument("--seconds", type=float, default=20, help="CPU time that requests burn")
    parser.add_argument("--log", required=True)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    os.environ["BURNING_LOG"] = options.log
    import burning

    log = burning.Log(options.log)
    MODES[options.mode](min(options.seconds, 600), log)
    if options.mode in ("threads", "asyncio", "gevent"):
        log.write()


if __name__ == "__main__":
    main()
