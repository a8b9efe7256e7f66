// Cores over time, stacked by one label. Dragging, or the keyboard, marks a part and makes it the time range.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { LabelNames, Timeline, TimelineSeries } from '../api/types';
import { labels, type Question } from '../api/urls';
import { withMatcher } from '../data/selector';
import { clock, dayAndClock, printTime } from '../data/time';
import { cores, coresOf, share } from '../data/units';
import { distinctColours, paletteOf } from '../draw/palette';
import { surfaceOf } from '../draw/surface';
import { AXIS_LEFT_PX, paintTimeline } from '../draw/timeline';
import { type Bands, stack, stepAt } from '../layout/bands';
import { change, fields, NO_PLACE } from '../state/explore';
import type { Resource } from '../state/resource';
import { useResource } from '../state/resource';
import { theme } from '../state/theme';
import { Waiting } from './Message';
import { useSize } from './size';

interface Props {
  question: Question;
  timeline: Resource<Timeline>;
  over_ms: number;
}

/** Marked steps, in the order they were marked. */
type Mark = readonly [number, number];

export function TimelinePanel({ question, timeline, over_ms }: Props) {
  const { value, loading } = timeline;
  const [cursor, setCursor] = useState<number | null>(null);
  const palette = paletteOf(theme.value);
  const colours = useMemo(() => {
    const names = value?.series.map(({ value }) => value) ?? [];
    const distinct = distinctColours(names, palette);
    return (value?.series ?? []).map(({ rest }, idx) => (rest > 0 ? palette.marker : distinct[idx]));
  }, [value, palette]);
  return (
    <section class="panel timeline" aria-label="Timeline">
      <Waiting active={loading} />
      <div class="panel-head">
        <h2>CPU over time</h2>
        <ByPicker question={question} />
        <div class="spring" />
        {value && (
          <output>
            <b>{cores(coresOf(value.total, over_ms))}</b> cores on average
          </output>
        )}
      </div>
      <div class="timeline-body">
        {value ? (
          <Chart timeline={value} colours={colours} cursor={cursor} setCursor={setCursor} />
        ) : (
          <div class="chart" />
        )}
        {value && <Legend timeline={value} colours={colours} cursor={cursor} over_ms={over_ms} />}
      </div>
    </section>
  );
}

function ByPicker({ question }: { question: Question }) {
  const by = fields.by.value;
  const names = useResource<LabelNames>(labels({ ...question, selector: '{}' }));
  const known = names.value?.names ?? [];
  return (
    <label class="by">
      by
      <select value={by} onChange={(event) => change({ by: event.currentTarget.value })}>
        {(known.includes(by) ? known : [by, ...known]).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

interface ChartProps {
  timeline: Timeline;
  colours: readonly string[];
  cursor: number | null;
  setCursor: (step: number | null) => void;
}

function Chart({ timeline, colours, cursor, setCursor }: ChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const bands = useMemo(() => stack(timeline), [timeline]);
  const { mark, ...handlers } = useMarking(timeline, bands.steps, cursor, setCursor);
  const marked = mark ? ([Math.min(...mark), Math.max(...mark)] as const) : null;
  const palette = paletteOf(theme.value);
  useEffect(() => {
    const surface = canvas.current && surfaceOf(canvas.current);
    const { start_ms, step_ms } = timeline;
    const end_ms = start_ms + bands.steps * step_ms;
    if (surface) paintTimeline(surface, { bands, start_ms, end_ms, colours, palette, marked, cursor });
  }, [bands, colours, cursor, mark, size, palette]);
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
function moved(event: KeyboardEvent, at: number, steps: number): number | null {
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
  const sum = bands.tops.at(-1)?.[step] ?? 0;
  const part = marked ? `; marked ${time(marked[0])} to ${time(marked[1] + 1)}` : '';
  return `${time(step)}, ${cores(sum)} cores${part}`;
}

interface LegendProps {
  timeline: Timeline;
  colours: readonly string[];
  cursor: number | null;
  over_ms: number;
}

function Legend({ timeline, colours, cursor, over_ms }: LegendProps) {
  const by = fields.by.value;
  const query = fields.query.value;
  const time = cursor === null ? null : timeline.start_ms + cursor * timeline.step_ms;
  const coresShown = (series: TimelineSeries) =>
    cursor === null ? coresOf(series.total, over_ms) : (series.cores[cursor] ?? 0);
  return (
    <div class="legend">
      <div class="legend-head">
        <span>{time === null ? by : dayAndClock(time)}</span>
        <span>{time === null ? 'mean cores' : 'cores'}</span>
        <span>share</span>
      </div>
      <ul>
        {timeline.series.map((series, idx) => (
          <li key={`${series.rest}${series.value}`}>
            <button
              type="button"
              class="quiet"
              disabled={series.rest > 0 || series.value === ''}
              title={`Show only ${by}="${series.value}"`}
              onClick={() => change({ query: withMatcher(query, by, series.value), ...NO_PLACE })}
            >
              <i style={{ background: colours[idx] }} />
              <span class="legend-name">
                {series.rest > 0 ? `${series.rest} more` : series.value === '' ? '(none)' : series.value}
              </span>
              <span>{cores(coresShown(series))}</span>
              <span>{share(series.total, timeline.total)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
