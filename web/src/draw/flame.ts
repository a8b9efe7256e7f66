// Paints a flame graph: rectangles grouped by fill, then hatched slivers, then labels, then the marks on top.
import { shorten } from '../layout/label';
import { frameName, type Tree } from '../layout/tree';
import { emptyVisible, type View, type Visible, visible } from '../layout/view';
import { allFills, fillOf, type Palette } from './palette';
import { FONT, measureWith, type Surface } from './surface';

export const ROW_PX = 19;

/** Room that a label needs before any of it is drawn. */
const LABEL_MIN_PX = 24;
const LABEL_PAD_PX = 4;
/** Slivers narrower than this would be a mere line. */
const SLIVER_MIN_PX = 1.5;

export interface Scene {
  tree: Tree;
  view: View;
  palette: Palette;
  /** Root at the bottom. */
  flip: boolean;
  scrollPx: number;
  /** Marks of the functions that match the search, or `null` when there is none. */
  matches: Uint8Array | null;
  selected: number;
  hovered: number;
  /** Whether the keyboard is on the graph. */
  focused: boolean;
  /** Fills by frame, in the place of those by package. */
  shades?: { of: Uint8Array; fills: readonly string[] };
}

const shown = emptyVisible();
const order = new Int32Array(shown.frame.length);
const fillOfRectangle = new Uint8Array(shown.frame.length);

/** Draws the scene and says what is on it. Valid until the next call. */
export function paint({ context, widthPx, heightPx }: Surface, scene: Scene): Visible {
  const { tree, view, palette, scrollPx } = scene;
  const topLevel = view.level + scrollPx / ROW_PX;
  const drawn = { ...view, level: topLevel };
  visible(tree, drawn, widthPx, Math.ceil(heightPx / ROW_PX) + 1, shown);
  const yOf = (frame: number) => {
    const y = (tree.level[frame] - topLevel) * ROW_PX;
    return scene.flip ? heightPx - ROW_PX - y : y;
  };
  context.fillStyle = palette.background;
  context.fillRect(0, 0, widthPx, heightPx);
  const groups = groupByFill(scene);
  paintRectangles(context, scene.shades?.fills ?? allFills(palette), groups, yOf);
  paintHatches(context, scene, yOf);
  paintLabels(context, scene, yOf);
  paintMark(context, scene, scene.hovered, 1, yOf);
  paintMark(context, scene, scene.selected, scene.focused ? 3 : 2, yOf);
  return shown;
}

/** Sorts the rectangles by fill, by counting; gives where each fill's run ends in `order`. */
function groupByFill({ tree, palette, matches, shades }: Scene): Int32Array {
  const fills = palette.fills.length + 4;
  const ends = new Int32Array(fills + 1);
  for (let at = 0; at < shown.count; at++) {
    const frame = shown.frame[at];
    const fill = shades ? shades.of[frame] : fillOfFrame(tree, frame, palette, matches);
    fillOfRectangle[at] = fill;
    ends[fill + 1] += 1;
  }
  for (let fill = 0; fill < fills; fill++) ends[fill + 1] += ends[fill];
  const next = ends.slice();
  for (let at = 0; at < shown.count; at++) order[next[fillOfRectangle[at]]++] = at;
  return ends;
}

function fillOfFrame(tree: Tree, frame: number, palette: Palette, matches: Uint8Array | null): number {
  const plain = palette.fills.length + 2;
  const name = tree.name[frame];
  if (name < 0) return plain;
  if (matches) return matches[name] ? plain + 1 : plain;
  return fillOf(tree.functions[name], palette);
}

type RowPlace = (frame: number) => number;

function paintRectangles(
  context: CanvasRenderingContext2D,
  fills: readonly string[],
  ends: Int32Array,
  yOf: RowPlace,
): void {
  for (let fill = 0; fill < fills.length; fill++) {
    if (ends[fill] === ends[fill + 1]) continue;
    context.fillStyle = fills[fill];
    for (let place = ends[fill]; place < ends[fill + 1]; place++) {
      const at = order[place];
      // A pixel stays free on the right and below; a narrow frame keeps most of its width.
      const gap = Math.min(1, shown.width[at] * 0.25);
      context.fillRect(shown.x[at], yOf(shown.frame[at]), shown.width[at] - gap, ROW_PX - 1);
    }
  }
}

/** Hatches what is there and not drawn: runs of narrow frames, and groups that the server hid. */
function paintHatches(context: CanvasRenderingContext2D, { tree, palette }: Scene, yOf: RowPlace): void {
  context.beginPath();
  for (let at = 0; at < shown.slivers; at++) {
    if (shown.sliverWidth[at] < SLIVER_MIN_PX) continue;
    hatch(context, shown.sliverX[at], yOf(shown.sliverFrame[at]), shown.sliverWidth[at]);
  }
  for (let at = 0; at < shown.count; at++) {
    const frame = shown.frame[at];
    if (tree.hidden[frame] === 0 || shown.width[at] < SLIVER_MIN_PX) continue;
    hatch(context, shown.x[at], yOf(frame), shown.width[at] - 1);
  }
  context.strokeStyle = palette.hatch;
  context.lineWidth = 1;
  context.stroke();
}

const HATCH_STEP_PX = 4;

/** Adds slanted lines that fill a cell of a row. */
function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number): void {
  const height = ROW_PX - 1;
  for (let from = x - height; from < x + width; from += HATCH_STEP_PX) {
    const start = Math.max(from, x);
    const end = Math.min(from + height, x + width);
    context.moveTo(start, y + height - (start - from));
    context.lineTo(end, y + height - (end - from));
  }
}

function paintLabels(context: CanvasRenderingContext2D, scene: Scene, yOf: RowPlace): void {
  const { tree, palette } = scene;
  const measure = measureWith(context);
  context.font = FONT;
  context.textBaseline = 'middle';
  const plain = palette.fills.length + 2;
  for (let at = 0; at < shown.count; at++) {
    if (shown.width[at] < LABEL_MIN_PX) continue;
    const frame = shown.frame[at];
    const label = shorten(frameName(tree, frame), shown.width[at] - 2 * LABEL_PAD_PX, measure);
    if (label === '') continue;
    const hidden = tree.hidden[frame] > 0;
    if (hidden) {
      // The words of a hatched cell stand on a plain ground.
      context.fillStyle = palette.plain;
      context.fillRect(shown.x[at] + 1, yOf(frame) + 2, measure(label) + 2 * LABEL_PAD_PX - 2, ROW_PX - 5);
    }
    const fill = fillOfRectangle[at];
    const grey = fill === plain && (scene.matches !== null || hidden);
    context.fillStyle = fill === plain + 1 ? palette.matchText : grey ? palette.plainText : palette.text;
    context.fillText(label, shown.x[at] + LABEL_PAD_PX, yOf(frame) + ROW_PX / 2);
  }
}

function paintMark(
  context: CanvasRenderingContext2D,
  scene: Scene,
  frame: number,
  linePx: number,
  yOf: RowPlace,
): void {
  const at = frame < 0 ? -1 : shown.frame.subarray(0, shown.count).indexOf(frame);
  if (at < 0) return;
  context.strokeStyle = scene.palette.outline;
  context.lineWidth = linePx;
  const half = linePx / 2;
  context.strokeRect(
    shown.x[at] + half,
    yOf(frame) + half,
    Math.max(1, shown.width[at] - linePx),
    ROW_PX - 1 - linePx,
  );
}
