//! What a batch must be to be taken.

use std::time::Duration;

use waggle_signals::{Batch, Rejected, ResourceId};

/// Rows that one batch may bring.
pub const MAX_ROWS: usize = 200_000;

/// Checks that every row names a resource of the batch and that every number can be stored.
///
/// # Errors
///
/// `Invalid` with the first fault. Nothing is mended: who sent it knows better what was meant.
pub fn check(batch: &Batch) -> Result<(), Rejected> {
    if batch.n_rows() > MAX_ROWS {
        return Err(invalid(format!("{} rows exceed {MAX_ROWS}; send them in parts", batch.n_rows())));
    }
    check_resources(batch)?;
    for span in &batch.spans {
        signed(nanos(span.duration), "duration of span", &span.name)?;
    }
    for point in &batch.metrics {
        if !point.value.is_finite() {
            return Err(invalid(format!("metric `{}` has the value {}", point.name, point.value)));
        }
    }
    for sample in &batch.samples {
        if sample.frames.is_empty() {
            return Err(invalid(format!("profile sample at {} has no frames", sample.time)));
        }
        signed(Some(sample.cpu_nanos), "cpu time of sample", &sample.frames[0])?;
    }
    for flow in &batch.flows {
        let counts = [
            flow.connections,
            flow.connect_failures,
            flow.bytes_sent,
            flow.bytes_received,
            flow.retransmits,
            flow.resets,
        ];
        counts.into_iter().try_for_each(|n| signed(Some(n), "count of flow to", &flow.peer.address))?;
    }
    Ok(())
}

fn check_resources(batch: &Batch) -> Result<(), Rejected> {
    let n_resources = batch.resources.len();
    let rows = (batch.spans.iter().map(|row| row.resource))
        .chain(batch.metrics.iter().map(|row| row.resource))
        .chain(batch.logs.iter().map(|row| row.resource))
        .chain(batch.events.iter().map(|row| row.resource))
        .chain(batch.samples.iter().map(|row| row.resource))
        .chain(batch.flows.iter().map(|row| row.resource));
    for ResourceId(index) in rows {
        if index as usize >= n_resources {
            return Err(invalid(format!("a row names resource {index} of {n_resources}")));
        }
    }
    Ok(())
}

fn nanos(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_nanos()).ok()
}

/// Columns are signed 64 bits, so that differences in SQL can be negative.
fn signed(number: Option<u64>, what: &str, of: &str) -> Result<(), Rejected> {
    match number.map(i64::try_from) {
        Some(Ok(_)) => Ok(()),
        _ => Err(invalid(format!("{what} `{of}` does not fit in 63 bits"))),
    }
}

fn invalid(reason: String) -> Rejected {
    Rejected::Invalid(reason)
}

#[cfg(test)]
mod tests {
    use waggle_signals::ResourceId;

    use super::*;
    use crate::testing::one_of_each;

    #[test]
    fn each_fault_is_named() {
        type Spoil = fn(&mut Batch);
        let cases: [(&str, Spoil); 7] = [
            ("a row names resource 7 of 1", |batch| batch.logs[0].resource = ResourceId(7)),
            ("metric `process.cpu.utilization` has the value NaN", |batch| batch.metrics[0].value = f64::NAN),
            ("metric `process.cpu.utilization` has the value inf", |batch| {
                batch.metrics[0].value = f64::INFINITY;
            }),
            ("has no frames", |batch| batch.samples[0].frames.clear()),
            ("does not fit in 63 bits", |batch| batch.spans[0].duration = Duration::MAX),
            ("does not fit in 63 bits", |batch| batch.flows[0].bytes_sent = u64::MAX),
            ("rows exceed", |batch| batch.events = vec![batch.events[0].clone(); MAX_ROWS + 1]),
        ];
        check(&one_of_each()).unwrap();
        for (expected, spoil) in cases {
            let mut batch = one_of_each();
            spoil(&mut batch);
            let error = check(&batch).unwrap_err();
            assert!(matches!(error, Rejected::Invalid(_)));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
