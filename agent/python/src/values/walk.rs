//! The walk itself: depth first, without recursion, every object once.
//!
//! Of large containers not every object is followed. Which ones are is decided by the content of their keys, or by their
//! place in a list, so that every process follows the same ones; text in lists is always read, as its order may depend
//! on the hash seed. What many containers hold counts less for each way to it.

use super::{
    PageMemory, ValueLimits, Values,
    fingerprint::{self, Fingerprint},
    object::{Entries, Heap, Held, Object},
    owners::{Counted, Owner, Owners, Weight},
    types::Kind,
    visited::Visited,
};

/// A walk in progress.
pub(super) struct Walk<'a> {
    heap: Heap<'a>,
    limits: ValueLimits,
    is_over: &'a mut dyn FnMut() -> bool,
    visited: Visited,
    owners: Owners,
    documentation: usize,
    values: Values,
}

/// A container whose objects are being read.
struct Open {
    address: u64,
    object: Object,
    /// Objects handed out so far.
    at: u64,
    /// What the objects read so far add up to.
    sum: Fingerprint,
    /// The key whose value comes next.
    key: Fingerprint,
    /// The value whose key was handed out.
    value: Option<u64>,
    /// What it stands for.
    weight: Weight,
    /// Of what it holds, one in so many is followed.
    one_in: u64,
}

/// An object that comes next.
#[derive(Clone, Copy)]
struct Next {
    address: u64,
    weight: Weight,
    /// Of its kind everything is followed, whether it was chosen or not; of other kinds only what was chosen, which
    /// stands for so many.
    chosen: Choice,
}

#[derive(Clone, Copy, PartialEq)]
enum Choice {
    /// Whatever it is.
    All,
    /// One of so many.
    One(u64),
    /// Only if it is text.
    Text,
}

/// What became of one object.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one turn of the walk; a box for each container costs more"
)]
enum Step {
    /// Its content, all of it.
    Done(Fingerprint),
    /// A container to be read first.
    Into(Open),
}

const DEPTH_MAX: usize = 1 << 15;
/// Of large containers, at least so many objects are followed,
const FOLLOWED_MIN: u64 = 512;
/// and at least one in so many.
const ONE_IN_MAX: u64 = 16;
/// Objects within objects that were chosen are not chosen from again when these stand for so many.
const WEIGHT_MAX: u64 = 64;
/// How often the caller is asked, in objects.
const ASKED_EVERY: u64 = 1 << 10;
const MODULES_MAX: u64 = 1 << 17;
const NAMES_MAX: u64 = 1 << 20;
const NAME_BYTES_MAX: usize = 256;
/// What the interpreter puts into every module, and what would lead from each module to all.
const NOT_FOLLOWED: [&str; 4] = ["__builtins__", "__loader__", "__spec__", "__cached__"];
const MAIN: &str = "__main__";
const DOCUMENTATION: &str = "__doc__";

impl<'a> Walk<'a> {
    pub(super) fn new(heap: Heap<'a>, limits: ValueLimits, is_over: &'a mut dyn FnMut() -> bool) -> Self {
        let (visited, mut owners, values) = (Visited::default(), Owners::default(), Values::default());
        let documentation = owners.attribute(&limits, "", DOCUMENTATION, Owner::DOCUMENTATION);
        Self { heap, limits, is_over, visited, owners, documentation, values }
    }

    /// Walks all modules. The program itself comes last: what it imported by name belongs to where it was made.
    pub(super) fn modules(mut self, table: u64) -> Values {
        let mut modules = Vec::new();
        for (name, module) in self.names(table, MODULES_MAX) {
            // A module's own dictionary is no value, wherever it is held.
            if let Some(dict) = self.heap.module_dict(module) {
                self.visited.insert(dict);
                self.visited.insert(module);
                modules.push((name, dict));
            }
        }
        self.visited.insert(table);
        modules.sort_by_key(|(name, _)| name == MAIN);
        for (name, dict) in modules {
            self.module(&name, dict);
        }
        self.values.is_cut |= self.owners.is_cut;
        let visited = &self.visited;
        Values { owners: self.owners.finish(|address| visited.is_plain(address)), ..self.values }
    }

    fn module(&mut self, module: &str, dict: u64) {
        for (name, value) in self.names(dict, NAMES_MAX) {
            if NOT_FOLLOWED.contains(&name.as_str()) || self.values.is_cut {
                continue;
            }
            let Some(kind) = self.heap.kind(value) else {
                self.values.unreadable += 1;
                continue;
            };
            let owner = match kind.kind {
                Kind::Module => continue,
                Kind::Function | Kind::Class | Kind::Holder | Kind::Code => self.owners.module(module),
                _ if name.starts_with("__") => self.owners.module(module),
                _ => self.owners.attribute(&self.limits, module, &name, &kind.name),
            };
            if name == DOCUMENTATION {
                self.documentation(value);
            }
            self.follow(owner, value);
        }
    }

    /// The entries of a dictionary whose keys are strings.
    fn names(&mut self, dict: u64, names_max: u64) -> Vec<(String, u64)> {
        let Ok(entries) = self.heap.entries(dict) else {
            self.values.unreadable += 1;
            return Vec::new();
        };
        self.values.is_cut |= entries.count > names_max;
        let mut names = Vec::new();
        for at in 0..entries.count.min(names_max) {
            let Ok((key, value)) = entries.pair(self.heap.memory, at) else {
                self.values.unreadable += 1;
                break;
            };
            if value != 0
                && let Some(name) = self.heap.text(key, NAME_BYTES_MAX)
            {
                names.push((name, value));
            }
        }
        names
    }

    /// Counts everything that an object holds, itself first.
    fn follow(&mut self, owner: usize, address: u64) {
        let mut stack: Vec<Open> = Vec::new();
        let first = Next { address, weight: Weight { one_in: 1, by_chance: 1.0 }, chosen: Choice::All };
        let mut next = self.step(owner, first, true);
        loop {
            match next {
                Step::Into(open) => stack.push(open),
                Step::Done(content) => match stack.last_mut() {
                    Some(open) => open.add(content),
                    None => return,
                },
            }
            let can_nest = stack.len() < DEPTH_MAX;
            next = match stack.last_mut().map(|open| open.next(self.heap.memory)) {
                Some(Some(next)) => self.step(owner, next, can_nest),
                _ => match stack.pop() {
                    Some(open) => Step::Done(self.close(owner, open)),
                    None => return,
                },
            };
        }
    }

    fn step(&mut self, owner: usize, next: Next, can_nest: bool) -> Step {
        if self.values.is_cut {
            return Step::Done(0);
        }
        let Next { address, chosen, .. } = next;
        let object = match self.heap.read(address, |kind| chosen != Choice::Text || kind == Kind::Text) {
            Ok(Some(object)) => object,
            Ok(None) => return Step::Done(0),
            Err(_) => {
                self.values.unreadable += 1;
                return Step::Done(0);
            }
        };
        let content = object.content;
        if object.kind == Kind::Module || !self.visited.insert(address) {
            return Step::Done(content);
        }
        self.values.objects += 1;
        if self.values.objects.is_multiple_of(ASKED_EVERY) {
            self.values.is_cut = self.values.objects >= self.limits.objects || (self.is_over)();
        }
        if object.documentation != 0 {
            self.documentation(object.documentation);
        }
        let weight = next.weight_of(&object);
        if object.held.is_some() {
            if can_nest {
                return Step::Into(Open::new(address, object, weight));
            }
            self.values.too_deep += 1;
        }
        self.count(owner, (address, &object), content, weight);
        Step::Done(content)
    }

    /// A container whose objects were all read.
    fn close(&mut self, owner: usize, open: Open) -> Fingerprint {
        let content = fingerprint::join(open.object.content, open.sum);
        self.count(owner, (open.address, &open.object), content, open.weight);
        content
    }

    fn count(
        &mut self,
        owner: usize,
        (address, object): (u64, &Object),
        fingerprint: Fingerprint,
        weight: Weight,
    ) {
        if object.is_collected {
            self.visited.collect(address);
        }
        let Object { share, flat_own_bytes, table, head_bytes, .. } = *object;
        let counted = Counted { fingerprint, share, flat_own_bytes, table, head_bytes, address, weight };
        self.owners.count(&self.limits, owner, counted);
    }

    /// Counts the documentation of a function or module: it has an owner of its own, as it can be left out.
    fn documentation(&mut self, address: u64) {
        if let Ok(Some(object)) = self.heap.read(address, |kind| kind == Kind::Text)
            && self.visited.insert(address)
        {
            let weight = Weight { one_in: 1, by_chance: 1.0 };
            self.count(self.documentation, (address, &object), object.content, weight);
        }
    }
}

impl Next {
    /// What the object stands for, now that it is known what it is.
    fn weight_of(&self, object: &Object) -> Weight {
        let one_in = match self.chosen {
            Choice::One(one_in) if object.kind != Kind::Text => one_in,
            _ => 1,
        };
        let weight = Weight { one_in: self.weight.one_in * one_in, ..self.weight };
        let passed_over = self.weight.by_chance * one_in as f64;
        if passed_over <= 1.0 {
            return weight;
        }
        // Each of so many references was a chance to get here.
        let references = object.references.clamp(1, REFERENCES_MAX) as i32;
        let missed = (1.0 - 1.0 / passed_over).powi(references);
        Weight { by_chance: 1.0 / (1.0 - missed), ..weight }
    }
}

/// With so many references nothing is missed.
const REFERENCES_MAX: u64 = 1 << 12;

impl Open {
    fn new(address: u64, object: Object, weight: Weight) -> Self {
        let count = match &object.held {
            Some(Held::Pairs(entries)) => entries.used,
            Some(Held::Items { count, .. }) if object.kind != Kind::Set => *count,
            _ => 0,
        };
        let one_in = match (count / FOLLOWED_MIN).min(ONE_IN_MAX) {
            0 => 1,
            _ if weight.one_in >= WEIGHT_MAX => 1,
            most => 1 << most.ilog2(),
        };
        Self { address, object, at: 0, sum: 0, key: 0, value: None, weight, one_in }
    }

    /// The next object that this one holds and that is followed.
    fn next(&mut self, memory: &dyn PageMemory) -> Option<Next> {
        let all = Next { address: 0, weight: self.weight, chosen: Choice::All };
        if let Some(address) = self.value.take() {
            if (self.key as u64).is_multiple_of(self.one_in) {
                let one_in = self.weight.one_in * self.one_in;
                let by_chance = self.weight.by_chance * self.one_in as f64;
                return Some(Next { address, weight: Weight { one_in, by_chance }, ..all });
            }
            self.sum = self.sum.wrapping_add(fingerprint::join(self.key, 0));
        }
        match self.object.held.as_ref()? {
            Held::Few(held) => {
                let next = held.get(self.at as usize).copied();
                self.at += 1;
                next.map(|address| Next { address, ..all })
            }
            Held::Items { at, count, stride } => {
                while self.at < *count {
                    let number = self.at;
                    let item = at.wrapping_add(number * stride);
                    self.at += 1;
                    let address = crate::memory::read_u64(memory, item).ok()?;
                    // An entry of a set that was removed keeps a mark in its place.
                    let is_removed = self.object.kind == Kind::Set
                        && crate::memory::read_u64(memory, item.wrapping_add(8)).ok()? == u64::MAX;
                    if address != 0 && !is_removed {
                        let is_chosen = spread(number).is_multiple_of(self.one_in);
                        let chosen = if is_chosen { Choice::One(self.one_in) } else { Choice::Text };
                        return Some(Next { address, chosen, ..all });
                    }
                }
                None
            }
            Held::Pairs(entries) => {
                let (at, entries): (u64, Entries) = (self.at, *entries);
                for at in at..entries.count {
                    self.at = at + 1;
                    let (key, value) = entries.pair(memory, at).ok()?;
                    if key != 0 && value != 0 {
                        self.value = Some(value);
                        return Some(Next { address: key, ..all });
                    }
                }
                None
            }
        }
    }

    /// Takes in what one of its objects contains. The order of sets and dictionaries says nothing.
    fn add(&mut self, content: Fingerprint) {
        match (self.object.kind, self.object.held.as_ref()) {
            (Kind::Set, _) => self.sum = self.sum.wrapping_add(fingerprint::join(content, 1)),
            (_, Some(Held::Pairs(_))) if self.value.is_some() => self.key = content,
            (_, Some(Held::Pairs(_))) => {
                self.sum = self.sum.wrapping_add(fingerprint::join(self.key, content));
            }
            _ => self.sum = fingerprint::join(self.sum, content),
        }
    }
}

/// Spreads places in a list, so that what is chosen follows no pattern.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
