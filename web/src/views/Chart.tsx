// The picture of the timeline. Dragging, or the keyboard, marks a part and makes it the time range.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Timeline } from '../api/types';
import { valueTitle } from '../data/labels';
import { clock, printTime } from '../data/time';
import { cores, short } from '../data/units';
import { paletteOf } from '../draw/palette';
import { surfaceOf } from '../draw/surface';
import { AXIS_LEFT_PX, paintTimeline } from '../draw/timeline';
import { type Bands, lines, type Stacked, stack, stepAt } from '../layout/bands';
import { change, NO_PLACE } from '../state/explore';
import { theme } from '../state/theme';
import { useSize } from './size';

/** Marked steps, in the order they were marked. */
type Mark = readonly [number, number];

const SPOKEN_MAX = 4;

interface ChartProps {
  timeline: Timeline;
  colours: readonly string[];
  cursor: number | null;
  setCursor: (step: number | null) => void;
  /** The series that is pointed at in the legend. */
  lit: number | null;
}

export function Chart({ timeline, colours, cursor, setCursor, lit }: ChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const bands = useMemo(() => (timeline.per === 'request' ? lines : stack)(timeline), [timeline]);
  const { mark, ...handlers } = useMarking(timeline, bands.steps, cursor, setCursor);
  const marked = mark ? ([Math.min(...mark), Math.max(...mark)] as const) : null;
  const palette = paletteOf(theme.value);
  useEffect(() => {
    const surface = canvas.current && surfaceOf(canvas.current);
    const { start_ms, step_ms } = timeline;
    const end_ms = start_ms + bands.steps * step_ms;
    if (surface) paintTimeline(surface, { bands, start_ms, end_ms, colours, palette, marked, cursor, lit });
  }, [bands, colours, cursor, lit, mark, size, palette]);
  return (
    <div
      class="chart"
      role="slider"
      tabIndex={0}
      aria-label="Time. Arrows move, with shift they mark a part, Enter makes it the time range"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, bands.steps - 1)}
      aria-valuenow={cursor ?? bands.steps - 1}
      aria-valuetext={describe(timeline, bands, cursor ?? bands.steps - 1, marked)}
      {...handlers}
    >
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

/** Marks a part of the time by dragging or by the keyboard, and makes it the time range. */
function useMarking(
  timeline: Timeline,
  steps: number,
  cursor: number | null,
  setCursor: ChartProps['setCursor'],
) {
  const [mark, setMark] = useState<Mark | null>(null);
  const dragged = useRef(false);
  const stepOf = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return stepAt((event.clientX - box.left - AXIS_LEFT_PX) / (box.width - AXIS_LEFT_PX), steps);
  };
  const apply = ([from, to]: Mark) => {
    const time = (step: number) => printTime(timeline.start_ms + step * timeline.step_ms);
    setMark(null);
    change({ start: time(Math.min(from, to)), end: time(Math.max(from, to) + 1), zoom: NO_PLACE.zoom });
  };
  return {
    mark,
    onPointerDown(event: PointerEvent) {
      if (event.button !== 0) return;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      dragged.current = true;
      setMark([stepOf(event), stepOf(event)]);
    },
    onPointerMove(event: PointerEvent) {
      const step = stepOf(event);
      setCursor(step);
      if (dragged.current && mark) setMark([mark[0], step]);
    },
    onPointerUp() {
      dragged.current = false;
      if (mark && mark[0] !== mark[1]) apply(mark);
      else setMark(null);
    },
    onPointerLeave() {
      if (!dragged.current) setCursor(null);
    },
    onKeyDown(event: KeyboardEvent) {
      const at = cursor ?? steps - 1;
      const next = moved(event, at, steps);
      if (next !== null) {
        setCursor(next);
        setMark(event.shiftKey ? [mark?.[0] ?? at, next] : null);
      } else if (event.key === 'Enter' && mark) apply(mark);
      else if (event.key === 'Escape' && mark) setMark(null);
      else return;
      event.preventDefault();
    },
  };
}

/** Where a key moves the cursor, or `null` when it does not. */
export function moved(event: KeyboardEvent, at: number, steps: number): number | null {
  const far = Math.max(1, Math.round(steps / 10));
  const by: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    PageUp: far,
    PageDown: -far,
    Home: -steps,
    End: steps,
  };
  const step = by[event.key];
  return step === undefined ? null : Math.min(steps - 1, Math.max(0, at + step));
}

function describe(timeline: Timeline, bands: Bands, step: number, marked: Mark | null): string {
  const time = (at: number) => clock(timeline.start_ms + at * timeline.step_ms);
  const part = marked ? `; marked ${time(marked[0])} to ${time(marked[1] + 1)}` : '';
  return `${time(step)}, ${bands.per === 'time' ? coresAt(bands, step) : requestsAt(timeline, step)}${part}`;
}

function coresAt({ tops }: Stacked, step: number): string {
  return `${cores(tops.at(-1)?.[step] ?? 0)} cores`;
}

/** The most costly series that have requests there: more cannot be listened to. */
function requestsAt({ series }: Timeline, step: number): string {
  const spoken = series.flatMap((one) => {
    const cpu_ms = one.cpu_ms_per_request?.[step] ?? null;
    return cpu_ms === null ? [] : [`${valueTitle(one)} ${short(cpu_ms)} milliseconds per request`];
  });
  return spoken.length === 0 ? 'no requests' : spoken.slice(0, SPOKEN_MAX).join(', ');
}
