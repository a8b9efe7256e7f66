// What of a laid out tree can be seen: rectangles for a view, the frame under a point, steps between views.
import { NONE, type Tree } from './tree';

/** The part of a tree that fills the picture, in the unit of the values; `level` is the topmost row. */
export interface View {
  start: number;
  end: number;
  level: number;
}

/** Rectangles to paint, in parallel columns reused from frame to frame. */
export interface Visible {
  count: number;
  frame: Int32Array;
  x: Float32Array;
  width: Float32Array;
  /** Hatched runs of what is too narrow to draw: row and span, and the first frame of the run. */
  slivers: number;
  sliverFrame: Int32Array;
  sliverX: Float32Array;
  sliverWidth: Float32Array;
}

/** Frames narrower than this are skipped with all that is below them. */
export const MIN_WIDTH_PX = 0.5;

/** How many rectangles one picture may hold: a screen of 4,000 × 60 rows at half a pixel, and more. */
const RECTANGLES_MAX = 65_536;

export function emptyVisible(): Visible {
  return {
    count: 0,
    frame: new Int32Array(RECTANGLES_MAX),
    x: new Float32Array(RECTANGLES_MAX),
    width: new Float32Array(RECTANGLES_MAX),
    slivers: 0,
    sliverFrame: new Int32Array(RECTANGLES_MAX),
    sliverX: new Float32Array(RECTANGLES_MAX),
    sliverWidth: new Float32Array(RECTANGLES_MAX),
  };
}

/** Fills `out` with what a view shows on rows up to `rows` below its topmost. Visits only what is wide enough. */
export function visible(tree: Tree, view: View, widthPx: number, rows: number, out: Visible): Visible {
  const { total, left, end, level, parent, self, sorted } = tree;
  const scale = widthPx / (view.end - view.start);
  const minValue = MIN_WIDTH_PX / scale;
  const bottom = view.level + rows;
  out.count = 0;
  out.slivers = 0;
  let idx = 0;
  while (idx < tree.count && out.count < RECTANGLES_MAX && out.slivers < RECTANGLES_MAX) {
    const outside = left[idx] >= view.end || left[idx] + total[idx] <= view.start;
    if (outside || level[idx] > bottom) {
      // Siblings lie left to right: past the right edge, or below the last row, none of the rest is seen.
      const rest = idx > 0 && (left[idx] >= view.end || level[idx] > bottom);
      idx = rest ? end[parent[idx]] : end[idx];
      continue;
    }
    if (total[idx] >= minValue) {
      if (level[idx] > view.level - 1) addFrame(out, idx, left[idx], total[idx], view, scale);
      idx += 1;
      continue;
    }
    const above = parent[idx];
    const wholeRow = sorted && above !== NONE && tree.hidden[idx] === 0;
    const right = wholeRow ? left[above] + total[above] - self[above] : left[idx] + total[idx];
    if (level[idx] > view.level - 1) addSliver(out, tree, idx, right, view, scale);
    idx = wholeRow ? end[above] : end[idx];
  }
  return out;
}

/** The pixels a view shows of a span. Clamped, so that coordinates stay exact at any zoom. */
function span(from: number, to: number, view: View, scale: number): [number, number] {
  const start = (Math.max(from, view.start) - view.start) * scale;
  return [start, (Math.min(to, view.end) - view.start) * scale - start];
}

function addFrame(out: Visible, idx: number, left: number, total: number, view: View, scale: number): void {
  const [x, width] = span(left, left + total, view, scale);
  out.frame[out.count] = idx;
  out.x[out.count] = x;
  out.width[out.count] = width;
  out.count += 1;
}

function addSliver(out: Visible, tree: Tree, idx: number, right: number, view: View, scale: number): void {
  const [x, width] = span(tree.left[idx], right, view, scale);
  const last = out.slivers - 1;
  const sameRow = last >= 0 && tree.level[out.sliverFrame[last]] === tree.level[idx];
  if (sameRow && x - (out.sliverX[last] + out.sliverWidth[last]) < 1) {
    out.sliverWidth[last] = x + width - out.sliverX[last];
    return;
  }
  out.sliverFrame[out.slivers] = idx;
  out.sliverX[out.slivers] = x;
  out.sliverWidth[out.slivers] = width;
  out.slivers += 1;
}

/** The frame at a value and a level, or `NONE`. Follows one path down. */
export function hit(tree: Tree, value: number, level: number): number {
  if (level < 0 || value < 0 || value >= tree.total[0]) return NONE;
  let at = 0;
  while (tree.level[at] < level) {
    let child = at + 1;
    while (child < tree.end[at] && value >= tree.left[child] + tree.total[child]) child = tree.end[child];
    if (child >= tree.end[at]) return NONE;
    at = child;
  }
  return at;
}

/** The view that a frame fills. An empty frame fills nothing, so its width is never nought. */
export function viewOf(tree: Tree, idx: number): View {
  const width = tree.total[idx] > 0 ? tree.total[idx] : 1;
  return { start: tree.left[idx], end: tree.left[idx] + width, level: tree.level[idx] };
}

/** A part of a frame, as shares of its width. */
export interface Zoom {
  start: number;
  end: number;
}

export const WHOLE: Zoom = { start: 0, end: 1 };

export function zoomed(view: View, zoom: Zoom): View {
  const width = view.end - view.start;
  return { start: view.start + zoom.start * width, end: view.start + zoom.end * width, level: view.level };
}

/** The narrowest share of a frame that can be zoomed to. */
export const ZOOM_MIN = 1e-5;

/** Zooms by a factor about a place (0 at the left edge of what is seen, 1 at the right), within the frame. */
export function zoomAbout(zoom: Zoom, place: number, factor: number): Zoom {
  const width = zoom.end - zoom.start;
  const newWidth = Math.min(1, Math.max(ZOOM_MIN, width * factor));
  const start = zoom.start + place * (width - newWidth);
  return pan({ start, end: start + newWidth }, 0);
}

/** Moves sideways by a share of what is seen, within the frame. */
export function pan(zoom: Zoom, by: number): Zoom {
  const width = zoom.end - zoom.start;
  const start = Math.min(1 - width, Math.max(0, zoom.start + by * width));
  return { start, end: start + width };
}

/** A view between two others; `progress` from 0 to 1 is eased out. */
export function between(from: View, to: View, progress: number): View {
  const eased = 1 - (1 - progress) ** 3;
  const mix = (a: number, b: number) => a + (b - a) * eased;
  return { start: mix(from.start, to.start), end: mix(from.end, to.end), level: mix(from.level, to.level) };
}
