"""The context of the running request: set, refined by flags and routes, counted at its end.

There is one ContextVar, so threads, asyncio tasks, greenlets and copied contexts each see their own request without any
work at a switch. The hot path is three methods and one function (``request.__enter__``, ``request.__exit__``, ``flag``):
dictionary look-ups from a record to the next record and to its counters. Whatever is new is learned once, under a lock.

Nothing here may raise into the host application: errors are swallowed and counted.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, TypeVar

from . import _clock, _counters
from ._accelerator import accelerator
from ._publisher import Publisher
from ._records import FLAG_PREFIX, Records, reason_code, variant_text
from ._version import VERSION

MAX_TRANSITIONS = 32_768
MAX_ROUTES = 4_096
MAX_CACHED_TEXT = 512

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MISSING = Token.MISSING
_MAGIC = _counters.MAGIC

_current: "ContextVar[bytes]" = ContextVar("fewer.context")
_owner: "ContextVar[Optional[request]]" = ContextVar("fewer.owner", default=None)
_set = _current.set
_get = _current.get
_reset = _current.reset
_get_owner = _owner.get
_owners_exist = False

_measures = _counters.MEASURES_CPU
if _clock.instruction_clock.available:
    _measures |= _counters.MEASURES_INSTRUCTIONS
_page = _counters.Page(_measures)
_words = _page.words
_slots = _page.slots
_atomic = _page.lock is None and accelerator is None
_add = _page.add if accelerator is None else accelerator.add


def _count_cut() -> None:
    _add(_counters.WORD_CUT)


def _count_overflow() -> None:
    _add(_counters.WORD_OVERFLOWED)


_lock: Any = threading.RLock()
_records = Records(_count_cut, _count_overflow)
_routes: Dict[Any, _clock.Route] = {}
_transitions: Dict[Tuple[Any, ...], Tuple[Optional[bytes], int]] = {}
_publisher = Publisher(_page, _records)


class _PlainRequest:
    """The state of a request and the hot path; the accelerator brings its own."""

    __slots__ = ("status", "_endpoint", "_token", "_route", "_reading", "_owner_token", "_record")

    _owner_token: Any
    _record: Any
    _reading: Optional[_clock.Reading]

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.status = 0

    def __enter__(self) -> Any:
        try:
            route = _routes.get(self._endpoint)
            if route is None:
                route = _learn_route(self._endpoint)
            self._token = token = _set(route.record)
            route.countdown -= 1
            if route.countdown <= 0 or token.old_value is not _MISSING:
                self._begin_measured(route)
            else:
                self._reading = None
        except Exception:
            _fault()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            try:
                if self._reading is None:
                    record = _get()
                    if _words[0] != _MAGIC:
                        _revive()
                    word = _slots.get(record) or _learn_slot(record)
                    if _atomic:
                        _words[word + 1] += 1
                    else:
                        _add(word + 1)
                    if kind is not None or self.status >= 400:
                        _count_error(word, kind, self.status)
                else:
                    self._end_measured(kind)
            finally:
                _reset(self._token)
        except Exception:
            _fault()

    def _begin_measured(self, route: _clock.Route) -> None:
        raise NotImplementedError

    def _end_measured(self, kind: Any) -> None:
        raise NotImplementedError

if TYPE_CHECKING or accelerator is None:
    _RequestBase = _PlainRequest
else:
    _RequestBase = accelerator.Request


class request(_RequestBase):
    """One request, job or task: ``with request("GET /feed"):``, ``async with`` or a decorator.

    An object stands for one request and is entered once. ``status`` may be set to the HTTP status before the end;
    leaving by an exception counts as a server error.
    """

    __slots__ = ()

    async def __aenter__(self) -> "request":
        try:
            route = _routes.get(self._endpoint) or _learn_route(self._endpoint)
            self._token = _current.set(route.record)
            self._record = route.record
            self._owner_token = _set_owner(self)
        except Exception:
            _fault()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            try:
                _count(self._record, None, kind, self.status)
            finally:
                _owner.reset(self._owner_token)
                _current.reset(self._token)
        except Exception:
            _fault()

    def __call__(self, function: _Function) -> _Function:
        endpoint = self._endpoint
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                async with request(endpoint):
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with request(endpoint):
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]

    def _begin_measured(self, route: _clock.Route) -> None:
        self._reading = None
        self._route = route
        self._owner_token = None
        if _words[0] != _MAGIC:
            _revive()
        nested = self._token.old_value is not _MISSING
        if nested:
            self._owner_token = _set_owner(None)
        self._reading = _clock.begin(nested)
        if self._reading is None:
            route.countdown = _clock.SAMPLED_GAP
            # A nested request ends the long way in any case: it has the outer one's owner to give back.
            self._reading = _clock.UNREADABLE if nested else None

    def _end_measured(self, kind: Any) -> None:
        spent = _clock.end(self._reading or _clock.UNREADABLE, self._token.old_value is not _MISSING)
        if spent is not None:
            self._route.learn(spent[0])
        if self._owner_token is not None:
            _owner.reset(self._owner_token)
        _count(_get(), spent, kind, self.status)


class StreamedRequest(request):
    """A request whose body is produced after its handler returned: its context is set for each piece again."""

    __slots__ = ("_spent",)

    def pause(self) -> None:
        """Ends a stretch of work; the request goes on later, perhaps on another thread."""
        try:
            spent = None if self._reading is None else _clock.end(self._reading, self._token.old_value is not _MISSING)
            total = getattr(self, "_spent", _clock.NO_COST)
            self._spent = None if spent is None or total is None else _clock.together(total, spent)
            self._record = _get()
            _reset(self._token)
        except Exception:
            _fault()

    def resume(self) -> None:
        """Begins the next stretch."""
        try:
            self._token = _set(self._record)
            self._reading = _clock.begin(self._token.old_value is not _MISSING) if self._spent is not None else None
        except Exception:
            _fault()

    def continued(self) -> "StreamedRequest":
        """For the body of an asynchronous request, which is counted at its end: labels what follows, counts nothing."""
        later = StreamedRequest(self._endpoint)
        later._record = getattr(self, "_record", None)
        later._spent = None
        return later

    def finish(self, kind: Any = None) -> None:
        """Counts the request, which is paused."""
        try:
            if self._spent is not None:
                self._route.learn(self._spent[0])
            _count(self._record, self._spent, kind, self.status)
        except Exception:
            _fault()


def flag(key: str, variant: Any, reason: Optional[str] = None) -> None:
    """Says that a flag was evaluated to a variant in the running request.

    ``reason`` is OpenFeature's: with ``split`` the variant was drawn at random, so that a difference is an effect.
    """
    try:
        if type(variant) is not str:
            variant = variant_text(variant)
        record = _get(None)
        try:
            following, word = _transitions[record, key, variant, reason]
        except KeyError:
            following, word = _learn_flag(record, key, variant, reason)
        if _atomic:
            _words[word] += 1
        else:
            _add(word)
        if following is not record:
            _set(following)  # type: ignore[arg-type]
        if _owners_exist:
            owner = _get_owner()
            if owner is not None:
                _tell_owner(owner, record, following, key, variant, reason)
    except Exception:
        _fault()


def route(endpoint: str) -> None:
    """Names the running request's endpoint once it is known; without a request it does nothing."""
    try:
        record = _get(None)
        if record is None:
            return
        known = _transitions.get((record, endpoint))
        following = known[0] if known is not None else _learn_endpoint(record, endpoint)
        _set(following)  # type: ignore[arg-type]
        owner = _get_owner()
        if owner is not None:
            owner._record = following if owner._record is record else _learn_endpoint(owner._record, endpoint)
    except Exception:
        _fault()


def in_request() -> bool:
    """Whether the caller runs inside a request, so that a tap should name that one and not begin another."""
    return _get(None) is not None


def caller() -> Optional[Dict[str, Any]]:
    """The running request as a plain value to send along with a job: its endpoint and the flags seen so far."""
    try:
        record = _get(None)
        if record is None:
            return None
        labels = _records.labels(record)
        prefix = len(FLAG_PREFIX)
        flags = {_records.keys[index][prefix:]: variant.decode() for index, variant in labels.flags}
        return {"endpoint": labels.endpoint.decode(), "flags": flags}
    except Exception:
        _fault()
        return None


def called_by(sent: Any) -> None:
    """Adds what ``caller`` returned elsewhere to the running request."""
    try:
        record = _get(None)
        if record is None or not isinstance(sent, dict):
            return
        labels = _records.labels(record)
        with _locked():
            _set(_records.endpoint(labels.endpoint, sent.get("endpoint")))
        flags = sent.get("flags")
        for key, variant in list(flags.items() if isinstance(flags, dict) else ())[:32]:
            _inherit_flag(key, variant)
    except Exception:
        _fault()


def status() -> Dict[str, Any]:
    """What the SDK does in this process, for people and health checks."""
    return {
        "enabled": True,
        "version": VERSION,
        "accelerated": accelerator is not None,
        "published": _publisher.published(),
        "problems": dict(_publisher.problems),
        "records": len(_records),
        "slots": len(_slots),
        "overflowed": _words[_counters.WORD_OVERFLOWED],
        "labels_cut": _words[_counters.WORD_CUT],
        "faults": _words[_counters.WORD_FAULTS],
        "instructions": _clock.instruction_clock.available,
    }


def _count(record: bytes, spent: Optional[_clock.Spent], kind: Any, http_status: int) -> None:
    if _words[0] != _MAGIC:
        _revive()
    word = _slots.get(record) or _learn_slot(record)
    _add(word + _counters.REQUESTS)
    if spent is not None:
        cpu_ns, instructions = spent
        _add(word + _counters.CPU_NS, cpu_ns)
        _add(word + _counters.MEASURED)
        if instructions > 0:
            _add(word + _counters.INSTRUCTIONS, instructions)
    if kind is not None or http_status >= 400:
        _count_error(word, kind, http_status)


def _count_error(word: int, kind: Any, http_status: int) -> None:
    if http_status >= 500 or (kind is not None and issubclass(kind, Exception)):
        _add(word + _counters.SERVER_ERRORS)
    elif 400 <= http_status < 500:
        _add(word + _counters.CLIENT_ERRORS)


def _set_owner(owner: Optional[request]) -> "Token[Optional[request]]":
    global _owners_exist
    if owner is not None and not _owners_exist:
        _owners_exist = True
        if accelerator is not None:
            accelerator.owners_exist()
    return _owner.set(owner)


def quietly(tap: _Function) -> _Function:
    """A tap whose errors stay inside: what it observes may change its shape with any release."""

    @functools.wraps(tap)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return tap(*args, **kwargs)
        except Exception:
            _fault()
            return None

    return run  # type: ignore[return-value]


def _fault() -> None:
    try:
        _add(_counters.WORD_FAULTS)
    except Exception:  # The interpreter is shutting down and has taken our globals; there is nobody left to tell.
        return


def _locked() -> Any:
    """The lock; a forked child first gets its own, since the parent's may be held by a thread that is gone."""
    if _words[0] != _MAGIC:
        _revive()
    return _lock


def _learn_route(endpoint: Any) -> _clock.Route:
    with _locked():
        route = _clock.Route(_records.endpoint(endpoint))
        if len(_routes) < MAX_ROUTES and _is_short(endpoint):
            route = _routes.setdefault(endpoint, route)
        return route


def _learn_slot(record: bytes) -> int:
    with _locked():
        return _slots.get(record) or _page.slot(record, _address(record))


def _learn_endpoint(record: bytes, endpoint: Any) -> bytes:
    with _locked():
        following = _records.with_endpoint(record, endpoint)
        if _is_short(endpoint):
            _remember((record, endpoint), (following, 0))
        return following


def _learn_flag(record: Optional[bytes], key: Any, variant: str, reason: Any) -> Tuple[Optional[bytes], int]:
    with _locked():
        known_keys = len(_records.keys)
        index = _records.flag_key(key)
        if index is None:
            following = None if record is None else _records.overflowed(record)
            return following, _counters.WORD_OVERFLOWED
        if len(_records.keys) > known_keys:
            _publisher.publish()
        text = _records.variant(index, variant)
        evaluation = _records.evaluation(index, text)
        word = _page.evaluation(evaluation, _address(evaluation), reason_code(reason))
        learned = (None if record is None else _records.with_flag(record, index, text), word)
        if _is_short(key) and _is_short(variant):
            _remember((record, key, variant, reason), learned)
        return learned


def _inherit_flag(key: Any, variant: Any) -> None:
    """A flag evaluated elsewhere labels this work too, but is not counted as evaluated again."""
    with _locked():
        known_keys = len(_records.keys)
        index = _records.flag_key(key)
        record = _get()
        if index is None:
            _set(_records.overflowed(record))
            return
        if len(_records.keys) > known_keys:
            _publisher.publish()
        _set(_records.with_flag(record, index, _records.variant(index, variant)))


def _tell_owner(
    owner: request, record: Optional[bytes], following: Optional[bytes], key: Any, variant: str, reason: Any
) -> None:
    """Asynchronous requests run parts in copied contexts; the request itself collects what those evaluate."""
    if owner._record is record:
        owner._record = following
        return
    known = _transitions.get((owner._record, key, variant, reason))
    if known is None:
        known = _learn_flag(owner._record, key, variant, reason)
    owner._record = known[0]


def _remember(key: Tuple[Any, ...], value: Tuple[Optional[bytes], int]) -> None:
    if len(_transitions) >= MAX_TRANSITIONS:
        _transitions.clear()
    _transitions[key] = value


def _is_short(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= MAX_CACHED_TEXT


def _address(record: bytes) -> int:
    """Address of a record's first byte."""
    return id(record) + bytes.__basicsize__ - 1


def _after_fork() -> None:
    """Leaves the rest to the first request: most children never serve one."""
    global _lock
    _lock = threading.RLock()
    _page.clear()


def _revive() -> None:
    """In a forked child: new counts, new lock, new mapping."""
    global _lock
    if _page.revive():
        _lock = threading.RLock()
        _clock.instruction_clock.forget()
        _publisher.forget()
        _publisher.publish()


_python_flag = flag
if accelerator is not None:
    accelerator.install(sys.modules[__name__], _current, _words, _slots, _routes, _transitions, _MAGIC)
    accelerator.call_quickly(request)
    flag, _set, _reset = accelerator.flag, accelerator.set_current, accelerator.reset_current
os.register_at_fork(after_in_child=_after_fork)
_publisher.start(_current)
