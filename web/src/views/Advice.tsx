// What to change so that memory is shared, what may go wrong, and what came of it.
import type { Opportunity } from '../data/sharing';
import { count, short } from '../data/units';
import { copy } from '../state/notice';
import { Ago } from './Findings';

export function Advice({ one }: { one: Opportunity }) {
  const { owner, service, cause, hosts, advice, change, risk, ledger } = one;
  const where = hosts === null ? '' : `on ${count(hosts)} ${hosts === 1 ? 'host' : 'hosts'}`;
  return (
    <section class="panel inset advice" aria-label={`What to change about ${owner}`} tabIndex={0}>
      <h2>
        {owner} <small>{[service, cause, where].filter(Boolean).join(', ')}</small>
      </h2>
      <p>{advice || 'Nothing is known that would share it.'}</p>
      {change && (
        <>
          <pre>{change}</pre>
          <button type="button" onClick={() => void copy(change, 'The change')}>
            Copy
          </button>
        </>
      )}
      {risk && <p class="dim">Risk: {risk}</p>}
      {ledger.length > 0 && (
        <ol class="history">
          {ledger.map(({ at_ms, stage, servers, by }) => (
            <li key={`${at_ms} ${stage}`}>
              {stage} <b>{short(servers)}</b> servers <Ago at_ms={at_ms} /> <span class="dim">{by}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
