// Where every frame lies: totals, subtree ends and left edges, and the ways to walk between frames.
import type { Columns } from '../data/flame';
import { count } from '../data/units';

/** A laid out call tree. Positions are in the unit of the values, so that zooming moves nothing. */
export interface Tree extends Columns {
  readonly total: Float64Array;
  readonly left: Float64Array;
  readonly parent: Int32Array;
  /** One past the last frame of the subtree. */
  readonly end: Uint32Array;
  readonly depth: number;
  /** Whether siblings come widest first; then the rest of a row can be skipped at the first narrow one. */
  readonly sorted: boolean;
}

/** No frame. */
export const NONE = -1;

/** Folds totals from selves, back to front, then places the frames front to back. */
export function layout(columns: Columns): Tree {
  const { count, level, self, hidden } = columns;
  const total = new Float64Array(count);
  const left = new Float64Array(count);
  const parent = new Int32Array(count).fill(NONE);
  const end = new Uint32Array(count);
  const lastAtLevel: number[] = [];
  let depth = 0;
  for (let idx = 0; idx < count; idx++) {
    lastAtLevel[level[idx]] = idx;
    if (idx > 0) parent[idx] = lastAtLevel[level[idx] - 1];
    if (level[idx] >= depth) depth = level[idx] + 1;
  }
  for (let idx = count - 1; idx >= 0; idx--) {
    total[idx] += self[idx];
    if (end[idx] === 0) end[idx] = idx + 1;
    if (idx === 0) break;
    const above = parent[idx];
    total[above] += total[idx];
    if (end[above] < end[idx]) end[above] = end[idx];
  }
  const next = new Float64Array(count);
  const widest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let sorted = true;
  for (let idx = 1; idx < count; idx++) {
    const above = parent[idx];
    left[idx] = next[above];
    next[above] += total[idx];
    next[idx] = left[idx];
    if (hidden[idx] > 0) continue;
    if (total[idx] > widest[above]) sorted = false;
    widest[above] = total[idx];
  }
  return { ...columns, total, left, parent, end, depth, sorted };
}

/** What a frame is called. */
export function frameName(tree: Tree, idx: number): string {
  if (tree.hidden[idx] > 0) return `${count(tree.hidden[idx])} hidden frames`;
  if (tree.name[idx] >= 0) return tree.functions[tree.name[idx]].name;
  return tree.root.at(-1) ?? 'all';
}

/** Names from the top of the whole tree to a frame; a hidden group gives its parent's. */
export function pathOf(tree: Tree, idx: number): string[] {
  const names: string[] = [];
  for (let at = idx; at > 0; at = tree.parent[at]) {
    if (tree.hidden[at] === 0) names.push(frameName(tree, at));
  }
  return [...tree.root, ...names.reverse()];
}

/** The frame at a path, or `NONE` when it is cut away or was never there. */
export function find(tree: Tree, path: readonly string[]): number {
  if (!startsWith(path, tree.root)) return NONE;
  let at = 0;
  for (const name of path.slice(tree.root.length)) {
    at =
      children(tree, at).find((child) => tree.hidden[child] === 0 && frameName(tree, child) === name) ?? NONE;
    if (at === NONE) return NONE;
  }
  return at;
}

/** The deepest frame of the tree that lies on a path, or `NONE` when the tree shows another part. */
export function findNearest(tree: Tree, path: readonly string[]): number {
  for (let length = path.length; length >= tree.root.length; length--) {
    const idx = find(tree, path.slice(0, length));
    if (idx !== NONE) return idx;
  }
  return NONE;
}

export function children(tree: Tree, idx: number): number[] {
  const found: number[] = [];
  for (let child = idx + 1; child < tree.end[idx]; child = tree.end[child]) found.push(child);
  return found;
}

/** Whether anything below a frame was cut away by the server. */
export function hasHidden(tree: Tree, idx: number): boolean {
  for (let at = idx; at < tree.end[idx]; at++) if (tree.hidden[at] > 0) return true;
  return false;
}

/** The neighbours that the arrow keys lead to. */
export interface Neighbours {
  parent: number;
  firstChild: number;
  previous: number;
  next: number;
}

export function neighbours(tree: Tree, idx: number): Neighbours {
  const parent = tree.parent[idx];
  const siblings = parent === NONE ? [idx] : children(tree, parent);
  const place = siblings.indexOf(idx);
  return {
    parent,
    firstChild: tree.end[idx] > idx + 1 ? idx + 1 : NONE,
    previous: siblings[place - 1] ?? NONE,
    next: siblings[place + 1] ?? NONE,
  };
}

export function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((name, idx) => path[idx] === name);
}
