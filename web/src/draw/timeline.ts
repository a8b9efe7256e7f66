// Paints the timeline: grid, bands or lines, the marked range and the cursor.
import { clock } from '../data/time';
import { type Bands, type Lines, runs, type Stacked, ticks, timeTicks } from '../layout/bands';
import type { Palette } from './palette';
import { FONT, type Surface } from './surface';

/** Room for the numbers at the left and the times below. */
export const AXIS_LEFT_PX = 44;
export const AXIS_BOTTOM_PX = 18;
const PAD_TOP_PX = 6;

export interface TimelineScene {
  bands: Bands;
  start_ms: number;
  end_ms: number;
  colours: readonly string[];
  palette: Palette;
  /** Marked steps, both included, or `null`. */
  marked: readonly [number, number] | null;
  cursor: number | null;
  /** The series to stand out, or `null` for none. */
  lit: number | null;
}

export function paintTimeline({ context, widthPx, heightPx }: Surface, scene: TimelineScene): void {
  const { palette, bands } = scene;
  const plot = { width: widthPx - AXIS_LEFT_PX, height: heightPx - AXIS_BOTTOM_PX - PAD_TOP_PX };
  const marks = ticks(bands.peak, Math.max(1, Math.floor(plot.height / 28)));
  const highest = marks[marks.length - 1];
  const yOf = (value: number) => PAD_TOP_PX + plot.height * (1 - value / highest);
  const xOf = (step: number) => AXIS_LEFT_PX + (plot.width * step) / Math.max(1, bands.steps);

  context.fillStyle = palette.background;
  context.fillRect(0, 0, widthPx, heightPx);
  context.font = FONT;
  context.textBaseline = 'middle';
  paintGrid(context, scene, plot.width, { marks, yOf });
  if (bands.per === 'time') paintBands(context, bands, scene, { xOf, yOf });
  else paintLines(context, bands, scene, { xOf, yOf });
  paintMarks(context, scene, xOf, heightPx - AXIS_BOTTOM_PX);
}

interface ValueAxis {
  marks: number[];
  yOf(value: number): number;
}

function paintGrid(
  context: CanvasRenderingContext2D,
  scene: TimelineScene,
  width: number,
  axis: ValueAxis,
): void {
  const { palette, start_ms, end_ms } = scene;
  context.textAlign = 'right';
  for (const mark of axis.marks) {
    const y = Math.round(axis.yOf(mark));
    context.fillStyle = palette.grid;
    context.fillRect(AXIS_LEFT_PX, y, width, 1);
    context.fillStyle = palette.plainText;
    context.fillText(String(mark), AXIS_LEFT_PX - 7, y);
  }
  context.textAlign = 'center';
  const offset_ms = -new Date(end_ms).getTimezoneOffset() * 60_000;
  const bottom = axis.yOf(0);
  for (const time of timeTicks(start_ms, end_ms, Math.max(2, Math.floor(width / 110)), offset_ms)) {
    const x = AXIS_LEFT_PX + (width * (time - start_ms)) / (end_ms - start_ms);
    if (x > AXIS_LEFT_PX + width - 20 || x < AXIS_LEFT_PX + 20) continue;
    context.fillStyle = palette.grid;
    context.fillRect(Math.round(x), bottom, 1, 4);
    context.fillStyle = palette.plainText;
    context.fillText(clock(time), x, bottom + AXIS_BOTTOM_PX / 2 + 2);
  }
  context.textAlign = 'left';
}

type Place = (at: number) => number;

interface Axes {
  xOf: Place;
  yOf: Place;
}

function paintBands(
  context: CanvasRenderingContext2D,
  bands: Stacked,
  { colours, lit }: TimelineScene,
  { xOf, yOf }: Axes,
): void {
  for (let series = 0; series < bands.tops.length; series++) {
    const top = bands.tops[series];
    const below = bands.tops[series - 1];
    context.fillStyle = colours[series];
    context.globalAlpha = opacity(series, lit);
    for (let step = 0; step < bands.steps; step++) {
      const base = below ? below[step] : 0;
      if (top[step] <= base) continue;
      const x = Math.round(xOf(step));
      const gap = xOf(1) - xOf(0) > 8 ? 1 : 0;
      context.fillRect(x, yOf(top[step]), Math.round(xOf(step + 1)) - x - gap, yOf(base) - yOf(top[step]));
    }
  }
  context.globalAlpha = 1;
}

function opacity(series: number, lit: number | null): number {
  return lit === null || lit === series ? 1 : 0.25;
}

const LINE_PX = 1.75;

/** The most costly series last, so that it lies on top. */
function paintLines(
  context: CanvasRenderingContext2D,
  { values }: Lines,
  { colours, lit }: TimelineScene,
  { xOf, yOf }: Axes,
): void {
  context.lineWidth = LINE_PX;
  context.lineJoin = 'round';
  for (let series = values.length - 1; series >= 0; series--) {
    const line = values[series];
    context.strokeStyle = context.fillStyle = colours[series];
    context.globalAlpha = opacity(series, lit);
    for (const [first, end] of runs(line)) {
      if (end - first === 1) {
        context.fillRect(
          xOf(first + 0.5) - LINE_PX,
          yOf(line[first] ?? 0) - LINE_PX,
          2 * LINE_PX,
          2 * LINE_PX,
        );
        continue;
      }
      context.beginPath();
      for (let step = first; step < end; step++) context.lineTo(xOf(step + 0.5), yOf(line[step] ?? 0));
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function paintMarks(
  context: CanvasRenderingContext2D,
  scene: TimelineScene,
  xOf: Place,
  bottom: number,
): void {
  const { marked, cursor, palette, bands } = scene;
  if (marked) {
    const [from, to] = [xOf(marked[0]), xOf(marked[1] + 1)];
    context.fillStyle = palette.background;
    context.globalAlpha = 0.65;
    context.fillRect(AXIS_LEFT_PX, 0, from - AXIS_LEFT_PX, bottom);
    context.fillRect(to, 0, xOf(bands.steps) - to, bottom);
    context.globalAlpha = 1;
    context.fillStyle = palette.outline;
    context.fillRect(Math.round(from), 0, 1, bottom);
    context.fillRect(Math.round(to) - 1, 0, 1, bottom);
  }
  if (cursor !== null) {
    context.fillStyle = palette.outline;
    context.globalAlpha = 0.5;
    context.fillRect(Math.round((xOf(cursor) + xOf(cursor + 1)) / 2), 0, 1, bottom);
    context.globalAlpha = 1;
  }
}
