// How many servers do we need, and how many could be given back? A step for each finding, promised and measured.
import '../styles/findings.css';
import '../styles/capacity.css';
import { useMemo } from 'preact/hooks';
import type { Finding } from '../api/types';
import {
  type Assumed,
  bindingText,
  ceiling,
  isAsItIs,
  isDone,
  type Measure,
  measuresOf,
  type Plan,
  plansOf,
  type Stair,
  stairsOf,
} from '../data/capacity';
import { count, short } from '../data/units';
import { change, state } from '../state/capacity';
import { refresh } from '../state/clock';
import { useFindings } from '../state/findings';
import { Figure } from './Figure';
import { Looked, NotAnalysed, Stages } from './Findings';
import { Measures } from './Measures';
import { FailureBanner, FailureMessage, Message, Waiting } from './Message';
import { Stairs } from './Stairs';
import { WhatIf } from './WhatIf';

export function Capacity() {
  const { value, error, loading } = useFindings('capacity');
  const all = useFindings('', false).value;
  const plans = useMemo(() => plansOf(value?.findings ?? [], value?.reports ?? []), [value]);
  const { service, finding } = state.value;
  const wanted = plans.find((one) =>
    service === '' ? finding !== '' && one.id === finding : one.service === service,
  );
  const plan = wanted ?? (service === '' ? plans[0] : undefined);
  const reports = value?.reports ?? [];
  return (
    <>
      <div class="asking findings-asking">
        <h1>Capacity</h1>
        {plans.length > 1 && <ServicePicker plans={plans} chosen={plan?.service ?? service} />}
        <div class="spring" />
        {value && <Looked reports={reports} />}
      </div>
      {error && !value ? (
        <FailureMessage failure={error} retry={refresh} />
      ) : !value ? (
        <Waiting active={loading} />
      ) : plans.length === 0 && reports.length > 0 ? (
        <Message title="No service has servers to spare or to add">
          <p>
            Each has about as many as it needs, or too little is known of it. <code>fewer capacity</code> says
            which, and what findings are worth:
          </p>
          <pre>{`fewer capacity --collector ${location.origin}`}</pre>
          <Stages reports={reports} />
        </Message>
      ) : plans.length === 0 ? (
        <NotAnalysed
          what="Servers needed are the peak rate of requests times the CPU of each, at the utilisation aimed for. That needs counted requests and the number of cores of a server."
          command={`fewer capacity --collector ${location.origin} --cores CORES`}
        />
      ) : (
        <>
          {error && <FailureBanner failure={error} retry={refresh} />}
          {plan ? (
            <Needed plan={plan} findings={all?.findings ?? NO_FINDINGS} />
          ) : (
            <NoPlan service={service} />
          )}
        </>
      )}
    </>
  );
}

const NO_FINDINGS: readonly Finding[] = [];

const BINDINGS: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  memory: 'Memory',
  'red line': 'Load test',
};

function ServicePicker({ plans, chosen }: { plans: readonly Plan[]; chosen: string }) {
  return (
    <label class="by">
      service
      <select
        value={chosen}
        onChange={(event) => change({ service: event.currentTarget.value, without: [] })}
      >
        {plans.map(({ service }) => (
          <option key={service} value={service}>
            {service || 'all'}
          </option>
        ))}
      </select>
    </label>
  );
}

function NoPlan({ service }: { service: string }) {
  return (
    <Message title={`Nothing is known of ${service}`}>
      <p class="actions">
        <button type="button" onClick={() => change({ service: '' })}>
          Other services
        </button>
      </p>
    </Message>
  );
}

function Needed({ plan, findings }: { plan: Plan; findings: readonly Finding[] }) {
  const { without, requests, busy, regions } = state.value;
  const measures = useMemo(() => measuresOf(plan, findings), [findings, plan]);
  const taken = measures.filter((one) => isDone(one) || !without.includes(one.id));
  const assumptions: Assumed = { requests: requests ?? 100, busy, regions };
  const stairs = useMemo(
    () => stairsOf(plan, taken, assumptions),
    [plan, measures, without, requests, busy, regions],
  );
  if (plan.cannot_say !== '') {
    return (
      <Message title="Cannot say">
        <p>{plan.cannot_say}</p>
      </Message>
    );
  }
  return (
    <article class="finding" aria-label={`Capacity of ${plan.service || 'all services'}`}>
      <Figures plan={plan} stairs={stairs} measures={measures} assumptions={assumptions} />
      <section class="panel" aria-label="Servers needed">
        <Stairs stairs={stairs} />
      </section>
      <div class="two">
        <Measures measures={measures} without={without} onWithout={(ids) => change({ without: ids }, true)} />
        <WhatIf plan={plan} assumptions={assumptions} onAssume={(patch) => change(patch, true)} />
      </div>
      {plan.notes.map((note) => (
        <p key={note} class="footnote">
          {note}
        </p>
      ))}
    </article>
  );
}

interface FiguresProps {
  plan: Plan;
  stairs: readonly Stair[];
  measures: readonly Measure[];
  assumptions: Assumed;
}

function Figures({ plan, stairs, measures, assumptions }: FiguresProps) {
  const needed = stairs.findLast(({ measure }) => measure === null)?.promised ?? 0;
  const left = stairs[stairs.length - 1].promised;
  const sum = (of: (measure: Measure) => number | null) =>
    measures.reduce((all, one) => all + (of(one) ?? 0), 0);
  const ofDone = (of: (measure: Measure) => number | null) => sum((one) => (isDone(one) ? of(one) : 0));
  const [observed, banked] = [ofDone((one) => one.observed), ofDone((one) => one.banked)];
  const { low, high } = plan.servers;
  return (
    <dl class="figures">
      <Figure
        title="Servers needed"
        value={count(ceiling(needed))}
        note={isAsItIs(assumptions) ? `${count(low)} to ${count(high)}` : `now ${count(plan.servers.value)}`}
      />
      {plan.servers_now !== null && <Figure title="Runs on" value={count(plan.servers_now)} />}
      <Figure
        title="After all that is ticked"
        value={count(ceiling(left))}
        note={`${short(needed - left)} fewer, as promised`}
      />
      {observed > 0 && (
        <Figure title="Saved so far, measured" value={short(observed)} note={`${short(banked)} banked`} />
      )}
      <Figure
        title="Binding resource"
        value={BINDINGS[plan.binding] ?? 'Not known'}
        note={bindingText(plan)}
      />
    </dl>
  );
}
