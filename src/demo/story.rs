//! What the terminal shows. With `--json` all of it goes to stderr, so that stdout holds the finding alone.

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
    time::Duration,
};

use waggle_agent_core::{Finding, Incident, investigation::Investigation};
use waggle_analysis::quantity;
use waggle_chaos::Fault;
use waggle_signals::Timestamp;

use crate::{alert::Fired, commands::print::finding_text, server::Server};

/// Tells the story, line by line.
pub struct Story {
    to_stderr: bool,
    is_terminal: bool,
    is_silent: bool,
}

impl Story {
    pub fn new(to_stderr: bool) -> Self {
        let is_terminal =
            if to_stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        Self { to_stderr, is_terminal, is_silent: false }
    }

    /// Tells nothing.
    pub fn silent() -> Self {
        Self { to_stderr: true, is_terminal: false, is_silent: true }
    }

    /// Prints one line.
    pub fn line(&self, text: &str) {
        match (self.is_silent, self.to_stderr) {
            (true, _) => {}
            (false, true) => eprintln!("{text}"),
            (false, false) => println!("{text}"),
        }
    }

    /// Replaces the last line of a terminal; silent elsewhere, where nothing can be replaced.
    pub fn progress(&self, text: &str) {
        if !self.is_terminal {
            return;
        }
        let line = format!("\r\x1b[2K  {text}");
        // A terminal that went away is no reason to stop.
        let _ = if self.to_stderr {
            std::io::stderr().write_all(line.as_bytes())
        } else {
            let mut out = std::io::stdout();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        };
    }

    pub fn title(&self, fault: Option<&'static dyn Fault>) {
        self.line("waggle demo: a small shop, customers, and something that goes wrong");
        match fault {
            Some(fault) => self.line(&format!("fault     {}: {}", fault.name(), fault.text())),
            None => self.line("fault     none: the answer must be that nothing is wrong"),
        }
    }

    pub fn page(&self, server: &Server) {
        let new = if server.token_is_new {
            " (the token was made just now; it stays in the demo's folder)"
        } else {
            ""
        };
        self.line(&format!("page      {}{new}", server.link()));
    }

    pub fn warming_up(&self, warm_up: Duration) {
        self.line(&format!("warm-up   {} s of healthy traffic", warm_up.as_secs()));
    }

    pub fn done(&self, at: Timestamp, text: &str) {
        self.line(&format!("{}  {text}", quantity::clock(at)));
    }

    pub fn alert(&self, fired: &Fired, at: Timestamp) {
        self.done(at, &format!("alert: {}", fired.title));
    }

    pub fn no_alert(&self, at: Timestamp) {
        self.done(at, "no alert fired; somebody asks whether everything is all right");
    }

    pub fn investigating(&self, incident: &Incident, model: &str) {
        self.done(incident.opened_at, &format!("{} opened; model: {model}", incident.id));
    }

    /// Tells the finding; `asked` is the model that was to make it.
    pub fn finding(
        &self,
        investigation: &Investigation,
        asked: &str,
        took: Duration,
        end_to_end: Option<Duration>,
    ) {
        self.line("");
        for line in finding_text(&investigation.finding).lines() {
            self.line(line);
        }
        self.line("");
        if investigation.model != asked {
            self.line(&format!("model     {asked} gave up; {} went on", investigation.model));
        }
        let calls = investigation.evidence.len();
        self.line(&format!(
            "investigation took {} over {calls} tool calls",
            quantity::ms(took.as_secs_f64() * 1e3)
        ));
        if let Some(end_to_end) = end_to_end {
            let seconds = quantity::number(end_to_end.as_secs_f64());
            self.line(&format!("from the fault to the posted finding: {seconds} s, alert window included"));
        }
    }

    pub fn judged(&self, finding: &Finding, fault: Option<&'static dyn Fault>, right: bool) {
        let truth = fault.map_or_else(
            || "nothing was injected".to_owned(),
            |fault| format!("injected was {} at {}", fault.truth().fault_class, fault.truth().service),
        );
        let said = finding.root_causes.first().map_or_else(
            || finding.verdict.as_str().to_owned(),
            |cause| format!("{} at {}", cause.fault_class, cause.service),
        );
        self.line(&format!("{}: found {said}; {truth}", if right { "right" } else { "wrong" }));
    }

    pub fn stay(&self, server: &Server, dir: &Path) {
        self.line(&format!("\nask on at {}", server.link()));
        let dir = dir.display();
        self.line(&format!(
            "or with `waggle --dir {dir} ask \"why is checkout slow?\"`; Ctrl-C ends the demo"
        ));
    }
}
