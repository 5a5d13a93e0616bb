//! Questions said back in Chinese.

use super::{
    super::{Ask, Bound, Kind, Measure, Order, Question, Side},
    length, plain, value,
};

impl Question {
    pub(super) fn told_zh(&self) -> String {
        let names = self.names("、", " 和 ");
        let of = if names.is_empty() { String::new() } else { format!("{names} 的") };
        let id = self.id.as_ref().map(|id| format!(" `{id}`")).unwrap_or_default();
        let kind = self.kind.map_or("pod", Kind::told);
        match self.ask {
            Ask::Unknown => String::new(),
            Ask::Help => "帮助".to_owned(),
            Ask::Act => format!("要求改动{names}{id}"),
            Ask::WhySo => "结论的依据".to_owned(),
            Ask::RuledOut => "排除了什么".to_owned(),
            Ask::NotThis => format!("是否不是 {names}"),
            Ask::Cause => "根因".to_owned(),
            Ask::Advice => format!("该怎么办{id}"),
            Ask::Impact => "影响了谁、有多严重".to_owned(),
            Ask::Past => "以前发生过吗".to_owned(),
            Ask::Forecast => format!("{of}{}预测", measure_zh(self.measure)),
            Ask::Knowledge => match &self.words {
                Some(words) => format!("关于“{words}”的文档"),
                None => format!("{of}文档"),
            },
            Ask::Trace => format!("链路{id}"),
            Ask::CriticalPath => format!("{of}请求时间花在哪"),
            Ask::TraceChanges => format!("{of}调用链的变化"),
            Ask::Traces => {
                let which = if self.failed { "失败请求的链路" } else { "慢请求" };
                match self.bounds.first() {
                    Some(bound) => format!("{of}耗时不低于 {}的{which}", value_zh(bound)),
                    None => format!("{of}{which}"),
                }
            }
            Ask::Diff => format!("{of}代码差异{id}"),
            Ask::Changes => format!("{of}变更"),
            Ask::Owner => format!("{of}负责人"),
            Ask::Dependencies => format!("{of}依赖关系"),
            Ask::Network => format!("{of}网络"),
            Ask::Connections => format!("{of}连接"),
            Ask::Profile => format!("{of} CPU 时间花在哪个函数"),
            Ask::Pods => format!("{of} {kind}{id}"),
            Ask::Describe => format!("{of} {kind}{id} 的详情"),
            Ask::ClusterDependencies => format!("{of} {kind}{id} 的依赖"),
            Ask::ClusterEvents => format!("{of}集群事件"),
            Ask::PodLogs => format!("{kind}{id} 的日志"),
            Ask::Restarts => match self.kind {
                Some(_) => format!("{of} {kind}{id} 重启"),
                None => format!("{of}{id} 重启"),
            },
            Ask::NewLogs => format!("{of}新日志"),
            Ask::FirstErrors => "最早的错误".to_owned(),
            Ask::LogPatterns => format!("{of}最常见的日志"),
            Ask::Logs => match &self.words {
                Some(words) => format!("{of}包含“{words}”的日志"),
                None => format!("{of}日志，错误和告警在上"),
            },
            Ask::Files => format!("{names} 打开的文件"),
            Ask::Processes => format!("{of}启动或退出的进程"),
            Ask::Attribution => {
                let group = self.group_by.map_or("维度", group_zh);
                format!("{of}{}集中在哪个{group}", measure_zh(self.measure.or(Some(Measure::Latency))))
            }
            Ask::Metrics => format!("{of}指标"),
            Ask::Compare => format!("{names} 与之前对比"),
            Ask::Services => self.services_zh(),
            Ask::Usage if !self.services.is_empty() => {
                format!("{of}{}使用情况", self.measure.map_or("资源", |measure| measure_zh(Some(measure))))
            }
            Ask::Usage => self.services_zh(),
            Ask::Rate => format!("{of}每秒请求数"),
            Ask::Why => match self.measure {
                Some(Measure::Latency) => format!("{names} 为什么慢"),
                Some(Measure::Errors) => format!("{names} 为什么报错"),
                _ => format!("{names} 为什么有问题"),
            },
            Ask::Health => format!(
                "{of}状态{}",
                if self.bounds.is_empty() {
                    String::new()
                } else {
                    format!("：{}", self.bounds_zh().trim_end_matches('的'))
                }
            ),
            Ask::Wrong => "有什么问题".to_owned(),
            Ask::Events => format!("{names} 发生了什么"),
        }
    }

    fn services_zh(&self) -> String {
        let measure = self.measure.unwrap_or(Measure::Latency);
        let n = self.top_n.map(|n| format!("{}个", few(n))).unwrap_or_default();
        let ordered = match self.order {
            Some(order) => format!(
                "{}{}的",
                use_zh(measure),
                match order {
                    Order::Most => "最高",
                    Order::Least => "最低",
                }
            ),
            None => String::new(),
        };
        let bounds = self.bounds_zh();
        if ordered.is_empty() && bounds.is_empty() {
            return match (self.ask, self.measure) {
                (Ask::Usage, Some(measure)) => format!("{n}服务的{}", use_zh(measure)).trim().to_owned(),
                (Ask::Usage, None) => "服务的资源使用情况".to_owned(),
                _ => format!("有哪些{n}服务"),
            };
        }
        format!("{bounds}{ordered}{n}服务").trim().to_owned()
    }

    fn bounds_zh(&self) -> String {
        let told = self.bounds.iter().map(|bound| {
            let side = match bound.side {
                Side::AtLeast => "不低于",
                Side::AtMost => "不高于",
            };
            let measure = match bound.measure {
                Measure::Latency => "99 分位延迟",
                measure => measure_zh(Some(measure)),
            };
            match bound.measure {
                Measure::Requests => format!("每秒{measure}{side} {}", value(bound, "").trim()),
                _ => format!("{measure}{side} {}", value_zh(bound)),
            }
        });
        let told = told.collect::<Vec<_>>().join("、");
        match told.chars().next_back() {
            None => told,
            Some(last) if last.is_ascii() => format!("{told} 的"),
            Some(_) => format!("{told}的"),
        }
    }
}

fn measure_zh(measure: Option<Measure>) -> &'static str {
    match measure {
        Some(Measure::Latency) => "延迟",
        Some(Measure::Errors) => "错误率",
        Some(Measure::Requests) => "请求数",
        Some(Measure::Cpu) => " CPU ",
        Some(Measure::Memory) => "内存",
        Some(Measure::Disk) => "磁盘",
        None => "资源",
    }
}

fn use_zh(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "CPU 占用",
        Measure::Memory => "内存占用",
        Measure::Disk => "磁盘使用率",
        measure => measure_zh(Some(measure)),
    }
}

fn group_zh(group: &str) -> &'static str {
    match group {
        "route" => "接口",
        "version" => "版本",
        "zone" => "可用区",
        "status code" => "状态码",
        "customer" => "客户",
        "pod" => "容器",
        "node" => "节点",
        _ => "实例",
    }
}

fn value_zh(bound: &Bound) -> String {
    value(bound, "").replace(" ms", " 毫秒").replace(" s", " 秒").replace(" cores", " 核")
}

pub(super) fn length_zh(ms: f64) -> String {
    if ms == 1_800e3 {
        return "半小时".to_owned();
    }
    let (n, unit) = length(ms);
    format!(" {} {}", plain(n), ["秒", "分钟", "小时", "天", "周"].get(unit).unwrap_or(&"秒"))
}

/// Writes small numbers out, as people do who ask for a few.
fn few(n: usize) -> String {
    let words = ["两", "三", "四", "五", "六", "七", "八", "九", "十"];
    n.checked_sub(2).and_then(|at| words.get(at)).map_or_else(|| format!(" {n} "), |word| (*word).to_owned())
}
