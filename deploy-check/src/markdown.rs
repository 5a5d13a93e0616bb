//! The answer as a comment on a change.

use waggle_agent_core::{Language, finding::Verdict as Sureness};
use waggle_analysis::{
    deploy::{Outcome, Verdict},
    quantity,
};

use crate::{
    Investigated, Report, Suspect,
    report::{Note, Row},
    words::{change, endpoint, measure, quote, sentence, value, value_or_dash},
};

/// Rows of a table; what is left out is counted.
const MAX_ROWS: usize = 12;
/// Measures with too little data that are named.
const MAX_NAMED: usize = 6;

/// Writes the answer as Markdown: the verdict, what got worse, who may be to blame, what is new, what could not be told.
pub fn markdown(report: &Report, language: Language) -> String {
    let mut parts = vec![heading(report, language), summary(report, language)];
    let worse: Vec<&Row> = report.with_verdict(Verdict::Worse).collect();
    if !worse.is_empty() {
        parts.push(table(&worse, language));
    }
    parts.extend(report.investigated.as_ref().map(|it| investigated(it, language)));
    parts.extend(report.suspect.as_ref().map(|it| suspect(it, language)));
    let clues = clues(report, language);
    if !clues.is_empty() {
        let heading =
            language.pick("New in this version (decides nothing):", "新版本中的新现象（不影响结论）：");
        parts.push(format!("{heading}\n\n{}", clues.join("\n")));
    }
    parts.extend(too_little(report, language));
    parts.extend(report.notes.iter().map(|it| note(*it, language).to_owned()));
    parts.push(promise(report, language));
    format!("{}\n", parts.join("\n\n"))
}

fn heading(report: &Report, language: Language) -> String {
    let verdict = match (report.outcome, report.is_final) {
        (Outcome::Pass, _) => language.pick("pass", "通过"),
        (Outcome::Fail, _) => language.pick("fail", "不通过"),
        (Outcome::NotEnoughData, true) => language.pick("not enough data", "数据不足"),
        (Outcome::NotEnoughData, false) => language.pick("still watching", "观察中"),
    };
    let service = quote(&report.service);
    language.pick(
        format!("## Deploy check of `{service}`: {verdict}"),
        format!("## `{service}` 的部署检查：{verdict}"),
    )
}

fn summary(report: &Report, language: Language) -> String {
    let count = |verdict| report.with_verdict(verdict).count();
    let (worse, fine, open) = (count(Verdict::Worse), count(Verdict::NotWorse), count(Verdict::TooLittle));
    let (watched, warm_up) =
        (quantity::seconds(report.watched_s as f64), quantity::seconds(report.warm_up_s as f64));
    let (n_after, n_before) = (report.requests_after, report.requests_before);
    let old = if report.is_canary {
        language.pick("of the stable version beside it", "稳定版本同时")
    } else {
        language.pick("before", "部署前")
    };
    language.pick(
        format!(
            "{} measures: {worse} worse, {fine} not worse, {open} cannot be told. \
             Watched {watched} after {warm_up} of warm-up: {n_after} requests against {n_before} {old}.",
            report.measures.len()
        ),
        format!(
            "共 {} 项指标：{worse} 项变差，{fine} 项未变差，{open} 项尚无法判断。\
             预热 {warm_up} 后观察了 {watched}：{n_after} 个请求，{old} {n_before} 个。",
            report.measures.len()
        ),
    )
}

fn table(rows: &[&Row], language: Language) -> String {
    let mut lines = vec![
        language
            .pick(
                "| Endpoint | Measure | Before | After | Plausible | Change |",
                "| 接口 | 指标 | 之前 | 之后 | 可信范围 | 变化 |",
            )
            .to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().take(MAX_ROWS).map(|row| {
        format!(
            "| {} | {} | {} | {} | {} … {} | {} |",
            endpoint(row, language),
            measure(row.measure, language),
            value(row.measure, row.before),
            value_or_dash(row.measure, row.after),
            value_or_dash(row.measure, row.low),
            value_or_dash(row.measure, row.high),
            change(row, language)
        )
    }));
    let more = rows.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        lines.push(language.pick(format!("\nand {more} more"), format!("\n另有 {more} 项")));
    }
    lines.join("\n")
}

fn investigated(it: &Investigated, language: Language) -> String {
    let incident = quote(&it.incident);
    let sure = match it.verdict {
        Sureness::Confirmed => language.pick("confirmed", "已证实"),
        Sureness::Likely => language.pick("likely", "很可能"),
        Sureness::Inconclusive | Sureness::NoIncident => {
            return language.pick(
                format!("Investigated as `{incident}`: the evidence does not decide what did it."),
                format!("调查 `{incident}`：现有证据不足以判断原因。"),
            );
        }
    };
    let (class, service) = (quote(&it.fault_class), quote(&it.service));
    let mut text = language.pick(
        format!("Investigated as `{incident}`: {sure} `{class}` in `{service}`."),
        format!("调查 `{incident}`：{sure}是 `{service}` 的 `{class}`。"),
    );
    for because in &it.because {
        text.push_str(&format!("\n- `{}`", sentence(because)));
    }
    text
}

fn suspect(suspect: &Suspect, language: Language) -> String {
    let commit = quote(quantity::short(&suspect.commit));
    let mut text = language.pick(format!("Suspect: `{commit}`"), format!("嫌疑提交：`{commit}`"));
    if !suspect.title.is_empty() {
        text.push_str(&format!(" `{}`", quote(&suspect.title)));
    }
    let places: Vec<String> =
        suspect.places.iter().take(3).map(|it| format!("`{}:{}`", quote(&it.file), it.line)).collect();
    let functions: Vec<String> =
        suspect.functions.iter().take(3).map(|it| format!("`{}`", quote(it))).collect();
    let comma = language.pick(", ", "、");
    if !places.is_empty() {
        text.push_str(language.pick(" at ", "，位于 "));
        text.push_str(&places.join(comma));
    }
    if !functions.is_empty() {
        text.push_str(language.pick(" in ", "，函数 "));
        text.push_str(&functions.join(comma));
    }
    text.push_str(language.pick(".", "。"));
    text
}

fn clues(report: &Report, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    for it in &report.clues.functions {
        let place = it.location.as_ref().map(|at| format!(" ({})", quote(at))).unwrap_or_default();
        let (name, share) = (quote(&it.function), quantity::percent(it.share));
        let (old, new) = (quantity::ms(it.before_ms), quantity::ms(it.after_ms));
        lines.push(language.pick(
            format!("- CPU of `{name}`{place}: {old} → {new} per request, {share} of the growth"),
            format!("- `{name}`{place} 的 CPU：每请求 {old} → {new}，占增量的 {share}"),
        ));
    }
    for it in &report.clues.calls {
        let (name, old, new) = (quote(&it.call), quantity::number(it.before), quantity::number(it.after));
        lines.push(language.pick(
            format!("- calls of `{name}`: {old} → {new} per request"),
            format!("- 调用 `{name}`：每请求 {old} → {new} 次"),
        ));
    }
    for it in &report.clues.log_lines {
        let (name, n) = (quote(&it.template), it.count);
        lines.push(
            language.pick(format!("- log line `{name}`, {n} times"), format!("- 日志 `{name}`，{n} 次")),
        );
    }
    for it in &report.clues.endpoints {
        let name = quote(it);
        lines.push(language.pick(format!("- endpoint `{name}`"), format!("- 接口 `{name}`")));
    }
    lines
}

fn too_little(report: &Report, language: Language) -> Option<String> {
    let open: Vec<&Row> = report.with_verdict(Verdict::TooLittle).collect();
    if open.is_empty() && report.small_endpoints.is_empty() {
        return None;
    }
    let mut named: Vec<String> = open
        .iter()
        .take(MAX_NAMED)
        .map(|row| {
            let what = format!("{} {}", endpoint(row, language), measure(row.measure, language));
            match row.needed {
                Some(n) => language.pick(
                    format!("{what} (about {n} more requests)"),
                    format!("{what}（约需再有 {n} 个请求）"),
                ),
                None => language
                    .pick(format!("{what} (needs a longer baseline)"), format!("{what}（需要更长的基线）")),
            }
        })
        .collect();
    let more = open.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        named.push(language.pick(format!("{more} more"), format!("另外 {more} 项")));
    }
    let small = report.small_endpoints.len();
    if small > 0 {
        named.push(language.pick(
            format!("endpoints with hardly any traffic, which count in the whole only: {small}"),
            format!("流量极少、只计入总体的接口 {small} 个"),
        ));
    }
    let (comma, stop) = language.pick((", ", "."), ("、", "。"));
    let lead = language.pick("Too little data to tell: ", "数据不足，无法判断：");
    Some(format!("{lead}{}{stop}", named.join(comma)))
}

fn note(note: Note, language: Language) -> &'static str {
    match note {
        Note::NothingBefore => language
            .pick("There were no requests before: nothing can be compared.", "部署前没有请求，无从比较。"),
        Note::NothingAfter => {
            language.pick("There were no requests after the warm-up yet.", "预热之后还没有请求。")
        }
        Note::Thinned => language.pick(
            "There were more requests than are read; the newest of each block stand for it.",
            "请求过多，每个时间块只读取最新的一部分。",
        ),
        Note::CallsCut => language.pick(
            "There were more calls than are read; calls per request are not judged.",
            "调用过多，未判断每请求调用数。",
        ),
        Note::BeingInvestigated => {
            language.pick("The failure is still being investigated.", "仍在调查原因。")
        }
        Note::NotInvestigated => language.pick(
            "The failure could not be investigated; Waggle's log says why.",
            "未能调查原因，详见 Waggle 的日志。",
        ),
    }
}

fn promise(report: &Report, language: Language) -> String {
    let (alpha, beta) = (quantity::percent(report.alpha), quantity::percent(report.beta));
    language.pick(
        format!(
            "A deploy that changes nothing fails this check in at most {alpha} of cases, however often one looks; \
             a measure that is worse by its minimum is called not worse in at most {beta}."
        ),
        format!(
            "无论查看多少次，没有任何变化的部署被判不通过的概率不超过 {alpha}；\
             达到最小变差幅度的指标被判未变差的概率不超过 {beta}。"
        ),
    )
}
