//! Where we are, by the variables that a forge gives to its jobs. What is not there stays empty and can be given by hand.

use std::path::Path;

use serde_json::Value;

use super::{Forge, Place};

/// Reads the variables of a forge's jobs, and the file with the event that started the job. An event of another workflow
/// that ended names its commit itself: what the job that failed for want of rights wrote is not believed.
pub fn detect(
    forge: Forge,
    variable: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&Path) -> Option<String>,
) -> Place {
    let text = |name: &str| variable(name).filter(|value| !value.is_empty());
    let mut place = match forge {
        Forge::GitHub | Forge::Gitea => actions(&text, file),
        Forge::GitLab => gitlab(&text),
    };
    place.forge = forge;
    if let Some(token) = text("FEWER_FORGE_TOKEN") {
        place.token = Some(token);
    }
    let server = text("GITHUB_SERVER_URL");
    if let (Forge::Gitea, "", Some(server)) = (forge, place.api.as_str(), server) {
        place.api = format!("{}/api/v1", server.trim_end_matches('/'));
    }
    if place.api.is_empty() && forge == Forge::GitHub {
        "https://api.github.com".clone_into(&mut place.api);
    }
    place
}

/// GitHub's variables, which Gitea's and Forgejo's runners set, too.
fn actions(text: &dyn Fn(&str) -> Option<String>, file: &dyn Fn(&Path) -> Option<String>) -> Place {
    let event = text("GITHUB_EVENT_PATH").and_then(|path| file(Path::new(&path)));
    let event: Value = event.and_then(|event| serde_json::from_str(&event).ok()).unwrap_or_default();
    let pull = event.get("pull_request");
    let ended = event.get("workflow_run");
    let commit_of = |value: &Value| value.get("sha").and_then(Value::as_str).map(str::to_owned);
    let commit = match (pull, ended) {
        (_, Some(ended)) => ended.get("head_sha").and_then(Value::as_str).map(str::to_owned),
        (Some(pull), None) => pull.get("head").and_then(commit_of),
        (None, None) => text("GITHUB_SHA"),
    };
    let number = pull.and_then(|pull| pull.get("number")?.as_u64()).or_else(|| {
        let known = ended?.get("pull_requests")?.as_array()?;
        known.first()?.get("number")?.as_u64()
    });
    let project = text("GITHUB_REPOSITORY").unwrap_or_default();
    let run = text("GITHUB_RUN_ID");
    let link = run.as_ref().zip(text("GITHUB_SERVER_URL"));
    let attempt = text("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
    Place {
        forge: Forge::GitHub,
        api: text("GITHUB_API_URL").unwrap_or_default(),
        pull_request: number,
        commit: commit.unwrap_or_default(),
        token: text("GITHUB_TOKEN").or_else(|| text("GITEA_TOKEN")),
        link: link.map(|(run, server)| format!("{server}/{project}/actions/runs/{run}")),
        run: run.map(|run| format!("{run}.{attempt}")).unwrap_or_default(),
        project,
    }
}

fn gitlab(text: &dyn Fn(&str) -> Option<String>) -> Place {
    Place {
        forge: Forge::GitLab,
        api: text("CI_API_V4_URL").unwrap_or_default(),
        project: text("CI_MERGE_REQUEST_PROJECT_PATH")
            .or_else(|| text("CI_PROJECT_PATH"))
            .unwrap_or_default(),
        pull_request: text("CI_MERGE_REQUEST_IID").and_then(|number| number.parse().ok()),
        // In a pipeline of the merged result, the job's own commit is one that nobody pushed.
        commit: text("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
            .or_else(|| text("CI_COMMIT_SHA"))
            .unwrap_or_default(),
        token: text("GITLAB_TOKEN"),
        link: text("CI_JOB_URL"),
        run: text("CI_JOB_ID").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn detected(forge: Forge, variables: &[(&str, &str)], event: &str) -> Place {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        detect(forge, &variable, &|path| (path == Path::new("/event.json")).then(|| event.to_owned()))
    }

    const ACTIONS: [(&str, &str); 8] = [
        ("GITHUB_API_URL", "https://api.github.com"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_EVENT_PATH", "/event.json"),
        ("GITHUB_SHA", "merge"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_TOKEN", "t"),
    ];

    #[test]
    fn a_pull_request_is_its_head_and_not_the_merge() {
        let event = r#"{"pull_request": {"number": 12, "head": {"sha": "abc"}}}"#;
        let place = detected(Forge::GitHub, &ACTIONS, event);
        assert_eq!((place.pull_request, place.commit.as_str(), place.run.as_str()), (Some(12), "abc", "7.2"));
        assert_eq!(place.link.as_deref(), Some("https://github.com/o/r/actions/runs/7"));
        assert_eq!((place.api.as_str(), place.token.as_deref()), ("https://api.github.com", Some("t")));
    }

    #[test]
    fn a_workflow_that_ended_says_its_commit() {
        let event = r#"{"workflow_run": {"head_sha": "abc", "pull_requests": []}}"#;
        let place = detected(Forge::GitHub, &ACTIONS, event);
        assert_eq!((place.pull_request, place.commit.as_str()), (None, "abc"));
        let pushed = detected(Forge::GitHub, &ACTIONS, "not json");
        assert_eq!((pushed.pull_request, pushed.commit.as_str()), (None, "merge"));
    }

    #[test]
    fn other_forges_have_other_variables() {
        let variables = [
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_PROJECT_PATH", "g/p"),
            ("CI_MERGE_REQUEST_IID", "3"),
            ("CI_COMMIT_SHA", "def"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
            ("FEWER_FORGE_TOKEN", "own"),
        ];
        let place = detected(Forge::GitLab, &variables, "");
        assert_eq!((place.project.as_str(), place.pull_request), ("g/p", Some(3)));
        assert_eq!((place.commit.as_str(), place.token.as_deref()), ("def", Some("own")));
        let gitea = detected(Forge::Gitea, &[("GITHUB_SERVER_URL", "https://git.example/")], "");
        assert_eq!(gitea.api, "https://git.example/api/v1");
        assert_eq!(detected(Forge::GitLab, &[], "").project, "");
    }
}
