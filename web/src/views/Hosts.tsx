// The agents that report: can the data be trusted?
import '../styles/hosts.css';
import { useEffect } from 'preact/hooks';
import type { Host, Hosts as HostList } from '../api/types';
import { HOSTS } from '../api/urls';
import { dayAndClock } from '../data/time';
import { bytes, cores, cpuTime, duration } from '../data/units';
import { now_ms, refresh } from '../state/clock';
import { useResource } from '../state/resource';
import { FailureMessage, Message, Waiting } from './Message';

const REFRESH_MS = 10_000;
/** An agent reports every 10 seconds: older than this, some reports are missing; than the next, it is gone. */
const LATE_MS = 45_000;
const GONE_MS = 5 * 60_000;

export function Hosts() {
  const hosts = useResource<HostList>(HOSTS, { fleeting: true });
  useEffect(() => {
    refresh();
    const timer = setInterval(() => !document.hidden && refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const { value, error, loading } = hosts;
  return (
    <section class="hosts" aria-label="Hosts">
      <Waiting active={loading} />
      <h1>
        Hosts{' '}
        <small>{value && `${value.hosts.length} ${value.hosts.length === 1 ? 'agent' : 'agents'}`}</small>
      </h1>
      {error && <FailureMessage failure={error} retry={refresh} />}
      {value?.hosts.length === 0 && (
        <Message title="No agent has reported yet">
          <p>On each host to be profiled, as root:</p>
          <pre>{`fewer agent --collector ${location.origin}`}</pre>
        </Message>
      )}
      {value?.hosts.map((host) => (
        <HostCard key={host.agent} host={host} />
      ))}
    </section>
  );
}

function HostCard({ host }: { host: Host }) {
  const age_ms = Math.max(0, now_ms.value - host.at_ms);
  const state = age_ms < LATE_MS ? 'reporting' : age_ms < GONE_MS ? 'late' : 'silent';
  const name = host.facts['host.name'] ?? host.facts.host ?? host.agent;
  return (
    <article class="panel host">
      <div class="panel-head">
        <h2>{name}</h2>
        <span class="badge" data-state={state}>
          {state}
        </span>
        <span class="dim">{summary(host.measures)}</span>
        <div class="spring" />
        <small title={dayAndClock(host.at_ms)}>{duration(age_ms)} ago</small>
      </div>
      <div class="host-columns">
        <table>
          <caption>Measures</caption>
          <tbody>
            {grouped(host.measures).map(({ name, parts }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  {parts.map(({ of, value }) => (
                    <span key={of} class="part">
                      {of} <b>{measureText(name, value)}</b>
                    </span>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <table>
          <caption>Facts</caption>
          <tbody>
            {[['agent', host.agent], ...Object.entries(host.facts)].map(([fact, text]) => (
              <tr key={fact}>
                <th scope="row">{fact}</th>
                <td>{factText(fact, text)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </article>
  );
}

/** What the agent itself costs: the first thing to know of a host. */
function summary(measures: Record<string, number>): string {
  const { agent_cpu_cores: cpu, agent_rss_bytes: memory, sampling_rate_hz: rate } = measures;
  const parts = [
    cpu !== undefined && `agent ${cores(cpu)} cores`,
    memory !== undefined && bytes(memory),
    rate !== undefined && `${rate} Hz`,
  ];
  return parts.filter((part) => part !== false).join(' · ');
}

interface Group {
  name: string;
  parts: { of: string; value: number }[];
}

/** Counters of one kind on one line: `name{outcome="x"}` is the part `x` of `name`. */
function grouped(measures: Record<string, number>): Group[] {
  const groups = new Map<string, Group>();
  for (const [measure, value] of Object.entries(measures)) {
    const [, name, of] = /^([^{]*)(?:\{\w+="(.*)"\})?$/.exec(measure) ?? [measure, measure, ''];
    const group = groups.get(name) ?? { name, parts: [] };
    group.parts.push({ of: of ?? '', value });
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** The unit stands last in the name of a measure, before `_total`, and of a fact. */
function measureText(name: string, value: number): string {
  if (name.endsWith('_bytes')) return bytes(value);
  if (/_ns(_total)?$/.test(name)) return cpuTime(value);
  if (name.endsWith('_share')) return `${(100 * value).toFixed(2)} %`;
  return value.toLocaleString('en', { maximumFractionDigits: 4 });
}

function factText(name: string, text: string): string {
  return name.endsWith('.bytes') && /^\d+$/.test(text) ? bytes(Number(text)) : text;
}
