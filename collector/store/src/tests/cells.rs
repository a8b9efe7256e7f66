//! Folding stacks by labels and time gives the same sums wherever the data lies.

use std::collections::BTreeMap;

use super::*;

type Sums = BTreeMap<(Vec<String>, u32, String), (i64, u64)>;

fn folded(store: &Store, selected: &Selector, by: &[&str]) -> Sums {
    let window = Window { start_ns: START_NS, end_ns: START_NS + 4 * 60 * SECOND_NS };
    let shape = CellShape { by: by.iter().map(|key| (*key).into()).collect(), step_ns: 60 * SECOND_NS };
    let take = |sums: &mut Sums, cells: &Cells<'_>| {
        for cell in cells.cells {
            let group = cells.groups[cell.group as usize].iter().map(ToString::to_string).collect();
            let stack = cells.stacks[cell.stack as usize].iter();
            let names: Vec<&str> =
                stack.map(|frame| cells.frames[*frame as usize].function.as_ref()).collect();
            let sum = sums.entry((group, cell.step, names.join("<"))).or_default();
            *sum = (sum.0 + cell.value, sum.1 + cell.samples);
        }
    };
    let answer = store.fold((selected, window, ProfileType::Cpu), &shape, Sums::new, take).unwrap();
    assert_eq!(answer.unreadable, []);
    answer.value
}

#[test]
fn cells_are_the_same_in_memory_and_in_folders() {
    let row = |minute: i64, service, endpoint, function, value| Row {
        start_ns: START_NS + minute * 60 * SECOND_NS,
        service,
        endpoint,
        function,
        value,
    };
    let rows = [
        row(0, 1, 1, 1, 1),
        row(0, 1, 2, 1, 10),
        row(1, 1, 1, 1, 100),
        row(1, 2, 1, 1, 1_000),
        row(3, 1, 1, 2, 10_000),
        row(3, 1, 1, 2, 100_000),
        row(5, 1, 1, 1, 7),
    ];
    let dir = temporary_dir();
    let clock = TestClock::new();
    clock.advance(600 * SECOND_NS);
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    append(&store, key(1, 1), &rows).unwrap();
    let one = selector(&[(keys::SERVICE_NAME, MatchOp::Equal, "s1")]);
    let by = [keys::ENDPOINT, "absent"];
    let in_memory = folded(&store, &one, &by);
    let sums: Vec<String> = in_memory
        .iter()
        .map(|((group, step, stack), (value, _))| format!("{} {step} {stack} {value}", group.join("|")))
        .collect();
    let expected =
        ["GET /1| 0 f1<main 1", "GET /1| 1 f1<main 100", "GET /1| 3 f2<main 110000", "GET /2| 0 f1<main 10"];
    assert_eq!(sums, expected);
    store.flush().unwrap();
    assert_eq!(folded(&store, &one, &by), in_memory);
    clock.advance(3 * HOUR_NS);
    store.maintain().unwrap();
    assert_eq!(folded(&store, &one, &by), in_memory);
    assert_eq!(folded(&store, &selector(&[]), &[]).values().map(|(value, _)| value).sum::<i64>(), 111_111);
}
