//! What happens to fleets: twenty-one kinds, each with what has to be told of it.

use analyzer_detect::regressions::fleet::Part;
use testkit::Random;

use crate::world::{CHANGE_AT, REQUEST_NS, STEPS, World};

/// A rise that has to be told: one of these functions, in one of these endpoints, from about this step on.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) functions: Vec<&'static str>,
    pub(crate) endpoint: usize,
    pub(crate) at: std::ops::RangeInclusive<usize>,
}

/// A fleet to which something happened.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) truths: Vec<Truth>,
    /// True when a rise has to be named as pending.
    pub(crate) is_pending: bool,
}

type Make = fn(World, &mut Random) -> Case;

/// Every kind with how it comes about.
pub(crate) const KINDS: [(&str, Make); 21] = [
    ("step", step),
    ("ramp", ramp),
    ("one host group", one_group),
    ("one flag", one_flag),
    ("only at peak", at_peak),
    ("moved to a wrapper", wrapper),
    ("renamed", renamed),
    ("mix shift", mix_shift),
    ("season", season),
    ("spike that goes away", spike),
    ("dependency upgrade", dependency),
    ("one endpoint of many", one_endpoint),
    ("new function", new_function),
    ("inlined helper", inlined),
    ("caller split in two", split),
    ("fleet hardware migration", migration),
    ("sampling-rate change", sampling_rate),
    ("missing windows", missing),
    ("two changes near", two_near),
    ("change in the last two windows", last_windows),
    ("improvement", improvement),
];

/// The rise that most kinds have: of the whole request.
const RISE: f64 = 0.06;

fn quiet(world: World) -> Case {
    Case { world, truths: Vec::new(), is_pending: false }
}

fn about(functions: &[&'static str], endpoint: usize) -> Truth {
    Truth { functions: functions.to_vec(), endpoint, at: CHANGE_AT - 2..=CHANGE_AT + 2 }
}

fn telling(world: World, truths: Vec<Truth>) -> Case {
    Case { world, truths, is_pending: false }
}

/// A node's own cost rises by a share of the request from a step on.
fn rise(world: &mut World, name: &str, (endpoint, at): (usize, usize), share: f64) {
    let node = world.node(name);
    world.change(move |moment, cost| {
        let is_it = moment.node == node && moment.endpoint == endpoint && moment.step >= at;
        if is_it { cost + share * REQUEST_NS } else { cost }
    });
}

fn step(mut world: World, _: &mut Random) -> Case {
    rise(&mut world, "app_inner_01", (0, CHANGE_AT), RISE);
    world.versions = versions();
    telling(world, vec![about(&["app_inner_01"], 0)])
}

fn versions() -> Vec<Part> {
    let requests =
        |is_new: bool| (0..STEPS).map(|at| f64::from(u8::from((at >= CHANGE_AT) == is_new))).collect();
    let part =
        |value: &str, is_new| Part { of: String::new(), value: value.into(), requests: requests(is_new) };
    vec![part("1.0", false), part("1.1", true)]
}

fn ramp(mut world: World, _: &mut Random) -> Case {
    let node = world.node("app_inner_11");
    world.change(move |moment, cost| {
        let part = (moment.step.saturating_sub(40) as f64 / 24.0).min(1.0);
        if moment.node == node && moment.endpoint == 0 { cost + 1.5 * RISE * part * REQUEST_NS } else { cost }
    });
    let truth = Truth { functions: vec!["app_inner_11"], endpoint: 0, at: 38..=66 };
    telling(world, vec![truth])
}

fn one_group(mut world: World, _: &mut Random) -> Case {
    let node = world.node("app_inner_21");
    world.change(move |moment, cost| {
        let is_it = moment.node == node && moment.host % 2 == 1 && moment.step >= CHANGE_AT;
        if is_it && moment.endpoint == 0 { cost + 2.0 * RISE * REQUEST_NS } else { cost }
    });
    telling(world, vec![about(&["app_inner_21"], 0)])
}

fn one_flag(mut world: World, _: &mut Random) -> Case {
    rise(&mut world, "app_inner_22", (0, CHANGE_AT), 0.4 * 2.0 * RISE);
    let exposed = |at: usize| if at < CHANGE_AT { 0.0 } else { 0.4 };
    let part = |value: &str, requests: Vec<f64>| Part { of: "ranker".into(), value: value.into(), requests };
    world.flags = vec![
        part("on", (0..STEPS).map(exposed).collect()),
        part("off", (0..STEPS).map(|at| 1.0 - exposed(at)).collect()),
    ];
    telling(world, vec![about(&["app_inner_22"], 0)])
}

fn at_peak(mut world: World, _: &mut Random) -> Case {
    let node = world.node("app_inner_12");
    world.change(move |moment, cost| {
        let is_it = moment.node == node && moment.load > 1.25 && moment.step >= CHANGE_AT;
        if is_it && moment.endpoint == 0 { cost + 2.0 * RISE * REQUEST_NS } else { cost }
    });
    let truth = Truth { functions: vec!["app_inner_12"], endpoint: 0, at: CHANGE_AT - 20..=CHANGE_AT + 20 };
    telling(world, vec![truth])
}

/// From the step on, one node's cost stands at another.
fn moves(world: &mut World, from: usize, to: usize) {
    let own_ns = world.nodes[from].own_ns;
    let speed = world.speed.clone();
    world.change(move |moment, cost| match moment.node {
        node if node == from && moment.step >= CHANGE_AT => 0.0,
        node if node == to && moment.step >= CHANGE_AT => cost + own_ns * speed[moment.host],
        _ => cost,
    });
}

fn wrapper(mut world: World, _: &mut Random) -> Case {
    let inner = world.node("app_inner_01");
    let parent = world.nodes[inner].parent;
    let wrapper = world.add("traced", "app", parent, 0.0);
    let moved = world.add("app_inner_01", "app", Some(wrapper), 0.0);
    moves(&mut world, inner, moved);
    quiet(world)
}

fn renamed(mut world: World, _: &mut Random) -> Case {
    let inner = world.node("app_inner_01");
    let parent = world.nodes[inner].parent;
    let new = world.add("app_kernel_01", "app", parent, 0.0);
    moves(&mut world, inner, new);
    quiet(world)
}

fn mix_shift(mut world: World, _: &mut Random) -> Case {
    world.speed.iter_mut().enumerate().filter(|(at, _)| at % 2 == 1).for_each(|(_, speed)| *speed *= 1.6);
    world.share = Box::new(|host, step| match (step >= CHANGE_AT, host % 2) {
        (true, 1) => 1.6,
        (true, _) => 0.4,
        _ => 1.0,
    });
    quiet(world)
}

fn season(mut world: World, _: &mut Random) -> Case {
    world.change(|moment, cost| cost * (1.0 + 0.3 * (moment.load - 1.0)));
    quiet(world)
}

fn spike(mut world: World, _: &mut Random) -> Case {
    let node = world.node("app_inner_02");
    world.change(move |moment, cost| {
        let is_it = moment.node == node && (50..62).contains(&moment.step);
        if is_it { cost + 3.0 * RISE * REQUEST_NS } else { cost }
    });
    quiet(world)
}

fn dependency(mut world: World, _: &mut Random) -> Case {
    let names = ["libjson_inner_03", "libjson_inner_13", "libjson_inner_23"];
    names.iter().for_each(|name| rise(&mut world, name, (0, CHANGE_AT), RISE / 2.0));
    world.versions = versions();
    // The dearest function that encloses all of them will do too.
    telling(
        world,
        vec![about(&[&names[..], &["libjson_03", "libjson_13", "libjson_23", "serve"]].concat(), 0)],
    )
}

fn one_endpoint(mut world: World, _: &mut Random) -> Case {
    let last = world.endpoints - 1;
    rise(&mut world, "app_inner_31", (last, CHANGE_AT), RISE);
    telling(world, vec![about(&["app_inner_31"], last)])
}

fn new_function(mut world: World, _: &mut Random) -> Case {
    let parent = world.node("app_32");
    world.add("audit", "app", Some(parent), 0.0);
    rise(&mut world, "audit", (0, CHANGE_AT), RISE);
    telling(world, vec![about(&["audit"], 0)])
}

fn inlined(mut world: World, _: &mut Random) -> Case {
    let (inner, outer) = (world.node("app_inner_01"), world.node("app_01"));
    moves(&mut world, inner, outer);
    quiet(world)
}

fn split(mut world: World, _: &mut Random) -> Case {
    let caller = world.node("app_10");
    let parent = world.nodes[caller].parent;
    let (first, second) =
        (world.add("app_10_read", "app", parent, 0.0), world.add("app_10_write", "app", parent, 0.0));
    let inner = world.node("app_inner_10");
    let (own_ns, inner_ns) = (world.nodes[caller].own_ns, world.nodes[inner].own_ns);
    let speed = world.speed.clone();
    let moved = world.add("app_inner_10", "app", Some(first), 0.0);
    world.change(move |moment, cost| {
        let node = moment.node;
        let speed = speed[moment.host];
        match moment.step >= CHANGE_AT {
            true if node == caller || node == inner => 0.0,
            true if node == first || node == second => cost + 0.5 * own_ns * speed,
            true if node == moved => cost + inner_ns * speed,
            _ => cost,
        }
    });
    quiet(world)
}

fn migration(mut world: World, _: &mut Random) -> Case {
    let hosts = world.hosts.len();
    world.speed.iter_mut().skip(hosts / 2).for_each(|speed| *speed *= 1.3);
    world.share = Box::new(move |host, step| f64::from(u8::from((host < hosts / 2) == (step < CHANGE_AT))));
    quiet(world)
}

fn sampling_rate(mut world: World, _: &mut Random) -> Case {
    world.period_ns = Box::new(|step| if step < CHANGE_AT { 1e9 / 19.0 } else { 1e9 / 97.0 });
    quiet(world)
}

fn missing(mut world: World, random: &mut Random) -> Case {
    let lost: Vec<bool> = (0..world.hosts.len() * STEPS).map(|_| random.chance(10)).collect();
    world.is_lost = Box::new(move |host, step| {
        f64::from(u8::from(lost[host * STEPS + step] || host == 3 && (40..70).contains(&step)))
    });
    quiet(world)
}

fn two_near(mut world: World, _: &mut Random) -> Case {
    rise(&mut world, "app_inner_01", (0, CHANGE_AT), RISE);
    rise(&mut world, "app_inner_22", (0, CHANGE_AT + 8), RISE);
    let second = Truth { functions: vec!["app_inner_22"], endpoint: 0, at: CHANGE_AT + 6..=CHANGE_AT + 10 };
    telling(world, vec![about(&["app_inner_01"], 0), second])
}

fn last_windows(mut world: World, _: &mut Random) -> Case {
    rise(&mut world, "app_inner_01", (0, STEPS - 2), RISE);
    Case { is_pending: true, ..quiet(world) }
}

fn improvement(mut world: World, _: &mut Random) -> Case {
    let node = world.node("app_inner_02");
    world.change(
        move |moment, cost| {
            if moment.node == node && moment.step >= CHANGE_AT { cost * 0.3 } else { cost }
        },
    );
    quiet(world)
}
