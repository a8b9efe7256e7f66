// What the frame under the pointer is. For the eye only: the tree beside the canvas says the same.
import { amount, count, duration, share } from '../data/units';
import { frameName, type Tree } from '../layout/tree';

export interface Pointed {
  frame: number;
  x: number;
  y: number;
}

const GAP_PX = 14;

interface Props {
  tree: Tree;
  pointed: Pointed;
  over_ms: number;
}

export function FlameTooltip({ tree, pointed, over_ms }: Props) {
  const { frame } = pointed;
  const total = amount(tree.total[frame], tree.unit, over_ms);
  const self = amount(tree.self[frame], tree.unit, over_ms);
  const hidden = tree.hidden[frame];
  return (
    <div class="tooltip" style={beside(pointed)} aria-hidden="true">
      <strong>{frameName(tree, frame)}</strong>
      <Where tree={tree} frame={frame} />
      <table>
        <tbody>
          <tr>
            <th>total</th>
            <td>{total.rate}</td>
            <td>{total.sum}</td>
            <td>{share(tree.total[frame], tree.selectionTotal)}</td>
          </tr>
          {hidden === 0 && (
            <tr>
              <th>self</th>
              <td>{self.rate}</td>
              <td>{self.sum}</td>
              <td>{share(tree.self[frame], tree.selectionTotal)}</td>
            </tr>
          )}
        </tbody>
      </table>
      <small>
        {hidden > 0
          ? `${count(hidden)} frames too narrow to draw. Click to ask for them.`
          : `mean over ${duration(over_ms)} with data`}
      </small>
    </div>
  );
}

/** On the side of the pointer that has more room: known without measuring, which would cost a layout. */
function beside({ x, y }: Pointed): Record<string, number> {
  const across = x < innerWidth / 2 ? { left: x + GAP_PX } : { right: innerWidth - x + GAP_PX };
  const along = y < innerHeight / 2 ? { top: y + GAP_PX } : { bottom: innerHeight - y + GAP_PX };
  return { ...across, ...along };
}

function Where({ tree, frame }: { tree: Tree; frame: number }) {
  if (tree.name[frame] < 0) return null;
  const { kind, file, executable } = tree.functions[tree.name[frame]];
  return (
    <>
      {file !== '' && <div>{file}</div>}
      <div>
        {kind}
        {executable !== '' && ` · ${executable}`}
      </div>
    </>
  );
}
