// One regression: the step and its interval, who may be why, the same code before and behind it, and who answers.
import { useMemo, useState } from 'preact/hooks';
import type { Finding, Ledger, Range, ReportSummary } from '../api/types';
import { ownerOf, sinceOf } from '../data/findings';
import { evidenceOf, type Regression, regressionOf, riseOf, type Suspect, sidesOf } from '../data/regression';
import { dayAndClock } from '../data/time';
import { cpuTime, percentage, short, signed } from '../data/units';
import type { Level } from '../layout/step';
import { now_ms } from '../state/clock';
import { addressOf, exploreAddress, questionOf, state } from '../state/regressions';
import { Acknowledgements } from './Acknowledge';
import { Comparison } from './Comparison';
import { Figure } from './Figure';
import { Ago, Stages, StateBadge } from './Findings';
import { rangeText } from './Interval';
import { StepChart } from './StepChart';

interface Props {
  finding: Finding;
  reports: readonly ReportSummary[];
}

export function RegressionDetail({ finding, reports }: Props) {
  const regression = useMemo(() => regressionOf(finding.detail), [finding]);
  const levels = useMemo(() => levelsOf(finding, regression), [finding, regression]);
  return (
    <article class="finding" aria-label={finding.title}>
      <p>
        <a href={addressOf({ ...state.value, finding: '' })} data-page>
          ← All regressions
        </a>
      </p>
      <h1>
        {finding.title} <StateBadge state={finding.state} />
      </h1>
      <Figures finding={finding} regression={regression} />
      <section class="panel" aria-label="The step">
        <div class="panel-head">
          <h2>{seriesTitle(finding, regression)}</h2>
        </div>
        {regression.series ? (
          <StepChart series={regression.series} levels={levels} at_ms={finding.at_ms} />
        ) : (
          <p class="dim inset">The points of this series were not kept. Explore has them.</p>
        )}
      </section>
      <Compare finding={finding} regression={regression} />
      <div class="two">
        <div>
          <Suspects suspects={regression.suspects} isOwn={regression.isOwn || regression.versions !== null} />
        </div>
        <div>
          <section class="panel inset" aria-label="Acknowledge">
            <h2>Acknowledge</h2>
            <Acknowledgements finding={finding} />
          </section>
          <History finding={finding} />
          <section class="panel inset" aria-label="Funnel">
            <h2>How it was found</h2>
            <Stages reports={reports} />
          </section>
        </div>
      </div>
    </article>
  );
}

function seriesTitle({ endpoints, function: name }: Finding, { isOwn }: Regression): string {
  const what = name === '' ? 'CPU' : isOwn ? `Own CPU of ${name}` : `CPU of ${name} and what it calls,`;
  return `${what} per request${endpoints[0] ? ` in ${endpoints[0]}` : ''}`;
}

/** Levels before and behind the step; the interval is that of the rise, so it stands around the second. */
function levelsOf({ at_ms }: Finding, { before_ns, after_ns, base_ns, rise, series }: Regression): Level[] {
  if (!series || before_ns === null || after_ns === null) return [];
  const end_ms = series.start_ms + series.step_ms * series.values.length;
  return [
    { start_ms: series.start_ms, end_ms: at_ms, mean: before_ns, low: null, high: null },
    {
      start_ms: at_ms,
      end_ms,
      mean: after_ns,
      low: rise && base_ns && before_ns + base_ns * rise.low,
      high: rise && base_ns && before_ns + base_ns * rise.high,
    },
  ];
}

function Figures({ finding, regression }: { finding: Finding; regression: Regression }) {
  const { before_ns, after_ns, rise, broughtBy } = regression;
  const relative = riseOf(regression);
  const owner = ownerOf(finding);
  const evidence = evidenceOf(regression);
  const place = finding.file && finding.line > 0 ? `${finding.file}:${finding.line}` : finding.file;
  return (
    <dl class="figures">
      <Figure title="Servers" value={signed(finding.servers.value)} note={intervalNote(finding.servers)} />
      <Figure title="Cores" value={signed(finding.cores.value)} note={intervalNote(finding.cores)} />
      {relative !== null && (
        <Figure
          title={`CPU per request ${cpuTime(before_ns ?? 0)} → ${cpuTime(after_ns ?? 0)}`}
          value={percentage(relative)}
          note={rise ? `95 %: ${percentage(rise.low)} to ${percentage(rise.high)}` : ''}
        />
      )}
      <div>
        <dt>Since</dt>
        <dd>
          {dayAndClock(sinceOf(finding)).replace(/:\d\d$/, '')}
          <small>
            <Ago at_ms={sinceOf(finding)} />
          </small>
        </dd>
      </div>
      {finding.function !== '' && (
        <div>
          <dt>Function</dt>
          <dd class="mono">
            {finding.function}
            <small>{place}</small>
          </dd>
        </div>
      )}
      {broughtBy.map((one) => (
        <Figure key={one.title} {...one} />
      ))}
      {finding.service !== '' && <Figure title="Service" value={finding.service} />}
      {owner !== '' && <Figure title="Owner" value={owner} />}
      {evidence.value !== '' && <Figure title="Evidence" {...evidence} />}
      <Saving ledger={finding.banked} />
    </dl>
  );
}

function intervalNote({ low, high }: Range): string {
  return low === 0 && high === 0 ? '' : `95 %: ${rangeText({ low, high })}`;
}

/** What was promised and what came of it, as far as it was measured. */
function Saving({ ledger: { predicted, observed, banked } }: { ledger: Ledger }) {
  const parts = [
    ['predicted', predicted],
    ['observed', observed],
    ['banked', banked],
  ] as const;
  const known = parts.flatMap(([name, servers]) => (servers == null ? [] : [`${name} ${short(servers)}`]));
  return known.length === 0 ? null : <Figure title="Servers saved" value="" note={known.join(' → ')} />;
}

/** Versions are compared by what functions take themselves, times by what the regression is about. */
function Suspects({ suspects, isOwn }: { suspects: readonly Suspect[]; isOwn: boolean }) {
  return (
    <section class="panel inset" aria-label="Suspects">
      <h2>Suspects</h2>
      {suspects.length === 0 ? (
        <p class="dim">No function is blamed.</p>
      ) : (
        <div class="wide">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Function</th>
                <th scope="col">{isOwn ? 'Own CPU before' : 'CPU before'}</th>
                <th scope="col">after</th>
                <th scope="col">Rise</th>
              </tr>
            </thead>
            <tbody>
              {suspects.map(({ name, place, before_ns, after_ns }) => (
                <tr key={`${name} ${place}`}>
                  <th scope="row">
                    <span class="mono">{name}</span>
                    <small>{place}</small>
                  </th>
                  <td>{before_ns === null ? '–' : cpuTime(before_ns)}</td>
                  <td>{after_ns === null ? '–' : cpuTime(after_ns)}</td>
                  <td>{before_ns === null || after_ns === null ? '–' : plus(after_ns - before_ns)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function plus(cpu_ns: number): string {
  return cpu_ns > 0 ? `+${cpuTime(cpu_ns)}` : cpuTime(cpu_ns);
}

function Compare({ finding, regression }: { finding: Finding; regression: Regression }) {
  const [endpoint, setEndpoint] = useState(finding.endpoints[0] ?? '');
  const opened_ms = useMemo(() => now_ms.value, [finding.id]);
  const { before, after } = useMemo(
    () => sidesOf(finding, regression, opened_ms),
    [finding.id, finding.at_ms, opened_ms],
  );
  const about = { service: finding.service, endpoint, function: finding.function };
  const questions = useMemo(
    () => ({ before: questionOf(about, before), after: questionOf(about, after) }),
    [before, after, endpoint],
  );
  return (
    <section class="panel inset" aria-label="Flame graphs">
      <div class="compared-line">
        <h2>What changed</h2>
        {finding.endpoints.length > 1 && (
          <select
            aria-label="Endpoint"
            value={endpoint}
            onChange={(event) => setEndpoint(event.currentTarget.value)}
          >
            {finding.endpoints.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <div class="spring" />
        <span>
          Explore{' '}
          <a href={exploreAddress(about, before)} data-page>
            before
          </a>
          {' · '}
          <a href={exploreAddress(about, after)} data-page>
            after
          </a>
        </span>
      </div>
      <p class="dim">
        {regression.versions
          ? `Version ${regression.versions.version} against version ${regression.versions.baseline}.`
          : 'As much time before the change as after it.'}
      </p>
      <Comparison {...questions} blamed={finding.function} />
    </section>
  );
}

function History({ finding: { history } }: { finding: Finding }) {
  if (history.length === 0) return null;
  return (
    <section class="panel inset" aria-label="History">
      <h2>History</h2>
      <ol class="history">
        {history.toReversed().map(({ at_ms, state: became, why }) => (
          <li key={at_ms}>
            <StateBadge state={became} /> <Ago at_ms={at_ms} /> <span class="dim">{why}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
