// No endpoint in sight: how programs come to name theirs.
import { change } from '../state/endpoints';
import { Message } from './Message';

export function NoEndpoints({ service }: { service: string }) {
  return (
    <Message title={service === '' ? 'No endpoints in this time' : `No endpoints of ${service} in this time`}>
      <p>
        An endpoint is a route template such as <code>GET /items/{'{id}'}</code> or a task such as{' '}
        <code>celery:shop.thumbnail</code>. The SDK names the one that each request belongs to and counts
        requests with their exact CPU time; the agent reads both from outside.
      </p>
      <pre>pip install fewer</pre>
      <pre>{PYTHON}</pre>
      <p>
        Rust: the crate <code>fewer-sdk</code>, a layer for axum and tonic. More is in the project’s{' '}
        <code>sdk/python/README.md</code> and <code>sdk/rust/README.md</code>; the query API is{' '}
        <a href="/openapi.json">/openapi.json</a>.
      </p>
      <p class="actions">
        {service !== '' && (
          <button type="button" onClick={() => change({ service: '' })}>
            All services
          </button>
        )}
        <button type="button" onClick={() => change({ start: 'now-24h', end: 'now' })}>
          Look at the last 24 h
        </button>
      </p>
    </Message>
  );
}

const PYTHON = `# Django: settings.py, first in the list
MIDDLEWARE = ["fewer.django.Middleware", ...]

fewer.flask.install(app)              # Flask
app = fewer.asgi.Middleware(app)      # Starlette, FastAPI, any ASGI
app = fewer.wsgi.Middleware(app)      # any WSGI
fewer.celery.install(app)             # Celery`;
