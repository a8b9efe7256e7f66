// Serves dist/ as the collector does (same headers) with a made-up API behind it: for faults and fixed pictures.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { answerFindings, memory } from './found.mjs';
import { cutTree, dearerTree, focusTree, makeTree, matchOf, random, topOf } from './world.mjs';

const dist = new URL('../../dist', import.meta.url).pathname;
const rustSource = readFileSync(new URL('../../src/lib.rs', import.meta.url), 'utf8');
/** The policy the real server sends, read from where it is defined. */
const POLICY = rustSource.match(/CONTENT_SECURITY_POLICY: &str = "([^"]*)"/)[1].replace(/\\\n\s*/g, '');
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
};
const SERVICES = ['feed', 'postgres', 'thumbnailer', 'celery', 'search', 'nginx', 'auth', ''];
const ENDPOINTS = [
  'GET /feed',
  'POST /like/{id}',
  'GET /profile/{user}',
  'celery:images.resize',
  'GET /search?<q>',
  'POST /upload "raw"',
  'GET /media/{id}/comments/{comment}/replies',
];
export const FLAG = 'feature_flag.result.variant.new_ranker';
const ODD_FLAG = 'feature_flag.result.variant.spell check';

/** What occurs of a label, most CPU first; the last of `thread.name` is what the limit cut off. */
function valuesOf(world, by, query) {
  const all = {
    endpoint: [...(world.bare ? [] : ENDPOINTS), ''],
    [FLAG]: ['', 'off', 'on'],
    [ODD_FLAG]: ['v1', ''],
  };
  const values = all[by] ?? SERVICES;
  return query.includes('endpoint!=""')
    ? by === 'endpoint'
      ? values.filter(Boolean)
      : world.bare
        ? []
        : values
    : values;
}

/** Starts a server on a free port of the loopback. `world` can be changed while it runs. */
export async function startServer(world) {
  const asked = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    if (url.pathname.startsWith('/api/')) {
      asked.push(request.url);
      bodyOf(request).then((body) => answer(world, url, response, body));
    } else page(url, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, close: () => server.close() };
}

/** The JSON of a request; nothing for one without. */
async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? null : JSON.parse(text);
}

/** What the made-up collector has stored. */
export function makeWorld({ frames = 3_000, now_ms = Date.now(), empty = false } = {}) {
  const tree = makeTree(frames);
  const quiet = { down: false, bare: false, uncut: false, analysed: true, findings: [], dearer_ms: null };
  return { tree, top: topOf(tree), now_ms, empty, ...quiet };
}

function page(url, response) {
  const file = `${dist}${url.pathname}`;
  const path = /\.\w+$/.test(url.pathname) ? file : `${dist}/index.html`;
  if (!existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[path.split('.').pop()],
    'content-security-policy': POLICY,
  });
  response.end(readFileSync(path));
}

function answer(world, url, response, body) {
  if (world.down) {
    response.destroy();
    return;
  }
  const shape = url.pathname.replace('/api/v1/', '');
  const params = url.searchParams;
  const selectorError = params.has('query') && badSelector(params.get('query'));
  if (selectorError) return send(response, 400, { error: selectorError });
  const values = /^labels\/(.+)\/values$/.exec(shape);
  if (values) return send(response, 200, labelValues(world, decodeURIComponent(values[1])));
  if (shape.startsWith('findings')) {
    const found = answerFindings(world, shape, params, body);
    return send(response, found.status, found.body);
  }
  const maker = SHAPES[shape];
  if (!maker)
    return send(response, 404, { error: { code: 'no_such_path', message: `there is no ${shape}` } });
  return send(response, 200, maker(world, params));
}

function send(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
  response.end(gzipSync(JSON.stringify(body), { level: 1 }));
}

/** Enough of the grammar to give the errors that a test types. */
function badSelector(text) {
  const value = /=~?\s*([^"\s])/.exec(text);
  if (!value) return null;
  const position = value.index + value[0].length - 1;
  return {
    code: 'bad_selector',
    message: 'a value must stand in double quotes',
    field: 'query',
    position,
    fix: 'Write service.name="feed".',
  };
}

function labelValues(world, name) {
  if (name !== 'service.name')
    return { values: [{ value: 'host-1', total: world.tree.totals[0] }], values_total: 1 };
  const values = SERVICES.map((value, idx) => ({
    value,
    total: Math.round(world.tree.totals[0] / 2 ** (idx + 1)),
  }));
  return { values, values_total: values.length };
}

const SHAPES = {
  status: (world) => ({
    version: '0.1.0',
    earliest_ms: world.empty ? null : world.now_ms - 7 * 86_400_000,
    latest_ms: world.empty ? null : world.now_ms,
    now_ms: Date.now(),
    profile_types: world.empty ? [] : ['cpu'],
  }),
  labels: () => ({
    names: [
      'container.id',
      'endpoint',
      FLAG,
      ODD_FLAG,
      'host.name',
      'process.pid',
      'service.name',
      'service.version',
      'thread.name',
    ],
  }),
  timeline: (world, params) => timeline(world, params),
  breakdown: (world, params) => breakdown(world, params),
  flamegraph: (world, params) => flameGraph(world, params),
  top: (world, params) => top(world, params),
  match: (world, params) => {
    const pattern = params.get('pattern');
    const expression = new RegExp(pattern, /[A-Z]/.test(pattern) ? 'u' : 'iu');
    const matches = (name) => expression.test(name);
    const functions = world.top.filter((row) => matches(row.function.name)).length;
    return { matched: matchOf(world.tree, matches), total: world.tree.totals[0], functions };
  },
  hosts: (world) => ({ hosts: world.empty ? [] : hosts() }),
  memory: (world) => (world.analysed ? memory(world) : { reports: [], reports_total: 0 }),
};

const isEmpty = (world, params) => world.empty || params.get('query').includes('nothing');

function timeline(world, params) {
  const start_ms = Date.parse(params.get('start'));
  const length_ms = Date.parse(params.get('end')) - start_ms;
  const steps = Number(params.get('steps'));
  const step_ms = Math.max(1_000, Math.ceil(length_ms / steps / 1_000) * 1_000);
  const by = params.get('by');
  const per = params.get('per') === 'request' ? 'request' : null;
  if (isEmpty(world, params)) return { start_ms, step_ms, by, per, series: [], total: 0 };
  const count = Math.ceil(length_ms / step_ms);
  const next = random(7);
  const coresInAll = world.tree.totals[0] / (length_ms * 1e6);
  let total = 0;
  const series = valuesOf(world, by, params.get('query')).map((value, idx) => {
    const base = (coresInAll * 0.45) / 1.8 ** idx;
    const cores = Array.from({ length: count }, (_, step) => {
      const wave = 1 + 0.25 * Math.sin(step / (9 + idx * 3) + idx) + 0.2 * (next() - 0.5);
      return base * wave * (idx === 2 && step > count * 0.6 && step < count * 0.68 ? 2.6 : 1);
    });
    const sum = Math.round(cores.reduce((all, one) => all + one, 0) * step_ms * 1e6);
    total += sum;
    return {
      value,
      rest: 0,
      cores,
      total: sum,
      ...(per && perRequest(cores, requestsOf(world, value, idx), step_ms)),
    };
  });
  return { start_ms, step_ms, by, per, series, total };
}

/** Requests in a second; tasks and what has no label count none, and in a bare world nothing does. */
function requestsOf(world, value, idx) {
  return world.bare || value === '' || value.startsWith('celery') ? 0 : 10 / (idx + 1);
}

function perRequest(cores, requests_per_s, step_ms) {
  const requests = cores.map((_, step) =>
    step % 17 === 3 ? 0 : Math.round((requests_per_s * step_ms) / 1_000),
  );
  const cpu_ms_per_request = cores.map((one, step) =>
    requests[step] === 0 ? null : (one * step_ms) / requests[step],
  );
  return { requests, cpu_ms_per_request };
}

function breakdown(world, params) {
  const by = params.get('by');
  const seconds = (Date.parse(params.get('end')) - Date.parse(params.get('start'))) / 1_000;
  const values = isEmpty(world, params) ? [] : valuesOf(world, by, params.get('query'));
  const rows = values.map((value, idx) => {
    const cpu_ns = Math.round(world.tree.totals[0] / 2 ** (idx + 1));
    return costRow(value, cpu_ns, Math.round(requestsOf(world, value, idx) * seconds), idx, seconds);
  });
  if (by === 'thread.name') Object.assign(rows.at(-1), { rest: 1_200 });
  const sum = (key) => rows.reduce((all, row) => all + row[key], 0);
  const total = costRow('', sum('cpu_ns'), sum('requests'), 0, seconds);
  Object.assign(total, { client_errors: sum('client_errors'), server_errors: sum('server_errors') });
  return { by, seconds, values_total: rows.length, rows, total };
}

function costRow(value, cpu_ns, requests, idx, seconds) {
  const per = (amount) => (requests === 0 ? null : amount / requests);
  return {
    ...{ value, rest: 0, cpu_ns, requests, measured: requests },
    cores: cpu_ns / 1e9 / seconds,
    requests_per_s: requests / seconds,
    cpu_ns_per_request: per(cpu_ns),
    counted_cpu_ns_per_request: per(cpu_ns * (0.98 + idx / 100)),
    instructions_per_request: null,
    client_errors: idx % 2 === 1 ? Math.round(requests / 40) : 0,
    server_errors: idx === 1 ? Math.round(requests / 900) : 0,
  };
}

function flameGraph(world, params) {
  const root = params.getAll('root').map((name) => name.replace(/\\(.)/g, '$1'));
  const isLater = world.dearer_ms !== null && Date.parse(params.get('start')) >= world.dearer_ms;
  const tree = isLater ? dearerTree(world.tree) : world.tree;
  const total = isEmpty(world, params) ? 0 : tree.totals[0];
  const focused = total === 0 ? null : focusTree(tree, root);
  const none = {
    levels: [],
    names: [],
    selves: [],
    hidden: [],
    functions: [],
    frames_total: 0,
    frames_sent: 0,
    hidden_share: 0,
  };
  const cut = focused
    ? cutTree(focused, Number(params.get('width')), world.uncut ? 0 : Number(params.get('min_px')))
    : none;
  return { unit: 'nanoseconds', total, root, ...cut };
}

function top(world, params) {
  const filter = (params.get('filter') ?? '').toLowerCase();
  const rows = world.top.filter((row) => row.function.name.toLowerCase().includes(filter));
  const sort = params.get('sort');
  rows.sort((a, b) => (sort === 'name' ? a.function.name.localeCompare(b.function.name) : b[sort] - a[sort]));
  return {
    unit: 'nanoseconds',
    total: world.tree.totals[0],
    functions_total: rows.length,
    rows: rows.slice(0, Number(params.get('limit'))),
  };
}

function hosts() {
  const host = (idx, age_ms) => ({
    agent: `00000000000000000000000000000a0${idx}`,
    at_ms: Date.now() - age_ms,
    facts: { 'host.name': `web-${idx}`, 'agent.version': '0.1.0', 'os.kernel': '6.18.5', sampler: 'bpf' },
    measures: {
      agent_cpu_share: 0.0031 * idx,
      agent_rss_bytes: 38_400_000 + idx * 1_000_000,
      events: 182_331,
      unwound_share: 0.9961,
      'unwind_outcome_total{outcome="complete"}': 170_000,
      'unwind_outcome_total{outcome="beyond copy"}': 0,
      drops: 0,
    },
  });
  return [host(1, 3_000), host(2, 9_000), host(3, 140_000)];
}
