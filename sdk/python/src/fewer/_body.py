"""Response bodies that are produced while they are sent: the request's context is set again around every piece."""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable, Iterable, Iterator, Optional

from ._api import StreamedRequest


class Body:
    """A body whose request is paused; the request is counted when the body ends or the server closes it."""

    def __init__(self, pieces: Iterable[Any], running: StreamedRequest, counted: bool = False) -> None:
        self._pieces = pieces
        self._iterator: Optional[Iterator[Any]] = None
        self._request = running
        self._counted = counted

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> Any:
        return self._work(self._next)

    def close(self) -> None:
        """Closes the body below, for the same request."""
        self._work(getattr(self._pieces, "close", _nothing))
        self._count(None)

    def _work(self, step: Callable[[], Any]) -> Any:
        running = self._request
        ended: Any = None
        running.resume()
        try:
            return step()
        except BaseException as error:
            ended = type(error)
            raise
        finally:
            running.pause()
            if ended is not None:
                self._count(None if ended is StopIteration else ended)

    def _next(self) -> Any:
        if self._iterator is None:
            self._iterator = iter(self._pieces)
        return next(self._iterator)

    def _count(self, error: Any) -> None:
        if not self._counted:
            self._counted = True
            self._request.finish(error)


class AsyncBody:
    """The same for asynchronous iterators; the context is that of the task that sends the body."""

    def __init__(self, pieces: Any, running: StreamedRequest, counted: bool = False) -> None:
        self._pieces = pieces
        self._request = running
        self._counted = counted

    async def __aiter__(self) -> AsyncIterator[Any]:
        iterator = self._pieces.__aiter__()
        ended: Any = None
        while True:
            self._request.resume()
            try:
                piece = await iterator.__anext__()
            except StopAsyncIteration:
                break
            except BaseException as error:
                ended = type(error)
                raise
            finally:
                self._request.pause()
                if ended is not None:
                    self._count(ended)
            yield piece
        self._count(None)

    def close(self) -> None:
        """Counts a request whose body was not sent to its end."""
        getattr(self._pieces, "close", _nothing)()
        self._count(None)

    def _count(self, error: Any) -> None:
        if not self._counted:
            self._counted = True
            self._request.finish(error)


def _nothing() -> None:
    return None
