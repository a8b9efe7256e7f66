// The canvas of the flame graph: draws the scene and follows the pointer.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { paint, ROW_PX, type Scene } from '../draw/flame';
import { paletteOf } from '../draw/palette';
import { surfaceOf } from '../draw/surface';
import { findNearest, NONE, pathOf, type Tree } from '../layout/tree';
import { hit, pan, type View, viewOf, WHOLE, zoomAbout } from '../layout/view';
import { change, type Explore, explore, focusPath } from '../state/explore';
import { theme } from '../state/theme';
import { FlameTooltip, type Pointed } from './FlameTooltip';
import { FlameTree } from './FlameTree';
import { type Mover, useMotion } from './motion';
import type { Size } from './size';

const TREE_ID = 'flame-tree';

interface Props {
  tree: Tree;
  matches: Uint8Array | null;
  over_ms: number;
  size: Size;
}

export function FlameCanvas({ tree, matches, over_ms, size }: Props) {
  const state = explore.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [focused, setFocused] = useState(false);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const { focusIdx, selected, base } = usePlace(tree, state);
  const scroll = useScroll(tree, focusIdx, selected, size.heightPx);
  const scene: Omit<Scene, 'view'> = {
    tree,
    palette: paletteOf(theme.value),
    flip: state.flip,
    scrollPx: scroll.px,
    matches,
    selected: state.path.length === 0 ? NONE : selected,
    hovered: pointed?.frame ?? NONE,
    focused,
  };
  const mover = useMotion(tree, base, state.zoom, (view) => {
    const surface = canvas.current && surfaceOf(canvas.current);
    if (surface) paint(surface, { ...scene, view });
  });
  const { hovered } = scene;
  useLayoutEffect(mover.redraw, [
    tree,
    matches,
    size,
    scene.palette,
    scene.flip,
    scene.selected,
    hovered,
    focused,
    scroll.px,
  ]);
  useWheel(canvas, mover, scroll, state.flip);

  const frameAt = (event: MouseEvent) => hitAt(event, tree, mover.motion.current.view, state.flip, scroll.px);
  const onClick = (event: MouseEvent) => {
    const frame = frameAt(event);
    document.getElementById(TREE_ID)?.focus({ preventScroll: true });
    setFocused(false);
    if (frame !== NONE) open(tree, frame, focusIdx, base);
  };
  const onPointerMove = (event: PointerEvent) => {
    const frame = frameAt(event);
    setPointed(frame === NONE ? null : { frame, x: event.clientX, y: event.clientY });
  };
  return (
    <>
      <canvas
        ref={canvas}
        class="flame-canvas"
        data-focused={focused}
        aria-hidden="true"
        onClick={onClick}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setPointed(null)}
      />
      <FlameTree
        id={TREE_ID}
        tree={tree}
        focusIdx={focusIdx}
        selected={selected === NONE ? focusIdx : selected}
        over_ms={over_ms}
        flip={state.flip}
        setFocused={setFocused}
      />
      {pointed && pointed.frame < tree.count && (
        <FlameTooltip tree={tree} pointed={pointed} over_ms={over_ms} />
      )}
    </>
  );
}

/** Where the address stands in a tree: the frame that fills the picture, its view, and the selected one. */
function usePlace(tree: Tree, state: Pick<Explore, 'path' | 'focus'>) {
  return useMemo(() => {
    const focusIdx = Math.max(0, findNearest(tree, focusPath(state)));
    return { focusIdx, selected: findNearest(tree, state.path), base: viewOf(tree, focusIdx) };
  }, [tree, state.path.join('\0'), state.focus]);
}

/** The frame under the pointer. */
function hitAt(event: MouseEvent, tree: Tree, view: View, flip: boolean, scrollPx: number): number {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const y = flip ? box.bottom - event.clientY : event.clientY - box.top;
  const value = view.start + ((view.end - view.start) * (event.clientX - box.left)) / box.width;
  return hit(tree, value, Math.floor((y + scrollPx) / ROW_PX) + Math.round(view.level));
}

/** A click on a frame focuses it; on a hidden group, it zooms to it, and the server is asked for what is there. */
function open(tree: Tree, frame: number, focusIdx: number, base: View): void {
  const parent = tree.parent[frame];
  if (tree.hidden[frame] === 0 || parent !== focusIdx) {
    change({ path: pathOf(tree, frame), focus: null, zoom: WHOLE });
    return;
  }
  const width = base.end - base.start;
  const start = (tree.left[frame] - base.start) / width;
  change({ zoom: { start, end: Math.min(1, start + tree.total[frame] / width) } });
}

interface Scroll {
  px: number;
  maxPx: number;
  set(px: number): void;
}

/** Scrolls the rows below the focused frame, and keeps the selected one in sight while the keyboard moves it. */
function useScroll(tree: Tree, focusIdx: number, selected: number, heightPx: number): Scroll {
  const [px, set] = useState(0);
  const rows = useMemo(() => rowsBelow(tree, focusIdx), [tree, focusIdx]);
  const maxPx = Math.max(0, rows * ROW_PX - heightPx);
  useEffect(() => set(0), [focusIdx, tree]);
  useEffect(() => {
    if (selected === NONE) return;
    const top = (tree.level[selected] - tree.level[focusIdx]) * ROW_PX;
    set((now) => Math.max(0, Math.min(top, Math.max(now, top + ROW_PX - heightPx))));
  }, [tree, selected, focusIdx, heightPx]);
  return { px: Math.min(px, maxPx), maxPx, set };
}

function rowsBelow(tree: Tree, idx: number): number {
  let deepest = 0;
  for (let at = idx; at < tree.end[idx]; at++) deepest = Math.max(deepest, tree.level[at] - tree.level[idx]);
  return deepest + 1;
}

/** With control zooms at the pointer, with shift or sideways moves across, else scrolls the rows. */
function useWheel(canvas: RefObject<HTMLCanvasElement>, mover: Mover, scroll: Scroll, flip: boolean): void {
  const turn = (event: WheelEvent) => {
    const { zoom } = mover.motion.current;
    const box = canvas.current!.getBoundingClientRect();
    const across = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      mover.follow(zoomAbout(zoom, (event.clientX - box.left) / box.width, Math.exp(event.deltaY * 0.004)));
    } else if (across !== 0 && (event.shiftKey || Math.abs(across) > Math.abs(event.deltaY))) {
      mover.follow(pan(zoom, across / box.width));
    } else {
      const next = Math.min(scroll.maxPx, Math.max(0, scroll.px + (flip ? -event.deltaY : event.deltaY)));
      if (next === scroll.px) return;
      scroll.set(next);
    }
    event.preventDefault();
  };
  const latest = useRef(turn);
  latest.current = turn;
  useEffect(() => {
    // Not passive: zooming must keep the page from zooming or scrolling too.
    const listen = (event: WheelEvent) => latest.current(event);
    const element = canvas.current!;
    element.addEventListener('wheel', listen, { passive: false });
    return () => element.removeEventListener('wheel', listen);
  }, [canvas]);
}
