// What ships but never runs, and how sure is that? The release by how well it was observed, and the list of candidates.
import '../styles/findings.css';
import '../styles/code.css';
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
import { bytes, count, duration, share, short, signed } from '../data/units';
import { now_ms } from '../state/clock';
import { change, state } from '../state/deadCode';
import { useFindings } from '../state/findings';
import { FilterBox } from './FilterBox';
import { Answered, Looked, Stages } from './Findings';
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
  const { kind, filter, finding } = state.value;
  const codes = useMemo(
    () =>
      (value?.findings ?? [])
        .filter((one) => one.state === 'new' || one.state === 'acknowledged')
        .map(codeOf),
    [value],
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
  const modules = useMemo(() => modulesOf(codes, answer.reports), [codes, answer]);
  const rows = useMemo(() => arrangedCode(codes, wanted), [codes, wanted]);
  const withServers = rows.some(({ servers }) => servers !== 0);
  const mistakes = mistakesOf(codes, answer.reports);
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
          <Stages reports={answer.reports} />
        </Message>
      ) : (
        <section class="panel table-panel findings" aria-label="Candidates">
          <Waiting active={loading} />
          <Table
            label="Table of candidates"
            firstMinPx={180}
            columns={withServers ? [...COLUMNS, SERVERS] : COLUMNS}
            sort={wanted.order}
            onSort={(order) => change({ order }, true)}
            rows={rows}
            rowOf={(code, place) => <Row key={code.id} {...{ code, place, withServers }} />}
          />
        </section>
      )}
      {mistakes && codes.length > 0 && <Expected mistakes={mistakes} />}
    </>
  );
}

/** A list like this has mistakes in it: how many to expect. */
function Expected({ mistakes: { value, low, high } }: { mistakes: Mistakes }) {
  return (
    <p class="footnote">
      Of the candidates, about <b>{short(value)}</b> are expected to be alive
      {low !== null && high !== null ? ` (95 % interval ${short(low)} to ${short(high)})` : ''}. Sampling and
      marks prove life, never death.
    </p>
  );
}

const COLUMNS: readonly Column<CodeOrder>[] = [
  { sort: 'function', title: 'Function', hint: 'by name', order: 'ascending' },
  { sort: null, title: 'Is', hint: 'What is said of it', widthPx: 124, words: true },
  { sort: 'dead', title: 'Dead', hint: 'Chance that it is', order: 'descending', widthPx: 70 },
  { sort: null, title: 'Evidence', hint: 'Why', widthPx: 230, words: true },
  { sort: 'size', title: 'Size', hint: 'Bytes of code, or lines', order: 'descending', widthPx: 80 },
  { sort: 'changed', title: 'Changed', hint: 'The oldest first', order: 'ascending', widthPx: 84 },
  { sort: 'owner', title: 'Owner', hint: 'by name', order: 'ascending', widthPx: 96, words: true },
];

const SERVERS: Column<CodeOrder> = {
  sort: 'servers',
  title: 'Servers',
  hint: 'That it takes for nothing',
  order: 'descending',
  widthPx: 84,
};

interface RowProps {
  code: Code;
  place: number;
  withServers: boolean;
}

function Row({ code, place, withServers }: RowProps) {
  const where = code.line > 0 ? `${code.file}:${code.line}` : code.file;
  const rate =
    code.rate_at_most === null ? '' : `runs in at most ${share(code.rate_at_most, 1)} of places like these`;
  return (
    <tr aria-rowindex={place + 2}>
      <th scope="row" class="named" title={`${code.function}\n${where}`}>
        <span class="mono">{code.function}</span> <small>{where}</small>
      </th>
      <td class="words">{CODE_TITLES[code.state]}</td>
      <td title={rate}>{code.dead === null ? '–' : share(code.dead, 1)}</td>
      <td class="words" title={code.evidence}>
        {code.evidence || (code.days === null ? '' : `watched for ${count(code.days)} days`)}
      </td>
      <td>{sizeText(code)}</td>
      <td>{code.changed_ms === null ? '–' : duration(Math.max(0, now_ms.value - code.changed_ms))}</td>
      <td class="words">{code.owner}</td>
      {withServers && <td>{code.servers === 0 ? '' : signed(code.servers)}</td>}
    </tr>
  );
}

function sizeText({ bytes: size, lines }: Code): string {
  if (size !== null) return bytes(size);
  return lines === null ? '–' : `${count(lines)} lines`;
}
