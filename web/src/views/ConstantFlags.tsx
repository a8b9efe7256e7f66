// Flags that never vary: their checks run for nothing, and the branch not taken is never run.
import type { ConstantFlag } from '../data/flags';
import { count } from '../data/units';

const SHOWN_MAX = 200;

export function ConstantFlags({ flags }: { flags: readonly ConstantFlag[] }) {
  if (flags.length === 0) return null;
  return (
    <section class="panel inset constant" aria-label="Flags that never vary">
      <h2>
        Never varies <small>{count(flags.length)}</small>
      </h2>
      <p class="dim">One outcome in all that was seen: a check and a branch that could go.</p>
      <div class="wide" tabIndex={0} role="region" aria-label="Table of flags that never vary">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Flag</th>
              <th scope="col">Outcome</th>
              <th scope="col">Evaluations</th>
            </tr>
          </thead>
          <tbody>
            {flags.slice(0, SHOWN_MAX).map(({ flag, variant, evaluations }) => (
              <tr key={flag}>
                <th scope="row">{flag}</th>
                <td>{variant}</td>
                <td>{evaluations === 0 ? '–' : count(evaluations)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {flags.length > SHOWN_MAX && <p class="footnote">And {count(flags.length - SHOWN_MAX)} more.</p>}
    </section>
  );
}
