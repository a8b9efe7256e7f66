//! Exports the thread context from this crate's own test and benchmark executables, as a user's build script does.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-tests=-Wl,--export-dynamic-symbol=otel_thread_ctx_v1");
        println!("cargo::rustc-link-arg-benches=-Wl,--export-dynamic-symbol=otel_thread_ctx_v1");
    }
}
