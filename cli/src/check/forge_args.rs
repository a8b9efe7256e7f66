//! Where a check is published, and publishing it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
};

use analyzer::{
    AnalyzerError,
    forge::{self, Connection, Forge, Outcome, Outside, Place, Post, Published},
    report::check::CheckReport,
};
use anyhow::Context;
use clap::Args;

use crate::{collector_args::now_ns, terminal};

/// Where a check is published; what the environment of a job tells needs no option.
#[derive(Args, Debug)]
pub(crate) struct ForgeArgs {
    /// Address of the forge's API [default: of the job's environment].
    #[arg(long, value_name = "URL")]
    forge_url: Option<String>,
    /// The project there, such as owner/name [default: of the job's environment].
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Number of the pull or merge request [default: of the job's environment].
    #[arg(long, value_name = "NUMBER")]
    pull_request: Option<u64>,
    /// Newest commit of the change, to which the check is attached [default: of the job's environment].
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// The check's name; two checks of one project need two.
    #[arg(long, value_name = "NAME", default_value = "fewer", value_parser = name)]
    check_name: String,
    /// File with the forge's token [default: FEWER_FORGE_TOKEN, GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN].
    #[arg(long, value_name = "FILE")]
    forge_token_file: Option<PathBuf>,
    /// File with the certificates to trust, in PEM form [default: the well-known ones].
    #[arg(long, value_name = "FILE", env = "SSL_CERT_FILE")]
    ca_file: Option<PathBuf>,
    /// A check without a verdict fails: exit code 1, and a failed check on the forge.
    #[arg(long)]
    pub(super) fail_on_no_verdict: bool,
}

impl ForgeArgs {
    /// What is published to; `reported` is the request's number that the report has.
    pub(super) fn place(&self, forge: Forge, reported: Option<u64>) -> anyhow::Result<Place> {
        let variable = |name: &str| env::var(name).ok();
        let mut place = forge::detect(forge, &variable, &|path| fs::read_to_string(path).ok());
        let given = [
            (&self.forge_url, &mut place.api),
            (&self.project, &mut place.project),
            (&self.commit, &mut place.commit),
        ];
        for (given, field) in given {
            if let Some(given) = given {
                given.clone_into(field);
            }
        }
        place.pull_request = self.pull_request.or(place.pull_request).or(reported);
        if let Some(path) = &self.forge_token_file {
            let token =
                fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            place.token = Some(token.trim().to_owned());
        }
        Ok(place)
    }

    /// The request's number, given or by the environment of whichever forge this is.
    pub(super) fn number(&self) -> Option<u64> {
        let forge = if env::var_os("GITLAB_CI").is_some() { Forge::GitLab } else { Forge::GitHub };
        self.place(forge, None).ok()?.pull_request
    }

    /// Publishes a report, and says what was done.
    pub(super) fn publish(&self, place: &Place, report: &CheckReport) -> anyhow::Result<Published> {
        let outside = Outside { wait: &thread::sleep, now_s: &|| now_ns() / 1_000_000_000 };
        let connection = Connection::new(self.ca_file.as_deref(), outside)?;
        let post = Post { name: &self.check_name, report, fails_without_verdict: self.fail_on_no_verdict };
        let published = forge::publish(&connection, place, &post);
        for (what, outcome) in [("check", &published.check), ("comment", &published.comment)] {
            match outcome {
                Ok(Outcome::Silent(why)) => terminal::complain(&format!("no {what}: {why}")),
                Ok(outcome) => terminal::complain(&format!("{what} {}", done(outcome))),
                Err(_) => {}
            }
        }
        for complaint in published.complaints() {
            terminal::complain(&complaint);
        }
        Ok(published)
    }
}

/// Writes the report for a job with more rights.
pub(super) fn write_report(path: &Path, report: &CheckReport) -> anyhow::Result<()> {
    fs::write(path, analyzer::report::check::json(report))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn done(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "created",
        Outcome::Updated => "updated",
        Outcome::Unchanged => "unchanged: it says this already",
        Outcome::Silent(why) => why,
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_name =
        !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| "give a name of 1 to 100 characters".to_owned())
}

/// The end of a check whose command line or repository is to blame.
pub(super) fn failed(error: &anyhow::Error) -> CheckReport {
    let reason = match error.downcast_ref::<AnalyzerError>() {
        Some(error) => error.to_string(),
        None => format!("{error:#}"),
    };
    analyzer::check::not_begun(reason)
}
