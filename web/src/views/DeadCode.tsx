// What ships but never runs, and how sure is that? The release by how well it was observed, and the list of candidates.
import '../styles/findings.css';
import '../styles/code.css';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Findings } from '../api/types';
import {
  arrangedCode,
  CODE_STATES,
  CODE_TITLES,
  type Code,
  type CodeOrder,
  codeOf,
  type Mistakes,
  mistakesOf,
  modulesOf,
} from '../data/deadCode';
import { bytes, count, duration, share, short } from '../data/units';
import { now_ms } from '../state/clock';
import { change, state } from '../state/deadCode';
import { useFindings } from '../state/findings';
import { FilterBox } from './FilterBox';
import { Answered, Looked, ServicePicker, Stages } from './Findings';
import { Message, Waiting } from './Message';
import { Segments } from './Segments';
import { type Column, Table } from './Table';
import { Treemap } from './Treemap';

const HINTS: Record<(typeof CODE_STATES)[number] | 'all', string> = {
  all: 'Everything that has not run, or runs for nothing',
  candidate: 'Not run in any of many independent places, long enough',
  suspect: 'Not run where anybody looked, but that is not enough yet',
  off: 'Only behind a flag that has been off',
  for_nothing: 'It runs, and what it makes is never used',
};

export function DeadCode() {
  const asked = useFindings('dead_code');
  const { value, loading } = asked;
  const { service, kind, filter, finding } = state.value;
  const open = useMemo(
    () => (value?.findings ?? []).filter((one) => one.state === 'new' || one.state === 'acknowledged'),
    [value],
  );
  const codes = useMemo(
    () => open.filter((one) => service === '' || one.service === service).map(codeOf),
    [open, service],
  );
  const counts = (wanted: string) =>
    wanted === 'all' ? codes.length : codes.filter((code) => code.state === wanted).length;
  return (
    <>
      <div class="asking findings-asking">
        <h1>Dead code</h1>
        <Segments
          label="Kind"
          choices={(['all', ...CODE_STATES] as const).map((wanted) => ({
            value: wanted,
            title: `${wanted === 'all' ? 'All' : CODE_TITLES[wanted]} ${count(counts(wanted))}`,
            hint: HINTS[wanted],
          }))}
          value={kind}
          onChoice={(wanted) => change({ kind: wanted })}
        />
        <ServicePicker
          findings={open}
          service={service}
          onService={(name) => change({ service: name, module: '' })}
        />
        <FilterBox
          label="Filter by function, file or owner"
          filter={filter}
          onFilter={(text) => change({ filter: text }, true)}
        />
        {finding !== '' && (
          <button type="button" onClick={() => change({ finding: '' })}>
            All candidates
          </button>
        )}
        <div class="spring" />
        {value && <Looked reports={value.reports} />}
      </div>
      <Answered
        asked={asked}
        what="CPython marks code that has run, and the agent reads the marks from outside. What no process of any host has marked for long enough is a candidate for removal; it is never a proof."
        command="fewer dead-code --pid PID"
      >
        {(answer) => <Release {...{ answer, codes, loading }} />}
      </Answered>
    </>
  );
}

interface ReleaseProps {
  answer: Findings;
  codes: readonly Code[];
  loading: boolean;
}

function Release({ answer, codes, loading }: ReleaseProps) {
  const wanted = state.value;
  const reports = useMemo(
    () => answer.reports.filter(({ service }) => wanted.service === '' || service === wanted.service),
    [answer, wanted.service],
  );
  const modules = useMemo(() => modulesOf(codes, reports), [codes, reports]);
  const rows = useMemo(() => arrangedCode(codes, wanted), [codes, wanted]);
  const columns = useMemo(() => columnsOf(rows), [rows]);
  const mistakes = mistakesOf(codes, reports);
  const isAnyJudged = codes.some((code) => code.state === 'candidate');
  return (
    <>
      {modules.length > 0 && (
        <section class="panel" aria-label="Release">
          <Treemap modules={modules} chosen={wanted.module} onChoice={(module) => change({ module }, true)} />
        </section>
      )}
      {rows.length === 0 ? (
        <Message title={codes.length === 0 ? 'No candidate' : 'No candidate fits the filter'}>
          {codes.length === 0 && <p>Everything that was watched long enough has run.</p>}
          {codes.length > 0 && (
            <p class="actions">
              <button
                type="button"
                onClick={() => change({ kind: 'all', filter: '', module: '', finding: '' })}
              >
                Show all {count(codes.length)}
              </button>
            </p>
          )}
          <Stages reports={reports} />
        </Message>
      ) : (
        <section class="panel table-panel findings" aria-label="Candidates">
          <Waiting active={loading} />
          <Table
            label="Table of candidates"
            firstMinPx={150}
            columns={[FUNCTION, ...columns]}
            sort={wanted.order}
            onSort={(order) => change({ order }, true)}
            rows={rows}
            rowOf={(code, place) => <Row key={code.id} {...{ code, place, columns }} />}
          />
        </section>
      )}
      {mistakes && isAnyJudged && <Expected mistakes={mistakes} />}
      {codes.length > 0 && <p class="footnote">Sampling and marks prove life, never death.</p>}
    </>
  );
}

/** A list like this has mistakes in it: how many to expect. */
function Expected({ mistakes: { value, low, high } }: { mistakes: Mistakes }) {
  return (
    <p class="footnote">
      Of the candidates, about <b>{short(value)}</b> are expected to be alive
      {low !== null && high !== null ? ` (95 % interval ${short(low)} to ${short(high)})` : ''}.
    </p>
  );
}

/** A column with its cells; one whose cells are all empty is not shown. */
interface CodeColumn extends Column<CodeOrder> {
  cell: (code: Code) => ComponentChildren;
  about?: (code: Code) => string;
  isDim?: boolean;
}

const FUNCTION: Column<CodeOrder> = {
  sort: 'function',
  title: 'Function',
  hint: 'by name',
  order: 'ascending',
};

const SERVICE: CodeColumn = {
  sort: null,
  ...{ title: 'Service', hint: 'Whose processes were looked at', widthPx: 132, words: true, isDim: true },
  cell: ({ service }) => service,
  about: ({ service }) => service,
};

const COLUMNS: readonly CodeColumn[] = [
  {
    sort: null,
    ...{ title: 'Is', hint: 'What is said of it', widthPx: 126, words: true },
    cell: (code) => CODE_TITLES[code.state],
  },
  {
    sort: 'dead',
    ...{ title: 'Dead', hint: 'Chance that it is', order: 'descending', widthPx: 66 },
    cell: ({ dead }) => dead !== null && share(dead, 1),
    about: ({ rate_at_most }) =>
      rate_at_most === null ? '' : `runs in at most ${share(rate_at_most, 1)} of places like these`,
  },
  {
    sort: null,
    ...{ title: 'Evidence', hint: 'Why', isWide: true, words: true },
    cell: ({ evidence, days }) => evidence || (days === null ? '' : `watched for ${count(days)} days`),
    about: ({ evidence }) => evidence,
  },
  {
    sort: 'size',
    ...{ title: 'Size', hint: 'Bytes of code, or lines', order: 'descending', widthPx: 80 },
    cell: sizeText,
  },
  {
    sort: 'changed',
    ...{ title: 'Changed', hint: 'The oldest first', order: 'ascending', widthPx: 84 },
    cell: ({ changed_ms }) => changed_ms !== null && duration(Math.max(0, now_ms.value - changed_ms)),
  },
  {
    sort: 'owner',
    ...{ title: 'Owner', hint: 'by name', order: 'ascending', widthPx: 96, words: true },
    cell: ({ owner }) => owner,
  },
  {
    sort: 'servers',
    ...{ title: 'Servers', hint: 'That it takes for nothing', order: 'descending', widthPx: 92 },
    cell: ({ servers }) => servers !== 0 && short(servers),
  },
];

function columnsOf(rows: readonly Code[]): CodeColumn[] {
  const isOfMany = rows.some(({ service }) => service !== rows[0].service);
  const filled = COLUMNS.filter(({ cell }) => rows.some((code) => cell(code)));
  return isOfMany ? [SERVICE, ...filled] : filled;
}

function Row({ code, place, columns }: { code: Code; place: number; columns: readonly CodeColumn[] }) {
  const where = code.line > 0 ? `${code.file}:${code.line}` : code.file;
  return (
    <tr aria-rowindex={place + 2}>
      <th scope="row" class="named" title={`${code.function}\n${where}`}>
        <span class="mono">{code.function}</span> {where !== code.function && <small>{where}</small>}
      </th>
      {columns.map(({ title, cell, about, words, isDim }) => (
        <td
          key={title}
          class={[words && 'words', isDim && 'dim'].filter(Boolean).join(' ') || undefined}
          title={about?.(code) || undefined}
        >
          {cell(code) || (words ? '' : '–')}
        </td>
      ))}
    </tr>
  );
}

function sizeText({ bytes: size, lines }: Code): string {
  if (size !== null) return bytes(size);
  return lines === null ? '' : `${count(lines)} ${lines === 1 ? 'line' : 'lines'}`;
}
