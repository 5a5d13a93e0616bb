//! Profile samples of a service or a commit.

use waggle_agent_core::ports::{Of, ProfileQuery};
use waggle_signals::ProfileSample;

use super::rows::{collect, of_resources, of_service};
use crate::{
    engine::{Failure, View},
    tables::Table,
};

/// Returns the samples.
pub async fn profile(view: View, query: ProfileQuery) -> Result<Vec<Of<ProfileSample>>, Failure> {
    let mut wanted = of_service(&view, Table::Samples, query.range, query.service.as_deref());
    if let Some(commit) = &query.commit {
        wanted = wanted.and(of_resources(&view, |resource| resource.commit() == Some(commit)));
    }
    let frame = view.rows(Table::Samples)?.filter(wanted)?;
    collect(&view, frame).await
}
