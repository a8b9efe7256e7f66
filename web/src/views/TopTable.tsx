// Functions by cost over the whole selection. Only the rows near the window are in the document.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Top, TopRow } from '../api/types';
import { type Question, top as topUrl } from '../api/urls';
import { amount, count, rate, share } from '../data/units';
import { allFills, fillOf, paletteOf } from '../draw/palette';
import { rowWindow } from '../layout/rows';
import { refresh } from '../state/clock';
import { change, type Explore, fields } from '../state/explore';
import { useResource } from '../state/resource';
import { theme } from '../state/theme';
import { FILTER_ID } from './keys';
import { FailureMessage, isFatal, Waiting } from './Message';
import { useSize } from './size';
import { ViewSwitch } from './ViewSwitch';

const ROW_PX = 25;
const ROWS_MAX = 2_000;
const FILTER_DELAY_MS = 200;

type Sort = Explore['sort'];

const COLUMNS: readonly { sort: Sort; title: string; hint: string; order: 'ascending' | 'descending' }[] = [
  { sort: 'name', title: 'Function', hint: 'by name', order: 'ascending' },
  { sort: 'self', title: 'Self', hint: 'time in the function itself', order: 'descending' },
  { sort: 'total', title: 'Total', hint: 'time in it and in what it called', order: 'descending' },
];

interface Props {
  question: Question;
  over_ms: number;
}

export function TopTable({ question, over_ms }: Props) {
  const sort = fields.sort.value;
  const filter = fields.filter.value;
  const top = useResource<Top>(topUrl(question, { sort, filter, limit: ROWS_MAX }));
  const { value, error, loading } = top;
  const unit = value?.unit === 'nanoseconds' ? 'cores' : (value?.unit ?? '');
  return (
    <section class="panel table-panel" aria-label="Functions">
      <Waiting active={loading} />
      <div class="panel-head">
        <h2>Functions</h2>
        <FilterBox />
        {fields.view.value === 'table' && <ViewSwitch />}
        <div class="spring" />
        {value && (
          <small>
            {value.rows.length < value.functions_total && `${count(value.rows.length)} of `}
            {count(value.functions_total)} · {unit}
          </small>
        )}
      </div>
      {error && isFatal(error, value !== null) ? (
        <FailureMessage failure={error} retry={refresh} />
      ) : (
        value && <Rows top={value} over_ms={over_ms} />
      )}
    </section>
  );
}

function FilterBox() {
  const filter = fields.filter.value;
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  useEffect(() => {
    if (text === fields.filter.peek()) return;
    const timer = setTimeout(() => change({ filter: text }, true), FILTER_DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      id={FILTER_ID}
      type="search"
      class="filter"
      placeholder="filter"
      aria-label="Filter functions by name"
      spellcheck={false}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}

function Rows({ top, over_ms }: { top: Top; over_ms: number }) {
  const box = useRef<HTMLDivElement>(null);
  const { heightPx } = useSize(box);
  const [scrollPx, setScrollPx] = useState(0);
  const sort = fields.sort.value;
  const seen = rowWindow(top.rows.length, ROW_PX, scrollPx, heightPx);
  const widest = Math.max(
    1,
    top.rows.reduce((most, row) => Math.max(most, row.total), 0),
  );
  const fills = allFills(paletteOf(theme.value));
  return (
    <div
      class="rows"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label="Function table"
      onScroll={(event) => setScrollPx(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={top.rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <th key={column.sort} scope="col" aria-sort={column.sort === sort ? column.order : undefined}>
                <button
                  type="button"
                  class="quiet"
                  title={column.hint}
                  onClick={() => change({ sort: column.sort }, true)}
                >
                  {column.title}
                  <span aria-hidden="true">
                    {column.sort !== sort ? '' : column.order === 'ascending' ? ' ↑' : ' ↓'}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap heightPx={seen.beforePx} />
          {top.rows.slice(seen.first, seen.end).map((row, idx) => (
            <FunctionRow
              key={seen.first + idx}
              row={row}
              top={top}
              widest={widest}
              place={seen.first + idx}
              over_ms={over_ms}
              colour={fills[fillOf(row.function, paletteOf(theme.value))]}
            />
          ))}
          <Gap heightPx={seen.afterPx} />
        </tbody>
      </table>
    </div>
  );
}

function Gap({ heightPx }: { heightPx: number }) {
  if (heightPx === 0) return null;
  return (
    <tr aria-hidden="true">
      <td colSpan={3} class="gap" style={{ height: heightPx }} />
    </tr>
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
