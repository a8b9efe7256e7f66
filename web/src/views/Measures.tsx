// What was done and what can be, in the order of the steps: what is to come can be left out.
import type { FindingKind } from '../api/types';
import { isDone, type Measure, promised } from '../data/capacity';
import { count, short } from '../data/units';
import { addressOf, state as regressions } from '../state/regressions';

const KINDS: Record<FindingKind, string> = {
  regression: 'regression',
  flag: 'flag',
  dead_code: 'dead code',
  sharing: 'memory',
  capacity: 'capacity',
};

/** Rows that are shown; the chart has all. */
const SHOWN_MAX = 200;

const regressionAddress = (finding: string) => addressOf({ ...regressions.value, finding });

interface Props {
  measures: readonly Measure[];
  without: readonly string[];
  onWithout: (ids: string[]) => void;
}

export function Measures({ measures, without, onWithout }: Props) {
  let number = 0;
  return (
    <section class="panel inset" aria-label="Findings">
      <h2>Findings</h2>
      {measures.length === 0 && <p class="dim">No finding costs this service a server.</p>}
      {measures.length > 0 && (
        <div class="wide" tabIndex={0} role="region" aria-label="Table of findings">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Deal with</th>
                <th scope="col">Promised</th>
                <th scope="col">Observed</th>
                <th scope="col">Banked</th>
              </tr>
            </thead>
            <tbody>
              {measures.slice(0, SHOWN_MAX).map((measure) => {
                const { id, title, kind, observed, banked } = measure;
                const isPast = isDone(measure);
                const isTaken = isPast || !without.includes(id);
                if (isTaken) number += 1;
                return (
                  <tr key={id}>
                    <th scope="row">
                      <div class="deal">
                        <label>
                          <input
                            type="checkbox"
                            checked={isTaken}
                            disabled={isPast}
                            aria-label={title}
                            onChange={() =>
                              onWithout(isTaken ? [...without, id] : without.filter((one) => one !== id))
                            }
                          />
                          <span class="dim">{isTaken ? number : ''}</span>
                        </label>
                        <span>
                          {kind === 'regression' ? (
                            <a href={regressionAddress(id)} data-page>
                              {title}
                            </a>
                          ) : (
                            title
                          )}{' '}
                          <small>{isPast ? 'done' : kind ? KINDS[kind] : ''}</small>
                        </span>
                      </div>
                    </th>
                    <td>{short(promised(measure))}</td>
                    <td>{observed === null ? '–' : short(observed)}</td>
                    <td>{banked === null ? '–' : short(banked)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {measures.length > SHOWN_MAX && (
        <p class="footnote">And {count(measures.length - SHOWN_MAX)} smaller ones.</p>
      )}
      <p class="footnote">
        Servers of each alone. Findings overlap, so each takes its share of what those before it leave.
      </p>
    </section>
  );
}
