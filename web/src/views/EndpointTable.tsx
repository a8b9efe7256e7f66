// The endpoints as a table. A row leads to its flame graph.
import { useMemo } from 'preact/hooks';
import type { Breakdown } from '../api/types';
import { arrange, type Cost, costsOf, type Order, widest } from '../data/costs';
import { ENDPOINT, valueTitle } from '../data/labels';
import { count, cpuSeconds, difference, share, short, shortOrNone } from '../data/units';
import { change, type Endpoints, exploreAddress, fields } from '../state/endpoints';
import { aboutCost, CORES_HINT, RATE_HINT, REQUEST_HINT, rateText } from './costs';
import { type Column, Table } from './Table';

const COUNTED_HINT =
  'CPU per request by the program’s own clock, over the requests it measured, and how far that is from the samples';

const BASE: readonly Column<Order>[] = [
  { sort: 'value', title: 'Endpoint', hint: 'by name', order: 'ascending' },
  { sort: 'rate', title: 'Requests/s', hint: RATE_HINT, order: 'descending', widthPx: 98 },
  { sort: 'request', title: '× ms per request', hint: REQUEST_HINT, order: 'descending', widthPx: 156 },
  { sort: 'cores', title: '= Cores', hint: CORES_HINT, order: 'descending', widthPx: 90 },
  { sort: null, title: 'Share', hint: 'Share of the cores in the last row', widthPx: 150 },
  { sort: null, title: 'Counted ms', hint: COUNTED_HINT, widthPx: 122 },
];

const CLIENT: Column<Order> = {
  sort: 'client',
  title: '4xx',
  hint: 'Answers with a status of 400 to 499, and their share of the requests',
  order: 'descending',
  widthPx: 96,
};

const SERVER: Column<Order> = {
  sort: 'server',
  title: '5xx',
  hint: 'Answers with a status of 500 or more and requests that ended in an exception, and their share of the requests',
  order: 'descending',
  widthPx: 96,
};

interface Props {
  breakdown: Breakdown;
  over_ms: number;
  at: Pick<Endpoints, 'service' | 'start' | 'end'>;
}

/** What all rows are drawn against. */
interface Frame {
  total: Cost;
  most: { cores: number; request: number };
  at: Props['at'];
}

export function EndpointTable({ breakdown, over_ms, at }: Props) {
  const [order, filter] = [fields.order.value, fields.filter.value];
  const costs = useMemo(() => costsOf(breakdown, over_ms), [breakdown, over_ms]);
  const { total, rest } = costs;
  // What lies outside stands below: it is no endpoint, and its bar would dwarf theirs.
  const own = costs.rows.filter(({ value }) => value !== '');
  const outside = costs.rows.find(({ value }) => value === '');
  const frame = { total, at, most: { cores: widest(own, 'cores'), request: widest(own, 'request') } };
  const columns = [
    ...BASE,
    ...(total.client_errors > 0 ? [CLIENT] : []),
    ...(total.server_errors > 0 ? [SERVER] : []),
  ];
  return (
    <Table
      label="Endpoint table"
      firstMinPx={180}
      columns={columns}
      sort={order}
      onSort={(wanted) => change({ order: wanted }, true)}
      rows={arrange(own, order, filter)}
      rowOf={(cost, place) => <Row key={cost.value} cost={cost} frame={frame} place={place} />}
      foot={
        <>
          {rest && <Sum cost={rest} title={`${valueTitle(rest)} endpoints`} frame={frame} />}
          {outside && <Sum cost={outside} title="(none): outside endpoints" frame={frame} link />}
          <Sum cost={total} title="Total" frame={frame} />
        </>
      }
    />
  );
}

function Row({ cost, frame, place }: { cost: Cost; frame: Frame; place: number }) {
  return (
    <tr aria-rowindex={place + 2}>
      <th scope="row">
        <a
          href={exploreAddress(cost.value, frame.at)}
          data-page
          title={`${aboutCost(cost, ENDPOINT, cost.value)}\nClick to explore`}
        >
          {cost.value}
        </a>
      </th>
      <Numbers
        cost={cost}
        frame={frame}
        hint={`${cpuSeconds(cost.cpu_ns)} over ${count(cost.requests)} requests`}
      />
    </tr>
  );
}

function Sum({ cost, frame, title, link }: { cost: Cost; frame: Frame; title: string; link?: boolean }) {
  return (
    <tr>
      <th scope="row">
        {link ? (
          <a href={exploreAddress('', frame.at)} data-page>
            {title}
          </a>
        ) : (
          title
        )}
      </th>
      <Numbers cost={cost} frame={frame} hint={REQUEST_HINT} />
    </tr>
  );
}

function Numbers({ cost, frame: { total, most }, hint }: { cost: Cost; frame: Frame; hint: string }) {
  const own = cost.rest === 0 && cost.value !== '';
  return (
    <>
      <td title={`${count(cost.requests)} requests`}>{rateText(cost)}</td>
      <Bar
        share={own ? (cost.request_ms ?? 0) / most.request : 0}
        text={shortOrNone(cost.request_ms)}
        title={hint}
      />
      <td title={cpuSeconds(cost.cpu_ns)}>{short(cost.cores)}</td>
      <Bar share={own ? cost.cpu_ns / most.cores : 0} text={share(cost.cpu_ns, total.cpu_ns)} />
      <Counted cost={cost} />
      {total.client_errors > 0 && <Errors errors={cost.client_errors} requests={cost.requests} />}
      {total.server_errors > 0 && <Errors errors={cost.server_errors} requests={cost.requests} />}
    </>
  );
}

/** A number beside a bar; sums have none, for it would dwarf those of their parts. */
function Bar({ share, text, title }: { share: number; text: string; title?: string }) {
  return (
    <td class="barred" title={title}>
      <i style={{ width: `calc((100% - 80px) * ${share})` }} />
      <span>{text}</span>
    </td>
  );
}

/** Only a row of its own is compared: sums mix CPU that was counted with CPU that was not. */
function Counted({ cost: { value, request_ms, counted_ms, measured, requests } }: { cost: Cost }) {
  if (counted_ms === null) return <Without text="–" />;
  return (
    <td class="dim" title={`${count(measured)} of ${count(requests)} requests measured`}>
      {short(counted_ms)}
      <small>
        {value !== '' && request_ms !== null && request_ms > 0 && difference(counted_ms, request_ms)}
      </small>
    </td>
  );
}

function Errors({ errors, requests }: { errors: number; requests: number }) {
  if (errors === 0) return <Without text={requests === 0 ? '–' : '0'} />;
  return (
    <td class="bad">
      {count(errors)}
      <small>{share(errors, requests)}</small>
    </td>
  );
}

/** In line with the cells that have a second number. */
function Without({ text }: { text: string }) {
  return (
    <td class="dim">
      {text}
      <small />
    </td>
  );
}
