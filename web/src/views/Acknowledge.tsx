// Taking a finding on: who, why, until when, and up to which size. What the collector refuses stands at its field.
import { useState } from 'preact/hooks';
import { Failure, post } from '../api/client';
import type { Acknowledge as Body, Finding } from '../api/types';
import { acknowledgement } from '../api/urls';
import { dayAndClock } from '../data/time';
import { signed } from '../data/units';
import { now_ms, refresh } from '../state/clock';
import { notify } from '../state/notice';

const DAY_MS = 86_400_000;
const EXPIRES_DAYS = 30;
const AT_MOST_PERCENT = 25;

export function Acknowledgements({ finding }: { finding: Finding }) {
  const { acknowledged, state } = finding;
  if (state === 'fixed' || state === 'went_away') {
    return <p class="dim">Nothing is left to answer for.</p>;
  }
  if (!acknowledged || state === 'new') return <AcknowledgeForm finding={finding} />;
  return (
    <>
      <p>
        <b>{acknowledged.owner}</b>: {acknowledged.reason}
      </p>
      <p class="dim">
        Until {dayAndClock(acknowledged.expires_ms)}, and up to{' '}
        {signed(acknowledged.servers * acknowledged.at_most)} servers; then it is new again.
      </p>
      <details>
        <summary>Change</summary>
        <AcknowledgeForm finding={finding} />
      </details>
    </>
  );
}

/** The day some days from now, as a date field wants it. */
function dayIn(days: number): string {
  return new Date(now_ms.value + days * DAY_MS).toISOString().slice(0, 10);
}

function AcknowledgeForm({ finding: { id, acknowledged, owner } }: { finding: Finding }) {
  const [body, setBody] = useState<Body>(() => ({
    owner: acknowledged?.owner ?? owner,
    reason: acknowledged?.reason ?? '',
    expires: dayIn(EXPIRES_DAYS),
    at_most_percent: AT_MOST_PERCENT,
  }));
  const [failure, setFailure] = useState<Failure | null>(null);
  const [sending, setSending] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setSending(true);
    try {
      await post(acknowledgement(id), body);
      setFailure(null);
      notify('Acknowledged');
      refresh();
    } catch (error) {
      setFailure(
        error instanceof Failure ? error : new Failure(-1, { code: 'page', message: String(error) }),
      );
    } finally {
      setSending(false);
    }
  };
  const field = (name: keyof Body) => ({
    name,
    refused: failure?.detail.field === name ? failure : null,
    onText: (text: string) => setBody({ ...body, [name]: name === 'at_most_percent' ? Number(text) : text }),
  });
  const isElsewhere = failure !== null && !((failure.detail.field ?? '') in body);
  return (
    <form class="acknowledge" onSubmit={send}>
      <Field {...field('owner')} label="Owner" value={body.owner} />
      <Field {...field('reason')} label="Reason" value={body.reason} />
      <Field {...field('expires')} label="Until" type="date" value={body.expires} />
      <Field
        {...field('at_most_percent')}
        label="May grow by, in %"
        type="number"
        value={String(body.at_most_percent)}
      />
      {isElsewhere && <Refusal failure={failure} id="acknowledge-refused" />}
      <button type="submit" disabled={sending}>
        Acknowledge
      </button>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  value: string;
  type?: string;
  refused: Failure | null;
  onText: (text: string) => void;
}

function Field({ name, label, value, type = 'text', refused, onText }: FieldProps) {
  const id = `acknowledge-${name}`;
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={value}
        required
        min={type === 'number' ? 0 : undefined}
        aria-invalid={refused !== null}
        aria-describedby={refused ? `${id}-refused` : undefined}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      {refused && <Refusal failure={refused} id={`${id}-refused`} />}
    </>
  );
}

function Refusal({ failure, id }: { failure: Failure; id: string }) {
  const { message, fix } = failure.detail;
  return (
    <p class="refusal" id={id} role="alert">
      {fix ? `${message}: ${fix}` : message}
    </p>
  );
}
