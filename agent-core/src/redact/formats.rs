//! Keys and tokens that are known by how their issuers write them. Each with where that is said; where nothing is linked, the
//! issuer's own console shows the form.

use regex::Captures;

use super::{rule::Rule, shape};

/// A form that an issuer gives to what it issues.
struct Format {
    name: &'static str,
    /// What it begins with, as a pattern; at the beginning of a word.
    begins: &'static str,
    /// The rest.
    goes_on: &'static str,
    /// What is looked for first, where the beginning is like much else.
    sign: Option<&'static str>,
}

const fn format(name: &'static str, begins: &'static str, goes_on: &'static str) -> Format {
    Format { name, begins, goes_on, sign: None }
}

const fn format_with(
    name: &'static str,
    sign: &'static str,
    begins: &'static str,
    goes_on: &'static str,
) -> Format {
    Format { name, begins, goes_on, sign: Some(sign) }
}

const FORMATS: &[Format] = &[
    // Clouds.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    format("aws_access_key_id", "(?:AKIA|ASIA|ABIA|ACCA)", "[0-9A-Z]{16}"),
    format("aws_session_token", "(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)", "[A-Za-z0-9+/=]{60,}"),
    // https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
    format("aws_bedrock", "(?:ABSK|bedrock-api-key-)", "[A-Za-z0-9+/=]{60,}"),
    // https://cloud.google.com/docs/authentication/api-keys
    format("google_api_key", "AIza", "[0-9A-Za-z_-]{35}"),
    format("google_oauth", r"(?:ya29\.|GOCSPX-|1//0)", "[0-9A-Za-z_-]{20,}"),
    // https://learn.microsoft.com/purview/sit-defn-azure-ad-client-secret: three characters, a digit, `Q~`, and 31 to 34.
    format_with("azure_client_secret", r"[0-9]Q~", r"[A-Za-z0-9_~.]{3}[0-9]Q~", r"[A-Za-z0-9_~.-]{31,34}"),
    // https://help.aliyun.com/document_detail/116401.html
    format("alibaba_access_key_id", "LTAI", "[A-Za-z0-9]{12,30}"),
    // https://cloud.tencent.com/document/product/598/40488
    format("tencent_secret_id", "AKID", "[A-Za-z0-9]{28,36}"),
    // https://cloud.baidu.com/doc/Reference/s/Njwvz1wot, https://www.volcengine.com/docs/6291/65568
    format("baidu_key", "(?:bce-v3/)?ALTAK", "[A-Za-z0-9-]{10,}(?:/[0-9a-f]{32,})?"),
    format("volcengine_access_key", "AKLT", "[A-Za-z0-9_-]{20,}=*"),
    // https://docs.digitalocean.com/reference/api/create-personal-access-token/
    format("digitalocean", "do[opr]_v1_", "[a-f0-9]{64}"),
    // https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/
    format("cloudflare_origin_ca", r"v1\.0-", "[a-f0-9]{24}-[a-f0-9]{146}"),
    format("cloudflare_token", "cf(?:ut|at|k)_", "[A-Za-z0-9_-]{40,}"),
    // https://devcenter.heroku.com/articles/authentication
    format("heroku", "HRKU-", "[A-Za-z0-9_-]{30,}"),
    format("fly", r"(?:FlyV1 fm\d_|fm[12][a-z]?_|fo1_)", "[A-Za-z0-9+/=_,-]{20,}"),
    format("netlify", "nf[pcou]_", "[A-Za-z0-9]{30,}"),
    format("planetscale", "pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_.-]{30,}"),
    format("supabase", "sb(?:p_|_secret_)", "[A-Za-z0-9_]{20,}"),
    format("scaleway_access_key", "SCW", "[A-Z0-9]{17}"),
    // Code hosts and registries.
    // https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
    format("github_token", "gh[pousr]_", "[A-Za-z0-9]{36,}"),
    format("github_fine_grained", "github_pat_", "[A-Za-z0-9_]{22,}"),
    // https://docs.gitlab.com/security/tokens/#token-prefixes
    format(
        "gitlab_token",
        "gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|imt|agent|oas|ffct)-",
        r"[A-Za-z0-9_.=-]{20,}",
    ),
    format("gitlab_runner", "GR1348941", "[A-Za-z0-9_-]{20,}"),
    // https://support.atlassian.com/organization-administration/docs/understand-user-api-tokens/
    format("atlassian", "(?:ATATT3|ATCTT3|ATBB|ATSTT)", "[A-Za-z0-9_=-]{24,}"),
    format("npm", "npm_", "[A-Za-z0-9]{36}"),
    // https://pypi.org/help/#apitoken: a macaroon.
    format("pypi", "pypi-", "[A-Za-z0-9_-]{50,}"),
    // https://docs.docker.com/security/access-tokens/
    format("docker_hub", "dckr_[op]at_", "[A-Za-z0-9_-]{20,}"),
    format("rubygems", "rubygems_", "[a-f0-9]{48}"),
    format_with("crates_io", r"(?-u:\b)cio[A-Za-z0-9]{8}", "cio", "[A-Za-z0-9]{32}"),
    format_with("nuget", r"(?-u:\b)oy2[a-z0-9]{8}", "oy2", "[a-z0-9]{43}"),
    format("artifactory", "(?:AKCp|cmVmdGtu)", "[A-Za-z0-9]{50,}"),
    format("sonarqube", "sq[upa]_", "[a-f0-9]{40}"),
    // Chat and messages.
    // https://api.slack.com/concepts/token-types
    format("slack_token", r"(?:xox[abeoprs](?:\.xox[bp])?-|xapp-)", "[A-Za-z0-9-]{10,}"),
    // https://core.telegram.org/bots/api#authorizing-your-bot
    format_with("telegram_bot", r"[0-9]:A[A-Za-z0-9_-]{8}", r"(?:bot)?\d{8,10}:A", "[A-Za-z0-9_-]{34}"),
    // https://discord.com/developers/docs/reference#authentication: id, time and code.
    format_with(
        "discord_bot",
        r"\.[A-Za-z0-9_-]{6}\.",
        "[MNO][A-Za-z0-9_-]{23,27}",
        r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    ),
    // https://open.dingtalk.com/document/robots/customize-robot-security-settings
    format("dingtalk_sign", "SEC", "[0-9a-f]{64}"),
    // https://open.feishu.cn/document/server-docs/authentication-management/access-token
    format_with(
        "feishu_token",
        r"(?-u:\b)[tu]-[a-z0-9]{8}",
        "[tu]-(?:g10|7f1|[a-z0-9]{3})",
        "[A-Za-z0-9_.-]{30,}",
    ),
    // https://www.twilio.com/docs/glossary/what-is-an-api-key
    format_with("twilio_key", r"(?-u:\b)SK[0-9a-f]{8}", "SK", "[0-9a-f]{32}"),
    // https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
    format("sendgrid", r"SG\.", r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    format("mailgun", "key-", "[0-9a-f]{32}"),
    format_with("mailchimp", r"[0-9a-f]-us[0-9]", "[0-9a-f]{32}-us", "[0-9]{1,2}"),
    // Models.
    // https://platform.openai.com/docs/api-reference/authentication, https://docs.anthropic.com/en/api/overview, DeepSeek, Moonshot
    // and others take the same two letters.
    format_with("model_key", r"(?-u:\b)sk-[A-Za-z0-9_-]{8}", "sk-", "[A-Za-z0-9_-]{20,}"),
    format("hugging_face", "(?:hf_|api_org_)", "[A-Za-z0-9]{30,}"),
    format("groq", "gsk_", "[A-Za-z0-9]{40,}"),
    format("xai", "xai-", "[A-Za-z0-9]{40,}"),
    format("replicate", "r8_", "[A-Za-z0-9]{37}"),
    format("perplexity", "pplx-", "[A-Za-z0-9]{40,}"),
    // https://open.bigmodel.cn/dev/api/http-call/http-auth: an id and a secret.
    format_with("zhipu", r"[0-9a-f]{8}\.[A-Za-z0-9]{8}", r"[0-9a-f]{32}\.", "[A-Za-z0-9]{16}"),
    // Money and shops. https://docs.stripe.com/keys
    format("stripe", "(?:[rs]k_(?:live|test)_|whsec_)", "[A-Za-z0-9+/=]{16,}"),
    format("square", "(?:sq0(?:atp|csp)-|EAAA)", "[A-Za-z0-9_-]{22,}"),
    format("shopify", "shp(?:at|ca|pa|ss)_", "[a-fA-F0-9]{32}"),
    // Operations.
    // https://developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes
    format("vault", r"hv[sbr]\.", "[A-Za-z0-9_-]{20,}"),
    format_with("vault_old", r"(?-u:\b)[sbr]\.[A-Za-z0-9]{8}", r"[sbr]\.", "[A-Za-z0-9]{24}"),
    format_with("terraform_cloud", r"\.atlasv1\.", r"[A-Za-z0-9]{14}\.atlasv1\.", "[A-Za-z0-9_-]{60,}"),
    format("databricks", "dapi", "[a-f0-9]{32}(?:-[0-9])?"),
    // https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/
    format("new_relic", "NR(?:AK|II|IQ|RA|JS|AA)-", "[A-Za-z0-9_-]{19,}"),
    format_with("new_relic_license", r"[a-f0-9]NRAL", "[a-f0-9]{36}", "NRAL"),
    // https://grafana.com/docs/grafana/latest/administration/service-accounts/
    format("grafana", "(?:glsa_|glc_|eyJrIjoi)", "[A-Za-z0-9_=+/-]{32,}"),
    // https://docs.sentry.io/account/auth-tokens/
    format("sentry_token", "sntry[suar]_", "[A-Za-z0-9_=+/-]{40,}"),
    // https://docs.dynatrace.com/docs/dynatrace-api/basics/dynatrace-api-authentication
    format("dynatrace", r"dt0[a-z]\d{2}\.", r"[A-Z2-7]{8,24}\.[A-Z2-7]{64}"),
    format("honeycomb", "hc[abx]i[ck]_", "[a-z0-9]{50,}"),
    format("pagerduty", r"(?:u\+|pdus\+_)", "[A-Za-z0-9_+-]{18,}"),
    format("linear", "lin_(?:api|oauth)_", "[A-Za-z0-9]{32,}"),
    format("notion", "(?:ntn_|secret_)", "[A-Za-z0-9]{40,}"),
    format_with("airtable", r"(?-u:\b)pat[A-Za-z0-9]{4}", r"pat[A-Za-z0-9]{14}\.", "[a-f0-9]{64}"),
    format("postman", "PMAK-", "[a-f0-9]{24}-[a-f0-9]{34}"),
    format("doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[A-Za-z0-9_.-]{40,}"),
    format("pulumi", "pul-", "[a-f0-9]{40}"),
    format("one_password", "(?:ops_eyJ|A3-)", "[A-Za-z0-9_+/=-]{30,}"),
    format("okta", "SSWS ", "[A-Za-z0-9_-]{30,}"),
    // https://firebase.google.com/docs/cloud-messaging/auth-server
    format_with("firebase_server", r"(?-u:\b)AAAA", "AAAA[A-Za-z0-9_-]{7}:", "[A-Za-z0-9_-]{140}"),
    // https://github.com/C2SP/C2SP/blob/main/age.md
    format("age", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
];

/// Parts of addresses that let whoever knows them speak: what stands before, and the secret.
const IN_ADDRESSES: &[(&str, &str, &str)] = &[
    ("slack_webhook", r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9/_+-]{8,}"),
    ("feishu_webhook", r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/", r"[A-Za-z0-9-]{8,}"),
    ("feishu_flow", r"(?:feishu\.cn|larksuite\.com)/flow/api/trigger-webhook/", r"[A-Za-z0-9-]{8,}"),
    ("dingtalk_webhook", r"oapi\.dingtalk\.com/robot/send\?access_token=", r"[A-Za-z0-9]{8,}"),
    (
        "wecom_webhook",
        r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/(?:send|upload_media)\?(?:type=\w+&)?key=",
        r"[A-Za-z0-9-]{8,}",
    ),
    ("discord_webhook", r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/", r"[A-Za-z0-9_-]{8,}"),
    ("teams_webhook", r"webhook\.office\.com/webhookb2/", r"[A-Za-z0-9@/-]{8,}"),
    ("telegram_address", r"api\.telegram\.org/(?:file/)?bot", r"[0-9]+:[A-Za-z0-9_-]{8,}"),
    ("bark_or_serverchan", r"(?:sctapi\.ftqq\.com|sc\.ftqq\.com|api\.day\.app)/", r"[A-Za-z0-9]{8,}"),
    ("sentry_dsn", r"https?://", r"[0-9a-f]{32}(?::[0-9a-f]{32})?@"),
    ("pagerduty_integration", r"events\.pagerduty\.com/integration/", r"[0-9a-f]{32}"),
    ("opsgenie_or_splunk", r"alert\.victorops\.com/integrations/generic/\d+/alert/", r"[A-Za-z0-9-]{8,}"),
    ("datadog_address", r"(?i)(?:api|application)_key=", r"[0-9a-f]{32,40}"),
];

/// Secrets that look like any hash, beside the name of who issued them: the name, and the form.
const BESIDE_A_NAME: &[(&str, &str, &str)] = &[
    ("gitee", "gitee", "[0-9a-f]{32}"),
    ("datadog", r"(?:datadog|(?-u:\b)dd[_-](?:api|app|client))", "(?:[0-9a-f]{40}|[0-9a-f]{32})"),
    ("heroku_old", "heroku", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("twilio", "twilio", "[0-9a-f]{32}"),
    ("cloudflare", "cloudflare", "(?:[A-Za-z0-9_-]{40}|[0-9a-f]{37})"),
    ("pagerduty_old", "pagerduty", "(?:[A-Za-z0-9_+-]{20}|[0-9a-f]{32})"),
    ("huawei", "(?:huawei|hwcloud|hw_access)", "(?:[A-Za-z0-9]{40}|[A-Z0-9]{20})"),
    ("feishu_app", "(?:feishu|lark|cli_[0-9a-f]{16})", "[A-Za-z0-9]{32}"),
    ("dingtalk", "dingtalk|钉钉", "[A-Za-z0-9_-]{64}"),
    ("wecom", "(?:wecom|corpid|企业微信)", "[A-Za-z0-9_-]{43}"),
    ("aws_secret", r"(?:(?-i:AKIA|ASIA)[0-9A-Z]{16}|aws)", "[A-Za-z0-9/+]{40}"),
    ("alibaba_secret", "(?-i:LTAI)[A-Za-z0-9]{12,30}", "[A-Za-z0-9]{30}"),
    ("tencent_secret", "(?-i:AKID)[A-Za-z0-9]{28,36}", "[A-Za-z0-9]{32}"),
];

/// Returns the rules for known formats.
pub(super) fn rules() -> Vec<Rule> {
    let word = r"(?-u:\b)";
    let mut rules = vec![
        // RFC 7519 §3.1 and RFC 7516 §3.1: three or five parts in base64url; the first starts with `{"`.
        Rule::new(
            "jwt",
            "token",
            r"(?-u:\b)eyJ",
            r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)?\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        ),
        // https://man7.org/linux/man-pages/man5/crypt.5.html: hashes of passwords can be guessed at.
        Rule::new(
            "password_hash",
            "secret",
            r"\$(?:2[abxy]|[1567y]|argon2|scrypt|pbkdf2)",
            r"\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|[1567y]\$[./A-Za-z0-9$=,]{20,}|(?:argon2(?:id|i|d)|scrypt|pbkdf2)[$A-Za-z0-9=,+/.-]{20,})",
        ),
    ];
    rules.extend(FORMATS.iter().map(|Format { name, begins, goes_on, sign }| {
        let sign = sign.map_or_else(|| format!("{word}{begins}"), str::to_owned);
        let rule = Rule::new(name, "secret", sign, format!("{word}{begins}{goes_on}"));
        match *name {
            "vault_old" | "nuget" | "crates_io" | "scaleway_access_key" | "feishu_token" | "artifactory" => {
                rule.when(is_mixed)
            }
            "model_key" | "notion" | "cloudflare_token" | "pagerduty" => rule.when(has_digit),
            _ => rule,
        }
    }));
    rules.extend(IN_ADDRESSES.iter().map(|(name, before, secret)| {
        let pattern = format!("{before}(?P<v>{secret})");
        Rule::new(
            name,
            "secret",
            if *name == "sentry_dsn" { "://[0-9a-f]{8}".to_owned() } else { (*before).to_owned() },
            pattern,
        )
    }));
    rules.extend(BESIDE_A_NAME.iter().map(|(name, issuer, secret)| {
        // Not over the end of a sentence or a block, and whole words only.
        let pattern = format!(r"(?i)(?:{issuer})[^.;{{}}]{{0,60}}?(?:[^A-Za-z0-9/+_.-]|\b)(?P<v>(?-i:{secret}))(?:[^A-Za-z0-9/+_-]|\z)");
        Rule::new(name, "secret", format!("(?i-u:{issuer})"), pattern).when(is_issued)
    }));
    rules
}

/// Letters of both cases and digits: no word, and no number.
fn is_mixed(found: &Captures<'_>) -> bool {
    shape::Shape::of(&found[0]).kinds() >= 2 && has_digit(found)
}

/// `sk-` and its like also begin names with dashes; a key has digits.
fn has_digit(found: &Captures<'_>) -> bool {
    found[0].bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// Told by the name beside it, so less is asked of it: it is no word, no path, and not what is said to be a hash.
fn is_issued(found: &Captures<'_>) -> bool {
    let Some(secret) = found.name("v") else { return false };
    let before = found.get(0).map_or("", |all| &all.as_str()[..secret.start() - all.start()]);
    let shape = shape::Shape::of(secret.as_str());
    let is_drawn = shape.kinds() == 3 || shape.kinds() == 2 && shape.digits >= 2;
    is_drawn && !shape::names_what_is_public(before)
}
