// One number of a page's head: what it is, the number, and how sure or of what.

export function Figure({ title, value, note = '' }: { title: string; value: string; note?: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}
