// An answer of the API as state of a component: the last one stays in sight while the next is under way.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Decoder, Failure, get, kept } from '../api/client';
import { turn } from './clock';

export interface Resource<T> {
  /** The newest answer, perhaps to an earlier address: see `url`. */
  value: T | null;
  url: string | null;
  error: Failure | null;
  loading: boolean;
}

const EMPTY = { value: null, url: null, error: null, loading: false };

/** How long to wait before asking a collector again that could not be reached. */
const RETRY_MS = 5_000;

export interface Options<T> {
  decode?: Decoder<T>;
  /** Whether the answer to this address changes with time, so that an earlier one is of no use. */
  fleeting?: boolean;
}

export function useResource<T>(
  url: string | null,
  { decode, fleeting = false }: Options<T> = {},
): Resource<T> {
  const [resource, setResource] = useState<Resource<T>>(EMPTY);
  const [attempt, setAttempt] = useState(0);
  const decoder = useRef(decode);
  useEffect(() => {
    if (url === null) {
      setResource(EMPTY);
      return;
    }
    const known = fleeting ? undefined : kept<T>(url);
    if (known !== undefined) {
      setResource({ value: known, url, error: null, loading: false });
      return;
    }
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    setResource((last) => ({ ...last, loading: true }));
    get<T>(url, decoder.current ?? ((body) => body as T), abort.signal, !fleeting).then(
      (value) => !abort.signal.aborted && setResource({ value, url, error: null, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const failure = asFailure(error);
        setResource((last) => ({ ...last, error: failure, loading: false }));
        if (failure.status === 0) retry = setTimeout(() => setAttempt((count) => count + 1), RETRY_MS);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(retry);
    };
  }, [url, turn.value, attempt, fleeting]);
  return resource;
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new Failure(-1, {
    code: 'unreadable',
    message: `The collector’s answer could not be read: ${reason}.`,
    fix: 'Page and collector may be of different versions: reload the page.',
  });
}
