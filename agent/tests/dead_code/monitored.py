"""Functions that run before, while and after a tool watches the program; its argument says which tool."""

import sys


def ran_before(x):
    return x + 1


def ran_during(x):
    return x + 1


def ran_during_empty():
    pass


def ran_during_generator(n):
    for at in range(n):
        yield at + 1


def ran_after(x):
    return x + 1


def ran_before_local(x):
    return len(x) + 1


def ran_during_local(x):
    return len(x) + 1


def ran_after_local(x):
    return len(x) + 1


def never(x):
    return x + 1


def never_empty():
    pass


def never_generator(n):
    for at in range(n):
        yield at + 1


def never_local(x):
    return len(x) + 1


LOCAL = (ran_before_local, ran_during_local, ran_after_local, never_local)


def during():
    ran_during(1)
    ran_during_empty()
    list(ran_during_generator(2))
    ran_during_local("x")


def watch(tool, is_on):
    monitoring = getattr(sys, "monitoring", None)
    if tool == "profile":
        sys.setprofile((lambda *event: None) if is_on else None)
    elif tool == "trace":
        sys.settrace((lambda *event: lambda *event: None) if is_on else None)
    elif monitoring:
        events = monitoring.events
        some = events.PY_START | events.LINE | events.INSTRUCTION | events.CALL | events.PY_RETURN
        if monitoring.get_tool(1) is None:
            monitoring.use_tool_id(1, "test")
        if tool == "events":
            monitoring.set_events(1, some if is_on else 0)
        for function in LOCAL if tool == "local" else ():
            monitoring.set_local_events(1, function.__code__, some if is_on else 0)


tool, _, stays = sys.argv[1].partition(" ")
ran_before(1)
ran_before_local("x")
watch(tool, True)
during()
if not stays:
    watch(tool, False)
ran_after(1)
ran_after_local("x")
sys.stdout.write("{}\n")
sys.stdout.flush()
sys.stdin.buffer.raw.readline()
