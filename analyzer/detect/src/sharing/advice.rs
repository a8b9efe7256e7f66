//! What to change, in the words of what runs the processes.

use super::{Cause, Evidence};

/// What runs the processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Server {
    /// gunicorn.
    Gunicorn,
    /// uWSGI.
    Uwsgi,
    /// Celery.
    Celery,
    /// Something else.
    #[default]
    Other,
}

impl Server {
    /// Recognises a server by the command line of its processes or their parent.
    pub fn of_command(command: &str) -> Self {
        let has_word = |name: &str| {
            command.split([' ', '/', ':', '[', ']']).take(16).any(|word| word.trim_end_matches(".py") == name)
        };
        match () {
            () if has_word("gunicorn") => Self::Gunicorn,
            () if has_word("uwsgi") || has_word("uWSGI") => Self::Uwsgi,
            () if has_word("celery") || has_word("celeryd") => Self::Celery,
            () => Self::Other,
        }
    }
}

pub(super) const DOCSTRINGS: &str = "start Python with -OO (PYTHONOPTIMIZE=2), which leaves documentation strings \
    out; it also removes assert statements, so check that nothing depends on those or on __doc__";

pub(super) const ZERO_PAGES: &str = "memory that was written with zeros and never used: allocate with calloc or \
    numpy.zeros instead of filling, size buffers by use, or give it back with malloc_trim";

pub(super) const ARENAS: &str = "every thread took a heap of its own from the C library: set MALLOC_ARENA_MAX=2, \
    or run with jemalloc; how much of them is free cannot be told from outside, so measure before and after";

/// Loaded by each process for itself.
pub(super) fn loaded(evidence: &Evidence, owner: &str, is_flat: bool) -> String {
    let how = match evidence.server {
        Server::Gunicorn => "set preload_app = True (--preload), so that the master imports it",
        Server::Uwsgi => "set lazy-apps = false, so that the master imports it",
        Server::Celery => {
            "import it where the Celery app is made (or in `include`), so that the parent of the prefork pool has it"
        }
        Server::Other if evidence.is_forked => "import it in the parent before it forks",
        Server::Other => {
            "start the processes as forks of one that has loaded it (gunicorn --preload, multiprocessing `fork`)"
        }
    };
    let then = if is_flat {
        "or map its file (mmap), which all processes share for good"
    } else {
        "then gc.freeze() before the fork; reading the objects still makes their pages private, which `mb_retained` \
        counts; flat data (array, mmap, a database file) stays shared"
    };
    format!("{owner} is loaded after the fork in each process: {how}, {then}")
}

/// The lines to write. None where it is not known what runs the processes, or there is no one change.
pub(super) fn change(server: Server, cause: Cause) -> Option<String> {
    if !matches!(cause, Cause::LoadedAfterFork | Cause::Dirtied | Cause::BrokenPages) {
        return None;
    }
    let lines = match server {
        Server::Gunicorn => GUNICORN,
        Server::Uwsgi => UWSGI,
        Server::Celery => CELERY,
        Server::Other => return None,
    };
    Some(lines.to_owned())
}

/// What may go wrong with a change.
pub(super) fn risk(cause: Cause) -> &'static str {
    match cause {
        Cause::LoadedAfterFork | Cause::EqualPages => {
            "threads, sockets and random seeds that are made before the fork are in every worker; new code needs a \
            restart of the parent, not only of its workers"
        }
        Cause::Dirtied | Cause::BrokenPages => {
            "what is garbage at the freeze is kept for good: collect once just before it"
        }
        Cause::Docstrings => "assert statements go too, and programs that read __doc__ find nothing",
        Cause::ZeroPages => "memory that is given back has to be taken again when it is needed",
        Cause::Arenas => "threads that allocate much at once wait for each other",
    }
}

/// Frozen once the application is loaded and before the first worker is forked.
const GUNICORN: &str = "\
# gunicorn.conf.py
import gc
preload_app = True
gc.disable()
def when_ready(server):
    gc.collect()
    gc.freeze()
def post_fork(server, worker):
    gc.enable()";

const UWSGI: &str = "\
# uwsgi.ini
master = true
lazy-apps = false
# at the end of the application's module
import gc
gc.collect()
gc.freeze()";

const CELERY: &str = "\
# where the Celery app is made, after it has imported what tasks need
import gc
from celery.signals import worker_init
@worker_init.connect
def freeze(**_):
    gc.collect()
    gc.freeze()";

pub(super) const OPTIMIZE: &str = "PYTHONOPTIMIZE=2";

pub(super) const ARENAS_MAX: &str = "MALLOC_ARENA_MAX=2";

/// Loaded before the fork, and private since.
pub(super) fn dirtied(evidence: &Evidence, retained_bytes: Option<u64>) -> String {
    let place = match evidence.server {
        Server::Gunicorn => "at the end of the application module that preload_app loads",
        Server::Uwsgi => "at the end of the application module that the master loads",
        Server::Celery => "in a handler of worker_init",
        Server::Other => "in the parent just before it forks",
    };
    let immortal = match evidence.python_minor {
        Some(12..) => "; immortal objects of 3.12 and later cover built-in constants only, not this",
        _ => "",
    };
    let gain = match retained_bytes {
        Some(0) => "what made it private are reference counts, which gc.freeze does not stop",
        Some(_) => "what the collector alone made private stays shared, which `mb_retained` says",
        None => {
            "the collector's part of the gain stays; its pages do not tell how much of it that is, so measure it with \
            `fewer sharing try`"
        }
    };
    format!(
        "loaded before the fork, but private again: gc.disable() at the parent's start and gc.freeze() {place} ({gain}); \
        for what is read often use flat data (array, mmap, a database file){immortal}"
    )
}

pub(super) fn broken_pages(evidence: &Evidence) -> &'static str {
    match evidence.python_minor {
        Some(_) => {
            "shared at the fork and written since without a lasting change, by no owner that modules reach: \
            gc.freeze() before the fork"
        }
        None => {
            "shared at the fork and written since without a lasting change: keep counters, locks and reference \
            counts apart from data that is only read"
        }
    }
}

pub(super) fn equal_pages(evidence: &Evidence) -> &'static str {
    if evidence.is_forked {
        "each process made these pages for itself with equal content: make them before the fork, or map a file"
    } else {
        "processes that are no forks of one another hold equal pages: fork them from one that has loaded the data, \
        or map a file"
    }
}
