// What the pages of findings have in common: the bar at the top, the stages, and what is said when there are none.
import '../styles/findings.css';
import type { ComponentChildren } from 'preact';
import type { Finding, Findings as FindingList, FindingState, ReportSummary } from '../api/types';
import { counted, SHOWN, type Shown, STATE_TITLES, servicesOf, stateTitle } from '../data/findings';
import { lookedAt, stagesOf } from '../data/funnel';
import { dayAndClock } from '../data/time';
import { count, duration } from '../data/units';
import { now_ms, refresh } from '../state/clock';
import type { List } from '../state/findings';
import type { Resource } from '../state/resource';
import { FilterBox } from './FilterBox';
import { FailureBanner, FailureMessage, Message, Waiting } from './Message';
import { type Choice, Segments } from './Segments';

export function StateBadge({ state }: { state: FindingState }) {
  return (
    <span class="state" data-state={state}>
      {STATE_TITLES[state]}
    </span>
  );
}

/** How long ago, with the time itself behind it. */
export function Ago({ at_ms }: { at_ms: number }) {
  return (
    <time dateTime={new Date(at_ms).toISOString()} title={dayAndClock(at_ms)}>
      {duration(Math.max(0, now_ms.value - at_ms))} ago
    </time>
  );
}

interface HeadProps {
  title: string;
  answer: FindingList | null;
  list: Pick<List, 'shown' | 'service' | 'filter'>;
  change: (patch: Partial<List>, replace?: boolean) => void;
  children?: ComponentChildren;
}

export function FindingsHead({
  title,
  answer,
  list: { shown, service, filter },
  change,
  children,
}: HeadProps) {
  const counts = counted(answer?.findings ?? []);
  const choices = SHOWN.map(
    (value): Choice<Shown> => ({
      value,
      title: `${stateTitle(value)} ${answer ? count(counts[value]) : ''}`,
      hint: HINTS[value],
    }),
  );
  return (
    <div class="asking findings-asking">
      <h1>{title}</h1>
      <Segments
        label="State"
        choices={choices}
        value={shown}
        onChoice={(value) => change({ shown: value })}
      />
      <ServicePicker
        findings={answer?.findings ?? []}
        service={service}
        onService={(name) => change({ service: name })}
      />
      {children}
      <FilterBox
        label={`Filter ${title.toLowerCase()} by name, endpoint, function or owner`}
        filter={filter}
        onFilter={(text) => change({ filter: text }, true)}
      />
      <div class="spring" />
      {answer && <Looked reports={answer.reports} />}
    </div>
  );
}

const HINTS: Record<Shown, string> = {
  new: 'Nobody answers for it yet',
  acknowledged: 'Somebody answers for it, for a while and up to a size',
  fixed: 'What was measured is back at its level',
  went_away: 'Not seen any more, for a reason nobody knows',
  all: 'In any state',
};

interface ServiceProps {
  findings: readonly Finding[];
  service: string;
  onService: (service: string) => void;
}

export function ServicePicker({ findings, service, onService }: ServiceProps) {
  const known = servicesOf(findings);
  const shown = service === '' || known.includes(service) ? known : [service, ...known];
  if (shown.length < 2 && service === '') return null;
  return (
    <label class="by">
      service
      <select value={service} onChange={(event) => onService(event.currentTarget.value)}>
        <option value="">all</option>
        {shown.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

export function Looked({ reports }: { reports: readonly ReportSummary[] }) {
  const at_ms = lookedAt(reports);
  if (at_ms === null) return null;
  return (
    <small>
      looked <Ago at_ms={at_ms} />
    </small>
  );
}

/** How many candidates fell at each stage; nothing when no analysis said so. */
export function Stages({ reports }: { reports: readonly ReportSummary[] }) {
  const stages = stagesOf(reports);
  if (stages.length === 0) return null;
  return (
    <dl class="stages" aria-label="How many candidates fell at each stage">
      {stages.map(({ name, title, count: fell }) => (
        <div key={name} data-none={fell === 0}>
          <dd>{count(fell)}</dd>
          <dt>{title}</dt>
        </div>
      ))}
    </dl>
  );
}

interface AnsweredProps {
  asked: Resource<FindingList>;
  what: string;
  command: string;
  children: (answer: FindingList) => ComponentChildren;
}

/** What an analysis found: else why that cannot be told, or that none has reported. */
export function Answered({ asked: { value, error, loading }, what, command, children }: AnsweredProps) {
  if (error && !value) return <FailureMessage failure={error} retry={refresh} />;
  if (value?.reports.length === 0 && value.findings.length === 0) {
    return <NotAnalysed what={what} command={command} />;
  }
  return (
    <>
      {error && <FailureBanner failure={error} retry={refresh} />}
      {value ? children(value) : <Waiting active={loading} />}
    </>
  );
}

/** No analysis of this kind has reported yet. */
export function NotAnalysed({ what, command }: { what: string; command: string }) {
  return (
    <Message title="No analysis has reported yet">
      <p>{what}</p>
      <p>
        <code>fewer up</code> runs every analysis on its own. Beside a collector of yours, start:
      </p>
      <pre>{`fewer analyze --collector ${location.origin}`}</pre>
      <p>
        One look without keeping anything: <code>{command}</code>
      </p>
    </Message>
  );
}
