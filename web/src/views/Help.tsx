// The list of keys and of words, in a dialog.
import { HELP_ID, KEYS } from './keys';

export function Help() {
  return (
    <dialog id={HELP_ID} class="help" aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">Keys</h2>
        <button type="submit" class="quiet" aria-label="Close">
          ✕
        </button>
      </form>
      <div class="help-columns">
        <dl class="keys">
          {KEYS.map(({ key, does }) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>ctrl</kbd> wheel
            </dt>
            <dd>zoom at the pointer; with shift, move sideways</dd>
          </div>
        </dl>
        <section>
          <h3>Words</h3>
          <p>
            <b>cores</b>: CPU-seconds per second. 1.00 is one core kept busy all the time.
          </p>
          <p>
            <b>self</b>: time in the function itself. <b>total</b>: with everything it called.
          </p>
          <p>
            <b>servers</b>: cores divided by what a server may be kept busy with. Bars beside them are 95 %
            intervals; a hollow dot has zero in its interval.
          </p>
          <p>
            Width is total time; left to right is not time. A hatched cell stands for frames too narrow to
            draw: click it.
          </p>
          <h3>Selector</h3>
          <p>
            <code>{'{service.name="feed", endpoint=~"GET /.*"}'}</code>
            <br />
            Compare with <code>=</code>, <code>!=</code>, <code>=~</code>, <code>!~</code>. Empty means
            everything.
          </p>
        </section>
      </div>
    </dialog>
  );
}
