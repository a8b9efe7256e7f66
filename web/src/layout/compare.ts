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
    const byName = new Map(
      others.filter((child) => before.hidden[child] === 0).map((child) => [keyOf(before, child), child]),
    );
    for (const child of children(after, idx))
      open.push([child, byName.get(keyOf(after, child)) ?? NONE, isAnyCut]);
  }
  return compared;
}

function keyOf(tree: Tree, idx: number): string {
  const { kind, file, executable } = tree.functions[tree.name[idx]] ?? { kind: '', file: '', executable: '' };
  return `${frameName(tree, idx)}\0${kind}\0${file}\0${executable}`;
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

/** Where a picture of the change begins: below the frames that everything runs through, at the blamed one at last. */
export function stemOf(tree: Tree, { before, after }: Compared, blamed: string): number {
  let at = 0;
  while (blamed === '' || frameName(tree, at) !== blamed) {
    const child = children(tree, at).find(
      (one) =>
        tree.hidden[one] === 0 &&
        after[one] >= STEM_SHARE * after[at] &&
        Math.abs(after[one] - before[one]) >= STEM_SHARE * Math.abs(after[0] - before[0]),
    );
    if (child === undefined) break;
    at = child;
  }
  return at;
}
