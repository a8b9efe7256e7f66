// What got dearer, and how sure are we? The list by servers at stake; one of them alone has an address of its own.
import { useMemo } from 'preact/hooks';
import type { Failure } from '../api/client';
import type { Finding, Findings, ReportSummary } from '../api/types';
import { arranged, type FindingOrder, ownerOf, STATE_TITLES, sinceOf } from '../data/findings';
import { lookedAt, measureOf, type Shown, shownOf } from '../data/funnel';
import { regressionOf, riseOf } from '../data/regression';
import { dayAndClock } from '../data/time';
import { count, duration, percentage } from '../data/units';
import { type Scale, scaleOf } from '../layout/interval';
import { now_ms, refresh } from '../state/clock';
import { useFinding, useFindings } from '../state/findings';
import { addressOf, change, state } from '../state/regressions';
import { Ago, Answered, FindingsHead, Stages, StateBadge } from './Findings';
import { EstimateCell } from './Interval';
import { FailureBanner, FailureMessage, Message, Waiting } from './Message';
import { RegressionDetail } from './RegressionDetail';
import { type Column, Table } from './Table';

export function Regressions() {
  const wanted = state.value.finding;
  // One alone shows pictures of a time that is past: they do not change.
  const asked = useFindings('regression', wanted === '');
  const { value, error, loading } = asked;
  const { alone, missing } = useFinding(wanted, value);
  if (wanted !== '' && value && alone) {
    return (
      <>
        {error && <FailureBanner failure={error} retry={refresh} />}
        <RegressionDetail key={alone.id} finding={alone} reports={value.reports} />
      </>
    );
  }
  return (
    <>
      <FindingsHead title="Regressions" answer={value} list={state.value} change={change} />
      {missing ? (
        <Missing failure={missing} />
      ) : (
        <Answered
          asked={asked}
          what="A regression is a lasting rise of CPU per request in an endpoint or a function, found by an analysis that looks at every one of them. It needs requests that are counted (Endpoints says how), for some minutes before the rise and after it."
          command={`fewer regressions --collector ${location.origin}`}
        >
          {(answer) =>
            wanted === '' ? <List answer={answer} loading={loading} /> : <Waiting active={loading} />
          }
        </Answered>
      )}
    </>
  );
}

function Missing({ failure }: { failure: Failure }) {
  if (failure.status !== 404) return <FailureMessage failure={failure} retry={refresh} />;
  return (
    <Message title="There is no such finding">
      <p>The collector does not keep it, or not any more.</p>
      <p>
        <a href={addressOf({ ...state.value, finding: '' })} data-page>
          All regressions
        </a>
      </p>
    </Message>
  );
}

function List({ answer, loading }: { answer: Findings; loading: boolean }) {
  const list = state.value;
  const rows = useMemo(() => arranged(answer.findings, list), [answer, list]);
  const scale = useMemo(() => scaleOf(rows.map(({ servers }) => servers)), [rows]);
  if (rows.length === 0) return <NoneShown answer={answer} />;
  return (
    <>
      <section class="panel table-panel findings" aria-label="Regressions">
        <Waiting active={loading} />
        <Table
          label="Regression table"
          firstMinPx={200}
          columns={list.shown === 'all' ? [...COLUMNS, STATE] : COLUMNS}
          sort={list.order}
          onSort={(order) => change({ order }, true)}
          rows={rows}
          rowOf={(finding, place) => <Row key={finding.id} {...{ finding, place, scale }} />}
        />
      </section>
      {answer.findings_total > answer.findings.length && (
        <p class="footnote">
          The {count(answer.findings.length)} with the most servers of {count(answer.findings_total)}.
        </p>
      )}
      <Stages reports={answer.reports} />
    </>
  );
}

const SERVERS_HINT = 'Servers that it takes at the present rate of requests, with the 95 % interval';

const COLUMNS: readonly Column<FindingOrder>[] = [
  { sort: 'title', title: 'Regression', hint: 'by name', order: 'ascending' },
  { sort: 'servers', title: 'Servers', hint: SERVERS_HINT, order: 'descending', widthPx: 170 },
  { sort: null, title: 'Rise', hint: 'Of the CPU per request', widthPx: 70 },
  {
    sort: 'endpoint',
    title: 'Endpoint',
    hint: 'The first is the dearest',
    order: 'ascending',
    widthPx: 130,
    words: true,
  },
  {
    sort: 'function',
    title: 'Function',
    hint: 'Blamed for it',
    order: 'ascending',
    widthPx: 128,
    words: true,
  },
  { sort: 'since', title: 'Since', hint: 'When it began', order: 'descending', widthPx: 72 },
  {
    sort: 'owner',
    title: 'Owner',
    hint: 'Who answers for it',
    order: 'ascending',
    widthPx: 96,
    words: true,
  },
];

const STATE: Column<FindingOrder> = {
  sort: 'state',
  title: 'State',
  hint: 'What became of it',
  order: 'ascending',
  widthPx: 106,
  words: true,
};

function Row({ finding, place, scale }: { finding: Finding; place: number; scale: Scale }) {
  const { id, title, endpoints } = finding;
  const since_ms = sinceOf(finding);
  const rise = riseOf(regressionOf(finding.detail));
  const more = endpoints.length > 1 ? ` +${endpoints.length - 1}` : '';
  return (
    <tr aria-rowindex={place + 2}>
      <th scope="row">
        <a href={addressOf({ ...state.value, finding: id })} data-page title={title}>
          {title}
        </a>
      </th>
      <EstimateCell estimate={finding.servers} scale={scale} unit="servers" />
      <td>{rise === null ? '–' : percentage(rise)}</td>
      <td class="words" title={endpoints.join('\n')}>
        {endpoints[0]}
        <span class="dim">{more}</span>
      </td>
      <td class="words mono" title={`${finding.function}\n${finding.file}`}>
        {finding.function}
      </td>
      <td title={dayAndClock(since_ms)}>{duration(Math.max(0, now_ms.value - since_ms))}</td>
      <td class="words">{ownerOf(finding)}</td>
      {state.value.shown === 'all' && (
        <td class="words">
          <StateBadge state={finding.state} />
        </td>
      )}
    </tr>
  );
}

/** Analysed, and nothing to list: how closely was looked, and what else there is. */
function NoneShown({ answer }: { answer: Findings }) {
  const { shown, filter, service } = state.value;
  const detectable = measureOf(answer.reports, 'detectable_share') ?? measureOf(answer.reports, 'detectable');
  const narrowed = filter !== '' || service !== '';
  const kind = shown === 'all' ? '' : `${STATE_TITLES[shown]} `;
  return (
    <Message title={`No ${kind}regression${narrowed ? ' fits the filter' : ''}`}>
      <p>
        {whatWasLookedAt(answer.reports)} <Ago at_ms={lookedAt(answer.reports) ?? now_ms.value} />
        {answer.reports.every(({ complete }) => complete) ? '.' : ', not all of it.'}
      </p>
      {detectable !== null && (
        <p>A rise of {percentage(detectable).slice(1)} or more would have been seen in every one of them.</p>
      )}
      <Detectable shown={shownOf(answer.reports)} />
      <p class="actions">
        {narrowed && (
          <button type="button" onClick={() => change({ filter: '', service: '' })}>
            Show all services
          </button>
        )}
        {shown !== 'all' && answer.findings.length > 0 && (
          <button type="button" onClick={() => change({ shown: 'all' })}>
            Show all {count(answer.findings.length)}
          </button>
        )}
      </p>
      <Stages reports={answer.reports} />
    </Message>
  );
}

function whatWasLookedAt(reports: readonly ReportSummary[]): string {
  if (reports.some(({ service }) => service === '')) return 'All services were looked at';
  if (reports.length === 1) return `${reports[0].service} was looked at`;
  return `${count(reports.length)} services were looked at, the last of them`;
}

/** Endpoints that are listed. */
const SHOWN_MAX = 12;

/** What "none" means: the smallest rise that each endpoint's hosts would have shown. */
function Detectable({ shown }: { shown: readonly Shown[] }) {
  if (shown.length === 0) return null;
  return (
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Endpoint</th>
          <th scope="col">Hosts</th>
          <th scope="col" title="The smallest rise that would have been seen four times in five">
            Would have been seen from
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.slice(0, SHOWN_MAX).map(({ endpoint, detectable, hosts }) => (
          <tr key={endpoint}>
            <th scope="row">{endpoint}</th>
            <td>{count(hosts)}</td>
            <td>{detectable === null ? 'too few hosts' : percentage(detectable)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
