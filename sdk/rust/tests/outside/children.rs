//! What the children do. They print what the parent needs to know and wait on their input for its word.

#![allow(unsafe_code, unreachable_pub, reason = "the thread pointer and a fork, in a test's child")]

use std::io::{BufRead, Write};

use fewer_sdk::Reason;

use crate::support::thread_pointer;

pub fn run(child: &str) {
    match child {
        "steps" => steps(),
        "busy" => busy(),
        "fork" => fork(),
        "flood" => flood(),
        other => panic!("no child called {other}"),
    }
}

/// One thread that goes through a request, step by step.
fn steps() {
    say(&thread_pointer().to_string());
    {
        let mut request = fewer_sdk::request("GET /items/{id}");
        say("in a request");
        fewer_sdk::flag("new ranking \u{1f980}", "on", Reason::Split);
        say("with a flag");
        {
            let _inner = fewer_sdk::request("job:thumbnail");
            say("in a nested request");
        }
        say("in the outer request again");
        request.set_status(404);
    }
    say("done");
}

/// Four threads that change their labels all the time, half of the time without any.
fn busy() {
    let pointers: Vec<String> = (0..4)
        .map(|worker: u32| {
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            std::thread::spawn(move || {
                sender.send(thread_pointer().to_string()).unwrap();
                loop {
                    for number in 0..50 {
                        let _request = fewer_sdk::request(&format!("GET /{worker}/{number}"));
                        fewer_sdk::flag("worker", format!("w{worker}").as_str(), Reason::Static);
                        std::hint::black_box((0..200_u64).sum::<u64>());
                    }
                }
            });
            receiver.recv().unwrap()
        })
        .collect();
    say(&pointers.join(" "));
}

/// A server that forks after it has served: the child counts for itself.
fn fork() {
    count(3);
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        say("child, before its first request");
        count(2);
        fewer_sdk::flag("born", true, Reason::Split);
        say("child, after it");
        return;
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just forked.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    count(1);
    say("parent");
}

/// Far too many endpoints and flags, from two threads.
fn flood() {
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for number in 0..5_000 {
                    let _request = fewer_sdk::request(&format!("GET /{half}/{number}"));
                    fewer_sdk::flag(&format!("flag-{half}-{number}"), "on", Reason::Static);
                }
            });
        }
    });
    say(&format!("{:?}", fewer_sdk::status()));
}

fn count(requests: u32) {
    for _ in 0..requests {
        let _request = fewer_sdk::request("GET /feed");
    }
}

fn say(what: &str) {
    println!("{} {what}", std::process::id());
    std::io::stdout().flush().unwrap();
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}
