"""A process with all of Django in it, which knows its own code objects: what names.py holds the scan against.

    django_process.py MEGABYTES

Prints, as one line of JSON, its id and every function it can reach: name, file and first line. Ends with its input.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys
import types

RECORD_BYTES = 700
# What needs a driver or a library that is not there.
LEFT_OUT = ("django.contrib.gis", "django.db.backends.oracle", "django.db.backends.mysql")


def import_all(package):
    """Imports a package and all below it, as far as that is possible here."""
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        if not found.name.startswith(LEFT_OUT) and not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except Exception:  # noqa: BLE001
                continue


def code_objects():
    """Every code object that a function, or the constants of another, leads to. Django has objects that only look so."""
    found = {}
    left = [one.__code__ for one in gc.get_objects() if type(one) is types.FunctionType]
    while left:
        code = left.pop()
        if id(code) not in found:
            found[id(code)] = code
            left += [constant for constant in code.co_consts if type(constant) is types.CodeType]
    return found.values()


def record(number):
    """What a site keeps in memory, for the size of it."""
    return {"title": "title of record %d" % number, "owner": "owner %d" % (number * 7), "score": number / 3.0,
            "tags": ["tag %d" % number, "other %d" % (number + 1)]}


def main():
    """Loads, tells and waits."""
    from django.conf import settings

    settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"], DATABASES={})
    import django

    django.setup()
    import_all(django)
    records = [record(number) for number in range(int(float(sys.argv[1]) * 1e6 / RECORD_BYTES))]
    names = [[getattr(code, "co_qualname", code.co_name), code.co_filename, code.co_firstlineno] for code in code_objects()]
    print(json.dumps({"pid": os.getpid(), "records": len(records), "functions": names}), flush=True)
    sys.stdin.read()


main()
