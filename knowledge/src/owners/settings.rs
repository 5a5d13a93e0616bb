//! What the settings may say of owners: the table `[owners]` of `waggle.toml`.

use serde::Deserialize;

use super::{
    catalogue::CatalogueSource,
    pagerduty::PagerDutySettings,
    people::{Person, Team},
    schedule::ScheduleSettings,
    table::{DutySettings, StandInSettings},
};
use crate::codeowners::Dialect;

/// All of it may be left out: then the label `owner` and `CODEOWNERS` are what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerSettings {
    /// Whose `CODEOWNERS` the repositories have, where the place of the file does not tell; GitHub's unless set.
    pub code_owners: Option<Dialect>,
    /// Catalogues, each in a folder or a repository.
    #[serde(default)]
    pub catalogue: Vec<CatalogueSource>,
    /// Files with an on-call table, each with `[[on_call]]` and `[[override]]`.
    #[serde(default)]
    pub tables: Vec<std::path::PathBuf>,
    /// An on-call table in the settings themselves.
    #[serde(default)]
    pub on_call: Vec<DutySettings>,
    /// Who stands in.
    #[serde(default, rename = "override")]
    pub overrides: Vec<StandInSettings>,
    /// Calendars.
    #[serde(default)]
    pub schedules: Vec<ScheduleSettings>,
    /// PagerDuty, or what speaks like it.
    pub pagerduty: Option<PagerDutySettings>,
    /// Where people are reached.
    #[serde(default)]
    pub people: Vec<Person>,
    /// Where teams are reached.
    #[serde(default)]
    pub teams: Vec<Team>,
}
