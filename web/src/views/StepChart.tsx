// The step of a finding: CPU per request over time, the change, and the levels before and behind it.
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Series } from '../data/regression';
import { clock, dayAndClock } from '../data/time';
import { cpuTime } from '../data/units';
import { stepAt } from '../layout/bands';
import { type Level, type StepPicture, stepPicture } from '../layout/step';
import { moved } from './Chart';
import { useSize } from './size';

interface Props {
  series: Series;
  levels: readonly Level[];
  at_ms: number;
}

const HEIGHT_PX = 230;
const DAY_MS = 86_400_000;

export function StepChart({ series, levels, at_ms }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const { widthPx } = useSize(box);
  const [cursor, setCursor] = useState<number | null>(null);
  const offset_ms = -new Date(at_ms).getTimezoneOffset() * 60_000;
  const picture = useMemo(
    () =>
      widthPx > 0 ? stepPicture(series, levels, at_ms, { widthPx, heightPx: HEIGHT_PX }, offset_ms) : null,
    [series, levels, at_ms, widthPx],
  );
  const steps = series.values.length;
  const stepOf = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    const { left: from, right } = picture?.plot ?? { left: 0, right: 1 };
    return stepAt((event.clientX - left - from) / (right - from), steps);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(event, cursor ?? steps - 1, steps);
    if (next === null) return;
    setCursor(next);
    event.preventDefault();
  };
  return (
    <div
      class="step-chart"
      ref={box}
      role="slider"
      tabIndex={0}
      aria-label="CPU per request over time. Arrows move"
      aria-valuemin={0}
      aria-valuemax={steps - 1}
      aria-valuenow={cursor ?? steps - 1}
      aria-valuetext={said(series, cursor ?? steps - 1)}
      onPointerMove={(event) => setCursor(stepOf(event))}
      onPointerLeave={() => setCursor(null)}
      onKeyDown={onKeyDown}
    >
      {picture && <Picture {...{ picture, series, cursor }} />}
      <p class="step-note">
        {cursor !== null ? said(series, cursor) : picture?.isCut ? 'The axis does not begin at zero.' : ''}
      </p>
    </div>
  );
}

function said({ start_ms, step_ms, values }: Series, step: number): string {
  const value = values[step] ?? null;
  return `${dayAndClock(start_ms + step * step_ms)}: ${value === null ? 'no requests' : `${cpuTime(value)} per request`}`;
}

const dayAndMinute = (time_ms: number) => dayAndClock(time_ms).replace(/:\d\d$/, '');

interface PictureProps {
  picture: StepPicture;
  series: Series;
  cursor: number | null;
}

function Picture({ picture, series, cursor }: PictureProps) {
  const { plot, levels, changeX, valueMarks, timeMarks, path } = picture;
  const timeText = series.step_ms * series.values.length > DAY_MS ? dayAndMinute : clock;
  const value = cursor === null ? null : (series.values[cursor] ?? null);
  return (
    <svg height={HEIGHT_PX} aria-hidden="true">
      {valueMarks.map(({ at, value: mark }) => (
        <g key={mark}>
          <line class="grid" x1={plot.left} x2={plot.right} y1={at} y2={at} />
          <text x={plot.left - 6} y={at + 4} text-anchor="end">
            {cpuTime(mark)}
          </text>
        </g>
      ))}
      {timeMarks.map(({ at, value: mark }) => (
        <text key={mark} x={at} y={plot.bottom + 16} text-anchor="middle">
          {timeText(mark)}
        </text>
      ))}
      {levels.map(({ x, y, width, band }, idx) => (
        <g key={x} class={idx === 0 ? 'before' : 'after'}>
          {band && <rect x={x} y={band.y} width={width} height={band.height} />}
          <line x1={x} x2={x + width} y1={y} y2={y} />
        </g>
      ))}
      <line class="change" x1={changeX} x2={changeX} y1={plot.top} y2={plot.bottom} />
      <path d={path} />
      {cursor !== null && value !== null && <circle cx={picture.xOf(cursor)} cy={picture.yOf(value)} r="4" />}
    </svg>
  );
}
