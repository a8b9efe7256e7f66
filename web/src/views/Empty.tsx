// Nothing to show: says whether anything is stored at all, and the way to something.
import type { Status } from '../api/types';
import type { Question } from '../api/urls';
import { dayAndClock, printTime } from '../data/time';
import { change, NO_PLACE } from '../state/explore';
import { Message } from './Message';

/** How much before the newest sample is shown when the reader asks for it. */
const SHOWN_MS = 15 * 60_000;

export function EmptyMessage({ status, question }: { status: Status | null; question: Question }) {
  const latest_ms = status?.latest_ms ?? null;
  if (latest_ms === null) return <NothingYet />;
  const filtered = question.selector !== '{}';
  const outside = latest_ms < question.range.start_ms || latest_ms > question.range.end_ms + 60_000;
  return (
    <Message title={filtered ? 'No samples match this selector here' : 'No samples in this time'}>
      {filtered && (
        <p>
          <code>{question.selector}</code> between {dayAndClock(question.range.start_ms)} and{' '}
          {dayAndClock(question.range.end_ms)}.
        </p>
      )}
      <p>The newest sample stored is of {dayAndClock(latest_ms)}.</p>
      <p class="actions">
        {filtered && (
          <button type="button" onClick={() => change({ query: '', ...NO_PLACE })}>
            Show everything
          </button>
        )}
        {outside && (
          <button
            type="button"
            onClick={() =>
              change({
                start: printTime(latest_ms - SHOWN_MS),
                end: printTime(latest_ms + 1_000),
                ...NO_PLACE,
              })
            }
          >
            Go to the newest samples
          </button>
        )}
        <button type="button" onClick={() => change({ start: 'now-24h', end: 'now', ...NO_PLACE })}>
          Look at the last 24 h
        </button>
      </p>
    </Message>
  );
}

export function NothingYet() {
  return (
    <Message title="Waiting for the first samples">
      <p>
        The collector is running and has stored nothing yet. An agent sends every 10 seconds; this page looks
        every 5 and shows them as they come.
      </p>
      <p>On each host to be profiled, as root:</p>
      <pre>{`fewer agent --collector ${location.origin}`}</pre>
      <p>
        No agent starts? <code>fewer agent doctor</code> says what the host is missing.
      </p>
    </Message>
  );
}
