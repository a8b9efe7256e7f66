// Which bytes are held many times on one host? A bar for each host, and what could be shared by owner.
import '../styles/findings.css';
import '../styles/capacity.css';
import { useMemo } from 'preact/hooks';
import type { Findings, MemoryReports } from '../api/types';
import { MEMORY } from '../api/urls';
import {
  arrangedSharing,
  hostsOf,
  type Opportunity,
  opportunityOf,
  type SharingOrder,
} from '../data/sharing';
import { count, megabytes, signed } from '../data/units';
import { refresh } from '../state/clock';
import { useFindings } from '../state/findings';
import { useResource } from '../state/resource';
import { change, state } from '../state/sharing';
import { Advice } from './Advice';
import { FilterBox } from './FilterBox';
import { Looked, NotAnalysed, Stages } from './Findings';
import { HostBars } from './HostBars';
import { FailureBanner, FailureMessage, Message, Waiting } from './Message';
import { type Column, Table } from './Table';

export function Sharing() {
  const { value, error, loading } = useFindings('sharing');
  const memory = useResource<MemoryReports>(MEMORY, { fleeting: true });
  const hosts = useMemo(() => (memory.value ? hostsOf(memory.value) : []), [memory.value]);
  const nobodyLooked = value?.reports.length === 0 && value.findings.length === 0;
  return (
    <>
      <div class="asking findings-asking">
        <h1>Shared memory</h1>
        <FilterBox
          label="Filter by owner, kind, cause or service"
          filter={state.value.filter}
          onFilter={(filter) => change({ filter }, true)}
        />
        <div class="spring" />
        {value && <Looked reports={value.reports} />}
      </div>
      {error && !value ? (
        <FailureMessage failure={error} retry={refresh} />
      ) : (
        <>
          {error && <FailureBanner failure={error} retry={refresh} />}
          {hosts.length > 0 && <HostBars hosts={hosts} />}
          {nobodyLooked ? (
            <NotAnalysed
              what="The agent compares what the processes of one program hold, page by page and for CPython value by value. What several hold alike, one copy could serve."
              command="fewer sharing --pid PID,PID"
            />
          ) : value ? (
            <Held answer={value} loading={loading} />
          ) : (
            <Waiting active={loading} />
          )}
        </>
      )}
    </>
  );
}

function Held({ answer, loading }: { answer: Findings; loading: boolean }) {
  const wanted = state.value;
  const found = useMemo(
    () =>
      answer.findings.filter((one) => one.state === 'new' || one.state === 'acknowledged').map(opportunityOf),
    [answer],
  );
  const rows = useMemo(() => arrangedSharing(found, wanted), [found, wanted]);
  const withServers = rows.some(({ servers }) => servers !== 0);
  const chosen = found.find(({ id }) => id === wanted.finding);
  if (rows.length === 0) {
    return (
      <Message title={found.length === 0 ? 'Nothing worth changing was found' : 'Nothing fits the filter'}>
        {found.length > 0 && (
          <p class="actions">
            <button type="button" onClick={() => change({ filter: '' })}>
              Show all {count(found.length)}
            </button>
          </p>
        )}
        <Stages reports={answer.reports} />
      </Message>
    );
  }
  return (
    <>
      <section class="panel table-panel findings" aria-label="By owner">
        <Waiting active={loading} />
        <Table
          label="Table of owners"
          firstMinPx={220}
          columns={withServers ? [...COLUMNS, SERVERS] : COLUMNS}
          sort={wanted.order}
          onSort={(order) => change({ order }, true)}
          rows={rows}
          rowOf={(one, place) => <Row key={one.id} {...{ one, place, withServers }} />}
        />
      </section>
      {chosen && <Advice one={chosen} />}
    </>
  );
}

const COLUMNS: readonly Column<SharingOrder>[] = [
  { sort: 'owner', title: 'Owner', hint: 'by name', order: 'ascending' },
  { sort: null, title: 'Kind', hint: 'Type of the value, or sort of pages', widthPx: 110, words: true },
  { sort: null, title: 'Each', hint: 'In each process, on average', widthPx: 90 },
  { sort: 'processes', title: '× Processes', hint: 'How many hold it', order: 'descending', widthPx: 104 },
  {
    sort: 'saved',
    title: 'Could save',
    hint: 'What one copy for each host would save right after the change',
    order: 'descending',
    widthPx: 104,
  },
  {
    sort: 'retained',
    title: 'Keeps',
    hint: 'Of that, what stays saved in use: of what was loaded before the fork as it is used now, of all else once all of it was read',
    order: 'descending',
    widthPx: 90,
  },
];

const SERVERS: Column<SharingOrder> = {
  sort: 'servers',
  title: 'Servers',
  hint: 'What it is worth; nothing where CPU binds',
  order: 'descending',
  widthPx: 84,
};

interface RowProps {
  one: Opportunity;
  place: number;
  withServers: boolean;
}

function Row({ one, place, withServers }: RowProps) {
  const { id, owner, kind, service, hosts, mb_per_process, processes, mb_saved, servers } = one;
  const { mb_retained, mb_retained_range, cause } = one;
  const isChosen = state.value.finding === id;
  return (
    <tr aria-rowindex={place + 2} data-chosen={isChosen}>
      <th scope="row">
        <button
          type="button"
          class="quiet"
          aria-pressed={isChosen}
          title={`${[owner, service].filter(Boolean).join('\n')}\nClick for what to change`}
          onClick={() => change({ finding: isChosen ? '' : id }, true)}
        >
          <span class="mono">{owner}</span>
          <small>{[service, cause].filter(Boolean).join(', ')}</small>
        </button>
      </th>
      <td class="words" title={kind}>
        {kind}
      </td>
      <td>{megabytesOrNone(mb_per_process)}</td>
      <td title={hosts === null ? undefined : `on ${count(hosts)} ${hosts === 1 ? 'host' : 'hosts'}`}>
        {processes === null ? '–' : count(processes)}
      </td>
      <td>{megabytesOrNone(mb_saved)}</td>
      <td title={between(mb_retained_range)}>{megabytesOrNone(mb_retained)}</td>
      {withServers && <td>{servers === 0 ? '' : signed(servers)}</td>}
    </tr>
  );
}

function between(range: [number, number] | null): string | undefined {
  return range ? `at least ${megabytes(range[0])}, at most ${megabytes(range[1])}` : undefined;
}

function megabytesOrNone(mb: number | null): string {
  return mb === null ? '–' : megabytes(mb);
}
