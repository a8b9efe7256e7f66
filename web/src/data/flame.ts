// Decodes the columns of a flame graph answer into typed arrays and checks that they are a tree.
import type { FlameGraph, FunctionInfo } from '../api/types';

/** Frames in depth-first order; index 0 is the frame shown as root. */
export interface Columns {
  readonly unit: string;
  /** Sum of the whole selection, more than the root's total when a part of the tree is shown. */
  readonly selectionTotal: number;
  readonly functions: readonly FunctionInfo[];
  readonly root: readonly string[];
  readonly framesTotal: number;
  readonly framesSent: number;
  readonly hiddenShare: number;
  readonly count: number;
  readonly level: Uint32Array;
  /** Index into `functions`, -1 for the root and hidden groups. */
  readonly name: Int32Array;
  readonly self: Float64Array;
  readonly hidden: Uint32Array;
}

/** More frames than this are refused: the server is asked for some thousands. */
export const FRAMES_MAX = 4_000_000;

/** Why an answer is not a call tree. */
export class Malformed extends Error {}

export function decode(answer: FlameGraph): Columns {
  // A path that does not occur has no frames at all: shown as an empty root.
  if (answer.levels.length === 0) {
    return decode({ ...answer, levels: [0], names: [-1], selves: [0], hidden: [0] });
  }
  const count = answer.levels.length;
  if (count > FRAMES_MAX) throw new Malformed(`${count} frames are more than the limit of ${FRAMES_MAX}`);
  for (const column of ['names', 'selves', 'hidden'] as const) {
    if (answer[column].length !== count) throw new Malformed(`column ${column} is not as long as levels`);
  }
  if (answer.levels[0] !== 0) throw new Malformed('the first frame is not the root');
  const columns: Columns = {
    unit: answer.unit,
    selectionTotal: answer.total,
    functions: answer.functions,
    root: answer.root,
    framesTotal: answer.frames_total,
    framesSent: answer.frames_sent,
    hiddenShare: answer.hidden_share,
    count,
    level: Uint32Array.from(answer.levels),
    name: Int32Array.from(answer.names),
    self: Float64Array.from(answer.selves),
    hidden: Uint32Array.from(answer.hidden),
  };
  check(columns);
  return columns;
}

function check({ count, level, name, functions }: Columns): void {
  for (let idx = 1; idx < count; idx++) {
    if (level[idx] === 0 || level[idx] > level[idx - 1] + 1) {
      throw new Malformed(`frame ${idx} at level ${level[idx]} has no parent`);
    }
    if (name[idx] >= functions.length || name[idx] < -1) {
      throw new Malformed(`frame ${idx} names function ${name[idx]} of ${functions.length}`);
    }
  }
}
