//! What can be asked: as help, as the nearest thing to a question that was not understood, and as what to ask next.

use super::question::{Ask, Question, renamed, shared_words};
use crate::{Language, conversation::Answer, nearest::nearest};

/// One thing that can be asked: what it is, and an example in both languages. `{}` stands for a service.
struct Example {
    what: (&'static str, &'static str),
    question: (&'static str, &'static str),
}

const fn example(
    en: &'static str,
    zh: &'static str,
    question_en: &'static str,
    question_zh: &'static str,
) -> Example {
    Example { what: (en, zh), question: (question_en, question_zh) }
}

/// What can be asked, the common things first.
const EXAMPLES: &[Example] = &[
    example("why a service is in trouble", "服务为什么出问题", "Why is {} slow?", "{} 为什么慢？"),
    example("what changed", "变更", "What changed?", "有什么变更？"),
    example(
        "services above a bound",
        "超过阈值的服务",
        "services with error rate > 1%",
        "错误率大于 1% 的服务",
    ),
    example("what is wrong", "现在的问题", "What is wrong?", "现在有什么问题？"),
    example("a service's health", "服务状况", "How is {} doing?", "{} 怎么样？"),
    example("slow traces", "慢请求", "Show the slow traces of {}", "看看 {} 的慢请求"),
    example("logs", "日志", "Show the errors in the logs of {}", "看看 {} 的错误日志"),
    example("owners", "负责人", "Who owns {}?", "{} 谁负责？"),
    example("CPU and memory", "CPU 和内存", "Which service uses the most memory?", "哪个服务内存占用最高？"),
    example("dependencies", "依赖关系", "What does {} depend on?", "{} 依赖什么？"),
    example("connections and the network", "连接和网络", "connection stats for {}", "{} 的连接情况"),
    example("profiles", "性能剖析", "Where does the CPU time of {} go?", "{} 的 CPU 时间花在哪？"),
    example("the slowest services", "最慢的服务", "top 5 slowest services", "最慢的 5 个服务"),
    example("request rates", "请求量", "How many requests per second does {} get?", "{} 每秒多少请求？"),
    example("pods and restarts", "Pod 和重启", "Is any pod restarting?", "有 pod 重启吗？"),
    example("commits", "提交", "Show me the diff", "看看代码差异"),
    example("past incidents", "历史故障", "Has this happened before?", "以前发生过吗？"),
    example("forecasts", "预测", "forecast the memory of {}", "预测 {} 的内存"),
    example("runbooks", "手册", "is there a runbook for {}?", "有 {} 的手册吗？"),
    example("impact and advice", "影响和建议", "How bad is it?", "影响有多大？"),
];

/// Services that are named where one is missing.
const MAX_KNOWN: usize = 12;

/// Says what can be asked.
pub(super) fn help(language: Language, services: &[&str]) -> Answer {
    let follow_ups = [0, 3, 8]
        .into_iter()
        .filter_map(|at| EXAMPLES.get(at))
        .map(|example| asked(example, language, services));
    Answer { note: abilities(language), follow_ups: follow_ups.collect(), ..Answer::default() }
}

/// Says that it was not understood, what comes nearest, and what can be asked.
pub(super) fn not_understood(language: Language, question: &str, services: &[&str]) -> Answer {
    let score = |example: &Example| {
        let texts = [example.what, example.question].map(|(en, zh)| language.pick(en, zh));
        shared_words(question, &texts.join(" "), services)
    };
    let mut ranked: Vec<_> = EXAMPLES.iter().map(|example| (score(example), example)).collect();
    // The sort is stable: of equals, the common thing stays first.
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let near = ranked.first().filter(|(score, _)| *score > 0).map(|(_, example)| example.what);
    let near = near.map(|(en, zh)| {
        language.pick(format!(" The nearest that I can tell is: {en}."), format!("最接近的是：{zh}。"))
    });
    let sorry = language.pick("I did not understand that.", "这句我没听懂。");
    let note =
        format!("{sorry}{}{}{}", near.unwrap_or_default(), language.pick(" ", ""), abilities(language));
    let follow_ups = ranked.iter().take(3).map(|(_, example)| asked(example, language, services));
    Answer { note, follow_ups: follow_ups.collect(), ..Answer::default() }
}

/// Says that nothing is changed from here.
pub(super) fn reads_only(language: Language, services: &[&str]) -> Answer {
    let note = language.pick(
        "I only look: I restart, scale, roll back and delete nothing. A person decides.",
        "我只查看，不会重启、扩缩容、回滚或删除任何东西。由人来决定。",
    );
    let advice = language.pick("What should we do?", "该怎么办？").to_owned();
    let others = [0, 1]
        .into_iter()
        .filter_map(|at| EXAMPLES.get(at))
        .map(|example| asked(example, language, services));
    Answer {
        note: note.to_owned(),
        follow_ups: std::iter::once(advice).chain(others).collect(),
        ..Answer::default()
    }
}

/// Says that it was understood, and that there is nothing here that could tell.
pub(super) fn no_tool(language: Language, services: &[&str]) -> Answer {
    let note = language.pick("Nothing that I can ask here would tell that.", "这里没有能查到它的工具。");
    Answer { note: note.to_owned(), ..help(language, services) }
}

/// Asks back, with the same question about each service to choose from.
pub(super) fn which_service(language: Language, question: &str, services: &[&str]) -> Answer {
    let note = language.pick("Which service do you mean?", "你指的是哪个服务？").to_owned();
    let question = question.trim().trim_end_matches(['?', '？', '.', '。']);
    let follow_ups = services.iter().take(4).map(|name| format!("{question}: {name}")).collect();
    Answer { note, follow_ups, ..Answer::default() }
}

/// Asks back when a name fits several services or none, with the same question about those that may be meant.
pub(super) fn which_is_meant(
    language: Language,
    asked: &str,
    question: &Question,
    services: &[&str],
) -> Option<Answer> {
    let told = |candidates: &[String], name: &str| {
        candidates.iter().take(4).map(|candidate| renamed(asked, name, candidate)).collect::<Vec<_>>()
    };
    if let Some((name, candidates)) = &question.unclear {
        return Some(Answer {
            understood: language.pick(
                format!("a question about `{name}`, which several services may be"),
                format!("关于“{name}”的问题，有多个服务符合"),
            ),
            note: language.pick("Which service do you mean?", "你指的是哪个服务？").to_owned(),
            follow_ups: told(candidates, name),
            ..Answer::default()
        });
    }
    let (name, near) = question.unknown.as_ref()?;
    let like = nearest(name, services).map(str::to_owned);
    let mut candidates: Vec<String> = near.iter().cloned().chain(like.clone()).collect();
    if candidates.is_empty() {
        candidates.extend(services.iter().take(4).map(|name| (*name).to_owned()));
    }
    candidates.dedup();
    candidates.retain(|name| !question.services.contains(name));
    // The nearest stand first, so that they are seen in a long list.
    let mut known: Vec<&str> = near.iter().map(String::as_str).chain(like.as_deref()).collect();
    known.extend(services.iter().filter(|name| !near.iter().any(|near| near == *name)));
    let mut seen = std::collections::BTreeSet::new();
    known.retain(|name| seen.insert(*name));
    let more = if known.len() > MAX_KNOWN { ", …" } else { "" };
    known.truncate(MAX_KNOWN);
    let known = known.join(", ");
    let note = language.pick(
        format!("No service is called `{name}`; I know: {known}{more}."),
        format!("没有叫“{name}”的服务。已知的服务：{known}{more}。"),
    );
    Some(Answer {
        understood: language.pick(
            format!("a question about `{name}`, which is no service here"),
            format!("关于“{name}”的问题，这里没有这个服务"),
        ),
        note,
        follow_ups: told(&candidates, name),
        ..Answer::default()
    })
}

/// Proposes what to ask next: what people look at after that, about the same service, or the one that the answer begins with.
pub(super) fn next_questions(
    language: Language,
    question: &Question,
    about: Option<&str>,
    services: &[&str],
) -> Vec<String> {
    let next: &[usize] = match question.ask {
        Ask::Why | Ask::Compare | Ask::NotThis => &[11, 6, 7],
        Ask::Health | Ask::Rate => &[5, 1, 9],
        Ask::Services | Ask::Usage => &[0, 1],
        Ask::Changes => &[15, 7],
        Ask::Diff => &[7, 16],
        Ask::Wrong | Ask::Cause | Ask::Events => &[1, 19],
        Ask::Logs | Ask::NewLogs | Ask::FirstErrors | Ask::LogPatterns => &[0, 1],
        Ask::Traces | Ask::Trace | Ask::CriticalPath => &[11, 1],
        _ => &[],
    };
    let named = question.services.first().map(String::as_str).or(about);
    let about: Vec<&str> = named.into_iter().chain(services.iter().copied()).collect();
    next.iter().filter_map(|at| EXAMPLES.get(*at)).map(|example| asked(example, language, &about)).collect()
}

fn abilities(language: Language) -> String {
    let all: Vec<_> = EXAMPLES.iter().map(|Example { what: (en, zh), .. }| language.pick(*en, *zh)).collect();
    language
        .pick(format!("I can answer about: {}.", all.join(", ")), format!("我能回答：{}。", all.join("、")))
}

fn asked(example: &Example, language: Language, services: &[&str]) -> String {
    let (en, zh) = example.question;
    let service = services.first().copied().unwrap_or(language.pick("the service", "该服务"));
    language.pick(en, zh).replace("{}", service)
}
