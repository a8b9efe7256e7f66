//! What processes of a service are for, by their command line: a function that the web never runs may be what
//! workers live on.

/// Programs by role; a program goes by its last part, a module by its name after `-m`.
const ROLES: [(&str, &[&str]); 4] = [
    (
        "web",
        &[
            "gunicorn",
            "uwsgi",
            "uvicorn",
            "hypercorn",
            "daphne",
            "granian",
            "waitress-serve",
            "waitress",
            "mod_wsgi-express",
            "mod_wsgi",
            "flask",
            "runserver",
            "runserver_plus",
        ],
    ),
    (
        "worker",
        &[
            "celery",
            "celeryd",
            "rq",
            "rqworker",
            "dramatiq",
            "huey_consumer",
            "huey_consumer.py",
            "arq",
            "qcluster",
        ],
    ),
    ("cron", &["cron", "crond", "anacron", "supercronic", "atd"]),
    (
        "shell",
        &[
            "ipython",
            "ipython3",
            "jupyter",
            "jupyter-lab",
            "ipykernel",
            "ipykernel_launcher",
            "shell",
            "shell_plus",
        ],
    ),
];

/// Words of a command line that may say it: interpreter, its options, program, subcommand.
const WORDS: usize = 8;

/// The role of a process with this command line, started by one with that. `None` when neither says.
pub(super) fn role(command: &str, parent: &str) -> Option<&'static str> {
    by_command(command).or_else(|| by_command(parent).filter(|role| *role == "cron"))
}

/// The first word that is known. Programs that name themselves in their command line add a colon.
fn by_command(command: &str) -> Option<&'static str> {
    let words = command.split_ascii_whitespace().take(WORDS);
    let mut programs = words.map(|word| {
        let word = word.trim_matches(['[', ']', ':']);
        word.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
    });
    programs.find_map(|program| {
        let is_in = |(_, programs): &&(&str, &[&str])| programs.contains(&program.as_str());
        ROLES.iter().find(is_in).map(|(role, _)| *role)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_says_what_a_process_is_for() {
        let cases = [
            ("gunicorn: worker [shop.wsgi]", "gunicorn: master [shop.wsgi]", Some("web")),
            ("/usr/bin/python3 /srv/env/bin/gunicorn -w 4 shop.wsgi", "", Some("web")),
            ("/usr/bin/uwsgi --ini shop.ini", "", Some("web")),
            ("python3 -m uvicorn shop:app", "", Some("web")),
            ("python3 manage.py runserver 0:8000", "", Some("web")),
            ("[celeryd: mail@host:MainProcess] -active- (worker)", "", Some("worker")),
            ("python -m celery -A shop worker", "", Some("worker")),
            ("/srv/env/bin/celery -A shop beat", "", Some("worker")),
            ("python3 manage.py shell", "bash", Some("shell")),
            ("python3 manage.py bill_customers", "/usr/sbin/CRON -f", Some("cron")),
            ("python3 manage.py migrate", "bash", None),
            ("python3 report.py", "gunicorn: master [shop]", None),
            ("", "", None),
        ];
        for (command, parent, expected) in cases {
            assert_eq!(role(command, parent), expected, "{command}");
        }
    }
}
