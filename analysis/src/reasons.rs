//! Why a service is suspected, in sentences with the numbers that were measured.

use crate::{facts::Facts, quantity, walk::Walk};

/// Returns the sentences, most telling first. Never empty.
pub(crate) fn because(facts: &Facts<'_>, walk: &Walk, class: &str) -> Vec<String> {
    let always: [fn(&Facts<'_>) -> Option<String>; 9] =
        [silence, process, refused, retransmits, gap, own_errors, own_work, traffic, memory];
    let of_time: [fn(&Facts<'_>) -> Option<String>; 2] = [cpu_per_request, run_queue];
    let mut sentences: Vec<String> = always.iter().filter_map(|writer| writer(facts)).collect();
    if facts.or_zero("latency.share") >= 0.05 {
        sentences.extend(of_time.iter().filter_map(|writer| writer(facts)));
    }
    if class == "cpu_contention" {
        sentences.extend(neighbour(facts));
    }
    sentences.insert(sentences.len().min(1), explains(facts, walk));
    sentences.extend([change(facts, class), error_logs(facts)].into_iter().flatten());
    sentences
}

fn explains(facts: &Facts<'_>, walk: &Walk) -> String {
    let root = &walk.root;
    let (slow, failed) = (facts.or_zero("latency.share"), facts.or_zero("errors.share"));
    let of_time = format!(
        "{} of the {} added to each request of `{root}`",
        quantity::percent(slow),
        quantity::ms(walk.added_ms)
    );
    let of_errors = format!("{} of the added errors of `{root}`", quantity::percent(failed));
    match (slow >= 0.01, failed >= 0.01) {
        (true, true) => format!("explains {of_time} and {of_errors}"),
        (false, true) => format!("explains {of_errors}"),
        _ => format!("explains {of_time}"),
    }
}

fn silence(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("rate.before")?, facts.value("rate.after")?);
    (facts.value("silent")? > 0.0)
        .then(|| format!("answers {} → {}", quantity::per_second(before), quantity::per_second(after)))
}

fn process(facts: &Facts<'_>) -> Option<String> {
    let text = facts.end_of_process?;
    Some(if text.is_empty() { "its process ended".to_owned() } else { format!("its process ended: {text}") })
}

fn refused(facts: &Facts<'_>) -> Option<String> {
    let rise = facts.value("edge.connect_failures.delta").filter(|rise| *rise > 0.1)?;
    Some(format!("{} attempts to connect to it fail", quantity::per_second(rise)))
}

fn retransmits(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("edge.retransmits.before")?, facts.value("edge.retransmits.after")?);
    let way = facts.worst_caller.as_ref().map_or_else(String::new, |from| format!(" from `{from}`"));
    (after - before > 0.2).then(|| {
        let (before, after) = (quantity::per_second(before), quantity::per_second(after));
        format!("segments sent again on the way to it {before} → {after}, most on calls{way}")
    })
}

fn gap(facts: &Facts<'_>) -> Option<String> {
    let rise = facts.value("edge.gap_ms.delta").filter(|rise| *rise > 1.0)?;
    let share = facts.value("gap.share").filter(|share| *share > 0.2)?;
    let (rise, share) = (quantity::ms(rise), quantity::percent(share));
    Some(format!("between its callers' clocks and its own {rise} more per call, {share} of what it adds"))
}

fn own_errors(facts: &Facts<'_>) -> Option<String> {
    let own = facts.value("errors.own.delta").filter(|own| *own > 0.005)?;
    let (before, after) = (facts.value("errors.before")?, facts.value("errors.after")?);
    let (before, after, own) = (quantity::percent(before), quantity::percent(after), quantity::percent(own));
    Some(format!("errors {before} → {after}, {own} not from calls of its own"))
}

fn own_work(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("self_ms.before")?, facts.value("self_ms.after")?);
    let is_up = after - before > 0.5 && facts.value("self_ms.ratio")? > 1.1;
    is_up.then(|| format!("own work {} → {} per request", quantity::ms(before), quantity::ms(after)))
}

fn cpu_per_request(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("cpu_per_request.before")?, facts.value("cpu_per_request.after")?);
    Some(format!("CPU time per request {} → {}", quantity::ms(before), quantity::ms(after)))
}

fn run_queue(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("cpu_wait.before")?, facts.value("cpu_wait.after")?);
    Some(format!("waiting for a CPU {} → {} s/s", quantity::number(before), quantity::number(after)))
}

fn neighbour(facts: &Facts<'_>) -> Option<String> {
    let neighbour = facts.neighbour?;
    let (before, after) = (neighbour.before.cpu_cores?, neighbour.after.cpu_cores?);
    (after - before > 0.1 && facts.or_zero("cpu_wait.delta") > 0.02).then(|| {
        let (before, after) = (quantity::number(before), quantity::number(after));
        format!("its neighbour `{}` uses {before} → {after} cores", neighbour.name)
    })
}

fn traffic(facts: &Facts<'_>) -> Option<String> {
    let ratio = facts.value("rate.ratio").filter(|ratio| *ratio > 1.5)?;
    let (before, after) = (facts.value("rate.before")?, facts.value("rate.after")?);
    let (before, after) = (quantity::per_second(before), quantity::per_second(after));
    Some(format!("requests {before} → {after}, {} times as many", quantity::number(ratio)))
}

fn memory(facts: &Facts<'_>) -> Option<String> {
    let ratio = facts.value("memory.ratio").filter(|ratio| *ratio > 1.5)?;
    let rise = facts.value("memory.delta").filter(|rise| *rise > 64.0)?;
    Some(format!("memory up by {} MiB, to {} times", quantity::number(rise), quantity::number(ratio)))
}

fn change(facts: &Facts<'_>, class: &str) -> Option<String> {
    let change = facts.change?;
    let seconds = facts.value("deploy.seconds_before_onset")?;
    let what = format!(
        "{} `{}` {} s before the onset",
        change.kind,
        quantity::short(&change.id),
        quantity::number(seconds)
    );
    let fits = matches!(class, "slow_code" | "error_burst" | "service_down" | "memory_growth");
    Some(if fits { what } else { format!("{what}, which does not explain this fault") })
}

fn error_logs(facts: &Facts<'_>) -> Option<String> {
    let (before, after) = (facts.value("error_logs.before")?, facts.value("error_logs.after")?);
    (after - before > 0.1).then(|| {
        let rates = format!("error logs {} → {}", quantity::per_second(before), quantity::per_second(after));
        match facts.new_template {
            Some(template) => format!("{rates}, new: `{}`", template.chars().take(120).collect::<String>()),
            None => rates,
        }
    })
}
