//! A past incident in a sentence: seen before, like one of before but, or perhaps like one.

use waggle_agent_core::{
    Language,
    finding::{Action, Verdict},
    past_case::Outcome,
};

use crate::{
    past_incidents::{Cause, PastRow},
    past_recheck::{Check, Claim},
};

/// Differences that are told.
const MAX_DIFFERENCES: usize = 4;

impl PastRow {
    /// Says what it was, what people thought of it, whether it holds today and what differs.
    pub(crate) fn sentence(&self, language: Language) -> String {
        let Self { id, similarity_percent, .. } = self;
        let ago = self.ago(language);
        let lead = match self.outcome() {
            Outcome::Holds => language.pick("seen before", "以前出现过"),
            Outcome::DoesNotHold => language
                .pick("looks like one of before, but is not shown to be", "看似以前的事件，但数据不支持"),
            Outcome::CannotBeChecked => language.pick("perhaps like one of before", "可能与以前的事件相似"),
        };
        let told =
            [self.found(language), self.done(language), self.rated(language), self.corrected(language)];
        let told: String = told.concat();
        let held = self.held(language);
        let differs = self.differs(language);
        language.pick(
            format!("{lead}: `{id}`, {ago} and {similarity_percent}% alike, was {told}{held}{differs}"),
            format!("{lead}：{ago}的 `{id}`（相似度 {similarity_percent}%）{told}{held}{differs}"),
        )
    }

    fn ago(&self, language: Language) -> String {
        match self.age_days {
            days if days < 1.0 => language.pick("within a day", "一天之内").to_owned(),
            days if days < 2.0 => language.pick("a day ago", "一天前").to_owned(),
            days => language.pick(format!("{days} days ago"), format!("{days} 天前")),
        }
    }

    fn found(&self, language: Language) -> String {
        let causes = self.causes.iter().map(|Cause { service, fault_class, .. }| {
            language.pick(format!("`{fault_class}` of {service}"), format!("{service} 的 `{fault_class}`"))
        });
        let causes = causes.collect::<Vec<_>>().join(language.pick(", ", "、"));
        match (self.verdict, causes.is_empty()) {
            (Verdict::NoIncident, _) => language.pick("found to be nothing", "结论为没有故障").to_owned(),
            (_, true) => language.pick("not explained", "没有查明原因").to_owned(),
            (verdict, false) => {
                let verdict = verdict.as_str();
                language.pick(
                    format!("found to be {causes} (`{verdict}`)"),
                    format!("结论（`{verdict}`）：{causes}"),
                )
            }
        }
    }

    fn done(&self, language: Language) -> String {
        match action_word(self.action) {
            "none" => String::new(),
            action => language.pick(format!("; advised was `{action}`"), format!("；当时建议 `{action}`")),
        }
    }

    fn rated(&self, language: Language) -> String {
        match (self.n_helpful, self.n_unhelpful) {
            (0, 0) => String::new(),
            (helpful, unhelpful) => language.pick(
                format!("; rated helpful by {helpful}, unhelpful by {unhelpful}"),
                format!("；{helpful} 人评为有用，{unhelpful} 人评为无用"),
            ),
        }
    }

    fn corrected(&self, language: Language) -> String {
        let said = &self.correction;
        if said.is_empty() {
            return String::new();
        }
        language.pick(format!("; a person said that it was `{said}`"), format!("；有人更正为 `{said}`"))
    }

    /// Says what came of holding its cause against today, with the numbers that decide.
    fn held(&self, language: Language) -> String {
        let Some(recheck) = &self.recheck else { return String::new() };
        let outcome = match recheck.outcome {
            Outcome::Holds => language.pick("its cause shows today", "当时的原因今天也能看到"),
            Outcome::DoesNotHold => {
                language.pick("its cause does not show today", "今天的数据里看不到当时的原因")
            }
            Outcome::CannotBeChecked => {
                language.pick("whether its cause shows today cannot be checked", "当时的原因今天无法核对")
            }
        };
        let deciding = recheck.checks.iter().filter(|check| check.outcome == recheck.outcome);
        let reasons: Vec<String> = deciding.filter_map(|check| reason(check, language)).collect();
        let reasons = match reasons.is_empty() {
            true => String::new(),
            false => {
                let reasons = reasons.join(language.pick("; ", "；"));
                language.pick(format!(" ({reasons})"), format!("（{reasons}）"))
            }
        };
        language.pick(format!("; {outcome}{reasons}"), format!("；{outcome}{reasons}"))
    }

    fn differs(&self, language: Language) -> String {
        let told = self.differences.iter().take(MAX_DIFFERENCES);
        let differs = told.map(|difference| difference.sentence(language)).collect::<Vec<_>>();
        let differs = differs.join(language.pick("; ", "；"));
        match differs.is_empty() {
            true => String::new(),
            false => {
                language.pick(format!("; different today: {differs}"), format!("；今天不同的是：{differs}"))
            }
        }
    }
}

fn reason(check: &Check, language: Language) -> Option<String> {
    let numbers = &check.numbers;
    match (check.claim, numbers.is_empty()) {
        (Claim::Change, true) => Some(language.pick("no change went live", "没有变更上线").to_owned()),
        (_, true) => None,
        (Claim::FaultClass, false) => Some(numbers.clone()),
        (Claim::Said, false) => {
            Some(language.pick(format!("{numbers} texts say so"), format!("{numbers} 条文本这么说")))
        }
        (Claim::Objects, false) => {
            Some(language.pick(format!("{numbers} objects show it"), format!("{numbers} 个对象显示")))
        }
        (Claim::Signs, false) => {
            Some(language.pick(format!("signs again: {numbers}"), format!("再次出现的迹象：{numbers}")))
        }
        (Claim::Change, false) => {
            Some(language.pick(format!("change of {numbers}"), format!("变更：{numbers}")))
        }
    }
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::Rollback => "rollback",
        Action::RollForward => "roll_forward",
        Action::ConfigRevert => "config_revert",
        Action::Scale => "scale",
        Action::Failover => "failover",
        Action::RotateCertificate => "rotate_certificate",
        Action::DisableFlag => "disable_flag",
        Action::FixData => "fix_data",
        Action::Restart => "restart",
        Action::None => "none",
    }
}
