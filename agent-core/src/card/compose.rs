//! From a finding to its card.

use crate::{
    Evidence, Finding, Incident, Language,
    blamed_code::BlamedCode,
    card::{Card, CardHunk, Line, Section, SectionKind, Step},
    finding::{Action, Remediation, Verdict},
    inert::inert,
};

/// The most lines of a hunk on a card; the rest is behind the evidence.
const MAX_HUNK_LINES: usize = 24;

/// Makes the card that is shown while the work goes on.
pub fn card_of_progress(incident: &Incident, steps: Vec<Step>, elapsed_ms: u64, language: Language) -> Card {
    inert_card(Card {
        title: incident.title.clone(),
        done: false,
        verdict: None,
        confidence: 0.0,
        sections: Vec::new(),
        hunk: None,
        mentions: Vec::new(),
        buttons: Vec::new(),
        steps,
        elapsed_ms,
        language,
    })
}

/// Makes the card of a finding. Everything on it is in the finding or in the evidence, and nothing in it acts.
pub fn card_of_finding(
    incident: &Incident,
    finding: &Finding,
    evidence: &[Evidence],
    steps: Vec<Step>,
    elapsed_ms: u64,
    language: Language,
) -> Card {
    let sections = [
        (SectionKind::Symptom, language.pick("Symptom", "现象"), symptom(finding)),
        (SectionKind::Cause, language.pick("Cause", "原因"), causes(finding)),
        (SectionKind::Path, language.pick("Path", "传播路径"), path(finding)),
        (SectionKind::RuledOut, language.pick("Ruled out", "已排除"), ruled_out(finding)),
        (SectionKind::Do, language.pick("Do", "处置"), remedy(finding, language)),
        (SectionKind::SeenBefore, language.pick("Of before", "历史事件"), seen_before(finding)),
        (SectionKind::Missing, language.pick("Missing data", "缺少的数据"), missing(finding)),
    ];
    let sections = sections.into_iter().filter(|(_, _, lines)| !lines.is_empty());
    inert_card(Card {
        title: title(incident, finding, language),
        done: true,
        verdict: Some(finding.verdict),
        confidence: finding.confidence,
        sections: sections
            .map(|(kind, heading, lines)| Section { kind, heading: heading.to_owned(), lines })
            .collect(),
        hunk: hunk(finding, evidence),
        mentions: finding.owners.iter().map(|owner| format!("{} — {}", owner.name, owner.rule)).collect(),
        buttons: finding.follow_ups.clone(),
        steps,
        elapsed_ms,
        language,
    })
}

/// Takes from every text on a card whatever a client would act on: parts of each may be from outside.
fn inert_card(mut card: Card) -> Card {
    let lines = card.sections.iter_mut().flat_map(|section| &mut section.lines).map(|line| &mut line.text);
    let hunk = card.hunk.iter_mut().flat_map(|hunk| {
        let CardHunk { commit, summary, author, path, lines, .. } = hunk;
        [commit, summary, author, path].into_iter().chain(lines)
    });
    let steps = card.steps.iter_mut().flat_map(|step| [&mut step.tool, &mut step.text]);
    let said = std::iter::once(&mut card.title).chain(&mut card.mentions).chain(&mut card.buttons);
    lines.chain(hunk).chain(steps).chain(said).for_each(|text| *text = inert(text));
    card
}

fn title(incident: &Incident, finding: &Finding, language: Language) -> String {
    match finding.verdict {
        Verdict::NoIncident => language.pick("Nothing is wrong", "没有异常").to_owned(),
        Verdict::Inconclusive => incident.title.clone(),
        Verdict::Confirmed | Verdict::Likely => finding.root_causes.first().map_or_else(
            || incident.title.clone(),
            |cause| format!("{}: {}", cause.service, cause.fault_class.replace('_', " ")),
        ),
    }
}

fn line(text: impl Into<String>) -> Line {
    Line { text: text.into(), evidence: Vec::new() }
}

fn symptom(finding: &Finding) -> Vec<Line> {
    if finding.symptom.text.is_empty() { Vec::new() } else { vec![line(&finding.symptom.text)] }
}

fn causes(finding: &Finding) -> Vec<Line> {
    let claims = finding.root_causes.iter().take(1).flat_map(|cause| &cause.claims);
    claims.map(|claim| Line { text: claim.text.clone(), evidence: claim.evidence.clone() }).collect()
}

/// One line for each unbroken way, from the symptom to the cause.
fn path(finding: &Finding) -> Vec<Line> {
    let mut ways: Vec<Vec<&str>> = Vec::new();
    for hop in &finding.propagation {
        match ways.last_mut() {
            Some(way) if way.last() == Some(&hop.from.as_str()) => way.push(&hop.to),
            _ => ways.push(vec![&hop.from, &hop.to]),
        }
    }
    ways.iter_mut().for_each(|way| way.reverse());
    ways.into_iter().map(|way| line(way.join(" → "))).collect()
}

fn ruled_out(finding: &Finding) -> Vec<Line> {
    let lines = finding.ruled_out.iter();
    lines
        .map(|out| Line { text: format!("{}: {}", out.suspect, out.reason), evidence: out.evidence.clone() })
        .collect()
}

fn remedy(finding: &Finding, language: Language) -> Vec<Line> {
    let Remediation { action, text } = &finding.remediation;
    let text = match (action, text.as_str()) {
        (Action::None, "") => return Vec::new(),
        (action, "") => action_in_words(*action, language),
        (_, text) => text,
    };
    let asks = language.pick("a person decides", "由人决定");
    vec![line(format!("{text} ({asks})"))]
}

fn action_in_words(action: Action, language: Language) -> &'static str {
    let (en, zh) = match action {
        Action::Rollback => ("roll back", "回滚"),
        Action::RollForward => ("ship a fix", "发布修复"),
        Action::ConfigRevert => ("undo the configuration change", "撤销配置变更"),
        Action::Scale => ("add or move capacity", "扩容或迁移"),
        Action::Failover => ("switch to a healthy copy", "切换到健康副本"),
        Action::RotateCertificate => ("replace the certificate or credential", "更换证书或凭据"),
        Action::DisableFlag => ("switch the flag off", "关闭开关"),
        Action::FixData => ("repair the data", "修复数据"),
        Action::Restart => ("restart it", "重启"),
        Action::None => ("nothing", "无需操作"),
    };
    language.pick(en, zh)
}

fn seen_before(finding: &Finding) -> Vec<Line> {
    let seen = finding.seen_before.iter();
    seen.map(|seen| Line { text: seen.text.clone(), evidence: vec![seen.evidence] }).collect()
}

fn missing(finding: &Finding) -> Vec<Line> {
    finding.missing_data.iter().map(line).collect()
}

/// Finds the changed place to show of the blamed commit.
fn hunk(finding: &Finding, evidence: &[Evidence]) -> Option<CardHunk> {
    let blamed = BlamedCode::of(finding, evidence)?;
    let (file, hunk) = blamed.hunk()?;
    Some(CardHunk {
        commit: blamed.commit.id.clone(),
        summary: blamed.commit.summary.clone(),
        author: blamed.commit.author.clone(),
        path: file.path.clone(),
        line: hunk.new_start,
        lines: hunk.lines.iter().take(MAX_HUNK_LINES).cloned().collect(),
        evidence: blamed.evidence,
    })
}
