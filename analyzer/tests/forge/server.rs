//! A forge of this machine: the part of GitHub's, GitLab's and Gitea's APIs that a check speaks to, with the shapes that
//! they answer in, and with faults to order.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};

/// What the forge has and was asked.
#[derive(Default)]
pub(crate) struct State {
    /// Comments of the one request, in their order.
    pub(crate) comments: Vec<Value>,
    /// Check runs, in the order of their creation.
    pub(crate) check_runs: Vec<Value>,
    /// Statuses of commits, newest first.
    pub(crate) statuses: Vec<Value>,
    /// What was told to receivers of alerts: path and body.
    pub(crate) alerts: Vec<(String, Value)>,
    /// The request itself.
    pub(crate) pull: Value,
    /// Our own name; None for a token that is not told.
    pub(crate) login: Option<&'static str>,
    /// Who sets statuses and, without a login, writes comments of Gitea's.
    pub(crate) creator: &'static str,
    /// Every request, as `METHOD /path`.
    pub(crate) log: Vec<String>,
    /// Faults to come; each strikes once.
    pub(crate) faults: Vec<Fault>,
    /// True when nothing may be written.
    pub(crate) is_read_only: bool,
}

/// Something that goes wrong once.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// It strikes the first request that begins so, such as `POST /repos/o/r/issues`.
    pub(crate) request: &'static str,
    /// What is answered; 0 hangs up instead.
    pub(crate) status: u16,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: Value,
    /// True when what was asked for is done all the same.
    pub(crate) is_done: bool,
}

/// The forge, listening.
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    parameters: BTreeMap<String, String>,
    body: Value,
    is_authorized: bool,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Server {
    /// Listens on a free port of this machine until the process ends.
    pub(crate) fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(state));
        let (shared, own) = (Arc::clone(&state), url.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                serve(stream, &mut state, &own);
            }
        });
        Self { url, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: TcpStream, state: &mut State, url: &str) {
    let Some(request) = read(&stream) else { return };
    let line = format!("{} {}", request.method, request.path);
    state.log.push(line.clone());
    let fault = state.faults.iter().position(|fault| line.starts_with(fault.request));
    let fault = fault.map(|at| state.faults.remove(at));
    let answer = match fault {
        None => answer(state, &request, url),
        Some(fault) => {
            if fault.is_done {
                answer(state, &request, url);
            }
            if fault.status == 0 {
                return;
            }
            let headers = fault.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Answer { status: fault.status, headers: headers.collect(), body: fault.body }
        }
    };
    let body = answer.body.to_string();
    let mut text =
        format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\nconnection: close\r\n", answer.status, body.len());
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    // A client that hung up gets nothing.
    let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut is_authorized) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" | "private-token" => is_authorized = true,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        method,
        path: path.to_owned(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        is_authorized,
    })
}

fn answer(state: &mut State, request: &Request, url: &str) -> Answer {
    let plain = |status: u16, body: Value| Answer { status, headers: Vec::new(), body };
    let is_alert = request.path.starts_with("/hooks") || request.path.starts_with("/api/v2");
    if request.method != "GET" && !is_alert && (state.is_read_only || !request.is_authorized) {
        return plain(403, forbidden());
    }
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    if is_alert {
        state.alerts.push((request.path.clone(), request.body.clone()));
        return plain(200, json!({}));
    }
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["user"]) => match state.login {
            Some(login) => plain(200, json!({ "login": login, "username": login, "type": "User" })),
            None => plain(403, forbidden()),
        },
        ("GET", ["repos", _, _, "pulls", _] | ["projects", _, "merge_requests", _]) => {
            plain(200, state.pull.clone())
        }
        // GitHub and GitLab give pages, with the address of the next one; Gitea gives everything.
        ("GET", ["repos", _, _, "issues", _, "comments"]) if request.path.starts_with("/repos/gitea") => {
            plain(200, Value::from(state.comments.clone()))
        }
        ("GET", ["repos", _, _, "issues", _, "comments"] | ["projects", _, "merge_requests", _, "notes"]) => {
            paged(request, &state.comments, url)
        }
        (
            "POST",
            ["repos", _, _, "issues", _, "comments"] | ["projects", _, "merge_requests", _, "notes"],
        ) => {
            let is_gitea = request.path.starts_with("/repos/gitea");
            let login = state.login.or(is_gitea.then_some(state.creator));
            let comment = comment(state.comments.len() as u64 + 1, login, &request.body["body"]);
            state.comments.push(comment.clone());
            plain(201, comment)
        }
        ("PATCH", ["repos", _, _, "issues", "comments", id])
        | ("PUT", ["projects", _, "merge_requests", _, "notes", id]) => {
            change(&mut state.comments, id, &request.body)
        }
        ("GET", ["repos", _, _, "commits", sha, "check-runs"]) => {
            let of_commit: Vec<Value> =
                state.check_runs.iter().filter(|run| run["head_sha"] == *sha).cloned().collect();
            plain(200, json!({ "total_count": of_commit.len(), "check_runs": of_commit }))
        }
        ("POST", ["repos", _, _, "check-runs"]) => {
            let mut run = request.body.clone();
            run["id"] = json!(1000 + state.check_runs.len());
            state.check_runs.push(run.clone());
            plain(201, run)
        }
        ("PATCH", ["repos", _, _, "check-runs", id]) => change_run(&mut state.check_runs, id, &request.body),
        ("GET", ["repos", _, _, "statuses", _]) => plain(200, Value::from(state.statuses.clone())),
        ("POST", ["repos", _, _, "statuses", sha]) => {
            let mut status = request.body.clone();
            (status["status"], status["sha"]) = (status["state"].clone(), json!(sha));
            status["id"] = json!(state.statuses.len() + 1);
            status["creator"] = json!({ "login": state.creator, "username": state.creator });
            state.statuses.insert(0, status.clone());
            plain(201, status)
        }
        _ => plain(404, json!({ "message": "Not Found" })),
    }
}

fn change(list: &mut [Value], id: &str, by: &Value) -> Answer {
    let found = list.iter_mut().find(|one| one["id"].as_u64() == id.parse().ok());
    match (found, by.as_object()) {
        (Some(found), Some(fields)) => {
            for (name, value) in fields {
                found[name] = value.clone();
            }
            Answer { status: 200, headers: Vec::new(), body: found.clone() }
        }
        _ => Answer { status: 404, headers: Vec::new(), body: json!({ "message": "Not Found" }) },
    }
}

/// Annotations of an update are added to those that are there.
fn change_run(runs: &mut [Value], id: &str, by: &Value) -> Answer {
    let remarks = |output: &Value| output["annotations"].as_array().cloned().unwrap_or_default();
    let known =
        runs.iter().find(|run| run["id"].as_u64() == id.parse().ok()).map(|run| remarks(&run["output"]));
    let mut by = by.clone();
    let all = [known.unwrap_or_default(), remarks(&by["output"])].concat();
    by["output"]["annotations"] = Value::from(all);
    change(runs, id, &by)
}

fn paged(request: &Request, list: &[Value], url: &str) -> Answer {
    let number = |name: &str, default: usize| {
        request.parameters.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1), number("per_page", 30).min(100));
    let rows: Vec<Value> = list.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
    let mut headers = Vec::new();
    if page * per_page < list.len() {
        let (path, next) = (&request.path, page + 1);
        let last = list.len().div_ceil(per_page);
        let links = format!(
            "<{url}{path}?per_page={per_page}&page={next}>; rel=\"next\", <{url}{path}?per_page={per_page}&page={last}>; rel=\"last\""
        );
        headers.push(("link".to_owned(), links));
    }
    Answer { status: 200, headers, body: Value::from(rows) }
}

/// A comment as all three show one: GitHub and Gitea have a user, GitLab an author.
pub(crate) fn comment(id: u64, login: Option<&str>, body: &Value) -> Value {
    let (login, kind) = login.map_or(("github-actions[bot]", "Bot"), |login| (login, "User"));
    let user = json!({ "login": login, "id": 41_898_282, "type": kind, "site_admin": false });
    json!({
        "id": id,
        "user": user,
        "author": { "username": login, "state": "active" },
        "body": body,
        "system": false,
        "created_at": "2026-05-01T10:00:00Z",
        "author_association": "NONE",
    })
}

/// What GitHub says to the token of a fork's job.
fn forbidden() -> Value {
    json!({
        "message": "Resource not accessible by integration",
        "documentation_url": "https://docs.github.com/rest",
        "status": "403",
    })
}
