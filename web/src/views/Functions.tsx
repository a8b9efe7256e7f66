// Functions by cost over the whole selection.
import type { Top, TopRow } from '../api/types';
import { amount, rate, share } from '../data/units';
import { allFills, fillOf, paletteOf } from '../draw/palette';
import { change, type Explore, fields } from '../state/explore';
import { theme } from '../state/theme';
import { type Column, Table } from './Table';

const COLUMNS: readonly Column<Explore['sort']>[] = [
  { sort: 'name', title: 'Function', hint: 'by name', order: 'ascending' },
  { sort: 'self', title: 'Self', hint: 'time in the function itself', order: 'descending' },
  { sort: 'total', title: 'Total', hint: 'time in it and in what it called', order: 'descending' },
];

export function Functions({ top, over_ms }: { top: Top; over_ms: number }) {
  const widest = top.rows.reduce((most, row) => Math.max(most, row.total), 1);
  const palette = paletteOf(theme.value);
  const fills = allFills(palette);
  return (
    <Table
      label="Function table"
      columns={COLUMNS}
      sort={fields.sort.value}
      onSort={(sort) => change({ sort }, true)}
      rows={top.rows}
      rowOf={(row, place) => (
        <FunctionRow
          key={place}
          row={row}
          top={top}
          widest={widest}
          place={place}
          over_ms={over_ms}
          colour={fills[fillOf(row.function, palette)]}
        />
      )}
    />
  );
}

interface RowProps {
  row: TopRow;
  top: Top;
  widest: number;
  place: number;
  over_ms: number;
  colour: string;
}

function FunctionRow({ row, top, widest, place, over_ms, colour }: RowProps) {
  const { function: item } = row;
  const pattern = `^${item.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
  const searched = fields.search.value === pattern;
  const about = [item.name, item.file, item.executable, item.kind].filter((text) => text !== '').join('\n');
  return (
    <tr aria-rowindex={place + 2} data-searched={searched}>
      <th scope="row">
        <button
          type="button"
          class="quiet"
          title={about}
          aria-pressed={searched}
          onClick={() => change({ search: searched ? '' : pattern })}
        >
          <i style={{ background: colour }} />
          <span>{item.name}</span>
          <small>{item.package}</small>
        </button>
      </th>
      <Cost value={row.self} top={top} widest={widest} over_ms={over_ms} />
      <Cost value={row.total} top={top} widest={widest} over_ms={over_ms} />
    </tr>
  );
}

function Cost({ value, top, widest, over_ms }: { value: number; top: Top; widest: number; over_ms: number }) {
  const { sum } = amount(value, top.unit, over_ms);
  return (
    <td title={sum}>
      <i class="bar" style={{ width: `${(100 * value) / widest}%` }} />
      <span>{rate(value, top.unit, over_ms)}</span>
      <small>{share(value, top.total)}</small>
    </td>
  );
}
