// Memory by host as stacked bars: shared already, could be shared, private.
import type { HostMemory } from '../data/sharing';
import { count, megabytes } from '../data/units';

/** More bars than this cannot be looked through; the rest are summed up. */
const HOSTS_MAX = 40;

export function HostBars({ hosts }: { hosts: readonly HostMemory[] }) {
  const shown = hosts.slice(0, HOSTS_MAX);
  const rest = hosts.slice(HOSTS_MAX);
  const most = hosts.reduce((largest, host) => Math.max(largest, host.private_mb + host.shared_mb), 0) || 1;
  return (
    <section class="panel inset host-bars" aria-label="By host" tabIndex={0}>
      <p class="bar-key dim">
        <i data-part="shared" /> shared <i data-part="could" /> could be shared <i data-part="private" />{' '}
        private
      </p>
      <ul>
        {shown.map((host) => (
          <li key={host.host} title={aboutHost(host)}>
            <span>{host.host}</span>
            <Bar host={host} most={most} />
            <span>{megabytes(host.could_mb)}</span>
          </li>
        ))}
      </ul>
      {rest.length > 0 && (
        <p class="footnote">
          And {count(rest.length)} more hosts, with{' '}
          {megabytes(rest.reduce((sum, { could_mb }) => sum + could_mb, 0))} that could be shared.
        </p>
      )}
    </section>
  );
}

function aboutHost({ host, private_mb, shared_mb, could_mb }: HostMemory): string {
  return `${host}: ${megabytes(shared_mb)} shared, ${megabytes(private_mb)} private, of which ${megabytes(could_mb)} could be shared`;
}

function Bar({ host, most }: { host: HostMemory; most: number }) {
  const { private_mb, shared_mb, could_mb } = host;
  const parts = [
    ['shared', 0, shared_mb],
    ['could', shared_mb, could_mb],
    ['private', shared_mb + could_mb, private_mb - could_mb],
  ] as const;
  return (
    <svg role="img" aria-label={aboutHost(host)}>
      {parts.map(([part, from, mb]) => (
        <rect
          key={part}
          data-part={part}
          x={`${(100 * from) / most}%`}
          width={`${(100 * mb) / most}%`}
          height="100%"
        />
      ))}
    </svg>
  );
}
