//! One question to a host and its answer: in time, in size, as often as it is worth it, and without the token ever showing.
//!
//! # Layout
//!
//! - [`door`]: where a host is, and the token for it.
//! - [`limits`]: whether an answer says to come back later, and when.
//! - [`patience`]: how long all that may take.
//! - [`kept`]: answers that are still right when the host says so.

mod door;
mod kept;
mod limits;
mod patience;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::{sync::Semaphore, time};
use waggle_agent_core::{Error, Kind, Result};

use kept::Kept;
use patience::Waits;

pub use door::{Door, TokenHeader};
pub use patience::Patience;

/// Bytes of an answer. GitHub's greatest, a page of a commit's files, has patches of at most a few MiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Requests at a time to one host. GitHub asks for one after the other; a few keep several incidents from waiting for one:
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests>.
const AT_A_TIME: usize = 4;

/// How often a question is sent on; a repository that was renamed takes one.
const MAX_REDIRECTS: usize = 3;

/// Speaks to one host. Its `Debug` shows neither token nor answers.
pub struct Wire {
    client: reqwest::Client,
    door: Door,
    patience: Patience,
    places: Semaphore,
    /// Both are held for a few lines at a time, never across an await.
    kept: Mutex<Kept>,
    seed: Mutex<u64>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// How.
    pub method: Method,
    /// Path and query below the base of the host.
    pub route: String,
    /// What form the answer is to have, and others that are the question's own. None is secret.
    pub headers: HeaderMap,
    /// Empty for questions that only read.
    pub body: Bytes,
}

/// What came back: anything but failures that are the same for all questions.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Good, or 404, 409, 410 or 422: these mean something else for each question.
    pub status: StatusCode,
    /// All of them.
    pub headers: HeaderMap,
    /// At most 16 MiB.
    pub body: Bytes,
}

/// Why there is no answer, and whether asking again can do harm.
struct Failure {
    /// Boxed, since most answers are none.
    error: Box<Error>,
    /// Whether the host surely did nothing.
    is_untouched: bool,
}

impl Wire {
    /// Prepares the client; nothing is sent yet. Equal seeds give equal waits.
    pub fn new(door: Door, patience: Patience, seed: u64) -> Result<Self> {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(patience.connect)
            .timeout(patience.attempt)
            .user_agent(concat!("waggle/", env!("CARGO_PKG_VERSION")))
            // A token must not follow to another place; see `sent_on`.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Kind::Internal.because("start the HTTP client", error))?;
        let (kept, seed) = (Mutex::new(Kept::default()), Mutex::new(seed));
        Ok(Self { client, door, patience, places: Semaphore::new(AT_A_TIME), kept, seed })
    }

    /// Returns where the host is and what it is called.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Asks, and asks again while that may help and does no harm: what acts is only asked again when the host did nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the host is out of reach, broken or wants to be left alone for longer, `Timeout` when it is slow, `Denied`
    /// when it does not take the token or the token may not.
    pub async fn ask(&self, question: &Question) -> Result<Answer> {
        let is_harmless = question.method == Method::GET;
        let mut waits = Waits::new(self.patience);
        loop {
            let failure = match self.ask_once(question).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let may_repeat = failure.error.kind().is_retryable() && (is_harmless || failure.is_untouched);
            let wait = {
                let mut seed = self.seed.lock().unwrap_or_else(PoisonError::into_inner);
                waits.next(failure.error.retry_after(), &mut seed)
            };
            let Some(wait) = wait.filter(|_| may_repeat) else { return Err(*failure.error) };
            tracing::info!(
                host = self.door.name(),
                error = failure.error.chain(),
                ?wait,
                "the host is asked again"
            );
            time::sleep(wait).await;
        }
    }

    /// Asks once, following the host to where it moved a repository.
    async fn ask_once(&self, question: &Question) -> Result<Answer, Failure> {
        let closed = |error| Failure::untouched(Kind::Internal.because("wait for a place", error));
        let _place = self.places.acquire().await.map_err(closed)?;
        let mut url = self.door.url(&question.route).map_err(Failure::untouched)?;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(question, &url).await?;
            match self.sent_on(&url, &answer) {
                Some(next) => url = next,
                None => return self.judged(answer),
            }
        }
        Err(Failure::untouched(Kind::Invalid.error(format!("{} redirects in circles", self.door.name()))))
    }

    /// Returns where the question is to be asked instead, on the same host. GitHub sends on for repositories that were renamed, and
    /// wants the same method there: <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>.
    fn sent_on(&self, url: &Url, answer: &Answer) -> Option<Url> {
        let is_sent_on = matches!(answer.status.as_u16(), 301 | 302 | 307 | 308);
        let next = answer.headers.get(header::LOCATION)?.to_str().ok()?;
        let next = url.join(next).ok()?;
        (is_sent_on && next.origin() == url.origin()).then_some(next)
    }

    async fn send(&self, question: &Question, url: &Url) -> Result<Answer, Failure> {
        let mut headers = question.headers.clone();
        // The default of octocrab's requests; the client sets its own.
        headers.remove(header::CONTENT_LENGTH);
        if let Some((name, value)) = self.door.token() {
            headers.insert(name, value);
        }
        let key = (question.method == Method::GET).then(|| kept::key(url, &headers));
        let known = key.as_ref().and_then(|key| self.kept().find(key));
        if let Some(known) = &known {
            headers.insert(header::IF_NONE_MATCH, known.tag.clone());
        }
        let request = self.client.request(question.method.clone(), url.clone()).headers(headers);
        let sent = request.body(question.body.clone()).send().await;
        let response = sent.map_err(|error| self.out_of_reach(error))?;
        if let Some(known) = known
            && response.status() == StatusCode::NOT_MODIFIED
        {
            return Ok(known.answer);
        }
        let answer = self.read(response).await?;
        if let (Some(key), StatusCode::OK, Some(tag)) = (key, answer.status, answer.headers.get(header::ETAG))
        {
            self.kept().keep(key, tag.clone(), answer.clone());
        }
        Ok(answer)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cut_off(error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let name = self.door.name();
                let error =
                    Kind::Invalid.error(format!("an answer of {name} is over {MAX_ANSWER_BYTES} bytes"));
                return Err(Failure::maybe_acted(error));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.into() })
    }

    /// Sorts out what is the same for all questions.
    fn judged(&self, answer: Answer) -> Result<Answer, Failure> {
        if let Some(wait) = limits::asked_wait(&answer) {
            return Err(Failure::untouched(limits::refusal(&self.door, wait)));
        }
        let name = self.door.name();
        let says = || answer.said(&self.door);
        let error = match answer.status.as_u16() {
            200..=299 | 404 | 409 | 410 | 422 => return Ok(answer),
            400 => Kind::Invalid.error(format!("{name} refused the question: {}", says())),
            401 => Kind::Denied.error(format!("{name} does not take the token: {}", says())).with_hint(
                "the token may have expired or be one for another host; look at `token_env` of the host",
            ),
            403 => Kind::Denied.error(format!("{name} does not allow that: {}", says())).with_hint(
                "the token may lack a permission; reading wants the contents of the repository, posting its pull requests and commit statuses",
            ),
            500..=599 => {
                let error = Kind::Unavailable.error(format!("{name} answered {}: {}", answer.status, says()));
                return Err(Failure::maybe_acted(error));
            }
            // A page of the web rather than an API: asking again does not help.
            _ => Kind::Invalid
                .error(format!("{name} answered {}", answer.status))
                .with_hint("the address may be that of a web page; look at `url` of the host"),
        };
        Err(Failure::untouched(error))
    }

    fn out_of_reach(&self, error: reqwest::Error) -> Failure {
        let is_untouched = error.is_connect();
        Failure { is_untouched, ..self.cut_off(error) }
    }

    fn cut_off(&self, error: reqwest::Error) -> Failure {
        let name = self.door.name();
        // The address of the request has no secrets in it; without it the line is short.
        let (is_slow, error) = (error.is_timeout(), error.without_url());
        let error = match is_slow {
            true => Kind::Timeout.because(format!("{name} took too long"), error),
            false => Kind::Unavailable.because(format!("{name} cannot be reached"), error),
        };
        Failure::maybe_acted(error)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("door", &self.door)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Failure {
    fn untouched(error: Error) -> Self {
        Self { error: Box::new(error), is_untouched: true }
    }

    fn maybe_acted(error: Error) -> Self {
        Self { error: Box::new(error), is_untouched: false }
    }
}

impl Question {
    /// Asks to read what is at a route.
    pub fn get(route: impl Into<String>) -> Self {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method: Method::GET, route: route.into(), headers, body: Bytes::new() }
    }
}

impl Answer {
    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it is none, or of another form: what answers is not the API.
    pub fn json<T: DeserializeOwned>(&self, door: &Door) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| not_understood(door, error))
    }

    /// Tells whether there is a next page: <https://www.rfc-editor.org/rfc/rfc8288>.
    pub fn has_next(&self) -> bool {
        has_next(&self.headers)
    }

    /// Returns what the host says of a refusal, briefly and without the token.
    pub fn said(&self, door: &Door) -> String {
        #[derive(serde::Deserialize)]
        struct Message {
            message: serde_json::Value,
        }
        let said = match serde_json::from_slice::<Message>(&self.body) {
            Ok(Message { message: serde_json::Value::String(text) }) => text,
            Ok(Message { message }) => message.to_string(),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        // Hidden before it is cut, which could leave half of a token.
        let said: String = door.hidden(&said).trim().chars().take(200).flat_map(char::escape_debug).collect();
        if said.is_empty() { "nothing more".to_owned() } else { format!("`{said}`") }
    }
}

/// Tells whether headers link to a next page.
pub fn has_next(headers: &HeaderMap) -> bool {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|links| links.split(',')).any(|link| link.contains("rel=\"next\""))
}

/// Makes the error for an answer that is not what the API gives.
pub fn not_understood(door: &Door, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Kind::Unavailable
        .because(format!("an answer of {} was not understood", door.name()), error)
        .with_hint("the address may be that of a web page or another API; look at `url` of the host")
}
