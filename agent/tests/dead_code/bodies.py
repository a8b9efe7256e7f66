"""Loads a module from the file of its first argument; runs what is in it for every line that it hears."""

import json
import sys
import types

path = sys.argv[1]
with open(path) as file:
    source = file.read()
module = types.ModuleType("shapes")
exec(compile(source, path, "exec"), module.__dict__)


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


say(ready=True)
for _ in iter(sys.stdin.buffer.raw.readline, b""):
    for _ in range(200):
        module.run_all()
    say(ran=True)
