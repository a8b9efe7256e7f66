// Two call trees side by side: what each frame of the second costs a request, and what it cost in the first.
import { children, frameName, NONE, type Tree } from './tree';

export interface Compared {
  /** Of the second tree's frames, per request. */
  after: Float64Array;
  /** What the same frame cost in the first; `NaN` where that was too narrow to be sent. */
  before: Float64Array;
}

/** `requests` are those that each tree was sampled over. */
export function compare(before: Tree, after: Tree, requests: { before: number; after: number }): Compared {
  const compared = {
    after: after.total.map((total) => total / requests.after),
    before: new Float64Array(after.count),
  };
  // Pairs of frames with the same path; `NONE` where there is none in the first tree, and whether it was cut away.
  const open: [idx: number, known: number, isCut: boolean][] = [[0, 0, false]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [idx, known, isCut] = next;
    const isUnknown = after.hidden[idx] > 0 || (known === NONE && isCut);
    compared.before[idx] = isUnknown
      ? Number.NaN
      : known === NONE
        ? 0
        : before.total[known] / requests.before;
    const others = known === NONE ? [] : children(before, known);
    const isAnyCut = known === NONE ? isCut : others.some((child) => before.hidden[child] > 0);
    const counterparts = counterpartsOf(before, others, after, children(after, idx));
    for (const [child, other] of counterparts) open.push([child, other, isAnyCut]);
  }
  return compared;
}

/**
 * For each frame of the second tree the same one of the first, or `NONE`. A release may lie in a folder of its own, and
 * run beside the one before it: where a frame is not known by its folders, those that are the same but for them belong
 * together, the largest with the largest.
 */
function counterpartsOf(before: Tree, others: number[], after: Tree, frames: number[]): [number, number][] {
  const shown = others.filter((other) => before.hidden[other] === 0);
  const exact = new Map(shown.map((other) => [keyOf(before, other, true), other]));
  const alike = grouped(before, shown);
  return [...grouped(after, frames)].flatMap(([key, group]) => {
    const known = group.map((frame) => exact.get(keyOf(after, frame, true)) ?? NONE);
    const found = known.includes(NONE) ? (alike.get(key) ?? []) : known;
    return group.map((frame, idx): [number, number] => [frame, found[idx] ?? NONE]);
  });
}

/** Frames that are the same but for their folders, the largest of each group first. */
function grouped(tree: Tree, frames: number[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const frame of frames.toSorted((a, b) => tree.total[b] - tree.total[a])) {
    const key = keyOf(tree, frame, false);
    const group = groups.get(key);
    if (group) group.push(frame);
    else groups.set(key, [frame]);
  }
  return groups;
}

function keyOf(tree: Tree, idx: number, withFolders: boolean): string {
  const { kind, file, executable } = tree.functions[tree.name[idx]] ?? { kind: '', file: '', executable: '' };
  const places = [file, executable].map((path) =>
    withFolders ? path : path.slice(path.lastIndexOf('/') + 1),
  );
  return [frameName(tree, idx), kind, ...places].join('\0');
}

/** Shades from much cheaper over unchanged to much dearer. */
export const SHADES = 7;
const UNCHANGED = 3;
/** Parts of the whole change from which on a frame has each shade. */
const STEPS = [0.05, 0.2, 0.5];
/** Where the whole changed by less than this part, shades go by it: else noise would be coloured. */
const CHANGE_MIN = 0.02;

/** The shade of each frame: how much of the whole change lies in it. */
export function shadesOf({ before, after }: Compared): Uint8Array {
  const whole = Math.max(Math.abs(after[0] - before[0]), CHANGE_MIN * after[0]);
  return Uint8Array.from(after, (cost, idx) => {
    const part = (cost - before[idx]) / whole;
    const steps = STEPS.filter((step) => Math.abs(part) >= step).length;
    return UNCHANGED + (part < 0 ? -steps : steps);
  });
}

/** Of a frame's cost and of the whole change, what a child must have for the picture to begin there. */
const STEM_SHARE = 0.9;
/** The same below the blamed frame, where nearly nothing may be left out. */
const STEM_SHARE_BELOW = 0.97;

/**
 * Where a picture of the change begins: below the frames that everything runs through. That is at the blamed one, or
 * below it where it does no more than call another.
 */
export function stemOf(tree: Tree, { before, after }: Compared, blamed: string): number {
  let at = 0;
  let share = STEM_SHARE;
  for (;;) {
    if (blamed !== '' && frameName(tree, at) === blamed) share = STEM_SHARE_BELOW;
    const change = share === STEM_SHARE ? after[0] - before[0] : after[at] - before[at];
    const child = children(tree, at).find(
      (one) =>
        tree.hidden[one] === 0 &&
        after[one] >= share * after[at] &&
        Math.abs(after[one] - before[one]) >= share * Math.abs(change),
    );
    if (child === undefined) return at;
    at = child;
  }
}
