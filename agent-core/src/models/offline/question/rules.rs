//! What a question asks, by rules over what is said in it. The first rule that fits wins, so the narrow ones stand first.

use super::sense::Sense;
use Sense::*;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What can be asked.
    Help,
    /// That something be changed, which is not done here.
    Act,
    /// Why a finding says what it says.
    WhySo,
    /// What is not the cause.
    RuledOut,
    /// That a service is not the cause.
    NotThis,
    /// What the cause is.
    Cause,
    /// What to do.
    Advice,
    /// Who suffers, and how much.
    Impact,
    /// Whether it happened before.
    Past,
    /// When a limit will be reached.
    Forecast,
    /// What is written about it.
    Knowledge,
    /// One trace.
    Trace,
    /// Where the time of requests goes.
    CriticalPath,
    /// How requests are structured now and before.
    TraceChanges,
    /// Requests to look at.
    Traces,
    /// What a commit did.
    Diff,
    /// What was changed.
    Changes,
    /// Who answers for it.
    Owner,
    /// Who calls it and whom it calls.
    Dependencies,
    /// The network between services.
    Network,
    /// Connections of a service.
    Connections,
    /// Where the CPU time goes.
    Profile,
    /// Objects of a cluster.
    Pods,
    /// One object of a cluster.
    Describe,
    /// What an object of a cluster needs.
    ClusterDependencies,
    /// Events of a cluster.
    ClusterEvents,
    /// The log of one pod.
    PodLogs,
    /// What restarted.
    Restarts,
    /// Kinds of log lines that are new.
    NewLogs,
    /// Which error came first.
    FirstErrors,
    /// Kinds of log lines.
    LogPatterns,
    /// What was written to the log.
    Logs,
    /// Files that were used.
    Files,
    /// Processes that started and ended.
    Processes,
    /// Which part of the requests is hit.
    Attribution,
    /// Named metrics.
    Metrics,
    /// A service, now and before.
    Compare,
    /// Services within limits or in order.
    Services,
    /// CPU, memory, disk.
    Usage,
    /// Requests a second.
    Rate,
    /// Why a service is in trouble.
    Why,
    /// How a service is doing.
    Health,
    /// What is wrong anywhere.
    Wrong,
    /// What happened.
    Events,
    /// Not understood.
    Unknown,
}

impl Ask {
    /// Tells whether it is asked of one service, that of the incident when none is named.
    pub(super) fn is_of_one(self) -> bool {
        matches!(
            self,
            Self::NotThis
                | Self::Forecast
                | Self::CriticalPath
                | Self::TraceChanges
                | Self::Traces
                | Self::Owner
                | Self::Dependencies
                | Self::Connections
                | Self::Profile
                | Self::Logs
                | Self::Files
                | Self::Processes
                | Self::Attribution
                | Self::Compare
                | Self::Rate
                | Self::Why
                | Self::Health
        )
    }
}

/// One rule: of each group in `all`, one must be said; of `none`, nothing may be.
struct Rule {
    ask: Ask,
    all: &'static [&'static [Sense]],
    none: &'static [Sense],
}

const fn rule(ask: Ask, all: &'static [&'static [Sense]], none: &'static [Sense]) -> Rule {
    Rule { ask, all, none }
}

/// Words for what can be measured of requests.
const FELT: &[Sense] = &[Slow, Errors, ErrorRatio, Latency];
/// What asks for a number of all requests, or for services, and not for requests one by one.
const ONE_BY_ONE_NOT: &[Sense] = &[
    Service, Bounded, ErrorRatio, Why, Most, Least, Top, PerSecond, Latency, Version, Instance, Zone, Status,
    Caller, Breakdown, Changes, Compare, Cause,
];
/// The same, where what is asked of one service is how it does.
const WHOSE_NOT: &[Sense] = &[
    Service,
    Bounded,
    ErrorRatio,
    Why,
    Most,
    Least,
    Top,
    PerSecond,
    Latency,
    Version,
    Instance,
    Zone,
    Status,
    Caller,
    Breakdown,
    Changes,
    Compare,
    Cause,
    Named,
    NamedUnknown,
    It,
    Wrong,
    Health,
];
const DIMENSION: &[Sense] = &[Route, Version, Instance, Zone, Status, Caller, Breakdown];

const RULES: &[Rule] = &[
    // About the talk itself, and the finding.
    rule(Ask::Help, &[&[Help]], &[]),
    rule(Ask::Help, &[&[HelpAlone, Greeting], &[Alone]], &[]),
    rule(Ask::Act, &[&[Imperative]], &[]),
    rule(Ask::RuledOut, &[&[RuledOut]], &[]),
    rule(Ask::WhySo, &[&[WhySo]], &[NotThis, NotCause]),
    rule(Ask::NotThis, &[&[NotThis], &[Named, It, NamedUnknown, Cause]], &[]),
    rule(Ask::NotThis, &[&[NotCause]], &[]),
    rule(Ask::Impact, &[&[Impact]], &[Logs, Knowledge]),
    rule(Ask::Past, &[&[Past]], &[Changes, Logs]),
    rule(Ask::Knowledge, &[&[Knowledge]], &[Logs]),
    rule(Ask::Advice, &[&[Advice]], &[Logs, Which]),
    rule(Ask::Forecast, &[&[Forecast]], &[Logs, Trace, Changes]),
    // Things that have an id.
    rule(Ask::Trace, &[&[TraceId]], &[]),
    rule(Ask::Owner, &[&[Owner]], &[CommitId, Logs]),
    rule(Ask::Diff, &[&[CommitId]], &[]),
    rule(Ask::Profile, &[&[Profile]], &[Logs]),
    rule(Ask::Profile, &[&[Cpu], &[CriticalPath, Spent]], &[]),
    rule(Ask::Diff, &[&[Diff]], &[Logs, Trace, Latency, Memory]),
    rule(Ask::Diff, &[&[Files], &[Changes]], &[Which, Started]),
    // Clusters.
    rule(Ask::PodLogs, &[&[Pod], &[Logs], &[ObjectName]], &[]),
    rule(Ask::ClusterEvents, &[&[ClusterEvents]], &[]),
    rule(Ask::Describe, &[&[Describe], &[AnyKind]], &[]),
    rule(Ask::ClusterDependencies, &[&[AnyKind], &[Depends]], &[Service]),
    // Logs.
    rule(Ask::FirstErrors, &[&[First], &[Errors, Logs, Slow, Wrong]], &[]),
    rule(Ask::NewLogs, &[&[New], &[Logs, Errors]], &[]),
    rule(Ask::NewLogs, &[&[Logs], &[Compare, Changes, Diff]], &[]),
    rule(Ask::LogPatterns, &[&[Pattern], &[Logs, Errors]], &[]),
    rule(Ask::Logs, &[&[Logs]], &[]),
    rule(Ask::Logs, &[&[Contains], &[QuotedWords]], &[]),
    // Processes, files, clusters.
    rule(Ask::Processes, &[&[Processes], &[Started, Restart]], &[]),
    rule(Ask::Restarts, &[&[Restart]], &[Requests, Changes]),
    rule(Ask::Files, &[&[Files]], &[]),
    rule(Ask::Processes, &[&[Started], &[Named, It]], &[Why, Slow, Errors, Latency, Wrong, Changes]),
    rule(Ask::Changes, &[&[Deployment], &[Timed]], &[Which]),
    rule(Ask::Attribution, &[&[AnyKind], &[Slow, Latency, Errors, Requests], &[Which]], &[Trace]),
    rule(Ask::Pods, &[&[AnyKind]], &[Cpu, Memory, Disk, Usage, Network, Connections, Requests]),
    // Network and neighbours.
    rule(Ask::Connections, &[&[Connections]], &[]),
    rule(Ask::Network, &[&[Network]], &[]),
    rule(Ask::Dependencies, &[&[Depends]], &[Slow, Errors, Latency, PerSecond, Trace, Bounded, Most, Least]),
    // Requests, one by one.
    rule(Ask::TraceChanges, &[&[Trace], &[Compare, Changes]], &[]),
    rule(Ask::CriticalPath, &[&[CriticalPath]], &[]),
    rule(Ask::CriticalPath, &[&[Spent]], &[Memory]),
    rule(Ask::Traces, &[&[Trace]], &[]),
    rule(Ask::Traces, &[&[Requests], &[Bounded], &[Latency]], &[Service]),
    rule(Ask::Traces, &[&[Requests], &[Errors, Slow], &[List, Which, How]], ONE_BY_ONE_NOT),
    rule(Ask::Traces, &[&[Requests], &[Errors]], WHOSE_NOT),
    rule(Ask::Traces, &[&[ServerError]], WHOSE_NOT),
    // Requests, apart by what they have.
    rule(
        Ask::Attribution,
        &[DIMENSION, &[Slow, Errors, ErrorRatio, Latency, Requests, Wrong]],
        &[Changes, Bounded],
    ),
    rule(Ask::Attribution, &[&[Breakdown]], &[Changes]),
    rule(Ask::Metrics, &[&[Metrics]], &[Changes]),
    // Changes.
    rule(Ask::Compare, &[&[How, Compare], &[Changes], FELT], &[Which]),
    rule(Ask::Changes, &[&[Changes]], &[Bounded]),
    rule(Ask::Compare, &[&[Compare]], &[Bounded]),
    rule(Ask::Compare, &[&[Before], &[Named, It]], &[Bounded, Cause]),
    // Measures.
    rule(Ask::Usage, &[&[Cpu, Memory, Disk, Usage]], &[Why]),
    rule(Ask::Services, &[&[Bounded]], &[Named, NamedUnknown]),
    rule(Ask::Services, &[&[Most, Least, Top], &[Slow, Fast, Errors, Latency, Requests]], &[Named, Why]),
    rule(Ask::Services, &[&[Top], &[Service]], &[Named]),
    rule(Ask::Rate, &[&[Requests], &[Named, It, NamedUnknown]], &[Why, Slow, Errors, Latency, Bounded]),
    rule(
        Ask::Services,
        &[&[Which, List], &[Slow, Errors, ErrorRatio, Latency, Requests]],
        &[Named, Why, NamedUnknown],
    ),
    // Causes.
    rule(Ask::Why, &[&[Cause], &[Named, NamedUnknown]], &[]),
    rule(Ask::Cause, &[&[Cause]], &[]),
    rule(Ask::Why, &[&[Why], &[Named, NamedUnknown]], &[]),
    rule(Ask::Cause, &[&[Why]], &[]),
    // How things are.
    rule(Ask::Events, &[&[Happened], &[Named, NamedUnknown]], &[]),
    rule(
        Ask::Health,
        &[&[Health, Slow, Fast, Errors, Latency, Wrong, Bounded, Requests], &[Named, It, NamedUnknown]],
        &[],
    ),
    rule(Ask::Services, &[&[Errors, ErrorRatio, Latency, Requests]], &[]),
    rule(Ask::Wrong, &[&[Wrong, Happened, Health, Slow]], &[]),
    rule(Ask::Wrong, &[&[Started]], &[]),
    rule(Ask::Services, &[&[Service], &[List, Which, How, Alone, AllKnown]], &[Named]),
    rule(Ask::Health, &[&[Named], &[AllKnown]], &[]),
];

/// Returns what is asked where all of this is said.
pub(super) fn ask(signs: &[Sense]) -> Ask {
    let has = |sense: &Sense| signs.contains(sense);
    let fits =
        |rule: &&Rule| rule.all.iter().all(|group| group.iter().any(has)) && !rule.none.iter().any(has);
    RULES.iter().find(fits).map_or(Ask::Unknown, |rule| rule.ask)
}

/// The name of what requests ask for, as [`group_by`] returns it.
pub(crate) const ROUTE: &str = "route";

/// Returns by what requests are to be told apart; `None` when it is not said.
pub(super) fn group_by(signs: &[Sense]) -> Option<&'static str> {
    let dimensions = [
        (Route, ROUTE),
        (Version, "version"),
        (Zone, "zone"),
        (Status, "status code"),
        (Caller, "customer"),
        (Instance, "instance"),
        (Pod, "pod"),
        (Node, "node"),
    ];
    dimensions.into_iter().find(|(sense, _)| signs.contains(sense)).map(|(_, name)| name)
}
