// Small call trees written as indented text, for the tests of everything that works on trees.
import type { FlameGraph, FunctionInfo } from '../../src/api/types';
import { decode } from '../../src/data/flame';
import { layout, type Tree } from '../../src/layout/tree';

/**
 * Reads lines such as `  main 5`: depth by two spaces, name, self. `#12 5` is a hidden group of twelve frames.
 * The root is added.
 */
export function answerOf(text: string, root: string[] = []): FlameGraph {
  const answer = empty(root);
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, indent, name, self] = /^( *)(\S+) (\d+)$/.exec(line)!;
    const hidden = name.startsWith('#') ? Number(name.slice(1)) : 0;
    answer.levels.push(indent.length / 2 + 1);
    answer.names.push(hidden > 0 ? -1 : functionIndex(answer.functions, name));
    answer.selves.push(Number(self));
    answer.hidden.push(hidden);
  }
  answer.total = answer.selves.reduce((sum, self) => sum + self, 0);
  return answer;
}

export function treeOf(text: string, root: string[] = []): Tree {
  return layout(decode(answerOf(text, root)));
}

function empty(root: string[]): FlameGraph {
  const shape = { unit: 'nanoseconds', total: 0, frames_total: 0, frames_sent: 0, hidden_share: 0 };
  return { ...shape, root, functions: [], levels: [0], names: [-1], selves: [0], hidden: [0] };
}

function functionIndex(functions: FunctionInfo[], name: string): number {
  const known = functions.findIndex((item) => item.name === name);
  if (known >= 0) return known;
  functions.push({ name, kind: 'native', file: '', executable: '', package: 'test' });
  return functions.length - 1;
}

export const PROGRAM = `
main 0
  a 0
    x 60
    y 5
  b 0
    z 0
      w 20
  #3 5
idle 10
`;
