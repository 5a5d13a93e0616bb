//! The HTTP face: the page, its API, the API for programs, the protocols of OpenAI and MCP, and OTLP, all behind one token.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use axum::{Router, middleware::from_fn_with_state};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use waggle_chat_adapters::{
    openai::{self, Face},
    web::{self, Caller, Question, WebState},
};
use waggle_collectors::otlp;

use crate::{
    api::{self, ApiState},
    app::{App, MAX_QUESTIONS},
    auth::{self, Token},
    client::Running,
    config::Config,
    desk::Desk,
    faces::{mcp::McpHost, openai::OpenAiFace},
    rooms::answer_in_rooms,
};

/// A server at work. It stops when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub token: Token,
    /// Whether the token was made at this start, so that it must be shown.
    pub token_is_new: bool,
    /// Held as long as the server runs.
    #[expect(dead_code, reason = "let go when it is dropped")]
    server_file: File,
    path: PathBuf,
    tasks: Vec<JoinHandle<()>>,
}

/// Binds a port before any work is done, so that a port in use is found out at once.
///
/// # Errors
///
/// When the port is taken or may not be used, with a hint.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        anyhow!("listen at `{listen}`: {error}\nhint: something else uses that port; choose another with `--listen 127.0.0.1:0`")
    })
}

impl App {
    /// Returns what the API for programs stands on.
    pub fn api(&self) -> ApiState {
        ApiState {
            desk: self.desk.clone(),
            memory: self.memory.clone(),
            telemetry: self.store.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Serves until the returned server is dropped, and answers the questions that people ask.
    pub fn serve(&mut self, config: &Config, listener: TcpListener) -> Result<Server> {
        let address = listener.local_addr().context("read the listening address")?;
        self.desk = self.desk.clone().with_people();
        let (token, token_is_new) = Token::load(&config.token_file())?;
        let page = WebState {
            chat: self.chat.clone(),
            memory: self.memory.clone(),
            clock: self.clock.clone(),
            questions: self.questions.clone(),
        };
        let routes = Router::new()
            .merge(web::router(page))
            .merge(api::router(self.api()))
            .merge(openai::router(Face::new(
                Arc::new(OpenAiFace(self.api())),
                self.clock.clone(),
                openai::Limits::default(),
            )))
            .merge(waggle_mcp::router(
                Arc::new(McpHost::new(self.api())),
                |extensions| extensions.get::<Caller>().map(|caller| caller.name.clone()),
                waggle_mcp::Limits::default(),
            ))
            .merge(otlp::http::router(self.store.clone(), otlp::http::Limits::default()))
            .layer(from_fn_with_state(token.clone(), auth::require));
        let running = Running { url: format!("http://{address}"), token: token.as_str().to_owned() };
        let text = serde_json::to_string(&running).context("write the server file")?;
        let server_file = hold(&config.server_file(), &text)
            .with_context(|| format!("write `{}`", config.server_file().display()))?;
        let (_, none) = mpsc::channel(1);
        let asked = std::mem::replace(&mut self.asked, none);
        let desk = self.desk.clone();
        let tasks = vec![
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, routes).await {
                    tracing::error!(%error, "server stopped");
                }
            }),
            tokio::spawn(answer_in_rooms(
                questions_of(self.desk.clone(), asked),
                |question: &Question| question.incident.clone(),
                move |question| answer(desk.clone(), question),
            )),
        ];
        Ok(Server { address, token, token_is_new, server_file, path: config.server_file(), tasks })
    }
}

/// Hears at once, ahead of the questions that wait, who wants an investigation to end or answers what it asked; what else is
/// said is a question.
fn questions_of(desk: Desk, mut said: mpsc::Receiver<Question>) -> mpsc::Receiver<Question> {
    // As many as wait where they come from: only when all of these places are taken does a word wait behind questions.
    let (questions, asked) = mpsc::channel(MAX_QUESTIONS);
    tokio::spawn(async move {
        while let Some(question) = said.recv().await {
            let Question { incident, text, person } = &question;
            if !desk.hears(incident, text, person).await && questions.send(question).await.is_err() {
                return;
            }
        }
    });
    asked
}

/// Answers one question in its room.
async fn answer(desk: Desk, Question { incident, text, person }: Question) {
    if let Err(error) = desk.reply(&incident, &text, &person).await {
        tracing::error!(error = error.chain(), incident = %incident, "question was not answered");
    }
}

/// Writes a file for its owner alone and locks it: as long as it is held, its writer lives.
fn hold(path: &Path, text: &str) -> io::Result<File> {
    let mut file = auth::open_private(path)?;
    file.try_lock()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

impl Server {
    /// Returns the link that opens the page and lets its reader in.
    pub fn link(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token.as_str())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        // Another server of the same folder cannot have started meanwhile: this process holds the store.
        let _ = fs::remove_file(&self.path);
    }
}
