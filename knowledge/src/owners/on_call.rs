//! The one question that every source of shifts answers: who is on call for something at a moment.

use async_trait::async_trait;
use waggle_agent_core::Result;
use waggle_signals::Timestamp;

/// Says who is on call. Read-only; asks no clock, since the question has the moment.
#[async_trait]
pub trait OnCall: Send + Sync {
    /// Names the source for people: "on-call table `waggle.toml`".
    fn name(&self) -> String;

    /// Returns the services that it has shifts for, by name.
    fn services(&self) -> Vec<String>;

    /// Returns who is on call at the moment asked about.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Timeout` or `Denied` when the source cannot be read, `Invalid` when it makes no sense.
    async fn on_call(&self, query: &OnCallQuery) -> Result<Watch>;
}

/// Asks who is on call for a service or any of some teams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnCallQuery {
    /// The service.
    pub service: String,
    /// The teams that answer for it, by all names that are known for each.
    pub teams: Vec<String>,
    /// What a paging service calls it: the annotation `pagerduty.com/service-id` of a catalogue.
    pub paging_ids: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// What a source says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// In order of the source. Empty when nobody is on call, or the source has nothing on what was asked.
    pub shifts: Vec<Shift>,
    /// What the source has shifts for of what was asked, whether or not anybody has one now: "team `shop`".
    pub covers: Vec<String>,
    /// What could not be read of it.
    pub notes: Vec<String>,
}

/// Somebody's time on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Who: an e-mail address where the source has one, else a name.
    pub who: String,
    /// The name beside an address; empty when there is none.
    pub called: String,
    /// 1 is called first.
    pub level: u32,
    /// When it began; `None` when it always was so.
    pub from: Option<Timestamp>,
    /// When it ends, outside; `None` when it does not.
    pub to: Option<Timestamp>,
    /// The rule in words, with the source and without the times.
    pub rule: String,
}

impl Shift {
    /// Returns the rule with the times: "on call for … from … to …".
    pub fn stated(&self) -> String {
        let from = self.from.map(|from| format!(" from {from}")).unwrap_or_default();
        let to = self.to.map(|to| format!(" to {to}")).unwrap_or_default();
        format!("{}{from}{to}", self.rule)
    }
}

/// Tells which of a source's `services` and `teams` were asked for, in words. Names are compared without `@` in front and
/// without case.
pub fn covered(query: &OnCallQuery, services: &[String], teams: &[String]) -> Vec<String> {
    let is_service = |name: &&String| bare(name) == bare(&query.service);
    let is_team = |name: &&String| query.teams.iter().any(|team| bare(team) == bare(name));
    let of_services = services.iter().filter(is_service).map(|name| format!("service `{name}`"));
    of_services.chain(teams.iter().filter(is_team).map(|name| format!("team `{name}`"))).collect()
}

/// Returns a name as it is compared.
pub fn bare(name: &str) -> String {
    name.trim().trim_start_matches('@').to_lowercase()
}
