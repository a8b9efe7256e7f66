// Made-up findings of every kind, and what the collector does with them.
import { random } from './world.mjs';

const HOUR_MS = 3_600_000;
const FUNCTIONS = [
  'rank',
  'render_feed',
  'Serializer.to_representation',
  'load_settings',
  'json_dumps',
  'sort_posts',
];
const ENDPOINTS = [
  'GET /feed',
  'POST /like/{id}',
  'GET /profile/{user}',
  'GET /search',
  'celery:images.resize',
];
const OWNERS = ['@site/feed', '@site/search', ''];

const range = (value, spread) => ({ value, low: value - spread, high: value + spread });

/** What every finding has. */
function finding(kind, idx, now_ms, servers) {
  return {
    ...{ id: `${kind}-${idx}`, kind, service: ['feed', 'search'][idx % 2], title: '', state: 'new' },
    ...{ servers, cores: range(servers.value * 16, (servers.high - servers.value) * 16) },
    ...{ owner: OWNERS[idx % 3], endpoints: [], function: '', file: '', line: 0 },
    ...{
      at_ms: now_ms - (idx + 2) * HOUR_MS,
      first_seen_ms: now_ms - (idx + 1) * HOUR_MS,
      last_seen_ms: now_ms,
    },
    ...{
      acknowledged: null,
      history: [{ at_ms: now_ms - (idx + 1) * HOUR_MS, state: 'new', why: 'first seen' }],
    },
    ...{ banked: { at_stake: servers.value, predicted: null, observed: null, banked: null }, detail: {} },
  };
}

export function regressions(count, now_ms) {
  const next = random(3);
  return Array.from({ length: count }, (_, idx) => regression(idx, now_ms, next));
}

function regression(idx, now_ms, next) {
  const servers = Number((12 / (idx + 1) ** 1.1).toFixed(3));
  const found = finding('regression', idx, now_ms, range(servers, servers * (0.15 + 0.25 * next())));
  const rise = idx === 0 ? 0.253 : 0.03 + 0.4 * next();
  const before_ns = 4e6 * (1 + next());
  const endpoints = ENDPOINTS.slice(idx % ENDPOINTS.length, (idx % ENDPOINTS.length) + 1 + (idx % 3));
  const name = FUNCTIONS[idx % FUNCTIONS.length];
  const step_ms = 900_000;
  const start_ms = found.at_ms - 48 * step_ms;
  const values = Array.from({ length: 56 + idx * 2 }, (_, step) => {
    if (step % 23 === 9) return null;
    const level = step >= 48 ? before_ns * (1 + rise) : before_ns;
    return level * (1 + 0.03 * (next() - 0.5));
  });
  return {
    ...found,
    ...{ title: `${endpoints[0]}: +${(100 * rise).toFixed(1)} % CPU per request since ${name} changed` },
    ...{ endpoints, function: name, file: `feed/${name.toLowerCase()}.py`, line: 40 + idx },
    detail: {
      ...{ endpoints, before_ns, after_ns: before_ns * (1 + rise), interval: [rise * 0.86, rise * 1.14] },
      ...{
        unit: 'host.name',
        units: 12,
        adjusted_p_value: 1e-6,
        is_own: true,
        version: idx === 0 ? '2.4.1' : '',
      },
      ...(idx === 0 ? { flag: 'new_ranker', flag_variant: 'on' } : {}),
      suspects: [
        { function: name, place: `feed/${name.toLowerCase()}.py`, before_ns: 1.1e6, after_ns: 2.1e6 },
        { function: 'json_dumps', place: 'json/encoder.py', before_ns: 0.31e6, after_ns: 0.42e6 },
      ],
      ...(idx === 1 ? {} : { series: { start_ms, step_ms, values } }),
    },
  };
}

const FUNNEL = {
  ...{
    series: 1_284,
    improvements: 9,
    small: 41,
    went_away: 6,
    season: 12,
    population_shift: 2,
    cost_shift: 8,
  },
  ...{ not_significant: 17, duplicates: 3, findings: 1 },
  endpoints: [
    { endpoint: 'GET /feed', detectable: 0.021, hosts: 12 },
    { endpoint: 'POST /like/{id}', detectable: 0.064, hosts: 12 },
    { endpoint: 'GET /search', detectable: null, hosts: 1 },
  ],
};

const FUNNELS = () => ({ regression: FUNNEL, dead_code: RELEASE, capacity: SERVICES });

/** What the made-up collector answers about findings; `null` for what it does not know. */
export function answerFindings(world, shape, params, body) {
  const [, id, verb] = /^findings(?:\/([^/]+)(?:\/(acknowledge))?)?$/.exec(shape) ?? [];
  if (id === undefined) return { status: 200, body: listed(world, params.get('kind')) };
  const found = world.findings.find((one) => one.id === decodeURIComponent(id));
  if (!found) {
    return {
      status: 404,
      body: { error: { code: 'not_found', message: `there is no finding \`${id}\``, field: 'id' } },
    };
  }
  return verb === 'acknowledge' ? acknowledged(found, body) : { status: 200, body: found };
}

function listed({ findings, analysed, now_ms, funnels }, kind) {
  const ofKind = findings.filter((one) => kind === '' || one.kind === kind);
  const kinds = kind === '' ? ['regression', 'flag', 'dead_code', 'sharing', 'capacity'] : [kind];
  const reports = kinds
    .filter(() => analysed)
    .map((one) => ({
      kind: one,
      service: '',
      at_ms: now_ms - 240_000,
      complete: true,
      funnel: funnels?.[one] ?? FUNNELS()[one] ?? {},
    }));
  return { reports, findings: ofKind, findings_total: ofKind.length };
}

function acknowledged(found, { owner, reason, expires, at_most_percent }) {
  const refused = (field, fix) => ({
    status: 400,
    body: { error: { code: 'bad_acknowledgement', message: `\`${field}\` is not taken`, field, fix } },
  });
  if (owner.trim() === '') return refused('owner', 'say who answers for it');
  if (Date.parse(`${expires}T23:59:59Z`) < Date.now())
    return refused('expires', 'give a day that is not over');
  const at_ms = Date.now();
  Object.assign(found, {
    state: 'acknowledged',
    acknowledged: {
      ...{ owner, reason, at_ms, expires_ms: Date.parse(`${expires}T23:59:59Z`) },
      ...{ servers: found.servers.value, at_most: 1 + at_most_percent / 100 },
    },
    history: [...found.history, { at_ms, state: 'acknowledged', why: reason }],
  });
  return { status: 200, body: found };
}

const FLAGS = ['new_ranker', 'lazy_images', 'spell check', 'cache_templates', 'dark_header', 'bulk_likes'];

/** Flags with a row for each endpoint, and some that never vary. */
export function flags(count, now_ms) {
  const next = random(5);
  const varying = Array.from({ length: count }, (_, idx) => {
    const cores = (idx % 4 === 3 ? -1 : 1) * (9 / (idx + 1));
    const spread = idx % 3 === 2 ? Math.abs(cores) * 1.4 : Math.abs(cores) * 0.2;
    const name = idx < FLAGS.length ? FLAGS[idx] : `${FLAGS[idx % FLAGS.length]}_${idx}`;
    return ENDPOINTS.slice(0, 1 + (idx % 3)).map((endpoint, place) => {
      const part = cores / 2 ** place;
      const difference_ns = part * 4e5;
      const width_ns = (spread / 2 ** place) * 4e5;
      const exposure = 0.05 + 0.9 * next();
      return {
        ...finding('flag', idx * 10 + place, now_ms, range(part / 16, spread / 16)),
        ...{ title: `${name} = on in ${endpoint}`, endpoints: [endpoint], service: 'feed' },
        detail: {
          ...{ flag: name, variant: 'on', baseline_variant: 'off', endpoint, baseline_ns: 4e6 },
          ...{ variant_ns: 4e6 + difference_ns, difference_ns, detectable_ns: 2e5, adjusted_p_value: 0.001 },
          interval_ns: [difference_ns - width_ns, difference_ns + width_ns],
          ...{ cores: part * exposure, cores_at_full: part, servers_at_full: part / 8 },
          ...{ unit: 'host.name', units: 8, is_within_units: true, is_random: idx % 2 === 0 },
          sample_ratio_mismatch: idx === 4,
        },
      };
    });
  });
  const constant = ['old_search', 'beta_banner'].map((flag, idx) => ({
    ...finding('flag', 10_000 + idx, now_ms, range(0, 0)),
    detail: { flag, variant: 'off', evaluations: [120_000, 0][idx] },
  }));
  return [...varying.flat(), ...(count > 0 ? constant : [])];
}

const MODULES = [
  'feed/rank.py',
  'feed/views.py',
  'feed/legacy/export.py',
  'site/admin.py',
  'site/migrations.py',
  'users/forms.py',
];
const CODE_STATES = ['candidate', 'candidate', 'suspect', 'off', 'for_nothing'];

export function deadCode(count, now_ms) {
  const next = random(11);
  return Array.from({ length: count }, (_, idx) => {
    const state = CODE_STATES[idx % CODE_STATES.length];
    const name = `${['old_', 'legacy_', 'maybe_', '_'][idx % 4]}${FUNCTIONS[idx % FUNCTIONS.length]}_${idx}`;
    const servers = state === 'for_nothing' ? 1.2 / (idx + 1) : 0;
    const isJudged = state === 'candidate';
    return {
      ...finding('dead_code', idx, now_ms, range(servers, servers * 0.2)),
      ...{
        title: `${name} has not run`,
        function: name,
        file: MODULES[idx % MODULES.length],
        line: 10 + idx,
      },
      detail: {
        ...{
          state,
          module: MODULES[idx % MODULES.length],
          days: 40 + (idx % 30),
          bytes: 400 + Math.round(9_000 * next()),
        },
        ...{ dead: isJudged ? 0.9 + 0.099 * next() : null, rate_at_most: isJudged ? 0.004 : null },
        changed_ms: now_ms - (200 + idx) * 24 * HOUR_MS,
        evidence: isJudged ? '840 blocks, 12 hosts, 3 roles, none ran it' : 'not watched over a month end',
      },
    };
  });
}

export const RELEASE = {
  ...{ functions: 4_120, unexecuted: 806, candidates: 212, expected_alive: { value: 3.1, low: 1, high: 7 } },
  modules: Array.from({ length: 60 }, (_, idx) => ({
    module: idx < MODULES.length ? MODULES[idx] : `site/app${idx % 9}/part${idx}.py`,
    ...{
      bytes: Math.round(90_000 / (idx + 1) ** 0.8),
      functions: 40 + idx,
      executed: idx % 11 === 5 ? null : 30,
    },
    ...{
      unexecuted: idx % 11 === 5 ? null : idx % 7,
      observed: idx % 11 === 5 ? null : ((idx * 37) % 100) / 100,
    },
  })),
};

const OWNERS_HELD = [
  'shop.tables.TABLE',
  'django.urls.resolvers',
  'templates.cache',
  'heap',
  'site.settings.COUNTRIES',
];

export function sharing(count, now_ms) {
  return Array.from({ length: count }, (_, idx) => {
    const mb = Number((320 / (idx + 1)).toFixed(3));
    const owner = OWNERS_HELD[idx % OWNERS_HELD.length];
    return {
      ...finding('sharing', idx, now_ms, range(0, 0)),
      title: `${owner}: ${mb} MB in each of 48 processes, loaded after the fork`,
      detail: {
        ...{
          owner,
          kind: ['dict', 'code', 'equal pages'][idx % 3],
          cause: 'loaded after the fork',
          hosts: 12,
        },
        ...{
          mb_per_process: mb / 3,
          processes: 48,
          mb_saved: mb * 12,
          mb_retained: idx % 5 === 3 ? null : mb * 8,
        },
        ...{
          advice: 'Load it before the workers fork.',
          change: 'preload_app = True',
          risk: 'none that is known',
        },
        ledger: [
          { at_ms: now_ms - HOUR_MS, stage: 'predicted', servers: 1.4, by: 'a worker holds 75 MB of it' },
        ],
      },
    };
  });
}

const HOSTS_HELD = [
  ['web-1', 2_900, 400, 1_100],
  ['web-2', 2_600, 700, 640],
  ['web-3', 1_200, 900, 90],
];

/** The newest look at each host's memory. */
export function memory({ now_ms }) {
  const none = { bytes: 0, flat_saved: 0, processes: 0, saved: 0 };
  const reports = HOSTS_HELD.map(([host, own, shared, could]) => ({
    ...{ host, at_ms: now_ms },
    groups: [
      {
        total: { own: own * 1e6, proportional: (own + shared) * 1e6 },
        pages: [{ zero: none, broken: { ...none, saved: could * 1e6 }, elsewhere: none }],
        owners: [],
      },
    ],
  }));
  return { reports, reports_total: reports.length };
}

/** A service that has too many servers; the others are in the report. */
export function capacity(now_ms) {
  return [
    {
      ...finding('capacity', 0, now_ms, range(8, 4)),
      title: 'feed runs on 72 servers, more than it needs: 64',
      detail: {
        ...{ servers_needed: [64, 60, 69], servers_now: 72, binding: 'cpu', binding_share: 0.97, regions: 3 },
        ...{
          servers_for_cpu: { likely: 61.6 },
          servers_for_memory: { likely: 32 },
          target_utilisation: 0.55,
        },
        notes: ['The peak is that of the last 24 h.'],
      },
    },
  ];
}

const SERVICES = {
  services: [
    {
      service: 'search',
      servers_needed: [12, 11, 13],
      servers_now: 12,
      binding: 'memory',
      binding_share: 1,
      findings: [],
    },
    { service: 'batch', cannot_say: 'cannot say: no requests with a rate and CPU per request are known' },
  ],
};
