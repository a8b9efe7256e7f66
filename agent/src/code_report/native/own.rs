//! Which machine code is the service's own: what its team can remove something from.

use symbols::FileFunction;

/// Where the host's package manager puts programs and libraries.
const DISTRIBUTION: [&str; 9] =
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/snap/", "/nix/store/", "/gnu/store/"];

/// Below these, but not the package manager's.
const LOCAL: &str = "/usr/local/";

/// Programs that run what others wrote; their own functions are not the service's.
const RUNTIMES: [&str; 12] = [
    "beam.smp", "bun", "deno", "dotnet", "java", "node", "nodejs", "perl", "php", "php-fpm", "pypy3", "ruby",
];

/// Where compilers' own libraries are written.
const TOOLCHAIN_FILES: [&str; 5] =
    ["/rustc/", "/rustlib/src/", "/usr/include/c++/", "/usr/lib/gcc/", "/usr/src/debug/"];

/// How names of functions of these libraries begin.
const TOOLCHAIN_NAMES: [&str; 8] = [
    "__cxxabiv1::",
    "__gnu_cxx::",
    "__rustc::",
    "alloc::",
    "compiler_builtins::",
    "core::",
    "panic_unwind::",
    "std::",
];

/// True for files that came with the host.
pub(super) fn is_distributions(path: &str) -> bool {
    let is_below = DISTRIBUTION.iter().any(|folder| path.starts_with(folder));
    !path.starts_with('/') || is_below && !path.starts_with(LOCAL)
}

/// True for interpreters, and for virtual machines with a compiler.
pub(super) fn is_runtime(executable: &str) -> bool {
    let name = executable.rsplit('/').next().unwrap_or_default();
    RUNTIMES.contains(&name) || name.starts_with("python")
}

/// True for a program itself, and for what lies in or below its folder, or next to its `bin`.
pub(super) fn is_own(executable: &str, file: &str) -> bool {
    file == executable || file.starts_with(prefix(executable)) && !is_distributions(file)
}

/// The folder, with the slash at its end.
fn prefix(executable: &str) -> &str {
    let folder = executable.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = ["/bin", "/sbin"].iter().find_map(|bin| folder.strip_suffix(bin)).unwrap_or(folder);
    executable.get(..=folder.len()).unwrap_or(executable)
}

/// True for functions of a compiler's library that were compiled into the program.
pub(super) fn is_toolchains(function: &FileFunction) -> bool {
    let name = function.name.trim_start_matches(['<', '&', '*', '[', '(']);
    TOOLCHAIN_FILES.iter().any(|folder| function.file.contains(folder))
        || TOOLCHAIN_NAMES.iter().any(|library| name.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_by_a_program_is_its_own() {
        let cases = [
            ("/srv/feed/server", "/srv/feed/server", true),
            ("/srv/feed/server", "/srv/feed/plugins/rank.so", true),
            ("/srv/feed/server", "/srv/feeder/rank.so", false),
            ("/srv/feed/bin/server", "/srv/feed/lib/librank.so", true),
            ("/srv/feed/bin/server", "/srv/other/librank.so", false),
            ("/usr/local/bin/server", "/usr/local/lib/librank.so", true),
            ("/usr/local/bin/server", "/usr/lib/x86_64-linux-gnu/libc.so.6", false),
            ("/server", "/app/librank.so", true),
            ("/server", "/usr/lib/libc.so.6", false),
            ("/server", "/lib64/ld-linux-x86-64.so.2", false),
            ("/server", "[vdso]", false),
        ];
        for (executable, file, expected) in cases {
            assert_eq!(is_own(executable, file), expected, "{executable} {file}");
        }
    }

    #[test]
    fn what_came_with_the_host_is_nobodys() {
        let cases = [
            ("/usr/sbin/nginx", true),
            ("/usr/local/bin/server", false),
            ("/opt/feed/server", false),
            ("/home/feed/server", false),
            ("memfd:x", true),
            ("", true),
        ];
        for (path, expected) in cases {
            assert_eq!(is_distributions(path), expected, "{path}");
        }
        let programs = ["/usr/local/bin/node", "/opt/jdk/bin/java", "/opt/py/python3.11", "/srv/noded"];
        assert_eq!(programs.map(is_runtime), [true, true, true, false]);
    }

    #[test]
    fn libraries_of_compilers_are_not_the_programs() {
        let cases = [
            ("core::ptr::drop_in_place<feed::Page>", "", true),
            ("<alloc::vec::Vec<T> as core::ops::Drop>::drop", "", true),
            ("std::vector<Page>::push_back(Page&&)", "/srv/src/page.cc", true),
            ("<feed::Page as core::fmt::Debug>::fmt", "", false),
            ("decode", "/rustc/abc/library/core/src/str.rs", true),
            ("decode", "/srv/src/core/decode.c", false),
            ("stdout_lock", "", false),
        ];
        for (name, file, expected) in cases {
            let function = FileFunction { name: name.into(), file: file.into(), ..FileFunction::default() };
            assert_eq!(is_toolchains(&function), expected, "{name} {file}");
        }
    }
}
