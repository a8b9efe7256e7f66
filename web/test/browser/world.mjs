// A made-up fleet for the browser tests: the same seed gives the same call tree, however large.

/** Small seeded generator of numbers from 0 to 1 (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PACKAGES = [
  [
    'native',
    'postgres',
    [
      'ExecScan',
      'ExecHashJoin',
      'heap_getnext',
      'index_getnext_slot',
      'PostgresMain',
      'exec_simple_query',
      'PortalRun',
      'standard_ExecutorRun',
      'ExecInterpExpr',
      'slot_deform_heap_tuple',
      '_bt_search',
      'hash_search_with_hash_value',
    ],
  ],
  [
    'python',
    'django',
    [
      'get_response',
      'ResolverMatch.__call__',
      'QuerySet._fetch_all',
      'SQLCompiler.execute_sql',
      'Template.render',
      'ForNode.render',
      'Model.from_db',
      'CursorWrapper.execute',
      'convert_exception_to_response.<locals>.inner',
    ],
  ],
  [
    'python',
    'feed',
    [
      'FeedView.get',
      'rank_posts',
      'score',
      'Post.is_visible_to',
      'load_followees',
      'serialize_post',
      'Feed.build',
    ],
  ],
  [
    'native',
    'libpython3.11.so.1.0',
    [
      '_PyEval_EvalFrameDefault',
      'PyObject_Call',
      'dict_subscript',
      '_PyObject_GenericGetAttrWithDict',
      'PyUnicode_AsUTF8AndSize',
      'gc_collect_main',
      'list_sort',
    ],
  ],
  [
    'native',
    'thumbnailer',
    [
      'image::imageops::resize<image::buffer::ImageBuffer<Rgb<u8>>>',
      'thumbnailer::worker::Worker::run',
      'jpeg_decoder::idct::dequantize_and_idct_block',
      '<alloc::vec::Vec<T> as core::iter::FromIterator<T>>::from_iter',
      'rayon_core::registry::WorkerThread::wait_until',
      'webp::encode',
      'std::sys::backtrace::__rust_begin_short_backtrace',
    ],
  ],
  [
    'native',
    'libc.so.6',
    [
      '__libc_start_main',
      'malloc',
      '_int_free',
      '__memmove_avx_unaligned_erms',
      'epoll_wait',
      'start_thread',
    ],
  ],
  [
    'jit',
    'search',
    [
      'Lorg/apache/lucene/search/BooleanScorer;::score',
      'Ljava/util/HashMap;::get',
      'Lorg/apache/lucene/index/SegmentReader;::docs',
    ],
  ],
];
const KERNEL = [
  'entry_SYSCALL_64_after_hwframe',
  'do_syscall_64',
  '__x64_sys_read',
  'vfs_read',
  'tcp_recvmsg',
  'schedule',
  'copy_user_enhanced_fast_string',
  'ksys_write',
  'tcp_sendmsg_locked',
  '__handle_mm_fault',
];

/** A tree of `frames` frames as depth-first columns, widest child first, with some 6,000 functions when it is large. */
export function makeTree(frames, seed = 1) {
  const next = random(seed);
  const functions = makeFunctions(frames > 5_000 ? 6_000 : 300, next);
  const parent = new Int32Array(frames + 1).fill(-1);
  const weight = new Float64Array(frames + 1);
  const name = new Int32Array(frames + 1).fill(-1);
  const self = new Float64Array(frames + 1);
  const level = new Uint8Array(frames + 1);
  weight[0] = 900e9 * 3.4;
  let count = 1;
  for (let at = 0; at < count; at++) {
    let left = weight[at];
    const branches = at === 0 ? 7 : 1 + Math.floor(next() ** 2 * 4);
    for (let branch = 0; branch < branches && count <= frames && level[at] < 62; branch++) {
      const part = branches === 1 ? 0.88 + next() * 0.12 : 0.25 + next() * 0.6;
      const value = Math.floor(left * part);
      if (value < 1_000) break;
      parent[count] = at;
      level[count] = level[at] + 1;
      weight[count] = value;
      name[count] = childFunction(functions, name[at], next);
      left -= value;
      count += 1;
    }
    self[at] = left;
  }
  weight[0] -= self[0];
  self[0] = 0;
  return sortedDepthFirst({ functions, parent, weight, name, self, level, count });
}

function makeFunctions(count, next) {
  const functions = [];
  for (let idx = 0; functions.length < count; idx++) {
    const kernel = next() < 0.12;
    const [kind, owner, names] = kernel
      ? ['kernel', 'kernel', KERNEL]
      : PACKAGES[Math.floor(next() * PACKAGES.length)];
    const base = names[idx % names.length];
    const name = functions.some((item) => item.name === base) ? `${base}_${idx.toString(36)}` : base;
    const file =
      kind === 'python'
        ? `${owner}/${base.split('.')[0].toLowerCase()}.py`
        : kind === 'native' && next() < 0.6
          ? `src/${owner}.c`
          : '';
    functions.push({
      name,
      kind,
      file,
      executable: kind === 'kernel' ? '[kernel]' : kind === 'jit' ? '' : `/usr/lib/${owner}`,
      package: owner,
    });
  }
  return functions;
}

/** Most children are of their parent's package; the kernel is only left by ending. */
function childFunction(functions, above, next) {
  const count = functions.length;
  for (let tries = 0; tries < 8; tries++) {
    const idx = Math.floor(next() ** 1.5 * count);
    if (above < 0 || functions[above].kind === 'kernel') {
      if (above < 0 ? functions[idx].kind !== 'kernel' : functions[idx].kind === 'kernel') return idx;
    } else if (functions[idx].package === functions[above].package || next() < 0.14) return idx;
  }
  return Math.floor(next() * count);
}

function sortedDepthFirst({ functions, parent, weight, name, self, level, count }) {
  const childrenOf = Array.from({ length: count }, () => null);
  for (let idx = 1; idx < count; idx++) {
    childrenOf[parent[idx]] ??= [];
    childrenOf[parent[idx]].push(idx);
  }
  const order = [];
  const open = [0];
  while (open.length > 0) {
    const idx = open.pop();
    order.push(idx);
    const below = childrenOf[idx];
    if (below) open.push(...below.sort((a, b) => weight[a] - weight[b]));
  }
  const column = (values) => order.map((idx) => values[idx]);
  return {
    functions,
    levels: column(level),
    names: column(name),
    selves: column(self),
    totals: column(weight),
  };
}

/** The part of a tree below a path; `null` when there is no such path. */
export function focusTree(tree, root) {
  let at = 0;
  for (const wanted of root) {
    let child = at + 1;
    while (child < tree.levels.length && tree.levels[child] > tree.levels[at]) {
      if (tree.levels[child] === tree.levels[at] + 1 && tree.functions[tree.names[child]].name === wanted)
        break;
      child += 1;
    }
    if (child >= tree.levels.length || tree.levels[child] <= tree.levels[at]) return null;
    at = child;
  }
  let end = at + 1;
  while (end < tree.levels.length && tree.levels[end] > tree.levels[at]) end += 1;
  return {
    functions: tree.functions,
    levels: tree.levels.slice(at, end).map((level) => level - tree.levels[at]),
    names: [-1, ...tree.names.slice(at + 1, end)],
    selves: tree.selves.slice(at, end),
    totals: tree.totals.slice(at, end),
  };
}

/** Cuts a tree to a width as the collector does: narrow siblings become one hidden group a parent. */
export function cutTree(tree, width, min_px) {
  const least = (tree.totals[0] * min_px) / width;
  const out = { levels: [], names: [], selves: [], hidden: [], functions: [] };
  const places = new Map();
  const push = (level, name, self, hidden) => {
    out.levels.push(level);
    out.names.push(name);
    out.selves.push(self);
    out.hidden.push(hidden);
  };
  let hiddenTotal = 0;
  for (let at = 0; at < tree.levels.length; ) {
    const level = tree.levels[at];
    if (at === 0 || tree.totals[at] >= least) {
      const name = tree.names[at];
      if (name >= 0 && !places.has(name)) {
        places.set(name, out.functions.length);
        out.functions.push(tree.functions[name]);
      }
      push(level, name < 0 ? -1 : places.get(name), tree.selves[at], 0);
      at += 1;
      continue;
    }
    let cut = 0;
    let end = at;
    for (; end < tree.levels.length && tree.levels[end] >= level; end++) {
      if (tree.levels[end] === level) cut += tree.totals[end];
    }
    push(level, -1, cut, end - at);
    hiddenTotal += cut;
    at = end;
  }
  const frames_sent = out.hidden.filter((count) => count === 0).length - 1;
  return {
    ...out,
    frames_total: tree.levels.length - 1,
    frames_sent,
    hidden_share: hiddenTotal / Math.max(1, tree.totals[0]),
  };
}

/** Self and total of each function over the whole tree; a recursive function counts once a stack. */
export function topOf(tree) {
  const rows = new Map();
  const onPath = new Map();
  const path = [];
  for (let at = 1; at < tree.levels.length; at++) {
    while (path.length >= tree.levels[at]) {
      const left = path.pop();
      onPath.set(left, onPath.get(left) - 1);
    }
    const name = tree.names[at];
    const row = rows.get(name) ?? { function: tree.functions[name], self: 0, total: 0 };
    row.self += tree.selves[at];
    if (!onPath.get(name)) row.total += tree.totals[at];
    onPath.set(name, (onPath.get(name) ?? 0) + 1);
    path.push(name);
    rows.set(name, row);
  }
  return [...rows.values()];
}

/** Value of the samples with a matching function anywhere in their stack. */
export function matchOf(tree, matches) {
  let matched = 0;
  for (let at = 1; at < tree.levels.length; ) {
    if (!matches(tree.functions[tree.names[at]].name)) {
      at += 1;
      continue;
    }
    matched += tree.totals[at];
    const level = tree.levels[at];
    at += 1;
    while (at < tree.levels.length && tree.levels[at] > level) at += 1;
  }
  return matched;
}

/** The same tree with the first subtree half as dear again. */
export function dearerTree(tree) {
  let end = 2;
  while (end < tree.levels.length && tree.levels[end] > 1) end += 1;
  const dearer = (values) => values.map((value, idx) => (idx >= 1 && idx < end ? value * 1.5 : value));
  const totals = dearer(tree.totals);
  totals[0] += tree.totals[1] / 2;
  return { ...tree, selves: dearer(tree.selves), totals };
}
