// Moves a flame graph between views without rendering anything else, and draws at most once a screen frame.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { find, NONE, pathOf, type Tree } from '../layout/tree';
import { between, hit, type View, type Zoom, zoomed } from '../layout/view';
import { change } from '../state/explore';
import { reducedMotion } from '../state/theme';

const TWEEN_MS = 120;
/** How long the wheel rests before its zoom is written to the address. */
const SETTLED_MS = 250;

/** What is on screen now; it runs ahead of the address while the wheel turns, and behind it during a tween. */
export interface Motion {
  tree: Tree;
  view: View;
  zoom: Zoom;
  /** Pending screen frames: for a drawing, and for the next step of a tween. */
  drawing: number;
  tween: number;
  settle: ReturnType<typeof setTimeout> | undefined;
}

export interface Mover {
  motion: { current: Motion };
  /** Draws with the next screen frame. */
  redraw(): void;
  /** Shows a zoom at once and writes it to the address when it has settled. */
  follow(zoom: Zoom): void;
}

/** `base` is the view of the focused frame, `zoom` the part of it that the address asks for. */
export function useMotion(tree: Tree, base: View, zoom: Zoom, paint: (view: View) => void): Mover {
  const motion = useRef<Motion>(null as unknown as Motion);
  motion.current ??= { tree, view: zoomed(base, zoom), zoom, drawing: 0, tween: 0, settle: undefined };
  const latest = useRef(paint);
  latest.current = paint;
  const redraw = () => {
    const moving = motion.current;
    if (moving.drawing !== 0) return;
    moving.drawing = requestAnimationFrame(() => {
      moving.drawing = 0;
      latest.current(moving.view);
    });
  };
  const follow = (next: Zoom) => {
    const moving = motion.current;
    cancelAnimationFrame(moving.tween);
    moving.zoom = next;
    moving.view = zoomed(base, next);
    redraw();
    clearTimeout(moving.settle);
    moving.settle = setTimeout(() => change({ zoom: next }, true), SETTLED_MS);
  };
  useLayoutEffect(
    () => move(motion.current, tree, zoomed(base, zoom), redraw),
    [tree, base, zoom.start, zoom.end],
  );
  useEffect(() => {
    motion.current.zoom = zoom;
    clearTimeout(motion.current.settle);
  }, [tree, base, zoom.start, zoom.end]);
  useEffect(() => () => stop(motion.current), []);
  return { motion, redraw, follow };
}

/** Moves to a view in 120 ms, or at once for readers who want no movement. */
function move(moving: Motion, tree: Tree, target: View, redraw: () => void): void {
  const from = moving.tree === tree ? moving.view : carried(moving.tree, moving.view, tree);
  moving.tree = tree;
  cancelAnimationFrame(moving.tween);
  if (from === null || reducedMotion() || same(from, target)) {
    moving.view = target;
    redraw();
    return;
  }
  const began = performance.now();
  const step = (now: number) => {
    const progress = Math.min(1, Math.max(0, (now - began) / TWEEN_MS));
    moving.view = between(from, target, progress);
    redraw();
    if (progress < 1) moving.tween = requestAnimationFrame(step);
  };
  step(began);
}

function stop(moving: Motion): void {
  cancelAnimationFrame(moving.drawing);
  cancelAnimationFrame(moving.tween);
  clearTimeout(moving.settle);
}

/** A view of one tree in another that shows more or less of the same; `null` when they have nothing in common. */
function carried(old: Tree, view: View, tree: Tree): View | null {
  const path = pathOf(old, Math.max(0, hit(old, (view.start + view.end) / 2, Math.round(view.level))));
  const [before, after] = [find(old, path), find(tree, path)];
  if (before === NONE || after === NONE || old.total[before] === 0) return null;
  const scale = tree.total[after] / old.total[before];
  const place = (value: number) => tree.left[after] + (value - old.left[before]) * scale;
  return { start: place(view.start), end: place(view.end), level: tree.level[after] };
}

function same(a: View, b: View): boolean {
  const near = (b.end - b.start) * 1e-4;
  return Math.abs(a.start - b.start) < near && Math.abs(a.end - b.end) < near && a.level === b.level;
}
