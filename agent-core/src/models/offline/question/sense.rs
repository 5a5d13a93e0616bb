//! What a word can mean in a question.

use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

/// A meaning that the grammar knows. A word may have several: `slowest` is both `Slow` and `Most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Sense {
    /// Politeness, articles, particles: says nothing.
    Filler,
    /// What no telemetry answers: poems, the weather.
    OffTopic,
    /// An order to change something.
    Act,
    /// A greeting or thanks.
    Greeting,

    // How it is asked.
    Which,
    Why,
    How,
    List,
    Service,
    It,

    // What is asked about.
    Slow,
    Fast,
    Latency,
    Errors,
    /// Answers with a status from 500 on.
    ServerError,
    ErrorRatio,
    Requests,
    Cpu,
    Memory,
    Disk,
    Usage,
    Health,
    Wrong,
    Happened,
    Logs,
    Pattern,
    Trace,
    CriticalPath,
    Changes,
    Diff,
    Owner,
    Depends,
    Network,
    Connections,
    Profile,
    Spent,
    Pod,
    Node,
    Deployment,
    Job,
    Volume,
    Ingress,
    ConfigMap,
    Namespace,
    Restart,
    ClusterEvents,
    Describe,
    Processes,
    Started,
    Files,
    Metrics,
    Route,
    Version,
    Instance,
    Zone,
    Status,
    Caller,
    Breakdown,
    Forecast,
    Past,
    Knowledge,

    // About the finding.
    WhySo,
    RuledOut,
    NotThis,
    NotCause,
    Cause,
    Advice,
    Impact,
    Help,
    HelpAlone,

    // How much and when.
    Above,
    Below,
    Between,
    And,
    Not,
    Most,
    Least,
    Top,
    New,
    First,
    Compare,
    Before,
    PerSecond,
    PerMinute,
    Contains,
    Last,
    Next,
    Ago,
    Since,
    From,
    To,
    At,
    Recently,
    Yesterday,
    Today,

    // What the grammar sees in the whole question.
    /// A service is named.
    Named,
    /// A name stands there that no service has.
    NamedUnknown,
    /// A service is bounded by a number.
    Bounded,
    /// An id of a commit is given.
    CommitId,
    /// An id of a trace is given.
    TraceId,
    /// A kind of object in a cluster is named.
    AnyKind,
    /// A time is said.
    Timed,
    /// An object is named that is no service.
    ObjectName,
    /// Words stand in quotes.
    QuotedWords,
    /// It opens with an order to change something.
    Imperative,
    /// Nothing but this is said.
    Alone,
    /// Every word is known.
    AllKnown,
}

/// A kind of object in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pod,
    Node,
    Deployment,
    Job,
    Volume,
    Ingress,
    ConfigMap,
    Namespace,
}

impl Sense {
    /// Reads the name of a meaning, as the word list writes it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name: value::StrDeserializer<'_, value::Error> = name.into_deserializer();
        Self::deserialize(name).ok()
    }

    /// Returns the kind of object that it names.
    pub(super) fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Pod => Kind::Pod,
            Self::Node => Kind::Node,
            Self::Deployment => Kind::Deployment,
            Self::Job => Kind::Job,
            Self::Volume => Kind::Volume,
            Self::Ingress => Kind::Ingress,
            Self::ConfigMap => Kind::ConfigMap,
            Self::Namespace => Kind::Namespace,
            _ => return None,
        })
    }
}

impl Kind {
    /// Returns the name that tools take.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Deployment => "deployment",
            Self::Job => "job",
            Self::Volume => "persistentvolumeclaim",
            Self::Ingress => "ingress",
            Self::ConfigMap => "configmap",
            Self::Namespace => "namespace",
        }
    }

    /// Returns the name that people read; the grammar understands it.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            kind => kind.as_str(),
        }
    }
}
