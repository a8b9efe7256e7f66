// What the selection costs by the values of one label: cores, requests, CPU per request. A row is a way in.
import { useMemo } from 'preact/hooks';
import type { Breakdown as BreakdownAnswer } from '../api/types';
import { arrange, type Cost, costsOf, type Order, widest } from '../data/costs';
import { labelTitle, valueTitle } from '../data/labels';
import { withMatcher } from '../data/selector';
import { count, cpuSeconds, shortOrNone } from '../data/units';
import { change, fields, NO_PLACE } from '../state/explore';
import { aboutCost, Barred, CORES_HINT, coresCell, RATE_HINT, REQUEST_HINT, rateText } from './costs';
import { type Column, Table } from './Table';

interface Props {
  breakdown: BreakdownAnswer;
  over_ms: number;
}

export function Breakdown({ breakdown, over_ms }: Props) {
  const [order, filter] = [fields.order.value, fields.filter.value];
  const costs = useMemo(() => costsOf(breakdown, over_ms), [breakdown, over_ms]);
  const rows = useMemo(() => arrange(costs.rows, order, filter), [costs, order, filter]);
  const most = { cores: widest(costs.rows, 'cores'), request: widest(costs.rows, 'request') };
  const line = (cost: Cost, title: string, place?: number) => (
    <CostRow {...{ cost, title, most }} total={costs.total} by={breakdown.by} place={place} />
  );
  return (
    <Table
      label={`Breakdown by ${labelTitle(breakdown.by)}`}
      columns={columnsFor(breakdown.by)}
      sort={order}
      onSort={(wanted) => change({ order: wanted }, true)}
      rows={rows}
      rowOf={(cost, place) => line(cost, valueTitle(cost), place)}
      foot={
        <>
          {costs.rest && line(costs.rest, valueTitle(costs.rest))}
          {line(costs.total, 'Total')}
        </>
      }
    />
  );
}

function columnsFor(by: string): readonly Column<Order>[] {
  return [
    { sort: 'value', title: labelTitle(by), hint: 'by name', order: 'ascending' },
    { sort: 'cores', title: 'Cores', hint: CORES_HINT, order: 'descending', widthPx: 108 },
    { sort: 'rate', title: 'Req/s', hint: RATE_HINT, order: 'descending', widthPx: 64 },
    { sort: 'request', title: 'ms/req', hint: REQUEST_HINT, order: 'descending', widthPx: 70 },
  ];
}

interface RowProps {
  cost: Cost;
  title: string;
  total: Cost;
  by: string;
  most: { cores: number; request: number };
  /** Nothing for what is no value of its own. */
  place: number | undefined;
}

function CostRow({ cost, title, total, by, most, place }: RowProps) {
  const about = aboutCost(cost, by, title);
  const narrow = () => change({ query: withMatcher(fields.query.value, by, cost.value), ...NO_PLACE });
  return (
    <tr aria-rowindex={place === undefined ? undefined : place + 2}>
      <th scope="row" title={about}>
        {place === undefined ? (
          title
        ) : (
          <button type="button" class="quiet" title={about} onClick={narrow}>
            <span>{title}</span>
          </button>
        )}
      </th>
      {coresCell(cost, total, place === undefined ? Number.POSITIVE_INFINITY : most.cores)}
      <td title={`${count(cost.requests)} requests`}>{rateText(cost)}</td>
      <Barred
        value={place === undefined ? 0 : (cost.request_ms ?? 0)}
        widest={most.request}
        text={shortOrNone(cost.request_ms)}
        title={
          place === undefined
            ? REQUEST_HINT
            : `${cpuSeconds(cost.cpu_ns)} over ${count(cost.requests)} requests`
        }
      />
    </tr>
  );
}
