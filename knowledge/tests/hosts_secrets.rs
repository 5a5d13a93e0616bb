//! Tokens and passwords are in no log of any crate, no error and no `Debug`, whatever goes wrong.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use waggle_agent_core::ports::{Changes, CommitQuery, OwnerQuery};
use waggle_knowledge::{
    ByRepository, GitChanges, HostedChanges,
    hosts::{HostConfig, Patience, github::PullRequests},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const TOKEN: &str = "ghp_s3cretT0ken";
const PASSWORD: &str = "hunter2honey";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Libraries that log by `log` and not by `tracing`: reqwest and rustls.
impl log::Log for Logged {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(self.clone(), "{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn secrets_are_neither_logged_nor_told() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log::set_logger(Box::leak(Box::new(logged.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let mut told = String::new();
    for answer in [
        ResponseTemplate::new(200).set_body_json(json!({})),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(401).set_body_json(json!({ "message": format!("bad token {TOKEN}") })),
        ResponseTemplate::new(403).set_body_string(TOKEN),
        ResponseTemplate::new(404),
        ResponseTemplate::new(422).set_body_json(json!({ "message": TOKEN })),
        ResponseTemplate::new(429).insert_header("retry-after", "900"),
        ResponseTemplate::new(500).set_body_json(json!({ "message": format!("cannot handle {TOKEN}") })),
        ResponseTemplate::new(301).insert_header("location", "https://elsewhere.example/"),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(60)),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        told.push_str(&ask_everything(&server.uri()).await);
    }
    told.push_str(&ask_everything("http://127.0.0.1:9").await);

    let logs = String::from_utf8_lossy(&logged.0.lock().unwrap()).into_owned();
    for crate_name in ["waggle_knowledge", "reqwest", "hyper_util"] {
        assert!(logs.contains(crate_name), "nothing was logged by {crate_name}, so nothing was tested");
    }
    for (place, text) in [("logs", logs), ("errors", told)] {
        for secret in [TOKEN, PASSWORD, "s3cretT0ken"] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{place} tell a secret: {line:?}");
        }
    }
}

/// Asks all hosts all questions and returns all that was told of it.
async fn ask_everything(base: &str) -> String {
    let config = HostConfig {
        url: Some(base.into()),
        allow: vec!["acme/*".into()],
        also: vec!["git.example".into()],
        ..HostConfig::default()
    };
    let patience = Patience {
        question: Duration::from_millis(400),
        attempt: Duration::from_millis(100),
        first_wait: Duration::from_millis(1),
        ..Patience::default()
    };
    let token = || Some(TOKEN.into());
    let mut told = String::new();
    let mut tell = |thing: &dyn std::fmt::Debug, error: Option<&waggle_agent_core::Error>| {
        told.push_str(&format!("{thing:?}\n"));
        if let Some(error) = error {
            told.push_str(&format!("{error:#?}\n{error}\n{}\n{:?}\n", error.chain(), error.hint()));
        }
    };
    for host in [
        HostedChanges::github_with(&config, token(), patience, 7).unwrap(),
        HostedChanges::gitlab_with(&config, token(), patience, 7).unwrap(),
        HostedChanges::gitee_with(&config, token(), patience, 7).unwrap(),
    ] {
        let changes = ByRepository::new(GitChanges::new::<String>([])).with_host(host);
        tell(&changes, None);
        for repository in [
            format!("https://bee:{PASSWORD}@git.example/acme/shop"),
            format!("https://bee:{PASSWORD}@git.example/other/shop"),
            format!("https://bee:{PASSWORD}@elsewhere.example/acme/shop"),
            format!("https://bee:{PASSWORD}@git.example/shop"),
            format!("ftp://bee:{PASSWORD}@git.example/acme/shop"),
        ] {
            let query =
                CommitQuery { repository: repository.clone(), to: "main".into(), from: None, limit: 9 };
            tell(&"", changes.commits(&query).await.err().as_ref());
            tell(&"", changes.diff(&repository, "main").await.err().as_ref());
            let query = OwnerQuery { repository, revision: "main".into(), paths: vec!["a".into()] };
            tell(&"", changes.owners(&query).await.err().as_ref());
        }
    }
    let posting = PullRequests::new(&config, TOKEN.into(), patience, 7).unwrap();
    tell(&posting, None);
    let repository = format!("https://bee:{PASSWORD}@git.example/acme/shop");
    tell(&"", posting.comment(&repository, 7, "shop", "x").await.err().as_ref());
    tell(&"", posting.of_commit(&repository, "main").await.err().as_ref());
    told
}
