//! Functions that keep each other: every one of a cluster is reached from every other, so that none can be removed alone.

/// The clusters among so many functions, by which names which; each has at least two members, in order, and the first
/// members are in order. (Kosaraju's algorithm, without recursion: chains of calls can be long.)
pub fn clusters(functions: usize, named: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let neighbours = |edges: &mut dyn Iterator<Item = (usize, usize)>| {
        let mut lists: Vec<Vec<usize>> = vec![Vec::new(); functions];
        for (from, to) in edges.filter(|(from, to)| *from < functions && *to < functions) {
            if let Some(list) = lists.get_mut(from) {
                list.push(to);
            }
        }
        lists
    };
    let forward = neighbours(&mut named.iter().copied());
    let backward = neighbours(&mut named.iter().map(|(from, to)| (*to, *from)));
    let mut seen = vec![false; functions];
    let mut finished = Vec::with_capacity(functions);
    for start in 0..functions {
        finished.extend(visit(start, &forward, &mut seen));
    }
    seen.fill(false);
    let mut found: Vec<Vec<usize>> = Vec::new();
    for start in finished.into_iter().rev() {
        let mut members = visit(start, &backward, &mut seen);
        if members.len() > 1 {
            members.sort_unstable();
            found.push(members);
        }
    }
    found.sort();
    found
}

/// Everything that is reached from `start` and was not seen before, in the order in which it is left.
fn visit(start: usize, neighbours: &[Vec<usize>], seen: &mut [bool]) -> Vec<usize> {
    let mut first_time = |at: usize| seen.get_mut(at).is_some_and(|seen| !std::mem::replace(seen, true));
    let mut left = Vec::new();
    let mut path: Vec<(usize, usize)> = Vec::new();
    if first_time(start) {
        path.push((start, 0));
    }
    while let Some((at, next)) = path.last_mut() {
        let neighbour = neighbours.get(*at).and_then(|list| list.get(*next)).copied();
        *next += 1;
        match neighbour {
            Some(neighbour) if first_time(neighbour) => path.push((neighbour, 0)),
            Some(_) => {}
            None => {
                left.push(*at);
                path.pop();
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many functions, which names which, and the clusters.
    type Case = (usize, &'static [(usize, usize)], &'static [&'static [usize]]);

    #[test]
    fn what_reaches_itself_through_others_is_a_cluster() {
        let cases: [Case; 5] = [
            (0, &[], &[]),
            (2, &[(0, 1)], &[]),
            (3, &[(0, 0), (0, 1), (1, 2)], &[]),
            (5, &[(0, 1), (1, 0), (1, 2), (3, 4), (4, 3)], &[&[0, 1], &[3, 4]]),
            (4, &[(3, 1), (1, 2), (2, 3), (0, 1), (9, 1)], &[&[1, 2, 3]]),
        ];
        for (functions, named, expected) in cases {
            assert_eq!(clusters(functions, named), expected, "{named:?}");
        }
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let count = 200_000;
        let named: Vec<(usize, usize)> = (0..count).map(|at| (at, (at + 1) % count)).collect();
        assert_eq!(clusters(count, &named).first().map(Vec::len), Some(count));
    }
}
