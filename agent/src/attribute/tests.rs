//! What becomes of samples whose process, stack or registers cannot be had.

use std::path::PathBuf;

use agent_bpf::{Addresses, Comm, UserRegisters, UserStack};
use model::keys;

use super::*;

fn attributor() -> Attributor {
    Attributor::new(ProcessOptions {
        proc_root: PathBuf::from("/nonexistent"),
        host_name: "host".into(),
        extra_labels: LabelSet::default(),
    })
}

fn raw(mode: Mode, user: Option<UserState<'static>>) -> RawSample<'static> {
    RawSample {
        time_ns: 1,
        cpu: 0,
        pid: 7,
        tid: 7,
        mode,
        comm: Some(Comm::from_bytes(b"kworker/1:0")),
        image: None,
        kernel_stack: Addresses::EMPTY,
        user,
        python: None,
        context: None,
        query_text: None,
    }
}

fn user() -> UserState<'static> {
    let registers = UserRegisters { ip: 0x1000, ..UserRegisters::default() };
    UserState { registers, thread_pointer: None, stack: UserStack::empty(0) }
}

fn check(
    sample: &RawSample<'_>,
    expected_service: &str,
    expected_stack: &[Location],
    outcome: (&'static str, u64),
) {
    let mut attributor = attributor();
    let attributed = attributor.sample(sample);
    assert_eq!(attributed.labels.get(keys::SERVICE_NAME), Some(expected_service));
    assert_eq!(attributed.stack, expected_stack);
    assert_eq!(attributor.tally().get(UNWINDING, outcome.0), outcome.1);
    assert_eq!(attributor.tally().outcomes(SAMPLES).len(), 1);
}

#[test]
fn a_sample_without_any_address_is_unknown_and_counted() {
    check(&raw(Mode::KernelThread, None), "kworker/1:0", &[UNKNOWN], ("complete", 0));
    check(&raw(Mode::Kernel, None), "kworker/1:0", &[UNKNOWN], ("complete", 0));
}

#[test]
fn a_process_that_is_gone_leaves_its_leaf_and_the_reason() {
    let expected = [UNKNOWN, Location::Marker("[process gone]"), TRUNCATED];
    check(&raw(Mode::User, Some(user())), "kworker/1:0", &expected, ("process gone", 1));
}

#[test]
fn kernel_addresses_are_looked_up_inside_the_call() {
    let locations = kernel_locations([0x10, 0x20, 0].into_iter());
    assert_eq!(locations, [Location::Kernel { address: 0x10 }, Location::Kernel { address: 0x1f }]);
}

#[test]
fn every_cut_has_its_marker() {
    for outcome in Outcome::ALL {
        assert_eq!(cut_marker(outcome), format!("[{}]", outcome.name()));
    }
}
