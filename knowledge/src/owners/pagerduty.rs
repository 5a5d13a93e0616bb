//! Who is on call by PagerDuty's REST API, or one that speaks like it.
//!
//! <https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls>

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use reqwest::{Url, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use waggle_agent_core::{Kind, Result};
use waggle_signals::Timestamp;

use crate::this_machine::is_this_machine;

use super::{
    http::{Client, Request},
    on_call::{OnCall, OnCallQuery, Shift, Watch, bare},
};

/// Where the API is, unless configured.
const API: &str = "https://api.pagerduty.com";
/// Bytes of a page.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Entries of a page; the API gives no more.
const PAGE: usize = 100;
/// Pages of an answer.
const MAX_PAGES: usize = 20;

/// How it is asked. The key comes from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagerDutySettings {
    /// Where the API is; PagerDuty's own when empty.
    #[serde(default)]
    pub url: String,
    /// Escalation policies by team.
    #[serde(default)]
    pub teams: BTreeMap<String, String>,
    /// Escalation policies by service. Those that a catalogue gives an id need none here.
    #[serde(default)]
    pub services: BTreeMap<String, String>,
}

/// Asks with a key.
pub struct PagerDuty {
    settings: PagerDutySettings,
    url: String,
    key: HeaderValue,
    client: Client,
}

#[derive(Deserialize)]
struct Page {
    oncalls: Vec<Entry>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Entry {
    user: Option<Named>,
    schedule: Option<Named>,
    escalation_policy: Option<Named>,
    escalation_level: Option<u32>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    id: String,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

#[derive(Deserialize)]
struct ServicePage {
    service: Service,
}

#[derive(Deserialize)]
struct Service {
    escalation_policy: Option<Named>,
}

impl PagerDuty {
    /// Takes the settings and a key for reading.
    ///
    /// # Errors
    ///
    /// `Invalid` for a key or an id that cannot be sent, or an address that is none.
    pub fn new(settings: PagerDutySettings, key: &SecretString) -> Result<Self> {
        let url = if settings.url.is_empty() { API } else { settings.url.trim_end_matches('/') }.to_owned();
        let address = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let address = address.ok_or_else(|| Kind::Invalid.error("`owners.pagerduty.url` is no address"))?;
        if address.scheme() == "http" && !is_this_machine(&address) {
            return Err(Kind::Invalid
                .error("the key of PagerDuty would be sent unencrypted")
                .with_hint("use an `https` address in `owners.pagerduty.url`"));
        }
        for id in settings.teams.values().chain(settings.services.values()) {
            check(id)?;
        }
        let key = HeaderValue::from_str(&format!("Token token={}", key.expose_secret()));
        let mut key =
            key.map_err(|_| Kind::Invalid.error("the key of PagerDuty has letters that cannot be sent"))?;
        key.set_sensitive(true);
        Ok(Self { settings, url, key, client: Client::new()? })
    }

    /// Returns the policies that were asked about, each with what it is for.
    async fn policies(&self, query: &OnCallQuery) -> Result<BTreeMap<String, String>> {
        let mut policies = BTreeMap::new();
        for id in &query.paging_ids {
            check(id)?;
            let page: ServicePage = self.ask(&format!("services/{id}"), Vec::new()).await?;
            if let Some(policy) = page.service.escalation_policy {
                policies.insert(policy.id, format!("service `{}` (`{id}`)", query.service));
            }
        }
        for (name, policy) in &self.settings.services {
            if bare(name) == bare(&query.service) {
                policies.entry(policy.clone()).or_insert_with(|| format!("service `{name}`"));
            }
        }
        for (name, policy) in &self.settings.teams {
            if query.teams.iter().any(|team| bare(team) == bare(name)) {
                policies.entry(policy.clone()).or_insert_with(|| format!("team `{name}`"));
            }
        }
        Ok(policies)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: Vec<(&'static str, String)>) -> Result<T> {
        let url = format!("{}/{path}", self.url);
        let headers = vec![
            ("authorization", self.key.clone()),
            ("accept", HeaderValue::from_static("application/vnd.pagerduty+json;version=2")),
        ];
        let request = Request { url: &url, headers, query, max_bytes: MAX_BYTES };
        let body = self.client.read(&request, "PagerDuty").await?;
        // The message could quote what the other side wrote.
        serde_json::from_slice(&body)
            .map_err(|_| Kind::Invalid.error("PagerDuty answers with what is not understood"))
    }
}

#[async_trait]
impl OnCall for PagerDuty {
    fn name(&self) -> String {
        "PagerDuty".to_owned()
    }

    fn services(&self) -> Vec<String> {
        self.settings.services.keys().cloned().collect()
    }

    async fn on_call(&self, query: &OnCallQuery) -> Result<Watch> {
        let policies = self.policies(query).await?;
        let mut watch = Watch::default();
        if policies.is_empty() {
            return Ok(watch);
        }
        watch.covers = policies.values().cloned().collect();
        for page in 0..=MAX_PAGES {
            if page == MAX_PAGES {
                watch
                    .notes
                    .push(format!("PagerDuty has over {} entries; the rest is not read", MAX_PAGES * PAGE));
                break;
            }
            let mut asked = vec![
                ("limit", PAGE.to_string()),
                ("offset", (page * PAGE).to_string()),
                ("since", query.at.to_string()),
                ("until", (query.at + Duration::from_secs(1)).to_string()),
                ("include[]", "users".to_owned()),
            ];
            asked.extend(policies.keys().map(|policy| ("escalation_policy_ids[]", policy.clone())));
            let Page { oncalls, more } = self.ask("oncalls", asked).await?;
            let is_empty = oncalls.is_empty();
            watch.shifts.extend(oncalls.into_iter().filter_map(|entry| shift(entry, &policies, query.at)));
            if !more || is_empty {
                break;
            }
        }
        watch.shifts.sort_by_key(|shift| shift.level);
        Ok(watch)
    }
}

/// Makes a shift of an entry; `None` when it is of another time or policy, or names nobody.
fn shift(entry: Entry, policies: &BTreeMap<String, String>, at: Timestamp) -> Option<Shift> {
    let Entry { user, schedule, escalation_policy, escalation_level, start, end } = entry;
    let policy = escalation_policy.unwrap_or_default();
    let of = policies.get(&policy.id)?;
    // The API gives what touches the time asked about.
    let is_now = start.is_none_or(|start| start <= at) && end.is_none_or(|end| at < end);
    let user = user.filter(|_| is_now)?;
    let called = user.told();
    let who = user
        .email
        .as_deref()
        .map(one_line)
        .filter(|email| !email.is_empty())
        .unwrap_or_else(|| called.clone());
    if who.is_empty() {
        return None;
    }
    let level = escalation_level.unwrap_or(1);
    let schedule = schedule.map(|schedule| format!(", schedule `{}`", schedule.told())).unwrap_or_default();
    let rule = format!("on call for {of}, PagerDuty policy `{}` level {level}{schedule}", policy.told());
    Some(Shift { who, called, level, from: start, to: end, rule })
}

impl Named {
    /// Returns what people call it; its id when nothing else is known.
    fn told(&self) -> String {
        let names = [self.name.as_deref(), self.summary.as_deref(), Some(&self.id)];
        names.into_iter().flatten().map(one_line).find(|name| !name.is_empty()).unwrap_or_default()
    }
}

fn one_line(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(120).collect::<String>().trim().to_owned()
}

/// Refuses an id that would be more than a part of an address.
fn check(id: &str) -> Result<()> {
    let is_id = !id.is_empty() && id.len() <= 40 && id.chars().all(|letter| letter.is_ascii_alphanumeric());
    let wrong = || {
        Kind::Invalid.error(format!(
            "`{}` is no id of PagerDuty",
            id.chars().take(40).collect::<String>().escape_debug()
        ))
    };
    if is_id { Ok(()) } else { Err(wrong().with_hint("ids are letters and digits, such as `PABC123`")) }
}
