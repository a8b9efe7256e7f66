//! A readable name for a program from its executable and its command line.
//!
//! An interpreter's own name says nothing: everything written in Python would be one service. So the name is
//! that of the script, module, archive or class that the command line tells the interpreter to run, without
//! directory and extension. This is what a person would call the program, and goes one step further than
//! OpenTelemetry's `unknown_service:python`.

/// How one family of interpreters reads its command line.
struct Interpreter {
    /// Starts of the executable's name; what follows may only be a version.
    names: &'static [&'static str],
    /// Flags whose next argument names what runs.
    runs: &'static [&'static str],
    /// Flags whose next argument is something else.
    takes: &'static [&'static str],
    /// Flags after which code follows in the command line itself, so that there is no name.
    inline: &'static [&'static str],
}

const INTERPRETERS: &[Interpreter] = &[
    Interpreter { names: &["python", "pypy"], runs: &["-m"], takes: &["-W", "-X"], inline: &["-c"] },
    Interpreter {
        names: &["java"],
        runs: &["-jar", "-m", "--module"],
        takes: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-modules",
            "--add-opens",
            "--add-exports",
            "--add-reads",
        ],
        inline: &[],
    },
    Interpreter {
        names: &["node", "nodejs", "bun"],
        runs: &[],
        takes: &["-r", "--require", "--import", "--loader", "-C", "--conditions"],
        inline: &["-e", "--eval", "-p", "--print"],
    },
    Interpreter { names: &["ruby"], runs: &[], takes: &["-I", "-r", "-C"], inline: &["-e"] },
    Interpreter { names: &["perl"], runs: &[], takes: &["-I"], inline: &["-e", "-E"] },
    Interpreter { names: &["php"], runs: &["-f"], takes: &["-c", "-d"], inline: &["-r"] },
    Interpreter { names: &["dotnet"], runs: &["exec"], takes: &[], inline: &[] },
    Interpreter { names: &["sh", "bash", "dash", "zsh"], runs: &[], takes: &["-o"], inline: &["-c"] },
];

const EXTENSIONS: &[&str] =
    &["py", "pyc", "pyz", "js", "mjs", "cjs", "ts", "rb", "pl", "php", "jar", "war", "dll", "sh"];

/// The name of what runs. `executable` is a path; `cmdline` is the content of `/proc/PID/cmdline`.
pub(crate) fn program_name(executable: &str, cmdline: &[u8]) -> String {
    let own_name = file_name(executable.strip_suffix(" (deleted)").unwrap_or(executable));
    let Some(interpreter) = INTERPRETERS.iter().find(|interpreter| interpreter.is(own_name)) else {
        return own_name.to_owned();
    };
    let arguments: Vec<String> = cmdline
        .split(|byte| *byte == 0)
        .skip(1)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    let target = interpreter.target(&arguments).map(script_name).filter(|name| !name.is_empty());
    target.unwrap_or_else(|| own_name.to_owned())
}

impl Interpreter {
    fn is(&self, executable: &str) -> bool {
        let is_version = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        self.names.iter().any(|name| executable.strip_prefix(name).is_some_and(is_version))
    }

    /// The argument that names what runs.
    fn target<'a>(&self, arguments: &'a [String]) -> Option<&'a str> {
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            if self.runs.contains(&argument) {
                return arguments.next();
            } else if self.inline.contains(&argument) {
                return None;
            } else if self.takes.contains(&argument) {
                arguments.next();
            } else if !argument.starts_with('-') && !argument.is_empty() {
                return Some(argument);
            }
        }
        None
    }
}

/// `/srv/feed/worker.py` is `worker`; the `__main__.py` of a folder goes by the folder's name.
fn script_name(target: &str) -> String {
    let name = file_name(target);
    let stem = match name.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension) => stem,
        _ => name,
    };
    match target.rsplit_once('/') {
        Some((folder, _)) if stem == "__main__" => file_name(folder).to_owned(),
        _ => stem.to_owned(),
    }
}

fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(executable: &str, command: &str, expected: &str) {
        let cmdline = command.replace(' ', "\0") + "\0";
        assert_eq!(program_name(executable, cmdline.as_bytes()), expected, "{command}");
    }

    #[test]
    fn programs_go_by_their_own_name() {
        check("/usr/sbin/nginx", "nginx: worker process", "nginx");
        check("/opt/app/server (deleted)", "./server --port 1", "server");
        check("/usr/bin/pythonista", "pythonista a.py", "pythonista");
        check("/usr/bin/javac", "javac A.java", "javac");
        check("", "", "");
    }

    #[test]
    fn interpreted_programs_go_by_what_they_run() {
        check("/usr/bin/python3.11", "python3 /srv/feed/worker.py --queue a.py", "worker");
        check("/usr/bin/python3.11", "python3 -u -X dev -m celery -A feed worker", "celery");
        check("/usr/bin/python3.11", "/usr/bin/python3 -E /usr/local/bin/gunicorn app:app", "gunicorn");
        check("/usr/bin/python3.11", "python3 /srv/feed/__main__.py", "feed");
        check("/usr/bin/java", "java -Xmx1g -cp /a.jar:/b.jar com.example.Main --x", "com.example.Main");
        check("/usr/bin/java", "java -Dx=y -jar /srv/feed-service.jar", "feed-service");
        check("/usr/bin/node", "node --max-old-space-size=4096 -r ./trace.js /srv/web/index.js", "index");
        check("/usr/bin/ruby3.1", "ruby -I lib bin/puma", "puma");
        check("/usr/bin/dotnet", "dotnet /app/Feed.Api.dll", "Feed.Api");
        check("/usr/bin/bash", "bash -eu -o pipefail ./deploy.sh", "deploy");
    }

    #[test]
    fn without_a_script_the_interpreter_is_the_name() {
        check("/usr/bin/python3.11", "python3", "python3.11");
        check("/usr/bin/python3.11", "python3 -c import-x", "python3.11");
        check("/usr/bin/bash", "-bash", "bash");
        check("/usr/bin/node", "node -e 1", "node");
        check("/usr/bin/python3.11", "python3 -m", "python3.11");
    }
}
