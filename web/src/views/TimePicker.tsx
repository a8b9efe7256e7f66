// The time range: presets, two absolute ends, and refreshing.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { fromLocalInput, PRESETS, parseRange, printTime, rangeTitle, toLocalInput } from '../data/time';
import { now_ms, refresh } from '../state/clock';

/** The fields of a page's state that say what time it shows. */
export interface Times {
  start: string;
  end: string;
  refresh: boolean;
}

interface Props {
  times: Times;
  onTimes: (patch: Partial<Times>, replace?: boolean) => void;
}

export function TimePicker({ times: { start, end, refresh: on }, onTimes }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    return () => document.removeEventListener('pointerdown', close);
  }, [open]);
  const pick = (from: string, to: string) => {
    setOpen(false);
    button.current?.focus();
    refresh();
    onTimes({ start: from, end: to });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !open) return;
    event.preventDefault();
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="time" ref={box} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        aria-expanded={open}
        aria-haspopup="dialog"
        onClick={() => setOpen(!open)}
      >
        {rangeTitle(start, end, now_ms.value)} <span aria-hidden="true">▾</span>
      </button>
      <button type="button" title="Ask again" onClick={refresh}>
        Refresh
      </button>
      <button
        type="button"
        aria-pressed={on && end === 'now'}
        disabled={end !== 'now'}
        title={end === 'now' ? 'Ask again every 10 seconds' : 'Only a range that ends now can be followed'}
        onClick={() => onTimes({ refresh: !on }, true)}
      >
        Live
      </button>
      {open && <TimeDialog start={start} end={end} pick={pick} />}
    </div>
  );
}

interface DialogProps {
  start: string;
  end: string;
  pick: (start: string, end: string) => void;
}

function TimeDialog({ start, end, pick }: DialogProps) {
  const range = parseRange(start, end, now_ms.value);
  const ends = typeof range === 'string' ? { start_ms: now_ms.value - 900_000, end_ms: now_ms.value } : range;
  const [from, setFrom] = useState(toLocalInput(ends.start_ms));
  const [to, setTo] = useState(toLocalInput(ends.end_ms));
  const first = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);
  const from_ms = fromLocalInput(from);
  const to_ms = fromLocalInput(to);
  const valid = from_ms !== null && to_ms !== null && from_ms < to_ms;
  return (
    <div class="popover time-dialog" role="dialog" aria-label="Time range">
      <div class="presets">
        {PRESETS.map((length, idx) => (
          <button
            key={length}
            ref={idx === 0 ? first : null}
            type="button"
            aria-pressed={start === `now-${length}` && end === 'now'}
            onClick={() => pick(`now-${length}`, 'now')}
          >
            {length}
          </button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (valid) pick(printTime(from_ms), printTime(to_ms));
        }}
      >
        <label>
          From
          <input
            type="datetime-local"
            step="1"
            value={from}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        </label>
        <label>
          To
          <input
            type="datetime-local"
            step="1"
            value={to}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={!valid}>
          Apply
        </button>
        {!valid && <small>The start must be before the end.</small>}
      </form>
    </div>
  );
}
