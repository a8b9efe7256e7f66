// The code before and after a change as one flame graph: width is what it costs a request now, colour what it cost more.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Breakdown, FlameGraph } from '../api/types';
import { breakdown, flameGraph, type Question } from '../api/urls';
import { decode } from '../data/flame';
import { SERVICE } from '../data/labels';
import { cpuTime } from '../data/units';
import { paint, ROW_PX } from '../draw/flame';
import { paletteOf } from '../draw/palette';
import { surfaceOf } from '../draw/surface';
import { type Compared, compare, shadesOf, stemOf } from '../layout/compare';
import { frameName, layout, NONE, neighbours, type Tree } from '../layout/tree';
import { hit, viewOf } from '../layout/view';
import { refresh } from '../state/clock';
import { useResource } from '../state/resource';
import { theme } from '../state/theme';
import { FailureMessage } from './Message';
import { useSize } from './size';

const PICTURE = { direction: 'callees', width: 1_600, max_frames: 20_000, root: [] } as const;
const ROWS_MAX = 32;

const toTree = (body: unknown) => layout(decode(body as FlameGraph));

interface Props {
  before: Question;
  after: Question;
  /** Function that the picture leads to; empty for none. */
  blamed: string;
}

export function Comparison({ before, after, blamed }: Props) {
  const sides = [useSide(before), useSide(after)];
  const failure = sides.find(({ error }) => error !== null)?.error;
  if (failure) return <FailureMessage failure={failure} retry={refresh} />;
  const [old, now] = sides;
  if (!old.tree || !now.tree || old.requests === null || now.requests === null) {
    return <p class="dim">Asking for both sides …</p>;
  }
  if (old.requests === 0 || now.requests === 0 || now.tree.total[0] === 0) {
    return (
      <p class="dim">
        There are no samples with requests {old.requests === 0 ? 'before' : 'after'} it any more.
      </p>
    );
  }
  const requests = { before: old.requests, after: now.requests };
  return <Picture before={old.tree} after={now.tree} requests={requests} blamed={blamed} />;
}

function useSide(question: Question) {
  const tree = useResource<Tree>(flameGraph(question, PICTURE), { decode: toTree });
  const cost = useResource<Breakdown>(breakdown(question, SERVICE, 1));
  return {
    tree: tree.value,
    requests: cost.value?.total.requests ?? null,
    error: tree.error ?? cost.error,
  };
}

interface PictureProps {
  before: Tree;
  after: Tree;
  requests: { before: number; after: number };
  blamed: string;
}

function Picture({ before, after: tree, requests, blamed }: PictureProps) {
  const compared = useMemo(() => compare(before, tree, requests), [before, tree]);
  const shades = useMemo(() => shadesOf(compared), [compared]);
  const stem = useMemo(() => stemOf(tree, compared, blamed), [tree, compared, blamed]);
  const [focus, setFocus] = useState(stem);
  useEffect(() => setFocus(stem), [stem]);
  const [hovered, setHovered] = useState(NONE);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const palette = paletteOf(theme.value);
  const view = useMemo(() => viewOf(tree, focus), [tree, focus]);
  useLayoutEffect(() => {
    const surface = canvas.current && surfaceOf(canvas.current);
    const still = { flip: false, scrollPx: 0, matches: null, selected: NONE, focused: false };
    if (surface)
      paint(surface, {
        tree,
        view,
        palette,
        hovered,
        ...still,
        shades: { of: shades, fills: palette.change },
      });
  }, [tree, view, palette, hovered, shades, size]);
  const frameAt = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const value = view.start + ((view.end - view.start) * (event.clientX - box.left)) / box.width;
    return hit(tree, value, Math.floor((event.clientY - box.top) / ROW_PX) + view.level);
  };
  const shown = hovered === NONE ? focus : hovered;
  return (
    <>
      <div
        class="compared"
        style={{ height: rowsBelow(tree, focus) * ROW_PX }}
        tabIndex={0}
        role="group"
        aria-label="Flame graph of what changed. Arrows move to what is above, below and beside"
        onKeyDown={(event) => {
          const next = stepTo(event.key, tree, focus);
          if (next === NONE) return;
          event.preventDefault();
          setFocus(next);
        }}
      >
        <canvas
          ref={canvas}
          aria-hidden="true"
          onPointerMove={(event) => setHovered(frameAt(event))}
          onPointerLeave={() => setHovered(NONE)}
          onClick={(event) => {
            const frame = frameAt(event);
            if (frame !== NONE && tree.hidden[frame] === 0) setFocus(frame);
          }}
        />
      </div>
      <div class="compared-line">
        <output aria-live="polite">{said(tree, compared, shown)}</output>
        <button
          type="button"
          disabled={focus === 0}
          onClick={() => setFocus(Math.max(0, tree.parent[focus]))}
        >
          One up
        </button>
        <button type="button" disabled={focus === stem} onClick={() => setFocus(stem)}>
          Back to the change
        </button>
      </div>
      <p class="compared-key dim">
        cheaper
        {palette.change.map((fill) => (
          <i key={fill} style={{ background: fill }} />
        ))}
        dearer · width: CPU per request after
      </p>
    </>
  );
}

/** Where a key leads from a frame, or `NONE`. */
function stepTo(key: string, tree: Tree, idx: number): number {
  const { parent, firstChild, previous, next } = neighbours(tree, idx);
  const keys: Record<string, number> = {
    ArrowUp: parent,
    ArrowDown: firstChild,
    ArrowLeft: previous,
    ArrowRight: next,
  };
  const found = keys[key] ?? NONE;
  return found !== NONE && tree.hidden[found] === 0 ? found : NONE;
}

function said(tree: Tree, { before, after }: Compared, idx: number): string {
  const difference = after[idx] - before[idx];
  const name = frameName(tree, idx);
  if (Number.isNaN(difference))
    return `${name}: ${cpuTime(after[idx])} per request, too little before to be known`;
  const sign = difference > 0 ? '+' : '';
  return `${name}: ${cpuTime(before[idx])} → ${cpuTime(after[idx])} per request, ${sign}${cpuTime(difference)}`;
}

function rowsBelow(tree: Tree, idx: number): number {
  let deepest = 0;
  for (let at = idx; at < tree.end[idx]; at++) deepest = Math.max(deepest, tree.level[at] - tree.level[idx]);
  return Math.min(ROWS_MAX, deepest + 1);
}
