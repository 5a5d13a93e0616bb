//! Documents at URLs: a list, and nothing that it links to.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use reqwest::{Client, Response, StatusCode, Url, header, redirect::Policy};
use waggle_agent_core::{Kind, Result};

use super::{Found, MAX_DOCUMENTS, Step, Validators};
use crate::documents::{DocumentId, MAX_BYTES, Reason};

mod addresses;

use addresses::{PublicOnly, is_public_host};

/// Redirects of one document.
const MAX_REDIRECTS: usize = 5;

/// Longest URL in bytes; RFC 9110 §4.1 recommends to support 8,000.
const MAX_URL: usize = 8_000;

/// Longest validator that is kept, bytes.
const MAX_VALIDATOR: usize = 1_000;

/// What may be asked of the web.
#[derive(Clone, Debug)]
pub struct UrlSettings {
    /// Hosts that redirects may lead to, beside those of the list.
    pub hosts: Vec<String>,
    /// Whether addresses of private networks and of this machine may be asked. Off unless set: a redirect or a name could otherwise reach what only this machine can.
    pub allow_private: bool,
    /// How long one document may take, redirects included.
    pub patience: Duration,
    /// Greatest document in bytes.
    pub max_bytes: usize,
    /// Documents of one run.
    pub max_documents: usize,
}

/// A list of URLs that are read, one after the other.
///
/// Only `http` and `https` are asked, without cookies, credentials or proxies.
pub struct UrlSource {
    collection: String,
    waiting: VecDeque<String>,
    hosts: BTreeSet<String>,
    known: HashMap<DocumentId, Validators>,
    settings: UrlSettings,
    client: Client,
    n_documents: usize,
}

impl Default for UrlSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            allow_private: false,
            patience: Duration::from_secs(30),
            max_bytes: MAX_BYTES,
            max_documents: MAX_DOCUMENTS,
        }
    }
}

impl UrlSource {
    /// Takes a list. `known` is what servers said of versions read before; pages that did not change are not sent again.
    ///
    /// # Errors
    ///
    /// `Internal` when this machine offers no way to speak TLS.
    pub fn new(
        collection: &str,
        urls: impl IntoIterator<Item = String>,
        known: HashMap<DocumentId, Validators>,
        settings: UrlSettings,
    ) -> Result<Self> {
        // The first provider of a process stays; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let waiting: VecDeque<_> = urls.into_iter().collect();
        let host = |url: &String| Url::parse(url).ok()?.host_str().map(str::to_lowercase);
        let hosts =
            waiting.iter().filter_map(host).chain(settings.hosts.iter().map(|host| host.to_lowercase()));
        let hosts = hosts.collect();
        let mut client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(settings.patience)
            .connect_timeout(settings.patience)
            .user_agent("waggle");
        if !settings.allow_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client =
            client.build().map_err(|error| Kind::Internal.because("set up a client for the web", error))?;
        Ok(Self {
            collection: collection.to_owned(),
            waiting,
            hosts,
            known,
            settings,
            client,
            n_documents: 0,
        })
    }

    /// Reads the next document of the list; `None` at its end.
    pub async fn next(&mut self) -> Option<Step> {
        let url = self.waiting.pop_front()?;
        if self.n_documents >= self.settings.max_documents {
            self.waiting.clear();
            return Some(Step::stopped(shown(&url), Reason::TooMany { limit: self.settings.max_documents }));
        }
        self.n_documents += 1;
        let id = DocumentId::new(&self.collection, shown(&url));
        let reading = self.read(&id, &url);
        let step = tokio::time::timeout(self.settings.patience, reading).await;
        Some(match step {
            Ok(Ok(step)) => step,
            Ok(Err(reason @ (Reason::Gone | Reason::TooLarge { .. }))) => Step::skipped(shown(&url), reason),
            Ok(Err(reason)) => Step::unread(id, shown(&url), reason),
            Err(_) => Step::unread(id, shown(&url), Reason::TooSlow),
        })
    }

    async fn read(&self, id: &DocumentId, url: &str) -> std::result::Result<Step, Reason> {
        let mut target = Url::parse(url).ok().filter(|_| url.len() <= MAX_URL);
        for _ in 0..=MAX_REDIRECTS {
            let Some(asked) = target else {
                return Err(Reason::Broken("not a URL".into()));
            };
            self.check(&asked)?;
            let response = self.ask(id, &asked).await?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED {
                return Ok(Step::Same(id.clone()));
            }
            if !status.is_redirection() {
                return self.found(id, url, response).await;
            }
            let location =
                response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            target = location
                .filter(|location| location.len() <= MAX_URL)
                .and_then(|location| asked.join(location).ok());
        }
        Err(Reason::Denied(format!("over {MAX_REDIRECTS} redirects")))
    }

    /// Refuses what may not be asked; said of every redirect as well.
    fn check(&self, url: &Url) -> std::result::Result<(), Reason> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(Reason::Denied(format!("`{}` is neither `http` nor `https`", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Reason::Denied("credentials do not belong into a URL".into()));
        }
        let host = url.host_str().unwrap_or_default().to_lowercase();
        if !self.hosts.contains(&host) {
            return Err(Reason::Denied(format!(
                "redirects to `{host}`, which is not one of the hosts that may be asked"
            )));
        }
        // The resolver is not asked about addresses.
        if !self.settings.allow_private && !is_public_host(url) {
            return Err(Reason::Denied(format!("`{host}` is an address of a private network")));
        }
        Ok(())
    }

    async fn ask(&self, id: &DocumentId, url: &Url) -> std::result::Result<Response, Reason> {
        let mut request = self.client.get(url.clone());
        let known = self.known.get(id).cloned().unwrap_or_default();
        // RFC 9110 §13.1: a server that knows the first does not look at the second.
        if let Some(etag) = known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(at) = known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, at);
        }
        request.send().await.map_err(|error| why(&error))
    }

    async fn found(
        &self,
        id: &DocumentId,
        url: &str,
        response: Response,
    ) -> std::result::Result<Step, Reason> {
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Reason::Gone),
            status => return Err(Reason::Unavailable(format!("status {}", status.as_u16()))),
        }
        let kept = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            (value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
        };
        let validators = Validators { etag: kept(header::ETAG), last_modified: kept(header::LAST_MODIFIED) };
        let bytes = self.bounded(response).await?;
        Ok(Step::Found(Found { validators, ..Found::new(id.clone(), shown(url).to_owned(), bytes) }))
    }

    async fn bounded(&self, mut response: Response) -> std::result::Result<Vec<u8>, Reason> {
        let limit = self.settings.max_bytes.min(MAX_BYTES);
        let too_large = |bytes: u64| Reason::TooLarge { bytes, limit: limit as u64 };
        if let Some(stated) = response.content_length().filter(|stated| *stated > limit as u64) {
            return Err(too_large(stated));
        }
        let mut bytes = Vec::new();
        while let Some(more) = response.chunk().await.map_err(|error| why(&error))? {
            if bytes.len() + more.len() > limit {
                return Err(too_large((bytes.len() + more.len()) as u64));
            }
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }
}

/// Returns a URL as it may be shown and kept: nothing of one that holds credentials.
fn shown(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next();
    if authority.is_some_and(|authority| authority.contains('@')) { "a URL with credentials" } else { url }
}

fn why(error: &reqwest::Error) -> Reason {
    use std::error::Error as _;
    if error.is_timeout() {
        return Reason::TooSlow;
    }
    let mut below: Option<&dyn std::error::Error> = error.source();
    let mut told = String::from("cannot be asked");
    while let Some(cause) = below {
        if cause.downcast_ref::<addresses::NoPublicAddress>().is_some() {
            return Reason::Denied(cause.to_string());
        }
        told = cause.to_string();
        below = cause.source();
    }
    Reason::Unavailable(told.chars().take(200).collect())
}
