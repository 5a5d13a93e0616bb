//! The HTTP face from the other side: commands ask a running server, since it holds the store.

use std::{
    fs::{File, TryLockError},
    io,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{api::Fault, config::Config};

/// An investigation may take this long, with a slow model.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A server that does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a running server listens. Written by the server for its owner alone, in a file that it keeps locked while it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    pub url: String,
    pub token: String,
}

/// A server that answered.
pub struct Client {
    http: reqwest::Client,
    running: Running,
}

impl Client {
    /// Finds the server that `WAGGLE_URL` and `WAGGLE_TOKEN` name, else that of this folder; `None` when none runs there.
    ///
    /// # Errors
    ///
    /// When a server that was named does not answer, or there is no token for it.
    pub async fn find(config: &Config) -> Result<Option<Self>> {
        if let Some(url) = named("WAGGLE_URL") {
            let token = named("WAGGLE_TOKEN").context("`WAGGLE_URL` is set, but not `WAGGLE_TOKEN`\nhint: the token lies in `token` of the server's folder")?;
            let client = Self::to(Running { url: url.trim_end_matches('/').to_owned(), token })?;
            let status = client.status().await.with_context(|| {
                format!("ask the server at `{url}`\nhint: is it running there? `WAGGLE_URL` is such as `http://127.0.0.1:7420`")
            })?;
            if !status.is_success() {
                return Err(anyhow!(
                    "the server at `{url}` answers {status}\nhint: is `WAGGLE_TOKEN` its token?"
                ));
            }
            return Ok(Some(client));
        }
        let Ok(file) = File::open(config.server_file()) else { return Ok(None) };
        // A server that was killed leaves its file behind, and somebody else may listen there now: the token is not for them.
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Ok(None);
        }
        let text =
            io::read_to_string(file).with_context(|| format!("read `{}`", config.server_file().display()))?;
        let running: Running = serde_json::from_str(&text)
            .with_context(|| format!("read `{}`", config.server_file().display()))?;
        let client = Self::to(running)?;
        let status = client.status().await;
        Ok(status.is_ok_and(|status| status.is_success()).then_some(client))
    }

    fn to(running: Running) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .context("start the HTTP client")?;
        Ok(Self { http, running })
    }

    /// Asks for something small, to see who is there.
    async fn status(&self) -> Result<StatusCode, reqwest::Error> {
        let url = format!("{}/api/incidents?limit=1", self.running.url);
        Ok(self.http.get(url).bearer_auth(&self.running.token).send().await?.status())
    }

    /// Returns where the server listens.
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// Posts a question and reads the answer.
    pub async fn post<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A> {
        let url = format!("{}{path}", self.running.url);
        let answer = self.http.post(&url).bearer_auth(&self.running.token).json(question).send().await;
        let answer = answer.with_context(|| format!("ask the running server at `{}`", self.running.url))?;
        if answer.status().is_success() {
            return answer.json().await.with_context(|| format!("read the answer of `{url}`"));
        }
        let status = answer.status();
        let fault = answer.json::<Fault>().await.unwrap_or(Fault { error: status.to_string(), hint: None });
        let hint = fault.hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        Err(anyhow!("{}{hint}", fault.error))
    }
}

/// Returns a variable that is set to something.
fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
