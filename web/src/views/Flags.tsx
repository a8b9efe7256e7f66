// What does each flag cost, on against off? A dot on its interval for each, and its endpoints below it.
import '../styles/findings.css';
import { useMemo } from 'preact/hooks';
import type { Findings, ReportSummary } from '../api/types';
import {
  arrangedFlags,
  constantsOf,
  type Exposure,
  type FlagCost,
  type FlagEndpoint,
  type FlagOrder,
  flagsOf,
  keyOf,
  type Unit,
} from '../data/flags';
import { evidenceOf } from '../data/regression';
import { cpuTime, share } from '../data/units';
import { type Scale, scaleOf } from '../layout/interval';
import { useFindings } from '../state/findings';
import { change, exploreAddress, state } from '../state/flags';
import { ConstantFlags } from './ConstantFlags';
import { FilterBox } from './FilterBox';
import { Answered, Looked, Stages } from './Findings';
import { EstimateCell } from './Interval';
import { Message, Waiting } from './Message';
import { type Choice, Segments } from './Segments';
import { type Column, Table } from './Table';

const UNITS: readonly Choice<Unit>[] = [
  { value: 'servers', title: 'Servers', hint: 'Cores divided by what a server may be kept busy with' },
  { value: 'cores', title: 'Cores', hint: 'CPU-seconds per second' },
];

const EXPOSURES: readonly Choice<Exposure>[] = [
  { value: 'now', title: 'Now', hint: 'With the share of requests that has the variant now' },
  { value: 'full', title: 'At 100 %', hint: 'If all requests had the variant' },
];

export function Flags() {
  const asked = useFindings('flag');
  const { value, loading } = asked;
  const { unit, exposure, filter, finding } = state.value;
  return (
    <>
      <div class="asking findings-asking">
        <h1>Flags</h1>
        <Segments
          label="Cost in"
          choices={UNITS}
          value={unit}
          onChoice={(wanted) => change({ unit: wanted }, true)}
        />
        <Segments
          label="Exposure"
          choices={EXPOSURES}
          value={exposure}
          onChoice={(wanted) => change({ exposure: wanted }, true)}
        />
        <FilterBox
          label="Filter flags by name, variant or endpoint"
          filter={filter}
          onFilter={(text) => change({ filter: text }, true)}
        />
        {finding !== '' && (
          <button type="button" onClick={() => change({ finding: '' })}>
            All flags
          </button>
        )}
        <div class="spring" />
        {value && <Looked reports={value.reports} />}
      </div>
      <Answered
        asked={asked}
        what="Every flag that programs tell of is compared on against off, endpoint by endpoint, by the CPU of each request. The SDK tells of them: through OpenFeature, or with a call where the flag is read."
        command={`fewer flags --collector ${location.origin}`}
      >
        {(answer) => <Costs answer={answer} loading={loading} />}
      </Answered>
    </>
  );
}

/** A line of the table: a flag, or one of its endpoints below it. */
type Line = { cost: FlagCost; endpoint: FlagEndpoint | null };

function Costs({ answer, loading }: { answer: Findings; loading: boolean }) {
  const wanted = state.value;
  const { unit, exposure, open } = wanted;
  const flags = useMemo(() => flagsOf(answer.findings), [answer]);
  const constants = useMemo(() => constantsOf(answer.findings, answer.reports), [answer]);
  const shown = useMemo(() => arrangedFlags(flags, wanted), [flags, wanted]);
  const scale = useMemo(
    () => scaleOf(shown.map(({ amounts }) => amounts[exposure][unit])),
    [shown, exposure, unit],
  );
  const lines = shown.flatMap((cost): Line[] => [
    { cost, endpoint: null },
    ...(wanted.finding !== '' || open.includes(keyOf(cost))
      ? cost.endpoints.map((endpoint) => ({ cost, endpoint }))
      : []),
  ]);
  return (
    <>
      {shown.length === 0 ? (
        <NoneShown flags={flags.length} reports={answer.reports} />
      ) : (
        <section class="panel table-panel findings flags" aria-label="Flags">
          <Waiting active={loading} />
          <Table
            label="Flag table"
            firstMinPx={200}
            columns={columnsOf(unit)}
            sort={wanted.order}
            onSort={(order) => change({ order }, true)}
            rows={lines}
            rowOf={(line, place) => <Row key={keyOfLine(line)} {...{ line, place, scale }} />}
          />
        </section>
      )}
      <ConstantFlags flags={constants} />
    </>
  );
}

function keyOfLine({ cost, endpoint }: Line): string {
  return `${keyOf(cost)} ${cost.baseline} ${endpoint?.service ?? ''} ${endpoint?.endpoint ?? ''}`;
}

function NoneShown({ flags, reports }: { flags: number; reports: readonly ReportSummary[] }) {
  if (flags > 0) {
    return (
      <Message title="No flag fits the filter">
        <p class="actions">
          <button type="button" onClick={() => change({ filter: '', finding: '' })}>
            Show all
          </button>
        </p>
      </Message>
    );
  }
  return (
    <Message title="No flag costs anything that is sure">
      <p>A flag is compared where requests with two of its variants end in the same endpoint and time.</p>
      <Stages reports={reports} />
    </Message>
  );
}

const COST_HINT =
  'What the variant takes more than its baseline, with the 95 % interval; of a flag, its endpoints added up, ends ' +
  'and all. A hollow dot: no difference was found';

const columnsOf = (unit: Unit): readonly Column<FlagOrder>[] => [
  { sort: 'flag', title: 'Flag', hint: 'by name', order: 'ascending' },
  {
    sort: 'cost',
    title: unit === 'servers' ? 'Servers' : 'Cores',
    hint: COST_HINT,
    order: 'descending',
    widthPx: 264,
  },
  { sort: null, title: 'Per request', hint: 'CPU per request more than with the baseline', widthPx: 104 },
  {
    sort: 'exposure',
    title: 'Exposure',
    hint: 'Share of the requests with it',
    order: 'descending',
    widthPx: 90,
  },
  { sort: null, title: 'Evidence', hint: 'What the comparison can say', widthPx: 216, words: true },
];

interface RowProps {
  line: Line;
  place: number;
  scale: Scale;
}

function Row({ line: { cost, endpoint }, place, scale }: RowProps) {
  const { unit, exposure } = state.value;
  const { amounts } = endpoint ?? cost;
  const one = endpoint ?? (cost.endpoints.length === 1 ? cost.endpoints[0] : null);
  return (
    <tr
      aria-rowindex={place + 2}
      class={endpoint ? 'part' : undefined}
      data-chosen={endpoint !== null && endpoint.id === state.value.finding}
    >
      <th scope="row">
        {endpoint ? (
          <a href={exploreAddress(cost.flag, endpoint)} data-page title="Explore by this flag">
            {endpoint.endpoint || '(none)'}
          </a>
        ) : (
          <Opener cost={cost} />
        )}
      </th>
      <EstimateCell estimate={amounts[exposure][unit]} scale={scale} unit={unit} />
      {one ? <PerRequest {...one} /> : <td class="dim">{cost.endpoints.length} endpoints</td>}
      <td>{endpoint || cost.exposure === null ? '' : share(cost.exposure, 1)}</td>
      <td class="words">{!endpoint && <Evidence cost={cost} />}</td>
    </tr>
  );
}

function Opener({ cost }: { cost: FlagCost }) {
  const { open, finding } = state.value;
  const key = keyOf(cost);
  const isOpen = finding !== '' || open.includes(key);
  const toggle = () => change({ open: isOpen ? open.filter((one) => one !== key) : [...open, key] }, true);
  return (
    <button
      type="button"
      class="quiet"
      aria-expanded={isOpen}
      title={`${cost.flag} = ${cost.variant}, against ${cost.baseline}`}
      onClick={toggle}
    >
      <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
      <span>
        {cost.flag} = <b>{cost.variant}</b>
      </span>
      <small>against {cost.baseline}</small>
    </button>
  );
}

function PerRequest({ difference_ns, interval_ns, detectable_ns }: FlagEndpoint) {
  if (difference_ns === null) return <td class="dim">–</td>;
  const plus = (cpu_ns: number) => `${cpu_ns > 0 ? '+' : ''}${cpuTime(cpu_ns)}`;
  const hint = [
    interval_ns && `95 % interval ${plus(interval_ns.low)} to ${plus(interval_ns.high)}`,
    detectable_ns !== null && `${cpuTime(detectable_ns)} would have been seen`,
  ];
  return <td title={hint.filter(Boolean).join('\n')}>{plus(difference_ns)}</td>;
}

function Evidence({ cost }: { cost: FlagCost }) {
  const { value, note } = evidenceOf(cost);
  return (
    <>
      {cost.isMismatched ? (
        <span
          class="state"
          title="The shares of the variants are not those that were drawn: something else tells them apart, so read no effect"
        >
          split is off
        </span>
      ) : cost.isRandom ? (
        <span
          class="state"
          data-state="fixed"
          title="Requests were split at random: the variant is the cause"
        >
          causal
        </span>
      ) : (
        <span
          class="state"
          data-state="acknowledged"
          title="Who gets the variant may explain the difference: programs do not say that requests were split at random"
        >
          observational
        </span>
      )}{' '}
      <span class="dim" title={note}>
        {value}
      </span>
    </>
  );
}
