//! Which services a question names: as they are called, by a part of the name, by what people call them, or nearly.

use crate::nearest::edits;

use super::{
    sense::Sense,
    stem::stem,
    tokens::{Token, What},
};

/// Words for one kind of service, and a kind that some shops have in its place.
pub(super) struct Group {
    pub words: &'static [&'static str],
    pub near: &'static [&'static str],
}

/// What people call services. A service belongs to a group when a word of its name does.
pub(super) const GROUPS: &[Group] = &[
    group(&["order", "orders", "ordering", "订单", "下单"], &["checkout"]),
    group(&["payment", "payments", "pay", "billing", "支付", "付款", "收款"], &["checkout"]),
    group(&["inventory", "stock", "warehouse", "库存", "仓库", "仓储"], &["product", "catalog"]),
    group(&["cart", "carts", "basket", "shopping cart", "购物车"], &[]),
    group(
        &[
            "user",
            "users",
            "account",
            "accounts",
            "customer service",
            "profile service",
            "用户",
            "账户",
            "账号",
            "会员",
        ],
        &["auth"],
    ),
    group(&["gateway", "api gateway", "网关", "api网关", "入口网关"], &["frontend", "ingress", "proxy"]),
    group(&["checkout", "settlement", "结算", "结账"], &["order"]),
    group(
        &[
            "product",
            "products",
            "catalog",
            "catalogue",
            "goods",
            "item service",
            "商品",
            "产品",
            "目录",
            "商品目录",
        ],
        &[],
    ),
    group(
        &[
            "database",
            "db",
            "databases",
            "mysql",
            "postgres",
            "postgresql",
            "mariadb",
            "mongo",
            "mongodb",
            "datastore",
            "oracle",
            "数据库",
        ],
        &["redis", "cache"],
    ),
    group(&["cache", "redis", "memcached", "valkey", "缓存"], &[]),
    group(&["recommendation", "recommendations", "recommender", "推荐"], &[]),
    group(&["ad", "ads", "advertising", "advert", "广告"], &[]),
    group(&["email", "mail", "mailer", "邮件", "邮箱"], &["notification"]),
    group(&["shipping", "delivery", "logistics", "shipment", "物流", "配送", "运输", "发货"], &[]),
    group(
        &["frontend", "front end", "web", "website", "webui", "ui", "storefront", "前端", "网站", "页面"],
        &["gateway"],
    ),
    group(&["queue", "kafka", "rabbitmq", "mq", "message queue", "broker", "消息队列", "队列"], &[]),
    group(&["auth", "login", "authentication", "sso", "identity", "认证", "登录", "鉴权"], &["user"]),
    group(&["currency", "exchange", "货币", "汇率"], &[]),
    group(&["quote", "pricing", "price", "报价", "价格", "定价"], &[]),
    group(&["review", "reviews", "rating", "ratings", "comment", "comments", "评论", "评价"], &[]),
    group(&["notification", "notifications", "notify", "sms", "通知", "短信"], &["email"]),
    group(&["coupon", "promotion", "discount", "优惠券", "优惠", "促销"], &[]),
    group(&["proxy", "load balancer", "nginx", "envoy", "代理", "负载均衡"], &["gateway"]),
];

const fn group(words: &'static [&'static str], near: &'static [&'static str]) -> Group {
    Group { words, near }
}

/// Endings that say only that something is a service.
const SUFFIXES: [&str; 5] = ["service", "svc", "server", "app", "srv"];

/// What the names in a question came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Named {
    /// Services that exist, in the order of mention.
    pub services: Vec<String>,
    /// A name that several services answer to, and those.
    pub unclear: Option<(String, Vec<String>)>,
    /// A name that none answers to, and those that may stand in its place.
    pub unknown: Option<(String, Vec<String>)>,
}

/// Turns words into the services that they name, in place, and says which were named.
pub(super) fn name_services(tokens: &mut [Token], services: &[&str], text: &str) -> Named {
    let mut named = Named::default();
    if services.is_empty() {
        // Where no service is known, none can be said to be missing.
        return named;
    }
    let is_chinese = !text.is_ascii();
    for at in 0..tokens.len() {
        let is_slot = is_name_slot(tokens, at, text);
        let Some(token) = tokens.get_mut(at) else { break };
        let written = text.get(token.at.clone()).unwrap_or_default().trim_matches(['"', '`']).to_owned();
        let candidates = match &token.what {
            What::Service(index) => vec![*index],
            What::Name(group) => match of_parts(&written, services) {
                own if own.is_empty() => of_group(*group, services),
                own => own,
            },
            What::Word(word) => of_word(word, services),
            What::Quoted(word) if !word.contains(' ') => of_word(word, services),
            _ => continue,
        };
        match candidates.as_slice() {
            [index] => {
                token.what = What::Service(*index);
                let Some(name) = services.get(*index) else { continue };
                if !named.services.iter().any(|known| known == name) {
                    named.services.push((*name).to_owned());
                }
            }
            [] => {
                let near = match &token.what {
                    What::Name(group) => near_group(*group, services),
                    _ => Vec::new(),
                };
                let is_name = matches!(token.what, What::Name(_))
                    || is_slot
                    || (is_chinese && matches!(token.what, What::Word(_)));
                if is_name && named.unknown.is_none() {
                    named.unknown = Some((written, near));
                }
            }
            several => {
                let several =
                    several.iter().filter_map(|index| services.get(*index)).map(|name| (*name).to_owned());
                named.unclear.get_or_insert((written, several.collect()));
            }
        }
    }
    if named.unknown.is_none() {
        named.unknown = unknown_chinese(tokens).map(|name| (name, Vec::new()));
    }
    named
}

/// Returns the services that have a word of a group in their name. One that is called so and nothing else comes alone.
fn of_group(group: usize, services: &[&str]) -> Vec<usize> {
    let Some(group) = GROUPS.get(group) else { return Vec::new() };
    let words: Vec<String> = group.words.iter().map(|word| stem(word)).collect();
    sole(services, |parts| parts.iter().any(|part| words.contains(part)))
}

fn near_group(group: usize, services: &[&str]) -> Vec<String> {
    let near = GROUPS.get(group).map_or(&[][..], |group| group.near);
    let near: Vec<String> = near.iter().map(|word| stem(word)).collect();
    let found = services.iter().filter(|name| parts(name).iter().any(|part| near.contains(part)));
    found.map(|name| (*name).to_owned()).collect()
}

/// Returns the services that have all words of this name in theirs.
fn of_parts(name: &str, services: &[&str]) -> Vec<usize> {
    let stems = parts(name);
    match stems.is_empty() {
        true => Vec::new(),
        false => sole(services, |parts| stems.iter().all(|stem| parts.contains(stem))),
    }
}

/// Returns the services that a word may name: by a part of the name, else by the fewest slips.
fn of_word(word: &str, services: &[&str]) -> Vec<usize> {
    let by_parts = of_parts(word, services);
    if !by_parts.is_empty() || word.len() < 4 {
        return by_parts;
    }
    let core = core(word);
    let distance = |name: &str| {
        let whole = [(name.to_lowercase(), word), (self::core(name), core.as_str())];
        let pieces = name
            .split(['-', '_'])
            .filter(|piece| piece.len() > 4)
            .map(|piece| (piece.to_lowercase(), core.as_str()));
        whole
            .into_iter()
            .chain(pieces)
            .filter_map(|(name, word)| {
                let edits = edits_or_swap(word, &name);
                is_near(edits, word, &name).then_some(edits)
            })
            .min()
    };
    let near = services.iter().enumerate().filter_map(|(index, name)| Some((distance(name)?, index)));
    let near: Vec<_> = near.collect();
    let Some(least) = near.iter().map(|(edits, _)| *edits).min() else { return Vec::new() };
    near.into_iter().filter(|(edits, _)| *edits == least).map(|(_, index)| index).collect()
}

/// Tells whether so few slips make a word a name. Short names are like too many words, and few slips are in the first letter.
fn is_near(edits: usize, word: &str, name: &str) -> bool {
    let length = name.chars().count();
    let is_swapped = length == word.chars().count() && edits == 1 && {
        let sorted = |text: &str| {
            let mut chars: Vec<char> = text.chars().collect();
            chars.sort_unstable();
            chars
        };
        sorted(word) == sorted(name)
    };
    let same_start = word.chars().next() == name.chars().next();
    edits == 0 || (same_start && (is_swapped || (length >= 5 && edits * 4 <= length)))
}

/// Counts slips; two neighbours that changed places are one.
fn edits_or_swap(word: &str, name: &str) -> usize {
    let (mut word, name): (Vec<char>, Vec<char>) =
        (word.chars().take(64).collect(), name.chars().take(64).collect());
    let differs = word.iter().zip(&name).position(|(a, b)| a != b);
    let plain = edits(&word.iter().collect::<String>(), &name.iter().collect::<String>());
    let Some(at) = differs.filter(|at| at + 1 < word.len()) else { return plain };
    word.swap(at, at + 1);
    plain.min(1 + edits(&word.iter().collect::<String>(), &name.iter().collect::<String>()))
}

/// Returns the services whose name fits; when the whole name of one fits in one word, that one alone.
fn sole(services: &[&str], fits: impl Fn(&[String]) -> bool) -> Vec<usize> {
    let all: Vec<_> = services.iter().enumerate().filter(|(_, name)| fits(&parts(name))).collect();
    let whole: Vec<_> =
        all.iter().filter(|(_, name)| parts(name).len() == 1).map(|(index, _)| *index).collect();
    match whole.as_slice() {
        [_] => whole,
        _ => all.into_iter().map(|(index, _)| index).collect(),
    }
}

/// Returns the stems of the words in a name: `api-gateway` has two, `paymentservice` one.
fn parts(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let words =
        name.split(['-', '_', '.', ' ', '/']).filter(|word| !word.is_empty() && !SUFFIXES.contains(word));
    words.map(|word| stem(core(word).as_str())).collect()
}

/// Returns a name without an ending that only says that it is a service.
fn core(name: &str) -> String {
    let name = name.to_lowercase();
    let cut = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|rest| rest.len() >= 2);
    cut.unwrap_or(&name).trim_end_matches(['-', '_']).to_owned()
}

/// Words behind which, or before which, a name stands.
const BEFORE_NAMES: &[&str] = &[
    "of", "for", "is", "are", "does", "did", "do", "on", "about", "owns", "own", "calls", "service", "with",
    "between", "in", "compare", "when", "if", "from", "than", "by", "why", "call", "was", "has", "not", "be",
    "happened", "fix", "restart", "blame", "like",
];

/// Words that set something beside a service, which is then another.
const BESIDE_NAMES: [&str; 7] = ["and", "vs", "versus", "or", "with", "和", "与"];

/// What services have and do: before it stands a name.
const BEHIND_NAMES: [Sense; 15] = [
    Sense::Slow,
    Sense::Latency,
    Sense::Errors,
    Sense::Logs,
    Sense::Requests,
    Sense::Cpu,
    Sense::Memory,
    Sense::Owner,
    Sense::Depends,
    Sense::Health,
    Sense::Wrong,
    Sense::Connections,
    Sense::Trace,
    Sense::Metrics,
    Sense::Restart,
];

fn is_name_slot(tokens: &[Token], at: usize, text: &str) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let written = text.get(token.at.clone()).unwrap_or_default();
    let is_article = |word: &str| matches!(word, "the" | "a" | "an" | "my" | "our" | "to");
    let mut before = tokens.get(..at).unwrap_or_default().iter().rev();
    let before = before.find_map(|token| text.get(token.at.clone()).filter(|word| !is_article(word)));
    let before = before.and_then(|phrase| phrase.split(' ').rfind(|word| !is_article(word)));
    let two_before = at.checked_sub(2).and_then(|at| tokens.get(at));
    let is_beside = two_before.is_some_and(|token| matches!(token.what, What::Service(_)))
        && before.is_some_and(|word| BESIDE_NAMES.contains(&word));
    let is_service = |token: &Token| token.has(Sense::Service);
    let is_behind_name = |token: &Token| BEHIND_NAMES.iter().any(|sense| token.has(*sense));
    let mut behind = tokens.get(at + 1..).unwrap_or_default().iter();
    let next = behind.clone().next();
    // `services answer with a latency …`: what stands behind the word for all of them is what they do.
    let is_verb = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(is_service);
    is_beside
        || written.contains(['-', '_', '`', '"'])
        || before.is_some_and(|word| BEFORE_NAMES.contains(&word))
        || next.is_some_and(is_service)
        || (!is_verb && behind.find(|token| !token.is_filler()).is_some_and(is_behind_name))
}

/// Returns what may be the name of a service that is not here: the first word, or run of Chinese letters, that is not known.
/// Where a question is about one service and names none, nothing else in it can say which.
pub(super) fn strange_name(tokens: &[Token]) -> Option<String> {
    let word = tokens.iter().find_map(|token| match &token.what {
        What::Word(word) if word.len() > 2 && word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some(word.clone())
        }
        _ => None,
    });
    let letters = || {
        let is_strange = |token: &&Token| matches!(token.what, What::Han(_));
        let from = tokens.iter().position(|token| is_strange(&token))?;
        let run = tokens.get(from..)?.iter().take_while(is_strange);
        let name: String =
            run.filter_map(|token| if let What::Han(c) = token.what { Some(c) } else { None }).collect();
        (name.chars().count() > 1).then_some(name)
    };
    word.or_else(letters)
}

/// Returns what stands before 服务 and is no known word.
fn unknown_chinese(tokens: &[Token]) -> Option<String> {
    let at = tokens.iter().position(|token| token.has(Sense::Service))?;
    let before = tokens.get(..at)?.iter().rev();
    let mut name: Vec<char> = before
        .map_while(|token| match token.what {
            What::Han(c) => Some(c),
            _ => None,
        })
        .collect();
    name.reverse();
    (!name.is_empty()).then(|| name.into_iter().collect())
}

/// Tells whether a word is nearly the name of a service.
pub(super) fn is_like(word: &str, names: &[Vec<char>]) -> bool {
    let names: Vec<String> = names.iter().map(|name| name.iter().collect()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    !of_word(word, &names).is_empty()
}
