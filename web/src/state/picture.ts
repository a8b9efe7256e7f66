// The cut of the call tree that the flame graph shows, as the address asks for it.
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { FlameGraph } from '../api/types';
import { flameGraph, type Question } from '../api/urls';
import { decode } from '../data/flame';
import { layout, type Tree } from '../layout/tree';
import { type Cut, cutFor, withRootFunction } from './cut';
import { change, explore, focusPath, NO_PLACE } from './explore';
import { type Resource, useResource } from './resource';

const toTree = (body: unknown) => layout(decode(body as FlameGraph));

export function useTree(question: Question, widthPx: number): Resource<Tree> {
  const state = explore.value;
  const cut = useRef<Cut | null>(null);
  const tree = useRef<Tree | null>(null);
  const settled = useRef('');
  const { direction } = state;
  if (settled.current !== direction) {
    // The other direction is another tree: nothing at hand can stand for it.
    settled.current = direction;
    tree.current = null;
  }
  if (widthPx > 0) cut.current = cutFor(cut.current, tree.current, focusPath(state), state.zoom, widthPx);
  const url = useMemo(
    () => (cut.current ? flameGraph(question, { direction, ...cut.current }) : null),
    [question, direction, cut.current?.width, cut.current?.max_frames, cut.current?.root.join('\0')],
  );
  const answer = useResource<Tree>(url, { decode: toTree });
  const value = useMemo(() => answer.value && withRootFunction(answer.value, tree.current), [answer.value]);
  if (answer.url === url && value) tree.current = value;
  const lost = answer.url === url && value !== null && isLost(value);
  useEffect(() => {
    if (lost) change(NO_PLACE, true);
  }, [lost]);
  return { ...answer, value };
}

/** Whether the frame asked for is not in the selection any more. */
function isLost(tree: Tree): boolean {
  return tree.root.length > 0 && tree.total[0] === 0 && tree.selectionTotal > 0;
}
